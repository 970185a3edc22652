"""psycopg2."""

import io
import re
import select
import threading
import time

import psycopg2
import psycopg2.errorcodes
import psycopg2.extensions as extensions
import psycopg2.extras as extras
import psycopg2.pool

from scenario import Client

CLIENT = Client(
    "psycopg2", f"{psycopg2.__version__.split()[0]} (libpq {psycopg2.__libpq_version__})")
scenario = CLIENT.scenario
FIELDS = [name for name in dir(extensions.Diagnostics) if not name.startswith("_")]


def connect(side, **more):
    return psycopg2.connect(**side.libpq(**more))


def told(error):
    fields = {name: getattr(error.diag, name) for name in FIELDS if getattr(error.diag, name)}
    return {"error": type(error).__name__, "says": str(error), "code": error.pgcode, **fields}


def attempt(action, *arguments, **named):
    try:
        return action(*arguments, **named)
    except psycopg2.Error as error:
        return told(error)


def rows(connection, query, values=None):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [cursor.description and [tuple(column) for column in cursor.description],
                cursor.statusmessage, cursor.rowcount,
                cursor.fetchall() if cursor.description else None]


@scenario
def connection_attributes(side):
    connection = connect(side)
    info = connection.info
    found = {
        "encoding": connection.encoding, "protocol": connection.protocol_version,
        "server": connection.server_version, "status": connection.status,
        "closed": connection.closed, "dsn": connection.get_dsn_parameters().get("dbname"),
        "ssl": info.ssl_in_use, "library": info.ssl_attribute("library"), "user": info.user,
        "scs": connection.get_parameter_status("standard_conforming_strings"),
        "pid": info.backend_pid > 0, "isolation": connection.isolation_level}
    connection.close()
    return [found, connection.closed, attempt(connection.cursor)]


@scenario
def statements_and_types(side):
    connection = connect(side)
    connection.autocommit = True
    extras.register_hstore(connection)
    extras.register_uuid()
    extras.register_composite("point3", connection)
    found = [
    rows(
        connection,
        query) for query in (
            "select * from everything",
            "select * from items limit 3",
            "select 1; select 2",
            "select 1 where false",
            "insert into log (line) values ('x')",
             "select null, '{}'::int[], 'NaN'::float8")]
    found.append(attempt(rows, connection, ""))
    for values in (
        [1],
        ["é'\\"],
        [None],
        [True],
        [1.5],
        [[1, 2, None]],
        [(1, 2)],
        [psycopg2.Binary(bytes(range(256)))],
        [{"a": "1"}],
        [extras.Json({"a": [1]})],
        [psycopg2.extras.NumericRange(1, 5)],
        [psycopg2.Date(2024, 2, 29)],
        [psycopg2.Timestamp(2024, 2, 29, 1, 2, 3)],
        ["x" * 1_000_000],):
        found.append(attempt(rows, connection, "select %s", values))
    found.append([notice for notice in connection.notices])
    return found


@scenario
def cursor_factories(side):
    connection = connect(side)
    found = []
    for factory in (extras.DictCursor, extras.RealDictCursor, extras.NamedTupleCursor):
        with connection.cursor(cursor_factory=factory) as cursor:
            cursor.execute("select id, name from items order by id limit 3")
            found.append([dict(row) if hasattr(row, "keys") else row for row in cursor.fetchall()])
    with connection.cursor() as cursor:
        cursor.execute("select id from items order by id")
        found.append(
            [cursor.fetchone(),
             cursor.fetchmany(3),
             cursor.scroll(10),
             cursor.fetchone(),
             attempt(cursor.scroll, 1000),
             cursor.query, cursor.mogrify("select %s", ["o'x"])])
        cursor.callproc("swap", [1, "x"])
        found.append(cursor.fetchall())
        extras.execute_values(
    cursor, "insert into empty values %s", [
        (n,) for n in range(2500)], page_size=700)
        found.append(cursor.rowcount)
        extras.execute_batch(cursor, "insert into empty values (%s)", [(n,) for n in range(333)])
        cursor.executemany("insert into empty values (%s)", [(1,), (2,)])
        cursor.execute("select count(*), sum(id) from empty")
        found.append(cursor.fetchall())
    return found


@scenario
def named_cursors(side):
    connection = connect(side)
    found = []
    for options in ({}, {"scrollable": True}, {"scrollable": False}, {"withhold": True}):
        with connection.cursor('od"d é', **options) as cursor:
            cursor.itersize = 17
            cursor.execute("select id, name from items where id > %s order by id", [3])
            found.append([cursor.fetchone(), cursor.fetchmany(2), sum(row[0] for row in cursor),
                          attempt(cursor.scroll, -3), attempt(cursor.fetchall)])
        connection.rollback()
    cursor = connection.cursor("held", withhold=True)
    cursor.execute("select generate_series(1, 100)")
    connection.commit()
    found.append(len(cursor.fetchall()))
    cursor.close()
    connection.commit()
    connection.cursor().execute("select refs()")
    found.append(connection.cursor("first").fetchall())
    found.append(attempt(connection.cursor("none").fetchall))
    return found


