"""What a client does: scenarios, grouped by client, and the side that each of them is run on."""

import dataclasses
import os
import pathlib
import re
import typing


@dataclasses.dataclass
class Side:
    """One way to the same database: the address, the credentials, and a folder of its own.

    Both sides have the same host, user and database name. They differ in the port, the password,
    the authority that vouches for the certificate, and the folder.
    """

    name: str
    host: str
    port: int
    user: str
    database: str
    password: str
    root_certificate: str
    socket_folder: str
    admin: dict
    folder: pathlib.Path = None

    def environment(self, **more):
        """For programs that find their server by libpq's variables."""
        passfile = self.folder / "pgpass"
        passfile.touch(0o600)
        passfile.write_text(f"*:*:*:*:{self.password}\n")
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_"))},
            "PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user,
            "PGDATABASE": self.database, "PGPASSFILE": str(passfile), "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": self.root_certificate, "PGGSSENCMODE": "disable",
            "HOME": str(self.folder), "LANG": "C.UTF-8", "TERM": "dumb", "PAGER": "", **more}

    def libpq(self, **more):
        """Connection parameters for libpq's relatives."""
        return {
            "host": self.host, "port": self.port, "user": self.user, "dbname": self.database,
            "password": self.password, "sslmode": "verify-full",
            "sslrootcert": self.root_certificate, "gssencmode": "disable", **more}

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
        return path

    def scrub(self, text):
        """The text without what must differ: the port, the password, the folder."""
        for own, general in (
            (self.password, "<password>"), (self.socket_folder, "<socket folder>"),
            (str(self.folder), "<folder>"), (self.root_certificate, "<authority>")
        ):
            text = text.replace(own, general)
        # The same digits are chance in many a result: only where it is said to be a port.
        return re.sub(
            rf"(?i)(\bport\W{{0,4}}|localhost:|127\.0\.0\.1:|127\.0\.0\.1', |\.PGSQL\.)"
            rf"{self.port}\b", r"\1<port>", text)


@dataclasses.dataclass
class Scenario:
    client: str
    name: str
    run: typing.Callable
    seconds: float
    # Where the two sides differ by design: what the result through the agent must be, and why.
    through: typing.Callable = None
    reason: str = ""


class Client:
    """A client and its scenarios."""

    def __init__(self, name, version):
        self.name = name
        self.version = version
        self.scenarios = []

    def prepare(self, scratch):
        """Called once, before the first scenario."""

    def scenario(self, run=None, *, name=None, seconds=60, through=None, reason=""):
        """Registers a function from a ``Side`` to what the client observed.

        ``through`` is given what was observed direct, and answers what must be observed through
        the agent; ``reason`` says where that is documented. Without it both must be equal.
        """
        if run is None:
            return lambda function: self.scenario(
                function, name=name, seconds=seconds, through=through, reason=reason)
        title = name or run.__name__.replace("_", " ")
        if any(other.name == title for other in self.scenarios):
            raise ValueError(f"{self.name} has two scenarios named {title!r}: rename one")
        self.scenarios.append(Scenario(self.name, title, run, seconds, through, reason))
        return run
