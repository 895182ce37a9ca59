#!/bin/sh
# Does DLRM learn what can be learnt? On 2 million generated rows (datasets/generator.yaml) it must
# close at least 85 % of the gap from logistic regression to the learnable optimum, and at least
# what its PyTorch twin closes on the same file, less one point; in logloss and in AUC.
#
#   tests/soak/generator_dlrm.sh STRATA [FOLDER]
#
# STRATA: the program. FOLDER: for files of 0.5 GB; default: a temporary one, removed afterwards.
# PYTHON: an interpreter with torch and numpy (default python3); without them the twin is left out
# and the exit code is 77. SEEDS: seeds of training (default 1). About 2 minutes a seed on two
# cores, and some more for the twin. Last result: tests/soak/generator_dlrm.txt.
set -eu

strata=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
configs=$here/../../configs
python=${PYTHON:-python3}
if [ $# -gt 1 ]; then
  folder=$2
  mkdir -p "$folder"
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi

train() {
  "$strata" train "$configs/$1.yaml" --overwrite --json --set data.format=criteo_tsv \
    --set "data.train=$folder/rows.tsv" --set "train.seed=$2" --set "checkpoint.path=$folder/run" \
    | tail -n 1 > "$folder/$1.$2.json"
}

"$strata" data gen "$folder/rows.tsv" --json > "$folder/generator.json"
for seed in ${SEEDS:-1}; do
  train logistic_regression_criteo_synthetic "$seed"
  train dlrm_criteo_synthetic "$seed"
  if "$python" -c 'import numpy, torch' 2> /dev/null; then
    "$python" "$here/generator_twin.py" "$folder/rows.tsv" --seed "$seed" \
      > "$folder/twin.$seed.json"
  fi
done
"$python" "$here/generator_gap.py" "$folder" ${SEEDS:-1}
