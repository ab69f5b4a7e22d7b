"""Rows: whatever is packed reads back, and whatever is damaged is an InternalError, never other data."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checksums import ALGORITHMS, Algorithm
from engine.errors import InternalError
from engine.meta.parts import CHECKSUM_WIDTHS, ROW_SIZES, Flag, Manifest, PartRecord, Parts
from engine.meta.records import (
    BucketRecord,
    ChecksumPlan,
    Headers,
    Lock,
    LockRule,
    ObjectRecord,
    StoredChecksum,
    TombstoneRecord,
    UploadRecord,
    checked,
    pack_record,
    unpacker,
    with_check_value,
)

ID = st.binary(min_size=16, max_size=16)
U64 = st.integers(0, 2**64 - 1)


def part_with(algorithm: Algorithm | None, *, is_hidden: bool = False) -> st.SearchStrategy[PartRecord]:
    """Parts that keep a checksum of this kind, or none; a hidden one is sealed, and 28 bytes longer."""
    size, name = (algorithm.size + 28 * is_hidden, algorithm.name) if algorithm else (0, "")
    checksum = st.binary(min_size=size, max_size=size)
    flags = st.sampled_from([flags | Flag.SEALED | Flag.HIDDEN if is_hidden else flags for flags in CLEAR_FLAGS])
    return st.builds(PartRecord, st.integers(1, 10_000), U64, U64, ID, ID, flags, checksum, st.just(name))


def hidden_part_with(algorithm: Algorithm | None) -> st.SearchStrategy[PartRecord]:
    return part_with(algorithm, is_hidden=True)


CLEAR_FLAGS = [Flag.NONE, Flag.INLINE, Flag.SEALED, Flag.SEALED | Flag.INLINE]
KINDS_OF_PARTS = st.sampled_from([None, *ALGORITHMS])
PART = KINDS_OF_PARTS.flatmap(part_with) | KINDS_OF_PARTS.flatmap(hidden_part_with)
NARROW_PART = st.sampled_from([None, *(each for each in ALGORITHMS if each.size <= 8)]).flatmap(part_with)
HIDDEN_PART = st.sampled_from([each for each in ALGORITHMS if 4 < each.size <= 32]).flatmap(hidden_part_with)
"""In rows of one width."""
TEXT = st.none() | st.text(max_size=20)
HEADERS = st.builds(
    Headers, st.dictionaries(st.text(max_size=5), st.text(max_size=5)), TEXT, TEXT, TEXT, TEXT, TEXT, TEXT
)
MOMENT = st.integers(0, 2**63 - 1)
ACCOUNT = st.text("0123456789", min_size=12, max_size=12)
TAGS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
LOCK_MODE = st.sampled_from([None, "GOVERNANCE", "COMPLIANCE"])
LOCK = st.builds(Lock, LOCK_MODE, MOMENT, st.booleans())
KIND = st.sampled_from(["COMPOSITE", "FULL_OBJECT"])
CHECKSUM = st.none() | st.builds(StoredChecksum, st.text(max_size=9), KIND, st.binary(max_size=64))
RECORDS = (
    st.builds(
        BucketRecord,
        MOMENT,
        ACCOUNT,
        st.binary(max_size=8),
        st.sampled_from(["", "Enabled", "Suspended"]),
        st.none() | st.builds(LockRule, LOCK_MODE, st.integers(0, 99), st.integers(0, 9)),
        st.booleans(),
    )
    | st.builds(
        UploadRecord, HEADERS, ACCOUNT, TAGS, LOCK, st.builds(ChecksumPlan, st.none() | st.text(max_size=9), KIND), ID
    )
    | st.builds(
        ObjectRecord,
        ID,
        MOMENT,
        st.text(max_size=40),
        MOMENT,
        st.none() | st.integers(1, 10_000),
        HEADERS,
        TAGS,
        LOCK,
        CHECKSUM,
        st.booleans(),
    )
    | st.builds(
        TombstoneRecord,
        ID,
        st.binary(max_size=40),
        ID,
        st.text(max_size=40),
        MOMENT,
        st.none() | st.tuples(MOMENT, ID),
        CHECKSUM,
    )
)


def damaged(data: bytes, draw: st.DataObject) -> bytes:
    """The data with a byte changed, or cut short, or made longer."""
    how = draw.draw(st.sampled_from(["changed", "cut", "longer"]))
    if how == "longer":
        return data + draw.draw(st.binary(min_size=1, max_size=8))
    at = draw.draw(st.integers(0, len(data) - 1))
    if how == "cut":
        return data[:at]
    return data[:at] + bytes([data[at] ^ draw.draw(st.integers(1, 255))]) + data[at + 1 :]


@given(RECORDS)
def test_a_record_reads_back(record: Any) -> None:
    assert unpacker(type(record))(pack_record(record)) == record


@given(RECORDS, st.data())
def test_a_damaged_record_is_an_internal_error(record: Any, data: st.DataObject) -> None:
    packed = damaged(pack_record(record), data)
    with pytest.raises(InternalError, match=f"a metadata row is damaged: {type(record).__name__}"):
        unpacker(type(record))(packed)


def test_a_record_of_another_kind_is_an_internal_error() -> None:
    packed = pack_record(BucketRecord(1, "0" * 12))
    with pytest.raises(InternalError, match="a metadata row is damaged: ObjectRecord"):
        unpacker(ObjectRecord)(packed)


@given(PART)
def test_a_part_reads_back_from_a_row_of_fixed_size(part: PartRecord) -> None:
    row = part.pack()
    width = min(width for width in CHECKSUM_WIDTHS if width >= len(part.checksum))
    assert len(row) == ROW_SIZES[width]
    assert PartRecord.unpack(row) == PartRecord.unpack(memoryview(row)) == part


@given(NARROW_PART, st.integers(0, ROW_SIZES[8] - 1), st.integers(1, 255))
def test_a_part_with_any_byte_changed_is_an_internal_error(part: PartRecord, at: int, change: int) -> None:
    row = bytearray(part.pack())
    row[at] ^= change
    with pytest.raises(InternalError, match="a metadata row is damaged: part"):
        PartRecord.unpack(bytes(row))
    with pytest.raises(InternalError, match="a metadata row is damaged: part"):
        Parts(part.pack() + bytes(row)).verify()


def listed(part: st.SearchStrategy[PartRecord]) -> st.SearchStrategy[list[PartRecord]]:
    """Some parts of one upload."""
    return st.lists(part, max_size=6, unique_by=lambda each: each.number)


@given(st.sampled_from([NARROW_PART, HIDDEN_PART]).flatmap(listed))
def test_parts_are_a_sequence_with_columns(parts: list[PartRecord]) -> None:
    parts.sort(key=lambda part: part.number)
    packed = [part.pack() for part in parts]
    rows = Parts(b"".join(packed), len(packed[0])) if parts else Parts()
    rows.verify()
    assert (len(rows), list(rows), rows[:]) == (len(parts), parts, tuple(parts))
    numbers, sizes, etags, checksums = rows.columns()
    assert checksums == [part.checksum for part in parts]
    assert list(numbers) == [part.number for part in parts]
    assert list(sizes) == [part.size for part in parts]
    assert list(etags) == [part.etag for part in parts]
    assert rows.size() == sum(part.size for part in parts)
    for inline in (True, False):
        wanted = tuple(part.blob_id for part in parts if bool(part.flags & Flag.INLINE) is inline)
        assert rows.blob_ids(inline=inline) == wanted
    for outside in (-1, len(parts)):
        with pytest.raises(IndexError):
            rows[outside]


SIZES = st.lists(st.integers(0, 9) | st.integers(0, 5 * 1024**3), min_size=1, max_size=8)


def manifest_of(sizes: list[int]) -> Manifest:
    parts = [PartRecord(number, size, 0, bytes(16), bytes(16)) for number, size in enumerate(sizes, 1)]
    return Manifest.of(Parts(b"".join(part.pack() for part in parts)), sizes)


@given(SIZES, st.data())
def test_a_manifest_finds_the_part_of_any_byte(sizes: list[int], data: st.DataObject) -> None:
    manifest = Manifest.unpack(manifest_of(sizes).pack())
    assert manifest.size == sum(sizes)
    assert [part.size for part in manifest] == sizes
    for index in range(len(sizes)):
        assert (manifest.start(index), manifest.end(index)) == (sum(sizes[:index]), sum(sizes[: index + 1]))
    if not manifest.size:
        return
    offset = data.draw(st.integers(0, manifest.size - 1))
    index = manifest.index_at(offset)
    assert manifest.start(index) <= offset < manifest.end(index)
    assert manifest.index_at(manifest.size) == len(sizes)


def test_an_empty_manifest_has_no_bytes() -> None:
    manifest = Manifest.unpack(Manifest.of(Parts(), ()).pack())
    assert (manifest.size, len(manifest.parts), manifest.index_at(0)) == (0, 0, 0)


@given(SIZES, st.data())
def test_a_damaged_manifest_is_an_internal_error(sizes: list[int], data: st.DataObject) -> None:
    packed = damaged(manifest_of(sizes).pack(), data)
    with pytest.raises(InternalError, match="a metadata row is damaged: manifest"):
        Manifest.unpack(packed)


@given(st.binary(max_size=100), st.data())
def test_a_row_that_does_not_match_its_check_value_is_an_internal_error(body: bytes, data: st.DataObject) -> None:
    assert checked(with_check_value(body), "row") == body
    broken = damaged(with_check_value(body), data)
    with pytest.raises(InternalError, match="a metadata row is damaged: row"):
        checked(broken, "row")
