#!/usr/bin/env python3
"""Real PostgreSQL clients, run direct and through the agent: what they observe must be equal.

Prints a table of client × scenario and ends with 1 when anything differs. See
docs/compatibility.md. Works as root too; leaves nothing running.
"""

import argparse
import importlib
import os
import pathlib
import re
import signal
import sys
import time

import report
import rig
import runner
import servers

# A client is one module or several.
CLIENTS = [
    "psql", "terminal", "programs", "psycopg3", "psycopg3_sessions", "psycopg3_data",
    "psycopg3_async", "psycopg2", "asyncpg", "asyncpg_sessions", "asyncpg_data", "pg8000",
    "sqlalchemy", "sqlalchemy_orm", "jdbc"]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="only name the scenarios")
    parser.add_argument(
        "--filter", default="", metavar="REGEX",
        help="only scenarios whose 'client: name' matches")
    parser.add_argument(
        "--verbose", action="store_true", help="show what was observed, equal or not")
    parser.add_argument(
        "--keep", action="store_true", help="leave the folder with logs and observations there")
    parser.add_argument(
        "--write-docs", action="store_true", help="put the table into docs/compatibility.md")
    return parser.parse_args()


def binaries():
    """SALLYPORT_BIN, the release build, or the debug build."""
    named = os.environ.get("SALLYPORT_BIN")
    if named:
        return pathlib.Path(named)
    for build in ("release", "debug"):
        folder = rig.ROOT / ".build" / build
        if (folder / "sallyport-agent").is_file():
            return folder
    raise servers.Failure("no sallyport-agent in .build: run `make release` or `make build` first")


def load_clients():
    """Each once, in their order."""
    return list(dict.fromkeys(
        importlib.import_module(f"client_{name}").CLIENT for name in CLIENTS))


def main():
    chosen = arguments()
    clients = load_clients()
    wanted = [
        scenario for client in clients for scenario in client.scenarios
        if re.search(chosen.filter, f"{scenario.client}: {scenario.name}")]
    if not wanted:
        raise servers.Failure(f"no scenario matches {chosen.filter!r}; --list names them")
    if chosen.list:
        print("\n".join(f"{scenario.client}: {scenario.name}" for scenario in wanted))
        return 0
    # Ends as Ctrl-C does, so that everything is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    scratch = servers.Scratch()
    try:
        return run(chosen, clients, wanted, scratch)
    finally:
        if chosen.keep:
            print(f"kept: {scratch.folder}", file=sys.stderr)
            servers.shutil.rmtree = lambda *_, **__: None
        scratch.close()


def run(chosen, clients, wanted, scratch):
    folder = binaries()
    print(f"starting two clusters, a control plane and an agent of {folder}", file=sys.stderr)
    began = time.monotonic()
    used = {scenario.client for scenario in wanted}
    for client in clients:
        if client.name in used:
            client.prepare(scratch)
    both = rig.Rig(scratch, folder)
    results = []
    for scenario in wanted:
        result = runner.run(scenario, both)
        results.append(result)
        print(report.progress(result, len(results), len(wanted)), file=sys.stderr)
        if chosen.verbose or not result.passed:
            print(report.details(result, chosen.verbose), file=sys.stderr)
    print(report.table(clients, results, time.monotonic() - began))
    if chosen.write_docs:
        report.write_page(rig.ROOT / "docs/compatibility.md", clients, results)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except servers.Failure as failure:
        sys.exit(f"{failure}")
    except KeyboardInterrupt:
        sys.exit(130)
