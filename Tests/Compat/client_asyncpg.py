"""asyncpg: statements, cursors, transactions, cancelling, listening, the pool."""

import asyncio
import ssl

import asyncpg

import design
from scenario import Client

CLIENT = Client("asyncpg", asyncpg.__version__)
scenario = CLIENT.scenario


def asynchronous(body=None, **named):
    """Registers a coroutine function as a scenario."""
    if body is None:
        return lambda function: asynchronous(function, **named)

    def run(side):
        return asyncio.run(body(side))
    run.__name__ = body.__name__
    scenario(run, **named)
    return body


def parameters(side, **more):
    context = ssl.create_default_context(cafile=side.root_certificate)
    return {
        "host": side.host, "port": side.port, "user": side.user, "database": side.database,
        "password": side.password, "ssl": context, **more}


async def connect(side, **more):
    return await asyncpg.connect(**parameters(side, **more))


def told(error):
    fields = {}
    if isinstance(error, asyncpg.PostgresError):
        fields = {key: value for key, value in error.as_dict().items() if value is not None}
    return {"error": type(error).__name__, "says": str(error), **fields}


async def attempt(awaitable):
    try:
        return await awaitable
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncio.TimeoutError, OSError,
            asyncpg.InternalClientError, ValueError, TypeError) as error:
        return told(error)


@asynchronous
async def connecting(side):
    found = []
    for more in (
        {}, {"ssl": "require"}, {"ssl": "prefer"}, {"host": ["nowhere.invalid", side.host],
                                                    "port": [1, side.port]},
        {"server_settings": {"application_name": "mine"}}, {"statement_cache_size": 0},
        {"target_session_attrs": "read-write"}, {"command_timeout": 30}, {"timeout": 10},
        {"server_settings": {"timezone": "Asia/Tokyo"}}, {"server_settings": {"datestyle": "SQL"}},
        {"server_settings": {"jit": "off"}},
    ):
        async def once():
            connection = await connect(side, **more)
            try:
                return [await connection.fetchval("select 1"), connection.get_server_version(),
                        connection.get_settings().client_encoding,
                        await connection.fetchval("show timezone")]
            finally:
                await connection.close()
        found.append([sorted(more), await attempt(once())])
    uri = (f"postgresql://{side.user}@{side.host}:{side.port}/{side.database}?sslmode=verify-full"
           f"&sslrootcert={side.root_certificate}")
    connection = await asyncpg.connect(uri, password=side.password)
    found.append(await connection.fetchval("select 2"))
    await connection.close()
    return found


@asynchronous(reason=design.STARTUP, through=lambda _: [
    {"error": "FeatureNotSupportedError",
     "says": f'the startup parameter "{name}" is not allowed through this gateway\nHINT:  '
             "Leave it out when connecting; use SET after that where you may.",
     "severity": "FATAL", "severity_en": "FATAL", "sqlstate": "0A000",
     "message": f'the startup parameter "{name}" is not allowed through this gateway',
     "hint": "Leave it out when connecting; use SET after that where you may."}
    for name in ("search_path", "work_mem")])
async def settings_at_startup(side):
    found = []
    for name, value in (("search_path", "pg_catalog"), ("work_mem", "1MB")):
        async def once():
            connection = await connect(side, server_settings={name: value})
            return await connection.fetchval(f"show {name}")
        found.append(await attempt(once()))
    return found


@asynchronous
async def ways_to_fetch(side):
    connection = await connect(side)
    read = "select id, name, price from items where id < $1 order by id"
    found = [
        await connection.fetch(read, 4), await connection.fetchrow(read, 2),
        await connection.fetchval(read, 2, column=1), await connection.execute("select 1; select 2"),
        await connection.execute("insert into log (line) values ($1)", "x"),
        await connection.fetch("select"), await connection.fetch(""),
        await connection.fetchrow("select 1 where false"),
        await connection.fetch("insert into empty select generate_series(1, 3) returning id")]
    for statement, values in (
        ("select $1::int", ["x"]),
        ("select $1::int", []),
        ("select $1::int, $1", [1]),
        ("selec", []),
        ("select 1; select 2", []),
        ("select 1/$1::int", [0]),
        ("select nothing", []),
        ("select fail('é')", []),
        ("insert into items (name) values ('item 1')", []),
        ("insert into parts values (999, 'x')", []),
        ("call twice(3)", []),
        ("show timezone", []),
        ("select * from talk(2)", []),
        ("do $$ begin raise 'x' using errcode = '0A000'; end $$", []),
        ("execute nothing", []),
        ("select $1::text", ["x" * 5_000_000]),):
        result = await attempt(connection.fetch(statement, *values))
        found.append((statement, result if isinstance(result, dict) else len(str(result))))
    try:
        found.append(await connection.fetchmany(read, [(2,), (3,)]))
    except AttributeError:
        found.append("no fetchmany")
    await connection.close()
    return found


