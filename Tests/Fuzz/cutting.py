"""Cuts a sequence's bytes into pieces: as they are, by message, by chance, down to one byte."""

FINE_BYTES = 160
LONGEST_PAUSE = 0.0006


def sizes(random, total):
    """The sizes of the pieces, in order; their sum is at least `total`."""
    style = random.random()
    if style < 0.4:
        # Single bytes for a stretch, the rest in few pieces.
        begin = random.randrange(total + 1)
        if begin:
            yield from coarse(random, begin)
        yield from [1] * FINE_BYTES
        yield total
    elif style < 0.6:
        yield from [1] * FINE_BYTES
        yield total
    else:
        longest = random.choice([7, 60, 400]) if total < 3000 else max(400, total // 20)
        done = 0
        while done < total:
            size = random.randint(1, longest)
            done += size
            yield size


def coarse(random, total):
    while total > 0:
        size = random.randint(1, max(1, total))
        total -= size
        yield size


def cut(parts, random):
    """Gives (pause before it in seconds, bytes) for the whole."""
    whole = b"".join(parts)
    style = random.random()
    if style < 0.45:
        pieces = [whole]
    elif style < 0.6:
        pieces = parts if len(parts) < 100 else [b"".join(parts[:50]), b"".join(parts[50:])]
    else:
        pieces, offset = [], 0
        for size in sizes(random, len(whole)):
            pieces.append(whole[offset:offset + size])
            offset += size
            if offset >= len(whole):
                break
    pauses = ()
    if random.random() < 0.1 and len(pieces) > 1:
        pauses = {random.randrange(1, len(pieces)) for _ in range(random.randint(1, 3))}
    return [
        (random.uniform(0.00005, LONGEST_PAUSE) if index in pauses else 0, piece)
        for index, piece in enumerate(pieces) if piece]
