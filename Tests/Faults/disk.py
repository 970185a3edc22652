"""The agent's disk fails under load: writes, syncs, a write of which half arrives, no room."""

import time

import medium
import rig
import tally


def installation(scratch, binaries, seed):
    del seed
    disk = medium.Medium(scratch, scratch.folder / "records", delay_us=500)
    made = rig.Installation(
        scratch, binaries, records=disk.folder, environment=disk.environment())
    made.disk = disk
    return made


def run(installation, generator, rounds):
    """Each round: load, a failure, an end of all traffic, another start on a sound disk."""
    good = True
    for durability in rig.DURABILITIES:
        for how in medium.FAILURES[1:]:
            good = fail(installation, generator, rounds, how, durability) and good
    return tally.expect_sound(installation, "after failures of the disk") and good


def fail(installation, generator, rounds, how, durability):
    label = f"{durability[:5]}{how}".replace(" ", "")
    load = tally.Load(installation, generator, durability, label)
    slowest = 0
    for _ in range(rounds):
        clients = load.start()
        time.sleep(generator.uniform(0.1, 0.6))
        installation.disk.fail(how)
        start = time.monotonic()
        # Nothing may go on that is not recorded: every session has to end, with the agent or
        # before it.
        load.join(clients)
        slowest = max(slowest, time.monotonic() - start)
        installation.kill_agent()
        installation.disk.fail("sound")
        installation.launch_agent()
    installation.wait_for_entry(load.way())
    return load.tally(
        f"disk with {how}, {durability}", f", traffic ended within {slowest:.1f} s")
