"""The interface of a metadata store: steps in S3's own terms, each atomic, durable on return and safe to repeat.

It is no key-value API, and no step spans two uploads or two keys, so that a store without transactions over several records (Ceph
RADOS) can implement it as well as LMDB does. S3's rules are passed in as pure functions; blobs, bodies and the wire are unknown here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Generic, Literal, Protocol, TypeVar

from engine.errors import S3Error
from engine.meta.parts import Manifest, PartRecord, Parts
from engine.meta.records import BucketRecord, Encryption, Lock, ObjectRecord, StoredChecksum, UploadRecord
from engine.record import Record

Item = TypeVar("Item")
UPLOAD_NONCE_SIZE = 16
VERSION_NONCE_SIZE = 16


class UploadId(Record, frozen=True, gc=False):
    """An upload's identity: its initiation time in ns since the epoch, and 128 random bits. S3 lists a key's uploads in this order."""

    initiated_ns: int
    nonce: bytes


class Version(Record, frozen=True, gc=False):
    """A version's identity: its `order`, which grows with time, and 128 random bits, which are all zero for the null version."""

    order: int
    nonce: bytes

    @property
    def is_null(self) -> bool:
        """Tell whether this is the null version; a key has at most one."""
        return not any(self.nonce)


NULL_VERSION = Version(0, bytes(VERSION_NONCE_SIZE))
"""It requests the null version, whatever its order."""


class FoundObject(Record, frozen=True):
    """An object or a delete marker with its record; `version` is None in a bucket that was never versioned."""

    version: Version | None
    record: ObjectRecord


class UploadEntry(Record, frozen=True, gc=False):
    """One open upload in a listing."""

    key: bytes
    upload_id: UploadId
    record: UploadRecord


class ObjectEntry(Record, frozen=True, gc=False):
    """One object in a listing."""

    key: bytes
    record: ObjectRecord


class VersionEntry(Record, frozen=True, gc=False):
    """One version in a listing."""

    key: bytes
    version: Version
    record: ObjectRecord
    is_latest: bool


class BucketEntry(Record, frozen=True):
    """One bucket in a listing."""

    name: str
    record: BucketRecord


class Page(Record, Generic[Item], frozen=True):
    """A page of a listing holds items and common prefixes, both in order, and tells whether more follow."""

    items: tuple[Item, ...]
    common_prefixes: tuple[bytes, ...]
    is_truncated: bool
    passed: bytes = b""
    """The last name looked at, if the page ended there because too many names before it have nothing to list."""


class TrashKind(Enum):
    """Kinds of trash rows."""

    BLOB = b"b"
    """The row names one blob: a replaced part, or a part that Complete did not list."""
    UPLOAD = b"u"
    """The row names all parts of an aborted upload."""
    MANIFEST = b"m"
    """The row names all blobs of an object that was overwritten or deleted; it may still have readers."""


class Trash(Record, frozen=True):
    """A trash row names data that no request can reach any more and whose files are still to be removed; `id` has 16 bytes."""

    kind: TrashKind
    id: bytes


class Usage(Record, frozen=True):
    """The counters of a bucket; sizes are in bytes. S3 bills the open uploads and parts to the owner until Complete or Abort."""

    open_uploads: int = 0
    open_parts: int = 0
    open_bytes: int = 0
    objects: int = 0
    object_bytes: int = 0


class Publication(Record, frozen=True):
    """The object that a Complete publishes, as S3's rules made it from the uploaded parts and the parts that the request lists."""

    manifest: Manifest
    etag: str
    checksum: StoredChecksum | None
    unlisted: tuple[PartRecord, ...]


class Published(Record, frozen=True):
    """The answer of a Complete, or of the first one if it was repeated; `version` is as in FoundObject."""

    etag: str
    checksum: StoredChecksum | None
    version: Version | None
    trash: tuple[Trash, ...]
    encryption: Encryption | None = None


class Deleted(Record, frozen=True):
    """The result of a deletion: `version` was removed, or is the new delete marker; it is None in a bucket that was never versioned."""

    version: Version | None
    is_delete_marker: bool
    trash: tuple[Trash, ...]


