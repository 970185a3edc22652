"""Memory of a proxy process: idle, for each idle session, and while a result of 1 GB passes."""

import pathlib
import re
import subprocess
import time

from servers import Failure

FEW, MANY = 20, 100
RESULT_MEGABYTES = 1000


def field(pid, name):
    """A field of /proc/PID/status in kB."""
    found = re.search(rf"^{name}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(found.group(1)) if found else 0


def resident(pids):
    return sum(field(pid, "VmRSS") for pid in pids)


def measure(target, folder):
    """In kB. A session is what many need more than a few, since memory that was used once is
    not given back."""
    target.before_run()
    pids = target.pids()
    result = {"idle": resident(pids)}
    # With TLS last: it takes more, so that what plain sessions left does not hide it.
    for tls in (False, True):
        few = hold(target, folder, tls, pids, FEW)
        many = hold(target, folder, tls, pids, MANY)
        result["session_tls" if tls else "session"] = max(0, many - few) / (MANY - FEW)
    result["after_sessions"] = resident(pids)
    result["result_peak"] = peak_of_result(target, folder, pids)
    target.after_run()
    return result


def hold(target, folder, tls, pids, sessions):
    """Memory while idle sessions are open."""
    script = folder / "idle.sql"
    script.write_text("\\sleep 4 s\nselect 1;\n")
    sockets = connections(pids) + 2 * sessions
    process = subprocess.Popen(
        ["pgbench", "-n", "-c", str(sessions), "-j", "1", "-t", "1", "-f", str(script)],
        env=target.environment(tls), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while connections(pids) < sockets and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    held = resident(pids)
    _, errors = process.communicate(timeout=120)
    if process.returncode:
        raise Failure(f"idle sessions over {target.name} failed:\n{errors[-2000:]}")
    return held


def connections(pids):
    count = 0
    for pid in pids:
        for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                count += entry.readlink().name.startswith("socket:")
            except OSError:
                continue  # Closed while it was asked.
    return count


def peak_of_result(target, folder, pids):
    """The highest memory while a client reads a large result more slowly than it comes."""
    for pid in pids:
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
    reader = "import sys,time\nwhile sys.stdin.buffer.read(1<<20): time.sleep(0.002)"
    # Unaligned, so that psql holds no more than a part itself.
    done = subprocess.run(
        "set -o pipefail; psql -XAtq -v FETCH_COUNT=1 -c \"copy (select repeat('x', 1000000) "
        f"from generate_series(1, {RESULT_MEGABYTES})) to stdout\" | python3 -c '{reader}'",
        shell=True, executable="/bin/bash", cwd=folder, env=target.environment(False),
        stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failure(f"a large result over {target.name} failed:\n{done.stderr[-2000:]}")
    return sum(field(pid, "VmHWM") for pid in pids)
