"""The one pass over a part's bytes, in C with the GIL released: it hashes them and writes them to a file."""

import contextlib
import enum
import os
from collections.abc import Iterator
from typing import Final

from engine.closing import Claim, Closing
from engine.native import xxhashes
from engine.native.errors import ReadFailed
from engine.native.ffi import Buffer, CData, buffer_of, check, ffi, lib
from engine.native.secret import PartKey


class Digest(enum.IntFlag):
    """The digests a stream can compute, as a set."""

    MD5 = lib.ENGINE_DIGEST_MD5
    SHA1 = lib.ENGINE_DIGEST_SHA1
    SHA256 = lib.ENGINE_DIGEST_SHA256
    SHA512 = lib.ENGINE_DIGEST_SHA512
    CRC32 = lib.ENGINE_DIGEST_CRC32
    CRC32C = lib.ENGINE_DIGEST_CRC32C
    CRC64NVME = lib.ENGINE_DIGEST_CRC64NVME
    XXHASH64 = 1 << lib.ENGINE_ALGORITHM_COUNT
    XXHASH3 = 2 << lib.ENGINE_ALGORITHM_COUNT
    XXHASH128 = 4 << lib.ENGINE_ALGORITHM_COUNT


IN_PYTHON: Final = Digest.XXHASH64 | Digest.XXHASH3 | Digest.XXHASH128
"""The digests that C does not compute. Their bytes pass through Python, a piece at a time."""
PIECE_SIZE: Final = 256 * 1024

HANDLE_SIZE: Final = 1024
"""The approximate size of a stream in C before its first pump, which the garbage collector counts."""


def available(digests: int) -> bool:
    """Tell whether all of these digests can be computed here."""
    known = 0 <= digests < 1 << lib.ENGINE_ALGORITHM_COUNT + len(IN_PYTHON)
    return known and all(xxhashes.hasher(each.name or "") for each in Digest(digests) & IN_PYTHON)


def _open(digests: int, out_fd: int, sealing: PartKey | None, stream_out: CData) -> None:
    doing = "opening a stream"
    if sealing is None:
        check(lib.engine_stream_open(digests, out_fd, stream_out), doing)
    else:
        status = lib.engine_stream_open_sealed(digests, out_fd, sealing.key.handle, sealing.part_number, stream_out)
        check(status, doing)


def _hashers(digests: int) -> dict[int, xxhashes.Hasher]:
    makers = {int(each): xxhashes.hasher(each.name or "") for each in Digest(digests) & IN_PYTHON}
    return {bit: make() for bit, make in makers.items() if make is not None}


