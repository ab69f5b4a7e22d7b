"""Leases: readers of an object hold one so that its blobs outlive its deletion until they are done, in any process.

A lease is a shared open-file-description lock on one byte of a common file, at a position drawn from the object's manifest id. The
kernel drops it when the holder closes its descriptor or dies. Two ids that meet on a byte only delay a removal.

Two more bytes are there for backups. Whoever removes files of trash has one of them locked meanwhile, and looks at the other first; a
backup locks that other one, and waits until nobody has the first.
"""

import contextlib
import errno
import fcntl
import os
import struct
import time
import weakref
from collections.abc import Iterator
from io import FileIO

from engine.errors import InternalError, StoreInUse

LEASE_FILE = "leases"
REMOVAL_WAIT_S_MAX = 60.0
REMOVAL_POLL_S = 0.002
_REMOVAL_LOCK_ID = b"\xff" * 7 + b"\xfb"
_BACKUP_LOCK_ID = b"\xff" * 7 + b"\xf7"
"""No manifest has these ids."""
_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid


def _flock(kind: int, lease_id: bytes) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, int.from_bytes(lease_id[:8], "big") >> 2, 1, 0)


def _lock(fd: int, kind: int, lease_id: bytes) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(kind, lease_id))
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _is_locked(fd: int, lease_id: bytes) -> bool:
    """Whether anybody else has a lock on it, shared or not."""
    found: bytes = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, lease_id))
    return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)


class Lease:
    """A reader's hold on one manifest; `close` ends it, and so does dropping it: who was interrupted before `close` holds nothing."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def close(self) -> None:
        """End the lease; again is harmless."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close


class Leases:
    """The leases of one store."""

    __slots__ = ("_path",)

    def __init__(self, root: str) -> None:
        self._path = os.path.join(root, LEASE_FILE)

    def hold(self, lease_id: bytes) -> Lease | None:
        """Take a shared lease; None if a collector is removing these very blobs at this instant.

        Raises:
            InternalError: the system refused.
        """
        return self._take(os.O_RDONLY, fcntl.F_RDLCK, lease_id)

    def exclude(self, lease_id: bytes) -> Lease | None:
        """Take the lease alone, as the collector does; None while a reader holds it.

        Raises:
            InternalError: the system refused.
        """
        return self._take(os.O_RDWR, fcntl.F_WRLCK, lease_id)

    @contextlib.contextmanager
    def removing(self) -> Iterator[bool]:
        """Tell everybody that files of trash are about to be removed; whether they may be, until the `with` is left.

        Raises:
            InternalError: the system refused.
        """
        with self._opened() as file, _shared(file, _REMOVAL_LOCK_ID):
            yield not _is_locked(file.fileno(), _BACKUP_LOCK_ID)

    @contextlib.contextmanager
    def holding_off_removal(self) -> Iterator[None]:
        """Keep the files of trash in every process until the `with` is left; entered once no removal is under way.

        Several may do so at once. It ends with the process, however that ends, and a process forked meanwhile has no part in it.

        Raises:
            StoreInUse: a removal that was under way does not end.
            InternalError: the system refused.
        """
        with self._opened() as file:
            _backup_files.add(file)
            with _shared(file, _BACKUP_LOCK_ID):
                self._await_removals(file.fileno())
                yield

    def _await_removals(self, fd: int) -> None:
        deadline_s = time.monotonic() + REMOVAL_WAIT_S_MAX
        while _is_locked(fd, _REMOVAL_LOCK_ID):
            if time.monotonic() > deadline_s:
                raise StoreInUse(
                    f"{self._path}: files have been under removal for {REMOVAL_WAIT_S_MAX:.0f} s; try again later"
                )
            time.sleep(REMOVAL_POLL_S)

    def _opened(self) -> FileIO:
        """The common file, as something that closes itself wherever an interruption strikes."""
        try:
            return FileIO(self._path, opener=lambda path, _: os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        except OSError as error:
            raise _failure(error) from error

    def _take(self, mode: int, kind: int, lease_id: bytes) -> Lease | None:
        try:
            lease = Lease(os.open(self._path, mode | os.O_CLOEXEC | os.O_NOFOLLOW))
            try:
                if _lock(lease._fd, kind, lease_id):
                    return lease
            except BaseException:
                lease.close()
                raise
        except OSError as error:
            raise _failure(error) from error
        lease.close()
        return None


def _failure(error: OSError) -> InternalError:
    return InternalError(reason=f"{os.strerror(error.errno or 0)}, while taking a lease")


@contextlib.contextmanager
def _shared(file: FileIO, lease_id: bytes) -> Iterator[None]:
    """Hold a lock that nobody excludes. It is dropped before the file is closed: a child forked meanwhile has that open too."""
    maker = os.getpid()
    try:
        _lock(file.fileno(), fcntl.F_RDLCK, lease_id)
    except OSError as error:
        raise _failure(error) from error
    try:
        yield
    finally:
        if maker == os.getpid():
            _lock(file.fileno(), fcntl.F_UNLCK, lease_id)


_backup_files: weakref.WeakSet[FileIO] = weakref.WeakSet()  # state of the module, for the fork hook alone


def _close_in_child() -> None:
    for file in list(_backup_files):
        file.close()


os.register_at_fork(after_in_child=_close_in_child)
