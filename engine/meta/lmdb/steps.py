"""The base of the LMDB steps: tables, one transaction a step, ids, counters, blob rows and trash.

Tables (bucket and node ids have 8 bytes; blob and manifest ids and the nonces of uploads and versions 16):

    store              b"identity" -> the owner_id in FORMAT; b"next_id" -> the next bucket or node id
    buckets            name -> BucketRecord                 deleted_buckets   bucket id -> (empty)
    usage              bucket id -> five signed 64-bit counters
    configurations     bucket id, name -> a document        uploads           ordered (bucket, key), time, nonce -> UploadRecord
    parts_8, _32, _64  nonce -> part rows of one width, sorted by number (DUPFIXED)
    objects            ordered (bucket, key), inverted order, nonce -> ObjectRecord
    nulls              ordered (bucket, key) -> order of the null version, if that may not be the oldest version
    removals           ordered (bucket, key) -> a random id, new whenever the current object of a key with open uploads is deleted
    manifests          manifest id -> Manifest
    inline             blob id -> bytes of a small part     blobs             blob id -> (empty), of each blob that is a file
    tombstones         nonce -> TombstoneRecord             tombstone_times   completed_ns, nonce -> (empty)
    trash              kind, id -> (empty)

Every value that is not empty has a check value, except the id of a node, which is right if rows begin with it. `inspection` states what
the rows of each table must hold and name.
"""

import functools
import operator
import os
import struct
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from engine.errors import ConditionalRequestConflict, InternalError, NoSuchBucket, NotAStore, StoreInUse
from engine.limits import Limits
from engine.meta import UPLOAD_NONCE_SIZE, Configuration, Trash, Usage
from engine.meta.lmdb.environment import RESTORE, Environment, Tables, Transaction, check_files, create
from engine.meta.lmdb.ordered_names import ID_SIZE, OrderedNames
from engine.meta.lmdb.registry import Registry
from engine.meta.lmdb.writer import Writer
from engine.meta.parts import CHECKSUM_WIDTHS, ROW_SIZES, Flag, PartRecord, Parts
from engine.meta.records import BucketRecord, checked, unpacker, with_check_value
from engine.record import astuple

PARTS_TABLES = tuple(f"parts_{width}" for width in CHECKSUM_WIDTHS)
TABLES: dict[str, dict[str, bool]] = {
    "store": {}, "buckets": {}, "deleted_buckets": {}, "configurations": {}, "usage": {}, "uploads": {}, "objects": {}, "nulls": {},
    "removals": {}, "manifests": {}, "inline": {}, "blobs": {}, "tombstones": {}, "tombstone_times": {}, "trash": {},
} | {table: {"dupsort": True, "dupfixed": True} for table in PARTS_TABLES}  # fmt: skip
_KEYED_ROWS = {
    f"parts_{width}": (ROW_SIZES[width], struct.Struct(f"{UPLOAD_NONCE_SIZE}x{ROW_SIZES[width]}s"))
    for width in CHECKSUM_WIDTHS
}
"""LMDB returns part rows in bulk, each behind its key."""
_USAGE = struct.Struct(">5q")
_IDENTITY, _NEXT_ID = b"identity", b"next_id"
_LOOK_MAP_SIZE = 1 << 24
read_bucket_record = unpacker(BucketRecord)

_registry = Registry()  # state of the module: LMDB allows a process one environment a directory
_registry.watch_forks()


class _Shared:
    """The environment and its writer, which all Stores of a process on one directory share."""

    def __init__(self, path: str, identity: str, map_size_bytes: int, read_only: bool, queue_depth_max: int) -> None:
        self.path, self.identity = path, identity
        self.environment = Environment(path, TABLES, map_size_bytes, read_only, self._recognise)
        self._queue_depth_max = queue_depth_max
        self.writer = Writer(self.environment, queue_depth_max)

    def _recognise(self, txn: Transaction, tables: Tables) -> None:
        found = txn.get(_IDENTITY, db=tables["store"])
        try:
            is_ours = found is not None and checked(found, "the identity of the store") == self.identity.encode()
        except InternalError as error:
            raise NotAStore(f"{self.path}: {error.reason}; {RESTORE}") from error
        if not is_ours:
            raise _foreign(self.path)

    def close_for_fork(self) -> None:
        self.environment.close_for_fork()

    def admit_after_fork(self) -> None:
        self.environment.admit_after_fork()

    def renew_in_child(self) -> None:
        self.environment.renew_in_child()
        self.writer = Writer(self.environment, self._queue_depth_max)

    def close(self) -> None:
        self.writer.close()
        self.environment.close()


def create_metadata(path: str, identity: str) -> None:
    """Create the metadata of an empty store in an existing empty directory. It is durable on return, the directory's name is not.

    Raises:
        OSError: a system call failed.
        StoreError, InternalError: LMDB failed.
    """

    def fill(txn: Transaction, tables: Tables) -> None:
        txn.put(_IDENTITY, with_check_value(identity.encode()), db=tables["store"])

    create(path, TABLES, fill)


def holds_nothing(path: str) -> bool:
    """Tell whether metadata, of whatever store, is still as `create_metadata` made it.

    Raises:
        NotAStore: it is missing or damaged.
        StoreError, InternalError: it can't be opened.
    """
    environment = Environment(path, TABLES, _LOOK_MAP_SIZE, True)
    try:
        rows = environment.read(lambda txn: sum(int(txn.stat(each)["entries"]) for each in environment.table.values()))
    finally:
        environment.close()
    return rows == 1


