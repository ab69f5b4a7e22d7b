"""What a metadata row holds and how it is packed; every row carries a check value, since LMDB's pages have none.

Small records are msgpack arrays behind a CRC-32. Parts are fixed-width rows, so that a page of an upload's parts is copied into a
manifest as it is, and a manifest is searched in place:

    part row   big-endian: number u16, flags u16, size u64, modified_ns u64, blob id 16, ETag 16; then the CRC-32 of these,
               little-endian, so that the CRC-32 of a whole sound row is always the same (SOUND_ROW)
    manifest   count u32, CRC-32 of the rest, then `count` cumulative end offsets u64, then `count` part rows
"""

import bisect
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, TypeVar

import msgspec

from engine.errors import InternalError

_PART = struct.Struct(">HHQQ16s16s4x")
_HEAD = struct.Struct(">II")
_END = struct.Struct(">Q")
_CRC = struct.Struct(">I")
PART_ROW_SIZE = _PART.size
_ROW = struct.Struct(f"{PART_ROW_SIZE}s")
_CHECKED = PART_ROW_SIZE - _CRC.size
SOUND_ROW = 0x2144DF1C
"""CRC-32 of any bytes followed by their own CRC-32, least significant byte first."""


class Flag(IntFlag):
    """How a part is kept."""

    NONE = 0
    INLINE = 1
    """The bytes are in a row of their own, not in a blob."""


class Headers(msgspec.Struct, frozen=True, array_like=True):
    """What the creator said about an object and what travels with it: content headers and the user's metadata."""

    metadata: dict[str, str] = {}
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_type: str | None = None
    expires: str | None = None


class BucketRecord(msgspec.Struct, frozen=True, array_like=True):
    """A bucket; `id` is given by the place that keeps it and never used again."""

    created_ns: int
    id: bytes = b""


class UploadRecord(msgspec.Struct, frozen=True, array_like=True):
    """An open multipart upload, as CreateMultipartUpload made it."""

    headers: Headers


class ObjectRecord(msgspec.Struct, frozen=True, array_like=True):
    """A completed object; `part_count` is None for a plain PUT. The ETag is bare, without its quotes."""

    manifest_id: bytes
    size: int
    etag: str
    modified_ns: int
    part_count: int | None
    headers: Headers


class TombstoneRecord(msgspec.Struct, frozen=True, array_like=True):
    """A completed upload, so that a repeated Complete gets the same answer."""

    bucket_id: bytes
    key: bytes
    request: bytes
    etag: str
    completed_ns: int


Record = TypeVar("Record", BucketRecord, UploadRecord, ObjectRecord, TombstoneRecord)
_encode = msgspec.msgpack.Encoder().encode


def _damaged(what: str) -> InternalError:
    return InternalError(reason=f"a metadata row is damaged: {what}")


def pack_record(record: Record) -> bytes:
    """Pack a record with its check value."""
    return seal(_encode(record))


def unpacker(kind: type[Record]) -> Callable[[bytes], Record]:
    """A function that unpacks records of one kind, raising InternalError for a damaged one."""
    decode = msgspec.msgpack.Decoder(kind).decode

    def unpack(data: bytes) -> Record:
        try:
            return decode(unseal(data, kind.__name__))
        except msgspec.MsgspecError as error:
            raise _damaged(kind.__name__) from error

    return unpack


def seal(data: bytes) -> bytes:
    """Put a CRC-32 before the bytes."""
    return _CRC.pack(zlib.crc32(data)) + data


