"""A file of a few MiB that only takes up room: dropped when the disk is full, so that Abort and Delete can still commit."""

import contextlib
import os
from collections.abc import Callable
from typing import TypeVar

from engine.errors import CommitUnknown, StoreFull

Result = TypeVar("Result")
BALLAST_FILE = "ballast"
BALLAST_SIZE = 8 * 1024 * 1024
FREE_BYTES_TO_RESTORE = 8 * BALLAST_SIZE


class Ballast:
    """The ballast of one store."""

    __slots__ = ("_path",)

    def __init__(self, root: str) -> None:
        self._path = os.path.join(root, BALLAST_FILE)

    def freeing(self, step: Callable[[], Result]) -> Result:
        """Run a step that frees room; on a full disk once more, with the ballast dropped."""
        try:
            return step()
        except (StoreFull, CommitUnknown):
            if not self.drop():
                raise
            return step()

    def drop(self) -> bool:
        """Give the room free; False if there was no ballast."""
        try:
            os.unlink(self._path)
        except OSError:
            return False
        return True

    def restore(self) -> None:
        """Take the room again, if there is plenty; a disk that refuses is no error."""
        with contextlib.suppress(OSError):
            status = os.statvfs(os.path.dirname(self._path))
            if self._is_whole() or status.f_bavail * status.f_frsize < FREE_BYTES_TO_RESTORE:
                return
            fd = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.posix_fallocate(fd, 0, BALLAST_SIZE)
            finally:
                os.close(fd)

    def _is_whole(self) -> bool:
        """A kill between its creation and its growth, or a full disk, leaves a smaller one."""
        try:
            return os.stat(self._path).st_size >= BALLAST_SIZE
        except OSError:
            return False
