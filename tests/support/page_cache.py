"""What of a file is in the page cache, without bringing anything there: a read that does not wait (RWF_NOWAIT) starts to read ahead."""

import ctypes
import mmap
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]


def cached_pages(fd: int, start: int = 0) -> int:
    """Count the pages of a file from `start` on; this user must be allowed to write it."""
    size = os.fstat(fd).st_size
    residence = bytearray(-(-size // mmap.PAGESIZE))
    with mmap.mmap(fd, size) as mapping:
        first, out = ctypes.c_char.from_buffer(mapping), ctypes.c_char.from_buffer(residence)
        failed = libc.mincore(ctypes.addressof(first), size, ctypes.addressof(out))
        del first, out
    if failed:
        raise OSError(ctypes.get_errno(), "mincore")
    return sum(page & 1 for page in residence[start // mmap.PAGESIZE :])
