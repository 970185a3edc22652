"""The control plane is away while agents work on; it comes back, and nobody starves while they drain."""

import hashlib
import json
import os
import statistics
import time

import rig
import servers
import tally
import wire

# How long an agent works without the control plane in each round, as fast as it can: a database with a
# statement a second leaves as much in 72 hours.
WORK_SECONDS = 10
CLIENTS = 8
# The busy agent's records may not keep those of the other for longer than this.
LONGEST_SECONDS = 10
SCRIPT = "\\set n random(1, 1000000000)\nINSERT INTO outage.done VALUES (:client_id, :n);\n"


class OtherAgent:
    """A second agent of the same segment, which has little to do."""

    def __init__(self, installation):
        scratch = installation.scratch
        self.port = servers.free_port()
        state, join = scratch.folder / "agent.other", scratch.folder / "join.other"
        invitation = installation.cli(
            "agents", "invite", "--segment", "bench", "--address", f"127.0.0.1:{self.port}",
            "--format", "json")
        join.touch(0o600)
        join.write_text(json.loads(invitation)["joinToken"])
        program = installation.binaries / "sallyport-agent"
        scratch.run(
            [program, "enroll", "--server", f"https://127.0.0.1:{installation.api_port}",
             "--token-file", join, "--state", state])
        log = scratch.folder / "agent.other.log"
        scratch.start(
            [program, "serve", "--state", state, "--listen", f"127.0.0.1:{self.port}",
             "--allow-plaintext-loopback", "--log-level", "warning"], log)
        servers.wait_for_port(self.port, "the other agent", log)


def run(installation, generator, rounds):
    del generator
    cluster = installation.cluster
    cluster.sql(
        f"create schema outage authorization {rig.ROLE};\nset role {rig.ROLE};\n"
        "create table outage.done (client int, n bigint);", rig.DATABASE)
    other = OtherAgent(installation)
    installation.add_connection("outage", "crash-safe")
    way = installation.way("outage")
    installation.wait_for_entry(way)
    quiet = wire.Way("127.0.0.1", other.port, way.user, way.database, way.password, tls=False)
    installation.wait_for_entry(quiet)
    delays = []
    backlog = 0
    start = 0
    drained = 0
    for _ in range(rounds):
        installation.stop_control()
        work(installation, way)
        backlog += installation.backlog() or 0
        installation.start_control_again()
        start = time.monotonic()
        delays += probe(installation, quiet, len(delays))
        drained += time.monotonic() - start
    return report(installation, rounds, backlog, drained, delays)


def work(installation, way):
    scratch = installation.scratch
    script = scratch.folder / "outage.sql"
    script.write_text(SCRIPT)
    passfile = scratch.folder / "outage.pgpass"
    passfile.touch(0o600)
    passfile.write_text(f"*:*:*:*:{way.password}\n")
    scratch.run(
        ["pgbench", "-n", "-M", "prepared", "-c", CLIENTS, "-T", WORK_SECONDS, "-f", script],
        env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(way.port), "PGUSER": way.user,
             "PGDATABASE": way.database, "PGPASSFILE": str(passfile), "PGSSLMODE": "disable"})


def probe(installation, way, number):
    """Statements through the quiet agent until the busy one has drained: how late each arrives."""
    peer = way.connect({})[0]
    delays = []
    while (installation.backlog() or 0) > 0 or not delays:
        sql = f"SELECT 'outage-{number + len(delays)}'"
        peer.sendall(wire.query(sql))
        held = b""
        while not held.endswith(b"Z\0\0\0\5I"):
            held += peer.recv(65536)
        start = time.monotonic()
        digest = hashlib.sha256(sql.encode()).hexdigest()
        while not installation.store.sql(
                f"select 1 from sallyport.statement_text where digest = '\\x{digest}'",
                "sallyport").strip():
            if time.monotonic() - start > 120:
                raise servers.Failure("a statement of the quiet agent did not arrive within 120 s")
            time.sleep(0.05)
        delays.append(time.monotonic() - start)
        time.sleep(0.1)
    peer.close()
    return delays


def report(installation, rounds, backlog, drained, delays):
    installation.wait_for_shipping()
    executed = int(installation.cluster.sql("select count(*) from outage.done", rig.DATABASE))
    found, distinct = installation.store.sql(
        "select count(*), count(distinct (session, statement)) from sallyport.statement"
        " where connection = 'outage' and command_tag = 'INSERT 0 1'", "sallyport").split("|")
    lost, doubled = max(0, executed - int(distinct)), int(found) - int(distinct)
    print(
        f"outage of the control plane: {rounds} rounds, {executed} statements executed by the"
        f" database, {distinct.strip()} begins found, {lost} lost, {doubled} doubled; a backlog of"
        f" {backlog} records drained in {drained:.1f} s; {len(delays)} statements of a quiet agent"
        f" arrived meanwhile after {statistics.median(delays):.2f} s (median),"
        f" {max(delays):.2f} s at most", flush=True)
    fair = max(delays) < LONGEST_SECONDS
    return tally.expect_sound(installation, "after the outage") and not lost and not doubled and fair
