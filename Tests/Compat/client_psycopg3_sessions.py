"""psycopg 3: transactions, cancelling, notifications, the session's own state and its end."""

import re
import threading
import time

import psycopg

import design
from client_psycopg3 import CLIENT, attempt, connect, told

scenario = CLIENT.scenario


@scenario
def transactions(side):
    found = []
    with connect(side) as connection:
        def lines():
            return connection.execute("select line from log order by line").fetchall()

        def state():
            found.append(connection.info.transaction_status.name)
        state()
        connection.execute("insert into log (line) values ('a')")
        state()
        connection.commit()
        state()
        connection.execute("insert into log (line) values ('lost')")
        connection.rollback()
        found.append(attempt(connection.execute, "select 1/0"))
        state()
        found.append(attempt(connection.execute, "select 1"))
        connection.commit()
        state()
        with connection.transaction():
            connection.execute("insert into log (line) values ('b')")
            for name in ("inner", None, 'od"d'):
                try:
                    with connection.transaction(name) as inner:
                        connection.execute("insert into log (line) values ('c')")
                        found.append([inner.savepoint_name, str(inner)])
                        connection.execute("select 1/0")
                except psycopg.DataError as error:
                    found.append(told(error))
                state()
            with connection.transaction():
                connection.execute("insert into log (line) values ('d')")
            with connection.transaction(force_rollback=True):
                connection.execute("insert into log (line) values ('e')")
        found.append(lines())
        connection.commit()
        for isolation in psycopg.IsolationLevel:
            for read_only in (None, True, False):
                connection.isolation_level = isolation
                connection.read_only = read_only
                connection.deferrable = read_only
                found.append([connection.execute(f"show transaction_{name}").fetchone()[0]
                              for name in ("isolation", "read_only", "deferrable")])
                found.append(attempt(
                    lambda: connection.execute("insert into log (line) values ('f')").rowcount))
                connection.rollback()
        return found


@scenario
def conflicts(side):
    found = []
    with connect(side) as one, connect(side) as two:
        for connection in (one, two):
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        for connection in (one, two):
            connection.execute("select sum(price) from items").fetchall()
        one.execute("update items set price = 1 where id = 1")
        two.execute("update items set price = 2 where id = 2")
        one.commit()
        found.append(attempt(two.commit))
        two.rollback()
        for connection in (one, two):
            connection.isolation_level = None
        one.execute("update items set price = 1 where id = 3")
        two.execute("set local lock_timeout = '100ms'")
        found.append(attempt(two.execute, "update items set price = 2 where id = 3"))
        two.rollback()
        found.append(attempt(two.execute, "select 1 from items where id = 3 for update nowait"))
        two.rollback()
        found.append(two.execute(
            "select id from items where id in (3, 4) for update skip locked").fetchall())
    return found


@scenario
def deadlock(side):
    found = []
    with connect(side) as one, connect(side) as two:
        one.execute("update items set price = 1 where id = 1")
        two.execute("update items set price = 1 where id = 2")
        ended = []
        waiter = threading.Thread(target=lambda: ended.append(attempt(
            lambda: one.execute("update items set price = 1 where id = 2").rowcount)))
        waiter.start()
        time.sleep(0.3)
        ended.append(attempt(lambda: two.execute(
            "update items set price = 1 where id = 1").rowcount))
        waiter.join(20)
        # Which of them is the victim is chance, and so are the numbers.
        for each in ended:
            if isinstance(each, dict):
                each.pop("context", None)
                found.append({
                    key: re.sub(r"\d+", "<n>", value) if isinstance(value, str) else value
                    for key, value in each.items()
                    if key not in ("source_line",)})
            else:
                found.append(each)
        return sorted(found, key=str)


