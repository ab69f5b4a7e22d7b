"""Checks every row of every table: that it can be read, that the rows it names exist, and that a row names it.

The inspection goes on after it finds trouble. It runs in steps with a short transaction each, while others may write. Therefore

- the rows that a row names are looked up in the transaction that reads it;
- a row that no other seems to name is only suspected, and a second walk looks for its name. That walk meets every name that exists from
  its begin to its end: part rows are read before manifests (Complete moves names from the former to the latter, and nothing moves them
  back), and trash, where names end, is read last;
- the rows of a bucket are counted in steps, and, only if the sum differs from the counters, again in one transaction.
"""

import contextlib
import functools
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from engine.errors import InternalError
from engine.meta import TrashKind, Trouble
from engine.meta.lmdb.counts import check_counters
from engine.meta.lmdb.environment import Transaction
from engine.meta.lmdb.objects import LmdbObjects
from engine.meta.lmdb.ordered_names import CHUNK_SIZE, END, ID_SIZE, NODE
from engine.meta.lmdb.steps import PARTS_TABLES, TABLES, read_bucket_record
from engine.meta.lmdb.versions import null_version, object_record
from engine.meta.parts import CHECKSUM_WIDTHS, ROW_SIZES, Flag, Manifest, PartRecord
from engine.meta.records import TombstoneRecord, UploadRecord, checked, unpacker

Item = TypeVar("Item")
Examine = Callable[[Transaction, bytes, bytes], list[Item]]
Name = tuple[str, bytes]
"""A table and a key in it. Any table of parts is written as the first of them, and nodes as _NODES and their table."""

ROWS_A_STEP = 256
BYTES_A_STEP = 1024 * 1024
NAMES_A_PASS = 250_000
SUSPECTS_MAX = 1000
_NODES = "nodes of "
_SUFFIX_SIZES = {"uploads": 24, "objects": 24, "nulls": 0, "removals": 0}
"""The tables of ordered names, and the size of the suffix of their row keys."""
_BLOB_ID_SIZE = 16
_ID_MAX = b"\xff" * ID_SIZE
_PARTS = PARTS_TABLES[0]
_TABLES_BY_ROW = dict(zip((ROW_SIZES[width] for width in CHECKSUM_WIDTHS), PARTS_TABLES, strict=True))
_NAMING_TABLES = ("uploads", *PARTS_TABLES, "objects", "manifests", "nulls", "removals", "trash")
"""The tables whose rows name other rows, in the order in which names move between them."""
_TRASH_TABLES = {TrashKind.MANIFEST: "manifests", TrashKind.UPLOAD: _PARTS, TrashKind.BLOB: "blobs"}
_TIME = struct.Struct(">Q16s")
_upload_record = unpacker(UploadRecord)
_tombstone_record = unpacker(TombstoneRecord)


