#!/usr/bin/env python3
"""Power cuts of an agent's host under load: what the database executed has to be in the trail.

    Tests/Faults/power.py --binaries .build/debug --rounds 100 --seed 1
    Tests/Faults/power.py --binaries .build/debug --durability crash-safe --rounds 5 --expect-loss

In each round clients write, read and pipeline through the agent until, at a random instant, the
agent is killed and its record folder becomes what was on the medium (dropsync/dropsync.c): writes
that were not synced are gone, in every second round all but some of their pages. Then the agent
starts again. At the end every statement is looked for in the trail by its text, which is sent once:
those whose work the database has committed, and those whose rows a client has received.

Prints one line. Ends with 1 when something is lost or doubled; with --expect-loss, when nothing is
lost: the way to see that the rig drops what it should.
"""

import argparse
import itertools
import random
import re
import sys
import threading
import time

import medium
import rig
import servers
import wire

MARK = re.compile(r"'(\w+-\d+-\d+)'")


class Client(threading.Thread):
    """One client: sends statements with a mark each, and notes of which it received rows."""

    def __init__(self, way, name, seed, schema, pause=0):
        """`pause` is the longest time between two statements, in seconds."""
        super().__init__(daemon=True)
        self.way = way
        self.name = name
        self.random = random.Random(seed)
        self.schema = schema
        self.pause = pause
        self.numbers = itertools.count()
        self.sent = 0
        self.received = []
        self.failure = None

    def run(self):
        try:
            self.peer = self.way.connect({})[0]
            while True:
                if self.pause:
                    time.sleep(self.random.uniform(0, self.pause))
                self.random.choice(
                    (self.autocommit, self.autocommit, self.transaction, self.pipeline,
                     self.read, self.read_in_transaction))()
        except (OSError, wire.LoginFailure):
            pass  # The power was cut.
        except Exception as error:  # noqa: BLE001
            self.failure = error

    def mark(self):
        self.sent += 1
        return f"{self.name}-{next(self.numbers)}"

    def insert(self):
        return f"INSERT INTO {self.schema}.done VALUES ('{self.mark()}')"

    def ask(self, *messages, readies=1):
        """Sends all at once and takes answers up to the last ReadyForQuery; notes rows."""
        self.peer.sendall(b"".join(messages))
        held = b""
        while readies:
            chunk = self.peer.recv(65536)
            if not chunk:
                raise ConnectionError("closed")
            left = b""
            for kind, body in wire.messages(held + chunk):
                if kind is None:
                    left = body
                elif kind == "D":
                    self.received.append(body[6:].decode())
                elif kind == "E":
                    fields = body.decode(errors="replace").split("\0")
                    if any(field == "CFATAL" or field.startswith("SFATAL") for field in fields):
                        raise ConnectionError(str(fields))
                    raise RuntimeError(f"the server answered with {fields}")
                elif kind == "Z":
                    readies -= 1
            held = left

    def autocommit(self):
        self.ask(wire.query(self.insert()))

    def transaction(self):
        self.ask(wire.query("BEGIN"))
        for _ in range(self.random.randint(1, 4)):
            self.ask(wire.query(self.insert()))
        self.ask(wire.query(self.random.choice(("COMMIT", "COMMIT", "ROLLBACK"))))

    def pipeline(self):
        """Of the extended protocol: an implicit transaction, or an explicit one in one go."""
        texts = [self.insert() for _ in range(self.random.randint(1, 5))]
        if self.random.random() < 0.5:
            texts = ["BEGIN", *texts, "COMMIT"]
        parts = [wire.parse("", text) + wire.bind("", "") + wire.execute("") for text in texts]
        self.ask(*parts, wire.SYNC)

    def read(self):
        self.ask(wire.query(f"SELECT '{self.mark()}'"))

    def read_in_transaction(self):
        self.ask(wire.query("BEGIN"))
        for _ in range(self.random.randint(1, 3)):
            self.ask(wire.query(f"SELECT '{self.mark()}'"))
        self.ask(wire.query(self.random.choice(("COMMIT", "ROLLBACK"))))


