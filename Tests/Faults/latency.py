#!/usr/bin/env python3
"""What power-safe costs: the latency of an autocommit INSERT on the agent's real disk.

    Tests/Faults/latency.py --binaries .build/release --clients 1 16 --seconds 5

Prints for each number of clients and each durability the statements a second and the median and
99th percentile of their latency.
"""

import argparse
import pathlib
import threading
import time

import rig
import servers
import wire


def answer(peer, message):
    peer.sendall(message)
    held = b""
    while True:
        held += peer.recv(65536)
        found = list(wire.messages(held))
        if any(kind == "E" for kind, _ in found):
            raise servers.Failure(f"the server answered with {found}")
        if any(kind == "Z" for kind, _ in found):
            return


def work(way, ends, latencies):
    peer = way.connect({})[0]
    while time.monotonic() < ends:
        begin = time.perf_counter()
        answer(peer, wire.query("INSERT INTO written VALUES (1)"))
        latencies.append(time.perf_counter() - begin)
    peer.close()


def measure(installation, durability, clients, seconds):
    way = installation.way(durability)
    installation.wait_for_entry(way)
    ends = time.monotonic() + seconds
    latencies = [[] for _ in range(clients)]
    threads = [threading.Thread(target=work, args=(way, ends, kept)) for kept in latencies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sorted(latency for kept in latencies for latency in kept)
    print(
        f"{durability}, {clients} clients: {len(found) / seconds:.0f} a second,"
        f" p50 {found[len(found) // 2] * 1000:.2f} ms, p99 {found[len(found) * 99 // 100] * 1000:.2f} ms")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=".build/release", type=pathlib.Path)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    scratch = servers.Scratch()
    try:
        installation = rig.Installation(scratch, options.binaries)
        installation.cluster.sql(
            f"create table written (id int); grant all on written to {rig.ROLE}", rig.DATABASE)
        for clients in options.clients:
            for durability in rig.DURABILITIES:
                measure(installation, durability, clients, options.seconds)
    finally:
        scratch.close()


if __name__ == "__main__":
    main()
