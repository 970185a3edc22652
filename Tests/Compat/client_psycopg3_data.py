"""psycopg 3: types of every kind as text and binary, and COPY."""

import datetime
import decimal
import enum
import io
import ipaddress
import uuid

import psycopg
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.hstore import register_hstore
from psycopg.types.json import Json, Jsonb, set_json_loads
from psycopg.types.multirange import Multirange
from psycopg.types.range import Int4Range, NumericRange, Range, RangeInfo, TimestamptzRange, register_range

import design
from client_psycopg3 import CLIENT, attempt, columns, connect

scenario = CLIENT.scenario
UTC = datetime.timezone.utc

VALUES = [
    ("boolean", True), ("smallint", -32768), ("integer", 2**31 - 1), ("bigint", -2**63),
    ("real", 1.5), ("double precision", 2.718281828459045), ("double precision", float("inf")),
    ("numeric", decimal.Decimal("-12345678901234567890.0123")), ("numeric", decimal.Decimal("NaN")),
    ("numeric", decimal.Decimal("1e-20")), ("text", "é日本😀\\'\""), ("text", ""),
    ("varchar", "x" * 70000), ("char(5)", "ab"), ("\"char\"", "z"), ("name", "n"),
    ("bytea", bytes(range(256))), ("bytea", b""), ("bytea", b"\\x00" * 50000),
    ("date", datetime.date(2024, 2, 29)), ("date", datetime.date.max),
    ("time", datetime.time(12, 34, 56, 789000)),
    ("timetz", datetime.time(1, 2, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))),
    ("timestamp", datetime.datetime(2024, 2, 29, 12, 34, 56, 789)),
    ("timestamptz", datetime.datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)),
    ("interval", datetime.timedelta(days=-3, seconds=7, microseconds=5)),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    ("json", Json({"a": [1, None, "x"]})), ("jsonb", Jsonb({"b": {"c": 1.5}})),
    ("inet", ipaddress.ip_address("192.168.0.1")), ("inet", ipaddress.ip_interface("::1/64")),
    ("cidr", ipaddress.ip_network("10.0.0.0/8")), ("int[]", [1, None, 3]), ("int[]", []),
    ("int[]", [[1, 2], [3, 4]]), ("text[]", ["a b", None, 'c,"d"', "\\"]),
    ("numeric[]", [decimal.Decimal("1.10")]), ("bytea[]", [b"\x00", b"\xff"]),
    ("timestamptz[]", [datetime.datetime(2024, 1, 1, tzinfo=UTC)]), ("mood", "happy"),
    ("int4range", Int4Range(1, 10)), ("int4range", Range(empty=True)),
    ("numrange", NumericRange(decimal.Decimal("1.5"), None, "(]")),
    ("tstzrange", TimestamptzRange(datetime.datetime(2024, 1, 1, tzinfo=UTC), None)),
    ("int4multirange", Multirange([Int4Range(1, 3), Int4Range(5, 7)])), ("int", None),
    ("oid", 4_000_000_000), ("xid8", "12345678901"), ("pg_lsn", "16/B374D848"),
    ("point", "(1,2)"), ("macaddr", "08:00:2b:01:02:03"), ("bit(4)", "1010"), ("money", "12.34"),
    ("xml", "<a>x</a>"), ("tsvector", "a fat cat"), ("jsonpath", "$.a[*]"), ("citext", "CiText"),
    ("ltree", "top.middle"), ("regtype", "integer"), ("pg_snapshot", "10:20:10,14"),
]


@scenario
def every_type_read(side):
    with connect(side) as connection:
        found = {}
        for binary in (False, True):
            with connection.cursor(binary=binary) as cursor:
                cursor.execute("select * from everything")
                found[str(binary)] = [columns(cursor), cursor.fetchall()]
        return found


def add_writing(form):
    @scenario(name=f"every type written and read, {form.name.lower()}")
    def written(side):
        found = []
        with connect(side, autocommit=True) as connection:
            for kind, value in VALUES:
                mark = {"TEXT": "%t", "BINARY": "%b"}.get(form.name, "%s")
                for binary in (False, True):
                    cursor = connection.cursor(binary=binary)
                    found.append((kind, binary, attempt(lambda: cursor.execute(
                        f"select {mark}::{kind}", [value]).fetchone())))
        return found


for each in psycopg.adapt.PyFormat:
    add_writing(each)


class Mood(enum.Enum):
    SAD = "sad"
    OK = "ok"
    HAPPY = "happy"