@scenario
def copying(side):
    connection = connect(side)
    found = []
    with connection.cursor() as cursor:
        for statement in (
            "copy items to stdout", "copy items to stdout (format csv, header)",
            "copy items to stdout (format binary)", "copy empty to stdout",
             "copy nowhere to stdout",
            "copy (select repeat('x', 1000) from generate_series(1, 5000)) to stdout",
            "copy (select 1/(3-n) from generate_series(1,5) n) to stdout",):
            taken = io.BytesIO()
            found.append([attempt(cursor.copy_expert, statement, taken), taken.getvalue(),
                          cursor.rowcount])
            connection.rollback()
        for statement, data in (
            ("copy empty from stdin", "1\n2\n3\n"),
            ("copy empty from stdin", "".join(f"{n}\n" for n in range(100_000))),
            ("copy empty from stdin (format csv, header)", "id\n7\n"),
            ("copy empty from stdin", "x\n"),
            ("copy empty from stdin", ""),
            ("copy nowhere from stdin", "1\n"),
            ("select 1", "1\n"),):
            found.append([attempt(cursor.copy_expert, statement, io.StringIO(data)),
                          cursor.rowcount, connection.info.transaction_status])
            connection.rollback()
        cursor.copy_from(io.StringIO("1|x\n2|y\n"), "parts", sep="|", columns=("item", "serial"))
        taken = io.StringIO()
        cursor.copy_to(taken, "items", sep="|", columns=("id", "name"))
        found.append(taken.getvalue())

        class Broken(io.StringIO):
            def read(self, size=-1):
                raise RuntimeError("cannot read")
        try:
            cursor.copy_expert("copy empty from stdin", Broken())
        except Exception as error:
            found.append([type(error).__name__, str(error)])
        connection.rollback()
        cursor.execute("select 1")
        found.append(cursor.fetchall())
    return found


@scenario
def large_objects(side):
    connection = connect(side)
    found = []

    def made():
        large = connection.lobject(0, "wb")
        large.write(b"written")
        large.seek(2)
        large.close()
        again = connection.lobject(large.oid, "rb")
        return [again.read(), again.tell()]

    found.append(attempt(made))
    connection.rollback()
    found.append({0: "IDLE", 2: "INTRANS", 3: "INERROR"}[connection.info.transaction_status])
    found.append(rows(connection, "select 1")[3][0])
    found.append(
    attempt(
        lambda: connection.lobject(
            0, "w", 0, str(
                side.file(
                    "f", b"file"))).oid > 0))
    return found


@scenario
def transactions(side):
    connection = connect(side)
    found = []
    for level in (
        extensions.ISOLATION_LEVEL_AUTOCOMMIT, extensions.ISOLATION_LEVEL_READ_UNCOMMITTED,
        extensions.ISOLATION_LEVEL_READ_COMMITTED, extensions.ISOLATION_LEVEL_REPEATABLE_READ,
        extensions.ISOLATION_LEVEL_SERIALIZABLE,
    ):
        connection.set_isolation_level(level)
        found.append([rows(connection, "show transaction_isolation")[3], connection.status,
                      connection.info.transaction_status])
        connection.rollback()
    connection.set_session(readonly=True, deferrable=True, isolation_level="SERIALIZABLE")
    found.append(attempt(rows, connection, "insert into log (line) values ('x')"))
    connection.rollback()
    connection.set_session(readonly=False, deferrable=False, isolation_level="DEFAULT")
    with connection:
        rows(connection, "insert into log (line) values ('kept')")
    try:
        with connection:
            rows(connection, "insert into log (line) values ('lost')")
            rows(connection, "select 1/0")
    except psycopg2.Error as error:
        found.append(told(error))
    found.append(rows(connection, "select line from log")[3])
    rows(connection, "savepoint a")
    found.append(attempt(rows, connection, "select nothing"))
    found.append(attempt(rows, connection, "select 1"))
    rows(connection, "rollback to a")
    found.append(rows(connection, "select 1")[3])
    connection.rollback()
    identity = connection.xid(1, "global", "branch")
    connection.tpc_begin(identity)
    rows(connection, "insert into parts values (1, 'two phase')")
    connection.tpc_prepare()
    found.append(connection.status)
    connection.reset()
    found.append([(x.gtrid, x.bqual, x.owner, x.database) for x in connection.tpc_recover()])
    connection.tpc_commit(connection.tpc_recover()[0])
    connection.reset()
    return found


