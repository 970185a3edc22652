"""psycopg 3: asyncio, pipeline mode, the connection pool."""

import asyncio
import contextlib
import threading
import time

import psycopg
import psycopg_pool
from psycopg import pq

from client_psycopg3 import CLIENT, attempt, connect, everything, told

scenario = CLIENT.scenario


def asynchronous(body, **named):
    """Registers a coroutine function as a scenario."""
    def run(side):
        return asyncio.run(body(side))
    run.__name__ = body.__name__
    scenario(run, **named)
    return body


async def aconnect(side, **more):
    return await psycopg.AsyncConnection.connect(**side.libpq(**more))


async def attempted(awaitable):
    try:
        return await awaitable
    except psycopg.Error as error:
        return told(error)
    except (asyncio.TimeoutError, asyncio.CancelledError) as error:
        return type(error).__name__


@asynchronous
async def statements_with_asyncio(side):
    found = []
    async with await aconnect(side) as connection:
        cursor = await connection.execute("select id, name from items where id < %s", [4])
        found.append(await cursor.fetchall())
        async with connection.transaction():
            await connection.execute("insert into log (line) values ('a')")
            with contextlib.suppress(psycopg.DataError):
                async with connection.transaction():
                    await connection.execute("select 1/0")
        found.append(await attempted(connection.execute("select nothing")))
        await connection.rollback()
        async with connection.cursor("named") as named:
            await named.execute("select generate_series(1, 250)")
            found.append(sum([row[0] async for row in named]))
        async with connection.cursor() as plain:
            found.append([row async for row in plain.stream("select generate_series(1, 5)")])
            async with plain.copy("copy empty from stdin") as copy:
                for n in range(100):
                    await copy.write_row([n])
            async with plain.copy("copy empty to stdout (format binary)") as copy:
                copy.set_types(["int4"])
                found.append([row async for row in copy.rows()])
    return found


@asynchronous
async def many_connections_at_once(side):
    async def worker(number):
        async with await aconnect(side, autocommit=True) as connection:
            total = 0
            for n in range(30):
                cursor = await connection.execute("select %s::int * 1000 + %s::int", [number, n])
                total += (await cursor.fetchone())[0]
            return total
    return await asyncio.gather(*[worker(n) for n in range(25)])


@asynchronous
async def tasks_cancelled(side):
    """psycopg cancels the statement on the server when the task is cancelled."""
    found = []
    async with await aconnect(side, autocommit=True) as connection:
        found.append(await attempted(
            asyncio.wait_for(connection.execute("select pg_sleep(20)"), 0.3)))
        found.append(connection.info.transaction_status.name)
        cursor = await connection.execute("select 1")
        found.append(await cursor.fetchall())
        sleeping = asyncio.create_task(attempted(connection.execute("select pg_sleep(20)")))
        await asyncio.sleep(0.3)
        await connection.cancel_safe(timeout=5)
        found.append(await sleeping)
    return found


@asynchronous
async def notifications_with_asyncio(side):
    async with await aconnect(side, autocommit=True) as one:
        async with await aconnect(side, autocommit=True) as two:
            await one.execute("listen news")
            found = []

            async def listen():
                async for notify in one.notifies(timeout=10, stop_after=10):
                    found.append((notify.channel, notify.payload))
            listening = asyncio.create_task(listen())
            for n in range(10):
                await two.execute("select pg_notify('news', %s)", [str(n)])
                await asyncio.sleep(0.01)
            await listening
            return found


@scenario
def pipeline(side):
    found = [pq.version() >= 140000]
    with connect(side, autocommit=True) as connection:
        with connection.pipeline() as pipe:
            cursors = [connection.execute("select %s::int, 'x'", [n]) for n in range(300)]
            found.append(connection.info.pipeline_status.name)
            found.append(cursors[250].fetchall())
            connection.execute("insert into log (line) values ('a')")
            pipe.sync()
            found.append(sum(cursor.fetchone()[0] for cursor in cursors if cursor.rownumber == 0))
            counted = connection.execute("select count(*) from log")
            found.append(counted.fetchall())
        found.append(connection.info.pipeline_status.name)
        # executemany in and out of a pipeline of one's own.
        with connection.pipeline():
            cursor = connection.cursor()
            cursor.executemany(
    "insert into empty values (%s) returning id", [
        (n,) for n in range(100)], returning=True)
            found.append(everything(cursor)[-1])
        found.append(connection.execute("select count(*) from empty").fetchall())
    return found


@scenario
def errors_in_a_pipeline(side):
    found = []
    for autocommit in (True, False):
        with connect(side, autocommit=autocommit) as connection:
            with contextlib.suppress(psycopg.DataError):
                with connection.pipeline() as pipe:
                    first = connection.execute("insert into log (line) values ('first')")
                    bad = connection.execute("select 1/%s", [0])
                    after = connection.execute("insert into log (line) values ('after')")
                    found.append(attempt(pipe.sync))
                    found.append([attempt(lambda: c.statusmessage) for c in (first, bad, after)])
                    found.append(connection.info.transaction_status.name)
                    if autocommit:
                        again = connection.execute("insert into log (line) values ('again')")
                        found.append(attempt(lambda: again.rowcount))
            connection.rollback()
            found.append(connection.execute("select line from log order by line").fetchall())

            def syntax():
                with connection.pipeline():
                    connection.execute("selec 1")
                    connection.execute("select 2")
            found.append(attempt(syntax))
            connection.rollback()

            def nested():
                with connection.pipeline(), connection.transaction():
                    connection.execute("insert into log (line) values ('x')")
                    with connection.pipeline(), connection.transaction():
                        connection.execute("insert into log (line) values ('y')").fetchall
                        connection.execute("select 1/0")
            found.append(attempt(nested))
            found.append(connection.info.transaction_status.name)
            found.append(connection.execute("select count(*) from log").fetchall())
            found.append(attempt(_copy_in_pipeline, connection))
            connection.rollback()
    return found


