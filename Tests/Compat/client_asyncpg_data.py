"""asyncpg: types, all in binary, what it asks the catalogue for, and COPY."""

import asyncio
import datetime
import decimal
import io
import ipaddress
import json
import uuid

import asyncpg

from client_asyncpg import CLIENT, asynchronous, attempt, connect

__all__ = ["CLIENT"]
UTC = datetime.timezone.utc
VALUES = [
    ("bool", True), ("int2", -5), ("int4", 2**31 - 1), ("int8", -2**63), ("float4", 1.5),
    ("float8", float("inf")), ("numeric", decimal.Decimal("-1234567890.0123456789")),
    ("numeric", decimal.Decimal("NaN")), ("text", "é日本😀"), ("text", ""), ("varchar", "x" * 70_000),
    ("char(5)", "ab"), ("\"char\"", b"z"), ("name", "n"), ("bytea", bytes(range(256))),
    ("bytea", b""), ("date", datetime.date(2024, 2, 29)), ("time", datetime.time(1, 2, 3, 4)),
    ("timetz", datetime.time(1, 2, 3, tzinfo=UTC)), ("timestamp", datetime.datetime(2024, 2, 29, 1)),
    ("timestamptz", datetime.datetime(2024, 2, 29, 1, tzinfo=UTC)),
    ("interval", datetime.timedelta(days=-3, seconds=5)), ("uuid", uuid.UUID(int=5)),
    ("json", '{"a": 1}'), ("jsonb", '{"b": [1, 2]}'), ("inet", ipaddress.ip_interface("10.0.0.1/8")),
    ("cidr", ipaddress.ip_network("10.0.0.0/8")), ("macaddr", "08:00:2b:01:02:03"),
    ("bit(4)", asyncpg.BitString("1010")), ("varbit", asyncpg.BitString("10101")),
    ("point", asyncpg.Point(1, 2)), ("box", asyncpg.Box((3, 4), (1, 2))),
    ("line", asyncpg.Line(1, 2, 3)), ("lseg", asyncpg.LineSegment((1, 2), (3, 4))),
    ("path", asyncpg.Path((1, 2), (3, 4), is_closed=True)), ("circle", asyncpg.Circle((1, 2), 3)),
    ("polygon", asyncpg.Polygon((0, 0), (0, 1), (1, 1))), ("int4[]", [1, None, 3]), ("int4[]", []),
    ("int4[]", [[1, 2], [3, 4]]), ("text[]", ["a b", None, 'c"']), ("mood", "ok"),
    ("mood[]", ["sad", "ok"]), ("point3", (1, None, "x")), ("point3[]", [(1, 2, "x"), (3, 4, None)]),
    ("posint", 7), ("posint", -7), ("int4range", asyncpg.Range(1, 5)),
    ("numrange", asyncpg.Range(empty=True)), ("int4multirange", [asyncpg.Range(1, 3)]),
    ("span", asyncpg.Range(decimal.Decimal(1), None)), ("citext", "CiText"), ("oid", 4_000_000_000),
    ("money", "12.34"), ("xml", "<a/>"), ("tsvector", "a fat cat"), ("ltree", "a.b"),
    ("hstore", "a=>1"), ("pg_lsn", "16/B374D848"), ("regtype", "integer"), ("jsonpath", "$.a"),
    ("int4", None), ("xid8", 5), ("tid", (1, 2)), ("int4", "wrong"), ("int2", 70_000),
]


@asynchronous
async def every_type_read(side):
    connection = await connect(side)
    rows = await connection.fetch("select * from everything")
    await connection.close()
    return [[(key, value) for key, value in row.items()] for row in rows]


@asynchronous
async def every_type_written_and_read(side):
    connection = await connect(side)
    found = []
    for kind, value in VALUES:
        found.append((kind, await attempt(connection.fetchval(f"select $1::{kind}", value))))
    await connection.close()
    return found


@asynchronous
async def own_types_and_codecs(side):
    connection = await connect(side)
    found = []
    await connection.set_builtin_type_codec("hstore", codec_name="pg_contrib.hstore")
    found.append(await connection.fetchval("select $1::hstore", {"a": "1", "b": None}))
    for form in ("text", "binary"):
        await connection.set_type_codec(
            "json", schema="pg_catalog", format=form,
            encoder=lambda value: json.dumps(value) if form == "text" else json.dumps(value).encode(),
            decoder=lambda value: ["decoded", json.loads(value)])
        found.append(await connection.fetchval("select $1::json", {"a": [1]}))
    await connection.set_type_codec("mood", encoder=str.lower, decoder=str.upper)
    found.append(await connection.fetchval("select $1::mood", "HAPPY"))
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", format="tuple", encoder=lambda t: t, decoder=lambda t: t)
    found.append(await connection.fetchval("select made from items where id = 1"))
    await connection.reset_type_codec("mood")
    # Types deep in each other, all to be introspected at once.
    await connection.execute(
        "create type deep as (a point3[], m mood, h hstore); create domain deeper as deep[]; "
        "create type deepest as (d deeper, r int4multirange, t items)")
    found.append(await attempt(connection.fetchrow(
        "select row(array[row(array[row(1, 2, 'x')::point3], 'sad', 'k=>v')::deep], '{[1,4)}', "
        "(select i from items i where id = 1))::deepest")))
    await connection.execute("alter type mood add value 'elated'")
    found.append(await attempt(connection.fetchval("select 'elated'::mood")))
    await connection.execute("drop type point3 cascade; create type point3 as (z text)")
    await connection.reload_schema_state()
    found.append(await attempt(connection.fetchval("select row('new')::point3")))
    found.append(await attempt(connection.set_type_codec("nothing", encoder=str, decoder=str)))
    await connection.close()
    return found


