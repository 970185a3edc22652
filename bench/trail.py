"""Fills a control plane's database with a trail and times the questions people ask of it.

    python3 bench/trail.py load  --url URL --statements 10000000
    python3 bench/trail.py ask   --sallyport .build/release/sallyport

`load` writes rows of a month into the tables of a database that `sallyport-control migrate` has made:
a begin and an end record for each statement, sessions, and texts with a few common forms, many rare ones
and one-off texts with literals. It is for a scratch database: the records are no real ones, and their
logs have no checkpoints. `ask` runs the command line against a running control plane.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import time

# People, connections and texts are drawn with a skew: a few have most of the statements.
SETUP = """
SET synchronous_commit = off; SET maintenance_work_mem = '1GB'; SET work_mem = '256MB';
SET client_min_messages = warning;
SELECT setseed(0.42);

-- Partitions of the days.
SELECT count(sallyport.make_partition(d::date))
FROM generate_series(now() - interval '{days} days', now(), interval '1 day') d;

-- Indexes are made after the rows; the statements that make them wait in a table.
CREATE TABLE trail_index AS
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'sallyport'
  AND tablename IN ('statement', 'record') AND indexname NOT LIKE '%pkey';
SELECT format('DROP INDEX sallyport.%I', indexname) FROM trail_index \\gexec

CREATE UNLOGGED TABLE IF NOT EXISTS trail_text AS
SELECT n, sha256(convert_to(text, 'UTF8')) AS digest, text, command, effect, tables FROM (
  SELECT n, CASE
      WHEN n = 7 THEN 'DELETE FROM orders WHERE id = $1'
      WHEN n <= {texts} THEN CASE n % 10
        WHEN 0 THEN format('UPDATE app.table_%s SET state_%s = $1 WHERE id = $2', n % 400, n)
        WHEN 1 THEN format('INSERT INTO app.table_%s (a_%s) VALUES ($1)', n % 400, n)
        WHEN 2 THEN format('DELETE FROM app.table_%s WHERE key_%s = $1', n % 400, n)
        ELSE format('SELECT id, col_%s FROM app.table_%s WHERE id = $1 ORDER BY col_%s', n, n % 400, n)
        END
      ELSE format('SELECT * FROM customers WHERE email = ''customer%s@example.com'' AND note <> ''%s''',
        n, md5(n::text))
    END AS text,
    CASE WHEN n = 7 THEN 'DELETE' WHEN n > {texts} THEN 'SELECT' ELSE
      (ARRAY['UPDATE','INSERT','DELETE'])[n % 10 + 1] END AS command,
    CASE WHEN n = 7 OR n <= {texts} AND n % 10 < 3 THEN 'write' ELSE 'read' END AS effect,
    ARRAY[CASE WHEN n = 7 THEN 'orders' WHEN n > {texts} THEN 'customers'
      ELSE format('app.table_%s', n % 400) END] AS tables
  FROM generate_series(1, {texts} + {oneoffs}) n
) t;
UPDATE trail_text SET command = 'SELECT' WHERE command IS NULL;
CREATE INDEX IF NOT EXISTS trail_text_n ON trail_text (n);
ANALYZE trail_text;

INSERT INTO sallyport.statement_text (digest, text, first_seen_at, analysis)
SELECT digest, text, now() - interval '{days} days', 0 FROM trail_text ON CONFLICT DO NOTHING;

INSERT INTO sallyport.segment (name) VALUES ('prod'), ('edge') ON CONFLICT DO NOTHING;
INSERT INTO sallyport.agent (id, segment, hostname, client_address, names, version, audit_key,
  sealing_key, certificate_fingerprint, certificate_expires_at, enrolled_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(a), 12, '0'))::uuid,
  CASE WHEN a = {agents} THEN 'edge' ELSE 'prod' END, 'agent' || a, 'gw:5432', '{{}}', '0.1', '', '',
  'sha256:00', now() + interval '1 day', now()
FROM generate_series(1, {agents}) a ON CONFLICT DO NOTHING;

-- Each session has a hundred statements, one after the other.
CREATE UNLOGGED TABLE IF NOT EXISTS trail_session AS
SELECT *, 200 * (row_number() OVER (PARTITION BY agent, n % 4 ORDER BY n) - 1) AS seq FROM (
SELECT n, ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
  ('00000000-0000-7000-8000-' || lpad(to_hex(1 + least(floor({agents} * power(random(), 3))::int,
    {agents} - 1)), 12, '0'))::uuid AS agent,
  now() - interval '{days} days' + interval '{days} days' * (n::float8 / {sessions}) AS opened_at,
  1 + floor({people} * power(random(), 3))::int AS person,
  1 + floor({connections} * power(random(), 3))::int AS connection,
  n % 20 = 0 AS delegated
FROM generate_series(1, {sessions}) n) drawn;
CREATE INDEX IF NOT EXISTS trail_session_n ON trail_session (n);
ANALYZE trail_session;

