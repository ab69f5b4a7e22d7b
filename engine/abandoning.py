"""Work that may be abandoned: who runs it says how it is known, and who does it looks between two pieces.

The question belongs to the thread, so that what lies between the two need not pass it on.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

from engine.errors import InternalError

_asked = threading.local()


@contextlib.contextmanager
def asked(is_abandoned: Callable[[], bool]) -> Iterator[None]:
    """Have `refuse_abandoned` ask `is_abandoned` in this thread, within the block."""
    _asked.question = is_abandoned
    try:
        yield
    finally:
        del _asked.question


def refuse_abandoned() -> None:
    """Go on if somebody still waits for the work of this thread.

    Raises:
        InternalError: nobody does.
    """
    question: Callable[[], bool] | None = getattr(_asked, "question", None)
    if question is not None and question():
        raise InternalError(reason="the client has left")
