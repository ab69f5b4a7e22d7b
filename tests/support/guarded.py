"""Memory between two forbidden pages: a kernel that reads one byte too far dies at once, also in hand-written assembly."""

import ctypes
import mmap
from types import TracebackType
from typing import Self

PAGE = mmap.PAGESIZE
MAP_FAILED = ctypes.c_void_p(-1).value

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class Guarded:
    """Room for `capacity` bytes; place() lends a part of it, flush against a guard page."""

    def __init__(self, capacity: int) -> None:
        self.room = -(-capacity // PAGE) * PAGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        base = libc.mmap(None, self.room + 2 * PAGE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
        if base == MAP_FAILED:
            raise OSError(ctypes.get_errno(), "mmap")
        self.base = base
        self.start = base + PAGE
        for guard in (base, self.start + self.room):
            if libc.mprotect(guard, PAGE, 0) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")

    def at_end(self, data: bytes) -> memoryview:
        """Place `data` so that its last byte is the last one that may be read."""
        return self._place(self.room - len(data), data)

    def at_start(self, data: bytes, offset: int = 0) -> memoryview:
        """Place `data` so that `offset` readable bytes stand before it."""
        return self._place(offset, data)

    def _place(self, offset: int, data: bytes) -> memoryview:
        assert 0 <= offset <= self.room - len(data)
        view = memoryview((ctypes.c_ubyte * len(data)).from_address(self.start + offset)).cast("B")
        view[:] = data
        return view

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        libc.munmap(self.base, self.room + 2 * PAGE)