@scenario
def own_types(side):
    """What psycopg asks the catalogue for, and what it makes of it."""
    found = []
    with connect(side) as connection:
        for kind, name in (
            (TypeInfo, "hstore"),
            (EnumInfo, "mood"),
            (CompositeInfo, "point3"),
            (RangeInfo, "span"),
            (TypeInfo, "citext"),
            (TypeInfo, "posint"),
            (TypeInfo, "nothing"),):
            info = kind.fetch(connection, name)
            found.append(
    info and {
        "name": info.name, "oid": info.oid, "array": info.array_oid, "labels": getattr(
            info, "labels", None), "fields": getattr(
                info, "field_names", None), "types": getattr(
                    info, "field_types", None)})
        register_hstore(TypeInfo.fetch(connection, "hstore"), connection)
        register_enum(EnumInfo.fetch(connection, "mood"), connection, Mood,
                      mapping=[(member, member.value) for member in Mood])
        register_composite(CompositeInfo.fetch(connection, "point3"), connection)
        register_range(RangeInfo.fetch(connection, "span"), connection)
        point = CompositeInfo.fetch(connection, "point3")
        register_composite(point, connection)
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            cursor.execute("select fe, fea, p3, p3a, hs, pi from everything")
            found.append(cursor.fetchall())
            cursor.execute("select %s::hstore, %s::mood, %s::mood[], %s::point3, %s::span, %s::point3[]", [
                {"a": "1", "b": None}, Mood.OK, [Mood.SAD, Mood.HAPPY],
                point.python_type(1, None, "x"), Range(decimal.Decimal(1), decimal.Decimal(2)),
                [point.python_type(1, 2, "y")]])
            found.append(cursor.fetchall())
            set_json_loads(
    lambda text: [
        "loaded",
        text if isinstance(
            text,
            str) else bytes(text)],
             cursor)
            found.append(cursor.execute("select '{\"a\": 1}'::jsonb, '[1]'::json").fetchall())
    return found


def into(side, statement, feed, check="select * from t order by 1"):
    with connect(side) as connection:
        cursor = connection.cursor()
        cursor.execute("create table t (i int, s text, at timestamptz, n numeric)")

        def once():
            with cursor.copy(statement) as copy:
                feed(copy)
            return [cursor.rowcount, cursor.statusmessage]
        found = [attempt(once), connection.info.transaction_status.name]
        if isinstance(found[0], list):
            found.append(cursor.execute(check).fetchall())
        connection.rollback()
        return found


ROW = (1, "é\t\n\\", datetime.datetime(2024, 2, 29, tzinfo=UTC), decimal.Decimal("1.50"))


@scenario
def copy_in(side):
    count = "select count(*), sum(i), sum(length(s)) from t"

    def rows(copy):
        for n in range(20_000):
            copy.write_row((n, f"row {n}", None, decimal.Decimal(n)))

    def typed(copy):
        copy.set_types(["int4", "text", "timestamptz", "numeric"])
        for n in range(20_000):
            copy.write_row((n, f"row {n}", ROW[2], decimal.Decimal(n) / 7))

    def blocks(copy):
        for n in range(200):
            copy.write(f"{n}\t{'x' * 9000}\t\\N\t\\N\n")

    def one_octet_at_a_time(copy):
        for octet in "1\té\t\\N\t2.5\n".encode():
            copy.write(bytes([octet]))

    def leaves(copy):
        copy.write_row((1, "x", None, None))
        raise psycopg.DataError("on my own")

    return [
        into(side, "copy t from stdin", rows, count),
        into(side, "copy t from stdin (format binary)", typed, count + " where n > 1"),
        into(side, "copy t from stdin", lambda copy: copy.write_row(ROW)),
        into(side, "copy t from stdin", blocks, count),
        into(side, "copy t from stdin", one_octet_at_a_time),
        into(side, "copy t (i, s) from stdin (format csv, header, null 'none', quote '''')",
             lambda copy: copy.write("i,s\n1,'a,b'\n2,none\n")),
        into(side, "copy t from stdin (freeze)", lambda copy: None),
        into(side, "copy t from stdin", lambda copy: copy.write("one\ttwo\n")),
        into(side, "copy t from stdin", lambda copy: copy.write("1\n")),
        into(side, "copy t from stdin", leaves),
        into(side, "copy t from stdin (format binary)", lambda copy: copy.write(b"not binary at all")),
        into(side, "copy nowhere from stdin", rows),
        into(side, "copy items from stdin", lambda copy: copy.write("1\tagain\t1\t\\N\t\\N\t\\N\t\\N\t\\N\n")),
        into(side, "copy t from stdin where i > 5", lambda copy: copy.write(
            "".join(f"{n}\tx\t\\N\t\\N\n" for n in range(10)))),
        into(side, "copy t (i) from stdin with (format text, on_nothing x)", rows),
    ]


