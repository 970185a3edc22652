"""The cases: what is run over every target, and what counts as one unit of work."""

import measure

RESULT_ROWS = 10_000
COPY_ROWS = 600_000

SCHEMA = f"""
create table narrow (id int, n int);
insert into narrow select n, n * 7 from generate_series(1, {RESULT_ROWS}) as n;
create table wide as
  select n as id, md5(n::text) as a, md5((n * 3)::text) as b, n * 1.5 as c
  from generate_series(1, {COPY_ROWS}) as n;
create unlogged table inbox (like wide);
grant select on all tables in schema public to bench;
grant insert, truncate on inbox to bench;
vacuum analyze;
"""


class Case:
    """One case of the table.

    ``unit`` names what CPU is divided by; ``units`` is how many of them a transaction has.
    """

    def __init__(self, name, unit, run, units=1, rate_unit="tps"):
        self.name = name
        self.unit = unit
        self.units = units
        self.rate_unit = rate_unit
        self._run = run

    def run(self, target, context):
        result = self._run(target, context)
        if result["cpu_us"] is not None:
            result["cpu_us"] /= self.units
        return result


def _pgbench(tls, *arguments):
    def run(target, context):
        return measure.pgbench(target, context.folder, list(arguments), context.seconds, tls)
    return run


def _point(mode, clients, tls):
    name = f"point {mode}, {clients} client{'s' if clients > 1 else ''}{', TLS' if tls else ''}"
    return Case(
        name, "query",
        _pgbench(tls, "-S", "-M", mode, "-c", str(clients), "-j", str(min(2, clients))))


def _half_load(tls):
    def run(target, context):
        rate = max(100, context.half_load(tls))
        return measure.pgbench(
            target, context.folder,
            ["-S", "-M", "prepared", "-c", "16", "-j", "2", f"--rate={rate:.0f}"],
            context.seconds, tls)
    return Case(f"point prepared, 16 clients, half load{', TLS' if tls else ''}", "query", run)


def _result(tls):
    def run(target, context):
        return measure.pgbench(
            target, context.folder,
            ["-M", "simple", "-c", "1", "-f", str(context.result_script)], context.seconds, tls)
    name = f"{RESULT_ROWS:,} rows, 1 client{', TLS' if tls else ''}"
    return Case(name, "row", run, units=RESULT_ROWS, rate_unit="results/s")


def _copy_out(tls):
    def run(target, context):
        return measure.copy(
            target, context.folder, "copy wide to stdout", tls, context.copy_bytes)
    return Case(f"COPY out{', TLS' if tls else ''}", "MB", run, rate_unit="B/s")


def _copy_in(tls):
    def run(target, context):
        context.cluster.sql("truncate inbox", database="bench")
        return measure.copy(
            target, context.folder, "copy inbox from stdin", tls, context.copy_bytes,
            source=context.copy_file)
    return Case(f"COPY in{', TLS' if tls else ''}", "MB", run, rate_unit="B/s")


def _churn():
    return Case(
        "new sessions, 4 clients, TLS", "session",
        _pgbench(True, "-S", "-C", "-c", "4", "-j", "2"), rate_unit="sessions/s")


def all_cases():
    cases = [
        _point(mode, clients, tls)
        for tls in (False, True) for clients in (1, 16)
        for mode in ("simple", "extended", "prepared")
    ]
    cases += [_half_load(False), _half_load(True), _result(False), _result(True)]
    cases += [_copy_out(False), _copy_in(False), _churn()]
    return cases


# Enough to see each kind of work once.
QUICK = {
    "point simple, 16 clients", "point prepared, 16 clients", "point prepared, 16 clients, TLS",
    f"{RESULT_ROWS:,} rows, 1 client", "COPY out", "COPY in", "new sessions, 4 clients, TLS",
}