@scenario
def two_phase_commit(side):
    found = []
    with connect(side) as connection:
        for name, end in (("one", "tpc_commit"), ("two", "tpc_rollback")):
            identity = connection.xid(42, f"compat {name}", "branch é")
            connection.tpc_begin(identity)
            connection.execute("insert into parts values (1, %s)", [name])
            connection.tpc_prepare()
            found.append(connection.info.transaction_status.name)
            getattr(connection, end)()
        connection.tpc_begin("plain")
        connection.execute("insert into parts values (1, 'kept')")
        connection.tpc_prepare()
        connection.close()
    with connect(side) as connection:
        waiting = connection.tpc_recover()
        found.append([(x.gtrid, x.owner, x.database) for x in waiting])
        connection.rollback()
        connection.tpc_commit(waiting[0])
        found.append(attempt(connection.tpc_commit, "no such"))
        connection.rollback()
        connection.tpc_begin("direct")
        connection.execute("insert into parts values (1, 'one phase')")
        connection.tpc_commit()
        found.append(connection.execute(
            "select serial from parts where item = 1 order by 1").fetchall())
        connection.rollback()
        connection.tpc_begin("refused")
        connection.execute("insert into log (line) values ('notifies')")
        found.append(attempt(connection.tpc_prepare))
        connection.close()
    return found


@scenario
def cancelling(side):
    found = []
    with connect(side) as connection:
        for cancel in ("cancel", "cancel_safe"):
            for statement in ("select pg_sleep(20)", "select pg_sleep(20), %s"):
                timer = threading.Timer(0.3, getattr(connection, cancel))
                timer.start()
                found.append(attempt(
                    connection.execute, statement, [1] if "%s" in statement else None))
                timer.join()
                found.append(connection.info.transaction_status.name)
                connection.rollback()
        # Cancelling what has ended changes nothing.
        for _ in range(5):
            connection.cancel_safe()
        time.sleep(0.2)
        found.append(attempt(lambda: connection.execute("select 1").fetchall()))
        connection.rollback()
        # While a result comes, and while COPY does.
        timer = threading.Timer(0.4, connection.cancel_safe)
        timer.start()

        def endless():
            for _ in connection.cursor().stream("select generate_series(1, 1000000000000)"):
                pass
        found.append(attempt(endless))
        timer.join()
        connection.rollback()
        timer = threading.Timer(0.4, connection.cancel_safe)
        timer.start()

        def endless_copy():
            with connection.cursor().copy(
                    "copy (select generate_series(1, 1000000000000)) to stdout") as copy:
                for _ in copy:
                    pass
        found.append(attempt(endless_copy))
        timer.join()
        connection.rollback()
        connection.execute("set local statement_timeout = '100ms'")
        found.append(attempt(connection.execute, "select pg_sleep(5)"))
    return found


@scenario
def notifications(side):
    found = []
    with connect(side, autocommit=True) as one, connect(side, autocommit=True) as two:
        one.execute("listen first")
        one.execute('listen "seCond é"')
        two.execute("notify first")
        two.execute("notify first, 'with a payload é'")
        two.execute("select pg_notify('seCond é', %s)", ["x" * 7000])
        found += [(n.channel, n.payload)
                  for n in one.notifies(timeout=5, stop_after=3)]
        with two.transaction():
            for n in range(20):
                two.execute("select pg_notify('first', %s)", [str(n)])
            two.execute("notify first, '0'")
        found += [(n.channel, n.payload) for n in one.notifies(timeout=5, stop_after=20)]
        one.execute("unlisten *")
        two.execute("notify first")
        found.append(list(one.notifies(timeout=0.3)))
        handled = []
        one.add_notify_handler(lambda n: handled.append((n.channel, n.payload)))
        one.execute("listen own")
        one.execute("notify own, 'from myself'")
        one.execute("insert into log (line) values ('by a trigger')")
        one.execute("listen logged")
        one.execute("insert into log (line) values ('by a trigger')")
        one.execute("select 1")
        found.append(handled)
        found.append(attempt(two.execute, "select pg_notify('first', repeat('x', 8001))"))
    return found


