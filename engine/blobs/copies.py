"""Copies blob files into another directory for a backup: each is hard-linked there, or, on another file system, copied.

A blob never changes, so a link serves as a copy, while the disk stores the bytes once.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator

from engine.blobs.paths import SHARDS, path_below
from engine.durable import sync_directory

Advance = Callable[[int], None]
UNSYNCED_MAX = 64
PIECE_SIZE = 8 * 1024 * 1024
_OTHER_FILE_SYSTEM = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP)
_TOO_MANY_NAMES = errno.EMLINK
_NO_COPY_FILE_RANGE = (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


class FileCopies:
    """Copies of blob files from one directory in another; see `engine.blobs.BlobCopies`."""

    __slots__ = (
        "_advance",
        "_from",
        "_into",
        "_may_link",
        "_unsynced",
        "copied_bytes",
        "copied_files",
        "linked_bytes",
        "linked_files",
    )

    def __init__(self, source: str, target: str, advance: Advance) -> None:
        """Make the target with its shards; `advance` is called with each count of bytes done.

        Raises:
            OSError: the disk failed.
        """
        self._from = source
        self._into = target
        self._advance = advance
        self._may_link = True
        self._unsynced: list[int] = []
        self.linked_files = self.linked_bytes = self.copied_files = self.copied_bytes = 0
        os.mkdir(target, mode=0o700)
        for shard in SHARDS:
            os.mkdir(os.path.join(target, shard), mode=0o700)

    def take(self, blob_id: bytes) -> bool:
        source, target = path_below(self._from, blob_id), path_below(self._into, blob_id)
        try:
            if not (self._may_link and self._link(source, target)):
                self._copy(source, target)
        except FileNotFoundError:
            if os.path.lexists(source):
                raise
            return False
        return True

    def _link(self, source: str, target: str) -> bool:
        """Link a file; return False if it must be copied instead."""
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno in _OTHER_FILE_SYSTEM:
                self._may_link = False
            elif error.errno != _TOO_MANY_NAMES:
                raise
            return False
        size = os.stat(target).st_size
        self.linked_files += 1
        self.linked_bytes += size
        self._advance(size)
        return True

    def _copy(self, source: str, target: str) -> None:
        with opened(source, os.O_RDONLY) as fd:
            copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._unsynced.append(copy)
            size, done = os.fstat(fd).st_size, 0
            for count in _copied(fd, copy):
                done += count
                self._advance(count)
        if done != size:
            raise OSError(errno.EIO, "the file ends too early", source)
        self.copied_files += 1
        self.copied_bytes += size
        if len(self._unsynced) >= UNSYNCED_MAX:
            self._sync_files()

    def _sync_files(self) -> None:
        """Sync and close the copied files, many at a time, since one commit of the file system's journal serves them all."""
        for fd in self._unsynced:
            os.fsync(fd)
        self.close()

    def sync(self) -> None:
        self._sync_files()
        for shard in SHARDS:
            sync_directory(os.path.join(self._into, shard))
        sync_directory(self._into)

    def close(self) -> None:
        while self._unsynced:
            os.close(self._unsynced.pop())


@contextlib.contextmanager
def opened(path: str, flags: int) -> Iterator[int]:
    """Open a file for a `with`; yield its descriptor."""
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def _copied(source: int, target: int) -> Iterator[int]:
    """Copy a file inside the kernel, from both descriptors' positions on; yield each piece's count of bytes."""
    copy: Callable[[int, int, int], int] = os.copy_file_range
    while True:
        try:
            count = copy(source, target, PIECE_SIZE)
        except OSError as error:
            if copy is _send or error.errno not in _NO_COPY_FILE_RANGE:
                raise
            copy = _send
            continue
        if not count:
            return
        yield count


def _send(source: int, target: int, count: int) -> int:
    return os.sendfile(target, source, None, count)


def copy_file(source: str, target: str) -> None:
    """Make a durable copy of one file with mode 0600, inside the kernel.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: the target exists, or the disk failed.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with opened(source, os.O_RDONLY) as read, opened(target, flags) as written:
        for _ in _copied(read, written):
            continue
        os.fsync(written)
