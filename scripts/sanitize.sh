#!/bin/sh
# Builds one sanitizer tree and runs its tests:  scripts/sanitize.sh asan|tsan [ctest arguments]
# asan: AddressSanitizer, UndefinedBehaviorSanitizer and the fuzz targets (clang); tsan: threads.
set -eu
cd "$(dirname "$0")/.."
tree=${1:-}
case $tree in
  asan | tsan) shift ;;
  *) echo "usage: $0 asan|tsan [ctest arguments]" >&2; exit 2 ;;
esac
cmake --preset "$tree" > /dev/null
cmake --build --preset "$tree" -j "$(scripts/jobs.sh)"
ctest --test-dir "build-$tree" -j "$(nproc)" --output-on-failure "$@"
