"""The servers: two equal clusters, one direct, the other behind a control plane and an agent."""

import json
import pathlib
import secrets
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import servers  # noqa: E402
from scenario import Side  # noqa: E402

DATABASE = "compat"
ROLE = "compat"
HOST = "localhost"
SEED = "compat_seed"
SUBJECT = "compat@example.com"
SETTINGS = """
fsync = off
autovacuum = off
shared_buffers = 64MB
max_prepared_transactions = 10
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
"""


def make_cluster(scratch, name):
    """A cluster with the role, and the database that every scenario gets a copy of.

    Made by the same commands, so the numbers of all objects are the same in both.
    """
    sockets = scratch.own_folder(f"{name}-socket")
    cluster = servers.Cluster(
        scratch, name, f"{SETTINGS}unix_socket_directories = '{sockets}'\n")
    cluster.sockets = sockets
    password = secrets.token_hex(16)
    cluster.sql(
        f"create role {ROLE} login password '{password}';\n"
        f"create database {SEED} owner {ROLE};")
    cluster.sql(
        f"set role {ROLE};\n" + (pathlib.Path(__file__).parent / "seed.sql").read_text(),
        database=SEED)
    cluster.sql(f"alter database {SEED} with is_template true allow_connections false")
    return cluster, password


class Agent(servers.Sallyport):
    """Control plane and agent; TLS with full verification on both legs."""

    def __init__(self, scratch, cluster, password, binaries):
        self.sockets = scratch.own_folder("agent-socket")
        self.token = None
        super().__init__(scratch, cluster, password, binaries, control_runs=True)
        self.authority = scratch.folder / "authority.pem"
        self.authority.write_text(self.cli("authority"))

    def start_agent(self):
        port = servers.free_port()
        invitation = self.cli(
            "agents", "invite", "--segment", "compat", "--address", f"{HOST}:{port}", "--name",
            "127.0.0.1", "--format", "json")
        join = self.scratch.folder / "join"
        join.touch(0o600)
        join.write_text(json.loads(invitation)["joinToken"])
        state = self.scratch.folder / "agent"
        self.scratch.run(
            [self.binaries / "sallyport-agent", "enroll", "--server",
             f"https://127.0.0.1:{self.api_port}", "--token-file", join, "--state", state])
        log = self.scratch.folder / "agent.log"
        self.agent = self.scratch.start(
            [self.binaries / "sallyport-agent", "serve", "--state", state, "--listen",
             f"127.0.0.1:{port}", "--unix-socket", self.sockets, "--log-level", "warning"], log)
        servers.wait_for_port(port, "the agent", log)
        return port

    def register(self, cluster, password):
        self.cli(
            "connections", "add", DATABASE, "--segment", "compat", "--host", "127.0.0.1", "--port",
            cluster.port, "--database", DATABASE, "--tls", "verify-full", "--ca-file",
            cluster.folder / "data/server.crt", "--role", ROLE, "--allow-function-calls",
            "--password-stdin", input=password + "\n")
        # What changes who the session is too: pools of some clients send DISCARD ALL.
        self.cli(
            "grants", "add", "--principal", SUBJECT, "--connection", DATABASE, "--role", ROLE,
            "--effects", "all,session")
        deadline = time.monotonic() + 30
        while True:
            try:
                self.cli("connections", "test", DATABASE)
                return
            except servers.Failure:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def fresh_token(self):
        """A token is good for 15 minutes, and a scenario takes less than two."""
        if self.token is None or time.monotonic() - self.token_at > 600:
            self.token = self.cli(
                "tokens", "issue", "--subject", SUBJECT, "--connection", DATABASE, "--ttl",
                "15m").strip()
            self.token_at = time.monotonic()
        return self.token


def side(name, cluster, port, password, root_certificate, sockets):
    return Side(
        name=name, host=HOST, port=port, user=ROLE, database=DATABASE, password=password,
        root_certificate=str(root_certificate), socket_folder=str(sockets),
        admin={
            "host": "127.0.0.1", "port": cluster.port, "user": "postgres",
            "password": cluster.password, "dbname": "postgres", "autocommit": True})


class Rig:
    """Both sides, ready for scenarios."""

    def __init__(self, scratch, binaries):
        self.scratch = scratch
        direct, direct_password = make_cluster(scratch, "direct")
        behind, behind_password = make_cluster(scratch, "behind")
        # The connection is tested while it is registered: its database must be there.
        behind.sql(f"create database {DATABASE} template {SEED} owner {ROLE}")
        direct.sql(f"create database {DATABASE} template {SEED} owner {ROLE}")
        self.agent = Agent(scratch, behind, behind_password, binaries)
        self.direct = side(
            "direct", direct, direct.port, direct_password,
            direct.folder / "data/server.crt", direct.sockets)
        self.through = side(
            "through", behind, self.agent.port, self.agent.fresh_token(), self.agent.authority,
            self.agent.sockets)
        self.through.user = ROLE
        # libpq reads the file as whoever runs the scenarios.
        public = scratch.folder / "direct.pem"
        public.write_text((direct.folder / "data/server.crt").read_text())
        self.direct.root_certificate = str(public)

    def sides(self):
        self.through.password = self.agent.fresh_token()
        self.agent.after_run()
        return [self.direct, self.through]


def renew_database(side):
    """A fresh copy of the seed, under the same name on both sides."""
    import psycopg

    with psycopg.connect(**side.admin) as connection:
        end_prepared_transactions(side, connection)
        connection.execute(f"drop database if exists {DATABASE} with (force)")
        connection.execute(f"create database {DATABASE} template {SEED} owner {ROLE}")


def end_prepared_transactions(side, connection):
    """A scenario that broke off may have left some, and they keep their database in use."""
    import psycopg

    left = connection.execute("select gid from pg_prepared_xacts").fetchall()
    if left:
        with psycopg.connect(**{**side.admin, "dbname": DATABASE}) as inside:
            for (name,) in left:
                inside.execute(
                    psycopg.sql.SQL("rollback prepared {}").format(psycopg.sql.Literal(name)))
