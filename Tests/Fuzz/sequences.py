"""Makes sequences of messages, good and bad: sequence `index` of a seed is always the same."""

import random as random_module

import cutting
import malformed
import statements
import wire

NAMES = ["", "", "", "s1", "s2", "s3"]
PORTALS = ["", "", "", "p1", "p2", "p3"]
LENGTHS = [1, 1, 2, 3, 4, 6, 9]
END_CHANCE = 0.04
BIG_CHANCE = 0.004
LONG_CHANCE = 0.01


class Sequence:
    """Messages of a client in the order sent, how their bytes are cut, and what comes after.

    `ending` is what ends the session, if anything: see `malformed.Ending`. `discards` says
    whether DISCARD ALL follows, so that nothing but the databases stays.
    """

    def __init__(self, messages, cuts, ending, discards):
        self.messages = messages
        self.cuts = cuts
        self.ending = ending
        self.discards = discards

    def with_messages(self, messages):
        return Sequence(messages, self.cuts, self.ending, self.discards)

    def with_cuts(self, cuts):
        return Sequence(self.messages, cuts, self.ending, self.discards)

    def pieces(self, last):
        """(pause before it, bytes) for the messages and what comes last; whole without cuts."""
        parts = [*self.messages, last]
        if self.cuts is None:
            return [(0, b"".join(parts))]
        return cutting.cut(parts, random_module.Random(self.cuts))


def make(seed, index):
    """The sequence of this index."""
    random = random_module.Random(f"{seed}:{index}")
    ending = malformed.ending(random) if random.random() < END_CHANCE else None
    generator = Generator(random)
    messages = []
    for _ in range(random.choice(LENGTHS)):
        messages += generator.part()
    if random.random() < 0.12:
        messages = malformed.disturbed(random, messages)
    if random.random() < LONG_CHANCE and sum(map(len, messages)) < 2000:
        messages = messages * random.randint(5, 25)
    return Sequence(messages, random.getrandbits(48), ending, random.random() < 0.3)