@asynchronous
async def copy_in(side):
    connection = await connect(side)
    await connection.execute("create table t (i int, s text, d timestamptz, n numeric, a int[])")
    moment = datetime.datetime(2024, 2, 29, tzinfo=UTC)
    rows = [(n, f"row {n} é", moment, decimal.Decimal(n), [n, None]) for n in range(20_000)]
    found = [await connection.copy_records_to_table("t", records=rows)]

    async def source():
        for row in rows[:300]:
            yield row
    found.append(await connection.copy_records_to_table("t", records=source()))
    found.append(await connection.copy_records_to_table(
        "t", records=[(1, "x")], columns=["i", "s"]))
    found.append(await attempt(connection.copy_records_to_table("t", records=[(1, "x", None, None, 5)])))
    found.append(await attempt(connection.copy_records_to_table(
        "t", records=[("wrong", "x")], columns=["i", "s"])))
    found.append(await attempt(connection.copy_records_to_table("nowhere", records=[(1,)])))
    found.append(await attempt(connection.copy_records_to_table(
        "items", records=[(1, "item 1")], columns=["id", "name"])))
    found.append(await attempt(connection.copy_records_to_table(
        "t", records=[(n,) for n in range(10)], columns=["i"], where="i > 5")))
    for source_of, options in (
        (io.BytesIO(b"1,x\n2,\n"), {"format": "csv", "columns": ["i", "s"]}),
        (io.BytesIO(b"i;s\n1;N\n"), {"format": "csv", "delimiter": ";", "header": True, "null": "N",
                                     "columns": ["i", "s"]}),
        (io.BytesIO(b"wrong\tx\n"), {"columns": ["i", "s"]}),
        (io.BytesIO(b""), {}),
        (io.BytesIO("".join(f"{n}\t{'y' * 900}\n" for n in range(5000)).encode()), {"columns": ["i", "s"]}),
    ):
        found.append(await attempt(connection.copy_to_table("t", source=source_of, **options)))

    async def breaks():
        yield b"1\tx\n"
        raise ValueError("out of rows")
    found.append(await attempt(connection.copy_to_table("t", source=breaks(), columns=["i", "s"])))
    found.append(await connection.fetch("select count(*), sum(i), sum(length(s)) from t"))
    async with connection.transaction():
        await connection.copy_records_to_table("t", records=rows[:5])
    await connection.close()
    return found


@asynchronous
async def copy_out(side):
    connection = await connect(side)
    found = []
    for query, values, options in (
        ("select id, name from items where id < $1", [5], {}),
        ("select * from items", [], {"format": "csv", "header": True}),
        ("select id, made from items limit 3", [], {"format": "binary"}),
        ("select repeat('x', 1000) from generate_series(1, 20000)", [], {}),
        ("select 10 / (5 - n) from generate_series(1, 9) n", [], {}), ("select nothing", [], {}),
        ("select 1 where $1", [False], {"format": "csv", "force_quote": ["?column?"]}),
    ):
        taken = io.BytesIO()
        found.append([await attempt(connection.copy_from_query(
            query, *values, output=taken, **options)), taken.getvalue()])
    taken = io.BytesIO()
    found.append([await connection.copy_from_table(
        "items", columns=["id", "tags"], output=taken, format="csv"), taken.getvalue()])
    found.append(await attempt(connection.copy_from_table("nowhere", output=taken)))

    async def slow(data):
        await asyncio.sleep(0.01)

    async def fails(data):
        raise ValueError("disk full")
    found.append(await connection.copy_from_query(
        "select repeat('x', 10000) from generate_series(1, 500)", output=slow))
    found.append(await attempt(connection.copy_from_query(
        "select repeat('x', 10000) from generate_series(1, 500)", output=fails)))
    found.append(await connection.fetchval("select 1"))
    await connection.close()
    return found


@asynchronous
async def large_values(side):
    connection = await connect(side)
    found = []
    for size in (8191, 8192, 65535, 65536, 1_000_000, 9_000_000):
        octets = bytes(size)
        row = await connection.fetchrow("select length($1::bytea), $1::bytea = $2", octets, octets) \
            if size < 8_000_000 else await connection.fetchrow("select length($1::bytea), true", octets)
        found.append(list(row.values()))
        found.append(len(await connection.fetchval("select repeat('é', $1::int)", size)))
    found.append(await connection.fetchval("select cardinality($1::int[])", list(range(300_000))))
    rows = await connection.fetch("select n, repeat('x', 50) from generate_series(1, 100000) n")
    found.append(sum(row[0] for row in rows))
    many = ", ".join(f"${n}::int" for n in range(1, 32768))
    found.append(await connection.fetchval(f"select cardinality(array[{many}])", *range(32767)))
    await connection.close()
    return found
