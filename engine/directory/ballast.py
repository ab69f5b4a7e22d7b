"""The ballast is a file of a few MiB that is deleted when the disk is full, so that Abort and Delete can still commit."""

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
        """Run a step that frees space; if the disk is full, delete the ballast and run the step again."""
        try:
            return step()
        except (StoreFull, CommitUnknown):
            if not self.drop():
                raise
            return step()

    def drop(self) -> bool:
        """Delete the ballast; return False if there was none."""
        try:
            os.unlink(self._path)
        except OSError:
            return False
        return True

    def restore(self) -> None:
        """Create the ballast again, if there is much free space; failures are ignored."""
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
        """Tell whether the ballast has its full size; a kill during its creation, or a full disk, leaves a smaller one."""
        try:
            return os.stat(self._path).st_size >= BALLAST_SIZE
        except OSError:
            return False
