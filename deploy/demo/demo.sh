#!/usr/bin/env bash
# Sallyport from nothing to the first audit table, on servers of its own.
#
#   deploy/demo/demo.sh          run the clients, print the audit table, stop everything
#   deploy/demo/demo.sh --stay   leave the servers running until Ctrl-C and print what to type
set -euo pipefail
cd "$(dirname "$0")/../.."

stay=
case "${1:-}" in
  "") ;;
  --stay) stay=yes ;;
  *)
    echo "usage: $0 [--stay]" >&2
    exit 64
    ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/sallyport-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/cluster"
# shellcheck source=deploy/demo/servers.sh
source deploy/demo/servers.sh
trap stop_everything EXIT
trap 'say "Stopping; open sessions have ten seconds to end" || true; exit 130' INT TERM HUP

say "A private Postgres cluster with a shop of 11,700 rows"
start_cluster
make_databases
echo "listening on 127.0.0.1:$pg_port (TLS, scram-sha-256)"

say "The control plane, an administrator, an agent"
start_control
login_as_administrator
start_agent
"$bin/sallyport" agents list

say "Two connections, their roles sealed to the agent; who may enter"
add_connection() { # name, database, role, password
  printf '%s\n' "$4" | "$bin/sallyport" connections add "$1" --segment demo --host 127.0.0.1 \
    --port "$pg_port" --database "$2" --tls verify-full --ca-file "$work/database-ca.pem" \
    --role "$3" --password-stdin
}
add_connection shop-read shop readonly "$readonly_password"
add_connection shop-app shop app "$app_password"
add_connection payroll payroll readonly "$readonly_password"
"$bin/sallyport" grants add --group analysts --connection shop-read --role readonly
"$bin/sallyport" grants add --principal bob@example.com --connection shop-app --role app
"$bin/sallyport" connections test shop-read

say "Tokens of 15 minutes for two people"
token_for() { # subject, groups, connection
  "$bin/sallyport" tokens issue --subject "$1" --groups "$2" --connection "$3" --ttl 15m
}
password_file() { # file, token: only client libraries read it, so no argument carries the token
  (umask 077 && printf '*:*:*:*:%s\n' "$2" >"$1")
}
password_file "$work/alice" "$(token_for alice@example.com analysts shop-read)"
password_file "$work/bob" "$(token_for bob@example.com developers shop-app)"
password_file "$work/bob-payroll" "$(token_for bob@example.com developers payroll)"
# The clients check that it is the agent they talk to.
"$bin/sallyport" authority >"$work/agent-ca.pem"
export PGHOST=127.0.0.1 PGPORT=$agent_port PGSSLMODE=verify-full PGSSLROOTCERT=$work/agent-ca.pem

if [ -n "$stay" ]; then
  say "Running. In another terminal:"
  cat <<TEXT
  export PATH=$bin:\$PATH SALLYPORT_CONFIG=$work/cli.json
  sallyport connect shop-read --subject alice@example.com --groups analysts
  sallyport connect shop-app --subject bob@example.com
  sallyport audit query --follow

Ctrl-C here stops the servers and removes $work.
TEXT
  wait -n "${started[@]}" || true
  tail -n 20 "$work/control.log" "$work/agent.log" >&2
  fail "the control plane or the agent ended by itself; above is what they said last"
fi

say "alice@example.com, psql"
PGPASSFILE=$work/alice PGUSER=alice@example.com psql -X -d shop-read -c \
  "select status, count(*) from orders group by status order by status"
if PGPASSFILE=$work/alice PGUSER=alice@example.com psql -X -d shop-read -c \
  "delete from orders where status = 'returned'"; then
  fail "alice deleted orders under a role that may only read"
fi

say "bob@example.com, psycopg and pgbench"
PGPASSFILE=$work/bob PGUSER=bob@example.com PGDATABASE=shop-app \
  /usr/bin/python3 deploy/demo/queries.py
PGPASSFILE=$work/bob PGUSER=bob@example.com pgbench --no-vacuum --client 2 --transactions 3 \
  --protocol prepared --file deploy/demo/point-query.sql shop-app 2>&1 | grep -E 'processed|latency average'

say "bob@example.com has no grant for payroll"
if PGPASSFILE=$work/bob-payroll PGUSER=bob@example.com psql -X -d payroll -c \
  "select * from salaries"; then
  fail "bob was let in without a grant"
fi

say "Who did what"
# The end records of the last statements arrive within the shipping interval.
wait_for "the last record's arrival" 15 "$work/agent.log" bash -c \
  "'$bin/sallyport' audit query --outcome refused --format jsonl | grep -q payroll"
"$bin/sallyport" sessions list
echo
"$bin/sallyport" audit query --limit 40
