"""Load through an agent, and whether the trail has all of it once."""

import threading
import time

import power
import rig
import servers


class Load:
    """Clients of `power.Client` in rounds, and at the end the count of what the trail has."""

    def __init__(self, installation, generator, connection="crash-safe", label="m"):
        """The names of the clients, and so all marks, begin with the label."""
        self.installation = installation
        self.random = generator
        self.connection = connection
        self.label = label
        self.clients = []
        self.rounds = 0
        self.token_at = None
        installation.cluster.sql(
            f"create schema if not exists power authorization {rig.ROLE};\n"
            f"set role {rig.ROLE};\ncreate table if not exists power.done (mark text);",
            rig.DATABASE)

    def way(self, port=None):
        if self.token_at is None or time.monotonic() - self.token_at > 300:
            self.fresh_way = self.installation.way(self.connection)
            self.token_at = time.monotonic()
        # The agent may have another port by now.
        self.fresh_way.port = port or self.installation.agent_port
        return self.fresh_way

    def start(self, clients=4, port=None, pause=0):
        """Starts clients that go on until their sessions end."""
        way = self.way(port)
        self.installation.wait_for_entry(way)
        self.rounds += 1
        started = [
            power.Client(way, f"{self.label}{index}-{self.rounds}", self.random.random(), "power", pause)
            for index in range(clients)]
        for client in started:
            client.start()
        self.clients += started
        return started

    @staticmethod
    def join(clients):
        for client in clients:
            client.join(60)
            if client.is_alive() or client.failure:
                raise servers.Failure(f"client {client.name}: {client.failure or 'hangs'}")

    def wait_for_database(self):
        """Until the server has ended the sessions of agents that are gone."""
        deadline = time.monotonic() + 60
        text = f"select count(*) from pg_stat_activity where usename = '{rig.ROLE}'"
        while int(self.installation.cluster.sql(text)) > 0:
            if time.monotonic() > deadline:
                raise servers.Failure("the server still has sessions of agents that are gone")
            time.sleep(0.2)

    def tally(self, name, note=""):
        """Prints the line of a fault; gives whether nothing was lost or doubled."""
        self.wait_for_database()
        self.installation.wait_for_shipping()
        found = {}
        for statement in self.installation.statements(self.connection):
            match = power.MARK.search(statement.get("sql") or "")
            if match and match[1].startswith(self.label):
                found[match[1]] = found.get(match[1], 0) + 1
        committed = self.installation.cluster.sql(
            f"select mark from power.done where mark like '{self.label}%'", rig.DATABASE).split()
        received = [mark for client in self.clients for mark in client.received]
        executed = {*committed, *received}
        lost = sorted(executed - found.keys())
        doubled = sorted(mark for mark, times in found.items() if times > 1)
        print(
            f"{name}: {self.rounds} rounds, {len(executed)} statements executed by the database,"
            f" {len(executed) - len(lost)} begins found, {len(lost)} lost,"
            f" {len(doubled)} doubled{note}", flush=True)
        for what, marks in (("lost", lost), ("doubled", doubled)):
            if marks:
                print(f"  {what}: {' '.join(marks[:10])}", flush=True)
        return not lost and not doubled


class Sender(threading.Thread):
    """Sends while somebody else reads, as a client does that sends much."""

    def __init__(self, socket, parts):
        super().__init__(daemon=True)
        self.socket = socket
        self.parts = parts

    def run(self):
        held = bytearray()
        try:
            for part in self.parts:
                held += part
                if len(held) > 1 << 20:
                    self.socket.sendall(held)
                    held = bytearray()
            self.socket.sendall(held)
        except OSError:
            pass  # The reader finds out.


def verified(installation, *arguments):
    """What `sallyport audit verify` says, as JSON; it ends with 1 when something is wrong."""
    import json
    import os
    import subprocess

    done = subprocess.run(
        [str(installation.binaries / "sallyport"), "audit", "verify", "--format", "json",
         *arguments],
        env={**os.environ, "SALLYPORT_CONFIG": str(installation.scratch.folder / "cli.json")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise servers.Failure(f"audit verify failed:\n{done.stderr}") from None


def expect_sound(installation, what):
    report = verified(installation)
    if not report["sound"]:
        print(f"  {what}: audit verify found {report['findings'][:3]}", flush=True)
    return report["sound"]
