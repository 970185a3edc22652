"""PostgreSQL messages as a client writes them, and how it logs in."""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct


class LoginFailure(Exception):
    """The login did not end with ReadyForQuery."""


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value):
    return (value if isinstance(value, bytes) else value.encode()) + b"\0"


def query(sql):
    return message(b"Q", text(sql))


def parse(name, sql, types=()):
    body = text(name) + text(sql) + struct.pack("!H", len(types))
    return message(b"P", body + b"".join(struct.pack("!I", oid) for oid in types))


def bind(portal, statement, formats=(), values=(), results=()):
    body = text(portal) + text(statement)
    body += struct.pack(f"!H{len(formats)}h", len(formats), *formats)
    body += struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return message(b"B", body + struct.pack(f"!H{len(results)}h", len(results), *results))


def describe(kind, name):
    return message(b"D", kind + text(name))


def close(kind, name):
    return message(b"C", kind + text(name))


def execute(portal, rows=0):
    return message(b"E", text(portal) + struct.pack("!i", rows))


def copy_data(data):
    return message(b"d", data)


def copy_fail(reason):
    return message(b"f", text(reason))


COPY_DONE = message(b"c")
FLUSH = message(b"H")
SYNC = message(b"S")
TERMINATE = message(b"X")
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


def startup(parameters, version=196608):
    body = b"".join(text(name) + text(value) for name, value in parameters.items())
    return struct.pack("!ii", len(body) + 9, version) + body + b"\0"


def messages(data):
    """Cuts a server's bytes into (type, body); what is left over comes as type None."""
    offset = 0
    while len(data) - offset >= 5:
        length = struct.unpack_from("!i", data, offset + 1)[0]
        if length < 4 or len(data) - offset < length + 1:
            break
        yield chr(data[offset]), bytes(data[offset + 5:offset + 1 + length])
        offset += length + 1
    if offset < len(data):
        yield None, bytes(data[offset:])


class Scram:
    """SCRAM-SHA-256 without channel binding, from the client's side."""

    SALTED = {}

    def __init__(self, password):
        self.password = password.encode()
        self.bare = "n=,r=" + base64.b64encode(os.urandom(18)).decode()

    def first(self):
        data = ("n,," + self.bare).encode()
        return message(b"p", text("SCRAM-SHA-256") + struct.pack("!i", len(data)) + data)

    def final(self, challenge):
        fields = dict(field.split("=", 1) for field in challenge.decode().split(","))
        case = (self.password, fields["s"], fields["i"])
        if case not in self.SALTED:
            self.SALTED[case] = hashlib.pbkdf2_hmac(
                "sha256", self.password, base64.b64decode(fields["s"]), int(fields["i"]))
        salted = self.SALTED[case]
        without_proof = f"c=biws,r={fields['r']}"
        signed = f"{self.bare},{challenge.decode()},{without_proof}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))
        return message(b"p", f"{without_proof},p={base64.b64encode(proof).decode()}".encode())


class Way:
    """One way to the database: where, as whom, with which password, and whether in TLS."""

    def __init__(self, host, port, user, database, password, authority=None, tls=True):
        self.host, self.port = host, port
        self.user, self.database = user, database
        self.password = password
        self.authority = authority
        self.tls = tls
        self.context = None

    def connect(self, parameters, patience=60):
        """Logs in; gives the socket and the messages from AuthenticationOk to ReadyForQuery."""
        peer = self.open(patience)
        try:
            if self.tls:
                peer = self.secure(peer)
            names = {"user": self.user, "database": self.database}
            peer.sendall(startup({**names, **parameters}))
            return peer, self.log_in(peer)
        except BaseException:
            peer.close()
            raise

    def open(self, patience):
        """A host that is a folder has a Unix socket."""
        if self.host.startswith("/"):
            peer = socket.socket(socket.AF_UNIX)
            peer.settimeout(patience)
            peer.connect(f"{self.host}/.s.PGSQL.{self.port}")
            return peer
        peer = socket.create_connection((self.host, self.port), patience)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return peer

    def secure(self, peer):
        peer.sendall(SSL_REQUEST)
        if peer.recv(1) != b"S":
            raise LoginFailure(f"port {self.port} refuses TLS")
        if self.context is None:
            self.context = ssl.create_default_context(cafile=self.authority)
        return self.context.wrap_socket(peer, server_hostname=self.host)

    def log_in(self, peer):
        held, seen, scram = bytearray(), None, Scram(self.password)
        while True:
            chunk = peer.recv(65536)
            if not chunk:
                raise LoginFailure(f"port {self.port} closed during the login")
            held += chunk
            arrived, held = list(messages(held)), bytearray()
            for kind, body in arrived:
                if kind is None:
                    held += body
                elif kind == "E":
                    raise LoginFailure(f"port {self.port}: {body!r}")
                elif kind == "R" and body[:4] != b"\0\0\0\0":
                    self.answer(peer, body, scram)
                else:
                    seen = [*(seen or []), (kind, body)]
                    if kind == "Z":
                        return seen

    def answer(self, peer, body, scram):
        asked = struct.unpack("!i", body[:4])[0]
        if asked == 3:
            peer.sendall(message(b"p", text(self.password)))
        elif asked == 10:
            peer.sendall(scram.first())
        elif asked == 11:
            peer.sendall(scram.final(body[4:]))
        elif asked != 12:
            raise LoginFailure(f"port {self.port} asks for authentication of kind {asked}")
