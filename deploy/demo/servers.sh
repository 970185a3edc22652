# shellcheck shell=bash
# Functions to start and stop a private Postgres cluster, the control plane and an agent.
# Sourced by demo.sh and outage.sh. Everything lives in $work and listens on loopback; what is started is ended
# by its process id.

work=${work:?the script that sources servers.sh makes the folder}
pg_bin=$(pg_config --bindir)
bin=$(realpath -ms "${SALLYPORT_BIN:-.build/release}")
started=()

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() {
  printf '%s\n' "$1" >&2
  [ -n "${2:-}" ] && [ -f "$2" ] && tail -n 20 "$2" >&2
  exit 1
}

[ -x "$bin/sallyport-agent" ] || fail "$bin has no sallyport-agent: run \`make release\` first"

# Below the range that the kernel hands out to outgoing connections: it stays free for a restart.
free_port() {
  python3 - <<'PY'
import random, socket

while True:
    port = random.randrange(15000, 32000)
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
PY
}

# Runs a command as the user that owns the cluster: Postgres refuses to run as root.
as_owner() {
  if [ "$(id -u)" -eq 0 ]; then
    setpriv --reuid="$cluster_owner" --regid="$(id -g "$cluster_owner")" --clear-groups -- "$@"
  else
    "$@"
  fi
}

wait_for() { # what, seconds, log file, command…
  local what=$1 seconds=$2 log=$3
  shift 3
  local deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || fail "$what did not happen within $seconds s" "$log"
    sleep 0.1
  done
}

start_cluster() {
  cluster_owner=$(id -un)
  if [ "$(id -u)" -eq 0 ]; then
    cluster_owner=postgres
    id "$cluster_owner" >/dev/null 2>&1 || cluster_owner=nobody
    chown "$cluster_owner" "$work/cluster"
    chmod 711 "$work"
  fi
  superuser_password=$(openssl rand -hex 16)
  app_password=$(openssl rand -hex 16)
  readonly_password=$(openssl rand -hex 16)
  pg_port=$(free_port)
  (
    cd "$work/cluster" || exit
    printf '%s' "$superuser_password" >password
    [ "$(id -u)" -ne 0 ] || chown "$cluster_owner" password
    as_owner "$pg_bin/initdb" -D data -U postgres --pwfile=password --auth=scram-sha-256 \
      --encoding=UTF8 --locale=C.UTF-8 --no-sync >initdb.log 2>&1 || fail "initdb failed" initdb.log
    rm password
    # TLS for the server leg, with a certificate of its own authority.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
      -subj "/CN=127.0.0.1" -addext "subjectAltName=IP:127.0.0.1,DNS:localhost" \
      -keyout data/server.key -out data/server.crt 2>/dev/null
    chmod 600 data/server.key
    cp data/server.crt "$work/database-ca.pem"
    [ "$(id -u)" -ne 0 ] || chown "$cluster_owner" data/server.key data/server.crt
    cat >>data/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
port = $pg_port
unix_socket_directories = '$work/cluster'
ssl = on
fsync = on
max_connections = 120
CONF
    as_owner "$pg_bin/pg_ctl" -D data -l server.log -w -t 60 start >/dev/null ||
      fail "the cluster did not start" server.log
  )
}

as_superuser() { # database, psql arguments…
  local database=$1
  shift
  PGPASSWORD=$superuser_password psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" \
    -U postgres -d "$database" "$@"
}

make_databases() {
  as_superuser postgres <<SQL
create role app login password '$app_password';
create role readonly login password '$readonly_password';
create role sallyport login password '$app_password';
create database shop;
create database payroll;
create database sallyport owner sallyport;
SQL
  as_superuser shop -f deploy/demo/sample-database.sql
  as_superuser payroll <<'SQL'
create table salaries (employee text primary key, monthly numeric(10, 2) not null);
insert into salaries select 'employee ' || n, 3000 + n * 17 % 2500 from generate_series(1, 40) as n;
grant select on salaries to readonly;
SQL
}

start_control() {
  api_port=$(free_port)
  link_port=$(free_port)
  run_control
}

# Starts the control plane where it was before, or for the first time; its process is ${started[-1]}.
run_control() {
  PGPASSWORD=$app_password "$bin/sallyport-control" serve \
    --database "postgresql://sallyport@127.0.0.1:$pg_port/sallyport" \
    --listen "127.0.0.1:$api_port" --link-listen "127.0.0.1:$link_port" \
    --public-url "https://127.0.0.1:$api_port" --link-address "127.0.0.1:$link_port" \
    --names localhost,127.0.0.1 --organisation demo \
    --key-file "$work/control.key" --bootstrap-token-file "$work/bootstrap-token" \
    >>"$work/control.log" 2>&1 &
  started+=($!)
  wait_for "the control plane's start" 60 "$work/control.log" \
    curl -sfk "https://127.0.0.1:$api_port/readyz"
}

login_as_administrator() {
  export SALLYPORT_CONFIG=$work/cli.json
  local fingerprint
  fingerprint=$(curl -sfk "https://127.0.0.1:$api_port/v1/authority" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["fingerprint"])')
  "$bin/sallyport" login --server "https://127.0.0.1:$api_port" \
    --ca-fingerprint "$fingerprint" --token-file "$work/bootstrap-token"
}

start_agent() {
  agent_port=$(free_port)
  "$bin/sallyport" agents invite --segment demo --address "127.0.0.1:$agent_port" --format json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["joinToken"])' >"$work/join-token"
  "$bin/sallyport-agent" enroll --server "https://127.0.0.1:$api_port" \
    --token-file "$work/join-token" --state "$work/agent"
  rm "$work/join-token"
  "$bin/sallyport-agent" serve --state "$work/agent" --listen "127.0.0.1:$agent_port" \
    >"$work/agent.log" 2>&1 &
  started+=($!)
  wait_for "the agent's first bundle" 30 "$work/agent.log" \
    bash -c "'$bin/sallyport' agents list --format json | grep -q '\"health\" *: *\"ok\"'"
}

# Ends what was started, the last first, and removes the folder. Another Ctrl-C does not disturb it.
stop_everything() {
  trap '' INT TERM HUP
  local index
  for ((index = ${#started[@]} - 1; index >= 0; index--)); do
    kill -TERM "${started[index]}" 2>/dev/null || true
    wait "${started[index]}" 2>/dev/null || true
  done
  started=()
  # Also a cluster whose start was cut short.
  if [ -e "$work/cluster/data/postmaster.pid" ]; then
    (cd "$work/cluster" && as_owner "$pg_bin/pg_ctl" -D data -m fast -w stop >/dev/null) || true
  fi
  rm -rf "$work"
}
