"""asyncpg: the pool, many connections, logins, and the end of a session."""

import asyncio

import asyncpg

import design
from client_asyncpg import CLIENT, asynchronous, attempt, connect, parameters

__all__ = ["CLIENT"]


@asynchronous
async def pool(side):
    found = []
    prepared = []

    async def setup(connection):
        await connection.execute("set work_mem = '2MB'")

    async def init(connection):
        await connection.set_type_codec(
            "jsonb", encoder=str, decoder=lambda text: ["decoded", text], schema="pg_catalog")

    async with asyncpg.create_pool(
            **parameters(side), min_size=2, max_size=5, max_queries=20, setup=setup, init=init,
            max_inactive_connection_lifetime=1) as connections:
        async def work(number):
            async with connections.acquire() as connection:
                prepared.append(await connection.fetchval("show work_mem"))
                async with connection.transaction():
                    await connection.execute("insert into empty values ($1)", number)
                return await connection.fetchval("select '{\"n\": 1}'::jsonb")
        found.append(await asyncio.gather(*[work(n) for n in range(60)]))
        found.append(await connections.fetchval("select count(*) from empty"))
        # What is left open is reset.
        connection = await connections.acquire()
        await connection.execute("begin; create temp table left_over (i int); listen news")
        await connections.release(connection)
        async with connections.acquire() as connection:
            found.append(connection.is_in_transaction())
            found.append(await connection.fetch("select pg_listening_channels()"))
        found.append(await attempt(connections.fetch("select pg_sleep(10)", timeout=0.2)))
        found.append(await connections.fetch("select 1"))
        await connections.expire_connections()
        found.append(await connections.fetch("select 2"))
        async with connections.acquire() as connection:
            pid = await connection.fetchval("select pg_backend_pid()")
            await terminate(side, pid)
        found.append(await connections.fetch("select 4"))
    return [found, set(prepared)]


async def terminate(side, pid):
    import psycopg
    async with await psycopg.AsyncConnection.connect(**side.admin) as admin:
        await admin.execute("select pg_terminate_backend(%s)", [pid])
    await asyncio.sleep(0.3)


@asynchronous
async def the_session_ends(side):
    connection = await connect(side)
    reasons = []
    connection.add_termination_listener(lambda _: reasons.append("ended"))
    pid = await connection.fetchval("select pg_backend_pid()")
    running = asyncio.create_task(attempt(connection.fetch("select pg_sleep(10)")))
    await asyncio.sleep(0.2)
    await terminate(side, pid)
    found = [await running, connection.is_closed(), await attempt(connection.fetch("select 1"))]
    connection = await connect(side)
    found.append(await attempt(connection.fetch("select pg_terminate_backend(pg_backend_pid())")))
    return [found, reasons]


@asynchronous
async def fifty_at_once(side):
    async def work(number):
        connection = await connect(side)
        total = 0
        for n in range(20):
            total += await connection.fetchval("select $1::int * $2::int", number, n)
        await connection.close()
        return total
    return await asyncio.gather(*[work(n) for n in range(50)])


@asynchronous
async def attributes_of_the_server(side):
    connection = await connect(side)
    settings = connection.get_settings()
    found = {name: getattr(settings, name) for name in (
        "TimeZone", "DateStyle", "IntervalStyle", "server_version", "standard_conforming_strings",
        "integer_datetimes", "is_superuser", "in_hot_standby", "default_transaction_read_only")}
    await connection.reset()
    found["after"] = await connection.fetchval("show timezone")
    found["server"] = [str(part) for part in connection.get_server_version()]
    await connection.close()
    return found


@asynchronous(reason=design.LOGIN, through=lambda _: {
    "error": "InvalidAuthorizationSpecificationError", "severity": "FATAL", "sqlstate": "28000"})
async def wrong_password(side):
    result = await attempt(connect(side, password="nonsense"))
    return {key: result[key] for key in ("error", "severity", "sqlstate")}
