#!/bin/sh
# Prints how many compilers may run at once here: one per core, and 1.5 GiB of memory for each.
cores=$(nproc 2> /dev/null || echo 1)
kib=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo 2> /dev/null)
by_memory=$(( ${kib:-1572864} / 1572864 ))
[ "$by_memory" -ge 1 ] || by_memory=1
[ "$by_memory" -lt "$cores" ] && cores=$by_memory
echo "$cores"
