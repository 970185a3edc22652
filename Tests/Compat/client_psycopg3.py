"""psycopg 3, one connection at a time: statements, cursors, transactions, errors."""

import threading

import psycopg
from psycopg import errors, rows, sql
from psycopg.types.json import Jsonb

from scenario import Client

CLIENT = Client("psycopg 3", f"{psycopg.__version__} (libpq {psycopg.pq.version()})")
scenario = CLIENT.scenario

FIELDS = [
    "severity_nonlocalized", "sqlstate", "message_primary", "message_detail", "message_hint",
    "statement_position", "internal_position", "internal_query", "context", "schema_name",
    "table_name", "column_name", "datatype_name", "constraint_name", "source_file",
    "source_line", "source_function"]


def connect(side, **more):
    return psycopg.connect(**side.libpq(**more))


def told(error):
    """An error with all of its fields."""
    diag = getattr(error, "diag", None)
    fields = {name: getattr(diag, name) for name in FIELDS if getattr(diag, name, None)}
    return {"error": type(error).__name__, "says": str(error), **fields}


def attempt(action, *arguments, **named):
    """What the call answers, or the error."""
    try:
        return action(*arguments, **named)
    except psycopg.Error as error:
        return told(error)


def columns(cursor):
    """The description of a result, with the numbers of its types."""
    return cursor.description and [
        (column.name, column.type_code, column.type_display, column.internal_size,
         column.precision, column.scale) for column in cursor.description]


def everything(cursor):
    """All results of a cursor."""
    found = []
    while True:
        result = cursor.pgresult
        found.append({
            "status": cursor.statusmessage, "count": cursor.rowcount,
            "state": psycopg.pq.ExecStatus(result.status).name if result else None,
            "rows": cursor.fetchall() if cursor.description else None})
        if not cursor.nextset():
            return found


@scenario
def parameters_the_server_reports(side):
    with connect(side, application_name="compat é") as connection:
        info = connection.info
        names = [
            "server_version", "server_encoding", "client_encoding", "is_superuser",
            "session_authorization", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes",
            "standard_conforming_strings", "application_name", "in_hot_standby",
            "default_transaction_read_only"]
        return {
            "status": {name: info.parameter_status(name) for name in names},
            "server_version": info.server_version, "dbname": info.dbname, "user": info.user,
            "encoding": info.encoding, "transaction_status": info.transaction_status,
            "pipeline": info.pipeline_status, "used_password": connection.pgconn.used_password,
            "needs_password": connection.pgconn.needs_password,
        }


@scenario
def ways_to_connect(side):
    found = []
    for more in (
        {}, {"sslmode": "require"}, {"sslmode": "prefer"}, {"host": f"nowhere.invalid,{side.host}"},
        {"target_session_attrs": "read-write"}, {"target_session_attrs": "standby"},
        {"connect_timeout": 5}, {"keepalives_idle": 30, "tcp_user_timeout": 3000},
        {"sslsni": 0}, {"gssencmode": "prefer"}, {"load_balance_hosts": "random"},
        {"ssl_min_protocol_version": "TLSv1.3"}, {"ssl_max_protocol_version": "TLSv1.2"},
        {"sslcompression": 1}, {"fallback_application_name": "fallback"},
        {"client_encoding": "utf8"}, {"password": None}, {"max_protocol_version": "3.0"},
    ):
        def once():
            with connect(side, **more) as connection:
                return connection.execute("select 1, current_user::text").fetchone()
        found.append((sorted(more), attempt(once)))
    return found


@scenario
def newest_protocol(side):
    """Whatever version both agree on, the same must work in it."""
    with connect(side, max_protocol_version="latest", autocommit=True) as connection:
        timer = threading.Timer(0.3, connection.cancel_safe)
        timer.start()
        cancelled = attempt(connection.execute, "select pg_sleep(20)")
        timer.join()
        return [cancelled, connection.execute("select count(*) from items").fetchall()]


def authentication(side, **more):
    def once():
        with connect(side, **more) as connection:
            return connection.execute("select 1").fetchone()
    return attempt(once)


REFUSED_LOCALLY = "the token is a cleartext password inside TLS"


@scenario(reason=REFUSED_LOCALLY, through=lambda _: {
    "error": "OperationalError",
    "says": 'connection failed: connection to server at "127.0.0.1", port <port> failed: '
            'authentication method requirement "scram-sha-256" failed: server requested a '
            "cleartext password"})
