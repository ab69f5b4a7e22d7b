"""White space that keeps a client waiting for a slow Complete or copy, as S3 sends it.

An answer within the interval of the blanks goes out as it is, with its own status. After that the status can only be 200: the XML
declaration goes out first, then blanks, then the result or an Error as the root element. What the result would say in headers
(x-amz-version-id) remains unsaid then.
"""

import logging
import threading
from collections.abc import Callable, Iterator

from engine.errors import InternalError, S3Error, SlowDown
from engine.server.exchange import Response

RUNNING_MAX = 64
"""At once in one process, those whose clients have left among them."""
OPERATIONS = frozenset({"CompleteMultipartUpload", "CopyObject", "UploadPartCopy"})
"""Those whose errors clients look for inside a 200 too."""
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_log = logging.getLogger("partwright.server")


class _Task:
    """The operation in a thread of its own, so that blanks can go out meanwhile; it goes on when the client has left."""

    def __init__(
        self, run: Callable[[], Response], refuse: Callable[[S3Error], Response], room: threading.Semaphore
    ) -> None:
        self._room = room
        self._run = run
        self._refuse = refuse
        self._done = threading.Event()
        self.response: Response | None = None
        threading.Thread(target=self._work, name="partwright-slow", daemon=True).start()

    def _work(self) -> None:
        try:
            self.response = self._run()
        except S3Error as error:
            self.response = self._refuse(error)
        except Exception as error:
            _log.exception("a slow request failed")
            self.response = self._refuse(InternalError(reason=type(error).__name__))
        finally:
            self._room.release()
            self._done.set()

    def wait(self, timeout_s: float) -> bool:
        return self._done.wait(timeout_s)


def answer_slowly(
    run: Callable[[], Response],
    refuse: Callable[[S3Error], Response],
    blank_interval_s: float,
    room: threading.Semaphore,
) -> Response:
    """The response of `run`, or, if it takes long, a 200 that begins now and ends with it; `room` bounds how many run at once.

    Raises:
        SlowDown: there is no room for the time of an interval.
    """
    if not room.acquire(timeout=blank_interval_s):
        raise SlowDown(reason="too many slow requests are running")
    task = _Task(run, refuse, room)
    if task.wait(blank_interval_s):
        assert task.response is not None, "a finished task has a response"
        return task.response
    return Response(200, [("Content-Type", "application/xml")], _blanks(task, blank_interval_s))


def _blanks(task: _Task, interval_s: float) -> Iterator[bytes]:
    yield DECLARATION
    while not task.wait(interval_s):
        yield b" "
    assert task.response is not None
    assert isinstance(task.response.body, bytes), "slow operations answer with a whole document"
    yield task.response.body.removeprefix(DECLARATION)
