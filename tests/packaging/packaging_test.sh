#!/bin/bash
# The packages of cpack work where they are meant to.
#
#   packaging_test.sh BUILD_DIR host        makes both packages; trains from the unpacked tarball
#                                           on this machine, in an empty folder and environment
#   packaging_test.sh BUILD_DIR bare_root   trains from the tarball, then from the .deb, in a bare
#                                           Debian root without a compiler (debootstrap, as root)
# Exit 77 = skipped, with the reason printed. The bare root is kept in BUILD_DIR/packaging.
set -euo pipefail
build=$(cd "$1" && pwd)
work=$build/packaging
mkdir -p "$work"

fail() { echo "FAILED: $*"; exit 1; }
skip() { echo "skipped: $*"; exit 77; }

# Trains one epoch of the shipped example with the program $1, from the empty folder $2, under
# the command prefix in the remaining arguments; checks that it ends in a result and a checkpoint.
train() {
  local program=$1 folder=$2
  shift 2
  "$@" "$program" train configs/wide_deep_adult.yaml --json --set train.epochs=1 \
    --set "checkpoint.path=$folder/run" 2> "$work/train.log" > "$work/train.out" ||
    { local status=$?; tail -n 20 "$work/train.log"; fail "$program train: exit $status"; }
  tail -n 1 "$work/train.out"
  tail -n 1 "$work/train.out" | grep -q '"auc":0\.[89]' || fail "no AUC in the result"
}

unpack() {
  rm -rf "$1"
  mkdir -p "$1"
  tar -xzf "$build"/packages/strata-*.tar.gz -C "$1" --strip-components=1
}

host() {
  (cd "$build" && rm -rf packages && cpack > "$work/cpack.log" 2>&1) ||
    { tail -n 30 "$work/cpack.log"; fail cpack; }
  ls -l "$build"/packages/*.deb "$build"/packages/*.tar.gz
  unpack "$work/host"
  # Everything but glibc comes from the tarball.
  env -i ldd "$work/host/bin/strata" > "$work/ldd.txt"
  local glibc='linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|mvec|resolv)\.so'
  if grep -v -E "$work/host/(bin/../)?lib/|$glibc" "$work/ldd.txt"; then
    fail "the libraries above are not in the tarball"
  fi
  for licence in LICENSE NOTICE THIRD_PARTY.md; do
    [ -f "$work/host/share/doc/strata/$licence" ] || fail "$licence is not in the tarball"
  done
  rm -rf "$work/empty" && mkdir "$work/empty" && cd "$work/empty"
  env -i "$work/host/bin/strata" --version
  train "$work/host/bin/strata" "$work/empty" env -i PATH=/usr/bin:/bin
  [ -s "$work/empty/run/CURRENT" ] || fail "no checkpoint"
}

# A mirror this machine already uses, so that the test works behind any proxy or copy of Debian.
mirror() {
  { sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources
    sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list; } 2> /dev/null |
    head -n 1 || true
}

# $work/root: Debian 12 without a compiler, made once. It is moved into place when complete.
make_root() {
  [ -d "$work/root" ] && return
  local from
  from=$(mirror)
  rm -rf "$work/root.partial"
  debootstrap --variant=minbase bookworm "$work/root.partial" ${from:+"$from"} \
    > "$work/debootstrap.log" 2>&1 ||
    { tail -n 3 "$work/debootstrap.log"; skip "debootstrap failed: is a mirror reachable?"; }
  mv "$work/root.partial" "$work/root"
}

# Runs the rest of this script inside the root, in a mount namespace of its own.
in_root() {
  local root=$1
  shift
  unshare --mount --propagation private bash -c '
    mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' \
    "$root" "$@"
}

bare_root() {
  [ "$(id -u)" = 0 ] || skip "not root (chroot and debootstrap need it)"
  command -v debootstrap > /dev/null || skip "debootstrap is not installed"
  unshare --mount true 2> /dev/null || skip "no mount namespaces here"
  make_root
  local copy=$work/used_root
  rm -rf "$copy"
  cp -a "$work/root" "$copy"
  for compiler in cc gcc g++ clang cmake; do
    in_root "$copy" sh -c "command -v $compiler" && fail "the bare root has $compiler"
  done
  unpack "$copy/opt/strata"
  train /opt/strata/bin/strata /tmp/tarball in_root "$copy" env -i PATH=/usr/bin:/bin
  [ -s "$copy/tmp/tarball/run/CURRENT" ] || fail "no checkpoint"

  rm -rf "$copy/opt/strata"
  cp "$build"/packages/*.deb "$copy/strata.deb"
  cp /etc/resolv.conf "$copy/etc/resolv.conf" 2> /dev/null || true
  cp /etc/hosts "$copy/etc/hosts" 2> /dev/null || true
  if in_root "$copy" sh -c 'apt-get -qq update && apt-get -qq install -y --no-install-recommends \
      ./strata.deb' > "$work/apt.log" 2>&1 < /dev/null; then
    train strata /tmp/deb in_root "$copy" env -i PATH=/usr/bin:/bin
  else
    grep -q -E 'Unable to (fetch|locate)|Failed to fetch|Could not resolve' "$work/apt.log" ||
      { tail -n 20 "$work/apt.log"; fail "the .deb does not install"; }
    echo "not tried: the .deb (its dependencies could not be fetched)"
  fi
  rm -rf "$copy"
}

case ${2:-} in
  host | bare_root) "$2" ;;
  *) echo "usage: $0 BUILD_DIR host|bare_root" >&2; exit 2 ;;
esac
