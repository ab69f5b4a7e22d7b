"""Each reader of an object holds a lease, in any process, so that the object's blobs outlive a deletion until the reader has ended.

A lease is a shared open-file-description lock on one byte of a common file, at an offset derived from the object's manifest id. The
kernel drops it when the holder closes its descriptor or dies. If two ids share a byte, a removal is only delayed.

Two more bytes serve backups. A process that removes files of trash first locks one of them, and then checks the other. A backup
locks that other one, and then waits until nobody has locked the first.
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
"""No manifest has one of these two ids."""
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
    """Tell whether anybody else has locked the byte of an id, shared or not."""
    found: bytes = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, lease_id))
    return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)


class Lease:
    """A lease of one manifest. It ends when it is closed, or dropped, as after an interruption before `close`."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def close(self) -> None:
        """End the lease; closing twice is harmless."""
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
        """Take a shared lease; return None if the blobs are being removed at this moment.

        Raises:
            InternalError: a system call failed.
        """
        return self._take(os.O_RDONLY, fcntl.F_RDLCK, lease_id)

    def exclude(self, lease_id: bytes) -> Lease | None:
        """Take the lease exclusively, to remove the blobs; return None while a reader holds it.

        Raises:
            InternalError: a system call failed.
        """
        return self._take(os.O_RDWR, fcntl.F_WRLCK, lease_id)

    @contextlib.contextmanager
    def removing(self) -> Iterator[bool]:
        """Announce, until the `with` block ends, that files of trash are removed; the value is False if a backup forbids it.

        Raises:
            InternalError: a system call failed.
        """
        with self._opened() as file, _shared(file, _REMOVAL_LOCK_ID):
            yield not _is_locked(file.fileno(), _BACKUP_LOCK_ID)

    @contextlib.contextmanager
    def holding_off_removal(self) -> Iterator[None]:
        """Forbid every process to remove files of trash until the `with` block ends, which begins when no removal is running.

        Several backups may do so at once. It ends when the process ends or is killed; a process forked meanwhile does not inherit it.

        Raises:
            StoreInUse: a running removal did not end in REMOVAL_WAIT_S_MAX.
            InternalError: a system call failed.
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
        """Open the common file as an object that closes itself when dropped, wherever an interruption comes."""
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
    """Hold a shared lock. It is unlocked before the file is closed, since a child forked meanwhile has the file open, too."""
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


_backup_files: weakref.WeakSet[FileIO] = weakref.WeakSet()  # state of the module, used by the fork hook only


def _close_in_child() -> None:
    for file in list(_backup_files):
        file.close()


os.register_at_fork(after_in_child=_close_in_child)
