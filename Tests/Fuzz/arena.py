"""Both sides of one worker: a session each and a database each, played in step and compared."""

import random as random_module
import time

import exchange
import sequences
import statements
import transcripts
import wire

# Seconds without a byte from either side.
PATIENCE = 15.0
# How many sequences are played between two comparisons of the databases, from a fresh state on.
ROUND = 100
RESYNC = wire.copy_fail("resync") + wire.SYNC
# The agent forwards this Bind only when it has seen the reply to the Parse: a session in which it
# has lost count of the replies stands still here, and not in some later sequence.
PROBE = (wire.parse("", "select 'probe'") + wire.SYNC + wire.bind("", "") + wire.execute("")
         + wire.SYNC)
STARTUPS = [
    {}, {}, {}, {"datestyle": "SQL, DMY"}, {"TimeZone": "Asia/Tokyo"},
    {"client_min_messages": "warning"}, {"extra_float_digits": "0"}, {"intervalstyle": "iso_8601"},
    {"bytea_output": "escape"}, {"default_transaction_isolation": "serializable"},
]


class Difference(Exception):
    """The two sides did not do the same."""

    def __init__(self, what, direct=(), through=()):
        super().__init__(what)
        self.what, self.direct, self.through = what, direct, through


class Administration:
    """The administrator's sessions with both databases: reset, digest, who is there."""

    def __init__(self, ways):
        self.ways = ways
        self.connect()

    def connect(self):
        self.peers = {name: way.connect({"application_name": "fuzz admin"})[0]
                      for name, way in self.ways.items()}
        for name in self.peers:
            self.run(name, "set client_min_messages = warning")

    def was_lost(self):
        """Whether the server ended these sessions too: it crashed, and comes back by itself."""
        # It ends them a moment after the session that crashed.
        time.sleep(0.3)
        try:
            for name in self.peers:
                self.run(name, "select 1")
        except (OSError, RuntimeError):
            return True
        return False

    def connect_again(self, seconds=60):
        self.close()
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.connect()
            except (OSError, RuntimeError, wire.LoginFailure):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def run(self, name, sql):
        peer = self.peers[name]
        peer.sendall(wire.query(sql))
        held, rows = bytearray(), []
        while True:
            chunk = peer.recv(65536)
            if not chunk:
                raise RuntimeError(f"the administrator's session {name} was closed")
            arrived, held = list(wire.messages(held + chunk)), bytearray()
            for kind, body in arrived:
                if kind is None:
                    held += body
                elif kind == "E":
                    raise RuntimeError(f"{sql[:80]!r}: {body!r}")
                elif kind == "D":
                    rows.append(body[6:].decode(errors="replace"))
                elif kind == "Z":
                    return rows

    def wait_for_quiet(self, name, seconds=PATIENCE):
        """Waits until nobody else is in the database."""
        deadline = time.monotonic() + seconds
        while int(self.run(name, statements.OTHERS)[0]):
            if time.monotonic() > deadline:
                raise Difference(f"a session stays at the server, {name}, for {seconds} s")
            time.sleep(0.001)

    def wait_for_all(self):
        for name in self.peers:
            self.wait_for_quiet(name)

    def reset(self, ends_others):
        for name in self.peers:
            if ends_others:
                self.run(name, statements.END_OTHERS)
            self.wait_for_quiet(name)
            self.run(name, statements.RESET)

    def vacuum(self):
        """The catalogs grow with every temporary table."""
        for name in self.peers:
            self.run(name, "vacuum")

    def digests(self):
        return [self.run(name, statements.DIGEST) for name in self.peers]

    def close(self):
        for peer in self.peers.values():
            peer.close()


class ServerCrash(Exception):
    """PostgreSQL itself crashed, with the sequence played from a fresh state."""

    direct = through = ()


