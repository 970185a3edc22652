#!/usr/bin/env python3
"""The differential fuzzer: the same bytes direct and through the agent, the same answers?

Plays random sequences of messages, good and bad, over a session with PostgreSQL itself and over
one through the agent, each with a database of its own, and compares every byte of the answers and
the databases. The same seed gives the same sequences. Ends with 1 where there is a difference.
See docs/testing.md.
"""

import argparse
import multiprocessing
import os
import pathlib
import queue
import random
import signal
import sys
import time
import traceback

import arena as arenas
import design
import installation
import printing
import shrink


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="sequences, default %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument("--workers", type=int, default=2, help="default %(default)s")
    parser.add_argument(
        "--from", type=int, default=0, dest="first", metavar="INDEX",
        help="go on at the round with this sequence")
    parser.add_argument(
        "--replay", metavar="SEED:INDEX", help="play one sequence's round up to it; print both sides")
    parser.add_argument(
        "--shrink", metavar="SEED:INDEX", help="make the difference of one sequence smaller")
    parser.add_argument(
        "--binaries", default=os.environ.get("SALLYPORT_BIN") or str(
            installation.ROOT / ".build/release"),
        help="folder of the programs, default SALLYPORT_BIN, else %(default)s")
    parser.add_argument(
        "--differences", type=int, default=20, help="end after so many, default %(default)s")
    chosen = parser.parse_args()
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1, 2**31)
    return chosen


def make_arena(worker):
    administration = arenas.Administration(worker.administration())
    oid = int(administration.run("direct", "select max(oid) from pg_class")[0])
    return arenas.Arena(worker.direct, worker.through, administration, oid + 1)


def work(chosen, worker, numbers, results):
    """Plays rounds until there are no more numbers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        arena = make_arena(worker)
        rounds = 0
        while (number := numbers.get()) is not None:
            arena.sessions = arena.bytes = arena.cut_short = 0
            for index, found in arenas.play_round(arena, chosen.seed, number):
                if isinstance(found, arenas.ServerCrash):
                    results.put(("crash", index))
                elif found and design.gives_up(found.direct, found.through):
                    results.put(("given up",))
                elif found:
                    results.put(("difference", index, printing.difference(chosen.seed, index, found)))
            results.put(("round", arenas.ROUND, arena.sessions, arena.bytes, arena.cut_short))
            rounds += 1
            if rounds % 50 == 0:
                arena.administration.vacuum()
        results.put(("done",))
    except BaseException:
        results.put(("failed", traceback.format_exc()))


class Run:
    """Hands out rounds and adds up what comes back."""

    def __init__(self, chosen, servers):
        self.chosen, self.servers = chosen, servers
        self.played = self.differences = self.sessions = self.bytes = self.cut_short = 0
        # Sequences in which the agent ended the session by design.
        self.given_up = 0
        # Sequences that crashed the server.
        self.crashes = 0
        self.began = self.told = time.monotonic()

    def run(self):
        numbers, results = multiprocessing.Queue(), multiprocessing.Queue()
        processes = [
            multiprocessing.Process(target=work, args=(self.chosen, worker, numbers, results))
            for worker in self.servers.workers]
        for process in processes:
            process.start()
        first = self.chosen.first // arenas.ROUND
        self.left = iter(range(first, first - (-self.chosen.count // arenas.ROUND)))
        for _ in range(2 * len(processes)):
            numbers.put(next(self.left, None))
        running = len(processes)
        try:
            while running:
                self.servers.check_alive()
                if time.monotonic() - self.told > 10:
                    self.told = time.monotonic()
                    print(self.summary(), flush=True)
                try:
                    result = results.get(timeout=5)
                except queue.Empty:
                    continue
                running -= self.take(result)
                if result[0] == "round":
                    enough = self.differences >= self.chosen.differences
                    numbers.put(None if enough else next(self.left, None))
        finally:
            for process in processes:
                process.terminate()
                process.join()

    def take(self, result):
        """Gives how many workers ended with it."""
        if result[0] == "round":
            self.played += result[1]
            self.sessions += result[2]
            self.bytes += result[3]
            self.cut_short += result[4]
        elif result[0] == "given up":
            self.given_up += 1
        elif result[0] == "crash":
            self.crashes += 1
            print(f"{self.chosen.seed}:{result[1]} crashes PostgreSQL: not compared", flush=True)
        elif result[0] == "difference":
            self.differences += 1
            print(result[2], flush=True)
        elif result[0] == "failed":
            raise RuntimeError(result[1])
        return int(result[0] == "done")

    def summary(self):
        seconds = time.monotonic() - self.began
        return (f"seed {self.chosen.seed}: {self.played} sequences, {self.differences} differences, "
                f"{self.given_up} given up by design, {self.crashes} crashes of PostgreSQL, "
                f"{self.sessions} sessions, "
                f"{self.cut_short} cut short, {self.bytes >> 20} MiB compared, {seconds:.0f} s, "
                f"{self.played / seconds:.0f} a second")


def one(chosen, worker):
    """Replays or shrinks one sequence; gives whether there is a difference."""
    seed, index = map(int, (chosen.replay or chosen.shrink).split(":"))
    arena = make_arena(worker)
    if chosen.shrink:
        shrunk = shrink.shrink(arena, seed, index)
        print(printing.shrunk(shrunk) if shrunk else "the difference did not come again")
        return shrunk is not None
    differs = []

    def seen(at, sequence, found):
        if found:
            differs.append(at)
        if at == index:
            print(printing.sequence(at, sequence))
            print(printing.both(*(arena.normal() if arena.answers else ((), ()))))
        if found:
            print(f"sequence {at}: {found.what}")
            if not arena.answers or found.what == "the databases":
                print(printing.both(found.direct, found.through))

    for _ in arenas.play_round(
            arena, seed, index // arenas.ROUND, last=index, every_digest=True, seen=seen):
        pass
    print(f"{len(differs)} differences in sequences {index - index % arenas.ROUND} to {index}")
    return bool(differs)


def main():
    chosen = arguments()
    single = chosen.replay or chosen.shrink
    servers = installation.Installation(
        pathlib.Path(chosen.binaries), 1 if single else chosen.workers)
    try:
        if single:
            return int(one(chosen, servers.workers[0]))
        print(f"seed {chosen.seed}", flush=True)
        run = Run(chosen, servers)
        try:
            run.run()
        finally:
            print(run.summary(), flush=True)
        return 1 if run.differences else 0
    finally:
        servers.close()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