Select = Callable[[UploadRecord, Parts, FoundObject | None, bool], Publication]
"""S3's rules of Complete. They get the upload, its parts, the key's current object, and whether that is unchanged since the upload
began. They return the object to publish, or raise the S3Error that refuses the request."""
Guard = Callable[[FoundObject | None], None]
"""It runs inside a step, gets the object that the step will replace or remove, or None, and raises the S3Error that refuses."""
Locking = Callable[[BucketRecord, Lock], Lock]
"""It runs inside a step, and returns the lock of a new version, given the bucket and the requested lock; it may raise an S3Error."""
DeletionGuard = Callable[[FoundObject | None, Iterable[ObjectRecord]], None]
"""A guard of a deletion; it also gets the newer versions of the key, the next newer one first."""


class Deletion(Record, frozen=True):
    """One deletion: of `version`, or, if that is None, what a DELETE without a version id means in the bucket."""

    key: bytes
    version: Version | None
    guard: DeletionGuard


Trouble = tuple[Literal["corrupt", "broken"], str]
"""A row that can't be read, or a reference without a target, or a target without a reference; and the table and key."""


class Configuration(Record, frozen=True):
    """A configuration of a bucket as it was read; `document` is None if there was none."""

    name: str
    document: bytes | None


class Metadata(Protocol):
    """A metadata store. Names of buckets are str, keys are bytes (UTF-8); times are in ns since the epoch.

    Every step on a bucket raises NoSuchBucket if it does not exist, and every step on an upload NoSuchUpload. Every step that writes
    may raise SlowDown (too many writes wait), StoreFull or CommitUnknown.
    """

    def create_bucket(self, bucket: str, record: BucketRecord) -> None:
        """Add a bucket.

        Raises:
            BucketAlreadyOwnedByYou, BucketAlreadyExists: the name is taken.
        """

    def find_bucket(self, bucket: str) -> BucketRecord: ...

    def update_bucket(self, bucket: str, change: Callable[[BucketRecord], BucketRecord]) -> None:
        """Change a bucket's record; `change` may raise an S3Error."""

    def find_configuration(self, bucket: str, name: str) -> bytes | None:
        """Return a configuration of a bucket, or None."""

    def put_configuration(self, bucket: str, name: str, document: bytes | None) -> None:
        """Store a configuration of a bucket; None deletes it."""

    def list_buckets(self, owner: str | None, prefix: str, after: str, limit: int) -> Page[BucketEntry]:
        """List the buckets of one owner, or of all, by name."""

    def delete_bucket(self, bucket: str) -> None:
        """Delete a bucket without objects and versions; its open uploads become unreachable, and `drain_deleted_buckets` frees them.

        Raises:
            BucketNotEmpty: the bucket has objects.
        """

    def drain_deleted_buckets(self) -> bool:
        """Abort some of the uploads that deleted buckets have left; return whether there may be more."""

    def begin_upload(self, bucket: str, key: bytes, upload_id: UploadId, record: UploadRecord) -> None:
        """Add an open upload; the step sets `key_state` of its record."""

    def find_upload(self, bucket: str, key: bytes, upload_id: UploadId) -> UploadRecord: ...

    def update_upload(
        self, bucket: str, key: bytes, upload_id: UploadId, change: Callable[[UploadRecord], UploadRecord]
    ) -> None:
        """Change the record of an open upload."""

    def record_part(
        self, bucket: str, key: bytes, upload_id: UploadId, part: PartRecord, inline: bytes | None
    ) -> Trash | None:
        """Add a part, if the upload is still open by then; an earlier part of the same number is replaced, and returned as trash."""

    def list_parts(
        self, bucket: str, key: bytes, upload_id: UploadId, after: int, limit: int
    ) -> tuple[UploadRecord, Parts]:
        """Return the upload, and at most `limit` of its parts with numbers above `after`."""

    def list_uploads(
        self,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        key_marker: bytes,
        upload_marker: UploadId | None,
        limit: int,
    ) -> Page[UploadEntry]:
        """List the open uploads after the marker, by key and then by initiation time."""

    def publish(
        self,
        bucket: str,
        key: bytes,
        upload_id: UploadId,
        request: bytes,
        select: Select,
        manifest_id: bytes,
        now_ns: int,
    ) -> Published:
        """Complete an upload: apply S3's rules to its parts, and replace the upload by the object.

        `request` is a digest of the part list; a repeated Complete with the same digest gets the answer of the first one.
        """

    def abort(
        self, bucket: str, key: bytes, upload_id: UploadId, basis: Configuration | None = None
    ) -> tuple[Trash | None, int]:
        """Remove an upload; return its parts as trash, or None if it had none, and their size.

        Raises:
            ConditionalRequestConflict: the bucket's configuration is no longer `basis`.
        """

    def put_object(
        self,
        bucket: str,
        key: bytes,
        record: ObjectRecord,
        part: PartRecord,
        inline: bytes | None,
        guard: Guard,
        locking: Locking,
    ) -> tuple[Version | None, tuple[Trash, ...]]:
        """Put an object of one blob: as a new version if versioning is Enabled, else as the null version, which it replaces."""

    def find_object(self, bucket: str, key: bytes, version: Version | None = None) -> FoundObject:
        """Return a version of an object, by default the latest; it may be a delete marker.

        Raises:
            NoSuchKey: the key has no version.
            NoSuchVersion: the key has no such version.
        """

    def update_object(
        self, bucket: str, key: bytes, version: Version | None, change: Callable[[FoundObject], ObjectRecord]
    ) -> FoundObject:
        """Change the record of a version; `change` may raise an S3Error.

        Raises:
            NoSuchKey, NoSuchVersion: as in find_object.
        """

    def delete_objects(
        self, bucket: str, items: Sequence[Deletion], now_ns: int, basis: Configuration | None = None
    ) -> tuple[Deleted | S3Error, ...]:
        """Make each deletion, in the order given; deleting a missing object is no error.

        Each deletion is a step of its own. If its guard refuses it, the error is its result, and nothing is deleted.

        Raises:
            ConditionalRequestConflict: the bucket's configuration is no longer `basis`.
        """

    def list_objects(
        self, bucket: str, prefix: bytes, delimiter: bytes, after: bytes, limit: int, passed: bytes | None = None
    ) -> Page[ObjectEntry]:
        """List the latest versions, without delete markers, by key.

        A page ends early amid many delete markers if `passed` is given: empty at first, then what the page before it passed.
        """

    def list_versions(
        self,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        key_marker: bytes,
        version_marker: Version | None,
        limit: int,
    ) -> Page[VersionEntry]:
        """List all versions and delete markers after the marker, by key, and the latest of a key first.

        The position of a removed null version is not kept: if it is the marker, its key is listed from its first version on.
        """

    def find_manifest(self, manifest_id: bytes) -> Manifest | None:
        """Return the parts of an object, or None if they have been removed."""

    def read_inline(self, blob_id: bytes) -> bytes:
        """Return the bytes of a small part, which are in a row.

        Raises:
            InternalError: the row is missing or damaged.
        """

    def names_blob(self, blob_id: bytes) -> bool:
        """Tell whether any row, trash included, names a blob; the transaction begins after the call."""

    def next_trash(self, limit: int) -> tuple[Trash, ...]: ...

    def trash_blobs(self, trash: Trash) -> tuple[bytes, ...]:
        """Return the ids of those blobs of a piece of trash that are files."""

    def forget(self, trash: Trash) -> None:
        """Drop a trash row and the rows that it names, after the files of its blobs have been removed."""

    def settle(self) -> None:
        """Wait until every write that this process has begun has ended."""

    def usage(self) -> dict[str, Usage]:
        """Return the counters of each bucket."""

    def count_trash(self) -> int: ...

    def walk_parts(self, on_damage: Callable[[str], None]) -> Iterator[tuple[Trash, PartRecord]]:
        """Yield every part, and its holder: the upload or object that has it, as the trash that it would become.

        Each row is verified against its check value; `on_damage` is called for a damaged one.
        """

    def holds_part(self, holder: Trash, part: PartRecord) -> bool:
        """Tell whether a part that was read before is still current: it was not replaced, and its holder has not become trash."""

    def copy(self, directory: str) -> "Metadata":
        """Copy the metadata of one moment into an empty directory, while other work goes on; return the copy, opened read-only.

        The file is durable, its name is not yet.

        Raises:
            StoreError: the destination is too slow for the commits that go on meanwhile.
            InternalError: copying failed.
            OSError: writing to the destination failed.
        """

    def inspect(self, report: Callable[[Trouble], None]) -> Iterator[None]:
        """Check all rows and references, a step at a time; the caller may stop after any. `report` gets each trouble, some twice.

        If nothing was reported, every current part has a row that names its blob, whatever was written meanwhile.

        Raises:
            InternalError: the database itself is damaged, so that no row should be read.
        """

    def walk_holders(self) -> Iterator[tuple[str, bytes, Trash, Encryption | None]]:
        """Yield bucket, key, holder of the parts, and encryption of every version and every open upload; skip damaged rows."""

    def parts_of(self, holder: Trash) -> Parts:
        """Return the parts of an upload or an object; they are empty if it does not exist any more.

        Raises:
            InternalError: a row is damaged.
        """

    def close(self) -> None: ...