class Arena:
    """Plays the sequences of a round; sessions go on from one to the next until one ends."""

    def __init__(self, direct, through, administration, first_new_oid):
        self.direct, self.through = direct, through
        self.administration = administration
        self.first_new_oid = first_new_oid
        self.patience = PATIENCE
        self.legs = ()
        self.normalisers = ()
        self.sessions = 0
        self.bytes = 0
        # Sessions that ended by a reset on TCP, which takes answers with it that were on the way.
        self.cut_short = 0
        self.answers = []

    def fresh(self, ends_others=False):
        """New state on both sides: no session, the databases as at first.

        After a difference a session may not end by itself.
        """
        self.leave()
        while True:
            try:
                return self.administration.reset(ends_others)
            except (OSError, RuntimeError):
                # The server has crashed, perhaps by another worker's sequence.
                self.administration.connect_again()

    def leave(self):
        for leg in self.legs:
            leg.close()
        self.legs = ()

    def enter(self, random):
        """Opens a session on each side, in TLS through the agent or not."""
        tls = random.random() < 0.5
        parameters = {"application_name": "fuzz", "client_encoding": "UTF8",
                      **random.choice(STARTUPS)}
        legs, welcomes = [], []
        for name, way in (("direct", self.direct(False)), ("through", self.through(tls))):
            peer, welcome = way.connect(parameters)
            legs.append(exchange.Leg(name, peer))
            welcomes.append(sorted((kind, b"" if kind == "K" else body) for kind, body in welcome))
        self.legs = legs
        self.sessions += 1
        self.normalisers = [transcripts.Normaliser(self.first_new_oid) for _ in legs]
        if welcomes[0] != welcomes[1]:
            raise Difference("the welcome", *welcomes)

    def play(self, index, sequence):
        """Plays one sequence and compares the answers; raises Difference."""
        if not self.legs:
            self.enter(random_module.Random(f"session:{sequence.cuts}"))
        ending = sequence.ending
        self.answers = [bytearray(), bytearray()]
        if ending is None or ending.closes == "client":
            tail, marker = self.tail(index, sequence.discards)
            self.exchange(sequence.pieces(tail), marker)
            self.compare()
            if self.legs[0].closed:
                self.leave()
        if ending is None or not self.legs:
            return
        if ending.closes == "server":
            self.exchange(sequence.pieces(ending.data), None)
            self.compare()
        else:
            for leg in self.legs:
                leg.begin([(0, ending.data)], None)
                leg.send(0)
                leg.end_sending()
            exchange.exchange(self.legs, (), None, self.patience)
        self.leave()
        # What the session began is over before the next one begins.
        self.administration.wait_for_all()

    @staticmethod
    def tail(index, discards):
        """Brings a session back in step, whatever a sequence left open, and marks its end.

        CopyFail ends a COPY, Sync the skipping after an error, ROLLBACK a transaction. The last
        query gives a row that nothing else gives: when it is there, everything is.
        """
        value = f"end of sequence {index}".encode()
        tail = RESYNC + RESYNC + wire.query("rollback")
        if discards:
            tail += wire.query("discard all")
        marker = (wire.message(b"D", b"\0\1" + len(value).to_bytes(4, "big") + value)
                  + wire.message(b"C", b"SELECT 1\0") + wire.message(b"Z", b"I"))
        return tail + PROBE + wire.query(b"select '" + value + b"'"), marker

    def exchange(self, pieces, marker):
        spoken = exchange.exchange(self.legs, pieces, marker, self.patience)
        for leg, answers in zip(self.legs, self.answers):
            answers += leg.received
        self.bytes += len(self.answers[0])
        if not spoken:
            silent = " and ".join(leg.name for leg in self.legs if not leg.is_done)
            raise Difference(f"not done after {self.patience:g} s of silence: {silent}",
                             *self.normal())
        if bool(self.legs[0].closed) != bool(self.legs[1].closed):
            ends = ", ".join(f"{leg.name} is {leg.closed or 'open'}" for leg in self.legs)
            raise Difference(f"one session ended: {ends}", *self.normal())

    def normal(self):
        return [normaliser.normal(answers)
                for normaliser, answers in zip(self.normalisers, self.answers)]

    def compare(self):
        if self.answers[0] == self.answers[1]:
            return
        direct, through = self.normal()
        if self.legs[1].closed == exchange.RESET and direct[:len(through)] == through:
            self.cut_short += 1
        elif direct != through:
            raise Difference("the answers", direct, through)

    def compare_databases(self):
        if not self.legs:
            self.administration.wait_for_all()
        direct, through = self.administration.digests()
        if direct != through:
            parts = [part for part in zip(direct, through) if part[0] != part[1]]
            raise Difference("the databases", [a for a, _ in parts], [b for _, b in parts])


def play_round(arena, seed, number, last=None, every_digest=False, seen=None):
    """Plays the sequences of a round up to `last`; yields (index, difference or None).

    A crash of the server is not the agent's doing: then the sequence is played once more, and the
    second crash is what is yielded (ServerCrash). After a difference both sides begin afresh, so that the next sequence is judged by itself. A
    difference of the databases is found at the end, and belongs to the round's last sequence
    unless `every_digest`. `seen` is told of each sequence that was played.
    """
    arena.fresh()
    first = number * ROUND
    for index in range(first, first + ROUND if last is None else last + 1):
        sequence = sequences.make(seed, index)
        compares_databases = every_digest or index == first + ROUND - 1
        found = attempt(arena, index, sequence, compares_databases)
        if found and arena.administration.was_lost():
            # Perhaps by another worker's sequence: all sessions end when one crashes.
            arena.fresh()
            found = attempt(arena, index, sequence, compares_databases)
            if found and arena.administration.was_lost():
                found = ServerCrash()
        if seen:
            seen(index, sequence, found)
        if found:
            arena.fresh(ends_others=True)
        yield index, found


def attempt(arena, index, sequence, compares_databases):
    """Gives the difference, if any."""
    try:
        arena.play(index, sequence)
        if compares_databases:
            if index % ROUND == ROUND - 1:
                arena.leave()
            arena.compare_databases()
    except Difference as difference:
        return difference
    except (OSError, RuntimeError, wire.LoginFailure) as failure:
        return Difference(f"a session could not be opened: {failure}")
    return None
