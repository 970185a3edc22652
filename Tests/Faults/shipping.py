"""Calls of the agents to the control plane are lost, before or after they are carried out."""

import random
import socket
import threading
import time

import rig
import servers
import tally


class FlakyLink(threading.Thread):
    """Passes connections on to one of several ports, and cuts them at random instants."""

    def __init__(self, seed, longest):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.longest = longest
        self.ports = []
        self.cuts = 0
        self.is_flaky = True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.random.choice(self.ports)), 5)
        except OSError:
            return client.close()
        pair = (client, server)
        for source, sink in (pair, pair[::-1]):
            threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()
        while self.is_flaky:
            # One direction first: a call arrives whose answer does not, or the other way round.
            time.sleep(self.random.uniform(0.05, self.longest))
            if not self.is_flaky:
                break
            self.cuts += 1
            first = self.random.choice(pair)
            for end in (first, *pair):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            break
        return None

    @staticmethod
    def carry(source, sink):
        try:
            while chunk := source.recv(65536):
                sink.sendall(chunk)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Fleet(rig.Installation):
    """Several control planes on one database, which the agent reaches through a flaky link."""

    def __init__(self, scratch, binaries, seed, replicas=3):
        self.replicas = replicas
        self.link = FlakyLink(seed, longest=1.0)
        self.link.is_flaky = False
        self.link.start()
        super().__init__(scratch, binaries)
        self.link.is_flaky = True

    def start_control(self, password):
        first = None
        for number in range(self.replicas):
            api, link = self.launch_control(password, number)
            self.link.ports.append(link)
            first = first or api
        self.api_port = first

    def launch_control(self, password, number):
        api, link = servers.free_port(), servers.free_port()
        self.bootstrap = self.scratch.folder / "bootstrap"
        log = self.scratch.folder / f"control{number}.log"
        options = ["--bootstrap-token-file", self.bootstrap] if number == 0 else []
        process = self.scratch.start(
            [self.binaries / "sallyport-control", "serve",
             "--database", f"postgresql://sallyport@127.0.0.1:{self.store.port}/sallyport",
             "--listen", f"127.0.0.1:{api}", "--link-listen", f"127.0.0.1:{link}",
             "--public-url", f"https://127.0.0.1:{api}",
             "--link-address", f"127.0.0.1:{self.link.port}", "--names", "localhost,127.0.0.1",
             "--organisation", "bench", "--key-file", self.scratch.folder / "control.key",
             *options], log, env={**servers.os.environ, "PGPASSWORD": password})
        servers.wait_for_port(api, "a control plane", log)
        if number == 0:
            self.control = process
            deadline = time.monotonic() + 30
            while not self.bootstrap.exists() or not self.bootstrap.stat().st_size:
                if time.monotonic() > deadline:
                    raise servers.Failure(f"no bootstrap token was written:\n{servers.tail(log)}")
                time.sleep(0.05)
        return api, link


def run(installation, generator, rounds):
    load = tally.Load(installation, generator)
    for _ in range(rounds):
        clients = load.start()
        time.sleep(generator.uniform(1, 2))
        installation.stop_agent()
        load.join(clients)
        installation.launch_agent()
    installation.wait_for_entry(load.way())
    cuts = installation.link.cuts
    installation.link.is_flaky = False
    good = load.tally(
        f"lost calls, {installation.replicas} control planes", f", {cuts} links cut")
    return tally.expect_sound(installation, "after lost calls") and good
