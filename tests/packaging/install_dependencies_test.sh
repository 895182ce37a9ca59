#!/bin/bash
# scripts/install_dependencies.sh changes nothing where it must not, and says what is missing.
# Usage: install_dependencies_test.sh SOURCE_DIR. Uses a copy with made-up packages and probes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$1/scripts/install_dependencies.sh" "$work/"
mkdir "$work/bin"
printf '#!/bin/sh\necho "apt-get $*" >> "%s/calls"\n' "$work" > "$work/bin/apt-get"
# sudo that asks for a password, which -n forbids, unless FAKE_SUDO is set.
printf '#!/bin/sh\n[ -n "$FAKE_SUDO" ] || exit 1\nshift\necho sudo >> "%s/calls"\nexec "$@"\n' \
  "$work" > "$work/bin/sudo"
# dpkg-query that knows exactly one installed package.
printf '#!/bin/sh\n[ "$4" = have ] && printf "install ok installed"\n' > "$work/bin/dpkg-query"
printf '#!/bin/sh\necho "${FAKE_UID:-1000}"\n' > "$work/bin/id"
chmod +x "$work"/bin/*
printf 'ID=debian\nVERSION_ID="12"\n' > "$work/debian12"
printf 'ID=plan9\n' > "$work/plan9"

# expect NAME WANTED_STATUS WANTED_TEXT WANTED_CALLS dependencies os-release
expect() {
  printf '%s\n' "$5" > "$work/dependencies.txt"
  rm -f "$work/calls"
  local status=0 out
  out=$(PATH="$work/bin:$PATH" STRATA_OS_RELEASE="$work/$6" "$work/install_dependencies.sh" \
    < /dev/null 2>&1) || status=$?
  local calls
  calls=$(grep -c apt-get "$work/calls" 2> /dev/null || true)
  if [ "$status" != "$2" ] || [[ "$out" != *"$3"* ]] || [ "${calls:-0}" != "$4" ]; then
    printf 'FAILED: %s: status %s, apt calls %s, output:\n%s\n' "$1" "$status" "$calls" "$out"
    exit 1
  fi
}

have='build have command:no-such-tool'
lack='build lack header:no/such/header.h'
found='build lack command:sh'
other='test lack header:no/such/header.h'
expect "all installed" 0 "all present" 0 "$have" debian12
expect "there, though not by dpkg" 0 "all present" 0 "$found" debian12
expect "another group is not asked for" 0 "all present" 0 "$have
$other" debian12
expect "no root, no sudo" 1 "not root and no sudo" 0 "$have
$lack" debian12
expect "no root: prints the one line" 1 "--no-install-recommends lack" 0 "$lack" debian12
expect "unknown, missing" 1 "not Debian 12" 0 "$lack" plan9
expect "unknown, all there" 0 "all present" 0 "$found" plan9
export FAKE_SUDO=yes
expect "sudo, in the line that is printed" 0 "+ sudo -n apt-get update && sudo -n apt-get" 2 \
  "$lack" debian12
expect "sudo is left alone when nothing is missing" 0 "all present" 0 "$have" debian12
[ ! -e "$work/calls" ] || { echo "FAILED: sudo was called though nothing is missing"; exit 1; }
export FAKE_UID=0
expect "root installs in one line" 0 "+ apt-get update && apt-get install -y" 2 "$lack" debian12
printf '#!/bin/sh\n[ "$FAKE_UID" = 0 ] && echo "E: no network" && exit 100\n' > "$work/bin/apt-get"
expect "apt fails" 1 "E: no network" 0 "$lack" debian12
echo "install_dependencies: 11 cases"
