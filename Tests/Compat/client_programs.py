"""pgbench, pg_dump, pg_restore and the other programs that come with PostgreSQL."""

import re

import design
import programs
from scenario import Client

CLIENT = Client("programs", programs.version("pg_dump", "--version"))
scenario = CLIENT.scenario
# pg_dump draws this at random otherwise.
KEY = "--restrict-key=compat"


def pgbench(side, *arguments):
    """What pgbench did, without how long it took."""
    result = programs.run(side, "pgbench", *arguments)
    for stream in ("out", "err"):
        result[stream] = "\n".join(
            re.sub(r"\d+\.\d+ ms|\d+\.\d+", "<time>", line) for line in result[stream].splitlines()
            if not re.match(r"latency|tps|initial connection|done in|creating prim|.*elapsed", line))
    # Which of its clients is first to say something is chance.
    result["err"] = sorted(result["err"].splitlines())
    return result


def sums(side):
    return programs.run(
        side, "psql", "-XAt", "-c", "select count(*), sum(abalance) from pgbench_accounts", "-c",
        "select sum(tbalance) from pgbench_tellers", "-c", "select count(*), sum(delta), "
        "sum(aid::bigint) from pgbench_history")


def loaded(side, *more):
    return pgbench(side, "-i", "-q", "-s", "1", *more)


def add_mode(mode):
    @scenario(name=f"pgbench {mode}")
    def in_mode(side):
        # The seed makes the transactions of both sides the same.
        runs = [
            pgbench(side, "-n", "-M", mode, "--random-seed=7", "-r", *arguments)
            for arguments in (
                ("-t", "200"), ("-t", "200", "-S", "-c", "4", "-j", "2"), ("-t", "50", "-N", "-c", "3"),
                ("-t", "10", "-C", "-c", "2"))]
        return [loaded(side), *runs, sums(side)]


for protocol in ("simple", "extended", "prepared"):
    add_mode(protocol)


@scenario
def pgbench_initialised_in_steps(side):
    return [
        loaded(side, "-I", "dtgvpf", "--partitions=3"), loaded(side, "-I", "dtGvp"),
        loaded(side, "--foreign-keys", "--unlogged-tables"), sums(side),
        pgbench(side, "-t", "5", "--random-seed=7"),
    ]


PIPELINE = """\\set id random(1, 100)
\\startpipeline
begin;
update items set price = price + 1 where id = :id;
select name, price from items where id = :id;
insert into log (line) values ('of ' || :id);
commit;
\\endpipeline
select count(*) as lines from log \\gset
\\startpipeline
select :lines;
select 2;
\\endpipeline
"""
BROKEN_PIPELINE = """\\startpipeline
insert into log (line) values ('lost');
select 1 / 0;
select 2;
\\endpipeline
"""
CONDITIONS = """\\set n random(1, 4)
\\if :n = 1
select 3 as three, 4 as four \\gset
select :three + :four;
\\elif :n = 2
\\setshell out echo 5
select :out;
\\else
\\sleep 1 ms
select name from items where id = :n;
\\endif
"""


SEVERAL = """select 1 as a \\; select 2 as b \\; select 3 as c \\gset
select :c \\; select name from items where id < :c \\aset
select :'name';
"""


def add_script(name, script, *modes):
    @scenario(name=name)
    def of_script(side):
        file = side.file("script.sql", script)
        runs = [
            pgbench(side, "-n", "-M", mode, "-f", file, "-t", "30", "-c", "2", "--random-seed=7")
            for mode in modes]
        return [runs, programs.run(
            side, "psql", "-XAtc", "select count(*), count(distinct line) from log")]


add_script("pgbench pipelines", PIPELINE, "extended", "prepared")
add_script("pgbench with an error in a pipeline", BROKEN_PIPELINE, "extended", "prepared")
add_script("pgbench with conditions", CONDITIONS, "simple", "extended", "prepared")
add_script("pgbench with several statements at once", SEVERAL, "simple")


@scenario
def pgbench_tries_again_after_conflicts(side):
    script = side.file(
        "serial.sql",
        "begin isolation level serializable;\nupdate items set price = price + 1 where id = 1;\n"
        "select count(*) from items;\ncommit;\n")
    result = pgbench(
        side, "-n", "-f", script, "-t", "30", "-c", "4", "--max-tries=1000", "--random-seed=7")
    # How often is chance.
    shown = [
        line for line in result["out"].splitlines() if "retried" not in line and
        "retries" not in line]
    return [result["exit"], shown, programs.run(
        side, "psql", "-XAtc", "select price from items where id = 1")]