def scram_required(side):
    return authentication(side, require_auth="scram-sha-256")


@scenario(reason=REFUSED_LOCALLY, through=lambda _: {
    "error": "OperationalError",
    "says": 'connection failed: connection to server at "127.0.0.1", port <port> failed: '
            "channel binding required but not supported by server's authentication request"})
def channel_binding_required(side):
    return authentication(side, channel_binding="require")


@scenario(reason="the agent takes TLS from the first byte, PostgreSQL before 17 does not",
          through=lambda _: [1])
def direct_tls(side):
    return authentication(side, sslnegotiation="direct")


@scenario
def kinds_of_statements(side):
    with connect(side, autocommit=True) as connection:
        cursor = connection.cursor()
        found = []
        for statement in (
            "select 1 as a, 'x' as b, null as c", "", "  ", "-- nothing", ";", "select",
            "create table t (i int primary key, s text)", "insert into t values (1, 'a'), (2, 'b')",
            "update t set s = 'c' where i > 1", "delete from t where i > 5", "table t",
            "values (1), (2)", "select * from t where false", "truncate t", "do $$ begin end $$",
            "call twice(21)", "select 1; select 2; insert into t values (3, 'd'); select 3",
            "select 1; select 1/0; select 3", "explain (costs off) select * from items",
            "show all_such", "set local work_mem = '1MB'", "show work_mem", "begin", "commit",
            "insert into t values (9) returning *", "with a as (delete from t returning *) "
            "select count(*) from a", "select * from talk(3)", "vacuum t", "checkpoint",
            "lock table t", "discard all", "select 1 as a, 2 as a", "select 'é日本😀' as \"ü x\"",
            "select repeat('x', 100000)", "select generate_series(1, 1000)",
            "refresh materialized view nothing", "reindex table t", "analyze t",
            "merge into t using (values (1)) v (i) on t.i = v.i when not matched then "
            "insert values (v.i, 'm')",
        ):
            def once():
                cursor.execute(statement)
                return [columns(cursor), everything(cursor)]
            found.append((statement, attempt(once), connection.info.transaction_status))
        return found


@scenario
def parameters(side):
    with connect(side) as connection:
        found = [
            connection.execute(query, values).fetchall() for query, values in (
                ("select %s::int + %s", (1, 2)), ("select %(a)s || %(b)s", {"a": "x", "b": "y"}),
                ("select %s::text is null", (None,)), ("select %b::int8", (2**40,)),
                ("select %t::text", ("text",)), ("select count(*) from items where id = any(%s)", ([1, 2],)),
                ("select %s = any(%s)", ("a", ["a", "b"])), ("select 5 %% 3, %s", (1,)),
                ("select data->>'n' from items where data @> %s", (Jsonb({"n": 7}),)))]
        many = ", ".join(["%s"] * 3000)
        found.append(attempt(
            connection.execute, f"select array[{many}]::int[]", list(range(3000))).fetchall())
        identifier = sql.SQL("select {} from {} order by 1 limit {}").format(
            sql.Identifier("name"), sql.Identifier("public", "items"), sql.Literal(3))
        found.append(connection.execute(identifier).fetchall())
        found.append(attempt(connection.execute, "select %s; select 2", (1,)))
        connection.rollback()
        found.append(attempt(connection.execute, "select %s::int", ("x",)))
        return found


@scenario
def too_many_parameters(side):
    with connect(side) as connection:
        def with_count(count):
            cursor = connection.execute(
                f"select cardinality(array[{', '.join(['%s::int'] * count)}])", [1] * count)
            return cursor.fetchall()
        found = [with_count(count) for count in (1, 1000, 32768, 65535)]
        return [found, attempt(with_count, 65536)]


@scenario
def kinds_of_cursors(side):
    found = {}
    query = "select id, name, price, made from items where id <= %s order by id"
    with connect(side) as connection:
        for kind in (psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor):
            with kind(connection) as cursor:
                text = query.replace("%s", "$1") if kind is psycopg.RawCursor else query
                cursor.execute(text, [7])
                found[kind.__name__] = [
                    columns(cursor), cursor.fetchone(), cursor.fetchmany(2), cursor.rownumber,
                    cursor.scroll(-1), cursor.fetchall(), cursor.statusmessage]
        for make in (rows.tuple_row, rows.dict_row, rows.namedtuple_row, rows.scalar_row):
            with connection.cursor(row_factory=make) as cursor:
                found[make.__name__] = cursor.execute(query, [2]).fetchall()
        with psycopg.ClientCursor(connection) as cursor:
            found["mogrified"] = cursor.mogrify("select %s, %s, %s", (1, "o'x", b"\x00"))
            found["several"] = everything(cursor.execute("select %s; select %s", (1, "a\\b")))
    return found


