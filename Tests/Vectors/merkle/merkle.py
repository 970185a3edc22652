#!/usr/bin/env python3
"""Merkle trees as RFC 6962, section 2.1 defines them, word for word and without thought of speed.

Independent of the Swift code, which it is the measure for:

    python3 Tests/Vectors/merkle/merkle.py > Tests/Vectors/merkle/vectors.json

The leaf I of every tree is the four bytes of I, the most significant first.
"""

import hashlib
import json
import struct


def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def mth(leaves):
    """2.1: the Merkle Tree Hash."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = largest_power_below(len(leaves))
    return hashlib.sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m, leaves):
    """2.1.1: the audit path of the leaf m."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return path(m, leaves[:k]) + [mth(leaves[k:])]
    return path(m - k, leaves[k:]) + [mth(leaves[:k])]


def proof(m, leaves):
    """2.1.2: the consistency proof of the first m leaves."""
    return subproof(m, leaves, True)


def subproof(m, leaves, is_first):
    if m == len(leaves):
        return [] if is_first else [mth(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return subproof(m, leaves[:k], is_first) + [mth(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [mth(leaves[:k])]


def largest_power_below(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def main():
    sizes = sorted({0, 1, 2, 3, 5, 6, 7, 11, 100, 257, 1000}
                   | {2 ** k + d for k in range(2, 11) for d in (-1, 0, 1)})
    leaves = [struct.pack("!I", index) for index in range(max(sizes))]
    trees = []
    for size in sizes:
        tree = leaves[:size]
        indices = sorted({0, 1, 2, size // 3, size // 2, size - 2, size - 1} & set(range(size)))
        firsts = sorted({1, 2, 3, size // 3, size // 2, 2 ** max(0, size.bit_length() - 2),
                         size - 1, size} & set(range(1, size + 1)))
        trees.append({
            "size": size,
            "root": mth(tree).hex(),
            "inclusion": [{"index": m, "path": [h.hex() for h in path(m, tree)]} for m in indices],
            "consistency": [
                {"first": m, "path": [h.hex() for h in proof(m, tree)]} for m in firsts],
        })
    print(json.dumps(trees, indent=1))


if __name__ == "__main__":
    main()
