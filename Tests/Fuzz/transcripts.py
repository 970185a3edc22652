"""What a leg answered, without what differs by nature, and how to show it."""

import re
import struct

import wire

NAMED_BY_OID = re.compile(rb"pg_(toast|temp)(_temp)?_[0-9]+")


class Normaliser:
    """Replaces what one session cannot have in common with another.

    Process ids of notifications become 0. Object ids that were given out during the run become
    numbers in the order of their first appearance; those of the template are equal on both sides
    and stay. Names that PostgreSQL makes of such ids lose them.
    """

    def __init__(self, first_new_oid):
        self.first_new_oid = first_new_oid
        self.known = {}

    def normal(self, received):
        return [self.message(kind, body) for kind, body in wire.messages(received)]

    def message(self, kind, body):
        if kind == "A":
            return kind, b"\0\0\0\0" + body[4:]
        if kind == "K":
            return kind, b""
        if kind == "T":
            return kind, self.row_description(body)
        if kind in ("E", "N"):
            return kind, NAMED_BY_OID.sub(b"pg_by_oid", body)
        return kind, body

    def row_description(self, body):
        body = bytearray(body)
        offset = 2
        for _ in range(struct.unpack_from("!H", body)[0]):
            offset = body.index(0, offset) + 1
            struct.pack_into("!I", body, offset, self.oid(struct.unpack_from("!I", body, offset)[0]))
            offset += 18
        return bytes(body)

    def oid(self, oid):
        if oid < self.first_new_oid:
            return oid
        return self.known.setdefault(oid, 4_000_000_000 + len(self.known))


def shown(message):
    kind, body = message
    if kind is None:
        return f"incomplete {body[:60]!r}"
    if kind in "EN":
        fields = [field for field in body.split(b"\0") if field[:1] in b"SCMDHWR" and field]
        return f"{kind} " + " ".join(field.decode(errors="replace") for field in fields)
    return f"{kind} {body[:100]!r}" + (f" … {len(body)} bytes" if len(body) > 100 else "")


def shown_sent(data):
    """One message of a client; the lengths it claims can be wrong."""
    kind, body = chr(data[0]), bytes(data[5:])
    claim = struct.unpack("!I", data[1:5])[0] if len(data) >= 5 else None
    wrong = "" if claim == len(data) - 1 else f" (claims {claim}, has {len(data) - 1})"
    cut = f" … {len(body)} bytes" if len(body) > 300 else ""
    return f"{kind} {body[:300]!r}{cut}{wrong}"


def first_difference(left, right):
    for index, (a, b) in enumerate(zip(left, right)):
        if a != b:
            return index
    return min(len(left), len(right))
