#!/bin/sh
# Rows a second of FTRL logistic regression from Criteo TSV through the whole trainer: read, parse,
# hash, deduplicate, look up, update, AUC and logloss over the last rows.
#   bench/logistic_regression.sh [BUILD = build [FILE]]
# Without FILE it makes 1,500,000 rows with `strata data gen`. Reading comes from the page cache.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
strata=${1:-$here/build}/cli/strata
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
file=${2:-}
if [ -z "$file" ]; then
  file=$folder/rows.tsv
  "$strata" data gen "$file" --rows 1500000 --no-report > "$folder/gen.txt" 2>&1
fi
cat "$file" > /dev/null
echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) threads, load average" \
  "$(cut -d' ' -f1 /proc/loadavg); $(wc -l < "$file") rows, $(($(wc -c < "$file") / 1000000)) MB"
for batch in 128 1024 8192; do
  "$strata" train "$here/configs/logistic_regression_criteo.yaml" --set data.train="$file" \
    --set data.eval_fraction=0.01 --set checkpoint.path="$folder/run_$batch" \
    --set train.batch_size=$batch --json > "$folder/out.json" 2> "$folder/log.txt"
  value() { tail -1 "$folder/out.json" | sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
  printf 'batch %5d: %9.0f rows/s   AUC %.4f   logloss %.4f\n' $batch \
    "$(value samples_per_second)" "$(value auc)" "$(value logloss)"
done
