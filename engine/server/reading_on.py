"""The rest of a body is read and dropped after an early answer, so that a client that sends everything before it reads gets the answer.
Closing a connection with unread bytes resets it, and the reset destroys an answer that was sent.

The answer is sent first, for clients that read while they send, and stop sending. Size and time are bounded, as in nginx's
`lingering_close`; a client that sends more is cut off. A client that waits for `100 Continue` does not get it.

Source: RFC 9112 section 9.6.
"""

import threading
import time
from collections.abc import Iterator
from typing import Protocol

from engine.errors import S3Error
from engine.server.exchange import Response

READ_ON_SIZE_MAX = 64 * 1024 * 1024
READ_ON_S_MAX = 30.0
READ_ON_IDLE_S_MAX = 5.0
"""How long a client may send nothing while the rest is read."""
STRANGERS_MAX = 2
"""How many threads of a process may read on at once for clients whose signature was not verified."""
_READ_SIZE = 1024 * 1024


class Rest(Protocol):
    """A body whose rest a thread can read."""

    waits_at_most_s: float | None
    """How long one read waits; None: the host decides."""

    def read(self, size: int, /) -> bytes | memoryview:
        """Return the next bytes, at most `size`; empty at the end."""

    def is_worth_reading(self, *, expects_continue: bool) -> bool:
        """Tell whether there is a rest that the client sends without waiting for `100 Continue`."""

    def give_up(self) -> None:
        """Tell the host that the body was not read to its end."""


class Strangers(threading.BoundedSemaphore):
    """Bounds how many requests without a verified signature are read on at once."""

    def __init__(self) -> None:
        super().__init__(STRANGERS_MAX)


def answer_then_read_on(response: Response, answer: bytes, rest: Rest, strangers: Strangers) -> Iterator[bytes]:
    """Yield the answer, and then read and drop the rest of the body. The host sends each piece before it takes the next."""
    if answer:
        yield answer
    if response.is_proven:
        _read_on(rest)
    elif rest.waits_at_most_s is not None and strangers.acquire(blocking=False):
        try:
            _read_on(rest)
        finally:
            strangers.release()
    else:
        rest.give_up()


def _read_on(rest: Rest) -> None:
    end_s, left = time.monotonic() + READ_ON_S_MAX, READ_ON_SIZE_MAX
    if rest.waits_at_most_s is not None:
        rest.waits_at_most_s = min(rest.waits_at_most_s, READ_ON_IDLE_S_MAX)
    try:
        while left and time.monotonic() < end_s:
            piece = rest.read(min(left, _READ_SIZE))
            if not piece:
                return
            left -= len(piece)
    except S3Error:  # the client went away, or sends nothing
        pass
    rest.give_up()
