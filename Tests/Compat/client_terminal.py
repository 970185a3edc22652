"""psql typed at in a terminal: prompts, completion, Ctrl-C, what arrives while it waits."""

import re

import pexpect

import programs
from scenario import Client

CLIENT = Client("psql in a terminal", programs.version("psql", "--version"))
scenario = CLIENT.scenario


class Terminal:
    """A psql in a terminal, and the transcript of what it showed."""

    def __init__(self, side, *arguments, **environment):
        self.shown = []
        self.child = pexpect.spawn(
            "psql", ["-X", "-P", "pager=off", *arguments], cwd=str(side.folder), echo=True,
            encoding="utf-8", codec_errors="backslashreplace", timeout=15, dimensions=(60, 160),
            env=side.environment(INPUTRC="/dev/null", **environment))
        self.child.delaybeforesend = None
        self.wait_for(r"compat=> ")

    def wait_for(self, pattern):
        self.child.expect(pattern)
        text = self.child.before + self.child.after
        text = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\x07", "", text).replace("\r", "")
        self.shown.append(re.sub(r"with PID \d+", "with PID <pid>", text))
        return self.shown[-1]

    def type(self, line, until=r"\ncompat\S{1,3} "):
        self.child.send(line + "\n")
        return self.wait_for(until)

    def keys(self, keys, until):
        self.child.send(keys)
        return self.wait_for(until)

    def end(self):
        self.child.sendline("\\q")
        self.child.expect(pexpect.EOF)
        self.child.close()
        return {"exit": self.child.exitstatus, "shown": self.shown}


@scenario
def prompts(side):
    terminal = Terminal(side)
    for line in (
        "select 1", "+ 1;", "begin;", "select 1/0;", "select 2;", "rollback;", "select 'open",
        "closed';", "select (1", ");", "select \"a", "b\";", "/* open", "*/ select 3;",
        "create temp table t (i int);", "\\set PROMPT1 'compat%R%x%# '", "begin;", "commit;",
    ):
        terminal.type(line)
    return terminal.end()


@scenario
def completion_by_tab(side):
    terminal = Terminal(side)
    # Each is answered by queries to the server; what is waited for is what they add.
    for typed, added, rest in (
        ("select * from ite", "ms", " limit 1;"),
        ("\\d every", "thing", ""),
        ("select * from items where na", "me", " = 'item 1';"),
        ("set timez", "one", " to 'UTC';"),
        ("alter table par", "ts", "rename column serial to number;"),
        ("select number from par", "ts", " limit 1;"),
        ("grant select on dea", "r", "to public;"),
        ("select * from \"it", "ems", "\" limit 1;"),
        ("drop type moo", "d", ";"),
        ("set feeling = 1; comment on table it", "ems", " is null;"),
        ("table dea", "r", "limit 1;"),
    ):
        terminal.keys(typed + "\t", re.escape(added))
        terminal.type(rest)
    terminal.type("begin;")
    # In a failed transaction psql's query is refused, and nothing is added.
    terminal.type("select 1/0;")
    terminal.keys("table dea\t", r"table dea")
    terminal.type("x;")
    terminal.type("rollback;")
    terminal.keys("table items\t\t", r"items_id_seq")
    terminal.type(" limit 1;")
    return terminal.end()


@scenario
def ctrl_c_while_a_statement_runs(side):
    terminal = Terminal(side)
    for statement in ("select pg_sleep(60);", "begin; select pg_sleep(60);"):
        terminal.child.send(statement + "\n")
        wait_until_active(side, "pg_sleep(60)")
        terminal.keys("\x03", r"user request\r\ncompat\S{1,3} ")
    terminal.type("rollback;")
    terminal.type("select 'alive';")
    terminal.child.send("select n, pg_sleep(0) from generate_series(1, 100000000) n;\n")
    wait_until_active(side, "100000000")
    terminal.keys("\x03", r"user request\r\ncompat\S{1,3} ")
    terminal.type("\\errverbose")
    return terminal.end()


