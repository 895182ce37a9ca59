#!/bin/sh
# What the shipped configs learn, as means of three seeds, against the figures they must reach.
#
#   tests/soak/quality.sh CRITEO_FIRST_10000.tsv.gz [STRATA]
#
# The file is the first 10,000 lines of Criteo Kaggle's train.txt (docs/criteo.md says where it
# comes from): 8,000 are trained, the last 2,000 tested, in time order. Adult ships with Strata. The
# last printed result is in quality.txt.
set -eu
cd "$(dirname "$0")/../.."
criteo=$1
strata=${2:-build/cli/strata}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
zcat -f "$criteo" > "$scratch/all.tsv"
if [ "$(wc -l < "$scratch/all.tsv")" != 10000 ]; then
  echo "$criteo has not 10,000 lines" >&2
  exit 65
fi
head -n 8000 "$scratch/all.tsv" > "$scratch/train.tsv"
tail -n 2000 "$scratch/all.tsv" > "$scratch/test.tsv"

# measure CONFIG [OPTION…]: one JSON result a seed.
measure() {
  config=$1
  shift
  for seed in 1 2 3; do
    "$strata" train "configs/$config.yaml" --json --set "train.seed=$seed" \
      --set "checkpoint.path=$scratch/$config-$seed" "$@" 2> "$scratch/log" ||
      { cat "$scratch/log" >&2; exit 1; }
  done > "$scratch/$config.json"
}

measure wide_deep_adult
for config in wide_deep_criteo dlrm_criteo logistic_regression_criteo; do
  measure "$config" --set "data.train=$scratch/train.tsv" --set "data.eval=$scratch/test.tsv" \
    --set data.eval_fraction=0
done

python3 - "$scratch" << 'END'
import json, statistics, sys

BOUNDS = {"wide_deep_adult": (0.918, 0.295), "wide_deep_criteo": (0.737, 0.473),
          "dlrm_criteo": (0.730, 0.481), "logistic_regression_criteo": (0.738, 0.472)}
good = True
print(f"{'config':<28}{'AUC':>8}{'>=':>7}{'logloss':>10}{'<=':>7}{'NE':>8}  AUC of seeds 1, 2, 3")
for config, (auc, logloss) in BOUNDS.items():
    runs = [json.loads(line) for line in open(f"{sys.argv[1]}/{config}.json")]
    assert len(runs) == 3
    mean = {key: statistics.mean(run[key] for run in runs) for key in ("auc", "logloss", "ne")}
    reached = mean["auc"] >= auc and mean["logloss"] <= logloss
    good &= reached
    seeds = " ".join(f"{run['auc']:.4f}" for run in runs)
    print(f"{config:<28}{mean['auc']:8.4f}{auc:7.3f}{mean['logloss']:10.4f}{logloss:7.3f}"
          f"{mean['ne']:8.4f}  {seeds}  {'reached' if reached else 'MISSED'}")
sys.exit(not good)
END
