#!/bin/sh
# Installs what is missing to build (and with `test`: to test) Strata on Debian 12.
#
#   scripts/install_dependencies.sh [build|test] [--check]
#
# Prints the one apt line it runs; uses sudo only when something is missing and the user is not
# root. Without root and sudo, or on another distribution, it changes nothing: it lists what is
# missing and exits 1, or exits 0 when nothing is. --check never installs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
groups=build
check_only=false
for argument in "$@"; do
  case $argument in
    build) groups=build ;;
    test) groups="build test" ;;
    --check) check_only=true ;;
    *) echo "usage: $0 [build|test] [--check]" >&2; exit 2 ;;
  esac
done

say() { printf '%s\n' "$*"; }

# True on the distribution whose package names are in dependencies.txt.
known_distribution() {
  # STRATA_OS_RELEASE lets the tests play another distribution.
  release=${STRATA_OS_RELEASE:-/etc/os-release}
  [ -r "$release" ] || return 1
  # shellcheck disable=SC1090
  [ "$(. "$release" && printf '%s %s' "${ID:-}" "${VERSION_ID:-}")" = "debian 12" ] || return 1
  command -v dpkg-query > /dev/null && command -v apt-get > /dev/null
}

# True when version $1 is at least $2.
at_least() {
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

header_exists() {
  command -v g++ > /dev/null || return 1
  printf '#include <%s>\n' "$1" | g++ -x c++ -std=c++20 -E - > /dev/null 2>&1
}

# True when the thing that a probe of dependencies.txt describes is there.
probe() {
  case $1 in
    gxx:*) command -v g++ > /dev/null && at_least "$(g++ -dumpversion)" "${1#*:}" ;;
    cmake:*) command -v cmake > /dev/null &&
             at_least "$(cmake --version | sed -n 's/^cmake version //p')" "${1#*:}" ;;
    command:*) command -v "${1#*:}" > /dev/null ;;
    header:*) header_exists "${1#*:}" ;;
    python:*) /usr/bin/python3 -c "import ${1#*:}" > /dev/null 2>&1 ;;
    clang-runtime) echo 'int main() {}' |
                   clang++-16 -x c++ -fsanitize=address - -o /dev/null > /dev/null 2>&1 ;;
    none) true ;;
    *) say "dependencies.txt: unknown probe '$1'" >&2; exit 70 ;;
  esac
}

installed_by_dpkg() {
  [ "$(dpkg-query -W -f '${Status}' "$1" 2> /dev/null)" = "install ok installed" ]
}

# Prints the packages that are missing, one a line.
list_missing() {
  while read -r group package test; do
    case " $groups " in *" $group "*) ;; *) continue ;; esac
    if [ "$1" = known ] && installed_by_dpkg "$package"; then continue; fi
    # A tool or library that came another way (a newer CMake, say) serves as well.
    if [ "$1:$test" != known:none ] && probe "$test"; then continue; fi
    say "$package"
  done < "$here/dependencies.txt"
}

if known_distribution; then kind=known; else kind=unknown; fi
missing=$(list_missing $kind | tr '\n' ' ')
missing=${missing% }
if [ -z "$missing" ]; then
  say "dependencies: all present"
  exit 0
fi

line="apt-get update && apt-get install -y --no-install-recommends $missing"
if [ $kind = unknown ]; then
  say "dependencies: this is not Debian 12, so nothing was installed. Missing here, by their"
  say "names in Debian 12: $missing"
  say "Install their counterparts, then run this command again."
  exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
  if [ -t 0 ] && command -v sudo > /dev/null; then
    as_root="sudo "
  elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
    as_root="sudo -n "
  else
    say "dependencies: not root and no sudo, so nothing was installed. Missing: $missing"
    say "Ask an administrator to run:"
    say "  $line"
    exit 1
  fi
fi
if $check_only; then
  say "dependencies missing: $missing"
  say "  $as_root$line"
  exit 1
fi

options="-o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Dpkg::Use-Pty=0"
say "+ ${as_root}apt-get update && ${as_root}apt-get install -y --no-install-recommends $missing"
# A failed update is not the end: the lists on disk may do. The install below decides.
# shellcheck disable=SC2086
${as_root}env DEBIAN_FRONTEND=noninteractive apt-get $options -qq update || true
# shellcheck disable=SC2086
if ! ${as_root}env DEBIAN_FRONTEND=noninteractive apt-get $options -qq install -y \
    --no-install-recommends $missing < /dev/null > "${TMPDIR:-/tmp}/strata-apt.$$" 2>&1; then
  tail -n 20 "${TMPDIR:-/tmp}/strata-apt.$$" >&2
  rm -f "${TMPDIR:-/tmp}/strata-apt.$$"
  say "dependencies: apt could not install them (its last lines are above)." >&2
  say "Is there a network, and does 'apt-get update' reach a mirror? Then run this again." >&2
  exit 1
fi
rm -f "${TMPDIR:-/tmp}/strata-apt.$$"
say "dependencies: installed"
