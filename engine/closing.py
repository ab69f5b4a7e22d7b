"""What a handle has in common with a file: it is closed once, and may stand in a `with`; and what keeps two threads from using one."""

import contextlib
from collections.abc import Callable
from typing import Any, Self


class Closing:
    """Base of handles; leaving the `with` closes."""

    __slots__ = ()

    def close(self) -> None:
        """Release what is held; again is harmless."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Claim:
    """A C handle that one thread uses at a time: who uses it has it, and nobody else.

    So an exception at whatever instruction leaves nothing held: the handle is dropped with its user's frame, and the owner can be
    closed as ever. There is no lock that could stay taken.
    """

    __slots__ = ("_free", "_is_closed", "_place", "_what")

    def __init__(self, handle: Any, what: str, free: Callable[[Any], object]) -> None:
        """Take over a handle that frees itself when it is dropped; `free` does so at once."""
        self._place = [handle]
        self._is_closed = False
        self._what = what
        self._free = free

    def take(self) -> Any:
        """The handle, to be given back.

        Raises: RuntimeError, it is in use, or its use was interrupted; ValueError, closed
        """
        try:
            return self._place.pop()
        except IndexError:
            if self._is_closed:
                raise ValueError(f"the {self._what} is closed") from None
            raise RuntimeError(f"the {self._what} is in use by another thread, or was interrupted") from None

    def give_back(self, handle: Any) -> None:
        """End the use; once it is closed, this frees the handle."""
        self._place.append(handle)
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Free the handle, now or when its user gives it back; again is harmless."""
        self._is_closed = True
        with contextlib.suppress(IndexError):
            self._free(self._place.pop())