@asynchronous
async def prepared_statements(side):
    connection = await connect(side)
    found = []
    statement = await connection.prepare("select id, name, tags, feeling, price from items where id = $1 or name = $2")
    found.append([[(p.name, p.oid, p.kind, p.schema) for p in statement.get_parameters()],
                  [(a.name, a.type.name, a.type.oid) for a in statement.get_attributes()],
                  statement.get_query(), await statement.fetch(1, "item 2"), statement.get_statusmsg(),
                  await statement.fetchrow(3, ""), await statement.fetchval(4, "", column=1)])
    plan = await (await connection.prepare("select 1")).explain(analyze=False)
    found.append(plan[0]["Plan"]["Node Type"])
    named = await connection.prepare("select $1::int + 1", name="my_own")
    found.append([named.get_name(), await named.fetchval(1)])
    found.append(await attempt(connection.prepare("select 2", name="my_own")))
    found.append(await attempt(statement.executemany([(1, "a")])))
    found.append(await connection.fetch(
        "select regexp_replace(name, '\\d+|_[0-9a-f]+', 'n', 'g'), statement, parameter_types::text[] "
        "from pg_prepared_statements order by prepare_time"))
    # The statement's table changes, and the type of its result.
    await connection.execute("create table t (i int)")
    await connection.fetch("select * from t")
    await connection.execute("alter table t alter i type text, add j int")
    found.append(await attempt(connection.fetch("select * from t")))
    async with connection.transaction():
        await connection.fetch("select * from t")
    await connection.execute("alter table t drop j")
    try:
        async with connection.transaction():
            found.append(await connection.fetch("select * from t"))
    except asyncpg.PostgresError as error:
        found.append(told(error))
    found.append(await attempt(connection.fetch("select * from t")))
    await connection.execute("deallocate all")
    found.append(await attempt(connection.fetch("select * from t")))
    found.append(await attempt(connection.fetch("select * from t")))
    await connection.reload_schema_state()
    found.append(await attempt(connection.fetch("select * from t")))
    await connection.close()
    return found


@asynchronous
async def cache_of_statements(side):
    found = []
    for size, lifetime in ((0, 300), (3, 300), (100, 0.2), (100, 0)):
        connection = await connect(
            side, statement_cache_size=size, max_cached_statement_lifetime=lifetime)
        for n in range(8):
            for _ in range(3):
                found.append(await connection.fetchval(f"select {n} + $1::int", n))
        if lifetime == 0.2:
            await asyncio.sleep(0.4)
        found.append(await connection.fetchval("select 0"))
        found.append(await connection.fetchval("select count(*) from pg_prepared_statements"))
        await connection.close()
    connection = await connect(side, max_cacheable_statement_size=10)
    found.append(await connection.fetchval("select 'longer than that'"))
    await connection.close()
    return found


@asynchronous
async def cursors(side):
    connection = await connect(side)
    found = []
    async with connection.transaction():
        read = "select id, name from items where id > $1 order by id"
        found.append([row["id"] async for row in connection.cursor(read, 10, prefetch=7)])
        cursor = await connection.cursor(read, 0)
        found.append([await cursor.fetch(3), await cursor.fetchrow(), await cursor.forward(10),
                      await cursor.fetchrow(), await cursor.forward(1000), await cursor.fetchrow()])
        statement = await connection.prepare(read)
        count = 0
        async for row in statement.cursor(95):
            count += 1
            found.append(await connection.fetchval("select $1::int", row["id"]))
        one, two = await connection.cursor(read, 1), await connection.cursor(read, 50)
        found.append([await one.fetch(1), await two.fetch(1), await one.fetch(1), await two.fetch(2)])
        found.append(count)
    found.append(await attempt(cursor.fetch(1)))

    async def outside():
        return await connection.cursor("select 1")
    found.append(await attempt(outside()))

    async def broken():
        async with connection.transaction():
            return [row async for row in connection.cursor(
                "select 10 / (20 - n) from generate_series(1, 30) n", prefetch=5)]
    found.append(await attempt(broken()))
    await connection.close()
    return found