INSERT INTO sallyport.session (agent, epoch, lane, id, seq, opened_at, closed_at, close_reason,
  statements, principal, principal_kind, issuer, groups, actors, token_id, connection, database,
  database_role, segment, client_address, client_tls, server_address, server_tls, application_name,
  access_grant, bundle_version)
SELECT agent, 1, n % 4, id, seq, opened_at, opened_at + interval '1 minute',
  'client_terminated', 100, format('person%s@example.com', person), 'user', 'idp', '{{staff}}',
  CASE WHEN delegated THEN jsonb_build_array(
      jsonb_build_object('subject', 'bot' || n % 40, 'kind', 'service', 'verified', true),
      jsonb_build_object('subject', format('person%s@example.com', person), 'kind', 'user',
        'verified', true))
    ELSE jsonb_build_array(jsonb_build_object('subject', format('person%s@example.com', person),
      'kind', 'user', 'verified', true)) END,
  'token-' || n, 'connection' || connection, 'db' || connection, 'app', 'prod', '10.0.0.9:4242',
  'TLSv1.3', 'db:5432', 'TLSv1.3', 'psql', 'grant' || person % 100, 3
FROM trail_session ON CONFLICT DO NOTHING;
"""

# A slice of sessions at a time, so that progress shows and no transaction is endless.
SLICE = """
SET synchronous_commit = off;
WITH drawn AS (
  SELECT s.*, k, s.opened_at + k * interval '0.5 seconds' AS at,
    CASE WHEN random() < {oneoff_share} THEN {texts} + 1 + floor(random() * {oneoffs})::int
      ELSE 1 + floor({texts} * power(random(), 4))::int END AS text, random() AS luck
  FROM trail_session s, generate_series(1, 100) k WHERE s.n > {first} AND s.n <= {last}
), rows AS MATERIALIZED (
  SELECT d.*, t.digest, t.command FROM drawn d JOIN trail_text t ON t.n = d.text
), recorded AS (
  INSERT INTO sallyport.record (agent, epoch, lane, seq, received_at, at, kind, session, statement,
    bytes)
  SELECT agent, 1, n % 4, seq + k * 2 - 2 + part, at + interval '0.2 seconds', at,
    CASE part WHEN 0 THEN 'statement.begin' ELSE 'statement.end' END, id, k,
    CASE part WHEN 0 THEN digest || digest || sha256(digest) ELSE digest || sha256(digest) END
  FROM rows, generate_series(0, 1) part
)
INSERT INTO sallyport.statement (agent, epoch, lane, seq, end_seq, position, ordinal, received_at,
  kind, at, ended_at, session, statement, principal, principal_kind, connection, digest, parameters,
  protocol, transaction_status, rule, bundle_version, outcome, reason, sqlstate, message,
  command_tag, rows, result_bytes, server_nanoseconds, total_nanoseconds)
SELECT agent, 1, n % 4, seq + k * 2 - 2, seq + k * 2 - 1, n + 10, k,
  at + interval '0.2 seconds', CASE WHEN luck < 0.002 THEN 'refusal' ELSE 'statement' END, at,
  at + interval '0.1 seconds', id, k, format('person%s@example.com', person), 'user',
  'connection' || connection, digest, '[{{"typeOID": 23, "text": "42"}}]', 'extended', 'I',
  'grant' || person % 100, 3,
  CASE WHEN luck < 0.002 THEN 'refused' WHEN luck < 0.012 THEN 'failed' ELSE 'completed' END,
  CASE WHEN luck < 0.002 THEN 'row_limit' END,
  CASE WHEN luck < 0.002 THEN '54000' WHEN luck < 0.0021 THEN '57014' WHEN luck < 0.012 THEN '23505' END,
  NULL, command || ' 1', CASE WHEN luck > 0.9999 THEN 50000 ELSE floor(luck * 100)::int END, 200,
  1500000, 2000000
FROM rows
"""

FINISH = """
SET maintenance_work_mem = '1GB';
SELECT replace(indexdef, ' ON ONLY ', ' ON ') FROM trail_index \\gexec
SELECT setval('sallyport.trail_position', {sessions} + 100);
INSERT INTO sallyport.log_cursor (agent, epoch, lane, next_seq, checkpoint, received_at, began_at,
  last_at)
SELECT agent, 1, n % 4, max(seq) + 200, '', max(opened_at) + interval '1 minute', min(opened_at),
  max(opened_at) + interval '1 minute'
