#!/usr/bin/env bash
# The control plane away for a while under load, then back: does every record arrive once, in order?
#
#   deploy/demo/outage.sh [MINUTES] [INSERTS PER SECOND]      60 minutes of 50 a second
#
# Runs on servers of its own, counts in both databases, ends 0 when nothing is missing or doubled.
# A token lasts 15 minutes at most and nobody can get a new one while the control plane is away:
# after 13 minutes the inserts end, and once a second somebody is refused with the old token.
set -euo pipefail
cd "$(dirname "$0")/../.."

minutes=${1:-60}
rate=${2:-50}
load_seconds=$((minutes * 60 < 780 ? minutes * 60 : 780))

work=$(mktemp -d "${TMPDIR:-/tmp}/sallyport-outage.XXXXXX")
mkdir "$work/cluster"
# shellcheck source=deploy/demo/servers.sh
source deploy/demo/servers.sh
trap stop_everything EXIT
trap 'exit 130' INT TERM

clock() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
in_shop() { as_superuser shop -At -c "$1"; }
in_trail() { as_superuser sallyport -At -c "$1"; }

start_cluster
make_databases
in_shop "create table marks (n bigint); grant insert on marks to app"
start_control
login_as_administrator
start_agent
printf '%s\n' "$app_password" | "$bin/sallyport" connections add shop-app --segment demo \
  --host 127.0.0.1 --port "$pg_port" --database shop --tls verify-full \
  --ca-file "$work/database-ca.pem" --role app --password-stdin >/dev/null
"$bin/sallyport" grants add --principal bob@example.com --connection shop-app --role app >/dev/null
token=$("$bin/sallyport" tokens issue --subject bob@example.com --groups developers \
  --connection shop-app --ttl 15m)
(umask 077 && printf '*:*:*:*:%s\n' "$token" >"$work/bob")
"$bin/sallyport" authority >"$work/agent-ca.pem"
as_bob() {
  PGPASSFILE=$work/bob PGSSLMODE=verify-full PGSSLROOTCERT=$work/agent-ca.pem \
    PGHOST=127.0.0.1 PGPORT=$agent_port PGUSER=bob@example.com PGDATABASE=shop-app "$@"
}
wait_for "a first login" 10 "$work/agent.log" as_bob psql -X -c "insert into marks values (0)"

clock "load begins: $rate inserts a second from 4 clients"
cat >"$work/marks.sql" <<'SQL'
\set n random(1, 1000000000000)
insert into marks values (:n);
SQL
as_bob pgbench -n -c 4 -R "$rate" -T "$load_seconds" -f "$work/marks.sql" \
  >"$work/pgbench.log" 2>&1 &
load=$!
sleep 15

control=${started[0]}
kill -TERM "$control"
wait "$control" || true
before=$(in_shop "select count(*) from marks")
clock "the control plane is down; $before inserts so far"
gone=$SECONDS
wait "$load" || fail "pgbench failed" "$work/pgbench.log"
inserts=$(in_shop "select count(*) from marks")
clock "load ended: $inserts inserts, $(in_trail "select count(*) from sallyport.record") records stored"
refused=0
while ((SECONDS - gone < minutes * 60)); do
  sleep 1
  as_bob psql -X -c "select 1" >/dev/null 2>"$work/refusal" || refused=$((refused + 1))
done
clock "$refused logins failed"
cat "$work/refusal" 2>/dev/null || true

returned=$SECONDS
run_control
clock "the control plane is back"
count() {
  begins=$(in_trail "select count(*) from sallyport.statement s join sallyport.statement_text t
    using (digest) where t.text like 'insert into marks%' and s.outcome = 'completed'")
  refusals=$(in_trail "select count(*) from sallyport.record where kind = 'refusal'")
}
until count && [ "$begins" -ge "$inserts" ] && [ "$refusals" -ge "$refused" ]; do
  ((SECONDS - returned < 300)) || break
  sleep 0.5
done
clock "the last of them was stored $((SECONDS - returned)) s after the return"
# What comes twice would come now.
sleep 5
count

doubled=$(in_trail "select count(*) from (select session, statement from sallyport.record
  where kind = 'statement.begin' group by session, statement having count(*) > 1) d")
gaps=$(in_trail "select count(*) from (select 1 from sallyport.record group by agent, epoch, lane
  having count(*) <> max(seq) + 1 or min(seq) <> 0) g")
back=$(in_trail "select count(*) from (select received_at < lag(received_at) over
  (partition by agent, epoch, lane order by seq) as back from sallyport.record) s where back")
grep -E 'processed|failed' "$work/pgbench.log"
printf 'inserts executed %s, recorded %s; refused logins %s, recorded %s\n' \
  "$inserts" "$begins" "$refused" "$refusals"
printf 'doubled %s, logs with gaps %s, out of order %s\n' "$doubled" "$gaps" "$back"
[ "$inserts" = "$begins" ] && [ "$doubled$gaps$back" = 000 ] && [ "$refused" -le "$refusals" ]