class Inspection:
    """One inspection of a metadata environment. `report` gets each trouble, some more than once."""

    def __init__(self, meta: LmdbObjects, report: Callable[[Trouble], None]) -> None:
        self._meta = meta
        self._report = report
        self._bucket_ids = set[bytes]()
        self._known_below = b""

    def steps(self) -> Iterator[None]:
        """Check everything, a step at a time; the caller may stop after any."""
        for table in TABLES:
            for troubles in self._each(table, self._troubles_of(table)):
                for trouble in troubles:
                    self._report(trouble)
                yield
        yield from self._find_orphans()
        for bucket_id in self._meta._shared.environment.read(self._all_buckets):
            yield from check_counters(self._meta, bucket_id, self._report)

    def _each(self, table: str, examine: Examine[Item]) -> Iterator[list[Item]]:
        """Yield, a step at a time, what `examine` returns for each key of a table and its (first) value."""

        def some(txn: Transaction) -> tuple[bytes, bool, list[Item]]:
            key, found, size = b"", list[Item](), 0
            with txn.cursor(self._meta._table[table]) as cursor:
                more = cursor.set_range(after + b"\x00") if after else cursor.first()
                for _ in range(ROWS_A_STEP):
                    if not more or size > BYTES_A_STEP:
                        break
                    key, value = cursor.item()
                    size += len(value) * (cursor.count() if table in PARTS_TABLES else 1)
                    found += examine(txn, key, value)
                    more = cursor.next_nodup()
            return key, more, found

        after, more = b"", True
        while more:
            try:
                after, more, found = self._meta._shared.environment.read(some)
            except InternalError as error:
                self._report(("corrupt", f"{table}, from {after.hex() or 'its first row'} on: {error.reason}"))
                return
            yield found

    # Each row, and the rows that it names

    def _troubles_of(self, table: str) -> Examine[Trouble]:
        inspect = getattr(self, "_parts_row" if table in PARTS_TABLES else f"_{table}_row")

        def examine(txn: Transaction, key: bytes, value: bytes) -> list[Trouble]:
            where = f"{table} {key.hex()}"
            try:
                found = [each for each in inspect(txn, key, value) if each]
                return [each if isinstance(each, tuple) else ("broken", f"{where}: {each}") for each in found]
            except InternalError as error:
                return [("corrupt", key.hex() if table == "inline" else f"{where}: {error.reason}")]
            except (ValueError, struct.error):
                return [("corrupt", f"{where}: it has not the form of such a row")]

        return examine

    def _has(self, txn: Transaction, table: str, key: bytes) -> bool:
        tables = PARTS_TABLES if table == _PARTS else (table,)
        for each in tables:
            with txn.cursor(self._meta._table[each]) as cursor:
                if key and cursor.set_key(key):
                    return True
        return False

    def _missing(self, txn: Transaction, table: str, key: bytes, what: str) -> str:
        return "" if self._has(txn, table, key) else f"{what} {key.hex()}, which is not there"

    def _is_bucket(self, txn: Transaction, bucket_id: bytes) -> bool:
        """Tell whether an id is that of a bucket, or of a deleted one that is not drained yet."""
        if bucket_id not in self._bucket_ids and bucket_id >= self._known_below:
            self._known_below = self._id_end(txn)
            with txn.cursor(self._meta._table["buckets"]) as cursor:
                for value in cursor.iternext(keys=False):
                    with contextlib.suppress(InternalError):  # reported with its own row
                        self._bucket_ids.add(read_bucket_record(value).id)
        return bucket_id in self._bucket_ids or self._has(txn, "deleted_buckets", bucket_id)

    def _all_buckets(self, txn: Transaction) -> list[bytes]:
        self._known_below = b""
        self._is_bucket(txn, b"")
        with txn.cursor(self._meta._table["deleted_buckets"]) as cursor:
            return [*self._bucket_ids, *cursor.iternext(values=False)]

    def _id_end(self, txn: Transaction) -> bytes:
        """Return the next id to be assigned, which is above all existing ones."""
        try:
            return self._meta._next_id(txn)
        except InternalError:  # reported with its own row
            return _ID_MAX

    def _store_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        checked(value, key.decode())
        if key not in (b"identity", b"next_id"):
            yield "nothing is known of such a row"

    def _buckets_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        record = read_bucket_record(value)
        if not key.decode().isascii() or record.id >= self._id_end(txn):
            yield f"has the id {record.id.hex()}, which was never given"
        if self._has(txn, "deleted_buckets", record.id):
            yield "is among the deleted ones as well"

    def _deleted_buckets_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        _require(len(key) == ID_SIZE and not value)
        if key >= self._id_end(txn):
            yield "has an id that was never given"

    def _configurations_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        checked(value, "a configuration")
        yield "" if self._is_bucket(txn, key[:ID_SIZE]) else "belongs to no bucket"

    def _usage_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        self._meta._usage(txn, key)
        yield "" if self._is_bucket(txn, key) else "belongs to no bucket"

    def _uploads_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        suffix = _suffix_of("uploads", key, value)
        if suffix is None:
            yield self._node(txn, "uploads", value)
            return
        _upload_record(value)
        if self._has(txn, "trash", TrashKind.UPLOAD.value + suffix[ID_SIZE:]):
            yield "is in the trash as well"

    def _objects_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        if _suffix_of("objects", key, value) is None:
            yield self._node(txn, "objects", value)
            return
        record = object_record(value)
        if not record.is_delete_marker:
            yield self._missing(txn, "manifests", record.manifest_id, "names the manifest")
            if self._has(txn, "trash", TrashKind.MANIFEST.value + record.manifest_id):
                yield "is in the trash as well"

    def _nulls_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        if _suffix_of("nulls", key, value) is None:
            yield self._node(txn, "nulls", value)
        else:
            null_version(value)

    def _removals_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        if _suffix_of("removals", key, value) is None:
            yield self._node(txn, "removals", value)
        else:
            checked(value, "the mark of a removal")

    def _node(self, txn: Transaction, table: str, child: bytes) -> str:
        return (
            f"names the node {child.hex()}, below which nothing is"
            if self._meta._names(table).is_empty(txn, child)
            else ""
        )

    def _parts_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str | Trouble]:
        _require(len(key) == _BLOB_ID_SIZE and len(value) in _TABLES_BY_ROW)
        table = _TABLES_BY_ROW[len(value)]
        for row in self._part_rows(txn, table, key):
            try:
                part = PartRecord.unpack(row)
            except InternalError as error:
                yield "corrupt", f"{table} {key.hex()}: {error.reason}"
                continue
            yield from self._part(txn, part)
            if self._has(txn, "trash", TrashKind.BLOB.value + part.blob_id):
                yield f"part {part.number} is in the trash as well"

    def _manifests_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        _require(len(key) == _BLOB_ID_SIZE)
        for part in Manifest.unpack(value).parts:
            yield from self._part(txn, part)

    def _part(self, txn: Transaction, part: PartRecord) -> Iterator[str]:
        yield self._missing(txn, _blob_table(part), part.blob_id, f"part {part.number} names the blob")

    def _inline_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        _require(len(key) == _BLOB_ID_SIZE)
        checked(value, "the bytes of a small part")
        yield ""

    def _blobs_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        _require(len(key) == _BLOB_ID_SIZE and not value)
        yield ""

    def _tombstones_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        time = _TIME.pack(_tombstone_record(value).completed_ns, key)
        yield self._missing(txn, "tombstone_times", time, "names the time")

    def _tombstone_times_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        _require(not value)
        yield self._missing(txn, "tombstones", _TIME.unpack(key)[1], "names the tombstone")

    def _trash_row(self, txn: Transaction, key: bytes, value: bytes) -> Iterator[str]:
        _require(len(key) == 1 + _BLOB_ID_SIZE and not value)
        kind = TrashKind(key[:1])
        yield self._missing(txn, _TRASH_TABLES[kind], key[1:], f"names the {kind.name.lower()}")

    # Rows that no row names

    def _find_orphans(self) -> Iterator[None]:
        """Look for orphans, in so many passes that the number of names in memory is bounded."""
        passes = self._meta._shared.environment.read(self._count_rows) // NAMES_A_PASS + 1
        for number in range(passes):
            named = set[Name]()
            for names in self._names():
                named.update(name for name in names if zlib.crc32(name[1]) % passes == number)
                yield
            suspects = set[Name]()
            for rows in self._rows_to_name():
                unnamed = (name for name in rows if zlib.crc32(name[1]) % passes == number and name not in named)
                suspects.update(itertools.islice(unnamed, SUSPECTS_MAX - len(suspects)))
                yield
            if suspects:
                yield from self._confirm_orphans(suspects)

    def _confirm_orphans(self, suspects: set[Name]) -> Iterator[None]:
        for names in self._names():
            suspects.difference_update(names)
            yield
        for trouble in self._meta._shared.environment.read(lambda txn: self._orphans(txn, suspects)):
            self._report(trouble)

    def _count_rows(self, txn: Transaction) -> int:
        return sum(int(txn.stat(self._meta._table[table])["entries"]) for table in TABLES)

    def _names(self) -> Iterator[list[Name]]:
        """Yield the names of rows that rows contain."""
        for table in _NAMING_TABLES:
            yield from self._each(table, self._names_of(table))

    def _names_of(self, table: str) -> Examine[Name]:
        def examine(txn: Transaction, key: bytes, value: bytes) -> list[Name]:
            try:
                return self._names_in(txn, table, key, value)
            except (InternalError, ValueError, struct.error):
                return []  # reported with its own row

        return examine

    def _names_in(self, txn: Transaction, table: str, key: bytes, value: bytes) -> list[Name]:
        if table == "trash":
            return [(_TRASH_TABLES[TrashKind(key[:1])], key[1:])]
        if table in PARTS_TABLES:
            return [(_blob_table(part), part.blob_id) for part in self._sound_parts(txn, table, key)]
        if table == "manifests":
            return [(_blob_table(part), part.blob_id) for part in Manifest.unpack(value).parts]
        suffix = _suffix_of(table, key, value)
        if suffix is None:
            return [(_NODES + table, value)]
        if table == "uploads":
            return [(_PARTS, suffix[ID_SIZE:])]
        return [("manifests", object_record(value).manifest_id)] if table == "objects" else []

    def _sound_parts(self, txn: Transaction, table: str, key: bytes) -> Iterator[PartRecord]:
        for row in self._part_rows(txn, table, key):
            with contextlib.suppress(InternalError):
                yield PartRecord.unpack(row)

    def _part_rows(self, txn: Transaction, table: str, key: bytes) -> list[bytes]:
        with txn.cursor(self._meta._table[table]) as cursor:
            cursor.set_key(key)
            return list(cursor.iternext_dup())

    def _rows_to_name(self) -> Iterator[list[Name]]:
        """Yield the names of the rows and nodes that a row has to name."""
        for table in ("blobs", "inline", "manifests", *PARTS_TABLES):
            name_table = _PARTS if table in PARTS_TABLES else table
            yield from self._each(table, functools.partial(_own_name, name_table))
        for table in _SUFFIX_SIZES:
            yield from self._each(table, functools.partial(self._parent, table))

    def _parent(self, table: str, txn: Transaction, key: bytes, value: bytes) -> list[Name]:
        parent = key[:ID_SIZE]
        return [] if self._is_bucket(txn, parent) else [(_NODES + table, parent)]

    def _orphans(self, txn: Transaction, suspects: set[Name]) -> list[Trouble]:
        kinds = {table: kind.value for kind, table in _TRASH_TABLES.items()}
        found = list[Trouble]()
        for table, key in sorted(suspects):
            if table.startswith(_NODES):
                ordered = table.removeprefix(_NODES)
                if not self._meta._names(ordered).is_empty(txn, key):
                    found.append(("broken", f"{ordered}: rows begin with {key.hex()}, which is no bucket and no node"))
            elif self._has(txn, table, key) and not self._has(txn, "trash", kinds.get(table, b"") + key):
                found.append(("broken", f"{table} {key.hex()}: no row names it"))
        return found


def _own_name(table: str, txn: Transaction, key: bytes, value: bytes) -> list[Name]:
    return [(table, key)]


def _blob_table(part: PartRecord) -> str:
    return "inline" if part.flags & Flag.INLINE else "blobs"


def _require(is_so: bool) -> None:
    if not is_so:
        raise ValueError


def _suffix_of(table: str, key: bytes, value: bytes) -> bytes | None:
    """Return the suffix of a row of ordered names, or None for a node.

    Raises:
        ValueError: the row is neither.
    """
    end = key.find(END, ID_SIZE)
    if end < 0:
        _require(len(key) == ID_SIZE + CHUNK_SIZE + len(NODE) and key.endswith(NODE) and len(value) == ID_SIZE)
        return None
    _require(len(key) == end + len(END) + _SUFFIX_SIZES[table])
    return key[end + len(END) :]
