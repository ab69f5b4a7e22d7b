"""Part rows have a fixed width, so that a page of an upload's parts is copied into a manifest as it is and searched in place.

part row   big-endian: number u16, flags u8, algorithm u8, size u64, modified_ns u64, blob id 16, ETag 16, checksum (raw or
           encrypted, at the start of 8, 32, 64 or 92 bytes, the same for all parts of an upload); then the CRC-32 of these,
           little-endian, so that the CRC-32 of every whole sound row is the same (SOUND_ROW)
manifest   count u32, row size u32, CRC-32 of the rest, then `count` cumulative end offsets u64, then `count` part rows
"""

import bisect
import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from enum import IntFlag
from typing import Any

from engine.checksums import ALGORITHMS
from engine.meta.records import damaged
from engine.native.secret import DIGEST_OVERHEAD
from engine.record import Record

CHECKSUM_WIDTHS = (8, 32, 64, 64 + DIGEST_OVERHEAD)
_ALGORITHMS = ("", *(algorithm.name for algorithm in ALGORITHMS))
_CHECKSUM_SIZES = (0, *(algorithm.size for algorithm in ALGORITHMS))
_FIXED = ">HBBQQ16s16s"
_CRC_SIZE = 4
_ROWS = {width: struct.Struct(f"{_FIXED}{width}s{_CRC_SIZE}x") for width in CHECKSUM_WIDTHS}
ROW_SIZES = {width: row.size for width, row in _ROWS.items()}
_BY_SIZE = {row.size: row for row in _ROWS.values()}
_WHOLE = {size: struct.Struct(f"{size}s") for size in _BY_SIZE}
_COLUMNS = {row.size: struct.Struct(f">HHQ8x16x16s{width}s{_CRC_SIZE}x") for width, row in _ROWS.items()}
"""These select the fields that Complete needs: number, flags and algorithm, size, ETag, checksum."""
_HEAD = struct.Struct(">III")
_END = struct.Struct(">Q")
SOUND_ROW = 0x2144DF1C
"""The CRC-32 of any bytes followed by their own CRC-32, least significant byte first."""


class Flag(IntFlag):
    """Flags of a part row."""

    NONE = 0
    INLINE = 1
    """The bytes are in a row of the table `inline`, not in a file."""
    SEALED = 2
    """The bytes are encrypted; the row's size is that of the plaintext."""
    HIDDEN = 4
    """The ETag is keyed, and the checksum encrypted."""


_HIDDEN, _INLINE = int(Flag.HIDDEN), int(Flag.INLINE)
_FLAGS = tuple(map(Flag, range(1 << len(Flag))))
"""Flags by their number, for the arithmetic of enumerations takes longer than the rest of a row."""


def _checksum_size(flags: int, kind: int) -> int:
    """Return the size of the checksum in a row; 0 without an algorithm."""
    size = _CHECKSUM_SIZES[kind]
    return size + DIGEST_OVERHEAD if size and flags & _HIDDEN else size


def width_for(checksum_size: int) -> int:
    """Return the smallest of CHECKSUM_WIDTHS that a checksum fits in."""
    return next(width for width in CHECKSUM_WIDTHS if checksum_size <= width)


class PartRecord(Record, frozen=True, gc=False):
    """A current part; `size` is in bytes, `etag` the MD5 of its bytes, and `checksum` raw, by `algorithm`.

    If it is HIDDEN, `etag` is keyed and `checksum` encrypted.
    """

    number: int
    size: int
    modified_ns: int
    blob_id: bytes
    etag: bytes
    flags: Flag = Flag.NONE
    checksum: bytes = b""
    algorithm: str = ""

    @property
    def width(self) -> int:
        """Return the checksum width of the row, which names the table that it is in."""
        return width_for(len(self.checksum))

    def pack(self) -> bytes:
        """Return the part as a row."""
        kind = _ALGORITHMS.index(self.algorithm)
        assert len(self.checksum) == _checksum_size(self.flags, kind), (
            f"not a checksum of {self.algorithm or 'no algorithm'}: {self.checksum!r}"
        )
        row = _ROWS[self.width].pack(
            self.number,
            self.flags,
            kind,
            self.size,
            self.modified_ns,
            self.blob_id,
            self.etag,
            self.checksum,
        )[:-_CRC_SIZE]
        return row + zlib.crc32(row).to_bytes(_CRC_SIZE, "little")

    @staticmethod
    def unpack(row: bytes | memoryview) -> "PartRecord":
        """Return the part that a row holds.

        Raises:
            InternalError: the row's check value does not match.
        """
        if len(row) not in _BY_SIZE or zlib.crc32(row) != SOUND_ROW:
            raise damaged(f"part {int.from_bytes(row[:2], 'big')}")
        number, flags, kind, size, modified_ns, blob_id, etag, room = _BY_SIZE[len(row)].unpack(row)
        checksum = room[: _checksum_size(flags, kind)]
        return PartRecord(number, size, modified_ns, blob_id, etag, _FLAGS[flags], checksum, _ALGORITHMS[kind])