@scenario
def binary_results(side):
    with connect(side) as connection:
        cursor = connection.cursor(binary=True)
        cursor.execute(
            "select id, name, price, made, tags, data, blob, feeling from items where id < 4")
        return [columns(cursor), cursor.fetchall(), cursor.pgresult.fformat(0),
                cursor.pgresult.get_value(0, 2), cursor.pgresult.get_value(0, 3)]


@scenario
def rows_one_at_a_time(side):
    """Single-row mode, and what is left of it when one stops."""
    with connect(side, autocommit=True) as connection:
        found = []
        for size in (1, 10, 1000):
            total = 0
            for row in connection.cursor().stream(
                    "select n, repeat('x', n % 50) from generate_series(1, 5000) n", size=size):
                total += row[0] + len(row[1])
            found.append(total)
        generator = connection.cursor().stream("select generate_series(1, 100000)")
        found.append([next(generator), next(generator)])
        generator.close()
        found.append(connection.info.transaction_status)

        def broken():
            return [row for row in connection.cursor().stream(
                "select 10 / (5 - n) from generate_series(1, 9) n")]
        found.append(attempt(broken))
        found.append(connection.execute("select 1").fetchall())
        return found


@scenario
def server_side_cursors(side):
    found = []
    with connect(side) as connection:
        for scrollable, hold in ((None, False), (True, False), (False, False), (True, True)):
            with connection.cursor("many é", scrollable=scrollable, withhold=hold) as cursor:
                cursor.itersize = 30
                cursor.execute("select id, name, price from items where id > %s order by id", [1])
                found.append([
                    columns(cursor), cursor.fetchone(), cursor.fetchmany(3),
                    sum(row[0] for row in cursor), cursor.rownumber,
                    attempt(cursor.scroll, -5), attempt(cursor.fetchall)])
            connection.rollback()
        with connection.cursor("held", withhold=True) as cursor:
            cursor.execute("select generate_series(1, 100)")
            connection.commit()
            found.append([cursor.fetchmany(5), len(cursor.fetchall())])
        with connection.cursor("bin", binary=True) as cursor:
            cursor.execute("select id, made, price from items order by id limit 3")
            found.append([columns(cursor), cursor.fetchall()])
        connection.execute("select refs()")
        for name in ("first", "second"):
            found.append(connection.cursor(name).fetchall())
        connection.rollback()
        found.append(attempt(connection.cursor("gone").fetchall))
        connection.rollback()
        with connection.cursor("twice") as cursor:
            cursor.execute("select 1")
            cursor.execute("select 2")
            found.append(cursor.fetchall())
            found.append(attempt(cursor.execute, "select wrong"))
        connection.rollback()
        with psycopg.RawServerCursor(connection, "raw") as cursor:
            found.append(cursor.execute("select $1::int + 1", [4]).fetchall())
    return found


@scenario
def prepared_statement_cache(side):
    found = []

    def prepared(connection):
        return connection.execute(
            "select name, statement, parameter_types::text[], from_sql from pg_prepared_statements "
            "order by name", prepare=False).fetchall()

    with connect(side, autocommit=True) as connection:
        connection.prepare_threshold = 2
        connection.prepared_max = 3
        for n in range(8):
            found.append(connection.execute("select name from items where id = %s", [n]).fetchall())
        found.append(prepared(connection))
        for n in range(6):
            for _ in range(4):
                found.append(connection.execute(f"select %s::int + {n}", [n]).fetchone())
        found.append(prepared(connection))
        # Another type is another statement.
        for value in (1, 2**20, 2**40, "5", None):
            for _ in range(3):
                found.append(attempt(lambda: connection.execute(
                    "select pg_typeof(%s)::text", [value], prepare=True).fetchall()))
        found.append(prepared(connection))
        # The result of a prepared one changes under it.
        connection.execute("create table t (i int)")
        read = "select * from t"
        found.append(connection.execute(read, prepare=True).fetchall())
        connection.execute("alter table t add s text")
        found.append(attempt(lambda: connection.execute(read, prepare=True).fetchall()))
        connection.execute("discard all")
        found.append(attempt(lambda: connection.execute(read, prepare=True).fetchall()))
        connection.execute("deallocate all")
        found.append(attempt(lambda: connection.execute(read, prepare=True).fetchall()))
        found.append(prepared(connection))
        connection.prepare_threshold = None
        for _ in range(7):
            connection.execute("select 'never'")
        found.append(prepared(connection))
    return found


