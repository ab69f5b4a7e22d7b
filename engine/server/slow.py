"""White space that keeps a client waiting for a slow CompleteMultipartUpload or copy, as S3 sends it.

An answer that is ready within the interval is sent as it is, with its own status. After that the status can only be 200: first the XML
declaration is sent, then blanks, then the result or an Error as the root element. The result's headers (x-amz-version-id) are lost.
"""

import logging
import threading
from collections.abc import Callable, Iterator

from engine.errors import InternalError, S3Error, SlowDown
from engine.server.exchange import Response

RUNNING_MAX = 64
"""How many run at once in one process. Those whose clients have left count too."""
OPERATIONS = frozenset({"CompleteMultipartUpload", "CopyObject", "UploadPartCopy"})
"""Operations for which clients expect an Error inside a 200."""
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_log = logging.getLogger("partwright.server")


class _Task:
    """Runs the operation in a thread of its own while blanks are sent. It goes on when the client has left."""

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
    """Return the response of `run`, or after `blank_interval_s` a 200 whose body is blanks and then the response's document.

    `room` bounds how many run at once.

    Raises:
        SlowDown: no room became free within the interval.
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
