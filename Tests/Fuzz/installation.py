"""The servers of a run: a private cluster, a control plane and an agent before it."""

import json
import pathlib
import secrets
import sys
import threading
import time

import statements
import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import servers  # noqa: E402

ROLE = "fuzz"
SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_parallel_workers_per_gather = 0
jit = off
shared_buffers = 64MB
lc_messages = 'C'
timezone = 'UTC'
log_min_messages = panic
log_min_error_statement = panic
"""
# Seconds; a token is good for 900.
TOKEN_AGE = 300


class Worker:
    """What one worker needs; plain values, so that it can go to another process."""

    def __init__(self, number, sockets, port, administrator_password, password, agent):
        self.number = number
        self.sockets, self.port = sockets, port
        self.administrator_password = administrator_password
        self.password = password
        self.agent = agent
        self.ways = {}

    @staticmethod
    def databases(number):
        return f"fuzz_direct{number}", f"fuzz_through{number}"

    def direct(self, tls):
        database = self.databases(self.number)[0]
        return wire.Way(self.sockets, self.port, ROLE, database, self.password, tls=tls)

    def administration(self):
        return {name: wire.Way(self.sockets, self.port, "postgres", database,
                               self.administrator_password, tls=False)
                for name, database in zip(("direct", "through"), self.databases(self.number))}

    def through(self, tls):
        """With the newest token; the TLS context is made once."""
        agent = self.agent
        if tls not in self.ways:
            self.ways[tls] = wire.Way(
                "127.0.0.1", agent["port"], ROLE, f"fuzz{self.number}", "",
                authority=agent["authority"], tls=tls)
        way = self.ways[tls]
        way.password = pathlib.Path(agent["token_file"]).read_text().strip()
        return way


def prepare(sql, password, workers):
    """Makes the databases of each worker from one template, so that their object ids are equal."""
    sql(f"create role {ROLE} login password '{password}'; create database fuzz_template;",
        "postgres")
    sql(statements.SCHEMA
        + f"grant create on schema public to {ROLE};"
        + "".join(f"alter table {name} owner to {ROLE};" for name in statements.TABLES)
        + f"alter view cheap owner to {ROLE}; alter table fixed owner to {ROLE};" + statements.RESET,
        "fuzz_template")
    for number in range(workers):
        for database in Worker.databases(number):
            sql(f"create database {database} template fuzz_template owner {ROLE};", "postgres")


class Installation:
    """Servers of its own, by way of those of the benchmark; the agent's records are shipped."""

    def __init__(self, binaries, workers):
        self.scratch = servers.Scratch()
        self.ending = threading.Event()
        try:
            self.start(binaries, workers)
        except BaseException:
            self.close()
            raise

    def start(self, binaries, workers):
        # A Unix socket loses nothing when the server ends a session that has more to read; TCP does.
        sockets = self.scratch.own_folder("sockets")
        self.cluster = servers.Cluster(
            self.scratch, "cluster", f"{SETTINGS}unix_socket_directories = '{sockets}'\n")
        self.sockets = str(sockets)
        password = secrets.token_hex(16)
        self.cluster.sql(
            f"create role {servers.ROLE} login password '{password}';\n"
            f"create database {servers.DATABASE};")
        prepare(self.cluster.sql, password, workers)
        self.sallyport = servers.Sallyport(
            self.scratch, self.cluster, password, binaries, control_runs=True)
        authority = self.scratch.folder / "authority.pem"
        answer = self.scratch.run(
            ["curl", "-sfk", f"https://127.0.0.1:{self.sallyport.api_port}/v1/authority"])
        authority.write_text(json.loads(answer)["certificatePEM"])
        self.workers = []
        for number in range(workers):
            self.register(number, password)
            self.workers.append(Worker(
                number, self.sockets, self.cluster.port, self.cluster.password, password,
                {"port": self.sallyport.port, "authority": str(authority),
                 "token_file": str(self.scratch.folder / f"token{number}")}))
        self.refresh_tokens()
        threading.Thread(target=self.keep_tokens_fresh, daemon=True).start()
        self.wait_for_entry()

    def register(self, number, password):
        name = f"fuzz{number}"
        self.sallyport.cli(
            "connections", "add", name, "--segment", "bench", "--host", self.sockets, "--port",
            self.cluster.port, "--database", Worker.databases(number)[1], "--tls", "disable",
            "--role", ROLE, "--password-stdin", input=password + "\n")
        self.sallyport.cli(
            "grants", "add", "--effects", "all,session", "--principal", self.subject(number),
            "--connection", name, "--role", ROLE)

    @staticmethod
    def subject(number):
        return f"fuzz{number}@example.com"

    def refresh_tokens(self):
        for worker in self.workers:
            token = self.sallyport.cli(
                "tokens", "issue", "--subject", self.subject(worker.number), "--connection",
                f"fuzz{worker.number}", "--ttl", "15m").strip()
            path = pathlib.Path(worker.agent["token_file"])
            fresh = path.with_suffix(".new")
            fresh.touch(0o600)
            fresh.write_text(token + "\n")
            fresh.rename(path)

    def keep_tokens_fresh(self):
        while not self.ending.wait(TOKEN_AGE):
            self.refresh_tokens()

    def wait_for_entry(self):
        """The agent has the grants when its bundle has come."""
        deadline = time.monotonic() + 30
        for worker in self.workers:
            while True:
                try:
                    worker.through(tls=True).connect({})[0].close()
                    break
                except wire.LoginFailure:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)

    def check_alive(self):
        self.sallyport.after_run()

    def close(self):
        self.ending.set()
        self.scratch.close()
