"""Writes zeros ahead of LMDB's last page, so that a commit overwrites blocks of the file instead of adding some.

The sync of a file that got new blocks makes the file system commit its journal, which is one more flush for every metadata commit
(measured on ext4: 3.0 instead of 2.0). LMDB takes its size from its own pages, never from the file, and ignores what follows them.
"""

import contextlib
import os
from typing import Any

DATA_FILE = "data.mdb"
CHUNK_SIZE = 1024 * 1024
MARGIN_SIZE = CHUNK_SIZE // 4
FREE_BYTES_MIN = 64 * CHUNK_SIZE
"""With less free space the file is not grown."""


class Headroom:
    """Grows the file of one environment. It is not thread-safe."""

    __slots__ = ("_enough_until", "_free_bytes_min", "_path")

    def __init__(self, path: str, free_bytes_min: int = FREE_BYTES_MIN) -> None:
        self._path = os.path.join(path, DATA_FILE)
        self._free_bytes_min = free_bytes_min
        self._enough_until = 0

    def ensure(self, env: Any) -> None:
        """Grow the file if little room is left ahead, and before that clear the slots of readers that died.

        LMDB does not reuse pages that a reader may see. Clearing dead readers here bounds what they keep from being reused by
        CHUNK_SIZE, however many writes there are. Living readers, of any process, are not affected.

        Call this at the start of a write transaction: its lock keeps all others, in any process, from adding pages meanwhile. If the
        write fails, nothing is raised: LMDB then grows the file itself.
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
