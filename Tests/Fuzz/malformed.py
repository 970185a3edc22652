"""Bad messages: wrong bodies, wrong lengths, unknown types, and messages out of their order."""

import struct

import wire

# What the two sides do differently by design: a changed byte must not make such a statement.
PINNED = (b"encoding", b"conforming")
PARTIAL = [wire.query("insert into inbox values (77, 'lost')")[:-3], b"Q", b"P\0\0", b"d\0\0\0\7x"]


class Ending:
    """What ends a session: bytes, and who closes.

    `server`: the server must, having answered what came before them, in whatever state that left
    it. `client`: the client does, once all that came before is answered, in the middle of a
    message. What it sent whole is run; a transaction it left open is lost. Answers to it are
    not compared, nobody is there for them.
    """

    def __init__(self, data, closes):
        self.data, self.closes = data, closes


def ending(random):
    kind = random.randrange(7)
    if kind == 0:
        begun = random.choice([
            "begin; insert into inbox values (78, 'open')", "insert into inbox values (79, 'done')"])
        return Ending(wire.query(begun) + random.choice(PARTIAL), "client")
    if kind == 1:
        return Ending(random.choice(PARTIAL), "client")
    if kind < 4:
        return Ending(wire.TERMINATE, "server")
    return Ending(random.choice([
        bytes([random.choice([0, 1, 65, 90, 112, 255, 0x16])]),
        bytes([random.choice([0, 1, 65, 90, 112, 255, 0x16])]) + b"\0\0\0\4",
        random.choice([b"Q", b"P", b"B", b"d"]) + struct.pack("!I", random.choice([0, 1, 2, 3])),
        b"S" + struct.pack("!I", random.choice([0, 3, 10_005, 2**31 - 1, 2**32 - 1])),
        bytes([random.choice(b"EDCHScf")]) + struct.pack("!I", random.choice([20_000, 2**31])),
        bytes([random.choice(b"QPBd")]) + struct.pack("!I", random.choice([2**30, 2**32 - 1])),
    ]), "server")


def message(random, whole):
    """A message whose body is not what its type has; the length is right."""
    body = bytearray(whole[5:])
    kind = random.randrange(7)
    if kind == 0:
        body = body[:random.randint(0, len(body))]
    elif kind == 1:
        body += bytes(random.randint(1, 9))
    elif kind == 2 and body:
        body[random.randrange(len(body))] = random.randrange(256)
    elif kind == 3:
        body = bytearray(random.randbytes(random.randint(0, 30)))
    elif kind == 4:
        return [wire.message(b"B", negative_bind(random))]
    elif kind == 5:
        body = body.replace(b"\0", b"\1")
    else:
        return [wire.message(random.choice([b"S", b"H", b"c"]), b"extra")]
    if any(word in body.lower() for word in PINNED):
        return [whole]
    return [wire.message(whole[:1], bytes(body))]


def negative_bind(random):
    count = random.choice([-1, -2, 32767, 1])
    length = random.choice([-1, -2, 2**31 - 1, 100])
    return (b"\0\0" + struct.pack("!hhi", 0, count, length)
            + random.choice([b"", b"\0\0", b"x" * 9]))


def disturbed(random, messages):
    """Drops, doubles and swaps some."""
    messages = list(messages)
    for _ in range(random.randint(1, 3)):
        if not messages:
            break
        index = random.randrange(len(messages))
        kind = random.randrange(3)
        if kind == 0:
            del messages[index]
        elif kind == 1:
            messages.insert(index, messages[index])
        else:
            other = random.randrange(len(messages))
            messages[index], messages[other] = messages[other], messages[index]
    return messages