class Stream(Closing):
    """A stream of bytes on their way into a file. Belongs to one thread at a time; use it in a `with`, or close it."""

    __slots__ = ("_claim", "_digests", "_hashers", "_report")

    def __init__(self, digests: Digest, out_fd: int = -1, sealing: PartKey | None = None) -> None:
        """Start a stream that computes `digests` and writes to `out_fd` with pwrite, from offset 0 on.

        The descriptor is borrowed: never closed, its position neither used nor moved. It must not be open with
        O_APPEND. With -1 the stream only hashes. With `sealing` the file becomes a sealed part; digests are those of the plaintext.

        Raises: OutOfMemory, LibcryptoFailed; ValueError for digests that can't be computed here, and for a descriptor below -1
        """
        self._digests = int(digests)
        if not available(self._digests):
            raise ValueError(f"there are no such digests: {digests!r}")
        if out_fd < -1:
            raise ValueError(f"there is no descriptor {out_fd}")
        self._report: CData = ffi.new("struct engine_report *")
        stream_out = ffi.new("engine_stream **")
        _open(self._digests & ~IN_PYTHON, out_fd, sealing, stream_out)
        self._hashers = _hashers(self._digests)
        self._claim = Claim(ffi.gc(stream_out[0], lib.engine_stream_close, HANDLE_SIZE), "stream", ffi.release)

    @property
    def size(self) -> int:
        """Return the count of bytes taken so far. Any thread may read it at any time."""
        # C counts: a signal handler may raise between the return of a C call and any line here that would count.
        return int(self._report.size)

    def update(self, data: Buffer) -> None:
        """Take the bytes of a contiguous buffer, without a copy; it must not be changed meanwhile.

        Raises: WriteFailed, StreamFinished, StreamBroken; ValueError for a buffer that is not contiguous
        """
        handle = self._claim.take()
        try:
            self._update(handle, data)
        finally:
            self._claim.give_back(handle)

    def _update(self, handle: CData, data: Buffer) -> None:
        if type(data) is bytes:
            status = lib.engine_stream_update(handle, data, len(data), self._report)
        else:
            with buffer_of(data) as view:
                status = lib.engine_stream_update(handle, view, len(view), self._report)
        check(status, "taking bytes", self._report)
        for hasher in self._hashers.values():
            hasher.update(data)

    def pump(self, in_fd: int, length: int, in_offset: int = -1) -> int:
        """Take up to `length` bytes from a descriptor and return how many came; fewer means end of file.

        `in_offset` >= 0 reads a regular file from there and leaves its position alone; -1 reads from the current
        position. A non-blocking descriptor without data is a ReadFailed with EAGAIN. After any ReadFailed the stream may go
        on, and `size` tells how many bytes it has taken.

        Raises: ReadFailed, WriteFailed, StreamFinished, StreamBroken, OutOfMemory
        """
        if length < 0 or in_offset < -1:
            raise ValueError(f"length {length} and offset {in_offset} can't be negative")
        handle = self._claim.take()
        try:
            pump = self._pump_pieces if self._hashers else self._pump
            return pump(handle, in_fd, length, in_offset)
        finally:
            self._claim.give_back(handle)

    def finish(self) -> None:
        """Finish the stream if it is not yet finished. The file is then complete, and takes no more bytes.

        Raises: WriteFailed, StreamBroken, LibcryptoFailed
        """
        handle = self._claim.take()
        try:
            self._finish(handle)
        finally:
            self._claim.give_back(handle)

    def _finish(self, handle: CData) -> None:
        check(lib.engine_stream_finish(handle, self._report), "finishing a stream", self._report)

    def digest(self, which: Digest) -> bytes:
        """Finish the stream and return one of its digests; checksums are big-endian, as S3 encodes them.

        Raises: ValueError for anything but a single digest that the stream computes; WriteFailed, StreamBroken, LibcryptoFailed
        """
        bit = int(which)
        if not bit & self._digests or bit & (bit - 1):
            raise ValueError(f"the stream computes {Digest(self._digests)!r}, not {which!r}")
        handle = self._claim.take()
        try:
            self._finish(handle)
            if bit in self._hashers:
                return self._hashers[bit].digest()
            index = bit.bit_length() - 1
            out = ffi.new("uint8_t[]", lib.engine_algorithm_digest_size(index))
            lib.engine_stream_digest(handle, index, out)
            return bytes(ffi.buffer(out))
        finally:
            self._claim.give_back(handle)

    @property
    def is_native(self) -> bool:
        """Tell whether C computes all digests, so that other C code may feed the stream directly."""
        return not self._hashers

    @contextlib.contextmanager
    def lent(self) -> Iterator[tuple[CData, CData]]:
        """Lend the C handle and report of an `is_native` stream to other C code, which feeds it directly."""
        assert self.is_native, "C would feed only some of the digests"
        handle = self._claim.take()
        try:
            yield handle, self._report
        finally:
            self._claim.give_back(handle)

    def close(self) -> None:
        """Free the stream in C; its file stays open. Closing twice is allowed."""
        self._claim.close()

    def _pump(self, handle: CData, in_fd: int, length: int, in_offset: int) -> int:
        """Pump in bounded calls, so that Python's signal handlers run between them (also after EINTR)."""
        report = self._report
        moved = 0
        while moved < length:
            offset = in_offset + moved if in_offset >= 0 else -1
            span = min(length - moved, lib.ENGINE_PUMP_CALL_SIZE_MAX)
            status = lib.engine_stream_pump(handle, in_fd, offset, span, report)
            moved += report.moved
            check(status, f"pumping from descriptor {in_fd}", report)
            if report.at_end:
                break
        return moved

    def _pump_pieces(self, handle: CData, in_fd: int, length: int, in_offset: int) -> int:
        """Read in Python and update, since C does not compute all digests."""
        moved, buffer = 0, memoryview(bytearray(min(length, PIECE_SIZE)))
        while moved < length:
            span = buffer[: length - moved]
            try:
                count = os.readv(in_fd, [span]) if in_offset < 0 else os.preadv(in_fd, [span], in_offset + moved)
            except OSError as error:
                doing = f"pumping from descriptor {in_fd}, at byte {self.size}"
                raise ReadFailed(error.errno, f"{doing}: {error.strerror}") from error
            if not count:
                break
            self._update(handle, span[:count])
            moved += count
        return moved
