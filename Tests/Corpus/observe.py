"""Runs the corpus at a real PostgreSQL and says what each statement did there.

    observe.py HOST PORT USER SCRATCH <cases.json >observations.json

What it did is read from the server's own counters and catalogues, before and after, within the
transaction that is rolled back in the end: rows written (pg_stat_xact_all_tables), sequences, large
objects, locks (pg_locks), settings, command tags. Cases marked `alone` end transactions or cannot run
in one: for those the contents of tables and catalogues are compared, in a database of their own.
The password is taken from PGPASSWORD.
"""
import json
import os
import sys

from psycopg import pq

HERE = os.path.dirname(os.path.abspath(__file__))
COUNTERS = """
SELECT public.full_name(s.relid), n_tup_ins + n_tup_upd + n_tup_del
FROM pg_stat_xact_all_tables s
UNION ALL
SELECT 'sequence ' || public.full_name(c.oid), hashtext(public.nextval_state(c.oid)) FROM pg_class c WHERE relkind = 'S'
UNION ALL SELECT 'object ' || loid, hashtext(string_agg(encode(data, 'hex'), ',' ORDER BY pageno))
FROM pg_largeobject GROUP BY loid
UNION ALL SELECT 'file ' || public.full_name(oid), relfilenode::bigint FROM pg_class
WHERE relkind IN ('r', 'm') AND oid >= 16384
"""
LOCKS = """
SELECT CASE locktype WHEN 'relation' THEN public.full_name(relation) ELSE 'advisory' END, mode,
  coalesce((SELECT relkind::text FROM pg_class WHERE oid = relation), ''),
  coalesce(relation, 0) < 16384
FROM pg_locks WHERE pid = pg_backend_pid() AND locktype IN ('relation', 'advisory') AND granted
"""
SETTINGS = """
SELECT name, setting FROM pg_settings WHERE name NOT IN ('in_hot_standby')
UNION ALL SELECT 'role', current_setting('role')
UNION ALL SELECT 'session_authorization', session_user::text
UNION ALL SELECT 'my.setting', current_setting('my.setting', true)
"""
# What belongs to a table: its views' tables, partitions, parents, children, foreign keys, temporary
# namesakes; both ways, and through all steps.
RELATED = """
WITH RECURSIVE edge AS (
  SELECT r.ev_class AS a, d.refobjid AS b FROM pg_rewrite r
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_class'::regclass
  UNION SELECT inhparent, inhrelid FROM pg_inherits
  UNION SELECT inhrelid, inhparent FROM pg_inherits
  UNION SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f'
  UNION SELECT confrelid, conrelid FROM pg_constraint WHERE contype = 'f'
), pair AS (
  SELECT a, b FROM edge UNION SELECT p.a, e.b FROM pair p JOIN edge e ON e.a = p.b
)
SELECT public.full_name(a), public.full_name(b) FROM pair WHERE a <> b AND a >= 16384 AND b >= 16384
"""
HASHES = """
SELECT public.full_name(c.oid), md5(query_to_xml('SELECT * FROM ' || c.oid::regclass, true, true, '')::text)
FROM pg_class c WHERE relkind IN ('r', 'S', 'm')
  AND (relnamespace <> 'pg_catalog'::regnamespace OR relname IN ('pg_class', 'pg_authid',
    'pg_database', 'pg_proc', 'pg_index', 'pg_largeobject', 'pg_db_role_setting'))
  AND relname NOT IN ('pg_statistic') AND relnamespace <> 'information_schema'::regnamespace
  AND relnamespace::regnamespace::text NOT LIKE 'pg_t%' AND (relkind <> 'm' OR relispopulated)
UNION ALL SELECT 'postgresql.auto.conf', md5(pg_read_file('postgresql.auto.conf'))
UNION ALL SELECT 'files', md5(string_agg(relname || relfilenode, ',' ORDER BY oid)) FROM pg_class
"""


class Server:
    def __init__(self, host, port, user):
        self.where = f"host={host} port={port} user={user}"

    def connect(self, database):
        connection = pq.PGconn.connect(f"{self.where} dbname={database}".encode())
        if connection.status != pq.ConnStatus.OK:
            sys.exit(f"cannot connect to {database}: {connection.error_message.decode()}")
        connection.notice_handler = lambda notice: None
        return connection


def run(connection, sql):
    """Sends one simple query; gives its command tags and the SQLSTATE of its error."""
    connection.send_query(sql.encode())
    tags, error = [], None
    while (result := connection.get_result()) is not None:
        status = result.status
        if status == pq.ExecStatus.COPY_IN:
            connection.put_copy_end()
        elif status == pq.ExecStatus.COPY_OUT:
            while connection.get_copy_data(0)[0] > 0:
                pass
        elif status == pq.ExecStatus.FATAL_ERROR:
            error = result.error_field(pq.DiagnosticField.SQLSTATE).decode()
            message = result.error_message.decode().strip()
        elif result.command_status:
            tags.append(result.command_status.decode())
    return tags, error and f"{error} {message}"


