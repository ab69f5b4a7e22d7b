"""White space that keeps a client waiting for a slow CompleteMultipartUpload or copy, as S3 sends it.

An answer that is ready within the interval is sent as it is, with its own status. After that the status can only be 200: first the XML
declaration is sent, then blanks, then the result or an Error as the root element. The result's headers (x-amz-version-id) are lost.

A copy whose client has left ends with the piece of bytes that it is at, and publishes nothing.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from engine import abandoning
from engine.errors import InternalError, S3Error, SlowDown
from engine.server.exchange import Response

RUNNING_MAX = 64
"""How many run at once in one process. Those whose clients have left count too."""
SHARE_MAX = 32
"""How many one access key may have, those that wait among them."""
LOOK_S = 1.0
"""How often it is looked whether the client is still there."""
OPERATIONS = frozenset({"CompleteMultipartUpload", "CopyObject", "UploadPartCopy"})
"""Operations for which clients expect an Error inside a 200."""
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_log = logging.getLogger("partwright.server")


class Room:
    """Room for slow requests, of which each access key has a share."""

    def __init__(self, running_max: int = RUNNING_MAX, share_max: int = SHARE_MAX) -> None:
        self._running = threading.BoundedSemaphore(running_max)
        self._share_max = share_max
        self._shares: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, access_key: str, wait_s: float) -> None:
        """Take a place, which `leave` gives back.

        Raises:
            SlowDown: the key has its share, or no place became free in time.
        """
        with self._lock:
            if self._shares[access_key] >= self._share_max:
                raise SlowDown(reason="one access key has too many slow requests")
            self._shares[access_key] += 1
        if not self._running.acquire(timeout=wait_s):
            self._forget(access_key)
            raise SlowDown(reason="too many slow requests are running")

    def leave(self, access_key: str) -> None:
        """Give a place back."""
        self._running.release()
        self._forget(access_key)

    def _forget(self, access_key: str) -> None:
        with self._lock:
            self._shares[access_key] -= 1
            if not self._shares[access_key]:
                del self._shares[access_key]


class Task:
    """One slow operation, which runs in a thread of its own while blanks are sent."""

    def __init__(
        self,
        run: Callable[[], Response],
        refuse: Callable[[S3Error], Response],
        has_client_left: Callable[[], bool] = lambda: False,
    ) -> None:
        """Begin with what runs, what makes an error's response, and whether the client has left."""
        self._run = run
        self._refuse = refuse
        self._has_client_left = has_client_left
        self._done = threading.Event()
        self._is_abandoned = False
        self._leave: Callable[[], None] = lambda: None
        self._response: Response | None = None

    def start(self, leave: Callable[[], None]) -> None:
        """Start the thread; at its end it calls `leave`."""
        self._leave = leave
        threading.Thread(target=self._work, name="partwright-slow", daemon=True).start()

    def _work(self) -> None:
        try:
            with abandoning.asked(lambda: self._is_abandoned):
                self._response = self._run()
        except S3Error as error:
            self._response = self._refuse(error)
        except Exception as error:
            _log.exception("a slow request failed")
            self._response = self._refuse(InternalError(reason=type(error).__name__))
        finally:
            self._leave()
            self._done.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; return whether it has come. If the client leaves meanwhile, the operation is abandoned."""
        end_s = time.monotonic() + seconds
        while not self._done.wait(min(LOOK_S, max(0.0, end_s - time.monotonic()))):
            if not self._is_abandoned and self._has_client_left():
                self.abandon()
            if time.monotonic() >= end_s:
                return False
        return True

    def abandon(self) -> None:
        """Let the operation end without a result, if it still can."""
        self._is_abandoned = True

    @property
    def response(self) -> Response:
        """Return the response of an operation that has ended."""
        assert self._response is not None, "a finished task has a response"
        return self._response


def answer_slowly(task: Task, access_key: str, blank_interval_s: float, room: Room) -> Response:
    """Return the response of a task, or after `blank_interval_s` a 200 whose body is blanks and then the response's document.

    Raises:
        SlowDown: there is no room for it within the interval.
    """
    room.enter(access_key, blank_interval_s)
    task.start(lambda: room.leave(access_key))
    if task.wait(blank_interval_s):
        return task.response
    return Response(200, [("Content-Type", "application/xml")], _blanks(task, blank_interval_s))


def _blanks(task: Task, interval_s: float) -> Iterator[bytes]:
    try:
        yield DECLARATION
        while not task.wait(interval_s):
            yield b" "
    except GeneratorExit:  # nobody takes the blanks any more
        task.abandon()
        raise
    body = task.response.body
    assert isinstance(body, bytes), "slow operations answer with a whole document"
    yield body.removeprefix(DECLARATION)
