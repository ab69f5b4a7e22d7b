"""Objects and trash in LMDB."""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.errors import CommitUnknown, InternalError, NoSuchKey, StoreFull
from engine.meta import UPLOAD_NONCE_SIZE, ObjectEntry, Page, Trash, TrashKind, Usage
from engine.meta.environment import Transaction
from engine.meta.lmdb_base import LmdbSteps, reads, writes
from engine.meta.paging import page_of
from engine.meta.records import (
    PART_ROW_SIZE,
    Manifest,
    ObjectRecord,
    PartRecord,
    Parts,
    pack_record,
    unpacker,
    unseal,
)

BLOBS_FORGOTTEN_A_STEP = 1000
WALK_ROWS_A_STEP = 16
_object_record = unpacker(ObjectRecord)
_KEYED_ROW = struct.Struct(f"{UPLOAD_NONCE_SIZE}x{PART_ROW_SIZE}s")
"""A part row as LMDB gives it in bulk: behind its key."""


class LmdbObjects(LmdbSteps):
    """The steps on objects and on trash."""

    @writes
    def put_object(
        self, txn: Transaction, bucket: str, key: bytes, record: ObjectRecord, part: PartRecord, inline: bytes | None
    ) -> tuple[Trash, ...]:
        bucket_id = self._bucket(txn, bucket).id
        self._name_blob(txn, part, inline)
        return self._publish(txn, bucket_id, key, record, Manifest.of(part.pack(), (part.size,)))

    def _publish(
        self, txn: Transaction, bucket_id: bytes, key: bytes, record: ObjectRecord, manifest: Manifest
    ) -> tuple[Trash, ...]:
        """Put an object with its manifest, in place of what the key held, which becomes trash."""
        trash = self._unpublish(txn, bucket_id, key)
        txn.put(record.manifest_id, manifest.pack(), db=self._table["manifests"])
        txn.put(self._names("objects").place(txn, bucket_id, key), pack_record(record), db=self._table["objects"])
        self._add_usage(txn, bucket_id, Usage(objects=1, object_bytes=record.size))
        return trash

    def _unpublish(self, txn: Transaction, bucket_id: bytes, key: bytes) -> tuple[Trash, ...]:
        row = self._names("objects").find(txn, bucket_id, key)
        found = txn.pop(row, db=self._table["objects"]) if row else None
        if found is None:
            return ()
        record = _object_record(found)
        self._add_usage(txn, bucket_id, Usage(objects=-1, object_bytes=-record.size))
        trash = Trash(TrashKind.MANIFEST, record.manifest_id)
        self._throw_away(txn, trash)
        return (trash,)

    @reads
    def find_object(self, txn: Transaction, bucket: str, key: bytes) -> ObjectRecord:
        row = self._names("objects").find(txn, self._bucket(txn, bucket).id, key)
        found = txn.get(row, db=self._table["objects"]) if row else None
        if found is None:
            raise NoSuchKey(Key=key.decode(errors="replace"))
        return _object_record(found)

    @writes
    def delete_objects(self, txn: Transaction, bucket: str, keys: tuple[bytes, ...]) -> tuple[Trash, ...]:
        bucket_id = self._bucket(txn, bucket).id
        trash: list[Trash] = []
        for key in keys:
            removed = self._unpublish(txn, bucket_id, key)
            if removed:
                self._names("objects").prune(txn, bucket_id, key)
            trash += removed
        return tuple(trash)

    @reads
    def list_objects(
        self, txn: Transaction, bucket: str, prefix: bytes, delimiter: bytes, after: bytes, limit: int
    ) -> Page[ObjectEntry]:
        bucket_id, names = self._bucket(txn, bucket).id, self._names("objects")
        return page_of(
            lambda lower, suffix: names.scan(txn, bucket_id, lower, suffix),
            lambda row: ObjectEntry(row[0], _object_record(row[2])),
            prefix=prefix, delimiter=delimiter, marker=after, marker_suffix=None, limit=limit,
        )  # fmt: skip

    @reads
    def find_manifest(self, txn: Transaction, manifest_id: bytes) -> Manifest | None:
        found = txn.get(manifest_id, db=self._table["manifests"])
        return Manifest.unpack(found) if found is not None else None

    @reads
    def read_inline(self, txn: Transaction, blob_id: bytes) -> bytes:
        found = txn.get(blob_id, db=self._table["inline"])
        if found is None:
            raise InternalError(reason=f"the bytes of the small part {blob_id.hex()} are not there")
        return unseal(found, f"the bytes of the small part {blob_id.hex()}")

    @reads
    def names_blob(self, txn: Transaction, blob_id: bytes) -> bool:
        return txn.get(blob_id, db=self._table["blobs"]) is not None

    # Trash

    @reads
    def next_trash(self, txn: Transaction, limit: int) -> tuple[Trash, ...]:
        found: list[Trash] = []
        with txn.cursor(self._table["trash"]) as cursor:
            more = cursor.first()
            while more and len(found) < limit:
                row = cursor.key()
                found.append(Trash(TrashKind(row[:1]), row[1:]))
                more = cursor.next()
        return tuple(found)

    @reads
    def count_trash(self, txn: Transaction) -> int:
        return int(txn.stat(self._table["trash"])["entries"])

    def trash_blobs(self, trash: Trash) -> tuple[bytes, ...]:
        return self._trash_names(trash)[0]

    def _trash_parts(self, txn: Transaction, trash: Trash) -> Parts:
        if trash.kind is TrashKind.UPLOAD:
            return self._parts(txn, trash.id)
        found = txn.get(trash.id, db=self._table["manifests"])
        return Manifest.unpack(found).parts if found is not None else Parts(b"")

    def _parts(self, txn: Transaction, nonce: bytes) -> Parts:
        """All part rows of an upload; the key that LMDB puts before each row is cut off."""
        with txn.cursor(self._table["parts"]) as cursor:
            packed = bytes(cursor.getmulti([nonce], dupdata=True, dupfixed_bytes=PART_ROW_SIZE, keyfixed=True))
        return Parts(b"".join([row for (row,) in _KEYED_ROW.iter_unpack(packed)]))

    def forget(self, trash: Trash) -> None:
        """Drop a piece of trash and its rows, in steps that hold the write lock shortly; the trash row goes last.

        A commit needs a new page for each page it changes, before it frees any: on a full disk only small steps find as many.
        """
        blobs, inline = map(sorted, self._trash_names(trash))  # neighbours share pages
        count, done, size = max(len(blobs), len(inline)), 0, BLOBS_FORGOTTEN_A_STEP
        while True:
            end = done + size
            is_last = end >= count
            try:
                self._forget_some(blobs[done:end], inline[done:end], trash if is_last else None)
            except (StoreFull, CommitUnknown):
                if size == 1:
                    raise
                size = max(1, size // 10)
            else:
                if is_last:
                    return
                done = end

    @reads
    def _trash_names(self, txn: Transaction, trash: Trash) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        if trash.kind is TrashKind.BLOB:
            return (trash.id,), ()
        parts = self._trash_parts(txn, trash)
        return parts.blob_ids(inline=False), parts.blob_ids(inline=True)

    @writes
    def _forget_some(
        self, txn: Transaction, blobs: Sequence[bytes], inline: Sequence[bytes], finished: Trash | None
    ) -> None:
        """Drop names of blobs and bytes of small parts, and, once they are all gone, the rows of the trash itself."""
        for blob_id in blobs:
            txn.delete(blob_id, db=self._table["blobs"])
        for blob_id in inline:
            txn.delete(blob_id, db=self._table["inline"])
        if finished is None:
            return
        if finished.kind is TrashKind.UPLOAD:
            txn.delete(finished.id, db=self._table["parts"])
        elif finished.kind is TrashKind.MANIFEST:
            txn.delete(finished.id, db=self._table["manifests"])
        txn.delete(finished.kind.value + finished.id, db=self._table["trash"])

    # Walking all rows, for `check`

    def walk_parts(self, on_damage: Callable[[str], None]) -> Iterator[tuple[Trash, PartRecord]]:
        for kind, table in ((TrashKind.UPLOAD, "parts"), (TrashKind.MANIFEST, "manifests")):
            after: bytes | None = None
            while batch := self._walk_some(table, after):
                after = batch[-1][0]
                for key, value in batch:
                    owner = Trash(kind, key)
                    try:
                        parts = value if isinstance(value, Parts) else Manifest.unpack(value).parts
                        yield from ((owner, part) for part in parts)
                    except InternalError as error:
                        on_damage(f"{table} {key.hex()}: {error.reason}")

    @reads
    def holds_part(self, txn: Transaction, owner: Trash, part: PartRecord) -> bool:
        if txn.get(owner.kind.value + owner.id, db=self._table["trash"]) is not None:
            return False
        if owner.kind is TrashKind.MANIFEST:
            return txn.get(owner.id, db=self._table["manifests"]) is not None
        with txn.cursor(self._table["parts"]) as cursor:
            return bool(cursor.set_key_dup(owner.id, part.pack()))

    @reads
    def _walk_some(self, txn: Transaction, table: str, after: bytes | None) -> list[tuple[bytes, Any]]:
        found: list[tuple[bytes, Any]] = []
        with txn.cursor(self._table[table]) as cursor:
            more = cursor.first() if after is None else cursor.set_range(after + b"\x00")
            while more and len(found) < WALK_ROWS_A_STEP:
                key = cursor.key()
                found.append((key, self._parts(txn, key) if table == "parts" else cursor.value()))
                more = cursor.next_nodup()
        return found
