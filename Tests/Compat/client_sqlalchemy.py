"""SQLAlchemy over psycopg, psycopg2, asyncpg and pg8000: the core."""

import asyncio
import datetime
import decimal
import enum
import ssl
import uuid

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import create_async_engine

from scenario import Client

CLIENT = Client("SQLAlchemy", sa.__version__)
scenario = CLIENT.scenario
SYNCHRONOUS = ("psycopg", "psycopg2", "pg8000")


def address(side, driver):
    return sa.URL.create(
        f"postgresql+{driver}", side.user, side.password, side.host, side.port, side.database)


def arguments(side, driver):
    if driver in ("psycopg", "psycopg2"):
        return {"sslmode": "verify-full", "sslrootcert": side.root_certificate}
    context = ssl.create_default_context(cafile=side.root_certificate)
    return {"ssl_context" if driver == "pg8000" else "ssl": context}


def engine(side, driver, **more):
    return sa.create_engine(
        address(side, driver), connect_args=arguments(side, driver), **more)


def async_engine(side, driver, **more):
    return create_async_engine(address(side, driver), connect_args=arguments(side, driver), **more)


def told(error):
    original = getattr(error, "orig", None)
    state = (
        getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
        or (original.args and original.args[0] if original is not None else str(error)))
    return {"error": type(error).__name__, "of": type(original).__name__, "state": state}


def attempt(action, *values, **named):
    try:
        return action(*values, **named)
    except Exception as error:
        # While a stream of asyncpg's is read, SQLAlchemy lets its errors through as they are.
        return told(error)


def each_driver(name, drivers=(*SYNCHRONOUS, "asyncpg"), **options):
    """Registers a function of a connection (and its engine) once for every driver.

    With asyncpg it runs inside ``run_sync``: the same code, the other protocol.
    """
    def register(body):
        for driver in drivers:
            def run(side, driver=driver):
                if driver == "asyncpg":
                    return asyncio.run(in_asyncio(side, driver, body, options))
                made = engine(side, driver, **options)
                try:
                    with made.connect() as connection:
                        return body(connection)
                finally:
                    made.dispose()
            scenario(run, name=f"{name}, {driver}")
        return body
    return register


async def in_asyncio(side, driver, body, options):
    made = async_engine(side, driver, **options)
    try:
        async with made.connect() as connection:
            return await connection.run_sync(body)
    finally:
        await made.dispose()


class Feeling(enum.Enum):
    sad = 1
    ok = 2
    happy = 3


METADATA = sa.MetaData()
THINGS = sa.Table(
    "things", METADATA, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50), nullable=False, unique=True), sa.Column("price", sa.Numeric(10, 2)),
    sa.Column("weight", sa.Float), sa.Column("made", sa.DateTime(timezone=True)), sa.Column("day", sa.Date),
    sa.Column("at", sa.Time), sa.Column("took", sa.Interval), sa.Column("data", pg.JSONB),
    sa.Column("tags", pg.ARRAY(sa.Text)), sa.Column("key", sa.Uuid), sa.Column("blob", sa.LargeBinary),
    sa.Column("feeling", sa.Enum(Feeling, name="feeling")), sa.Column("yes", sa.Boolean),
    sa.Column("span", pg.INT4RANGE), sa.Column("address", pg.INET),
    sa.Column("big", sa.BigInteger, sa.Identity(start=100)), sa.Index("things_price", "price"))
FULL = {
    "price": decimal.Decimal("1.50"), "weight": 2.5, "day": datetime.date(2024, 2, 29),
    "made": datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), "at": datetime.time(1, 2, 3),
    "took": datetime.timedelta(days=2, seconds=5), "data": {"a": [1, None, "é"]},
    "tags": ["a", 'b"', "é"], "key": uuid.UUID(int=5), "blob": bytes(range(256)),
    "feeling": Feeling.happy, "yes": True, "span": pg.Range(1, 5)}


