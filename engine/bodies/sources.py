"""Sources of request bodies, which move their bytes into a stream: buffers, files, descriptors, iterables of bytes.

A descriptor (int), and a file object that is not a regular file, is read up to `content_length` and not beyond, as a server reads a
socket; without `content_length` it is read to its end. Any other body must end exactly at `content_length`.
"""

import io
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, Protocol, TypeAlias, runtime_checkable

from engine.native.stream import Stream

BODY_CHUNK_SIZE = 1024 * 1024
Buffer: TypeAlias = bytes | bytearray | memoryview
Body: TypeAlias = "Buffer | IO[bytes] | int | Iterable[bytes] | Source"


@runtime_checkable
class Source(Protocol):
    """A body being read; `length` is its length in bytes if that is known before reading, else None."""

    length: int | None
    promised_trailers: tuple[str, ...] = ()
    """The names, in lower case, of the trailing headers that come after the body."""

    def take(self, size: int) -> bytes:
        """Return the next bytes, fewer than `size` only at the end."""

    def feed(self, stream: Stream, size: int) -> int:
        """Move up to `size` bytes into the stream; return the count, less than `size` only at the end."""

    def has_more(self) -> bool:
        """Tell whether the body goes on; False also if finding out might block."""

    def finish(self) -> Mapping[str, str]:
        """Make the checks that are possible only at the body's end, and return exactly the promised trailing headers."""
        return {}


class _BufferSource(Source):
    def __init__(self, body: Buffer) -> None:
        self._view = memoryview(body).cast("B")
        self.length: int | None = len(self._view)
        self._at = 0

    def take(self, size: int) -> bytes:
        start, self._at = self._at, min(self._at + size, len(self._view))
        return bytes(self._view[start : self._at])

    def feed(self, stream: Stream, size: int) -> int:
        start, self._at = self._at, min(self._at + size, len(self._view))
        stream.update(self._view[start : self._at])
        return self._at - start

    def has_more(self) -> bool:
        return self._at < len(self._view)


class _DescriptorSource(Source):
    """A descriptor, which the pump reads from its current position on."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.length = _length_left(fd, None)

    def take(self, size: int) -> bytes:
        return read_up_to(lambda most: os.read(self._fd, most), size)

    def feed(self, stream: Stream, size: int) -> int:
        return stream.pump(self._fd, size)

    def has_more(self) -> bool:
        return False


class _RegularFileSource(Source):
    """A file object on a regular file, which the pump reads from the object's own position; that position moves along."""

    def __init__(self, body: io.FileIO | io.BufferedReader | io.BufferedRandom) -> None:
        body.flush()
        self._body = body
        self._fd = body.fileno()
        self._offset = body.tell()
        self.length = _length_left(self._fd, self._offset)

    def take(self, size: int) -> bytes:
        taken = read_up_to(lambda most: self._advanced(os.pread(self._fd, most, self._offset)), size)
        self._body.seek(self._offset)
        return taken

    def _advanced(self, piece: bytes) -> bytes:
        self._offset += len(piece)
        return piece

    def feed(self, stream: Stream, size: int) -> int:
        moved = stream.pump(self._fd, size, self._offset)
        self._offset += moved
        self._body.seek(self._offset)
        return moved

    def has_more(self) -> bool:
        return bool(os.pread(self._fd, 1, self._offset))


def _length_left(fd: int, offset: int | None) -> int | None:
    """Return the bytes from an offset (or the current position) to the end of a regular file; None if that can't be known."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0:  # files of /proc have size 0 and content
        return None
    return max(0, status.st_size - (os.lseek(fd, 0, os.SEEK_CUR) if offset is None else offset))


def read_up_to(read: Callable[[int], Buffer], size: int) -> bytes:
    """Read until there are `size` bytes; fewer come back only at the end."""
    taken = bytearray()
    while len(taken) < size and (piece := read(min(size - len(taken), BODY_CHUNK_SIZE))):
        taken += piece
    return bytes(taken)


class _FileSource(Source):
    """A file object of which only `read` is used."""

    def __init__(self, body: IO[bytes]) -> None:
        self._body = body
        self.length: int | None = None

    def _read(self, most: int) -> bytes:
        piece = _bytes_of(self._body.read(most))
        if len(piece) > most:
            raise ValueError(f"the body's read({most}) gave {len(piece)} bytes")
        return piece

    def take(self, size: int) -> bytes:
        return read_up_to(self._read, size)

    def feed(self, stream: Stream, size: int) -> int:
        left = size
        while left and (piece := self._read(min(left, BODY_CHUNK_SIZE))):
            stream.update(piece)
            left -= len(piece)
        return size - left

    def has_more(self) -> bool:
        seekable = getattr(self._body, "seekable", None)
        if seekable is None or not seekable():
            return False
        position = self._body.tell()
        more = bool(self._body.read(1))
        self._body.seek(position)
        return more


class _IterableSource(Source):
    def __init__(self, body: Iterable[bytes]) -> None:
        self._pieces = iter(body)
        self._rest = memoryview(b"")
        self.length: int | None = None

    def _next(self, size: int) -> memoryview:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return self._rest
            self._rest = memoryview(_bytes_of(piece)).cast("B")
        head, self._rest = self._rest[:size], self._rest[size:]
        return head

    def take(self, size: int) -> bytes:
        taken = bytearray()
        while len(taken) < size and (piece := self._next(size - len(taken))):
            taken += piece
        return bytes(taken)

    def feed(self, stream: Stream, size: int) -> int:
        left = size
        while left and (piece := self._next(left)):
            stream.update(piece)
            left -= len(piece)
        return size - left

    def has_more(self) -> bool:
        self._next(0)
        return bool(self._rest)


def _bytes_of(piece: Any) -> bytes:
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise TypeError(f"a body must give bytes, not {type(piece).__name__}")
    return piece  # type: ignore[return-value]


def source_of(body: Any) -> Source:
    """Return the source for a body.

    Raises:
        TypeError: the body is not bytes, a buffer, a binary file object, a file descriptor or an iterable of bytes.
    """
    if isinstance(body, (bytes, bytearray, memoryview)):
        return _BufferSource(body)
    if isinstance(body, Source):
        return body
    if isinstance(body, int) and not isinstance(body, bool):
        return _DescriptorSource(body)
    if isinstance(body, (io.FileIO, io.BufferedReader, io.BufferedRandom)) and _is_regular(body):
        return _RegularFileSource(body)
    if hasattr(body, "read") and not isinstance(body, io.TextIOBase):
        return _FileSource(body)
    if hasattr(body, "__iter__") and not isinstance(body, (str, io.TextIOBase)):
        return _IterableSource(body)
    kinds = "bytes, a buffer, a binary file object, a file descriptor or an iterable of bytes"
    raise TypeError(f"a body must be {kinds}, not {type(body).__name__}")


def _is_regular(body: io.FileIO | io.BufferedReader | io.BufferedRandom) -> bool:
    raw = body if isinstance(body, io.FileIO) else body.raw
    return type(raw) is io.FileIO and stat.S_ISREG(os.fstat(raw.fileno()).st_mode)


def trailers_of(body: Any) -> tuple[str, ...]:
    """Return the names of the trailing headers that a body promises; only some sources do."""
    return () if isinstance(body, bytes) else getattr(body, "promised_trailers", ())
