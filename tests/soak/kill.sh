#!/bin/sh
# Kills `strata train` by SIGKILL at random times, over and over, until it has finished; what it
# has learnt then equals, bit for bit, the run that nothing happened to.
#
#   tests/soak/kill.sh [LIVES] [STRATA]
#
# A checkpoint is written every 20 steps, so that many kills hit one in the making; TMPDIR says
# where. The last printed result is in kill.txt. Every single durable call, instead of random times:
# STRATA_TEST_EVERY_KILL=1 build/tests/train/fault_test --gtest_filter='Kill.*'
set -eu
cd "$(dirname "$0")/../.."
lives=${1:-200}
strata=${2:-build/cli/strata}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

train() {  # RUN [OPTION…]
  run=$1
  shift
  exec "$strata" train configs/wide_deep_adult.yaml --set "checkpoint.path=$scratch/$run" \
    --set checkpoint.every_steps=20 --set train.epochs=1000 --set "train.max_steps=$steps" "$@"
}

kills=0
finished=0
torn=0
while [ "$kills" -lt "$lives" ]; do
  # Runs of other lengths and seeds, each killed until it ends.
  steps=$((400 + kills * 7 % 200))
  rm -rf "$scratch/killed" "$scratch/whole"
  (train whole > "$scratch/out" 2>&1)
  while :; do
    (train killed --resume auto > "$scratch/out" 2>&1) &
    process=$!
    random=$((100 + $(od -An -N2 -tu2 /dev/urandom) % 1000))  # milliseconds
    sleep "$((random / 1000)).$(printf '%03d' $((random % 1000)))"
    kill -9 "$process" 2> /dev/null || true
    code=0
    wait "$process" 2> /dev/null || code=$?
    [ "$code" = 137 ] || break
    kills=$((kills + 1))
    if ls -d "$scratch"/killed/.tmp-* > /dev/null 2>&1; then torn=$((torn + 1)); fi
  done
  [ "$code" = 0 ] || { cat "$scratch/out"; echo "exit $code after $kills kills"; exit 1; }
  "$strata" diff "$scratch/killed" "$scratch/whole" > "$scratch/out" ||
    { cat "$scratch/out"; echo "differs after $kills kills"; exit 1; }
  "$strata" verify "$scratch/killed" > /dev/null
  finished=$((finished + 1))
done
echo "$kills kills, $torn of them in the middle of a checkpoint"
echo "$finished runs finished, each equal to the uninterrupted one bit for bit"