class Parts(Sequence[PartRecord]):
    """Part rows of one size, ordered by number; columns are extracted without making a record of each row."""

    __slots__ = ("_row_size", "rows")

    def __init__(self, rows: bytes = b"", row_size: int = ROW_SIZES[CHECKSUM_WIDTHS[0]]) -> None:
        self.rows = rows
        self._row_size = row_size

    @property
    def row_size(self) -> int:
        """Return the size of each row."""
        return self._row_size

    def __len__(self) -> int:
        return len(self.rows) // self._row_size

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            begin, end, step = (each * self._row_size for each in index.indices(len(self)))
            rows, size, unpack = self.rows, self._row_size, PartRecord.unpack
            return tuple([unpack(rows[at : at + size]) for at in range(begin, end, step)])
        if not 0 <= index < len(self):
            raise IndexError(index)
        return PartRecord.unpack(self.row(index))

    def row(self, index: int) -> bytes:
        """Return one row, packed."""
        return self.rows[index * self._row_size : (index + 1) * self._row_size]

    def select(self, indices: Sequence[int]) -> "Parts":
        """Return the rows at these indices, in their order."""
        return Parts(b"".join([self.row(index) for index in indices]), self._row_size)

    def _fields(self) -> Iterator[tuple[Any, ...]]:
        return _BY_SIZE[self._row_size].iter_unpack(self.rows)

    def columns(self) -> tuple[list[int], list[int], list[bytes], list[bytes]]:
        """Return the numbers, sizes, ETags and checksums of all parts."""
        if not self.rows:
            return [], [], [], []
        rows = _COLUMNS[self._row_size].iter_unpack(self.rows)
        numbers, kinds, sizes, etags, rooms = map(list, zip(*rows, strict=True))
        used = {kind: _checksum_size(*divmod(kind, 256)) for kind in set(kinds)}
        if set(used.values()) != {len(rooms[0])}:
            rooms = [room[: used[kind]] for kind, room in zip(kinds, rooms, strict=True)]
        return numbers, sizes, etags, rooms

    def blob_ids(self, *, inline: bool) -> tuple[bytes, ...]:
        """Return the blob ids of the parts whose bytes are in rows, or of those whose bytes are in files."""
        flag = _INLINE if inline else 0
        return tuple([row[5] for row in self._fields() if row[1] & _INLINE == flag])

    def size(self) -> int:
        """Return the size of all parts together."""
        return sum(row[3] for row in self._fields())

    def verify(self) -> None:
        """Verify the check value of every row.

        Raises:
            InternalError: a row is damaged.
        """
        rows = [row for (row,) in _WHOLE[self._row_size].iter_unpack(self.rows)]
        if not set(map(zlib.crc32, rows)) <= {SOUND_ROW}:
            bad = next(row for row in rows if zlib.crc32(row) != SOUND_ROW)
            raise damaged(f"part {int.from_bytes(bad[:2], 'big')}")


class Manifest:
    """The parts of an object, in order, with their end offsets; both are read in place."""

    __slots__ = ("_ends", "parts")

    def __init__(self, ends: bytes, parts: Parts) -> None:
        self._ends = ends
        self.parts = parts

    @staticmethod
    def of(parts: Parts, sizes: Sequence[int]) -> "Manifest":
        """Make a manifest of part rows and their sizes."""
        return Manifest(struct.pack(f">{len(sizes)}Q", *itertools.accumulate(sizes)), parts)

    @staticmethod
    def of_one(part: PartRecord) -> "Manifest":
        """Make the manifest of an object of one part."""
        row = part.pack()
        return Manifest.of(Parts(row, len(row)), (part.size,))

    def pack(self) -> bytes:
        """Return the manifest as one row."""
        body = self._ends + self.parts.rows
        return _HEAD.pack(len(self.parts), self.parts.row_size, zlib.crc32(body)) + body

    @staticmethod
    def unpack(data: bytes) -> "Manifest":
        """Return the manifest that a row holds.

        Raises:
            InternalError: the row is damaged.
        """
        if len(data) < _HEAD.size:
            raise damaged("manifest")
        count, row_size, crc = _HEAD.unpack_from(data)
        rows_start = _HEAD.size + count * _END.size
        whole = row_size in _BY_SIZE and len(data) == rows_start + count * row_size
        if not whole or zlib.crc32(data[_HEAD.size :]) != crc:
            raise damaged("manifest")
        return Manifest(data[_HEAD.size : rows_start], Parts(data[rows_start:], row_size))

    @property
    def size(self) -> int:
        """Return the size of the object."""
        return self.end(len(self.parts) - 1) if len(self.parts) else 0

    def end(self, index: int) -> int:
        """Return the offset in the object at which part `index` (from 0) ends."""
        return int(_END.unpack_from(self._ends, index * _END.size)[0])

    def start(self, index: int) -> int:
        """Return the offset in the object at which part `index` (from 0) starts."""
        return self.end(index - 1) if index else 0

    def index_at(self, offset: int) -> int:
        """Return the index of the part that contains byte `offset`, by binary search; past the end, the count of parts."""
        return bisect.bisect_right(range(len(self.parts)), offset, key=self.end)

    def __iter__(self) -> Iterator[PartRecord]:
        return iter(self.parts)
