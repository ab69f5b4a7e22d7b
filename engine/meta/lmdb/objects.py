"""The steps on objects and trash in LMDB."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.errors import CommitUnknown, InternalError, S3Error, StoreFull
from engine.meta import (
    VERSION_NONCE_SIZE,
    Configuration,
    Deleted,
    Deletion,
    FoundObject,
    Guard,
    Locking,
    ObjectEntry,
    Page,
    Trash,
    TrashKind,
    Version,
    VersionEntry,
)
from engine.meta.lmdb.environment import Transaction
from engine.meta.lmdb.ordered_names import OrderedNames
from engine.meta.lmdb.steps import PARTS_TABLES, reads, writes
from engine.meta.lmdb.versions import LmdbVersions, VersionRow, object_record, version_of, version_suffix
from engine.meta.paging import Row, page_of
from engine.meta.parts import Manifest, PartRecord, Parts
from engine.meta.records import BucketRecord, Headers, ObjectRecord, checked, replace

BLOBS_FORGOTTEN_A_STEP = 1000
WALK_ROWS_A_STEP = 16
VERSIONS_PASSED_MAX = 8
"""A listing of latest versions skips this many rows of a key one by one, and then looks up the next key."""


class LmdbObjects(LmdbVersions):
    """Adds the steps on objects and trash."""

    @writes
    def put_object(
        self,
        txn: Transaction,
        bucket: str,
        key: bytes,
        record: ObjectRecord,
        part: PartRecord,
        inline: bytes | None,
        guard: Guard,
        locking: Locking,
    ) -> tuple[Version | None, tuple[Trash, ...]]:
        bucket_record = self._bucket(txn, bucket)
        guard(found_or_none(bucket_record, self._latest(txn, bucket_record.id, key)))
        record = replace(record, lock=locking(bucket_record, record.lock))
        self._add_blob(txn, part, inline)
        return self._publish(txn, bucket_record, key, record, Manifest.of_one(part))

    def _publish(
        self, txn: Transaction, bucket_record: BucketRecord, key: bytes, record: ObjectRecord, manifest: Manifest
    ) -> tuple[Version | None, tuple[Trash, ...]]:
        """Add an object and its manifest as the latest version; a null version that it replaces becomes trash."""
        txn.put(record.manifest_id, manifest.pack(), db=self._table["manifests"])
        self._drop_removal(txn, bucket_record.id, key)
        version, trash = self._add_version(txn, bucket_record, key, os.urandom(VERSION_NONCE_SIZE), record)
        return version if bucket_record.versioning else None, trash

    @reads
    def find_object(self, txn: Transaction, bucket: str, key: bytes, version: Version | None = None) -> FoundObject:
        bucket_record = self._bucket(txn, bucket)
        return _found_object(bucket_record, *self._require_version(txn, bucket_record, key, version))

    @writes
    def update_object(
        self,
        txn: Transaction,
        bucket: str,
        key: bytes,
        version: Version | None,
        change: Callable[[FoundObject], ObjectRecord],
    ) -> FoundObject:
        bucket_record = self._bucket(txn, bucket)
        found = self._require_version(txn, bucket_record, key, version)
        record = change(_found_object(bucket_record, *found))
        self._put_version(txn, bucket_record.id, key, found.version, record)
        return _found_object(bucket_record, found.version, record)

    @writes
    def delete_objects(
        self,
        txn: Transaction,
        bucket: str,
        items: Sequence[Deletion],
        now_ns: int,
        basis: Configuration | None = None,
    ) -> tuple[Deleted | S3Error, ...]:
        bucket_record = self._bucket(txn, bucket)
        self._check_basis(txn, bucket_record.id, basis)
        return tuple(self._delete(txn, bucket_record, item, now_ns) for item in items)

    def _delete(self, txn: Transaction, bucket_record: BucketRecord, item: Deletion, now_ns: int) -> Deleted | S3Error:
        key, version = item.key, item.version
        found = self._find_version(txn, bucket_record, key, version)
        try:
            with contextlib.closing(self._newer_versions(txn, bucket_record.id, key, found)) as newer:
                item.guard(found_or_none(bucket_record, found), newer)
        except S3Error as error:
            return error
        if version is None and bucket_record.versioning:
            marker = ObjectRecord(b"", 0, "", now_ns, None, Headers(), is_delete_marker=True)
            made, trash = self._add_version(txn, bucket_record, key, os.urandom(VERSION_NONCE_SIZE), marker)
            self._put_removal(txn, bucket_record.id, key)
            return Deleted(made, True, trash)
        if found is None:
            return Deleted(version, False, ())
        if found == self._latest(txn, bucket_record.id, key):
            self._put_removal(txn, bucket_record.id, key)
        trash = self._remove_version(txn, bucket_record, key, found)
        return Deleted(
            found.version if bucket_record.versioning or version else None, found.record.is_delete_marker, trash
        )

    @reads
    def list_objects(
        self,
        txn: Transaction,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        after: bytes,
        limit: int,
        passed: bytes | None = None,
    ) -> Page[ObjectEntry]:
        bucket_id, names = self._bucket(txn, bucket).id, self._names("objects")
        return page_of(
            lambda lower, _: _latest_only(txn, names, bucket_id, lower),
            lambda row: ObjectEntry(row[0], row[2]),
            prefix=prefix, delimiter=delimiter, marker=after, marker_suffix=None, limit=limit, passed=passed,
        )  # fmt: skip

    @reads
    def list_versions(
        self,
        txn: Transaction,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        key_marker: bytes,
        version_marker: Version | None,
        limit: int,
    ) -> Page[VersionEntry]:
        bucket_record, names = self._bucket(txn, bucket), self._names("objects")
        latest: list[tuple[bytes, Version]] = []

        def entry(row: Row) -> VersionEntry:
            key, suffix, value = row
            if not latest or latest[-1][0] != key:
                first = self._latest(txn, bucket_record.id, key)
                assert first is not None, "a key just read has a version"
                latest[:] = [(key, first.version)]
            version = version_of(suffix)
            return VersionEntry(key, version, object_record(value), version == latest[-1][1])

        marker = self._marker_suffix(txn, bucket_record, key_marker, version_marker) if version_marker else None
        return page_of(
            lambda lower, suffix: names.scan(txn, bucket_record.id, lower, suffix), entry, prefix=prefix, delimiter=delimiter,
            marker=key_marker, marker_suffix=marker, limit=limit,
        )  # fmt: skip

    def _marker_suffix(self, txn: Transaction, bucket_record: BucketRecord, key: bytes, version: Version) -> bytes:
        """Return the suffix after which a listing continues; a removed null version has no position, so its key is listed again."""
        if not version.is_null:
            return version_suffix(version)
        found = self._null(txn, bucket_record, key)
        return version_suffix(found.version) if found is not None else b""

    @reads
    def find_manifest(self, txn: Transaction, manifest_id: bytes) -> Manifest | None:
        found = txn.get(manifest_id, db=self._table["manifests"])
        return Manifest.unpack(found) if found is not None else None

    @reads
    def read_inline(self, txn: Transaction, blob_id: bytes) -> bytes:
        found = txn.get(blob_id, db=self._table["inline"])
        if found is None:
            raise InternalError(reason=f"the bytes of the small part {blob_id.hex()} are missing")
        return checked(found, f"the bytes of the small part {blob_id.hex()}")

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
                with contextlib.suppress(ValueError):  # the row is damaged; `check` reports it
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
            parts = self._parts(txn, trash.id)
            parts.verify()  # the files that they name are removed
            return parts
        found = txn.get(trash.id, db=self._table["manifests"])
        return Manifest.unpack(found).parts if found is not None else Parts()

    def forget(self, trash: Trash) -> None:
        """Drop a piece of trash and its rows, in steps that hold the write lock only briefly; the trash row is the last.

        A commit needs a new page for each page that it changes before it frees any, so on a full disk only small steps succeed.
        """
        blobs, inline = map(sorted, self._trash_names(trash))  # neighbouring rows are in the same pages
        count, done, size = max(len(blobs), len(inline)), 0, BLOBS_FORGOTTEN_A_STEP
        while True:
            end = done + size
            is_last = end >= count
            try:
                self._drop_blobs(blobs[done:end], inline[done:end], trash if is_last else None)
            except (StoreFull, CommitUnknown):
                if size == 1:
                    raise
                size = max(1, size // 10)
            else:
                if is_last:
                    return
                done = end

    @writes
    def settle(self, txn: Transaction) -> None:
        """Do nothing: writes are committed in the order in which they were submitted, so all earlier ones have ended."""

    @reads
    def _trash_names(self, txn: Transaction, trash: Trash) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        if trash.kind is TrashKind.BLOB:
            return (trash.id,), ()
        parts = self._trash_parts(txn, trash)
        return parts.blob_ids(inline=False), parts.blob_ids(inline=True)

    @writes
    def _drop_blobs(
        self, txn: Transaction, blobs: Sequence[bytes], inline: Sequence[bytes], finished: Trash | None
    ) -> None:
        """Drop rows of blobs and of small parts; if these were the last ones of `finished`, drop its own rows too."""
        for blob_id in blobs:
            txn.delete(blob_id, db=self._table["blobs"])
        for blob_id in inline:
            txn.delete(blob_id, db=self._table["inline"])
        if finished is None:
            return
        if finished.kind is TrashKind.UPLOAD:
            self._drop_parts(txn, finished.id)
        elif finished.kind is TrashKind.MANIFEST:
            txn.delete(finished.id, db=self._table["manifests"])
        txn.delete(finished.kind.value + finished.id, db=self._table["trash"])

    # Walking all rows, for `check`

    def walk_parts(self, on_damage: Callable[[str], None]) -> Iterator[tuple[Trash, PartRecord]]:
        tables = [(TrashKind.UPLOAD, table) for table in PARTS_TABLES] + [(TrashKind.MANIFEST, "manifests")]
        for kind, table in tables:
            after: bytes | None = None
            while batch := self._walk_some(table, after):
                after = batch[-1][0]
                for key, value in batch:
                    try:
                        parts = value if isinstance(value, Parts) else Manifest.unpack(value).parts
                    except InternalError as error:
                        on_damage(f"{table} {key.hex()}: {error.reason}")
                        continue
                    for index in range(len(parts)):
                        try:
                            part = parts[index]
                        except InternalError as error:
                            on_damage(f"{table} {key.hex()}: {error.reason}")
                        else:
                            yield Trash(kind, key), part

    @reads
    def parts_of(self, txn: Transaction, holder: Trash) -> Parts:
        return self._trash_parts(txn, holder)

    @reads
    def holds_part(self, txn: Transaction, holder: Trash, part: PartRecord) -> bool:
        if txn.get(holder.kind.value + holder.id, db=self._table["trash"]) is not None:
            return False
        if holder.kind is TrashKind.MANIFEST:
            return txn.get(holder.id, db=self._table["manifests"]) is not None
        with txn.cursor(self._parts_table(part)) as cursor:
            return bool(cursor.set_key_dup(holder.id, part.pack()))

    @reads
    def _walk_some(self, txn: Transaction, table: str, after: bytes | None) -> list[tuple[bytes, Any]]:
        found: list[tuple[bytes, Any]] = []
        with txn.cursor(self._table[table]) as cursor:
            more = cursor.first() if after is None else cursor.set_range(after + b"\x00")
            while more and len(found) < WALK_ROWS_A_STEP:
                key = cursor.key()
                found.append((key, cursor.value() if table == "manifests" else self._parts(txn, key)))
                more = cursor.next_nodup()
        return found


def found_or_none(bucket_record: BucketRecord, row: VersionRow | None) -> FoundObject | None:
    """Return a row as callers get it: without a version if the bucket was never versioned."""
    return _found_object(bucket_record, *row) if row is not None else None


def _found_object(bucket_record: BucketRecord, version: Version, record: ObjectRecord) -> FoundObject:
    return FoundObject(version if bucket_record.versioning else None, record)


def _latest_only(
    txn: Transaction, names: OrderedNames, bucket_id: bytes, lower: bytes | None
) -> Iterator[tuple[bytes, bytes, ObjectRecord | None]]:
    """Yield (key, suffix, record) of each key's latest version, None in place of the record of a delete marker."""
    before: bytes | None = None
    while lower is not None:
        rows, lower, passed = names.scan(txn, bucket_id, lower), None, 0
        for key, suffix, value in rows:
            if key != before:
                before, passed = key, 0
                record = object_record(value)
                yield key, suffix, None if record.is_delete_marker else record
            elif (passed := passed + 1) == VERSIONS_PASSED_MAX:
                lower = key + b"\x00"
                break