@scenario
def many_at_once(side):
    with connect(side) as connection:
        cursor = connection.cursor()
        cursor.execute("create table t (id serial, n int, s text)")
        cursor.executemany(
            "insert into t (n, s) values (%s, %s)", [(n, f"row {n}") for n in range(2000)])
        found = [cursor.rowcount, cursor.statusmessage]
        cursor.executemany(
            "insert into t (n, s) values (%s, %s) returning id, n",
            [(n, "x") for n in range(50)], returning=True)
        found.append(everything(cursor))
        cursor.executemany("update t set s = %s where n = %s", [("y", 1), ("z", 2)])
        found.append(cursor.rowcount)
        connection.commit()
        found.append(attempt(
            cursor.executemany, "insert into t (id, n) values (1, %s::int / %s::int)",
            [(1, 1), (1, 0), (2, 1)]))
        found.append(connection.info.transaction_status)
        connection.rollback()
        found.append(cursor.execute("select count(*), sum(n) from t").fetchall())
        return found


@scenario
def errors_with_all_fields(side):
    found = []
    with connect(side, autocommit=True) as connection:
        connection.execute("create table t (i int primary key, p posint, u text unique not null)")
        connection.execute("insert into t values (1, 1, 'a')")
        for statement in (
            "select 1/0", "selec 1", "select nothing", "select * from nowhere", "select nothing()",
            "insert into t values (1, 1, 'b')", "insert into t values (2, 1, 'a')",
            "insert into t values (3, -1, 'c')", "insert into t values (4, 1)",
            "insert into parts values (999, 'x')",
            "insert into items (name, price) values ('n', -1)", "select fail('é')",
            "select 'x'::int", "select '{'::jsonb", "select 'x'::mood", "select 99999999999::int",
            "select array[1] || 'x'", "select unnest(1)", "drop table items",
            "create table t (i int)", "select set_config('no.such', 'x', false)",
             "set nothing to 1", "select pg_read_file('/etc/passwd')", "create role x",
            "grant all on t to nobody_such", "alter system set work_mem = 1", "select f(",
            "prepare a as select $1", "execute nothing", "fetch nothing", "rollback to a",
            "select U&'\\zzzz'", "select 'a' collate nowhere", "copy t from '/tmp/x'",
            "insert into t values (5, 1, repeat('x', 100000))", "select (select 1 union select 2)",
            "do $$ begin perform 1/0; end $$", "do $$ begin perform fail('in'); end $$",
            "select * from items for update nowait skip locked", "vacuum (nothing) t",
            "select lo_get(99)", "select pg_terminate_backend(1)", "notify \"\"",
            "create index on t ((1/0))", "select xmlparse(document '<a>')",):
            found.append((statement, attempt(connection.execute, statement)))
        with connection.transaction():
            with_position = attempt(connection.execute, "select 1,\n é, %s", [1])
            found.append([with_position, connection.info.transaction_status])
            raise psycopg.Rollback
    found.append([errors.lookup("23505").__name__, errors.lookup("57014").__name__])
    return found


@scenario
def notices(side):
    found = []
    with connect(side, autocommit=True) as connection:
        connection.add_notice_handler(lambda diag: found.append(
            {name: getattr(diag, name) for name in FIELDS if getattr(diag, name)}))
        connection.execute("select talk(3)")
        connection.execute("drop table if exists nothing")
        for level in ("debug1", "log", "error"):
            connection.execute(f"set client_min_messages = {level}")
            connection.execute("do $$ begin raise info 'i'; raise log 'l'; raise debug 'd'; end $$")
        connection.execute("set client_min_messages = notice")
        connection.execute("select talk(2000)")
        connection.execute("commit")
        found.append(connection.execute("select 1").fetchall())
    return found
