"""How a difference, a sequence and both sides' answers are printed."""

import transcripts

BEFORE, AFTER = 4, 6


def shown(answer):
    return transcripts.shown(answer) if isinstance(answer, tuple) else str(answer)


def difference(seed, index, found):
    """What differs, around the first message that does."""
    start = transcripts.first_difference(found.direct, found.through)
    lines = [f"difference in {seed}:{index}: {found.what}"]
    for name, answers in (("direct", found.direct), ("through", found.through)):
        lines.append(f"  {name}, {len(answers)} messages, from {max(0, start - BEFORE)} on:")
        for position in range(max(0, start - BEFORE), min(len(answers), start + AFTER)):
            mark = ">" if position == start else " "
            lines.append(f"   {mark} {shown(answers[position])}")
    return "\n".join(lines)


def sequence(index, played):
    cuts = "whole" if played.cuts is None else f"cut by {played.cuts}"
    lines = [f"sequence {index}, {cuts}{', then DISCARD ALL' if played.discards else ''}:"]
    lines += [f"  {transcripts.shown_sent(sent)}" for sent in played.messages]
    if played.ending:
        lines.append(f"  ending, the {played.ending.closes} closes: {played.ending.data!r}")
    return "\n".join(lines)


def both(direct, through):
    """Both transcripts; equal ones once."""
    if list(direct) == list(through):
        return "\n".join(["both:", *(f"  {shown(answer)}" for answer in direct)])
    lines = []
    for name, answers in (("direct", direct), ("through", through)):
        lines += [f"{name}:", *(f"  {shown(answer)}" for answer in answers)]
    return "\n".join(lines)


def shrunk(result):
    play, found = result
    lines = [f"smallest play found, {len(play)} sequences: {found.what}"]
    lines += [sequence(index, played) for index, played in enumerate(play)]
    return "\n".join([*lines, both(found.direct, found.through)])
