"""Makes what shows a difference smaller: fewer sequences, fewer messages, no cuts."""

import time

import arena as arenas
import sequences

# Seconds without a byte from either side; most that differ by silence are tried many times.
PATIENCE = 2.0


# How often a play is tried before it is taken for one without the difference: some depend on which
# of two replies comes first.
TRIES = 6


class Shrinking:
    """Tries smaller plays of one difference for some time."""

    def __init__(self, arena, seconds):
        self.arena = arena
        self.deadline = time.monotonic() + seconds

    def difference(self, play):
        """Plays from a fresh state; gives the difference of the last sequence, if any."""
        for _ in range(TRIES):
            if found := self.one_difference(play):
                return found
        return None

    def one_difference(self, play):
        self.arena.fresh(ends_others=True)
        for index, sequence in enumerate(play):
            last = index == len(play) - 1
            found = arenas.attempt(self.arena, index, sequence, last)
            if found:
                return found if last else None
        return None

    def is_over(self):
        return time.monotonic() > self.deadline

    def fewer(self, items, build):
        """Drops halves, quarters and so on of `items` while `build(items)` differs."""
        step = max(1, len(items) // 2)
        while step:
            position = 0
            while position < len(items) and not self.is_over():
                kept = items[:position] + items[position + step:]
                if self.difference(build(kept)):
                    items = kept
                else:
                    position += step
            step //= 2
        return items


def shrink(arena, seed, index, seconds=240):
    """Gives the smallest play found, a list of sequences, and its difference.

    Gives None where the difference does not come again.
    """
    arena.patience = PATIENCE
    first = index - index % arenas.ROUND
    work = Shrinking(arena, seconds)
    last = sequences.make(seed, index)
    earlier = []
    if not work.difference([last]):
        earlier = [sequences.make(seed, other) for other in range(first, index)]
        if not work.difference([*earlier, last]):
            return None
        earlier = work.fewer(earlier, lambda kept: [*kept, last])
    for position, sequence in enumerate(earlier):
        def replaced(messages, position=position, sequence=sequence):
            changed = list(earlier)
            changed[position] = sequence.with_messages(messages)
            return [*changed, last]
        earlier[position] = sequence.with_messages(work.fewer(sequence.messages, replaced))
    last = last.with_messages(work.fewer(
        last.messages, lambda kept: [*earlier, last.with_messages(kept)]))
    uncut = last.with_cuts(None)
    if work.difference([*earlier, uncut]):
        last = uncut
    play = [*earlier, last]
    found = work.difference(play)
    return (play, found) if found else None