@each_driver("types and statements")
def types_and_statements(connection):
    METADATA.create_all(connection)
    found = []
    connection.execute(sa.insert(THINGS), {"name": "full", **FULL})
    connection.execute(sa.insert(THINGS), {"name": "empty"})
    found.append([list(row) for row in connection.execute(sa.select(THINGS).order_by(THINGS.c.id))])
    found.append(connection.execute(
        sa.select(THINGS.c.name, THINGS.c.data["a"][2].astext, sa.func.cardinality(THINGS.c.tags))
        .where(THINGS.c.data.contains({"a": [1]}))).mappings().all())
    found.append(
        connection.execute(
            sa.update(THINGS).where(THINGS.c.name ==sa.bindparam("which")).values(
                price=THINGS.c.price +1).returning(THINGS.c.price),
            {"which": "full"}).all())
    upsert = pg.insert(THINGS).values(name="full", yes=False)
    found.append(
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=["name"],
            set_={
                "yes": upsert.excluded.yes}).returning(
                    THINGS.c.id,
                     THINGS.c.yes)).all())
    found.append(connection.execute(sa.select(sa.func.count()).where(
        THINGS.c.name.in_([f"n{n}" for n in range(3000)]))).scalar())
    found.append(connection.execute(sa.text("select :a || 'é', '50%'::text"), {"a": "x"}).all())
    found.append(connection.execute(sa.delete(THINGS)).rowcount)
    connection.rollback()
    found.append(sa.inspect(connection).has_table("things"))
    return found


@each_driver("insertmanyvalues")
def insert_many_values(connection):
    METADATA.create_all(connection)
    rows = [{"name": f"n{n}", "price": decimal.Decimal(
        n), "tags": ["a"] * (n % 3)} for n in range(2300)]
    result = connection.execute(
        sa.insert(THINGS).returning(THINGS.c.id, THINGS.c.name, sort_by_parameter_order=True), rows)
    found = [[tuple(row) for row in result.all()][::100]]
    connection.execute(sa.insert(THINGS), [{"name": f"m{n}"} for n in range(1200)])
    found.append(connection.execute(sa.select(sa.func.count(), sa.func.sum(THINGS.c.price))).all())
    connection.execute(
        sa.update(THINGS).where(THINGS.c.name == sa.bindparam("which")),
        [{"which": f"m{n}", "yes": True} for n in range(200)])
    found.append(connection.execute(sa.select(sa.func.count()).where(THINGS.c.yes)).scalar())

    def twice():
        with connection.begin_nested():
            connection.execute(sa.insert(THINGS), [{"name": "n1"}, {"name": "new"}])
    found.append(attempt(twice))
    found.append(connection.execute(sa.select(sa.func.count()).select_from(THINGS)).scalar())
    return found


@each_driver("streaming")
def streaming(connection):
    found = []
    query = sa.text("select n, repeat('x', n % 40) as s from generate_series(1, 5000) n")
    result = connection.execution_options(stream_results=True, max_row_buffer=77).execute(query)
    found.append(sum(len(row.s) for row in result))
    result = connection.execution_options(yield_per=333).execute(query)
    found.append([len(part) for part in result.partitions()])
    result = connection.execution_options(stream_results=True).execute(query)
    found.append([result.fetchone().n, len(result.fetchmany(10))])
    result.close()
    broken = sa.text("select 10 / (2000 - n) from generate_series(1, 5000) n")
    found.append(attempt(lambda: connection.execution_options(yield_per=100).execute(broken).all()))
    connection.rollback()
    found.append(connection.execute(sa.text("select 1")).scalar())
    return found


@each_driver("transactions")
def transactions(connection):
    found = []
    insert = sa.text("insert into log (line) values (:line)")
    with connection.begin():
        connection.execute(insert, {"line": "kept"})
        outer = connection.begin_nested()
        connection.execute(insert, {"line": "outer"})
        inner = connection.begin_nested()
        found.append(attempt(connection.execute, sa.text("select 1/0")))
        found.append(attempt(connection.execute, sa.text("select 1")))
        inner.rollback()
        connection.execute(insert, {"line": "after inner"})
        outer.commit()
    try:
        with connection.begin():
            connection.execute(insert, {"line": "lost"})
            raise KeyError
    except KeyError:
        pass
    found.append(connection.execute(sa.text("select line from log order by line")).scalars().all())
    connection.rollback()
    for level in ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "AUTOCOMMIT"):
        own = connection.execution_options(isolation_level=level)
        found.append([level, own.execute(sa.text("show transaction_isolation")).scalar(),
                      own.get_isolation_level()])
        own.rollback()
    own = connection.execution_options(isolation_level="SERIALIZABLE", postgresql_readonly=True,
                                       postgresql_deferrable=True)
    found.append(attempt(own.execute, insert, {"line": "x"}))
    own.rollback()
    return found


@each_driver("two-phase commit", drivers=("psycopg", "psycopg2", "asyncpg"))
def two_phase(connection):
    found = []
    for end in ("commit", "rollback"):
        two = connection.begin_twophase(xid=f"compat-{end}")
        connection.execute(sa.text("insert into parts values (1, :s)"), {"s": end})
        two.prepare()
        getattr(two, end)()
    found.append(
    connection.execute(
        sa.text("select serial from parts where item = 1 order by 1")).scalars().all())
    return found


