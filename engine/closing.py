"""Bases of handles: `Closing`, for use in a `with` as with a file, and `Claim`, which keeps two threads from using one at once."""

import contextlib
from collections.abc import Callable
from typing import Any, Self


class Closing:
    """The base of handles. Leaving the `with` closes the handle."""

    __slots__ = ()

    def close(self) -> None:
        """Release the handle's resources. Closing twice is allowed."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Claim:
    """A C handle that one thread uses at a time: `take` moves it out, so that nobody else can take it until `give_back`.

    So an exception at whatever instruction leaves nothing locked: the handle is dropped with its user's frame, and the owner can
    still be closed. There is no lock that could stay taken.
    """

    __slots__ = ("_free", "_is_closed", "_owner", "_slot")

    def __init__(self, handle: Any, owner: str, free: Callable[[Any], object]) -> None:
        """Take over a handle that frees itself when it is dropped; `free` frees it at once. `owner` names it in errors."""
        self._slot = [handle]
        self._is_closed = False
        self._owner = owner
        self._free = free

    def take(self) -> Any:
        """Return the handle, which must be given back.

        Raises:
            RuntimeError: it is in use, or its use was interrupted.
            ValueError: it is closed.
        """
        try:
            return self._slot.pop()
        except IndexError:
            if self._is_closed:
                raise ValueError(f"the {self._owner} is closed") from None
            raise RuntimeError(f"the {self._owner} is in use by another thread, or was interrupted") from None

    def give_back(self, handle: Any) -> None:
        """End the use. If the claim was closed meanwhile, free the handle."""
        self._slot.append(handle)
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Free the handle, now or when its user gives it back. Closing twice is allowed."""
        self._is_closed = True
        with contextlib.suppress(IndexError):
            self._free(self._slot.pop())
