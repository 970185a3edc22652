"""Plays bytes over several connections at once and reads what each answers."""

import select
import socket
import ssl
import time

# How many pieces one leg is given before the other gets its turn.
PIECES_IN_A_ROW = 24
# How a session ended where the last answers can be lost on the way.
RESET = "closed by a reset"
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Leg:
    """One connection, either side: what is still to be sent on it and what it has answered."""

    def __init__(self, name, peer):
        self.name = name
        self.peer = peer
        self.is_secure = isinstance(peer, ssl.SSLSocket)
        self.descriptor = peer.fileno()
        peer.setblocking(False)
        self.received = bytearray()
        self.closed = None
        self.begin((), None)

    def begin(self, pieces, marker):
        self.received = bytearray()
        self.pieces, self.position = pieces, 0
        self.sending = b""
        self.next_send = 0.0
        self.marker = marker

    @property
    def has_more(self):
        return bool(self.sending) or self.position < len(self.pieces)

    @property
    def is_done(self):
        """It closed, or answered all of it, of which the marker comes last."""
        return self.closed is not None or (
            self.marker is not None and not self.has_more and self.received.endswith(self.marker))

    def send(self, now):
        """Sends some pieces; gives whether the peer must take some first."""
        for _ in range(PIECES_IN_A_ROW):
            if not self.sending:
                if self.position == len(self.pieces):
                    return False
                pause, self.sending = self.pieces[self.position]
                self.position += 1
                if pause:
                    self.next_send = now + pause
                    return False
            try:
                sent = self.peer.send(self.sending)
                self.sending = b"" if sent == len(self.sending) else self.sending[sent:]
            except WOULD_BLOCK:
                return True
            except OSError:
                # What the peer said before it closed can still be read.
                self.sending, self.position = b"", len(self.pieces)
                return False
        return False

    def read(self):
        while self.closed is None:
            try:
                chunk = self.peer.recv(262144)
            except WOULD_BLOCK:
                return
            except OSError:
                self.closed = RESET
                return
            if not chunk:
                self.closed = "closed"
                return
            self.received += chunk
            if not self.is_secure and len(chunk) < 262144:
                # The next poll tells whether there is more.
                return

    def end_sending(self):
        """Half-closes, which TLS sockets cannot: these are closed."""
        if self.closed is None:
            try:
                if not self.is_secure:
                    return self.peer.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            self.close()

    def close(self):
        self.closed = self.closed or "closed by the client"
        self.peer.close()


def exchange(legs, pieces, marker, patience):
    """Sends the pieces over every leg; ends where each gave `marker` last, or has closed.

    `pieces` are (pause before it in seconds, bytes). Without a marker only the close is an end.
    Gives False where no leg had anything to say for `patience` seconds.
    """
    poll = select.poll()
    for leg in legs:
        leg.begin(pieces, marker)
        if leg.closed is None:
            poll.register(leg.descriptor, select.POLLIN)
    by_descriptor = {leg.descriptor: leg for leg in legs}
    now = last_change = time.monotonic()
    waiting = [leg for leg in legs if not leg.is_done]
    while waiting:
        if now - last_change > patience:
            return False
        timeout = 500.0
        for leg in waiting:
            blocked = False
            if leg.has_more:
                if leg.next_send <= now:
                    blocked = leg.send(now)
                    last_change = now
                if leg.has_more and not blocked:
                    timeout = min(timeout, max(0.0, (leg.next_send - now) * 1000))
            poll.modify(leg.descriptor, select.POLLIN | (select.POLLOUT if blocked else 0))
        for descriptor, events in poll.poll(timeout):
            leg = by_descriptor[descriptor]
            if events & ~select.POLLOUT:
                leg.read()
                last_change = time.monotonic()
                if leg.closed:
                    poll.unregister(descriptor)
        waiting = [leg for leg in waiting if not leg.is_done]
        now = time.monotonic()
    return True