def unseal(data: bytes, what: str) -> bytes:
    """Check and strip the CRC-32.

    Raises:
        InternalError: it does not match; `what` names the row.
    """
    body = data[_CRC.size :]
    if len(data) < _CRC.size or _CRC.unpack_from(data)[0] != zlib.crc32(body):
        raise _damaged(what)
    return body


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One part that counts; size in bytes, `etag` is the MD5 of its bytes."""

    number: int
    size: int
    modified_ns: int
    blob_id: bytes
    etag: bytes
    flags: Flag = Flag.NONE

    def pack(self) -> bytes:
        """The part as a row of PART_ROW_SIZE bytes."""
        row = _PART.pack(self.number, self.flags, self.size, self.modified_ns, self.blob_id, self.etag)[:_CHECKED]
        return row + zlib.crc32(row).to_bytes(_CRC.size, "little")

    @staticmethod
    def unpack(row: bytes | memoryview) -> "PartRecord":
        """Read a row back.

        Raises:
            InternalError: its check value does not match.
        """
        number, flags, size, modified_ns, blob_id, etag = _PART.unpack(row)
        if zlib.crc32(row) != SOUND_ROW:
            raise _damaged(f"part {number}")
        return PartRecord(number, size, modified_ns, blob_id, etag, Flag(flags))


class Parts(Sequence[PartRecord]):
    """Part rows side by side, ordered by number; columns are taken out without making a record of each row."""

    __slots__ = ("rows",)

    def __init__(self, rows: bytes) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows) // PART_ROW_SIZE

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        if not 0 <= index < len(self):
            raise IndexError(index)
        return PartRecord.unpack(self.row(index))

    def row(self, index: int) -> bytes:
        """One row, as it is."""
        return self.rows[index * PART_ROW_SIZE : (index + 1) * PART_ROW_SIZE]

    def columns(self) -> tuple[list[int], list[int], list[bytes]]:
        """Numbers, sizes and ETags of all parts."""
        fields = list(_PART.iter_unpack(self.rows))
        return [row[0] for row in fields], [row[2] for row in fields], [row[5] for row in fields]

    def blob_ids(self, *, inline: bool) -> tuple[bytes, ...]:
        """The ids of the parts kept in rows, or of those kept in blobs."""
        return tuple(row[4] for row in _PART.iter_unpack(self.rows) if bool(row[1] & Flag.INLINE) is inline)

    def size(self) -> int:
        """Bytes of all parts together."""
        return sum(row[2] for row in _PART.iter_unpack(self.rows))

    def verify(self) -> None:
        """Check every row.

        Raises:
            InternalError: one is damaged.
        """
        rows = [row for (row,) in _ROW.iter_unpack(self.rows)]
        if not set(map(zlib.crc32, rows)) <= {SOUND_ROW}:
            damaged = next(row for row in rows if zlib.crc32(row) != SOUND_ROW)
            raise _damaged(f"part {int.from_bytes(damaged[:2], 'big')}")


class Manifest:
    """The parts of a completed object in order, with their end offsets; read in place."""

    __slots__ = ("_ends", "parts")

    def __init__(self, ends: bytes, parts: Parts) -> None:
        self._ends = ends
        self.parts = parts

    @staticmethod
    def of(rows: bytes, sizes: Sequence[int]) -> "Manifest":
        """Lay out a manifest from rows and their sizes."""
        return Manifest(struct.pack(f">{len(sizes)}Q", *itertools.accumulate(sizes)), Parts(rows))

    def pack(self) -> bytes:
        """The manifest as one row."""
        body = self._ends + self.parts.rows
        return _HEAD.pack(len(self.parts), zlib.crc32(body)) + body

    @staticmethod
    def unpack(data: bytes) -> "Manifest":
        """Read a row back.

        Raises:
            InternalError: it is damaged.
        """
        if len(data) < _HEAD.size:
            raise _damaged("manifest")
        count, crc = _HEAD.unpack_from(data)
        ends_size = count * _END.size
        if len(data) != _HEAD.size + ends_size + count * PART_ROW_SIZE or zlib.crc32(data[_HEAD.size :]) != crc:
            raise _damaged("manifest")
        rows_start = _HEAD.size + ends_size
        return Manifest(data[_HEAD.size : rows_start], Parts(data[rows_start:]))

    @property
    def size(self) -> int:
        """Bytes of the object."""
        return self.end(len(self.parts) - 1) if len(self.parts) else 0

    def end(self, index: int) -> int:
        """Where part `index` (from 0) ends in the object."""
        return int(_END.unpack_from(self._ends, index * _END.size)[0])

    def start(self, index: int) -> int:
        """Where part `index` (from 0) starts in the object."""
        return self.end(index - 1) if index else 0

    def index_at(self, offset: int) -> int:
        """The part that holds byte `offset`, by binary search; the count of parts if it lies past the end."""
        return bisect.bisect_right(range(len(self.parts)), offset, key=self.end)

    def __iter__(self) -> Iterator[PartRecord]:
        return iter(self.parts)