def _foreign(path: str) -> NotAStore:
    return NotAStore(f"{path}: the metadata of another store than FORMAT says; {RESTORE}")


class LmdbSteps:
    """The base of the steps on one LMDB environment. `identity` is the owner_id in the store's FORMAT."""

    def __init__(self, path: str, *, identity: str, limits: Limits, map_size_bytes: int, read_only: bool) -> None:
        if not os.path.isdir(path):
            check_files(path)
        self._reference = _registry.acquire(
            path, lambda: _Shared(path, identity, map_size_bytes, read_only, limits.write_queue_depth_max)
        )
        self._shared: _Shared = self._reference.target
        if self._shared.identity != identity:
            self.close()
            raise _foreign(path)
        if self._shared.environment.read_only and not read_only:
            self.close()
            raise StoreInUse(f"{path}: this process has the store open read-only; close that first")
        self._tombstone_lifetime_ns = limits.tombstone_lifetime_s * 10**9

    def close(self) -> None:
        self._reference.close()

    @property
    def _table(self) -> dict[str, Any]:
        return self._shared.environment.table

    def _names(self, table: str) -> OrderedNames:
        return OrderedNames(self._table[table], self._new_id)

    def _new_id(self, txn: Transaction) -> bytes:
        table = self._table["store"]
        current = self._next_id(txn)
        txn.put(_NEXT_ID, with_check_value((int.from_bytes(current, "big") + 1).to_bytes(ID_SIZE, "big")), db=table)
        return current

    def _next_id(self, txn: Transaction) -> bytes:
        found = txn.get(_NEXT_ID, db=self._table["store"])
        return checked(found, "the next id") if found is not None else (1).to_bytes(ID_SIZE, "big")

    def _bucket(self, txn: Transaction, bucket: str) -> BucketRecord:
        name = bucket.encode(errors="surrogatepass")  # a lone surrogate, which no bucket name has
        found = txn.get(name, db=self._table["buckets"]) if name else None
        if found is None:
            raise NoSuchBucket(BucketName=bucket)
        return read_bucket_record(found)

    def _configuration(self, txn: Transaction, bucket_id: bytes, name: str) -> bytes | None:
        found = txn.get(bucket_id + name.encode(), db=self._table["configurations"])
        return checked(found, f"the {name} configuration of a bucket") if found is not None else None

    def _check_basis(self, txn: Transaction, bucket_id: bytes, basis: Configuration | None) -> None:
        """Refuse a decision that was based on a configuration that has changed since."""
        if basis is not None and self._configuration(txn, bucket_id, basis.name) != basis.document:
            raise ConditionalRequestConflict(reason=f"the {basis.name} configuration was changed meanwhile")

    def _usage(self, txn: Transaction, bucket_id: bytes) -> Usage:
        found = txn.get(bucket_id, db=self._table["usage"])
        return Usage(*_USAGE.unpack(checked(found, "the counters of a bucket"))) if found else Usage()

    def _add_usage(self, txn: Transaction, bucket_id: bytes, change: Usage) -> None:
        now = self._usage(txn, bucket_id)
        txn.put(
            bucket_id,
            with_check_value(_USAGE.pack(*map(operator.add, astuple(now), astuple(change)))),
            db=self._table["usage"],
        )

    def _add_blob(self, txn: Transaction, part: PartRecord, inline: bytes | None) -> None:
        if part.flags & Flag.INLINE:
            txn.put(part.blob_id, with_check_value(inline or b""), db=self._table["inline"])
        else:
            txn.put(part.blob_id, b"", db=self._table["blobs"])

    def _parts_table(self, part: PartRecord) -> Any:
        return self._table[f"parts_{part.width}"]

    def _parts(self, txn: Transaction, nonce: bytes) -> Parts:
        """Return all part rows of an upload, which are in one of the tables, without the key that LMDB puts before each."""
        for table, (row_size, keyed) in _KEYED_ROWS.items():
            with txn.cursor(self._table[table]) as cursor:
                packed = bytes(cursor.getmulti([nonce], dupdata=True, dupfixed_bytes=row_size, keyfixed=True))
            if packed:
                return Parts(b"".join([row for (row,) in keyed.iter_unpack(packed)]), row_size)
        return Parts()

    def _drop_parts(self, txn: Transaction, nonce: bytes) -> None:
        for table in PARTS_TABLES:
            txn.delete(nonce, db=self._table[table])

    def _add_trash(self, txn: Transaction, trash: Trash) -> None:
        txn.put(trash.kind.value + trash.id, b"", db=self._table["trash"])


Self = TypeVar("Self", bound=LmdbSteps)
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def reads(
    step: Callable[Concatenate[Self, Transaction, Parameters], Result],
) -> Callable[Concatenate[Self, Parameters], Result]:
    """Decorate a step so that it runs in a read transaction of its own."""

    @functools.wraps(step)
    def run(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return self._shared.environment.read(lambda txn: step(self, txn, *args, **kwargs))

    return run


def writes(
    step: Callable[Concatenate[Self, Transaction, Parameters], Result],
) -> Callable[Concatenate[Self, Parameters], Result]:
    """Decorate a step so that it runs in the next group commit; it returns once that is durable."""

    @functools.wraps(step)
    def run(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return self._shared.writer.submit(lambda txn: step(self, txn, *args, **kwargs))

    return run