@scenario
def ctrl_c_at_the_prompt_and_in_copy(side):
    terminal = Terminal(side)
    terminal.keys("select 1 +\x03", r"\ncompat=> ")
    terminal.type("copy log (line) from stdin;", r">> ")
    terminal.keys("one\n\x03", r"\ncompat=> ")
    terminal.type("select count(*) from log;")
    terminal.type("copy log (line) from stdin;", r">> ")
    terminal.keys("one\n", r">> ")
    terminal.keys("\\.\n", r"\ncompat=> ")
    terminal.type("select count(*) from log;")
    return terminal.end()


@scenario
def watch(side):
    terminal = Terminal(side)
    terminal.child.send("select 'watched' \\watch 0.1\n")
    for _ in range(3):
        terminal.wait_for(r"watched\s+\(1 row\)")
    terminal.keys("\x03", r"\ncompat=> ")
    terminal.shown = [
        re.sub(r"\w{3} \w{3} +\d+ [\d:]+ \d{4}", "<time>", text) for text in terminal.shown]
    # How many more came before the key was noticed is chance.
    terminal.shown = [*terminal.shown[:2], terminal.shown[-1][-9:]]
    terminal.child.send("select pg_sleep(60) \\watch 1\n")
    wait_until_active(side, "pg_sleep(60)")
    terminal.keys("\x03", r"\ncompat=> ")
    terminal.type("select 1/0 \\watch 1")
    return terminal.end()


@scenario
def notifications_while_it_waits(side):
    terminal, other = Terminal(side), Terminal(side)
    terminal.type("listen channel;")
    terminal.type("listen logged;")
    other.type("notify channel, 'from another';")
    other.type("insert into log (line) values ('noted');")
    terminal.type("select 1;")
    other.type("begin; notify channel, 'later';")
    terminal.type("select 2;")
    other.type("commit;")
    terminal.type(";")
    return [terminal.end(), other.end()]


@scenario
def connecting_again(side):
    terminal = Terminal(side)
    for line in (
        "create temp table mine (i int);", "\\c", "table mine;", "\\c - - localhost",
        "\\c compat compat", "\\c -reuse-previous=on application_name=mine",
        "select pg_terminate_backend(pg_backend_pid());", "select 'again';",
    ):
        terminal.type(line)
    return terminal.end()


@scenario
def editing_and_meta_commands(side):
    terminal = Terminal(side, EDITOR="true")
    for line in (
        "\\timing off", "\\x auto", "select * from items limit 1;", "\\x off", "\\p", "\\r",
        "\\p", "\\a", "table empty;", "\\t", "select 1;", "\\s nowhere/none", "\\h begin",
        "\\df swap", "\\g", "\\set ECHO_HIDDEN on", "\\dx", "\\cd /tmp", "\\setenv X y",
        "\\! echo $X", "\\echo `echo one`", "\\qecho two",
    ):
        terminal.type(line)
    terminal.type("\\prompt 'name: ' name", r"name: ")
    terminal.type("item 3")
    terminal.type("select id from items where name = :'name';")
    return terminal.end()


@scenario
def error_rollback_when_interactive(side):
    terminal = Terminal(side)
    for line in (
        "\\set ON_ERROR_ROLLBACK interactive", "begin;", "insert into log (line) values ('a');",
        "select 1/0;", "insert into log (line) values ('b');", "commit;",
        "select line from log order by line;",
    ):
        terminal.type(line)
    return terminal.end()


@scenario
def asked_for_a_password(side):
    environment = side.environment()
    del environment["PGPASSFILE"]
    child = pexpect.spawn(
        "psql", ["-X", "-W", "-c", "select 1"], env=environment, encoding="utf-8", timeout=30)
    child.expect("Password: ")
    child.sendline(side.password)
    child.expect(pexpect.EOF)
    child.close()
    return {"exit": child.exitstatus, "shown": child.before}


def wait_until_active(side, text):
    """Until the server runs a statement with the text in it."""
    import psycopg
    import time

    with psycopg.connect(**side.admin) as connection:
        for _ in range(600):
            found = connection.execute(
                "select count(*) from pg_stat_activity where state = 'active' and "
                "pid <> pg_backend_pid() and position(%s in query) > 0", [text]).fetchone()
            if found[0]:
                return
            time.sleep(0.05)
    raise TimeoutError(f"no statement with {text!r} became active within 30 s")
