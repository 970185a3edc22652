#!/usr/bin/env python3
"""Faults put into a real installation; what the database executed has to be in the trail, once.

    Tests/Faults/faults.py                        every fault, many rounds
    Tests/Faults/faults.py --short                a few rounds of each, as in `make test`
    Tests/Faults/faults.py --only kill,restored --rounds 200 --seed 7

Prints a line for each fault and ends with 1 when one of them lost, doubled or hid something. The
power cuts are power.py's, which runs as a part of it.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import time

import disk
import killed
import large
import outage
import restored
import rig
import servers
import shipping
import tampered

HERE = pathlib.Path(__file__).resolve().parent


def plain(scratch, binaries, seed):
    del seed
    return rig.Installation(scratch, binaries)


def of_four_lanes(scratch, binaries, seed):
    del seed
    return rig.Installation(scratch, binaries, options=["--threads", "4"])


# Name: what runs, on what, rounds, rounds of the short form.
FAULTS = {
    "kill": (killed.run, plain, 200, 4),
    "disk": (disk.run, disk.installation, 10, 1),
    "large": (large.run, plain, 3, 1),
    "restored": (restored.restored, plain, 20, 1),
    "restored lanes": (restored.restored, of_four_lanes, 20, 1),
    "cloned": (restored.cloned, plain, 1, 1),
    "rewound": (restored.rewound, plain, 10, 1),
    "shipping": (shipping.run, shipping.Fleet, 20, 2),
    "outage": (outage.run, plain, 5, 1),
    "tampered": (tampered.run, plain, 1, 1),
    "power": (None, None, 200, 4),
    "crash-safe power": (None, None, 10, 2),
}


def power(name, options, rounds):
    """In a process of its own, since it has its own installation."""
    arguments = ["--binaries", options.binaries, "--rounds", str(rounds), "--seed",
                 str(options.seed)]
    if name == "crash-safe power":
        # That it loses some shows that the rig drops what was not synced.
        arguments += ["--durability", "crash-safe", "--expect-loss"]
    return subprocess.run([sys.executable, HERE / "power.py", *arguments]).returncode == 0


def run(name, options):
    scenario, installation, many, few = FAULTS[name]
    rounds = options.rounds or (few if options.short else many)
    if scenario is None:
        return power(name, options, rounds)
    scratch = servers.Scratch()
    try:
        return scenario(
            installation(scratch, options.binaries, options.seed),
            random.Random(f"{options.seed}{name}"), rounds)
    except servers.Failure as failure:
        print(f"{name}: {failure}", flush=True)
        return False
    finally:
        scratch.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=".build/debug")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", help=f"some of: {', '.join(FAULTS)}")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(FAULTS)
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        parser.error(f"there is no fault {unknown[0]!r}")
    start = time.monotonic()
    failed = [name for name in names if not run(name, options)]
    print(
        f"{len(names) - len(failed)} of {len(names)} faults as they should be, seed"
        f" {options.seed}, {time.monotonic() - start:.0f} s"
        + (f"; not: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