@scenario
def copy_out(side):
    found = []
    with connect(side) as connection:
        cursor = connection.cursor()
        for statement in (
            "copy items to stdout", "copy items (id, name) to stdout (format csv, header)",
            "copy (select id, made, tags from items limit 5) to stdout (format binary)",
            "copy (select n, repeat('x', 1000) from generate_series(1, 5000) n) to stdout",
            "copy empty to stdout", "copy empty to stdout (format binary)",
            "copy (select repeat('y', 5000000)) to stdout",
            "copy (select 10 / (500 - n) from generate_series(1, 900) n) to stdout",
            "copy nowhere to stdout", "copy everything to stdout (force_quote *, format csv)",
            "copy (select 1) to '/tmp/x'",
            "copy (insert into empty values (1) returning id) to stdout",):
            def once():
                with cursor.copy(statement) as copy:
                    taken = [bytes(data) for data in copy]
                return [b"".join(taken), cursor.rowcount, cursor.statusmessage]
            found.append(attempt(once))
            connection.rollback()
        with cursor.copy("copy (select id, made, price, tags from items limit 9) to stdout (format binary)") as copy:
            copy.set_types(["int4", "timestamptz", "numeric", "text[]"])
            found.append(list(copy.rows()))
        with cursor.copy("copy (select id, name from items limit 9) to stdout") as copy:
            while row := copy.read_row():
                found.append(row)
        found.append(cursor.execute("select 1").fetchall())
        found.append(attempt(cursor.execute, "copy items to stdout"))
        connection.close()
    return found


def add_round_trip(form):
    @scenario(name=f"copy from one connection into another, {form}")
    def round_trip(side):
        options = f"(format {form})"
        with connect(side) as source, connect(side) as target:
            target.execute("create table again (like everything)")
            with source.cursor().copy(f"copy everything to stdout {options}") as taken:
                with target.cursor().copy(f"copy again from stdin {options}") as given:
                    for data in taken:
                        given.write(data)
            text = "select md5(string_agg(t::text, '|')) from {} t"
            return [target.execute(text.format(name)).fetchall()
                                   for name in ("everything", "again")]


for each in ("text", "csv", "binary"):
    add_round_trip(each)


@scenario
def large_values(side):
    """More than fits any buffer, in both directions."""
    with connect(side) as connection:
        found = []
        for size in (8191, 8192, 65536, 1_000_000, 3_000_000):
            octets = bytes(size)
            text, same = connection.execute(
                "select length(%s::text), %s::bytea = %s", ["x" * size, octets, octets], binary=True
            ).fetchone()
            found.append([text, same])
            found.append(len(connection.execute(
                "select repeat('é', %s)", [size * 10]).fetchone()[0]))
        cursor = connection.execute("select * from unnest(%s::text[]) limit 2000", [
            ["y" * 5000] * 2000])
        found.append(sum(len(row[0]) for row in cursor))
        wide = connection.execute("select " + ", ".join(f"{n} as c{n}" for n in range(1600)))
        found.append(sum(wide.fetchone()))
        found.append(attempt(
            connection.execute, "select " + ", ".join(["1"] * 1700)))
        return found


@scenario
def copy_of_a_large_file(side):
    line = ("x" * 999 + "\n").encode()
    with connect(side) as connection:
        cursor = connection.cursor()
        cursor.execute("create temp table t (s text)")
        with cursor.copy("copy t from stdin") as copy:
            file = io.BytesIO(line * 40_000)
            while data := file.read(1 << 20):
                copy.write(data)
        found = [cursor.rowcount]
        size = 0
        with cursor.copy("copy t to stdout") as copy:
            for data in copy:
                size += len(data)
        return [*found, size]


@scenario(reason=design.SIZE, through=lambda _: {
    "error": "ProgramLimitExceeded",
    "says": f"{design.TOO_LARGE}\nDETAIL:  {design.BIND_OF_20_MB}\nHINT:  {design.USE_COPY}",
    "severity_nonlocalized": "ERROR", "sqlstate": "54000", "message_primary": design.TOO_LARGE,
    "message_detail": design.BIND_OF_20_MB, "message_hint": design.USE_COPY})
def parameter_of_twenty_megabytes(side):
    with connect(side) as connection:
        return attempt(
            lambda: connection.execute("select length(%s)", [bytes(20_000_000)]).fetchone())
