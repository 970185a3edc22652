"""Runs a scenario on both sides at once, each in a process of its own, and compares."""

import dataclasses
import faulthandler
import json
import os
import signal
import sys
import time
import traceback

import observation
import rig


@dataclasses.dataclass
class Outcome:
    """What one side observed; ``trouble`` when the scenario itself did not get through."""

    observed: object = None
    trouble: str = ""
    seconds: float = 0


@dataclasses.dataclass
class Result:
    scenario: object
    direct: Outcome
    through: Outcome

    @property
    def expected(self):
        """What must have been observed through the agent."""
        if self.scenario.through is None or self.direct.trouble:
            return self.direct.observed
        return observation.plain(self.scenario.through(self.direct.observed))

    @property
    def differs_by_design(self):
        return self.scenario.through is not None and self.passed

    @property
    def passed(self):
        if self.direct.trouble or self.through.trouble:
            return False
        if self.scenario.through and self.direct.observed == self.through.observed:
            # What is documented as a difference is none: the documentation is wrong.
            return False
        return self.expected == self.through.observed


def run(scenario, both):
    began = time.monotonic()
    runs = {}
    for side in both.sides():
        side.folder = both.scratch.folder / f"run-{side.name}-{time.monotonic_ns()}"
        side.folder.mkdir()
        runs[side.name] = (side.folder, start(scenario, side))
    outcomes = {
        name: finish(folder, pid, began, scenario.seconds) for name, (folder, pid) in runs.items()}
    return Result(scenario, outcomes["direct"], outcomes["through"])


def start(scenario, side):
    """Forks the process that runs the scenario; what it observed is in its folder at the end."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        output = os.open(side.folder / "output", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(side.folder)
        os.environ["HOME"] = str(side.folder)
        # Says where it hangs, if it does.
        faulthandler.dump_traceback_later(scenario.seconds - 3, file=sys.__stderr__)
        observe(scenario, side)
        status = 0
    except BaseException:
        traceback.print_exc(limit=-3)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def observe(scenario, side):
    rig.renew_database(side)
    began = time.monotonic()
    observed = observation.scrubbed(observation.plain(scenario.run(side)), side)
    taken = time.monotonic() - began
    (side.folder / "observed.json").write_text(
        json.dumps({"observed": observed, "seconds": taken}))


def finish(folder, pid, began, limit):
    deadline = began + limit
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return Outcome(trouble=f"did not end within {limit} s\n{read(folder)}", seconds=limit)
        time.sleep(0.01)
    if status:
        return Outcome(trouble=read(folder) or f"ended with {status}")
    result = json.loads((folder / "observed.json").read_text())
    return Outcome(observed=result["observed"], seconds=result["seconds"])


def read(folder):
    return (folder / "output").read_text(errors="replace")[-4000:]
