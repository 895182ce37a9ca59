#!/usr/bin/env python3
"""Training over an SSD beside training in DRAM, and steps while checkpoints are written.

bench/tiers.py build/cli/strata > bench/results/tiers.txt

DLRM with the MLPs of the Kaggle recipe, batch 8,192, generated Criteo rows, from cold. The budget
is a tenth of what the tables take in DRAM, apart from what RocksDB keeps (64 MiB). Files lie on
the disk of the working directory. Step times are those between two lines of metrics.jsonl.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

STRATA = str(pathlib.Path(sys.argv[1]).resolve())
SOURCE = pathlib.Path(__file__).resolve().parents[1]
USUAL = {
    "data.synthetic.rows": "1000000",
    "data.eval_fraction": "0",
    "model.bottom": "[512, 256, 64, 16]",
    "model.top": "[512, 256, 1]",
    "tables.defaults.dim": "16",
    "tables.defaults.optimizer": "{name: rowwise_adagrad}",
    "train.batch_size": "8192",
    "train.log_every": "1",
    "checkpoint.every": "null",
}


def train(folder, settings):
    """The run's result, and its log of metrics."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    words = [STRATA, "train", "configs/dlrm_criteo_synthetic.yaml", "--json"]
    for key, value in {**USUAL, "checkpoint.path": str(folder / "run"), **settings}.items():
        words += ["--set", f"{key}={value}"]
    done = subprocess.run(words, cwd=SOURCE, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    return json.loads(done.stdout.splitlines()[-1]), [json.loads(line) for line in lines]


def step_times(events):
    """Milliseconds from each step to the next, ascending."""
    at = [event["seconds"] for event in events if event["event"] == "train"]
    return sorted(1000 * (b - a) for a, b in zip(at[5:], at[6:]))


def describe(name, result, events, of=None):
    times = step_times(events)
    rate = result["samples_per_second"]
    share = f", {100 * rate / of:.0f} % of DRAM" if of else ""
    middle = times[len(times) // 2]
    print(f"{name}: {rate / 1000:.1f} k samples/s{share}; step p50 {middle:.0f} ms, "
          f"p99 {times[len(times) * 99 // 100]:.0f} ms")
    if "dram_hits" in result:
        keys = result["dram_hits"] + result["dram_misses"]
        print(f"  of {keys / 1e6:.1f} M keys {100 * result['dram_hits'] / keys:.1f} % in DRAM when "
              f"needed, {result['ssd_fetched_ahead'] / 1e6:.2f} M fetched ahead, "
              f"{result['ssd_fetched'] / 1e6:.2f} M by their own batch")
    saves = [event for event in events if event["event"] == "ckpt"]
    for save in saves[:-1]:
        print(f"  checkpoint of {save['rows']:,} rows in {save['save_seconds']:.1f} s beside "
              f"training, {save['copied_bytes'] / 2**20:.0f} MiB copied, training waited "
              f"{save['waits']} times")
    sys.stdout.flush()
    return rate


with tempfile.TemporaryDirectory(dir=".") as name:
    folder = pathlib.Path(name).resolve()
    over_ssd = {
        "tables.defaults.tiers.ssd.path": str(folder / "ssd"),
        "tables.defaults.tiers.ssd.memory": "64MiB",
        "tables.defaults.tiers.dram": "14000000",  # 1.5 M rows of some 100 bytes
    }
    dram = describe("in DRAM", *train(folder, {}))
    describe("over an SSD", *train(folder, over_ssd), dram)
    saving = {"checkpoint.every_steps": "40"}
    describe("in DRAM, a checkpoint every 40 steps", *train(folder, saving), dram)
    saving["checkpoint.full_every"] = "100"
    describe("the same, incremental", *train(folder, saving), dram)
