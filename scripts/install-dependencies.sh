#!/usr/bin/env bash
# Installs what is missing of the Debian packages that a task needs; does nothing when all are there.
#
#   scripts/install-dependencies.sh build|test|compat|fuzz|demo|bench
#
# Needs root or sudo only when something is missing. Nothing is started, and no service that comes
# with a package starts at boot. Swift itself is not installed: get 6.3 from swift.org.
set -euo pipefail

# The first four are what Swift's own programs and its linker run need on a bare Debian.
build=(ca-certificates g++ git libncurses6 pkg-config libpg-query-dev libpq-dev libsqlite3-dev
  libssl-dev postgresql-server-dev-15 zlib1g-dev)
cluster=(postgresql postgresql-contrib postgresql-client openssl util-linux)
case "${1:-}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${cluster[@]}" python3 python3-psycopg curl procps) ;;
  compat)
    wanted=("${build[@]}" "${cluster[@]}" python3 python3-venv curl default-jdk-headless
      libpostgresql-jdbc-java)
    ;;
  fuzz) wanted=("${build[@]}" "${cluster[@]}" python3 curl) ;;
  demo) wanted=("${build[@]}" "${cluster[@]}" python3 python3-psycopg curl) ;;
  bench) wanted=("${build[@]}" "${cluster[@]}" python3 curl haproxy pgbouncer) ;;
  *)
    echo "usage: $0 build|test|compat|fuzz|demo|bench" >&2
    exit 64
    ;;
esac

if ! command -v swift >/dev/null; then
  echo "swift is not on the PATH. Install Swift 6.3 from https://www.swift.org/install/linux/" >&2
  exit 69
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}" >&2
if ! command -v apt-get >/dev/null; then
  echo "there is no apt-get: install what your system calls these Debian packages" >&2
  exit 69
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
  if ! command -v sudo >/dev/null || ! sudo true; then
    echo "cannot install them: this user is not root and cannot use sudo" >&2
    echo "run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 77
  fi
fi

# Only the programs are wanted: while packages are installed nothing is started, and no cluster of
# the system's own is made. Both settings are taken back at the end.
no_start=/usr/sbin/policy-rc.d
no_cluster=/etc/postgresql-common/createcluster.d/sallyport.conf
written=()
write_setting() { # file, text
  written+=("$1")
  printf '%s\n' "$2" | "${as_root[@]}" tee "$1" >/dev/null
}
take_back_settings() {
  [ ${#written[@]} -eq 0 ] || "${as_root[@]}" rm -f "${written[@]}"
}
trap take_back_settings EXIT

install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >&2
}
is_missing() { [[ " ${missing[*]} " == *" $1 "* ]]; }

if [ ! -e "$no_start" ]; then
  write_setting "$no_start" $'#!/bin/sh\nexit 101'
  "${as_root[@]}" chmod 755 "$no_start"
fi
"${as_root[@]}" apt-get update -qq -o DPkg::Lock::Timeout=300
if is_missing postgresql; then
  install postgresql-common
  "${as_root[@]}" mkdir -p "$(dirname "$no_cluster")"
  write_setting "$no_cluster" 'create_main_cluster = false'
fi
install "${missing[@]}"
for service in haproxy pgbouncer; do
  if is_missing "$service"; then "${as_root[@]}" update-rc.d "$service" disable; fi
done
echo "installed: ${missing[*]}" >&2
