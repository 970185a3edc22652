"""What a superuser of the control plane's database can do to the trail, and what `verify` says."""

import time

import tally

# What is put back after each act.
TABLES = ("record", "merkle_tile", "log_cursor", "control_entry", "witnessed_log", "statement",
          "pending_statement", "session", "statement_text")


def acts(log, seq, agent, old):
    """Name, SQL, and the findings of which one must be there, with the record where it is named."""
    where = f"where (agent, epoch, lane) = ({log})"
    at = f"{where} and seq = {seq}"
    return [
        ("an edited record",
         f"update sallyport.record set bytes = set_byte(bytes, octet_length(bytes) - 1,"
         f" get_byte(bytes, octet_length(bytes) - 1) # 1) {at}", {"altered"}, seq),
        ("a deleted record", f"delete from sallyport.record {at}", {"missing"}, seq),
        ("an inserted record",
         f"insert into sallyport.record select agent, epoch, lane, (select max(seq) + 1 from"
         f" sallyport.record {where}), received_at, at, kind, session, statement, bytes"
         f" from sallyport.record {at};"
         f" update sallyport.log_cursor set next_seq = next_seq + 1 {where}",
         {"misplaced", "unreadable"}, None),
        ("two swapped records",
         f"update sallyport.record r set bytes = o.bytes, kind = o.kind, session = o.session,"
         f" statement = o.statement, at = o.at from (select * from sallyport.record) o"
         f" where (r.agent, r.epoch, r.lane) = ({log})"
         f" and (o.agent, o.epoch, o.lane) = ({log})"
         f" and r.seq in ({seq}, {seq + 1}) and o.seq = 2 * {seq} + 1 - r.seq",
         {"missing", "misplaced"}, seq),
        ("another time", f"update sallyport.record set at = at - interval '1 hour' {at}",
         {"column"}, seq),
        ("another time of arrival",
         f"update sallyport.record set received_at = received_at - interval '10 min' {at}",
         {"arrival"}, None),
        ("a truncated tail",
         f"delete from sallyport.record {where} and seq >= {seq}", {"truncated"}, seq),
        ("a truncated tail with an older checkpoint",
         f"delete from sallyport.record {where} and seq >= {old['size']};"
         f" update sallyport.log_cursor set next_seq = {old['size']},"
         f" checkpoint = '{old['checkpoint']}', root = '{old['root']}',"
         f" frontier = '{old['frontier']}' {where}", {"truncated"}, old["size"]),
        ("a dropped log",
         f"delete from sallyport.record {where}; delete from sallyport.log_cursor {where};"
         f" delete from sallyport.merkle_tile {where}", {"absent"}, None),
        ("a dropped agent",
         f"delete from sallyport.record where agent = '{agent}';"
         f" delete from sallyport.log_cursor where agent = '{agent}';"
         f" delete from sallyport.merkle_tile where agent = '{agent}'", {"absent"}, None),
    ]


def table_acts(log, seq, digest):
    """Acts that leave the records alone: name, SQL, and the table of the finding that must be there,
    with the record where it is named."""
    at = f"where (agent, epoch, lane) = ({log}) and seq = {seq}"
    session = f"where (id, agent) in (select session, agent from sallyport.statement {at})"
    text = f"where digest = '{digest}'"

    def copied(table, changes, where):
        return (f"insert into sallyport.{table} select (jsonb_populate_record(t, {changes})).*"
                f" from sallyport.{table} t {where}")

    return [
        ("an edited statement", f"update sallyport.statement set principal = 'eve' {at}",
         "statement", seq),
        ("a deleted statement", f"delete from sallyport.statement {at}", "statement", seq),
        ("an inserted statement",
         copied("statement", "jsonb_build_object('seq', t.end_seq)", at), "statement", None),
        ("a statement of no log",
         copied("statement", "jsonb_build_object('lane', 60)", at), "statement", None),
        ("an edited session", f"update sallyport.session set client_address = 'x' {session}",
         "session", None),
        ("a session closed otherwise",
         f"update sallyport.session set close_reason = 'x', closed_at = opened_at {session}",
         "session", None),
        ("a deleted session", f"delete from sallyport.session {session}", "session", None),
        ("an inserted session",
         "insert into sallyport.session ({session_columns}) select {session_values}"
         f" from sallyport.session {session}", "session", None),
        ("an edited text", f"update sallyport.statement_text set text = 'select 1' {text}",
         "statement_text", None),
        ("a deleted text", f"delete from sallyport.statement_text {text}",
         "statement_text", None),
        ("an inserted text",
         "insert into sallyport.statement_text (digest, text, first_seen_at, analysis)"
         " values (sha256('x'), 'select 1', now(), 0)", "statement_text", None),
        ("an edited act", "update sallyport.control_entry set caller_name = 'eve' where seq = 1",
         "control_entry", 1),
        ("a deleted act", "delete from sallyport.control_entry where seq = 1",
         "control_entry", 1),
        ("an inserted act",
         copied("control_entry", "jsonb_build_object('seq', 1000000)", "where seq = 1"),
         "control_entry", 1000000),
    ]