@scenario
def large_objects_by_sql(side):
    with connect(side) as connection:
        def one(query, *values):
            return attempt(lambda: connection.execute(query, values).fetchone()[0])
        number = one("select lo_create(0)")
        found = [
            one("select lo_put(%s, 0, %s)", number, b"\x00\x01" * 100_000),
            one("select length(lo_get(%s))", number), one("select lo_get(%s, 3, 8)", number)]
        handle = one("select lo_open(%s, 393216)", number)
        found += [
    handle, one(
        "select lowrite(%s, %s)", handle, b"begin"), one(
            "select lo_lseek64(%s, 2, 0)", handle), one(
                "select loread(%s, 5)", handle), one(
                    "select lo_tell64(%s)", handle), one(
                        "select lo_truncate64(%s, 4)", handle), one(
                            "select lo_lseek(%s, 0, 2)", handle), one(
                                "select lo_close(%s)", handle), one(
                                    "select lo_unlink(%s)", number)]
        found.append(one("select lo_from_bytea(0, %s) > 0", b"x"))
        connection.rollback()
        return found


@scenario
def the_session_ends(side):
    """By the server: the message must get through."""
    found = []
    with psycopg.connect(**side.admin) as admin:
        for idle in (True, False):
            connection = connect(side, autocommit=True)
            pid = connection.execute("select pg_backend_pid()").fetchone()[0]
            if idle:
                admin.execute("select pg_terminate_backend(%s)", [pid])
                time.sleep(0.3)
            else:
                timer = threading.Timer(
                    0.3, lambda: admin.execute("select pg_terminate_backend(%s)", [pid]))
                timer.start()
            found.append(attempt(connection.execute, "select pg_sleep(10)"))
            found.append([connection.closed, connection.broken, connection.info.status.name])
            found.append(attempt(connection.execute, "select 1"))
    with connect(side) as connection:
        connection.execute("set idle_in_transaction_session_timeout = '200ms'")
        time.sleep(0.6)
        found.append(attempt(connection.execute, "select 1"))
    return found


@scenario
def settings_of_the_session(side):
    found = []
    with connect(side, autocommit=True) as connection:
        for statement in (
            "set timezone = 'Asia/Tokyo'", "set datestyle = 'SQL, DMY'",
            "set intervalstyle = iso_8601", "set application_name = 'renamed'",
            "set session characteristics as transaction read only",
            "set default_transaction_read_only = off", "set search_path = pg_catalog, public",
            "set role none", "reset timezone",):
            connection.execute(statement)
            found.append([statement] + [connection.info.parameter_status(name) for name in (
                "TimeZone", "DateStyle", "IntervalStyle", "application_name",
                "default_transaction_read_only", "session_authorization")])
            found.append(str(connection.execute(
                "select '2024-02-29 12:00+00'::timestamptz::text, '1 day 2:00'::interval::text, "
                "current_setting('search_path')").fetchall()))
        found.append(connection.execute(
            "select current_setting('application_name'), current_database(), "
            "session_user::text").fetchall())
    return found


def shown_name(connection):
    """What the client, and what the server, takes for the name; without the session's number."""
    server = connection.execute("select current_setting('application_name')").fetchone()[0]
    return [re.sub(":[0-9a-f]{12}:", ":<session>:", name) for name in (
        connection.info.parameter_status("application_name"), server)]


STAMP = "sallyport:<session>:compat@example.com"


@scenario(reason=design.STAMP, through=lambda _: [
    ["mine", STAMP], ["renamed", "renamed"], ["mine", STAMP], ["mine", STAMP]])
def application_name(side):
    with connect(side, application_name="mine", autocommit=True) as connection:
        found = [shown_name(connection)]
        for statement in ("set application_name = 'renamed'", "reset all", "discard all"):
            connection.execute(statement)
            found.append(shown_name(connection))
        return found


@scenario(reason=design.PIDS, through=lambda _: [False, False])
def process_ids(side):
    """The number in the cancel key, and the one that statements and notifications show."""
    with connect(side, autocommit=True) as connection:
        connection.execute("listen own")
        connection.execute("notify own")
        notified = next(iter(connection.notifies(timeout=5, stop_after=1)))
        own = connection.info.backend_pid
        shown = connection.execute("select pg_backend_pid()").fetchone()[0]
        return [notified.pid == own, shown == own]
