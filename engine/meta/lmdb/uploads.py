"""The interface `engine.meta.Metadata` over LMDB, with the steps on uploads and parts. The tables are described in `steps`."""

import contextlib
import itertools
import os
import struct
from collections.abc import Callable, Iterator

from engine.errors import InternalError, NoSuchBucket, NoSuchUpload
from engine.limits import Limits
from engine.meta import (
    Configuration,
    Page,
    Publication,
    Published,
    Select,
    Trash,
    TrashKind,
    Trouble,
    UploadEntry,
    UploadId,
    Usage,
    Version,
)
from engine.meta.lmdb.buckets import LmdbBuckets
from engine.meta.lmdb.environment import Transaction, make_lock_files
from engine.meta.lmdb.headroom import DATA_FILE
from engine.meta.lmdb.inspection import Inspection
from engine.meta.lmdb.objects import LmdbObjects, found_or_none
from engine.meta.lmdb.pages import TornFile, check_pages
from engine.meta.lmdb.snapshots import write_snapshot
from engine.meta.lmdb.steps import PARTS_TABLES, reads, writes
from engine.meta.lmdb.versions import object_record
from engine.meta.paging import Row, page_of
from engine.meta.parts import Flag, PartRecord, Parts
from engine.meta.records import (
    BucketRecord,
    Encryption,
    ObjectRecord,
    TombstoneRecord,
    UploadRecord,
    damaged,
    pack_record,
    replace,
    unpacker,
)

TOMBSTONES_DROPPED_A_STEP = 2
UPLOADS_DRAINED_A_STEP = 256
ROWS_WALKED_A_STEP = 256
PART_NUMBER_END = 0xFFFF
"""It is above every part number, and the highest that a row can hold."""
_SUFFIX = struct.Struct(">Q16s")
_TIME = struct.Struct(">Q")
_upload_record = unpacker(UploadRecord)
_tombstone_record = unpacker(TombstoneRecord)


def _suffix(upload_id: UploadId) -> bytes:
    return _SUFFIX.pack(upload_id.initiated_ns, upload_id.nonce)


