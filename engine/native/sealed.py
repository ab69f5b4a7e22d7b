"""Sealed parts as docs/encryption-format.md lays them out: in memory, or read from a file at any offset. `Stream` writes them."""

import struct
from typing import Final

from engine.closing import Claim, Closing
from engine.native.ffi import Buffer, CData, buffer_of, check, ffi, lib
from engine.native.secret import TAG_SIZE, PartKey
from engine.native.stream import Stream

SEGMENT_SIZE: Final[int] = lib.ENGINE_SEGMENT_SIZE
HEADER_SIZE: Final[int] = lib.ENGINE_SEALED_HEADER_SIZE
_HEAD = struct.Struct(">3sBB3xII")
"""The members of the header that depend on no key: magic, format, suite, segment size, part number."""
COMMITMENT_AT: Final = 48
"""The offset in the header of the commitment, which differs between any two attempts at a part."""
READER_SIZE: Final = 2 * SEGMENT_SIZE + 4096
"""The approximate size of a reader in C, which the garbage collector counts."""


def sealed_size(size: int) -> int:
    """Return the size in bytes of a sealed part whose plaintext has `size` bytes."""
    return int(lib.engine_sealed_size(size))


def is_header(head: bytes, part_number: int) -> bool:
    """Tell whether a blob begins like a sealed part with this number. Checking its segments needs the key."""
    return head[: _HEAD.size] == _HEAD.pack(b"PWE", 1, 1, SEGMENT_SIZE, part_number)


def seal(data: Buffer, part: PartKey) -> bytes:
    """Seal a part in memory, under a fresh key derived from the part's."""
    with buffer_of(data) as view:
        out = ffi.new("uint8_t[]", sealed_size(len(view)))
        status = lib.engine_seal(part.key.handle, part.part_number, view, len(view), out)
    check(status, "sealing a part")
    return bytes(ffi.buffer(out))


def unseal(sealed: Buffer, part: PartKey) -> bytes:
    """Open a sealed part in memory.

    Raises: KeyMismatch, SealedFormatUnknown, SealedDamaged
    """
    with buffer_of(sealed) as view:
        out = ffi.new("uint8_t[]", max(1, len(view)))
        status = lib.engine_unseal(part.key.handle, part.part_number, view, len(view), out)
        size = _plain_size(len(view))
    check(status, "opening a sealed part")
    return bytes(ffi.buffer(out, size))


def _plain_size(size: int) -> int:
    """Return the size of the plaintext of a sealed part of `size` bytes, if a part can have that size."""
    body = size - HEADER_SIZE
    return body - -(-body // (SEGMENT_SIZE + TAG_SIZE)) * TAG_SIZE


class SealedReader(Closing):
    """The plaintext of a sealed part in a file. No plaintext is returned before its segment's authentication tag has been verified.

    The descriptor is borrowed. Belongs to one thread at a time; use it in a `with`, or close it.
    """

    __slots__ = ("_claim", "_report", "size")

    def __init__(self, fd: int, part: PartKey) -> None:
        """Read and check the header.

        Raises: KeyMismatch, SealedFormatUnknown, SealedDamaged (an empty part), ReadFailed, OutOfMemory
        """
        self._report: CData = ffi.new("struct engine_report *")
        unsealer_out = ffi.new("engine_unsealer **")
        status = lib.engine_unsealer_open(part.key.handle, part.part_number, fd, unsealer_out, self._report)
        check(status, "opening a sealed part", self._report)
        handle = ffi.gc(unsealer_out[0], lib.engine_unsealer_close, READER_SIZE)
        self.size = int(lib.engine_unsealer_size(handle))
        self._claim = Claim(handle, "reader", ffi.release)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill `buffer` from byte `offset` of the plaintext on; return the count, short only at the end.

        Raises: SealedDamaged, ReadFailed; then nothing of the damaged segment is in `buffer`
        """
        handle = self._claim.take()
        try:
            with ffi.from_buffer("uint8_t[]", buffer, require_writable=True) as view:
                status = lib.engine_unsealer_read(handle, offset, view, len(view), self._report)
            check(status, "reading a sealed part", self._report)
            return int(self._report.moved)
        finally:
            self._claim.give_back(handle)

    def feed(self, stream: Stream, offset: int, length: int) -> int:
        """Move up to `length` bytes from byte `offset` on into a stream; return the count, less only at the end.

        Raises: SealedDamaged, ReadFailed, and what the stream raises
        """
        handle = self._claim.take()
        try:
            if not stream.is_native:
                return self._feed_pieces(handle, stream, offset, length)
            with stream.lent() as (into, report):
                return self._feed(handle, into, report, offset, length)
        finally:
            self._claim.give_back(handle)

    def _feed(self, handle: CData, into: CData, report: CData, offset: int, length: int) -> int:
        """Feed in bounded calls, so that Python's signal handlers run between them."""
        moved = 0
        while moved < length:
            span = min(length - moved, lib.ENGINE_PUMP_CALL_SIZE_MAX)
            status = lib.engine_unsealer_feed(handle, offset + moved, span, into, report)
            moved += report.moved
            check(status, "copying a sealed part", report)
            if report.moved < span:
                break
        return moved

    def _feed_pieces(self, handle: CData, stream: Stream, offset: int, length: int) -> int:
        """Feed through Python, since C does not compute all of the stream's digests."""
        piece, moved = bytearray(SEGMENT_SIZE), 0
        with ffi.from_buffer("uint8_t[]", piece, require_writable=True) as view:
            while moved < length:
                # Each span ends with a segment, so that each segment is opened once.
                span = min(length - moved, SEGMENT_SIZE - (offset + moved) % SEGMENT_SIZE)
                status = lib.engine_unsealer_read(handle, offset + moved, view, span, self._report)
                check(status, "copying a sealed part", self._report)
                stream.update(memoryview(piece)[: self._report.moved])
                moved += self._report.moved
                if self._report.moved < span:
                    break
        return moved

    def close(self) -> None:
        """Wipe the reader's keys and buffers; the file stays open. Closing twice is allowed."""
        self._claim.close()
