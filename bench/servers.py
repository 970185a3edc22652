"""The servers of a benchmark: a private cluster, haproxy, pgbouncer and Sallyport.

Everything lives in a scratch folder, listens on loopback and is ended by its process id.
"""

import contextlib
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DATABASE = "bench"
ROLE = "bench"
SUBJECT = "bench@example.com"


class Failure(Exception):
    """Something the benchmark needs is missing or did not start; the message says what to do."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, what, log, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        time.sleep(0.05)
    raise Failure(f"{what} did not listen on port {port} within {seconds} s:\n{tail(log)}")


def tail(path, lines=20):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


class Scratch:
    """The scratch folder, who owns the servers, and the processes to end."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-bench."))
        self.folder.chmod(0o755)
        self.owner = None
        if os.geteuid() == 0:
            # Neither Postgres nor pgbouncer runs as root.
            for name in ("postgres", "nobody"):
                with contextlib.suppress(KeyError):
                    self.owner = pwd.getpwnam(name)
                    break
        self.processes = []
        self.clusters = []

    def own_folder(self, name):
        folder = self.folder / name
        folder.mkdir()
        if self.owner:
            os.chown(folder, self.owner.pw_uid, self.owner.pw_gid)
        return folder

    def give(self, path, mode=0o600):
        path.chmod(mode)
        if self.owner:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        return path

    def as_owner(self):
        if not self.owner:
            return {}
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}

    def run(self, arguments, owner=False, **options):
        done = subprocess.run(
            [str(argument) for argument in arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **(self.as_owner() if owner else {}), **options)
        if done.returncode:
            raise Failure(f"{arguments[0]} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
        return done.stdout

    def start(self, arguments, log, owner=False, **options):
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [str(argument) for argument in arguments], stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, **(self.as_owner() if owner else {}), **options)
        self.processes.append(process)
        return process

    def stop(self, process, seconds=30):
        if process.poll() is None:
            # One that was paused must run again to end.
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def close(self):
        for process in reversed(list(self.processes)):
            self.stop(process)
        for cluster in self.clusters:
            cluster.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Cluster:
    """A private Postgres cluster with TLS and SCRAM."""

    def __init__(self, scratch, name, settings=""):
        self.scratch = scratch
        self.folder = scratch.own_folder(name)
        self.port = free_port()
        self.password = secrets.token_hex(16)
        bin_folder = pathlib.Path(scratch.run(["pg_config", "--bindir"]).strip())
        self.pg_ctl = bin_folder / "pg_ctl"
        password_file = scratch.folder / f"{name}.password"
        password_file.write_text(self.password)
        scratch.give(password_file)
        scratch.run(
            [bin_folder / "initdb", "-D", self.folder / "data", "-U", "postgres",
             f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8",
             "--locale=C.UTF-8", "--no-sync"], owner=True, cwd=self.folder)
        data = self.folder / "data"
        certificate(scratch, data / "server.key", data / "server.crt")
        with open(data / "postgresql.conf", "a") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                f"unix_socket_directories = ''\nssl = on\nmax_connections = 120\n"
                f"shared_buffers = 512MB\nmax_wal_size = 4GB\n{settings}\n")
        scratch.clusters.append(self)
        try:
            scratch.run(
                [self.pg_ctl, "-D", data, "-l", self.folder / "server.log", "-w", "-t", "60",
                 "start"], owner=True, cwd=self.folder)
        except Failure as failure:
            raise Failure(f"{failure}\n{tail(self.folder / 'server.log')}") from None
        self.pid = int((data / "postmaster.pid").read_text().splitlines()[0])

    def sql(self, text, database="postgres"):
        return self.scratch.run(
            ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
             self.port, "-U", "postgres", "-d", database, "-f", "-"],
            input=text, env={**os.environ, "PGPASSWORD": self.password})

    def processes(self):
        """The postmaster and its children."""
        children = []
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                children += [int(pid) for pid in (task / "children").read_text().split()]
        return [self.pid, *children]

    def stop(self):
        with contextlib.suppress(Failure):
            self.scratch.run(
                [self.pg_ctl, "-D", self.folder / "data", "-m", "fast", "-w", "stop"], owner=True,
                cwd=self.folder)


