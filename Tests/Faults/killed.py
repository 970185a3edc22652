"""The agent is killed at random instants under load."""

import time

import tally


def run(installation, generator, rounds):
    load = tally.Load(installation, generator)
    for _ in range(rounds):
        clients = load.start()
        time.sleep(generator.uniform(0.01, 0.3))
        installation.kill_agent()
        load.join(clients)
        installation.launch_agent()
    installation.wait_for_entry(load.way())
    good = load.tally("kill -9 of the agent")
    return tally.expect_sound(installation, "after kills") and good
