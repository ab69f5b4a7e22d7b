"""What is left of a body when the answer is there: it is read and dropped, so that a client that writes all before it reads gets the
answer. To close a connection with bytes unread resets it, and the reset destroys an answer that was sent.

The answer goes out first, for clients that read meanwhile and then stop sending. All of it has bounds, within which nginx's
`lingering_close` has worked for years; who sends more is cut off. A client that waits for `100 Continue` is not asked to go on.

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
"""How long a client may send nothing meanwhile."""
STRANGERS_MAX = 2
"""How many threads of a process those may hold whose signature was not found right."""
_READ_SIZE = 1024 * 1024


class Rest(Protocol):
    """A body of which a thread can read the rest."""

    waits_at_most_s: float | None
    """How long one read waits; None: as long as the host lets it."""

    def read(self, size: int, /) -> bytes | memoryview:
        """The next bytes, at most `size`; empty at the end."""

    def is_worth_reading(self, *, expects_continue: bool) -> bool:
        """Whether there is something left, and the client sends it without being asked."""

    def give_up(self) -> None:
        """Tell the host that the body was not read to its end."""


class Strangers(threading.BoundedSemaphore):
    """Room for those whose signature was not found right."""

    def __init__(self) -> None:
        super().__init__(STRANGERS_MAX)


def answer_then_read_on(response: Response, answer: bytes, rest: Rest, strangers: Strangers) -> Iterator[bytes]:
    """The answer, for a host that sends each piece before it asks for the next; then the rest of the body is read and dropped."""
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
    except S3Error:  # it has gone, or gone quiet
        pass
    rest.give_up()
