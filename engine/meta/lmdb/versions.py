"""The versions of a key in LMDB have one row each, the latest first, whatever the bucket's versioning is.

The null version is a row among them. In a bucket that was never versioned it is the only one. Once the bucket has been versioned, the
table `nulls` holds the order of a key's null version; without such a row, the null version, if any, is the oldest row of its key.
"""

import os
import struct
from collections.abc import Generator
from typing import NamedTuple

from engine.errors import NoSuchKey, NoSuchVersion
from engine.meta import NULL_VERSION, Trash, TrashKind, Usage, Version
from engine.meta.lmdb.environment import Transaction
from engine.meta.lmdb.steps import LmdbSteps
from engine.meta.records import BucketRecord, ObjectRecord, checked, pack_record, unpacker, with_check_value

REMOVAL_ID_SIZE = 16
_SUFFIX = struct.Struct(">Q16s")
_ORDER = struct.Struct(">Q")
_ORDER_MAX = 2**64 - 1
_PAST_SUFFIXES = b"\xff" * (_SUFFIX.size + 1)
object_record = unpacker(ObjectRecord)


def version_suffix(version: Version) -> bytes:
    """Return the suffix of a version's row key: the higher the order, the lower it sorts."""
    return _SUFFIX.pack(_ORDER_MAX - version.order, version.nonce)


def version_of(suffix: bytes) -> Version:
    """Return the version whose row key has this suffix."""
    inverted, nonce = _SUFFIX.unpack(suffix)
    return Version(_ORDER_MAX - inverted, nonce)


def null_version(value: bytes) -> Version:
    """Return the null version that a row of `nulls` names."""
    (order,) = _ORDER.unpack(checked(value, "the order of a null version"))
    return Version(order, NULL_VERSION.nonce)


class VersionRow(NamedTuple):
    """A row of the table `objects`."""

    version: Version
    record: ObjectRecord


