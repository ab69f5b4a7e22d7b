"""What the LMDB steps share: the tables, one transaction a step, ids, counters, names of blobs, trash.

Tables (ids are 8 bytes; blob, manifest and upload ids 16):

    store              b"next_id" -> the next bucket or node id
    buckets            name -> BucketRecord                 deleted_buckets   bucket id -> (empty)
    usage              bucket id -> five signed 64-bit counters
    uploads            ordered (bucket, key), time, nonce -> UploadRecord
    parts              nonce -> part rows, sorted by number (DUPFIXED)
    objects            ordered (bucket, key) -> ObjectRecord
    manifests          manifest id -> Manifest
    inline             blob id -> bytes of a small part     blobs             blob id -> (empty): the blobs that rows name
    tombstones         nonce -> TombstoneRecord             tombstone_times   completed_ns, nonce -> (empty)
    trash              kind, id -> (empty)
"""

import functools
import struct
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from engine.errors import NoSuchBucket, StoreInUse
from engine.limits import Limits
from engine.meta import Trash, Usage
from engine.meta.environment import Environment, Registry, Transaction
from engine.meta.keys import ID_SIZE, OrderedNames
from engine.meta.records import BucketRecord, Flag, PartRecord, seal, unpacker
from engine.meta.writer import Writer

TABLES: dict[str, dict[str, bool]] = {
    "store": {}, "buckets": {}, "deleted_buckets": {}, "usage": {}, "uploads": {},
    "parts": {"dupsort": True, "dupfixed": True}, "objects": {}, "manifests": {}, "inline": {}, "blobs": {},
    "tombstones": {}, "tombstone_times": {}, "trash": {},
}  # fmt: skip
_USAGE = struct.Struct(">5q")
_bucket_record = unpacker(BucketRecord)

_registry = Registry()  # the one piece of module state: LMDB allows one environment a process and directory
_registry.watch_forks()


class _Shared:
    """What all Stores of a process on one directory share: the environment and its writer."""

    def __init__(self, path: str, map_size_bytes: int, read_only: bool, queue_depth_max: int) -> None:
        self.environment = Environment(path, TABLES, map_size_bytes, read_only)
        self._queue_depth_max = queue_depth_max
        self.writer = Writer(self.environment, queue_depth_max)

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


class LmdbSteps:
    """One LMDB environment, seen from a step inside a transaction."""

    def __init__(self, path: str, *, limits: Limits, map_size_bytes: int, read_only: bool) -> None:
        self._shared: _Shared = _registry.acquire(
            path, lambda: _Shared(path, map_size_bytes, read_only, limits.write_queue_depth_max)
        )
        if self._shared.environment.read_only and not read_only:
            self.close()
            raise StoreInUse(f"{path}: this process has the store open read-only; close that first")
        self._tombstone_lifetime_ns = limits.tombstone_lifetime_s * 10**9

    def close(self) -> None:
        _registry.release(self._shared, self._shared.close)

    @property
    def _table(self) -> dict[str, Any]:
        return self._shared.environment.table

    def _names(self, table: str) -> OrderedNames:
        return OrderedNames(self._table[table], self._new_id)

    def _new_id(self, txn: Transaction) -> bytes:
        table = self._table["store"]
        current: bytes = txn.get(b"next_id", db=table) or (1).to_bytes(ID_SIZE, "big")
        txn.put(b"next_id", (int.from_bytes(current, "big") + 1).to_bytes(ID_SIZE, "big"), db=table)
        return current

    def _bucket(self, txn: Transaction, bucket: str) -> BucketRecord:
        name = bucket.encode(errors="surrogatepass")  # what is no Unicode names no bucket
        found = txn.get(name, db=self._table["buckets"]) if name else None
        if found is None:
            raise NoSuchBucket(BucketName=bucket)
        return _bucket_record(found)

    def _usage(self, txn: Transaction, bucket_id: bytes) -> Usage:
        found = txn.get(bucket_id, db=self._table["usage"])
        return Usage(*_USAGE.unpack(found)) if found else Usage()

    def _add_usage(self, txn: Transaction, bucket_id: bytes, change: Usage) -> None:
        now = self._usage(txn, bucket_id)
        txn.put(
            bucket_id,
            _USAGE.pack(
                now.open_uploads + change.open_uploads,
                now.open_parts + change.open_parts,
                now.open_bytes + change.open_bytes,
                now.objects + change.objects,
                now.object_bytes + change.object_bytes,
            ),
            db=self._table["usage"],
        )

    def _name_blob(self, txn: Transaction, part: PartRecord, inline: bytes | None) -> None:
        if part.flags & Flag.INLINE:
            txn.put(part.blob_id, seal(inline or b""), db=self._table["inline"])
        else:
            txn.put(part.blob_id, b"", db=self._table["blobs"])

    def _throw_away(self, txn: Transaction, trash: Trash) -> None:
        txn.put(trash.kind.value + trash.id, b"", db=self._table["trash"])


Self = TypeVar("Self", bound=LmdbSteps)
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def reads(
    step: Callable[Concatenate[Self, Transaction, Parameters], Result],
) -> Callable[Concatenate[Self, Parameters], Result]:
    """Give a step a read transaction of its own."""

    @functools.wraps(step)
    def run(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return self._shared.environment.read(lambda txn: step(self, txn, *args, **kwargs))

    return run


def writes(
    step: Callable[Concatenate[Self, Transaction, Parameters], Result],
) -> Callable[Concatenate[Self, Parameters], Result]:
    """Give a step its place in the next group commit; it returns once the commit is durable."""

    @functools.wraps(step)
    def run(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return self._shared.writer.submit(lambda txn: step(self, txn, *args, **kwargs))

    return run