@each_driver("reflection")
def reflection(connection):
    METADATA.create_all(connection)
    inspector = sa.inspect(connection)
    reflected = sa.MetaData()
    reflected.reflect(connection, views=True)
    found = {"tables": sorted(reflected.tables)}
    for name, table in sorted(reflected.tables.items()):
        found[name] = {
            "columns": [[c.name, str(c.type), c.nullable, str(c.server_default and getattr(
                c.server_default, "arg", "computed")), c.primary_key, c.comment] for c in table.columns],
            "indexes": sorted((i.name, i.unique, [c.name for c in i.columns]) for i in table.indexes),
            "constraints": sorted(str(c.name) + type(c).__name__ for c in table.constraints)}
    found["schemas"] = inspector.get_schema_names()
    found["enums"] = inspector.get_enums()
    found["domains"] = inspector.get_domains()
    found["view"] = inspector.get_view_definition("dear")
    found["multi"] = sorted((str(key), len(value))
                            for key, value in inspector.get_multi_columns().items())
    found["checks"] = inspector.get_check_constraints("items")
    found["keys"] = inspector.get_foreign_keys("parts")
    found["comment"] = inspector.get_table_comment("items")
    found["sequences"] = inspector.get_sequence_names()
    found["missing"] = attempt(inspector.get_columns, "nowhere")
    return found


@each_driver("errors")
def errors(connection):
    found = []
    for statement in (
        "select 1/0", "selec", "select nothing", "insert into items (name) values ('item 1')",
        "insert into items (name) values (null)", "insert into parts values (999, 'x')",
        "select fail('x')", "insert into items (name, price) values ('x', -1)", "select 'x'::mood",
        "drop table items", "create role x", "set statement_timeout = '50ms'; select pg_sleep(2)",
    ):
        found.append((statement, attempt(connection.execute, sa.text(statement))))
        connection.rollback()
    return found


def add_pool(driver):
    @scenario(name=f"pool with pre-ping, {driver}")
    def pool(side):
        events = []
        made = engine(side, driver, pool_pre_ping=True, pool_size=2, max_overflow=1, pool_timeout=1)
        event.listen(made, "connect", lambda *_: events.append("connect"))
        event.listen(made, "invalidate", lambda *_: events.append("invalidate"))
        found = []
        with made.connect() as connection:
            pid = connection.execute(sa.text("select pg_backend_pid()")).scalar()
        terminate(side, pid)
        with made.connect() as connection:
            found.append(connection.execute(sa.text("select 1")).scalar())
        # Without a ping in between: the error is known as a lost connection.
        with made.connect() as connection:
            pid = connection.execute(sa.text("select pg_backend_pid()")).scalar()
            terminate(side, pid)
            try:
                connection.execute(sa.text("select 2"))
            except sa.exc.DBAPIError as error:
                found.append([type(error).__name__, error.connection_invalidated])
        held = [made.connect() for _ in range(3)]
        found.append(attempt(made.connect))
        for connection in held:
            connection.close()
        made.dispose()
        return [found, events]


def terminate(side, pid):
    import psycopg
    import time
    with psycopg.connect(**side.admin) as admin:
        admin.execute("select pg_terminate_backend(%s)", [pid])
    time.sleep(0.3)


for each in SYNCHRONOUS:
    add_pool(each)


@scenario
def engine_of_asyncpg(side):
    async def run():
        made = async_engine(side, "asyncpg", pool_pre_ping=True, pool_size=5, max_overflow=5)
        found = []

        async def work(number):
            async with made.begin() as connection:
                result = await connection.stream(sa.text("select generate_series(1, :n)"), {"n": number})
                return sum([row[0] async for row in result])
        found.append(await asyncio.gather(*[work(n * 50) for n in range(25)]))
        async with made.connect() as connection:
            # The cached plan of asyncpg's is no longer true.
            await connection.execute(sa.text("create table t (i int)"))
            await connection.commit()
            await connection.execute(sa.text("select * from t"))
            await connection.execute(sa.text("alter table t alter i type text"))
            await connection.commit()
            for _ in range(2):
                try:
                    found.append((await connection.execute(sa.text("select * from t"))).all())
                except sa.exc.DBAPIError as error:
                    found.append(told(error))
                    await connection.rollback()
            pid = (await connection.execute(sa.text("select pg_backend_pid()"))).scalar()
        await asyncio.to_thread(terminate, side, pid)
        async with made.connect() as connection:
            found.append((await connection.execute(sa.text("select 3"))).scalar())
        await made.dispose()
        return found
    return asyncio.run(run())