class Store:
    def __init__(self, installation):
        self.cluster = installation.store

    def sql(self, text):
        return self.cluster.sql(text, "sallyport").strip()

    def unguarded(self, text):
        """As somebody does who may switch the triggers off."""
        names = self.sql(
            "select c.oid::regclass from pg_class c join pg_namespace n on n.oid = relnamespace"
            " where nspname = 'sallyport' and relkind in ('r', 'p') and relhastriggers").split()
        off = "".join(f"alter table {name} disable trigger user;\n" for name in names)
        self.sql(f"begin;\n{off}{text};\ncommit;")

    def keep(self):
        for table in TABLES:
            self.sql(f"create schema if not exists kept; drop table if exists kept.{table};"
                     f" create table kept.{table} as select * from sallyport.{table}")

    def columns(self, table):
        """Those that can be written."""
        return self.sql(
            "select string_agg(attname, ', ' order by attnum) from pg_attribute"
            f" where attrelid = 'sallyport.{table}'::regclass and attnum > 0"
            " and not attisdropped and attgenerated = ''")

    def put_back(self):
        for table in TABLES:
            columns = self.columns(table)
            self.unguarded(f"delete from sallyport.{table}; insert into sallyport.{table}"
                           f" ({columns}) select {columns} from kept.{table}")


def some(installation, load):
    """A few thousand statements: each act is followed by a verification of all of them."""
    clients = load.start(2)
    time.sleep(0.3)
    # Stopped in order it would let them go on for a while.
    installation.kill_agent()
    load.join(clients)


def run(installation, generator, rounds):
    del rounds
    store = Store(installation)
    load = tally.Load(installation, generator)
    some(installation, load)
    installation.launch_agent()
    installation.wait_for_shipping()
    log = store.sql(
        "select format('''%s''::uuid, %s, %s', agent, epoch, lane) from sallyport.log_cursor c"
        " join sallyport.agent a on a.id = c.agent order by next_seq desc limit 1")
    columns = ("next_seq", "checkpoint", "root", "frontier")
    head = store.sql(
        f"select {', '.join(columns)} from sallyport.log_cursor"
        f" where (agent, epoch, lane) = ({log})").split("|")
    old = dict(zip(("size", "checkpoint", "root", "frontier"), head))
    old["size"] = int(old["size"])
    # Longer than the control plane takes to witness the logs.
    time.sleep(12)
    some(installation, load)
    installation.launch_agent()
    installation.wait_for_shipping()
    installation.stop_agent()
    time.sleep(12)
    good = tally.expect_sound(installation, "before the tampering")
    size = int(store.sql(
        f"select next_seq from sallyport.log_cursor where (agent, epoch, lane) = ({log})"))
    seq = size // 2
    agent = log.split("'")[1]
    # For the time of arrival that is put back, also shortly after midnight.
    store.sql("select sallyport.make_partition((now() at time zone 'UTC')::date - 1)")
    store.keep()
    named = 0
    every = acts(log, seq, agent, old)
    for name, act, codes, expected in every:
        store.unguarded(act)
        findings = tally.verified(installation)["findings"]
        matching = [
            found for found in findings
            if found["code"] in codes and (expected is None or found.get("seq") == expected)]
        if matching:
            named += 1
        else:
            good = False
            print(f"  {name} at {seq}: not named: {findings[:3]}", flush=True)
        store.put_back()
    seq, digest = store.sql(
        f"select seq, digest from sallyport.statement where (agent, epoch, lane) = ({log})"
        " and end_seq is not null and digest is not null"
        f" order by abs(seq - {seq}) limit 1").split("|")
    in_tables = table_acts(log, int(seq), digest)
    columns = store.columns("session")
    for name, act, table, expected in in_tables:
        store.unguarded(
            act.replace("{session_columns}", columns).replace(
                "{session_values}", ", ".join(
                    "gen_random_uuid()" if column == "id" else column
                    for column in columns.split(", "))))
        findings = tally.verified(installation)["findings"]
        if any(found["code"] == "projection" and found["message"].startswith(f"{table}: ")
               and (expected is None or found.get("seq") == expected) for found in findings):
            named += 1
        else:
            good = False
            print(f"  {name} at {seq}: not named: {findings[:3]}", flush=True)
        store.put_back()
    good = tally.expect_sound(installation, "put back") and good
    print(f"tampering as superuser: {len(every) + len(in_tables)} acts, {named} named by"
          " audit verify", flush=True)
    return good

