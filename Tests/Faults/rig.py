"""An installation that faults are put into: a cluster, a control plane, and an agent to be killed.

The servers are those of the benchmark. A scenario says where the agent's records are and with what
environment it runs; it starts, kills and restarts the agent and asks the trail what arrived.
"""

import contextlib
import json
import pathlib
import secrets
import signal
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "Tests/Fuzz")]

import servers  # noqa: E402
import wire  # noqa: E402

ROLE = servers.ROLE
DATABASE = servers.DATABASE
SUBJECT = servers.SUBJECT
# Only the agent's host loses power here, not the database's.
SETTINGS = "fsync = off\nautovacuum = off\nshared_buffers = 64MB\nlc_messages = 'C'\n"
DURABILITIES = ("crash-safe", "power-safe")


class Installation(servers.Sallyport):
    """Control plane and agent before a cluster, with one connection of each durability."""

    def __init__(self, scratch, binaries, records=None, environment=(), options=()):
        """`records` is the agent's record folder; the state folder has it without."""
        self.agent_options = list(options)
        self.agent_environment = dict(environment)
        self.agent_number = 0
        self.records = records
        password = secrets.token_hex(16)
        self.cluster = servers.Cluster(scratch, "cluster", SETTINGS)
        self.cluster.sql(
            f"create role {ROLE} login password '{password}';\n"
            f"create database {DATABASE} owner {ROLE};")
        self.role_password = password
        super().__init__(scratch, self.cluster, password, binaries, control_runs=True)
        for durability in DURABILITIES:
            self.add_connection(durability, durability)

    def add_connection(self, name, durability):
        """Its credentials are sealed to the agents that there are by now."""
        self.cli(
            "connections", "add", name, "--segment", "bench", "--host", "127.0.0.1", "--port",
            self.cluster.port, "--database", DATABASE, "--tls", "disable", "--role", ROLE,
            "--durability", durability, "--password-stdin", input=self.role_password + "\n")
        self.cli("grants", "add", "--principal", SUBJECT, "--connection", name, "--role", ROLE)

    # The agent

    def start_agent(self):
        self.state = self.scratch.folder / "agent"
        self.agent_port, self.health_port = servers.free_port(), servers.free_port()
        invitation = self.cli(
            "agents", "invite", "--segment", "bench", "--address", f"127.0.0.1:{self.agent_port}",
            "--format", "json")
        join = self.scratch.folder / "join"
        join.touch(0o600)
        join.write_text(json.loads(invitation)["joinToken"])
        self.scratch.run(
            [self.binaries / "sallyport-agent", "enroll", "--server",
             f"https://127.0.0.1:{self.api_port}", "--token-file", join, "--state", self.state])
        self.launch_agent()
        return self.agent_port

    def launch_agent(self):
        self.agent_number += 1
        self.agent_log = self.scratch.folder / f"agent{self.agent_number}.log"
        options = [*self.agent_options]
        if self.records:
            options += ["--record-log", self.records]
        environment = {**servers.os.environ, **self.agent_environment}
        self.agent = self.scratch.start(
            [self.binaries / "sallyport-agent", "serve", "--state", self.state, "--listen",
             f"127.0.0.1:{self.agent_port}", "--health-listen", f"127.0.0.1:{self.health_port}",
             "--allow-plaintext-loopback", "--log-level", "warning", *options],
            self.agent_log, env=environment)
        servers.wait_for_port(self.agent_port, "the agent", self.agent_log)

    def kill_agent(self):
        """As `kill -9` does, at whatever it is doing."""
        self.agent.send_signal(signal.SIGKILL)
        self.agent.wait()
        self.scratch.processes.remove(self.agent)

    def stop_agent(self):
        self.scratch.stop(self.agent)

    # The control plane

    def start_control(self, password):
        self.store_password = password
        super().start_control(password)

    def stop_control(self):
        self.scratch.stop(self.control)

    def start_control_again(self):
        """On the ports it had; it has no bootstrap token to hand out any more."""
        log = self.scratch.folder / "control.again.log"
        self.control = self.scratch.start(
            self.control.args, log, env={**servers.os.environ, "PGPASSWORD": self.store_password})
        servers.wait_for_port(self.api_port, "the control plane", log)

    # Clients

    def way(self, connection):
        """How a client logs in through the agent, with a token that is good for 15 minutes."""
        token = self.cli(
            "tokens", "issue", "--subject", SUBJECT, "--connection", connection, "--ttl",
            "15m").strip()
        return wire.Way("127.0.0.1", self.agent_port, ROLE, connection, token, tls=False)

    def wait_for_entry(self, way, seconds=60):
        deadline = time.monotonic() + seconds
        while True:
            try:
                return way.connect({})[0].close()
            except (wire.LoginFailure, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    # What arrived

    def backlog(self):
        """How many records the agent has that the control plane has not; `None` while it is not known."""
        with contextlib.suppress(OSError):
            url = f"http://127.0.0.1:{self.health_port}/metrics"
            with urllib.request.urlopen(url, timeout=5) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith("sallyport_agent_backlog_records "):
                        return int(float(line.split()[1]))
        return None

    def wait_for_shipping(self, seconds=120):
        """Until everything is stored; for ever as long as the backlog becomes less."""
        deadline, least = time.monotonic() + seconds, None
        while (backlog := self.backlog()) != 0:
            if backlog is not None and (least is None or backlog < least):
                deadline, least = time.monotonic() + seconds, backlog
            if time.monotonic() > deadline:
                raise servers.Failure(
                    f"the agent still has {backlog} records, no less than {seconds} s ago:\n"
                    f"{servers.tail(self.agent_log)}")
            time.sleep(0.2)

    def statements(self, connection):
        """Everything the trail has of a connection, as `sallyport audit query` shows it."""
        answer = self.cli(
            "audit", "query", "--connection", connection, "--format", "jsonl", "--all")
        return [json.loads(line) for line in answer.splitlines()]