def _copy_in_pipeline(connection):
    with connection.pipeline():
        with connection.cursor().copy("copy items to stdout") as copy:
            return bytes(copy.read())


@scenario
def pipeline_by_hand(side):
    """libpq's own calls: sync points, flush requests, aborted parts."""
    with connect(side, autocommit=True) as connection:
        raw = connection.pgconn
        raw.enter_pipeline_mode()
        raw.send_query_params(b"select $1::int", [b"1"])
        raw.send_prepare(b"mine", b"select name from items where id = $1")
        raw.send_query_prepared(b"mine", [b"5"])
        raw.send_describe_prepared(b"mine")
        raw.pipeline_sync()
        raw.send_query_params(b"select 1/$1::int", [b"0"])
        raw.send_query_prepared(b"mine", [b"6"])
        raw.pipeline_sync()
        raw.send_query_prepared(b"mine", [b"7"], result_format=1)
        raw.send_query_params(b"", None)
        raw.send_query_prepared(b"none", [])
        raw.pipeline_sync()
        raw.send_query_prepared(b"mine", [b"8"])
        raw.send_flush_request()
        raw.flush()
        found = []
        silences = 0
        while silences < 200 and len(found) < 60:
            raw.consume_input()
            if raw.is_busy():
                time.sleep(0.01)
                silences += 1
                continue
            result = raw.get_result()
            if result is None:
                found.append(None)
                if found[-2:] == [None, None]:
                    break
                continue
            state = pq.ExecStatus(result.status).name
            found.append([state, result.ntuples, result.get_value(0, 0) if result.ntuples else None,
                          result.error_message.decode(), result.nparams])
        raw.pipeline_sync()
        raw.get_result()
        return found


@asynchronous
async def pipelines_with_asyncio(side):
    found = []
    async with await aconnect(side) as connection:
        async with connection.pipeline():
            cursors = await asyncio.gather(*[
                connection.execute("select %s::int", [n]) for n in range(50)])
            found.append([(await cursor.fetchone())[0] for cursor in cursors])
        async with connection.cursor() as cursor:
            await cursor.executemany("insert into empty values (%s)", [(n,) for n in range(3000)])
            found.append(cursor.rowcount)
    return found


@scenario
def pool(side):
    found = []
    with psycopg_pool.ConnectionPool(
            kwargs=side.libpq(), min_size=2, max_size=5, open=True, timeout=20) as connections:
        connections.wait(20)

        def work(number):
            for n in range(10):
                with connections.connection() as connection:
                    connection.execute("insert into parts values (1, %s)", [f"{number}-{n}"])
        threads = [threading.Thread(target=work, args=[n]) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with connections.connection() as connection:
            found.append(connection.execute("select count(*) from parts").fetchall())

        def fails():
            with connections.connection() as connection:
                connection.execute("insert into parts values (2, 'lost')")
                connection.execute("select 1/0")
        found.append(attempt(fails))
        # One that the server ended is replaced.
        with connections.connection() as connection, psycopg.connect(**side.admin) as admin:
            pid = connection.execute("select pg_backend_pid()").fetchone()[0]
            admin.execute("select pg_terminate_backend(%s)", [pid])
            time.sleep(0.3)
            found.append(attempt(connection.execute, "select 1"))
        connections.check()
        with connections.connection() as connection:
            found.append(connection.execute("select count(*) from parts where item = 2").fetchall())
    with psycopg_pool.NullConnectionPool(kwargs=side.libpq(), open=True) as connections:
        for _ in range(3):
            with connections.connection() as connection:
                found.append(connection.execute("select 1").fetchall())
    return found


@asynchronous
async def pool_with_asyncio(side):
    async def reset(connection):
        await connection.execute("discard all")

    async def configure(connection):
        await connection.set_autocommit(True)
        # DISCARD ALL takes the prepared ones away.
        connection.prepare_threshold = None

    async with psycopg_pool.AsyncConnectionPool(
            kwargs=side.libpq(), min_size=1, max_size=4, open=False, configure=configure,
            reset=reset, check=psycopg_pool.AsyncConnectionPool.check_connection) as connections:
        async def work(number):
            async with connections.connection() as connection:
                await connection.execute("set work_mem = '1MB'")
                cursor = await connection.execute("select %s::int", [number])
                return (await cursor.fetchone())[0]
        found = await asyncio.gather(*[work(n) for n in range(40)])
        async with connections.connection() as connection:
            cursor = await connection.execute("show work_mem")
            return [found, await cursor.fetchall()]
