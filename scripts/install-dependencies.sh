#!/usr/bin/env bash
# Installs what is missing of the Debian packages that a task needs; does nothing when all are there.
#
#   scripts/install-dependencies.sh build|test|demo|bench
#
# Needs root or sudo only when something is missing. Swift itself is not installed: get 6.3 from
# swift.org.
set -euo pipefail

build=(pkg-config libpq-dev libsqlite3-dev libssl-dev zlib1g-dev)
cluster=(postgresql postgresql-contrib postgresql-client openssl util-linux)
case "${1:-}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${cluster[@]}" python3 python3-psycopg curl procps) ;;
  demo) wanted=("${build[@]}" "${cluster[@]}" python3 python3-psycopg curl) ;;
  bench) wanted=("${build[@]}" "${cluster[@]}" python3 curl haproxy pgbouncer) ;;
  *)
    echo "usage: $0 build|test|demo|bench" >&2
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
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "these packages are missing and need root to install: ${missing[*]}" >&2
    echo "run: apt-get install ${missing[*]}" >&2
    exit 77
  fi
  as_root=(sudo)
fi
# Only the programs are wanted: while packages are installed nothing is started, and no cluster of
# the system's own is made.
quiet=/usr/sbin/policy-rc.d
if [ ! -e "$quiet" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$quiet" >/dev/null
  "${as_root[@]}" chmod 755 "$quiet"
  trap '"${as_root[@]}" rm -f "$quiet"' EXIT
fi
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >&2
}
"${as_root[@]}" apt-get update -qq
if [[ " ${missing[*]} " == *" postgresql "* ]]; then
  install postgresql-common
  no_cluster=/etc/postgresql-common/createcluster.d/sallyport.conf
  "${as_root[@]}" mkdir -p "$(dirname "$no_cluster")"
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_cluster" >/dev/null
fi
install "${missing[@]}"
[ -z "${no_cluster:-}" ] || "${as_root[@]}" rm -f "$no_cluster"
