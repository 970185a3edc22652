"""pg8000: the DB-API, the native interface and the legacy one."""

import datetime
import decimal
import io
import ipaddress
import ssl
import threading
import time
import uuid

import pg8000
import pg8000.dbapi
import pg8000.legacy
import pg8000.native
from pg8000.types import PGInterval, Range

from scenario import Client

CLIENT = Client("pg8000", pg8000.__version__)
scenario = CLIENT.scenario
ERRORS = (pg8000.native.Error, pg8000.dbapi.Error, pg8000.legacy.Error, OSError)
UTC = datetime.timezone.utc


def parameters(side, **more):
    return {
        "host": side.host, "port": side.port, "user": side.user, "database": side.database,
        "password": side.password,
        "ssl_context": ssl.create_default_context(cafile=side.root_certificate), **more}


def dbapi(side, **more):
    return pg8000.dbapi.connect(**parameters(side, **more))


def native(side, **more):
    return pg8000.native.Connection(**parameters(side, **more))


def attempt(action, *arguments, **named):
    try:
        return action(*arguments, **named)
    except ERRORS as error:
        return {"error": type(error).__name__, "says": error.args}


@scenario
def connecting(side):
    found = []
    for more in (
        {}, {"application_name": "mine"}, {"timeout": 20}, {"tcp_keepalive": False},
        {"startup_params": {"timezone": "Asia/Tokyo"}}, {"ssl_context": True},
    ):
        def once():
            connection = native(side, **more)
            rows = connection.run("select 1, current_setting('timezone')")
            statuses = {key: value for key, value in sorted(connection.parameter_statuses.items())}
            connection.close()
            return [rows, statuses]
        found.append([sorted(more), attempt(once)])
    return found


@scenario
def native_statements(side):
    connection = native(side)
    found = []
    for query, values in (
        ("select * from everything", {}),
        ("select 1; select 2", {}),
        ("", {}),
        ("select", {}),
        ("select :a::int + :b::int", {"a": 1, "b": 2}),
        ("create temp table t (i int)", {}),
        ("insert into t values (:n) returning i", {"n": 4}),
        ("select name from items where id = any(:ids)", {"ids": [1, 2]}),
        ("select * from talk(2)", {}),
        ("select 1/0", {}),
        ("selec", {}),
        ("select fail('é')", {}),
        ("insert into items (name) values ('item 1')", {}),
        ("select 1 where false", {}),
        ("start transaction", {}),
        ("select 1/0", {}),
        ("select 1", {}),
        ("rollback", {}),
        ("select :v", {"v": "x" * 1_000_000}),
        ("select generate_series(1, 20000)", {}),
        ("call twice(4)", {}),
        ("show timezone", {}),
        ("update items set price = 1 where id < 5", {}),
        ("select pg_notify('a', 'b')", {}),):
        found.append([query, attempt(connection.run, query, **values), connection.row_count,
                      connection.columns and [
                          (c["name"], c["type_oid"], c["type_size"], c["table_oid"] != 0, c["format"])
                          for c in connection.columns]])
    found.append([{key: value for key, value in notice.items()} for notice in connection.notices])
    connection.close()
    return found


@scenario
def prepared_statements(side):
    connection = native(side)
    statement = connection.prepare("select id, name from items where id = :id")
    found = [statement.run(id=n) for n in range(5)]
    found.append(statement.columns and [c["name"] for c in statement.columns])
    found.append(attempt(statement.run, id="wrong"))
    found.append(connection.run("select count(*) from pg_prepared_statements"))
    statement.close()
    found.append(connection.run("select count(*) from pg_prepared_statements"))
    found.append(attempt(connection.prepare, "selec"))
    found.append(connection.run("select 1"))
    return found


VALUES = [
    None, True, 5, 2**40, 2**70, 1.5, float("nan"), decimal.Decimal("1.50"), "é日本😀\\'", b"\x00\xff",
    datetime.date(2024, 2, 29), datetime.time(1, 2, 3), datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
    datetime.datetime(2024, 2, 29, tzinfo=UTC), datetime.timedelta(days=3, seconds=4),
    PGInterval(years=1, months=2, days=3), uuid.UUID(int=7), ipaddress.ip_address("10.0.0.1"),
    ipaddress.ip_network("10.0.0.0/8"), [1, 2, None], ["a", 'b"', None], [[1, 2], [3, 4]],
    {"a": [1, None]}, Range(1, 5), [Range(1, 3)], [decimal.Decimal("1.1")], [b"\x01"],
    [datetime.date(2024, 1, 1)],
]


@scenario
def values_of_every_type(side):
    connection = native(side)
    found = []
    for value in VALUES:
        found.append(attempt(connection.run, "select :v", v=value))
        found.append(attempt(connection.run, "select pg_typeof(:v)::text", v=value))
    for kind, value in (
        ("point3", "(1,2,x)"),
        ("mood", "ok"),
        ("jsonb", '{"a": 1}'),
        ("hstore", "a=>1"),
        ("interval", "1 day"),
        ("numrange", "[1,2)"),
        ("bytea", b"\x00"),
        ("mood", "no")):
        found.append(attempt(connection.run, f"select cast(:v as {kind})", v=value))
    connection.register_out_adapter(uuid.UUID, lambda value: "0" * 32)
    connection.register_in_adapter(3802, lambda text: ["own", text])
    found.append(connection.run("select cast(:v as uuid), '{}'::jsonb", v=uuid.UUID(int=7)))
    return found


