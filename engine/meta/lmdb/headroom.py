"""Room ahead of LMDB's last page: zeros written before they are needed, so that a commit overwrites blocks instead of adding some.

A sync of a file that got new blocks makes the file system commit its journal: one flush more for every metadata commit (measured on
ext4: 3.0 against 2.0). LMDB takes its size from its own pages, never from the file, and pages past its last one mean nothing to it.
"""

import contextlib
import os
from typing import Any

DATA_FILE = "data.mdb"
CHUNK_SIZE = 1024 * 1024
MARGIN_SIZE = CHUNK_SIZE // 4
FREE_BYTES_MIN = 64 * CHUNK_SIZE
"""A disk with less room is left alone."""


class Headroom:
    """The room ahead in one environment's file. Not for two threads at once."""

    __slots__ = ("_enough_until", "_free_bytes_min", "_path")

    def __init__(self, path: str, free_bytes_min: int = FREE_BYTES_MIN) -> None:
        self._path = os.path.join(path, DATA_FILE)
        self._free_bytes_min = free_bytes_min
        self._enough_until = 0

    def ensure(self, env: Any) -> None:
        """Grow the file if little of it is left, but first look for readers that died: LMDB reuses no page that one of them might see.

        So what the dead keep from being reused is bounded by CHUNK_SIZE, however many writes there are. Living readers, of whatever
        process, are left alone. To be called at the start of a write transaction.

        Its lock is what keeps everybody else, in this process and others, from adding pages meanwhile. A disk that refuses is no
        error: LMDB then grows the file itself.
        """
        used = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
        if used + MARGIN_SIZE <= self._enough_until:
            return
        env.reader_check()
        with contextlib.suppress(OSError):
            self._grow(used + CHUNK_SIZE)
        self._enough_until = used + CHUNK_SIZE

    def _grow(self, wanted: int) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            status = os.fstatvfs(fd)
            missing = wanted - os.fstat(fd).st_size
            if missing > 0 and status.f_bavail * status.f_frsize >= self._free_bytes_min:
                os.pwrite(fd, bytes(missing), wanted - missing)
        finally:
            os.close(fd)