class LmdbVersions(LmdbSteps):
    """Reads and writes rows of versions inside a step."""

    def _latest(self, txn: Transaction, bucket_id: bytes, key: bytes) -> VersionRow | None:
        """Return the latest version of a key, which may be a delete marker."""
        row_prefix = self._names("objects").find(txn, bucket_id, key)
        if row_prefix is None:
            return None
        with txn.cursor(self._table["objects"]) as cursor:
            if cursor.set_range(row_prefix) and cursor.key().startswith(row_prefix):
                return VersionRow(version_of(cursor.key()[len(row_prefix) :]), object_record(cursor.value()))
        return None

    def _null(self, txn: Transaction, bucket_record: BucketRecord, key: bytes) -> VersionRow | None:
        """Return the null version of a key, or None."""
        if not bucket_record.versioning:
            return self._latest(txn, bucket_record.id, key)
        known = self._names("nulls").find(txn, bucket_record.id, key)
        order = txn.get(known, db=self._table["nulls"]) if known else None
        if order is not None:
            return self._get_version(txn, bucket_record.id, key, null_version(order))
        oldest = self._oldest(txn, bucket_record.id, key)
        return oldest if oldest is not None and oldest.version.is_null else None

    def _oldest(self, txn: Transaction, bucket_id: bytes, key: bytes) -> VersionRow | None:
        row_prefix = self._names("objects").find(txn, bucket_id, key)
        if row_prefix is None:
            return None
        with txn.cursor(self._table["objects"]) as cursor:
            found = cursor.prev() if cursor.set_range(row_prefix + _PAST_SUFFIXES) else cursor.last()
            if found and cursor.key().startswith(row_prefix):
                return VersionRow(version_of(cursor.key()[len(row_prefix) :]), object_record(cursor.value()))
        return None

    def _get_version(self, txn: Transaction, bucket_id: bytes, key: bytes, version: Version) -> VersionRow | None:
        row_prefix = self._names("objects").find(txn, bucket_id, key)
        found = txn.get(row_prefix + version_suffix(version), db=self._table["objects"]) if row_prefix else None
        return VersionRow(version, object_record(found)) if found is not None else None

    def _find_version(
        self, txn: Transaction, bucket_record: BucketRecord, key: bytes, version: Version | None
    ) -> VersionRow | None:
        """Return the requested version, or the latest if that is None."""
        if version is None:
            return self._latest(txn, bucket_record.id, key)
        if version.is_null:
            return self._null(txn, bucket_record, key)
        return self._get_version(txn, bucket_record.id, key, version)

    def _newer_versions(
        self, txn: Transaction, bucket_id: bytes, key: bytes, found: VersionRow | None
    ) -> Generator[ObjectRecord, None, None]:
        """Yield the versions of a key that are newer than `found`, the next newer one first. Close this before the step writes."""
        row_prefix = self._names("objects").find(txn, bucket_id, key)
        if found is None or row_prefix is None:
            return
        with txn.cursor(self._table["objects"]) as cursor:
            more = cursor.set_key(row_prefix + version_suffix(found.version)) and cursor.prev()
            while more and cursor.key().startswith(row_prefix):
                yield object_record(cursor.value())
                more = cursor.prev()

    def _require_version(
        self, txn: Transaction, bucket_record: BucketRecord, key: bytes, version: Version | None
    ) -> VersionRow:
        found = self._find_version(txn, bucket_record, key, version)
        if found is not None:
            return found
        text = key.decode(errors="replace")
        if version is None:
            raise NoSuchKey(Key=text)
        raise NoSuchVersion(Key=text)

    def _put_version(
        self, txn: Transaction, bucket_id: bytes, key: bytes, version: Version, record: ObjectRecord
    ) -> None:
        """Write the row of a version, new or changed."""
        row_prefix = self._names("objects").ensure(txn, bucket_id, key)
        txn.put(row_prefix + version_suffix(version), pack_record(record), db=self._table["objects"])

    def _add_version(
        self, txn: Transaction, bucket_record: BucketRecord, key: bytes, nonce: bytes, record: ObjectRecord
    ) -> tuple[Version, tuple[Trash, ...]]:
        """Add a latest version. Unless the bucket's versioning is Enabled, it is the null version and replaces an earlier one."""
        trash: tuple[Trash, ...] = ()
        latest = self._latest(txn, bucket_record.id, key)
        order = record.modified_ns
        if latest is not None:
            order = max(order, latest.version.order + 1)
        version = Version(order, nonce)
        if bucket_record.versioning != "Enabled":
            version = Version(order, NULL_VERSION.nonce)
            replaced = self._null(txn, bucket_record, key)
            trash = self._remove_version(txn, bucket_record, key, replaced) if replaced is not None else ()
            if bucket_record.versioning:
                row_key = self._names("nulls").ensure(txn, bucket_record.id, key)
                txn.put(row_key, with_check_value(_ORDER.pack(order)), db=self._table["nulls"])
        self._put_version(txn, bucket_record.id, key, version, record)
        if not record.is_delete_marker:
            self._add_usage(txn, bucket_record.id, Usage(objects=1, object_bytes=record.size))
        return version, trash

    def _remove_version(
        self, txn: Transaction, bucket_record: BucketRecord, key: bytes, found: VersionRow
    ) -> tuple[Trash, ...]:
        """Delete the row of a version; its manifest becomes trash."""
        names = self._names("objects")
        row_prefix = names.find(txn, bucket_record.id, key)
        assert row_prefix is not None, "the row just read exists"
        txn.delete(row_prefix + version_suffix(found.version), db=self._table["objects"])
        names.prune(txn, bucket_record.id, key)
        if found.version.is_null and bucket_record.versioning:
            self._drop_null(txn, bucket_record.id, key)
        if found.record.is_delete_marker:
            return ()
        self._add_usage(txn, bucket_record.id, Usage(objects=-1, object_bytes=-found.record.size))
        trash = Trash(TrashKind.MANIFEST, found.record.manifest_id)
        self._add_trash(txn, trash)
        return (trash,)

    def _key_state(self, txn: Transaction, bucket_id: bytes, key: bytes) -> bytes:
        """Return a token that changes whenever the key's current object changes while an upload of the key is open."""
        row_key = self._names("removals").find(txn, bucket_id, key)
        removal: bytes | None = txn.get(row_key, db=self._table["removals"]) if row_key else None
        if removal is not None:
            return checked(removal, "the mark of a removal")
        latest = self._latest(txn, bucket_id, key)
        return latest.record.manifest_id if latest is not None else b""

    def _put_removal(self, txn: Transaction, bucket_id: bytes, key: bytes) -> None:
        """Write a row to `removals`, if the key has open uploads, so that Complete notices the deletion of its object."""
        if self._has_uploads(txn, bucket_id, key):
            row_key = self._names("removals").ensure(txn, bucket_id, key)
            txn.put(row_key, with_check_value(os.urandom(REMOVAL_ID_SIZE)), db=self._table["removals"])

    def _drop_removal(self, txn: Transaction, bucket_id: bytes, key: bytes) -> None:
        """Delete the row of `removals`, once the key has a new object, which Complete notices as well, or no open uploads."""
        names = self._names("removals")
        row_key = names.find(txn, bucket_id, key)
        if row_key is not None and txn.delete(row_key, db=self._table["removals"]):
            names.prune(txn, bucket_id, key)

    def _has_uploads(self, txn: Transaction, bucket_id: bytes, key: bytes) -> bool:
        row_prefix = self._names("uploads").find(txn, bucket_id, key)
        with txn.cursor(self._table["uploads"]) as cursor:
            return row_prefix is not None and cursor.set_range(row_prefix) and cursor.key().startswith(row_prefix)

    def _drop_null(self, txn: Transaction, bucket_id: bytes, key: bytes) -> None:
        names = self._names("nulls")
        row_key = names.find(txn, bucket_id, key)
        if row_key is not None and txn.delete(row_key, db=self._table["nulls"]):
            names.prune(txn, bucket_id, key)
