#!/usr/bin/env python3
"""Direct, haproxy, pgbouncer and Sallyport side by side on a private cluster.

Prints a table of medians and ratios and writes every figure as JSON. See docs/performance.md for
the method and how to read it. Works as root too; leaves nothing running.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import secrets
import signal
import subprocess
import sys
import time

import cases
import measure
import memory
import report
import servers

TARGETS = ["direct", "haproxy", "pgbouncer", "sallyport"]
ROOT = pathlib.Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="default %(default)s")
    parser.add_argument(
        "--seconds", type=float, default=4, help="measured in each run, default %(default)s")
    parser.add_argument(
        "--quick", action="store_true", help="a few cases, 2 rounds of 2 s: does it work at all")
    parser.add_argument("--cases", default="", help="only those that match this regular expression")
    parser.add_argument(
        "--targets", default=",".join(TARGETS), help="default %(default)s")
    parser.add_argument("--scale", type=int, default=10, help="of pgbench, default %(default)s")
    parser.add_argument(
        "--control-running", action="store_true",
        help="let the control plane store records during the runs; it is paused otherwise, since "
        "in earnest it has a machine of its own")
    parser.add_argument("--no-shipping", action="store_true", help="leave shipping out")
    parser.add_argument("--no-memory", action="store_true", help="leave memory out")
    parser.add_argument(
        "--binaries", default=str(ROOT / ".build/release"), help="default %(default)s")
    parser.add_argument(
        "--output", default=str(ROOT / ".build/bench"),
        help="folder for results.json and table.md, default %(default)s")
    parser.add_argument(
        "--write-docs", action="store_true", help="put the table into docs/performance.md")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = min(chosen.rounds, 2), min(chosen.seconds, 2)
        chosen.scale = 1
    chosen.targets = [name for name in TARGETS if name in chosen.targets.split(",")]
    if not chosen.targets:
        parser.error(f"--targets: give some of {', '.join(TARGETS)}")
    if chosen.rounds < 1 or chosen.seconds < 1:
        parser.error("--rounds and --seconds are at least 1")
    return chosen


class Context:
    """What the cases share."""

    def __init__(self, scratch, cluster, seconds):
        self.folder = scratch.folder / "runs"
        self.folder.mkdir()
        self.cluster = cluster
        self.seconds = seconds
        self.half_loads = {}
        self.result_script = self.folder / "result.sql"
        self.result_script.write_text("select id, n from narrow;\n")
        self.copy_file = self.folder / "wide.copy"

    def prepare_copy(self, direct):
        with open(self.copy_file, "wb") as file:
            subprocess.run(
                ["psql", "-X", "-q", "-c", "copy wide to stdout"], stdout=file, check=True,
                env=direct.environment(False))
        self.copy_bytes = self.copy_file.stat().st_size

    def measure_half_load(self, target):
        """Half of what the reference does at full load; the same for every target."""
        for tls in (False, True):
            full = measure.pgbench(
                target, self.folder, ["-S", "-M", "prepared", "-c", "16", "-j", "2"],
                min(3, self.seconds), tls)
            self.half_loads[tls] = full["per_second"] / 2

    def half_load(self, tls):
        return self.half_loads[tls]


def make_cluster(scratch, scale):
    cluster = servers.Cluster(scratch, "cluster")
    password = secrets.token_hex(16)
    cluster.sql(
        f"create role {servers.ROLE} login password '{password}';\n"
        f"create database {servers.DATABASE} owner postgres;")
    scratch.run(
        ["pgbench", "-i", "-q", "-s", str(scale), "-h", "127.0.0.1", "-p", str(cluster.port), "-U",
         "postgres", servers.DATABASE], env={**os.environ, "PGPASSWORD": cluster.password})
    cluster.sql(cases.SCHEMA, database=servers.DATABASE)
    return cluster, password


def make_targets(scratch, cluster, password, chosen):
    targets = {"direct": servers.password_target(
        scratch, "direct", cluster.port, password, lambda: [])}
    if "haproxy" in chosen.targets:
        targets["haproxy"] = servers.start_haproxy(scratch, cluster, password)
    if "pgbouncer" in chosen.targets:
        targets["pgbouncer"] = servers.start_pgbouncer(scratch, cluster, password)
    if "sallyport" in chosen.targets:
        targets["sallyport"] = servers.Sallyport(
            scratch, cluster, password, chosen.binaries, chosen.control_running)
    return targets


def measure_shipping(target, context):
    """CPU of the control plane, its cluster and the agent for each record, while what was recorded
    during its pause is shipped."""
    target.resume_control()
    before = wait_until_stored(target)
    measure.pgbench(
        target, context.folder, ["-S", "-M", "prepared", "-c", "16", "-j", "2"],
        max(4, context.seconds), False)
    processes = {
        "control": lambda: [target.control.pid], "store": target.store.processes,
        "agent": lambda: [target.agent.pid],
    }
    # Paused while it was recorded, unless it is to run: then some is stored already.
    stored_then = target.records_stored() if target.control_runs else before
    cpu = {name: measure.CPU(pids()) for name, pids in processes.items()}
    begin = time.monotonic()
    target.resume_control()
    after = wait_until_stored(target)
    seconds = max(0.1, time.monotonic() - begin - QUIET_SECONDS)
    records = max(1, after - stored_then)
    result = {"records": records, "seconds": seconds}
    for name, pids in processes.items():
        result[f"{name}_us"] = measure.CPU(pids()).since(cpu[name]) / 1000 / records
    return result


QUIET_SECONDS = 3


def wait_until_stored(target, seconds=600):
    """The number of records stored, once it has not risen for a while."""
    deadline = time.monotonic() + seconds
    last, since = -1, time.monotonic()
    while time.monotonic() < deadline:
        stored = target.records_stored()
        if stored != last:
            last, since = stored, time.monotonic()
        elif time.monotonic() - since >= QUIET_SECONDS:
            return stored
        time.sleep(0.5)
    raise servers.Failure(f"records still arrive after {seconds} s; {last} are stored")


def main():
    chosen = arguments()
    wanted = [
        case for case in cases.all_cases()
        if (not chosen.quick or case.name in cases.QUICK) and re.search(chosen.cases, case.name)]
    if not wanted:
        raise servers.Failure(f"no case matches {chosen.cases!r}")
    # Ends as Ctrl-C does, so that everything is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    scratch = servers.Scratch()
    try:
        run(chosen, wanted, scratch)
    finally:
        scratch.close()


def run(chosen, wanted, scratch):
    say("preparing a cluster of scale", chosen.scale)
    cluster, password = make_cluster(scratch, chosen.scale)
    targets = make_targets(scratch, cluster, password, chosen)
    context = Context(scratch, cluster, chosen.seconds)
    context.prepare_copy(targets["direct"])
    # First, while the processes have done nothing else.
    memories = {}
    if not chosen.no_memory:
        for name in [name for name in chosen.targets if targets[name].pids()]:
            say("memory of", name)
            memories[name] = memory.measure(targets[name], context.folder)
    shipped = None
    if "sallyport" in targets and not chosen.no_shipping:
        say("shipping and storing")
        shipped = measure_shipping(targets["sallyport"], context)
        say(report.shipping(shipped))
    context.measure_half_load(targets.get("pgbouncer", targets["direct"]))
    results = {case.name: {name: [] for name in chosen.targets} for case in wanted}
    for number in range(chosen.rounds):
        for case in wanted:
            # Each round begins with another target, so that no place in the row is better.
            start = number % len(chosen.targets)
            for name in chosen.targets[start:] + chosen.targets[:start]:
                result = case.run(targets[name], context)
                results[case.name][name].append(result)
                cpu = result["cpu_us"]
                say(
                    f"round {number + 1}/{chosen.rounds}  {case.name:42} {name:10} "
                    f"{report.rate(result['per_second'], case.rate_unit):>18} "
                    + (f"{cpu:8.2f} µs/{case.unit}" if cpu is not None else ""))
    text = report.table(wanted, results, chosen.targets)
    text = "\n\n".join(part for part in [
        text, report.added_latency(wanted, results), report.memory(memories) if memories else "",
        report.shipping(shipped) if shipped else ""] if part)
    print(text)
    output = pathlib.Path(chosen.output)
    output.mkdir(parents=True, exist_ok=True)
    (output / "table.md").write_text(text + "\n")
    (output / "results.json").write_text(json.dumps({
        "machine": {
            "processors": os.cpu_count(), "kernel": platform.release(),
            "postgres": scratch.run(["pg_config", "--version"]).strip()},
        "settings": {
            key: value for key, value in vars(chosen).items() if key not in ("output", "binaries")},
        "half_load_per_second": {
            "TLS" if tls else "plaintext": rate for tls, rate in context.half_loads.items()},
        "shipping": shipped, "memory": memories, "cases": results,
    }, indent=1))
    if chosen.write_docs:
        write_docs(chosen, text)
    say(f"written: {output / 'table.md'}, {output / 'results.json'}")


def write_docs(chosen, text):
    """Puts the table between the marks of the page."""
    page = ROOT / "docs/performance.md"
    before, begin, rest = page.read_text().partition("<!-- figures: begin -->\n")
    _, end, after = rest.partition("<!-- figures: end -->")
    if not begin or not end:
        raise servers.Failure(f"{page} has no marks for the figures: write them by hand")
    cpu = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
        platform.machine())
    head = (
        f"{os.cpu_count()} processors ({cpu}), kernel {platform.release()}; {chosen.rounds} rounds "
        f"of {chosen.seconds:g} s, medians; ± is half the range as a share of the median.\n\n")
    page.write_text(before + begin + head + text + "\n" + end + after)


def say(*words):
    print(*words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except servers.Failure as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
