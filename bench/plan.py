#!/usr/bin/env python3
"""What `strata plan` says beside what the run does.

bench/plan.py build/cli/strata > bench/results/plan.txt

Generated Criteo rows, from cold. Miss rates are of the distinct keys of batches that were not in
DRAM, fetched ahead or not; memory is the most that the process has used.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

STRATA = str(pathlib.Path(sys.argv[1]).resolve())
SOURCE = pathlib.Path(__file__).resolve().parents[1]
SMALL = {"model.bottom": "[64, 16]", "model.top": "[64, 1]", "train.batch_size": "2048"}


def strata(command, settings, *more):
    words = [STRATA, command, "configs/dlrm_criteo_synthetic.yaml", "--json", *more]
    for key, value in settings.items():
        words += ["--set", f"{key}={value}"]
    done = subprocess.run(words, cwd=SOURCE, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def beside(planned, measured):
    return f"{planned:>12.4g} {measured:>12.4g} {100 * (planned / measured - 1):+7.1f} %"


def compare(name, settings):
    with tempfile.TemporaryDirectory() as folder:
        settings = {**SMALL, **settings, "checkpoint.path": folder + "/run"}
        if "tables.defaults.tiers.dram" in settings:
            settings["tables.defaults.tiers.ssd.path"] = folder + "/ssd"
            settings["tables.defaults.tiers.ssd.memory"] = "64MiB"
        counted = strata("plan", settings, "--rows", "0")
        part = strata("plan", settings, "--rows", "100000")
        declared = strata("plan", settings, "--declared")
        run = strata("train", settings)
    print(f"\n{name}\n  {'':<34} {'planned':>12} {'measured':>12}")
    plans = {"counted": counted, "100,000 rows counted": part, "declared": declared}
    for basis, plan in plans.items():
        print(f"  {'rows, ' + basis:<34} {beside(plan['rows'], run['table_rows'])}")
        if "dram_hit_rate" in plan:
            keys = run["dram_hits"] + run["dram_misses"]
            missed = (run["dram_misses"] + run["ssd_fetched_ahead"]) / keys
            print(f"  {'misses, ' + basis:<34} {beside(1 - plan['dram_hit_rate'], missed)}")
            written = sum(table["dram"]["evicted"] for table in plan["tables"])
            print(f"  {'rows written, ' + basis:<34} {beside(written, run['ssd_written'])}")
        mib = 2.0**20
        print(f"  {'memory, MiB, ' + basis:<34} "
              f"{beside(plan['memory']['steady'] / mib, run['memory_bytes'] / mib)}", flush=True)


ROWS = {"data.synthetic.rows": "400000"}
compare("DRAM alone, dim 16", ROWS)
compare("DRAM alone, dim 64, Adam", {**ROWS, "tables.defaults.dim": "64",
                                     "model.bottom": "[64, 64]",
                                     "tables.defaults.optimizer": "{name: adam}"})
for policy in ("lru", "lfu", "score"):
    compare(f"32 MiB over an SSD, dim 16, {policy}",
            {**ROWS, "tables.defaults.tiers.dram": "32MiB",
             "tables.defaults.tiers.eviction": policy})
compare("64 MiB over an SSD, dim 64, lru",
        {**ROWS, "tables.defaults.dim": "64", "model.bottom": "[64, 64]",
         "tables.defaults.tiers.dram": "64MiB"})