def dumped(side, *arguments):
    return programs.run(side, "pg_dump", KEY, *arguments)


@scenario
def pg_dump_plain(side):
    return [dumped(side, *arguments) for arguments in (
        (), ("--schema-only",), ("--data-only", "--inserts"), ("--column-inserts", "-t", "items"),
        ("-t", "nowhere"), ("-T", "items", "--no-owner", "--no-acl"), ("--clean", "--if-exists"),
        ("--rows-per-insert=10", "-t", "parts"), ("-n", "public", "--section=pre-data"),
        ("--serializable-deferrable", "-a", "-t", "dear"), ("--quote-all-identifiers", "-s"),
        ("--lock-wait-timeout=100", "-s", "-t", "items"))]


def contents(side):
    """The whole database as text."""
    return dumped(side, "--no-comments")


EMPTY = ("drop schema public cascade; create schema public; "
         "drop extension if exists hstore, citext, ltree cascade")


def add_archive(name, dump_arguments, restore_arguments):
    @scenario(name=f"pg_dump and pg_restore, {name}", seconds=120)
    def archive(side):
        programs.run(side, "psql", "-XqAt", "-c", "select lo_from_bytea(0, 'object')")
        before = contents(side)
        made = programs.run(side, "pg_dump", *dump_arguments, "-f", "archive")
        listed = programs.run(side, "pg_restore", "-l", "archive")
        emptied = programs.run(
            side, "psql", "-Xq", "-c", EMPTY, "-c", "select count(lo_unlink(oid)) from "
            "pg_largeobject_metadata")
        restored = programs.run(
            side, "pg_restore", "-d", side.database, *restore_arguments, "archive")
        after = contents(side)
        listed["out"] = re.sub(r"(?m)^;     Archive created at.*$|^\d+; \d+ \d+ ", "", listed["out"])
        general = [re.sub(r"\b\d{5}\b", "<oid>", str(text)) for text in (before, after)]
        return {
            "made": made, "listed": listed["err"], "emptied": emptied, "restored": restored,
            "same": general[0] == general[1], "after": general[1]}


add_archive("custom", ["-Fc", "--no-blobs"], [])
add_archive("custom in one transaction", ["-Fc", "-Z0", "--no-blobs"], ["-1", "-e"])
add_archive("custom with 2 jobs", ["-Fc", "--no-blobs"], ["-j", "2"])
add_archive("directory with 2 jobs", ["-Fd", "-j", "2", "--no-blobs"], ["-j", "2"])
add_archive("tar", ["-Ft", "--no-blobs"], ["--disable-triggers"])
add_archive("inserts", ["-Fc", "--inserts", "--no-blobs"], [])


@scenario
def pg_dump_into_psql(side):
    dump = dumped(side, "--no-owner")
    emptied = programs.run(side, "psql", "-Xq", "-c", EMPTY)
    restored = programs.run(side, "psql", "-X", "-v", "ON_ERROR_STOP=1", stdin=dump["out"])
    return [emptied, restored, dumped(side, "--no-owner")["out"] == dump["out"]]


@scenario
def maintenance(side):
    """Errors too: not all of it is allowed to the role."""
    return [programs.run(side, *command) for command in (
        ("vacuumdb", "--analyze", "-j", "2", "-e", "-t", "items", "-t", "parts"),
        ("vacuumdb", "--analyze-in-stages", "-t", "items"), ("vacuumdb", "-f", "-t", "nowhere"),
        ("reindexdb", "-t", "items"), ("reindexdb", "--concurrently", "-i", "items_name", "-e"),
        ("clusterdb", "-t", "items"), ("pg_isready",))]


@scenario
def pg_isready_at_a_closed_port(side):
    return programs.run(side, "pg_isready", PGPORT="1")




REPLICATION = design.refused_replication(None)


@scenario(
    name="pg_receivewal", reason="replication is refused by name",
    through=lambda _: REPLICATION.replace("psql", "pg_receivewal"))
def receivewal(side):
    return programs.run(
        side, "pg_receivewal", "-D", side.folder, "--no-loop", "-n")["err"]


@scenario(
    name="pg_basebackup", reason="replication is refused by name",
    through=lambda _: REPLICATION.replace("psql", "pg_basebackup"))
def basebackup(side):
    return programs.run(side, "pg_basebackup", "-D", "backup")["err"]
