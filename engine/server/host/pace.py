"""The least rate at which a client must send its body, so that those who trickle do not keep the threads of those who send."""

import fcntl
import struct
import termios
import threading
import time

from engine.server.host.body import GRACE_S, RATE_MIN, HostBody

CROWDED_GRACE_S = 5.0
"""The grace period while other requests wait for a thread."""


class _Mark:
    """When a body was last fast enough, and how many bytes its connection had received then."""

    __slots__ = ("received", "since_s")

    def __init__(self, received: int) -> None:
        self.received = received
        self.since_s = time.monotonic()


class Paces:
    """The bodies that threads wait for."""

    def __init__(self) -> None:
        self._marks: dict[HostBody, _Mark] = {}
        self._lock = threading.Lock()

    def begin(self, body: HostBody) -> None:
        mark = _Mark(body.transport.bytes_received())
        with self._lock:
            self._marks[body] = mark

    def end(self, body: HostBody) -> None:
        with self._lock:
            self._marks.pop(body, None)

    def judge(self, is_crowded: bool) -> None:
        """Give up the bodies whose clients were too slow for the grace period."""
        grace_s, now_s = CROWDED_GRACE_S if is_crowded else GRACE_S, time.monotonic()
        with self._lock:
            for body, mark in self._marks.items():
                if now_s - mark.since_s >= grace_s:
                    self._judge(body, mark, now_s)

    def _judge(self, body: HostBody, mark: _Mark, now_s: float) -> None:
        received = body.transport.bytes_received()
        if received - mark.received >= RATE_MIN * (now_s - mark.since_s) or _unread(body.transport.fileno()):
            mark.received, mark.since_s = received, now_s
        else:
            body.give_up()


def _unread(descriptor: int) -> int:
    """Return how many bytes wait to be read: if some do, the client is not what is waited for."""
    count = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    return int(struct.unpack("i", count)[0])
