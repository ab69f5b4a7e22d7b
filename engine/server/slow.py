"""White space that keeps a client waiting for a slow CompleteMultipartUpload, as S3 sends it.

An answer within FIRST_BLANK_S goes out as it is, with its own status. After that the status can only be 200: the XML declaration
goes out first, then blanks, then the result or an Error as the root element.
"""

import threading
from collections.abc import Callable, Iterator

from engine.errors import InternalError, S3Error
from engine.server.exchange import Response

FIRST_BLANK_S = 10.0
BLANK_INTERVAL_S = 10.0
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


class _Task:
    """The operation in a thread of its own, so that blanks can go out meanwhile."""

    def __init__(self, run: Callable[[], Response], refuse: Callable[[S3Error], Response]) -> None:
        self._run = run
        self._refuse = refuse
        self._done = threading.Event()
        self.response: Response | None = None
        threading.Thread(target=self._work, name="partwright-complete", daemon=True).start()

    def _work(self) -> None:
        try:
            self.response = self._run()
        except S3Error as error:
            self.response = self._refuse(error)
        except Exception as error:
            self.response = self._refuse(InternalError(reason=type(error).__name__))
        finally:
            self._done.set()

    def wait(self, timeout_s: float) -> bool:
        return self._done.wait(timeout_s)


def answer_slowly(
    run: Callable[[], Response], refuse: Callable[[S3Error], Response], first_blank_s: float = FIRST_BLANK_S
) -> Response:
    """The response of `run`, or, if it takes long, a 200 that begins now and ends with it."""
    task = _Task(run, refuse)
    if task.wait(first_blank_s):
        assert task.response is not None, "a finished task has a response"
        return task.response
    return Response(200, [("Content-Type", "application/xml")], _blanks(task))


def _blanks(task: _Task) -> Iterator[bytes]:
    yield DECLARATION
    while not task.wait(BLANK_INTERVAL_S):
        yield b" "
    assert task.response is not None
    assert isinstance(task.response.body, bytes), "Complete answers with a whole document"
    yield task.response.body.removeprefix(DECLARATION)