def certificate(scratch, key, certificate_file):
    scratch.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate_file])
    scratch.give(key)
    scratch.give(certificate_file)


class Target:
    """One way to the database: where, as whom, and the processes in between."""

    def __init__(self, name, port, user, database, pids):
        self.name = name
        self.port = port
        self.user = user
        self.database = database
        self.pids = pids
        self.passfile = None

    def environment(self, tls):
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("PG")},
            "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": self.user,
            "PGDATABASE": self.database, "PGPASSFILE": str(self.passfile),
            "PGSSLMODE": "require" if tls else "disable", "PGGSSENCMODE": "disable",
        }

    def before_run(self):
        """Called before every measurement."""

    def after_run(self):
        """Called after every measurement."""


def password_target(scratch, name, port, password, pids):
    target = Target(name, port, ROLE, DATABASE, pids)
    target.passfile = scratch.folder / f"{name}.pgpass"
    target.passfile.write_text(f"*:*:*:*:{password}\n")
    target.passfile.chmod(0o600)
    return target


def start_haproxy(scratch, cluster, password):
    """TCP mode: bytes are passed as they are, so TLS is between the client and Postgres."""
    port = free_port()
    file = scratch.folder / "haproxy.cfg"
    file.write_text(f"""global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen postgres
  bind 127.0.0.1:{port}
  server postgres 127.0.0.1:{cluster.port}
""")
    log = scratch.folder / "haproxy.log"
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    process = scratch.start([program, "-db", "-f", file], log)
    wait_for_port(port, "haproxy", log)
    return password_target(scratch, "haproxy", port, password, lambda: [process.pid])


def start_pgbouncer(scratch, cluster, password):
    """Session mode; TLS on the client leg where the client asks for it, none on the server leg."""
    port = free_port()
    folder = scratch.own_folder("pgbouncer")
    certificate(scratch, folder / "key.pem", folder / "certificate.pem")
    users = folder / "users.txt"
    users.write_text(f'"{ROLE}" "{password}"\n')
    scratch.give(users)
    file = folder / "pgbouncer.ini"
    file.write_text(f"""[databases]
{DATABASE} = host=127.0.0.1 port={cluster.port} dbname={DATABASE}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = session
default_pool_size = 100
max_client_conn = 200
server_tls_sslmode = disable
client_tls_sslmode = allow
client_tls_key_file = {folder / "key.pem"}
client_tls_cert_file = {folder / "certificate.pem"}
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
""")
    scratch.give(file)
    log = scratch.folder / "pgbouncer.log"
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    process = scratch.start([program, file], log, owner=True, cwd=folder)
    wait_for_port(port, "pgbouncer", log)
    return password_target(scratch, "pgbouncer", port, password, lambda: [process.pid])