class Generator:
    """Makes parts of sequences from one random source."""

    def __init__(self, random):
        self.random = random
        self.makers = [
            (self.simple, 10), (self.extended, 14), (self.loose, 8), (self.copy_in, 4),
            (self.copy_out, 2), (self.stray_copy, 2), (self.malformed, 4), (self.pipeline, 2),
            (self.transaction, 4), (self.suspended, 4), (self.flushes, 1), (self.syncs, 1),
            (self.renamed, 3), (self.interleaved, 2),
        ]

    def part(self):
        if self.random.random() < BIG_CHANCE:
            return self.big()
        makers = [maker for maker, _ in self.makers]
        return self.random.choices(makers, [weight for _, weight in self.makers])[0]()

    def malformed(self):
        return malformed.message(self.random, self.one_loose())

    # Simple query

    def simple(self):
        return [wire.query(statements.any_statement(self.random))]

    def transaction(self):
        random = self.random
        pools = [statements.WRITES, statements.READS, statements.TRANSACTIONS, statements.ERRORS]
        inner = [wire.query(random.choice(random.choice(pools))) for _ in range(random.randint(1, 4))]
        return [wire.query("begin"), *inner, wire.query(random.choice(["commit", "rollback"]))]

    # Extended query

    def statement(self):
        """A text and how many parameters it takes."""
        if self.random.random() < 0.4:
            return self.random.choice(statements.PARAMETRISED)
        return statements.any_statement(self.random), 0

    def parse(self, name=None, sql=None):
        random = self.random
        text, count = (sql, 0) if sql is not None else self.statement()
        types = []
        if random.random() < 0.3:
            types = [random.choice(statements.TYPES) for _ in range(random.randint(0, count + 1))]
        name = random.choice(NAMES) if name is None else name
        return wire.parse(name, text, types), count

    def bind(self, portal=None, name=None, count=0):
        random = self.random
        if random.random() < 0.1:
            count = random.randint(0, 4)
        formats = random.choice([[], [], [0], [1], [0] * count, [random.randint(0, 1)] * count,
                                 [random.choice([0, 1, 2])], [0, 1, 0]])
        values = []
        for index in range(count):
            kind = formats[0] if len(formats) == 1 else formats[index] if index < len(formats) else 0
            pool = statements.VALUES_AS_BINARY if kind == 1 else statements.VALUES_AS_TEXT
            values.append(None if random.random() < 0.1 else random.choice(pool))
        results = random.choice([[], [], [], [0], [1], [1], [0, 1], [7]])
        portal = random.choice(PORTALS) if portal is None else portal
        name = random.choice(NAMES) if name is None else name
        return wire.bind(portal, name, formats, values, results)

    def rows(self):
        return self.random.choice([0, 0, 0, 0, 1, 2, 10, 1000, -1, 2**31 - 1])

    def extended(self):
        """Parse, Bind, Describe, Execute and Sync, most times whole."""
        random = self.random
        name, portal = random.choice(NAMES), random.choice(PORTALS)
        parse, count = self.parse(name)
        steps = [
            (parse, 0.9), (wire.describe(b"S", name), 0.3), (self.bind(portal, name, count), 0.92),
            (wire.describe(b"P", portal), 0.5), (wire.execute(portal, self.rows()), 0.92),
            (wire.FLUSH, 0.1), (wire.close(b"S", name), 0.1), (wire.close(b"P", portal), 0.1),
            (wire.SYNC, 0.8),
        ]
        return [bytes_ for bytes_, chance in steps if random.random() < chance]

    def one_loose(self):
        random = self.random
        kind = random.randrange(10)
        if kind == 0:
            return self.parse()[0]
        if kind == 1:
            return self.bind(count=random.randint(0, 2))
        if kind == 2:
            return wire.describe(random.choice([b"S", b"P"]), random.choice(NAMES + PORTALS))
        if kind in (3, 4):
            return wire.execute(random.choice([*PORTALS, "cu", "nocursor"]), self.rows())
        if kind == 5:
            return wire.close(random.choice([b"S", b"P"]), random.choice(NAMES + PORTALS))
        if kind == 6:
            return wire.FLUSH
        if kind in (7, 8):
            return wire.SYNC
        return wire.query(statements.any_statement(random))

    def loose(self):
        return [self.one_loose() for _ in range(self.random.randint(1, 8))]

    def suspended(self):
        """A portal in parts, with something in between."""
        random = self.random
        portal = random.choice(PORTALS)
        sql = random.choice([*statements.READS, "copy fixed to stdout", "begin", statements.WRITES[1]])
        messages = [self.parse("", sql)[0], wire.bind(portal, "")]
        for _ in range(random.randint(1, 5)):
            messages.append(wire.execute(portal, random.choice([1, 2, 7, 40, 0])))
            between = random.random()
            if between < 0.15:
                messages.append(wire.FLUSH)
            elif between < 0.25:
                messages.append(wire.SYNC)
            elif between < 0.35:
                messages.append(self.one_loose())
        begin = [wire.query("begin")] if random.random() < 0.5 else []
        return begin + messages + [wire.SYNC]

    def interleaved(self):
        """Two portals in turn, within a transaction, with row limits."""
        random = self.random
        messages = [wire.query("begin")]
        for portal in ("p1", "p2"):
            messages += [
                self.parse("", random.choice(statements.READS))[0],
                wire.bind(portal, "", (), (), random.choice([(), (1,), (0,)]))]
            if random.random() < 0.5:
                messages.append(wire.describe(b"P", portal))
        for _ in range(random.randint(2, 8)):
            messages.append(wire.execute(random.choice(["p1", "p2"]), random.choice([1, 2, 3, 0])))
            if random.random() < 0.2:
                messages.append(random.choice([wire.SYNC, wire.FLUSH, wire.close(b"P", "p1")]))
        return [*messages, wire.SYNC, wire.query(random.choice(["commit", "rollback"]))]

    def renamed(self):
        """The same name for one text after the other, prepared, replaced, closed, used."""
        random = self.random
        name = random.choice(["", "s1"])
        messages = []
        for _ in range(random.randint(2, 6)):
            sql = random.choice(["select 'first'", "select 'second', 2", "select 1/0", "selec", ""])
            messages += random.choice([
                [wire.parse(name, sql)], [wire.close(b"S", name)], [wire.SYNC],
                [wire.parse(name, sql), wire.bind("", name), wire.execute("")],
                [wire.bind("p1", name)], [wire.execute("p1")], [wire.close(b"P", "p1")],
                [wire.query(f"prepare {name or 's1'} as select 'by sql'")],
                [wire.query("deallocate all")], [wire.bind("", name), wire.execute("")],
            ])
        return messages + [wire.SYNC]

    def pipeline(self):
        """Many executions, some failing, Syncs at times."""
        random = self.random
        texts = [self.statement() for _ in range(4)]
        sync_chance = random.choice([0, 0.05, 0.5, 1])
        messages = []
        for _ in range(random.choice([5, 5, 10, 10, 20, 20, 20, 60, 60, 250])):
            text, count = random.choice(texts)
            messages += [wire.parse("", text), self.bind("", "", count), wire.execute("", 0)]
            if random.random() < sync_chance:
                messages.append(wire.SYNC)
        return messages + [wire.SYNC]

    def flushes(self):
        return [wire.FLUSH] * self.random.choice([3, 30, 100])

    def syncs(self):
        return [wire.SYNC] * self.random.choice([1, 2, 5, 40])

    def big(self):
        """One message of hundreds of kilobytes, below the gateway's limit for statements."""
        random = self.random
        size = random.choice([70_000, 300_000, 1_200_000])
        return random.choice([
            lambda: [wire.query("select length('" + "x" * size + "')")],
            lambda: [wire.query("selec /*" + "y" * size + "*/")],
            lambda: [wire.parse("", "select length($1::text)"),
                     wire.bind("", "", (), [b"z" * size]), wire.execute(""), wire.SYNC],
            lambda: [wire.query("copy inbox from stdin"), wire.copy_data(b"1\t" + b"w" * size + b"\n"),
                     wire.COPY_DONE],
            lambda: [wire.query(f"select repeat('v', {size})")],
        ])()

    # COPY

    def copy_lines(self):
        random = self.random
        if random.random() < 0.5:
            lines = [wire.copy_data(b"%d\tgood\n" % n) for n in range(random.randint(0, 60))]
        else:
            lines = [wire.copy_data(random.choice(statements.COPY_LINES))
                     for _ in range(random.randint(0, 6))]
        if random.random() < 0.3:
            for _ in range(random.randint(1, 3)):
                lines.insert(random.randint(0, len(lines)), random.choice([wire.SYNC, wire.FLUSH]))
        return lines

    def copy_in(self):
        random = self.random
        sql = random.choice(statements.COPY_IN)
        if random.random() < 0.5:
            start = [wire.query(random.choice([sql, sql, "select 1; " + sql + "; select 2"]))]
            after = []
        else:
            start = [self.parse("", sql)[0], wire.bind("", ""), wire.execute("")]
            if random.random() < 0.3:
                start.append(wire.SYNC)
            after = [wire.SYNC] * random.choice([0, 1, 1, 1, 2])
        end = random.choice(
            [[wire.COPY_DONE]] * 11 + [[wire.copy_fail("changed my mind")]] * 3
            + [[], [wire.COPY_DONE] * 2])
        if random.random() < 0.03:
            end = [self.one_loose(), *end]
        return start + self.copy_lines() + end + after

    def copy_out(self):
        sql = self.random.choice(statements.COPY_OUT)
        if self.random.random() < 0.5:
            return [wire.query(sql)]
        return [wire.parse("", sql), wire.bind("", ""), wire.execute("", self.rows()), wire.SYNC]

    def stray_copy(self):
        return self.random.choice(
            [[wire.COPY_DONE], [wire.copy_fail("stray")], [wire.copy_data(b"stray\n")] * 3,
             [wire.copy_data(b"1\tx\n"), wire.COPY_DONE, wire.SYNC]])
