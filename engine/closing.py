"""What a handle has in common with a file: it is closed once, and may stand in a `with`."""

from typing import Self


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