class Run:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.scratch = servers.Scratch()
        self.clients = []
        self.lost_bytes = 0

    def start(self):
        options = self.options
        self.disk = medium.Medium(
            self.scratch, self.scratch.folder / "records", delay_us=options.sync_delay)
        self.installation = rig.Installation(
            self.scratch, options.binaries, records=self.disk.folder,
            environment=self.disk.environment())
        self.installation.cluster.sql(
            f"create schema power authorization {rig.ROLE};\n"
            f"set role {rig.ROLE};\ncreate table power.done (mark text);", rig.DATABASE)
        self.token_at = None

    def way(self):
        if self.token_at is None or time.monotonic() - self.token_at > 300:
            self.fresh_way = self.installation.way(self.options.durability)
            self.token_at = time.monotonic()
        return self.fresh_way

    def round(self, number):
        way = self.way()
        self.installation.wait_for_entry(way)
        clients = [
            Client(way, f"m{index}-{number}", self.random.random(), "power")
            for index in range(self.options.clients)]
        for client in clients:
            client.start()
        time.sleep(self.random.uniform(0.1, self.options.longest))
        self.installation.kill_agent()
        for client in clients:
            client.join(30)
            if client.is_alive() or client.failure:
                raise servers.Failure(f"client {client.name}: {client.failure or 'hangs'}")
        self.clients += clients
        torn = self.random if number % 2 else None
        self.lost_bytes += self.disk.cut_power(torn)
        self.installation.launch_agent()

    def wait_for_database(self):
        """Until the server has ended the sessions of the agents that were killed."""
        deadline = time.monotonic() + 60
        text = f"select count(*) from pg_stat_activity where usename = '{rig.ROLE}'"
        while int(self.installation.cluster.sql(text)) > 0:
            if time.monotonic() > deadline:
                raise servers.Failure("the server still has sessions of agents that are gone")
            time.sleep(0.2)

    def report(self):
        self.wait_for_database()
        self.installation.wait_for_shipping()
        found = {}
        for statement in self.installation.statements(self.options.durability):
            match = MARK.search(statement.get("sql") or "")
            if match:
                found[match[1]] = found.get(match[1], 0) + 1
        committed = self.installation.cluster.sql(
            "select mark from power.done", rig.DATABASE).split()
        received = [mark for client in self.clients for mark in client.received]
        executed = {*committed, *received}
        lost = sorted(executed - found.keys())
        doubled = sorted(mark for mark, times in found.items() if times > 1)
        counters = self.disk.counters()
        print(
            f"{self.options.durability}: {self.options.rounds} rounds,"
            f" {sum(client.sent for client in self.clients)} statements sent,"
            f" {len(committed)} committed and {len(received)} read by the database,"
            f" {len(executed) - len(lost)} begins found, {len(lost)} lost, {len(doubled)} doubled;"
            f" {counters['writes']} writes, {counters['syncs']} syncs,"
            f" {self.lost_bytes} bytes lost with the power, seed {self.options.seed}")
        for name, marks in (("lost", lost), ("doubled", doubled)):
            if marks:
                print(f"  {name}: {' '.join(marks[:10])}")
        if counters["failures"] or not counters["writes"] or not counters["syncs"]:
            raise servers.Failure(f"the agent's files do not go through the rig: {counters}")
        if self.options.expect_loss:
            return 0 if lost and not doubled else 1
        return 1 if lost or doubled else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=".build/debug")
    parser.add_argument("--durability", default="power-safe", choices=rig.DURABILITIES)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--longest", type=float, default=1.5, help="seconds of a round, at most")
    parser.add_argument("--sync-delay", type=int, default=3000, help="microseconds of a sync")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--expect-loss", action="store_true")
    run = Run(parser.parse_args())
    try:
        run.start()
        for number in range(run.options.rounds):
            run.round(number)
        return run.report()
    except servers.Failure as failure:
        print(f"power.py: {failure}", file=sys.stderr)
        return 1
    finally:
        run.scratch.close()


if __name__ == "__main__":
    sys.exit(main())