FROM trail_session GROUP BY agent, n % 4;
DROP TABLE trail_session, trail_text, trail_index;
"""

QUESTIONS = [
    ("who deleted from orders in one minute", ["--table", "orders", "--command", "delete", "{minute}"]),
    ("the newest", []),
    ("one minute", ["{minute}"]),
    ("a busy person", ["--principal", "person1@example.com"]),
    ("a rare person", ["--principal", "person200@example.com"]),
    ("a busy person in one minute", ["--principal", "person1@example.com", "{minute}"]),
    ("a connection", ["--connection", "connection40"]),
    ("a rare agent", ["--agent", "00000000-0000-7000-8000-000000000014"]),
    ("a segment", ["--segment", "edge"]),
    ("an actor in the chain", ["--actor", "bot20"]),
    ("a root", ["--root", "person150@example.com"]),
    ("an unknown actor", ["--actor", "nobody"]),
    ("a common word", ["--words", "select"]),
    ("rare words", ["--words", "customer120007@example.com"]),
    ("a word of some forms", ["--words", "update app.table_390"]),
    ("a word that is nowhere", ["--words", "zzzzqqq"]),
    ("a common table", ["--table", "app.table_0"]),
    ("a rare table, deletions", ["--table", "app.table_392", "--command", "delete"]),
    ("all deletions from orders", ["--table", "orders", "--command", "delete"]),
    ("writes", ["--effect", "write"]),
    ("ddl, of which there is none", ["--effect", "ddl"]),
    ("a command", ["--command", "update"]),
    ("refused", ["--decision", "refused"]),
    ("allowed", ["--decision", "allowed"]),
    ("failed, one person", ["--outcome", "failed", "--principal", "person3@example.com"]),
    ("a rule", ["--rule", "grant99"]),
    ("an unknown rule", ["--rule", "grant-none"]),
    ("more than 10,000 rows", ["--rows-over", "10000"]),
    ("a rare SQLSTATE", ["--sqlstate", "57014"]),
    ("a session", ["--session", "01900000-0000-7000-9000-00000000c350"]),
    ("1000 rows of a person", ["--principal", "person2@example.com", "--limit", "1000"]),
]


def psql(url, sql):
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"], input=sql,
                   text=True, check=True, stdout=subprocess.DEVNULL)


def load(arguments):
    sessions = arguments.statements // 100
    values = dict(days=arguments.days, texts=20_000, oneoffs=200_000, agents=20, people=200,
                  connections=50, sessions=sessions, oneoff_share=0.1)
    started = time.monotonic()
    psql(arguments.url, SETUP.format(**values))
    step = 5000
    for first in range(0, sessions, step):
        psql(arguments.url, SLICE.format(first=first, last=min(sessions, first + step), **values))
        print(f"{min(sessions, first + step) * 100:,} statements, "
              f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    psql(arguments.url, FINISH.format(**values))
    psql(arguments.url, "VACUUM ANALYZE")
    print(f"loaded in {time.monotonic() - started:.0f} s")


def ask(arguments):
    # The minute of the last deletion from orders 12 days ago.
    before = time.strftime("%Y-%m-%dT03:13:00Z", time.gmtime(time.time() - 12 * 86_400))
    newest = subprocess.run(
        [arguments.sallyport, "audit", "query", "--format", "jsonl", "--table", "orders",
         "--command", "delete", "--until", before, "--limit", "1"],
        capture_output=True, text=True, check=True)
    start = json.loads(newest.stdout)["at"][:16]
    end = datetime.datetime.fromisoformat(start) + datetime.timedelta(minutes=1)
    minute = ["--since", f"{start}:00Z", "--until", f"{end.isoformat()}Z"]
    print("| question | rows | p50 | p95 |\n|---|---|---|---|")
    for name, template in QUESTIONS:
        words = [part for word in template for part in (minute if word == "{minute}" else [word])]
        times, rows = [], 0
        for _ in range(arguments.rounds):
            started = time.monotonic()
            result = subprocess.run([arguments.sallyport, "audit", "query", "--format", "jsonl", *words],
                                    capture_output=True, text=True)
            times.append((time.monotonic() - started) * 1000)
            if result.returncode != 0:
                print(f"{name}: {result.stderr.strip()}", file=sys.stderr)
                break
            rows = result.stdout.count("\n")
        times.sort()
        p95 = times[min(len(times) - 1, round(0.95 * (len(times) - 1)))]
        print(f"| {name} | {rows} | {statistics.median(times):.0f} ms | {p95:.0f} ms |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    loader = commands.add_parser("load")
    loader.add_argument("--url", required=True)
    loader.add_argument("--statements", type=int, default=10_000_000)
    loader.add_argument("--days", type=int, default=30)
    asker = commands.add_parser("ask")
    asker.add_argument("--sallyport", default=".build/release/sallyport")
    asker.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    {"load": load, "ask": ask}[arguments.command](arguments)


if __name__ == "__main__":
    main()
