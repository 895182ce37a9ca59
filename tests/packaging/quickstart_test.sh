#!/bin/bash
# ./quickstart in a fresh clone trains a model and ends with the run's folder and three commands
# that work. Usage: quickstart_test.sh SOURCE_DIR BUILD_DIR. Exit 77 = skipped, reason printed.
set -euo pipefail
source=$1
work=$2/quickstart
[ -e "$source/.git" ] || { echo "skipped: not a git checkout"; exit 77; }
rm -rf "$work"
mkdir -p "$work"
# The files as they are, tracked or about to be: what a clone of the next commit has.
(cd "$source" && git ls-files -co --exclude-standard -z | tar --null -T - -cf - \
  --ignore-failed-read) | tar -xf - -C "$work"
cd "$work"

for script in quickstart run-tests; do
  ./$script --help | grep -q "$script" || { echo "FAILED: $script --help says nothing"; exit 1; }
  [ ! -e build ] || { echo "FAILED: $script --help builds"; exit 1; }
done

began=$SECONDS
./quickstart < /dev/null > out.txt 2> err.txt || { tail -n 30 out.txt err.txt; exit 1; }
echo "quickstart took $((SECONDS - began)) s"
tail -n 6 out.txt
mapfile -t commands < <(sed -n '/^Next:/,$ s/^  //p' out.txt)
[ "${#commands[@]}" = 3 ] || { echo "FAILED: expected three commands"; exit 1; }
run=$(sed -n 's/^The run is in \([^ ]*\) .*/\1/p' out.txt)
for file in CURRENT config.resolved.yaml metrics.jsonl env.json; do
  [ -s "$run/$file" ] || { echo "FAILED: no $run/$file"; exit 1; }
done
# The first two are run as printed; the third trains for minutes, so only its config is checked.
for command in "${commands[0]}" "${commands[1]}" "${commands[2]/ train / config check }"; do
  echo "+ $command"
  $command > out.txt 2> err.txt || { tail -n 10 out.txt err.txt; exit 1; }
done