class Sallyport(Target):
    """Control plane with a cluster of its own, and an agent; set up through the CLI."""

    def __init__(self, scratch, cluster, password, binaries, control_runs):
        self.scratch = scratch
        self.binaries = pathlib.Path(binaries).resolve()
        self.control_runs = control_runs
        for name in ("sallyport", "sallyport-control", "sallyport-agent"):
            if not (self.binaries / name).exists():
                raise Failure(f"{self.binaries / name} is missing; run `make release` first")
        self.store = Cluster(scratch, "store")
        store_password = secrets.token_hex(16)
        self.store.sql(
            f"create role sallyport login password '{store_password}';\n"
            "create database sallyport owner sallyport;")
        self.start_control(store_password)
        self.log_in()
        agent_port = self.start_agent()
        super().__init__(
            "sallyport", agent_port, SUBJECT, "bench", lambda: [self.agent.pid])
        self.passfile = scratch.folder / "sallyport.pgpass"
        self.register(cluster, password)
        self.token_at = None

    def cli(self, *arguments, **options):
        return self.scratch.run(
            [self.binaries / "sallyport", *arguments],
            env={**os.environ, "SALLYPORT_CONFIG": str(self.scratch.folder / "cli.json")},
            **options)

    def start_control(self, password):
        self.api_port, link_port = free_port(), free_port()
        self.bootstrap = self.scratch.folder / "bootstrap"
        log = self.scratch.folder / "control.log"
        self.control = self.scratch.start(
            [self.binaries / "sallyport-control", "serve",
             "--database", f"postgresql://sallyport@127.0.0.1:{self.store.port}/sallyport",
             "--listen", f"127.0.0.1:{self.api_port}", "--link-listen", f"127.0.0.1:{link_port}",
             "--public-url", f"https://127.0.0.1:{self.api_port}",
             "--link-address", f"127.0.0.1:{link_port}", "--names", "localhost,127.0.0.1",
             "--organisation", "bench", "--key-file", self.scratch.folder / "control.key",
             "--bootstrap-token-file", self.bootstrap],
            log, env={**os.environ, "PGPASSWORD": password})
        wait_for_port(self.api_port, "the control plane", log)
        deadline = time.monotonic() + 30
        while not self.bootstrap.exists() or not self.bootstrap.stat().st_size:
            if time.monotonic() > deadline:
                raise Failure(f"no bootstrap token was written:\n{tail(log)}")
            time.sleep(0.05)

    def log_in(self):
        answer = self.scratch.run(
            ["curl", "-sfk", f"https://127.0.0.1:{self.api_port}/v1/authority"])
        self.cli(
            "login", "--server", f"https://127.0.0.1:{self.api_port}", "--ca-fingerprint",
            json.loads(answer)["fingerprint"], "--token-file", self.bootstrap)

    def start_agent(self):
        port = free_port()
        invitation = self.cli(
            "agents", "invite", "--segment", "bench", "--address", f"127.0.0.1:{port}",
            "--format", "json")
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
             f"127.0.0.1:{port}", "--allow-plaintext-loopback", "--log-level", "warning"], log)
        wait_for_port(port, "the agent", log)
        return port

    def register(self, cluster, password):
        self.cli(
            "connections", "add", "bench", "--segment", "bench", "--host", "127.0.0.1", "--port",
            cluster.port, "--database", DATABASE, "--tls", "disable", "--role", ROLE,
            "--password-stdin", input=password + "\n")
        self.cli(
            "grants", "add", "--principal", SUBJECT, "--connection", "bench", "--role", ROLE)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.cli("connections", "test", "bench")
                return
            except Failure:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def records_stored(self):
        # `status` ends with 1 when something is wrong; the figure is there all the same.
        done = subprocess.run(
            [str(self.binaries / "sallyport"), "status", "--format", "json"],
            env={**os.environ, "SALLYPORT_CONFIG": str(self.scratch.folder / "cli.json")},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            return json.loads(done.stdout)["recordsStored"]
        except (ValueError, KeyError):
            raise Failure(f"sallyport status failed:\n{done.stderr}") from None

    def before_run(self):
        # A token is good for 15 minutes; a run takes seconds.
        if self.token_at is None or time.monotonic() - self.token_at > 300:
            self.control.send_signal(signal.SIGCONT)
            token = self.cli(
                "tokens", "issue", "--subject", SUBJECT, "--connection", "bench", "--ttl",
                "15m").strip()
            self.passfile.touch(0o600)
            self.passfile.write_text(f"*:*:*:*:{token}\n")
            self.token_at = time.monotonic()
        if not self.control_runs:
            self.control.send_signal(signal.SIGSTOP)

    def after_run(self):
        if self.agent.poll() is not None:
            raise Failure(f"the agent ended:\n{tail(self.scratch.folder / 'agent.log')}")

    def resume_control(self):
        self.control.send_signal(signal.SIGCONT)
