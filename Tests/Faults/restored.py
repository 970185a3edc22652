"""The agent's folders come back in an older state: its disk was restored, or its host was cloned."""

import shutil
import time

import servers
import tally


def epochs(installation):
    return int(installation.store.sql(
        "select count(distinct epoch) from sallyport.log_cursor c join sallyport.agent a"
        " on a.id = c.agent", "sallyport"))


def some_load(installation, load, generator):
    # With pauses: some of it goes on until an agent finds out that it was restored.
    clients = load.start(pause=0.02)
    time.sleep(generator.uniform(0.3, 0.8))
    return clients


def restored(installation, generator, rounds):
    """Each round: a copy of the folders, work behind it, the copy put back, work behind that."""
    load = tally.Load(installation, generator)
    state = installation.scratch.folder / "agent"
    copy = installation.scratch.folder / "agent.copy"
    before = epochs(installation)
    for _ in range(rounds):
        for step in ("before the copy", "behind it", "behind the copy put back"):
            clients = some_load(installation, load, generator)
            installation.stop_agent()
            load.join(clients)
            if step == "before the copy":
                shutil.copytree(state, copy)
            elif step == "behind it":
                shutil.rmtree(state)
                shutil.move(copy, state)
            installation.launch_agent()
            installation.wait_for_entry(load.way())
            if step == "behind it":
                # Sessions end when the agent finds out; those it had opened by then are kept.
                clients = some_load(installation, load, generator)
                wait_for(lambda: epochs(installation) > before, "a new epoch")
                before = epochs(installation)
                installation.wait_for_entry(load.way())
                installation.stop_agent()
                load.join(clients)
                installation.launch_agent()
                installation.wait_for_entry(load.way())
    good = load.tally("restored record folder", f", {before} epochs")
    return tally.expect_sound(installation, "after restoring") and good


def cloned(installation, generator, rounds):
    """A copy of the agent's folders is served on another port while the first goes on."""
    del rounds
    load = tally.Load(installation, generator)
    state = installation.scratch.folder / "agent"
    clone = installation.scratch.folder / "agent.clone"
    clients = some_load(installation, load, generator)
    installation.stop_agent()
    load.join(clients)
    shutil.copytree(state, clone)
    installation.launch_agent()
    installation.wait_for_entry(load.way())
    clients = some_load(installation, load, generator)
    start = time.monotonic()
    port = servers.free_port()
    log = installation.scratch.folder / "clone.log"
    process = installation.scratch.start(
        [installation.binaries / "sallyport-agent", "serve", "--state", clone, "--listen",
         f"127.0.0.1:{port}", "--allow-plaintext-loopback", "--log-level", "warning"], log)
    try:
        servers.wait_for_port(port, "the clone", log)
        quarantined = (
            "select quarantine_reason from sallyport.agent where quarantined_at is not null")
        wait_for(
            lambda: installation.store.sql(quarantined, "sallyport").strip(), "the quarantine")
        reason = installation.store.sql(quarantined, "sallyport").strip()
        print(
            f"cloned agent: quarantined {time.monotonic() - start:.1f} s after the clone began to"
            f" serve: {reason}", flush=True)
    finally:
        installation.scratch.stop(process)
        installation.stop_agent()
        load.join(clients)
    return True


def wait_for(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise servers.Failure(f"{what} did not come within {seconds} s")
        time.sleep(0.2)


def rewound(installation, generator, rounds):
    """The control plane's database comes back as it was some work ago."""
    load = tally.Load(installation, generator)
    dump = installation.scratch.own_folder("dump")
    environment = {**servers.os.environ, "PGPASSWORD": installation.store.password}
    where = ["-h", "127.0.0.1", "-p", installation.store.port, "-U", "postgres"]
    for number in range(rounds):
        file = dump / f"{number}.dump"
        clients = some_load(installation, load, generator)
        installation.scratch.run(
            ["pg_dump", *where, "-Fc", "-f", file, "sallyport"], env=environment)
        time.sleep(generator.uniform(0.3, 0.8))
        installation.stop_control()
        time.sleep(generator.uniform(0, 0.5))
        installation.store.sql("drop database sallyport with (force);\n"
                               "create database sallyport owner sallyport;")
        installation.scratch.run(
            ["pg_restore", *where, "-d", "sallyport", file], env=environment)
        installation.start_control_again()
        time.sleep(generator.uniform(0.3, 0.8))
        installation.stop_agent()
        load.join(clients)
        installation.launch_agent()
        installation.wait_for_entry(load.way())
    good = load.tally("control plane restored from a backup")
    return tally.expect_sound(installation, "after the restore") and good

