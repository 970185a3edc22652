"""What is large: a long text, thousands of Executes at once, COPY both ways, and a text over the limit."""

import hashlib
import json

import rig
import servers
import tally
import wire

TEXT_BYTES = 15 << 20
TOO_LONG_BYTES = 200 << 20
EXECUTES = 10_000
COPY_BYTES = 200 << 20


class Peer:
    """A session that waits for what it asked."""

    def __init__(self, way):
        self.socket = way.connect({}, patience=300)[0]

    def ask(self, *parts, readies=1):
        """Sends and reads up to ReadyForQuery; gives tags, error codes, rows, and bytes of COPY."""
        sender = tally.Sender(self.socket, parts)
        sender.start()
        answer = {"tags": [], "errors": [], "rows": 0, "copied": 0, "wants": False}
        held = b""
        while readies:
            chunk = self.socket.recv(1 << 20)
            if not chunk:
                raise servers.Failure(f"the session ended after {answer}")
            left = b""
            for kind, body in wire.messages(held + chunk):
                if kind is None:
                    left = body
                elif kind == "C":
                    answer["tags"].append(body[:-1].decode())
                elif kind == "E":
                    code = [f[1:] for f in body.split(b"\0") if f.startswith(b"C")][0]
                    answer["errors"].append(code.decode())
                elif kind == "D":
                    answer["rows"] += 1
                elif kind == "d":
                    answer["copied"] += len(body)
                elif kind == "Z":
                    readies -= 1
            held = left
        sender.join(60)
        return answer


def long_text(peer, mark):
    sql = f"SELECT length('{mark}" + "x" * TEXT_BYTES + "')"
    return sql, peer.ask(wire.query(sql))


def executes(peer, mark):
    """One Parse, then thousands of Binds and Executes before a Sync."""
    parts = [wire.parse("s", f"INSERT INTO large.done VALUES ('{mark}' || $1)", (25,))]
    for number in range(EXECUTES):
        parts += [wire.bind("", "s", (), (str(number).encode(),)), wire.execute("")]
    return peer.ask(*parts, wire.SYNC)


def copy_in(peer):
    row = b"x" * 8_191 + b"\n"
    data = [wire.copy_data(row)] * (COPY_BYTES // len(row))
    return peer.ask(wire.query("COPY large.data FROM STDIN"), *data, wire.COPY_DONE)


def run(installation, generator, rounds):
    cluster = installation.cluster
    cluster.sql(
        f"create schema large authorization {rig.ROLE};\nset role {rig.ROLE};\n"
        "create table large.done (mark text);\ncreate table large.data (line text);",
        rig.DATABASE)
    wrong = []
    for number in range(rounds):
        for durability in rig.DURABILITIES:
            one_round(installation, generator, durability, number, wrong)
    installation.wait_for_shipping()
    for line in wrong:
        print(f"  {line}", flush=True)
    print(
        f"large: {rounds * 2} rounds of a text of {TEXT_BYTES >> 20} MiB, a text of"
        f" {TOO_LONG_BYTES >> 20} MiB that is refused, {EXECUTES:,} Executes at once, COPY of"
        f" {COPY_BYTES >> 20} MiB in and out; {len(wrong)} not recorded whole", flush=True)
    return tally.expect_sound(installation, "after what is large") and not wrong


def one_round(installation, generator, durability, number, wrong):
    mark = f"{generator.getrandbits(40):x}"
    peer = Peer(installation.way(durability))
    rows = COPY_BYTES // 8_192

    def check(what, got, wanted):
        if got != wanted:
            wrong.append(f"{durability}, {what}: {got!r} instead of {wanted!r}")

    sql, answer = long_text(peer, mark)
    check("the long text's answer", (answer["rows"], answer["errors"]), (1, []))
    answer = peer.ask(wire.query(f"SELECT '{mark}{'y' * TOO_LONG_BYTES}'"))
    check("a text over the limit", answer["errors"], ["54000"])
    answer = executes(peer, mark)
    check("Executes", (len(answer["tags"]), answer["errors"]), (EXECUTES, []))
    answer = copy_in(peer)
    check("COPY in", answer["tags"], [f"COPY {rows}"])
    answer = peer.ask(wire.query(f"COPY (SELECT line FROM large.data LIMIT {rows}) TO STDOUT"))
    check("COPY out", (answer["tags"], answer["copied"]), ([f"COPY {rows}"], rows * 8_192))
    peer.socket.sendall(wire.TERMINATE)
    peer.socket.close()
    committed = int(installation.cluster.sql(
        f"select count(*) from large.done where mark like '{mark}%'", rig.DATABASE))
    check("rows of the Executes", committed, EXECUTES)
    installation.cluster.sql("truncate large.data", rig.DATABASE)
    look(installation, durability, mark, sql, rows, check)


def look(installation, durability, mark, sql, rows, check):
    """What the trail has of it."""
    installation.wait_for_shipping()
    store = installation.store

    def count(text):
        return store.sql(text, "sallyport").strip()

    digest = hashlib.sha256(sql.encode()).hexdigest()
    check(
        "the long text in the trail",
        count(f"select octet_length(text) from sallyport.statement_text"
              f" where text like 'SELECT length(''{mark}%'"), str(len(sql)))
    query = ["audit", "query", "--connection", durability, "--format", "jsonl", "--all"]
    found = [json.loads(line) for line in installation.cli(
        *query, "--words", mark).splitlines()]
    long = [statement for statement in found if len(statement.get("sql") or "") == len(sql)]
    check(
        "the long text as it is asked for",
        [hashlib.sha256(statement["sql"].encode()).hexdigest() for statement in long], [digest])
    inserted = [s for s in found if (s.get("sql") or "").startswith("INSERT INTO large.done")]
    numbers = sorted(int(s["parameters"][0]["text"]) for s in inserted)
    check("begins of the Executes", numbers == list(range(EXECUTES)), True)
    check("their ends", {(s["outcome"], s["rows"]) for s in inserted}, {("completed", 1)})
    newest = [json.loads(line) for line in installation.cli(
        "audit", "query", "--connection", durability, "--format", "jsonl", "--limit",
        "2").splitlines()]
    check("COPY in the trail", sorted(s["rows"] for s in newest), [rows, rows])
    refused = [json.loads(line) for line in installation.cli(
        *query[:-1], "--decision", "refused", "--limit", "1").splitlines()]
    check("the refusal", [s.get("sqlstate") for s in refused], ["54000"])