def must(connection, sql):
    _, error = run(connection, sql)
    if error:
        sys.exit(f"{sql}: {error}")


def rows(connection, sql):
    result = connection.exec_(sql.encode())
    if result.status != pq.ExecStatus.TUPLES_OK:
        sys.exit(f"{sql}: {result.error_message.decode()}")
    return [
        tuple((result.get_value(row, column) or b"").decode() for column in range(result.nfields))
        for row in range(result.ntuples)
    ]


def differing(before, after):
    return sorted(name for name in before.keys() | after.keys()
                  if before.get(name) != after.get(name))


def changed(before, after):
    # Another role does not see all of them, and an extension brings some along.
    return sorted(name for name in before.keys() & after.keys() if before[name] != after[name])


def in_transaction(connection, case):
    must(connection, "BEGIN")
    if case["setup"]:
        must(connection, case["setup"])
    counters = dict(rows(connection, COUNTERS))
    locks = set(rows(connection, LOCKS))
    settings = dict(rows(connection, SETTINGS))
    related = set(rows(connection, RELATED))
    must(connection, "SAVEPOINT corpus")
    tags, error = run(connection, case["sql"])
    seen = {"name": case["name"], "tags": tags, "error": error or ""}
    if not error:
        # Who may look is asked for with the role that the session had.
        settings_after = dict(rows(connection, SETTINGS))
        must(connection, "RESET SESSION AUTHORIZATION; RESET ROLE; SET LOCAL search_path = public")
        counters_after = dict(rows(connection, COUNTERS))
        seen["settings"] = changed(settings, settings_after)
        seen["values"] = {name: settings_after[name] for name in seen["settings"]}
        # Nothing written and not there are the same.
        seen["written"] = differing({k: v for k, v in counters.items() if v != "0"},
                                    {k: v for k, v in counters_after.items() if v != "0"})
        seen["locks"] = sorted(set(rows(connection, LOCKS)) - locks)
        seen["related"] = sorted(related | set(rows(connection, RELATED)))
    must(connection, "ROLLBACK")
    if "hidden" in case["flags"]:
        must(connection, "RESET ALL; BEGIN")
        if case["setup"]:
            must(connection, case["setup"])
        must(connection, "SET TRANSACTION READ ONLY")
        seen["errorWhenReadOnly"] = run(connection, case["sql"])[1] or ""
        must(connection, "ROLLBACK")
    return seen


def alone(server, case):
    fresh(server, "corpus_alone")
    connection, watcher = server.connect("corpus_alone"), server.connect("corpus_alone")
    if case["setup"]:
        must(connection, case["setup"])
    before = dict(rows(watcher, HASHES))
    settings = dict(rows(connection, SETTINGS))
    tags, error = run(connection, case["sql"])
    seen = {"name": case["name"], "tags": tags, "error": error or "", "locks": [], "related": []}
    settings_after = dict(rows(connection, SETTINGS))
    seen["settings"] = changed(settings, settings_after)
    seen["values"] = {name: settings_after[name] for name in seen["settings"]}
    run(connection, "COMMIT")
    # One that was prepared is held by no session, and would keep its database.
    run(watcher, "ROLLBACK PREPARED 'corpus'")
    seen["written"] = differing(before, dict(rows(watcher, HASHES)))
    for one in (connection, watcher):
        one.finish()
    return seen


def fresh(server, name):
    connection = server.connect("postgres")
    must(connection, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    must(connection, f"CREATE DATABASE {name} TEMPLATE corpus_template STRATEGY file_copy")
    connection.finish()


def make_template(server):
    connection = server.connect("postgres")
    must(connection, "CREATE DATABASE corpus_template")
    connection.finish()
    connection = server.connect("corpus_template")
    with open(os.path.join(HERE, "schema.sql"), encoding="utf-8") as schema:
        must(connection, schema.read())
    must(connection, """
      GRANT SELECT ON pg_largeobject TO public;
      GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO public;
      CREATE FUNCTION public.full_name(oid) RETURNS text LANGUAGE sql STABLE AS
        'SELECT format(''%s.%s'', relnamespace::regnamespace, relname) FROM pg_class WHERE oid = $1';
      CREATE FUNCTION public.nextval_state(oid) RETURNS text LANGUAGE plpgsql AS $$
      DECLARE state text; BEGIN
        EXECUTE format('SELECT (last_value, is_called)::text FROM %s', public.full_name($1)) INTO state;
        RETURN state;
      END $$""")
    connection.finish()


def main():
    host, port, user, scratch = sys.argv[1:5]
    server = Server(host, port, user)
    make_template(server)
    fresh(server, "corpus")
    seen = []
    for case in json.load(sys.stdin):
        files = set(os.listdir(scratch))
        if "alone" in case["flags"]:
            observation = alone(server, case)
        else:
            # A connection of its own: settings, statements and temporary tables end with it.
            connection = server.connect("corpus")
            observation = in_transaction(connection, case)
            connection.finish()
        observation["files"] = sorted(set(os.listdir(scratch)) - files)
        seen.append(observation)
    json.dump(seen, sys.stdout)


main()