@asynchronous
async def transactions(side):
    connection = await connect(side)
    found = []
    for isolation in ("serializable", "repeatable_read",
                      "read_committed", "read_uncommitted", None):
        for options in ({}, {"readonly": True}, {"readonly": True, "deferrable": True}):
            if isolation != "serializable" and "deferrable" in options:
                continue
            async with connection.transaction(isolation=isolation, **options):
                found.append([await connection.fetchval("show transaction_isolation"),
                              await connection.fetchval("show transaction_read_only")])
    try:
        async with connection.transaction():
            await connection.execute("insert into log (line) values ('lost')")
            await connection.fetch("select 1/0")
    except asyncpg.DivisionByZeroError as error:
        found.append(told(error))
    async with connection.transaction():
        await connection.execute("insert into log (line) values ('kept')")
        for n in range(3):
            try:
                async with connection.transaction():
                    await connection.execute("insert into log (line) values ('lost')")
                    async with connection.transaction():
                        await connection.execute("insert into log (line) values ($1)", n)
            except (asyncpg.PostgresError, asyncpg.DataError) as error:
                found.append(type(error).__name__)
    transaction = connection.transaction()
    await transaction.start()
    found.append(await attempt(connection.fetch("select nothing")))
    found.append(await attempt(connection.fetch("select 1")))
    await transaction.rollback()
    found.append(connection.is_in_transaction())
    found.append(await connection.fetch("select line from log"))
    await connection.close()
    return found


@asynchronous
async def many_at_once(side):
    connection = await connect(side)
    insert = "insert into parts (item, serial, weight) values ($1, $2, $3)"
    await connection.executemany(insert, [(1, f"s{n}", n / 3) for n in range(5000)])
    found = [await connection.fetchval("select count(*) from parts where item = 1")]
    # All or nothing.
    found.append(await attempt(connection.executemany(
        insert, [(2, f"s{n % 3000}", 1.0) for n in range(5000)])))
    found.append(await attempt(connection.executemany(insert, [(3, "a", "not a number")])))
    found.append(await attempt(connection.executemany("select 1/$1::int", [(1,), (0,), (1,)])))
    found.append(await connection.fetchval("select count(*) from parts"))
    found.append(await attempt(connection.executemany(insert, [])))
    statement = await connection.prepare(insert)
    await statement.executemany([(4, "x", None), (4, "y", 1.0)])
    large = "z" * 100_000
    await connection.executemany(insert, [(5, large[n:], None) for n in range(100)])
    found.append(await connection.fetchval("select sum(length(serial)) from parts where item = 5"))
    try:
        many = await connection.fetchmany(
            "insert into empty values ($1) returning id", [(n,) for n in range(500)])
        found.append(len(many))
    except AttributeError:
        pass
    await connection.close()
    return found


@asynchronous
async def cancelled(side):
    """asyncpg opens a connection of its own for each cancel request."""
    connection = await connect(side)
    found = [await attempt(connection.fetch("select pg_sleep(20)", timeout=0.3)),
             await connection.fetchval("select 1")]
    task = asyncio.create_task(connection.fetch("select pg_sleep(20)"))
    await asyncio.sleep(0.3)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        found.append("cancelled")
    found.append(await connection.fetchval("select 2"))
    async with connection.transaction():
        found.append(await attempt(connection.execute("select pg_sleep(20)", timeout=0.3)))
        found.append(await attempt(connection.execute("select 1")))
    for n in range(5):
        found.append(await attempt(connection.fetchval("select pg_sleep(5)", timeout=0.05)))
        found.append(await connection.fetchval("select $1::int", n))
    found.append(await attempt(connection.copy_from_query(
        "select generate_series(1, 1000000000)", output=devnull, timeout=0.4)))
    found.append(await connection.fetchval("select 3"))
    await connection.execute("set statement_timeout = '100ms'")
    found.append(await attempt(connection.fetch("select pg_sleep(5)")))
    await connection.close()
    return found


async def devnull(data):
    del data


@asynchronous
async def listening(side):
    one, two = await connect(side), await connect(side)
    heard = []
    done = asyncio.Event()

    def hear(connection, pid, channel, payload):
        heard.append((channel, payload, connection is one))
        if payload == "last":
            done.set()

    for channel in ("news", "Weather é"):
        await one.add_listener(channel, hear)
    await two.execute("notify news, 'first'")
    await two.fetch("select pg_notify('Weather é', $1)", "rain ☂")
    async with two.transaction():
        for n in range(50):
            await two.fetch("select pg_notify('news', $1)", str(n))
    # While a statement runs the notification waits.
    running = asyncio.create_task(one.fetchval("select pg_sleep(0.3)"))
    await two.execute("notify news, 'meanwhile'")
    await running
    await two.execute("notify news, 'last'")
    await asyncio.wait_for(done.wait(), 10)
    await one.remove_listener("news", hear)
    await two.execute("notify news, 'unheard'")
    notes = []
    one.add_log_listener(lambda _, message: notes.append(
        {key: value for key, value in message.as_dict().items() if value}))
    await one.execute("select talk(3)")
    await one.execute("drop table if exists nothing")
    await asyncio.sleep(0.1)
    await one.close()
    await two.close()
    return [heard, notes]
