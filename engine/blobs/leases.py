"""Leases: readers of an object hold one so that its blobs outlive its deletion until they are done, in any process.

A lease is a shared open-file-description lock on one byte of a common file, at a position drawn from the object's manifest id. The
kernel drops it when the holder closes its descriptor or dies. Two ids that meet on a byte only delay a removal.
"""

import errno
import fcntl
import os
import struct

from engine.errors import InternalError

LEASE_FILE = "leases"
_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid


def _lock(fd: int, kind: int, lease_id: bytes) -> bool:
    position = int.from_bytes(lease_id[:8], "big") >> 2
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, position, 1, 0))
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


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
            raise InternalError(reason=f"{os.strerror(error.errno or 0)}, while taking a lease") from error
        lease.close()
        return None
