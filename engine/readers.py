"""Reading a stored object: a binary file over its parts, wherever they live, that stays whole while the object is replaced."""

import io
import os
from typing import Any

from engine.blobs import BlobReader, Blobs
from engine.blobs.leases import Lease
from engine.bodies import Source
from engine.errors import InternalError
from engine.meta import Metadata
from engine.meta.parts import Flag, Manifest, PartRecord
from engine.stream import Stream


class _InlineReader:
    """A small part that lives in its row."""

    __slots__ = ("_data", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        piece = self._data[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def feed(self, stream: Stream, offset: int, length: int) -> int:
        piece = self._data[offset : offset + length]
        stream.update(piece)
        return len(piece)

    def close(self) -> None:
        """Nothing is held."""


def open_part(part: PartRecord, meta: Metadata, blobs: Blobs) -> BlobReader:
    """Open the bytes of a part.

    Raises:
        InternalError: they are not there, or not as many as the part has.
    """
    if part.flags & Flag.INLINE:
        reader: BlobReader = _InlineReader(meta.read_inline(part.blob_id))
    else:
        reader = blobs.open(part.blob_id)
    if reader.size != part.size:
        reader.close()
        raise InternalError(reason=f"blob {part.blob_id.hex()} has {reader.size} bytes, its row says {part.size}")
    return reader


class ObjectBody(io.RawIOBase):
    """Bytes `start` to `start + length` of an object, as a seekable binary file; `read(n)` returns n bytes unless the end is near.

    Holds at most one part open, and a lease that keeps the object's bytes until `close`. Not for two threads at once.
    """

    def __init__(
        self, manifest: Manifest, start: int, length: int, meta: Metadata, blobs: Blobs, lease: Lease | None
    ) -> None:
        super().__init__()
        self._manifest = manifest
        self._start = start
        self._length = length
        self._position = 0
        self._meta = meta
        self._blobs = blobs
        self._lease = lease
        self._reader: BlobReader | None = None
        self._reader_index = -1

    def __len__(self) -> int:
        return self._length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the body is closed")

    def tell(self) -> int:
        self._check_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._check_open()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}.get(whence)
        if base is None or base + offset < 0:
            raise ValueError(f"can't seek to {offset} from {whence}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer from as many parts as it takes.

        Raises:
            InternalError: the stored bytes are not there or cut short; none of what was asked for is returned.
        """
        self._check_open()
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._length - self._position))
        filled = 0
        while filled < wanted:
            filled += self._read_part(view[filled:wanted], self._start + self._position + filled)
        self._position += filled
        return filled

    def feed(self, stream: Stream, size: int) -> int:
        """Move up to `size` bytes into a stream without a way through Python; return the count, less only at the end.

        Raises:
            InternalError: the stored bytes are not there or cut short.
        """
        self._check_open()
        end = min(self._position + size, self._length)
        begun = self._position
        while self._position < end:
            offset = self._start + self._position
            index = self._manifest.index_at(offset)
            length = min(end - self._position, self._manifest.end(index) - offset)
            count = self._reader_of(index).feed(stream, offset - self._manifest.start(index), length)
            if not count:
                raise _cut_short(index)
            self._position += count
        return self._position - begun

    def _read_part(self, view: memoryview, offset: int) -> int:
        index = self._manifest.index_at(offset)
        reader = self._reader_of(index)
        part_offset = offset - self._manifest.start(index)
        count = reader.read_into(view[: reader.size - part_offset], part_offset)
        if not count:
            raise _cut_short(index)
        return count

    def _reader_of(self, index: int) -> BlobReader:
        if self._reader is None or self._reader_index != index:
            self._close_reader()
            self._reader = open_part(self._manifest.parts[index], self._meta, self._blobs)
            self._reader_index = index
        return self._reader

    def readall(self) -> bytes:
        data = bytearray(max(0, self._length - self._position))
        self.readinto(data)
        return bytes(data)

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def close(self) -> None:
        """Release the lease and the open part; again is harmless."""
        if not self.closed:
            self._close_reader()
            if self._lease is not None:
                self._lease.close()
        super().close()


def _cut_short(index: int) -> InternalError:
    return InternalError(reason=f"part {index + 1} of the object is cut short on disk")


class StoredSource(Source):
    """The bytes of a stored object on their way into another one."""

    def __init__(self, body: ObjectBody) -> None:
        self._body = body
        self.length: int | None = len(body)

    def take(self, size: int) -> bytes:
        return self._body.read(size) or b""

    def feed(self, stream: Stream, size: int) -> int:
        return self._body.feed(stream, size)

    def has_more(self) -> bool:
        return self._body.tell() < len(self._body)