class LmdbMetadata(LmdbBuckets, LmdbObjects):
    """The metadata of a store, in one LMDB environment."""

    @writes
    def begin_upload(
        self, txn: Transaction, bucket: str, key: bytes, upload_id: UploadId, record: UploadRecord
    ) -> None:
        bucket_id = self._bucket(txn, bucket).id
        row = self._names("uploads").ensure(txn, bucket_id, key) + _suffix(upload_id)
        record = replace(record, key_state=self._key_state(txn, bucket_id, key))
        txn.put(row, pack_record(record), db=self._table["uploads"])
        self._add_usage(txn, bucket_id, Usage(open_uploads=1))

    @reads
    def find_upload(self, txn: Transaction, bucket: str, key: bytes, upload_id: UploadId) -> UploadRecord:
        return self._upload(txn, bucket, key, upload_id)[2]

    @writes
    def update_upload(
        self,
        txn: Transaction,
        bucket: str,
        key: bytes,
        upload_id: UploadId,
        change: Callable[[UploadRecord], UploadRecord],
    ) -> None:
        _, row, record = self._upload(txn, bucket, key, upload_id)
        txn.put(row, pack_record(change(record)), db=self._table["uploads"])

    def _upload(
        self, txn: Transaction, bucket: str, key: bytes, upload_id: UploadId
    ) -> tuple[bytes, bytes, UploadRecord]:
        """Return the bucket's id, and the row key and record of an upload."""
        bucket_id = self._bucket(txn, bucket).id
        prefix = self._names("uploads").find(txn, bucket_id, key)
        row = prefix + _suffix(upload_id) if prefix else None
        found = txn.get(row, db=self._table["uploads"]) if row else None
        if row is None or found is None:
            raise NoSuchUpload
        return bucket_id, row, _upload_record(found)

    @writes
    def record_part(
        self, txn: Transaction, bucket: str, key: bytes, upload_id: UploadId, part: PartRecord, inline: bytes | None
    ) -> Trash | None:
        bucket_id, _, _ = self._upload(txn, bucket, key, upload_id)
        superseded = self._drop_part(txn, upload_id.nonce, part)
        self._add_blob(txn, part, inline)
        txn.put(upload_id.nonce, part.pack(), db=self._parts_table(part))
        change = Usage(open_parts=1, open_bytes=part.size)
        if superseded is not None:
            change = Usage(open_bytes=part.size - superseded.size)
        self._add_usage(txn, bucket_id, change)
        return self._discard_part(txn, superseded) if superseded is not None else None

    def _drop_part(self, txn: Transaction, nonce: bytes, part: PartRecord) -> PartRecord | None:
        """Delete the row that has the number of `part`, and return it."""
        prefix = part.number.to_bytes(2, "big")
        with txn.cursor(self._parts_table(part)) as cursor:
            if not (cursor.set_range_dup(nonce, prefix) and cursor.value()[:2] == prefix):
                return None
            dropped = PartRecord.unpack(cursor.value())
            cursor.delete()
        return dropped

    def _discard_part(self, txn: Transaction, part: PartRecord) -> Trash | None:
        if part.flags & Flag.INLINE:
            txn.delete(part.blob_id, db=self._table["inline"])
            return None
        trash = Trash(TrashKind.BLOB, part.blob_id)
        self._add_trash(txn, trash)
        return trash

    @reads
    def list_parts(
        self, txn: Transaction, bucket: str, key: bytes, upload_id: UploadId, after: int, limit: int
    ) -> tuple[UploadRecord, Parts]:
        record = self._upload(txn, bucket, key, upload_id)[2]
        first = min(after + 1, PART_NUMBER_END).to_bytes(2, "big")
        for table in PARTS_TABLES:
            with txn.cursor(self._table[table]) as cursor:
                found = cursor.set_range_dup(upload_id.nonce, first)
                rows = list(itertools.islice(cursor.iternext_dup(), limit)) if found else []
            if rows:
                return record, Parts(b"".join(rows), len(rows[0]))
        return record, Parts()

    @reads
    def list_uploads(
        self,
        txn: Transaction,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        key_marker: bytes,
        upload_marker: UploadId | None,
        limit: int,
    ) -> Page[UploadEntry]:
        bucket_id, names = self._bucket(txn, bucket).id, self._names("uploads")
        return page_of(
            lambda lower, suffix: names.scan(txn, bucket_id, lower, suffix),
            _upload_entry,
            prefix=prefix, delimiter=delimiter, marker=key_marker,
            marker_suffix=_suffix(upload_marker) if upload_marker else None, limit=limit,
        )  # fmt: skip

    @writes
    def publish(
        self,
        txn: Transaction,
        bucket: str,
        key: bytes,
        upload_id: UploadId,
        request: bytes,
        select: Select,
        manifest_id: bytes,
        now_ns: int,
    ) -> Published:
        bucket_record = self._bucket(txn, bucket)
        try:
            _, row, upload = self._upload(txn, bucket, key, upload_id)
        except NoSuchUpload:
            return self._repeated_result(txn, bucket_record, key, upload_id, request)
        current = found_or_none(bucket_record, self._latest(txn, bucket_record.id, key))
        is_unchanged = self._key_state(txn, bucket_record.id, key) == upload.key_state
        publication = select(upload, self._parts(txn, upload_id.nonce), current, is_unchanged)
        self._remove_upload(txn, bucket_record.id, key, row, upload_id, publication)
        manifest, etag, checksum = publication.manifest, publication.etag, publication.checksum
        record = ObjectRecord(
            manifest_id,
            manifest.size,
            etag,
            now_ns,
            len(manifest.parts),
            upload.headers,
            upload.tags,
            upload.lock,
            checksum,
            encryption=upload.encryption,
        )
        version, trash = self._publish(txn, bucket_record, key, record, manifest)
        version_fields = (version.order, version.nonce) if version else None
        tombstone = TombstoneRecord(
            bucket_record.id, key, request, etag, now_ns, version_fields, checksum, upload.encryption
        )
        self._put_tombstone(txn, upload_id, tombstone)
        unlisted = (self._discard_part(txn, part) for part in publication.unlisted)
        freed = (*trash, *(piece for piece in unlisted if piece is not None))
        return Published(etag, checksum, version, freed, upload.encryption)

    def _remove_upload(
        self, txn: Transaction, bucket_id: bytes, key: bytes, row: bytes, upload_id: UploadId, publication: Publication
    ) -> None:
        txn.delete(row, db=self._table["uploads"])
        self._names("uploads").prune(txn, bucket_id, key)
        self._drop_parts(txn, upload_id.nonce)
        listed = publication.manifest
        self._add_usage(
            txn,
            bucket_id,
            Usage(
                open_uploads=-1,
                open_parts=-len(listed.parts) - len(publication.unlisted),
                open_bytes=-listed.size - sum(part.size for part in publication.unlisted),
            ),
        )

    def _repeated_result(
        self, txn: Transaction, bucket_record: BucketRecord, key: bytes, upload_id: UploadId, request: bytes
    ) -> Published:
        found = txn.get(upload_id.nonce, db=self._table["tombstones"])
        if found is not None:
            tombstone = _tombstone_record(found)
            if (bucket_record.id, key, request) == (tombstone.bucket_id, tombstone.key, tombstone.request):
                version = Version(*tombstone.version) if tombstone.version else None
                return Published(tombstone.etag, tombstone.checksum, version, (), tombstone.encryption)
        raise NoSuchUpload

    def _put_tombstone(self, txn: Transaction, upload_id: UploadId, tombstone: TombstoneRecord) -> None:
        """Store the answer of a Complete, and drop up to two that have expired, so that their number stays bounded without a sweep."""
        times = self._table["tombstone_times"]
        txn.put(upload_id.nonce, pack_record(tombstone), db=self._table["tombstones"])
        txn.put(_TIME.pack(tombstone.completed_ns) + upload_id.nonce, b"", db=times)
        oldest_kept = _TIME.pack(max(0, tombstone.completed_ns - self._tombstone_lifetime_ns))
        for _ in range(TOMBSTONES_DROPPED_A_STEP):
            with txn.cursor(times) as cursor:
                if not cursor.first() or cursor.key() >= oldest_kept:
                    return
                txn.delete(cursor.key()[_TIME.size :], db=self._table["tombstones"])
                cursor.delete()

    @writes
    def abort(
        self, txn: Transaction, bucket: str, key: bytes, upload_id: UploadId, basis: Configuration | None = None
    ) -> tuple[Trash | None, int]:
        bucket_id, row, _ = self._upload(txn, bucket, key, upload_id)
        self._check_basis(txn, bucket_id, basis)
        return self._abort(txn, bucket_id, key, row, upload_id)

    def _abort(
        self, txn: Transaction, bucket_id: bytes, key: bytes, row: bytes, upload_id: UploadId
    ) -> tuple[Trash | None, int]:
        parts = self._parts(txn, upload_id.nonce)
        txn.delete(row, db=self._table["uploads"])
        self._names("uploads").prune(txn, bucket_id, key)
        if not self._has_uploads(txn, bucket_id, key):
            self._drop_removal(txn, bucket_id, key)
        freed = parts.size()
        self._add_usage(txn, bucket_id, Usage(open_uploads=-1, open_parts=-len(parts), open_bytes=-freed))
        trash = Trash(TrashKind.UPLOAD, upload_id.nonce)
        if len(parts):
            self._add_trash(txn, trash)
        return trash if len(parts) else None, freed

    def drain_deleted_buckets(self) -> bool:
        return self._has_deleted_buckets() and self._drain_some()

    @reads
    def _has_deleted_buckets(self, txn: Transaction) -> bool:
        return self._first_deleted_bucket(txn) is not None

    @writes
    def _drain_some(self, txn: Transaction) -> bool:
        """Abort some uploads of a deleted bucket, or delete its remaining rows if it has none."""
        bucket_id = self._first_deleted_bucket(txn)
        if bucket_id is None:
            return False
        names = self._names("uploads")
        rows = list(itertools.islice(names.scan(txn, bucket_id, b""), UPLOADS_DRAINED_A_STEP))
        for key, suffix, _ in rows:
            row_prefix = names.find(txn, bucket_id, key)
            assert row_prefix is not None, "the row just read exists"
            self._abort(txn, bucket_id, key, row_prefix + suffix, UploadId(*_SUFFIX.unpack(suffix)))
        if not rows:
            txn.delete(bucket_id, db=self._table["deleted_buckets"])
            self._drop_configurations(txn, bucket_id)
            txn.delete(bucket_id, db=self._table["usage"])
        return True

    def copy(self, directory: str) -> "LmdbMetadata":
        environment = self._shared.environment
        write_snapshot(environment, os.path.join(directory, DATA_FILE))
        make_lock_files(directory)
        return LmdbMetadata(
            directory,
            identity=self._shared.identity,
            limits=Limits(),
            map_size_bytes=environment.map_size_bytes,
            read_only=True,
        )

    def inspect(self, report: Callable[[Trouble], None]) -> Iterator[None]:
        path = os.path.join(self._shared.environment.path, DATA_FILE)
        try:
            self._shared.environment.read(lambda _: check_pages(path))  # a read transaction keeps the pages as they are
        except TornFile as error:  # LMDB would end the process at some such pages
            raise damaged(f"{DATA_FILE} {error}") from error
        yield from Inspection(self, report).steps()

    def walk_holders(self) -> Iterator[tuple[str, bytes, Trash, Encryption | None]]:
        for table, holder_in in (("objects", _object_holder), ("uploads", _upload_holder)):
            for bucket in self._bucket_names():
                after: tuple[bytes, bytes] | None = (b"", b"")
                while after is not None:
                    after, found = self._walk_names(bucket, table, *after)
                    for key, suffix, value in found:
                        with contextlib.suppress(InternalError):  # the row is damaged; `inspect` reports it
                            yield bucket, key, *holder_in(suffix, value)

    @reads
    def _bucket_names(self, txn: Transaction) -> list[str]:
        return [name.decode() for name, _, _ in self._scan_buckets(txn, b"")]

    @reads
    def _walk_names(
        self, txn: Transaction, bucket: str, table: str, name: bytes, suffix: bytes
    ) -> tuple[tuple[bytes, bytes] | None, list[Row]]:
        """Return the next position, or None, and some rows of a bucket from a position on; a deleted bucket has none."""
        try:
            bucket_id = self._bucket(txn, bucket).id
        except (NoSuchBucket, InternalError):
            return None, []
        rows = list(itertools.islice(self._names(table).scan(txn, bucket_id, name, suffix), ROWS_WALKED_A_STEP))
        return (rows[-1][0], rows[-1][1] + b"\x00") if len(rows) == ROWS_WALKED_A_STEP else None, rows


def _object_holder(suffix: bytes, value: bytes) -> tuple[Trash, Encryption | None]:
    record = object_record(value)
    return Trash(TrashKind.MANIFEST, record.manifest_id), record.encryption


def _upload_holder(suffix: bytes, value: bytes) -> tuple[Trash, Encryption | None]:
    return Trash(TrashKind.UPLOAD, _SUFFIX.unpack(suffix)[1]), _upload_record(value).encryption


def _upload_entry(row: Row) -> UploadEntry:
    key, suffix, value = row
    return UploadEntry(key, UploadId(*_SUFFIX.unpack(suffix)), _upload_record(value))
