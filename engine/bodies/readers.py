"""Reads a stored object through a binary file over its parts, in rows and blobs, which stays readable while the object is replaced."""

import io
import operator
import os
import threading
from collections.abc import Callable
from typing import Any

from engine.abandoning import refuse_abandoned
from engine.blobs import BlobReader, Blobs
from engine.blobs.failures import storage_failure
from engine.bodies.sources import Source
from engine.checksums import BY_NAME
from engine.directory.leases import Lease
from engine.encryption.seals import CLEAR, Seal, unsealed_inline
from engine.errors import InternalError
from engine.meta import Metadata
from engine.meta.parts import Flag, Manifest, PartRecord
from engine.native.stream import Digest, Stream, available

BUFFER_SIZE = 256 * 1024
FEED_SIZE = 8 * 1024 * 1024
"""So many bytes are fed at a time. The check then reads them again, while they are still in the page cache."""


_scratch = threading.local()


def buffer_of_thread() -> memoryview:
    """Return a buffer for bytes that are used at once; each thread has one, which stays in its processor's cache."""
    buffer: memoryview | None = getattr(_scratch, "buffer", None)
    if buffer is None:
        buffer = _scratch.buffer = memoryview(bytearray(BUFFER_SIZE))
    return buffer


class InlineReader:
    """The bytes of a small part, whose row holds them."""

    __slots__ = ("_data", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    @property
    def descriptor(self) -> int | None:
        return None

    def read_into(self, buffer: memoryview, offset: int) -> int:
        piece = self._data[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def feed(self, stream: Stream, offset: int, length: int) -> int:
        piece = self._data[offset : offset + length]
        stream.update(piece)
        return len(piece)

    def close(self) -> None:
        """Do nothing: the bytes are in memory."""


def open_part(part: PartRecord, meta: Metadata, blobs: Blobs, seal: Seal = CLEAR) -> BlobReader:
    """Open the bytes of a part, with the keys of its object if it is encrypted.

    Raises:
        InternalError: the bytes are missing, of another size than the row says, or damaged.
    """
    unsealing = seal.part(part.number)
    if part.flags & Flag.INLINE:
        reader: BlobReader = InlineReader(unsealed_inline(meta.read_inline(part.blob_id), unsealing))
    else:
        reader = blobs.open(part.blob_id, unsealing)
    if reader.size != part.size:
        reader.close()
        raise InternalError(reason=f"blob {part.blob_id.hex()} has {reader.size} bytes, its row says {part.size}")
    return reader


class _PartCheck:
    """Compares the bytes of one part with its checksum as they are read, if they are read from the first to the last."""

    __slots__ = ("_digest", "_is_damaged", "_part", "_stream")

    def __init__(self, part: PartRecord) -> None:
        self._part = part
        self._digest = digest_of(part)
        self._stream: Stream | None = None
        self._is_damaged = False

    def take(self, offset: int, feed: Callable[[Stream], object]) -> None:
        """Digest the bytes at `offset`, which `feed` moves into a stream. A non-sequential read stops the check.

        Raises:
            InternalError: these are the last bytes, and the part is damaged; once found so, every call raises it.
        """
        if offset == 0:
            self.close()
            self._stream = Stream(self._digest) if self._digest else None
        elif self._stream is not None and offset != self._stream.size:
            self.close()
        if self._stream is not None:
            feed(self._stream)
            at_end = self._stream.size == self._part.size
            self._is_damaged |= at_end and self._stream.digest(self._digest) != self._part.checksum
        if self._is_damaged:
            raise InternalError(reason=f"blob {self._part.blob_id.hex()} does not match its checksum")

    def take_up_to(self, start: int, end: int, reader: BlobReader) -> None:
        """Digest what the bytes from `start` to `end` have that was not yet digested.

        Raises:
            InternalError: as `take`.
        """
        taken = self._stream.size if self._stream is not None else 0
        begin = taken if start < taken else start
        buffer = buffer_of_thread()
        while begin < end or self._is_damaged:
            count = reader.read_into(buffer[: end - begin], begin)
            if not count:
                return
            self.take(begin, operator.methodcaller("update", buffer[:count]))
            begin += count

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


def digest_of(part: PartRecord) -> Digest:
    """Return the digest that checks a part's bytes on reading; empty for an encrypted part, whose tags do, and if `proof_of` is."""
    return Digest(0) if part.flags & Flag.SEALED else proof_of(part)


def proof_of(part: PartRecord) -> Digest:
    """Return the digest of which a part has a checksum; empty if it has none, or the digest can't be computed here."""
    digest = BY_NAME[part.algorithm].digest if part.algorithm else Digest(0)
    return digest if available(digest) else Digest(0)


class ObjectBody(io.RawIOBase):
    """Bytes `start` to `start + length` of an object, as a seekable binary file; `read(n)` returns n bytes unless the end is near.

    A part that is read from its first byte to its last is compared with its checksum before the last bytes are returned. It has at most
    one part open, and owns the object's keys and a lease that keeps the bytes on disk until `close`. It is not thread-safe.
    """

    def __init__(
        self,
        manifest: Manifest,
        start: int,
        length: int,
        meta: Metadata,
        blobs: Blobs,
        lease: Lease | None,
        seal: Seal = CLEAR,
    ) -> None:
        super().__init__()
        self._manifest = manifest
        self._start = start
        self._length = length
        self._position = 0
        self._meta = meta
        self._blobs = blobs
        self._lease = lease
        self._seal = seal
        self._reader: BlobReader | None = None
        self._part_check: _PartCheck | None = None
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
        """Fill the buffer from as many parts as needed.

        Raises:
            InternalError: stored bytes are missing, cut short or damaged; then nothing of this read is returned.
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
        """Move up to `size` bytes into a stream inside C; return the count, less than `size` only at the end.

        Raises:
            InternalError: stored bytes are missing, cut short or damaged.
        """
        self._check_open()
        end = min(self._position + size, self._length)
        begun = self._position
        while self._position < end:
            offset = self._start + self._position
            index = self._manifest.index_at(offset)
            length = min(end - self._position, self._manifest.end(index) - offset, FEED_SIZE)
            self._position += self._feed_part(stream, index, offset - self._manifest.start(index), length)
        return self._position - begun

    def send_file(self, out_fd: int, size: int) -> int | None:
        """Send up to `size` bytes to a non-blocking socket by sendfile(2), checked first as by `read`; return how many went out.

        Returns None if the next bytes are in no file of their own, or not as they are: then they are to be read.

        Raises:
            BlockingIOError: the socket takes nothing now.
            ConnectionError, TimeoutError: the client has gone.
            InternalError: stored bytes are missing, cut short or damaged.
        """
        self._check_open()
        offset = self._start + self._position
        left = min(size, self._length - self._position)
        if left <= 0:
            return 0
        index = self._manifest.index_at(offset)
        reader = self._reader_of(index)
        descriptor = reader.descriptor
        if descriptor is None:
            return None
        part_offset = offset - self._manifest.start(index)
        end = min(part_offset + left, reader.size)
        if self._part_check is not None:
            self._part_check.take_up_to(part_offset, end, reader)
        count = _sendfile(out_fd, descriptor, part_offset, end - part_offset)
        if not count:
            raise _cut_short(index)
        self._position += count
        return count

    def _feed_part(self, stream: Stream, index: int, part_offset: int, length: int) -> int:
        reader = self._reader_of(index)
        count = reader.feed(stream, part_offset, length)
        if not count:
            raise _cut_short(index)
        if self._part_check is not None:
            self._part_check.take(part_offset, lambda check_stream: reader.feed(check_stream, part_offset, count))
        return count

    def _read_part(self, view: memoryview, offset: int) -> int:
        index = self._manifest.index_at(offset)
        reader = self._reader_of(index)
        part_offset = offset - self._manifest.start(index)
        count = reader.read_into(view[: reader.size - part_offset], part_offset)
        if not count:
            raise _cut_short(index)
        if self._part_check is not None:
            self._part_check.take(part_offset, lambda check_stream: check_stream.update(view[:count]))
        return count

    def _reader_of(self, index: int) -> BlobReader:
        if self._reader is None or self._reader_index != index:
            self._close_reader()
            part = self._manifest.parts[index]
            self._reader = open_part(part, self._meta, self._blobs, self._seal)
            self._reader_index = index
            self._part_check = _PartCheck(part) if self._includes(index) else None
        return self._reader

    def _includes(self, index: int) -> bool:
        start, end = self._manifest.start(index), self._manifest.end(index)
        return self._start <= start and end <= self._start + self._length

    def readall(self) -> bytes:
        data = bytearray(max(0, self._length - self._position))
        self.readinto(data)
        return bytes(data)

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        check, self._part_check = self._part_check, None
        if reader is not None:
            reader.close()
        if check is not None:
            check.close()

    def close(self) -> None:
        """Close the open part, wipe the keys and release the lease. Closing twice is allowed."""
        if not self.closed:
            self._close_reader()
            self._seal.close()
            if self._lease is not None:
                self._lease.close()
        super().close()


def _sendfile(out_fd: int, in_fd: int, offset: int, size: int) -> int:
    try:
        return os.sendfile(out_fd, in_fd, offset, size)
    except (BlockingIOError, ConnectionError, TimeoutError):
        raise
    except OSError as error:
        raise storage_failure("reading a part", error) from error


def _cut_short(index: int) -> InternalError:
    return InternalError(reason=f"part {index + 1} of the object is cut short on disk")


class StoredSource(Source):
    """A stored object as the source of another one's body."""

    def __init__(self, body: ObjectBody) -> None:
        self._body = body
        self.length: int | None = len(body)

    def take(self, size: int) -> bytes:
        return self._body.read(size) or b""

    def feed(self, stream: Stream, size: int) -> int:
        moved = 0
        while moved < size:
            refuse_abandoned()
            count = self._body.feed(stream, min(FEED_SIZE, size - moved))
            if not count:
                break
            moved += count
        return moved

    def has_more(self) -> bool:
        return self._body.tell() < len(self._body)