@scenario
def the_db_api(side):
    connection = dbapi(side)
    cursor = connection.cursor()
    found = []
    cursor.execute("select id, name, price from items where id < %s order by id", (6,))
    found.append([cursor.description,
    cursor.rowcount,
    cursor.fetchone(),
    cursor.fetchmany(2),
     cursor.fetchall()])
    for style, query, values in (
        ("qmark", "select ?", (1,)),
        ("numeric", "select :1, :2", (1, 2)),
        ("named", "select :a", {"a": 1}),
        ("format", "select %s, '%%'", (1,)),
        ("pyformat", "select %(a)s", {"a": 1}),):
        pg8000.dbapi.paramstyle = style
        styled = connection.cursor()
        styled.execute(query, values)
        found.append([style, styled.fetchall()])
    pg8000.dbapi.paramstyle = "format"
    cursor = connection.cursor()
    cursor.executemany("insert into empty values (%s)", [(n,) for n in range(300)])
    found.append(cursor.rowcount)
    cursor.execute("select count(*) from empty")
    found.append(cursor.fetchall())
    connection.rollback()
    cursor.execute("insert into log (line) values ('kept')")
    connection.commit()
    found.append(attempt(cursor.execute, "select 1/0"))
    found.append(attempt(cursor.execute, "select 1"))
    connection.rollback()
    found.append(attempt(cursor.callproc, "twice", (2,)))
    connection.rollback()
    cursor.setinputsizes(20)
    cursor.execute("select line from log")
    found.append([row for row in cursor])
    connection.commit()
    connection.autocommit = True
    cursor.execute("vacuum items")
    connection.close()
    found.append(attempt(connection.cursor().execute, "select 1"))
    return found


@scenario
def legacy_interface(side):
    connection = pg8000.legacy.connect(**parameters(side))
    cursor = connection.cursor()
    found = []
    cursor.execute("select * from items where id < %s", (4,))
    found.append(list(cursor))
    with connection.cursor() as inner:
        inner.execute("select 5")
        found.append(inner.fetchone())
    statement = connection.prepare("select cast(:v as int) + 1")
    found.append([statement.run(v=n) for n in range(3)])
    statement.close()
    found.append([connection.run("select 1"), attempt(connection.run, "select nothing")])
    connection.rollback()
    return found


@scenario
def two_phase_commit(side):
    connection = dbapi(side)
    found = []
    for name, end in (("one", "tpc_commit"), ("two", "tpc_rollback")):
        identity = connection.xid(1, name, "branch")
        connection.tpc_begin(identity)
        connection.cursor().execute("insert into parts values (1, %s)", (name,))
        connection.tpc_prepare()
        found.append([str(each[1]) for each in connection.tpc_recover()])
        getattr(connection, end)(identity)
    cursor = connection.cursor()
    cursor.execute("select serial from parts where item = 1 order by 1")
    found.append(cursor.fetchall())
    return found


@scenario
def copying(side):
    connection = native(side)
    found = []
    for query, data in (
        ("copy empty from stdin", "1\n2\n"),
        ("copy empty from stdin (format csv, header)", "id\n5\n"),
        ("copy empty from stdin", "".join(f"{n}\n" for n in range(50_000))),
        ("copy empty from stdin", "x\n"),
        ("copy nowhere from stdin", "1\n"),
        ("copy empty from stdin", ""),):
        found.append(
            [attempt(connection.run, query, stream=io.StringIO(data)),
             connection.row_count])
    found.append(
        attempt(
            connection.run, "copy parts (item, serial) from stdin",
            stream=iter([b"1\ta\n", b"1\tb\n"])))
    for query in (
        "copy items to stdout", "copy items (id, made) to stdout (format binary)",
        "copy nowhere to stdout",
        "copy (select repeat('x', 1000) from generate_series(1, 3000)) to stdout",
        "copy (select 1/(3-n) from generate_series(1,5) n) to stdout",
        "copy (select 1 where false) to stdout",):
        taken = io.BytesIO()
        found.append([attempt(connection.run, query, stream=taken), taken.getvalue()])
    found.append(connection.run("select count(*) from empty"))
    return found


@scenario
def portals_and_cursors(side):
    """pg8000 has cursors by statements alone."""
    connection = native(side)
    found = []
    connection.run("begin")
    connection.run("declare c scroll cursor for select id from items order by id")
    for query in ("fetch 3 from c", "move 10 in c", "fetch backward 2 from c",
                  "fetch all from c", "close c", "fetch c"):
        found.append(attempt(connection.run, query))
    connection.run("rollback")
    return found


@scenario
def listening(side):
    one, two = native(side), native(side)
    one.run("listen news")
    for n in range(5):
        two.run("select pg_notify('news', :p)", p=f"payload {n}")
    time.sleep(0.2)
    one.run("select 1")
    return [(channel, payload) for _, channel, payload in one.notifications]


@scenario
def threads(side):
    found = []

    def work(number):
        connection = native(side)
        found.append(sum(connection.run("select :a::int * :b::int",
                     a=number, b=n)[0][0] for n in range(20)))
        connection.close()
    workers = [threading.Thread(target=work, args=[n]) for n in range(15)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sorted(found)


@scenario
def ended_and_timed_out(side):
    connection = native(side)
    connection.run("set statement_timeout = '100ms'")
    found = [attempt(connection.run, "select pg_sleep(5)"), connection.run("select 1")]
    found.append(attempt(connection.run, "select pg_terminate_backend(pg_backend_pid())"))
    failed = attempt(connection.run, "select 1")
    found.append(failed)
    return found