@scenario
def errors(side):
    connection = connect(side)
    connection.autocommit = True
    found = [
    attempt(
        rows,
        connection,
        query) for query in (
            "select 1/0",
            "selec",
            "select nothing",
            "select fail('x')",
            "insert into parts values (999, 'x')",
            "insert into items (name) values ('item 1')",
            "insert into items (name) values (null)",
            "select '\\x'::bytea || 'é'::mood",
            "select pg_terminate_backend(1)",
             "do $$ begin raise 'é'; end $$")]
    return found


@scenario
def cancelling(side):
    connection = connect(side)
    found = []
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    found.append(attempt(rows, connection, "select pg_sleep(20)"))
    timer.join()
    connection.rollback()
    found.append(rows(connection, "select 1")[3])
    return found


def wait(connection):
    while True:
        state = connection.poll()
        if state == extensions.POLL_OK:
            return
        if state == extensions.POLL_READ:
            select.select([connection.fileno()], [], [], 20)
        else:
            select.select([], [connection.fileno()], [], 20)


@scenario
def asynchronous_polling(side):
    connection = psycopg2.connect(**side.libpq(), async_=True)
    wait(connection)
    cursor = connection.cursor()
    found = []
    for query in ("select 1", "select * from items", "select repeat('x', 3000000)",
                  "begin", "insert into log (line) values ('x')", "commit"):
        cursor.execute(query)
        wait(connection)
        found.append([cursor.statusmessage, cursor.fetchall() if cursor.description else None])
    cursor.execute("select 1/0")
    found.append(attempt(wait, connection))
    cursor.execute("select pg_sleep(20)")
    threading.Timer(0.3, connection.cancel).start()
    found.append(attempt(wait, connection))
    cursor.execute("listen news")
    wait(connection)
    cursor.execute("notify news, 'é'")
    wait(connection)
    cursor.execute("select 1")
    wait(connection)
    found.append([(note.channel, note.payload) for note in connection.notifies])
    return found


@scenario
def with_a_wait_callback(side):
    """As gevent and eventlet use it."""
    extensions.set_wait_callback(extras.wait_select)
    connection = connect(side)
    found = [rows(connection, "select * from items limit 2"),
                  attempt(rows, connection, "select 1/0")]
    connection.rollback()
    found.append(rows(connection, "select repeat('x', 3000000)")[3][0])
    return found


@scenario
def notifications(side):
    one = connect(side)
    two = connect(side)
    for connection in (one, two):
        connection.autocommit = True
    rows(one, "listen news")
    for n in range(5):
        rows(two, "select pg_notify('news', %s)", [f"payload {n}"])
    deadline = time.monotonic() + 10
    while len(one.notifies) < 5 and time.monotonic() < deadline:
        select.select([one], [], [], 1)
        one.poll()
    rows(one, "select talk(70)")
    return [[(note.channel, note.payload) for note in one.notifies], one.notices]


@scenario
def prepared_in_statements(side):
    connection = connect(side)
    found = [rows(connection, query) for query in (
        "prepare plan (int) as select name from items where id = $1", "execute plan (5)",
        "select name, statement, parameter_types::text, from_sql from pg_prepared_statements",
        "explain (costs off) execute plan (1)", "deallocate plan")]
    found.append(attempt(rows, connection, "execute plan (5)"))
    return found


@scenario
def pools_and_threads(side):
    """One connection is used by several threads, a pool by more."""
    connection = connect(side)
    found = []

    def on_one(number):
        found.append(rows(connection, "select %s", [number])[3])

    pool = psycopg2.pool.ThreadedConnectionPool(1, 10, **side.libpq())

    def on_pool(number):
        mine = pool.getconn()
        found.append(rows(mine, "select %s::text", [number])[3])
        pool.putconn(mine)

    for work in (on_one, on_pool):
        threads = [threading.Thread(target=work, args=[n]) for n in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    pool.closeall()
    return sorted(found, key=str)


@scenario
def the_session_ends(side):
    import psycopg
    connection = connect(side)
    pid = rows(connection, "select pg_backend_pid()")[3][0][0]
    with psycopg.connect(**side.admin) as admin:
        admin.execute("select pg_terminate_backend(%s)", [pid])
    time.sleep(0.3)
    found = [attempt(rows, connection, "select 1"), connection.closed]
    return [found, attempt(rows, connection, "select 1")]


@scenario
def replication(side):
    """Refused by both, each in its own words."""
    try:
        psycopg2.connect(**side.libpq(), connection_factory=extras.LogicalReplicationConnection)
        return "connected"
    except psycopg2.Error as error:
        return [type(error).__name__, re.sub("(?s)FATAL:.*", "FATAL", str(error))]
