#!/bin/bash
# The README's first command on a bare Debian 12 with nothing but git and a shell: the packages it
# needs, the build and the training, from a clean clone, timed. As root; needs debootstrap and a
# Debian mirror. Usage: quickstart_bare_debian.sh [COMMAND]; COMMAND is ./quickstart unless given.
#
# Last printed result (2026-11-21, two cores of a Zen 4 at 3.6 GHz): AUC 0.92126, logloss 0.28765;
# "./quickstart on a bare Debian 12: 301 s on 2 cores"
set -euo pipefail
command=${1:-./quickstart}
source=$(cd "$(dirname "$0")/../.." && pwd)
root=$(mktemp -d /var/tmp/strata-bare-XXXXXX)
trap 'rm -rf "$root"' EXIT

echo "making a bare Debian 12 in $root"
debootstrap --variant=minbase --include=git bookworm "$root" > "$root.log" 2>&1 ||
  { tail -n 3 "$root.log"; exit 1; }
rm -f "$root.log"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
git clone --quiet --no-hardlinks "$source" "$root/strata"

# A mount namespace of its own: nothing stays mounted, whatever ends the command.
began=$SECONDS
unshare --mount --propagation private bash -c '
  mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" &&
  exec chroot "$0" env -i HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c \
    "for tool in g++ cmake ninja python3; do ! command -v \$tool || exit 1; done
     cd /strata && $1"' "$root" "$command" < /dev/null
echo "$command on a bare Debian 12: $((SECONDS - began)) s on $(nproc) cores"
