"""What a benchmark measures: CPU time of processes, and the transactions of pgbench."""

import glob
import pathlib
import statistics
import subprocess
import time

from servers import Failure


class CPU:
    """CPU time of processes, in nanoseconds, from the scheduler's own books of every thread."""

    def __init__(self, pids):
        self.threads = {}
        for pid in pids:
            for task in glob.glob(f"/proc/{pid}/task/*/schedstat"):
                try:
                    self.threads[task] = int(pathlib.Path(task).read_text().split()[0])
                except (OSError, IndexError):
                    continue  # The thread ended while it was asked.

    def since(self, earlier):
        return sum(
            time_now - earlier.threads.get(thread, 0) for thread, time_now in self.threads.items())


def percentile(ordered, share):
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def pgbench(target, folder, arguments, seconds, tls, warm_up=1.0):
    """Runs pgbench and measures a window in its middle.

    The window leaves out connecting and the first second: logins cost far more than queries and
    are a case of their own. Transactions are counted from pgbench's log by when they ended.
    """
    for old in glob.glob(f"{folder}/pgbench_log*"):
        pathlib.Path(old).unlink()
    target.before_run()
    process = subprocess.Popen(
        ["pgbench", "-n", "-T", str(int(seconds + warm_up + 1.5)), "--log",
         f"--log-prefix={folder}/pgbench_log", *arguments],
        env=target.environment(tls), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    try:
        time.sleep(warm_up)
        begin, cpu_begin = time.time(), CPU(target.pids())
        time.sleep(seconds)
        end, cpu_end = time.time(), CPU(target.pids())
        _, errors = process.communicate(timeout=60)
    except BaseException:
        process.kill()
        process.wait()
        raise
    target.after_run()
    if process.returncode:
        raise Failure(f"pgbench over {target.name} failed:\n{errors[-2000:]}")
    latencies = read_log(folder, begin, end)
    if not latencies:
        raise Failure(f"pgbench over {target.name} finished nothing in {seconds} s")
    count = len(latencies)
    latencies.sort()
    return {
        "transactions": count,
        "per_second": count / (end - begin),
        "cpu_us": cpu_end.since(cpu_begin) / 1000 / count if target.pids() else None,
        "p50_us": percentile(latencies, 0.50),
        "p99_us": percentile(latencies, 0.99),
    }


def read_log(folder, begin, end):
    """Latencies in microseconds of the transactions that ended in the window.

    A line is: client, number, latency, script, second, microsecond[, lag behind its schedule].
    """
    latencies = []
    for path in glob.glob(f"{folder}/pgbench_log*"):
        with open(path) as file:
            for line in file:
                fields = line.split()
                if len(fields) < 6 or not fields[2].isdigit():
                    continue
                ended = int(fields[4]) + int(fields[5]) / 1e6
                if begin <= ended < end:
                    lag = int(fields[6]) if len(fields) > 6 else 0
                    latencies.append(int(fields[2]) - lag)
    return latencies


def copy(target, folder, sql, tls, byte_count, source=None):
    """One COPY through psql: bytes a second, and CPU for each of them."""
    target.before_run()
    with open(source or "/dev/null", "rb") as data, open("/dev/null", "wb") as nowhere:
        cpu_begin, begin = CPU(target.pids()), time.monotonic()
        done = subprocess.run(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql], stdin=data, stdout=nowhere,
            stderr=subprocess.PIPE, env=target.environment(tls), cwd=folder, text=False)
        seconds, cpu_end = time.monotonic() - begin, CPU(target.pids())
    target.after_run()
    if done.returncode:
        raise Failure(f"COPY over {target.name} failed:\n{done.stderr.decode()[-2000:]}")
    return {
        "per_second": byte_count / seconds,
        "cpu_us": (
            cpu_end.since(cpu_begin) / 1000 / (byte_count / 1e6) if target.pids() else None),
    }


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def spread(values):
    """Half the distance from the lowest to the highest, as a share of the median."""
    values = [value for value in values if value is not None]
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if values and middle else None
