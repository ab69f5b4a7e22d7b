"""The contract of the place where metadata lives: the domain's own steps, each atomic, durable on return and safe to repeat.

It is no key-value API, and no step spans two uploads or two keys, so that a store without transactions over several records (Ceph
RADOS) can serve it as well as LMDB does. S3's rules come in as pure functions; blobs, bodies and the wire stay outside.
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


class UploadId(Record, frozen=True):
    """An upload's identity: initiation time in ns since the epoch and 128 random bits; their order is S3's order within a key."""

    initiated_ns: int
    nonce: bytes


class Version(Record, frozen=True):
    """One version of an object: later ones have a higher `order`; 128 random bits, or none of them set for the null version."""

    order: int
    nonce: bytes

    @property
    def is_null(self) -> bool:
        """Whether it is the null version, of which a key has at most one."""
        return not any(self.nonce)


NULL_VERSION = Version(0, bytes(VERSION_NONCE_SIZE))
"""Asks for the null version, whatever its order."""


class FoundObject(Record, frozen=True):
    """An object, or a delete marker, as it is kept; `version` is None in a bucket that was never versioned."""

    version: Version | None
    record: ObjectRecord


class UploadEntry(Record, frozen=True):
    """One open upload in a listing."""

    key: bytes
    upload_id: UploadId
    record: UploadRecord


class ObjectEntry(Record, frozen=True):
    """One object in a listing."""

    key: bytes
    record: ObjectRecord


class VersionEntry(Record, frozen=True):
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
    """A page of a listing, in order: items, rolled-up prefixes, and whether more follows."""

    items: tuple[Item, ...]
    common_prefixes: tuple[bytes, ...]
    is_truncated: bool


class TrashKind(Enum):
    """What a trash row stands for."""

    BLOB = b"b"
    """One blob: a superseded part, or a part that Complete did not list."""
    UPLOAD = b"u"
    """All parts of an aborted upload."""
    MANIFEST = b"m"
    """All blobs of an object that was overwritten or deleted; its readers may still be at work."""


class Trash(Record, frozen=True):
    """Something no request can reach any more, waiting for its files to be removed; `id` has 16 bytes."""

    kind: TrashKind
    id: bytes


class Usage(Record, frozen=True):
    """What a bucket holds; sizes in bytes. The open figures are what an owner pays for until Complete or Abort."""

    open_uploads: int = 0
    open_parts: int = 0
    open_bytes: int = 0
    objects: int = 0
    object_bytes: int = 0


class Publication(Record, frozen=True):
    """What a Complete publishes: the outcome of S3's rules over the parts held and the parts listed."""

    manifest: Manifest
    etag: str
    checksum: StoredChecksum | None
    unlisted: tuple[PartRecord, ...]


class Published(Record, frozen=True):
    """What a Complete answered, now or the first time; `version` as in FoundObject."""

    etag: str
    checksum: StoredChecksum | None
    version: Version | None
    trash: tuple[Trash, ...]
    encryption: Encryption | None = None


class Deleted(Record, frozen=True):
    """What a deletion did: the version removed, or the delete marker made; None in a bucket that was never versioned."""

    version: Version | None
    is_delete_marker: bool
    trash: tuple[Trash, ...]


Select = Callable[[UploadRecord, Parts, FoundObject | None, bool], Publication]
"""S3's rules of Complete: from the upload, the parts held, what the key holds, and whether nothing happened to that since the upload
began, to what is published, or the S3Error that refuses."""
Guard = Callable[[FoundObject | None], None]
"""Looks at what a step is about to replace or remove (None: nothing), inside the step; raises the S3Error that refuses."""
Locking = Callable[[BucketRecord, Lock], Lock]
"""From the bucket as it is in the step, and what was said of a lock, to the lock a new version gets; may refuse with an S3Error."""
DeletionGuard = Callable[[FoundObject | None, Iterable[ObjectRecord]], None]
"""The same for what is to be deleted; it may also look at the newer versions of the key, the next newer one first."""


class Deletion(Record, frozen=True):
    """One thing to delete: a version, or, without one, what a plain DELETE of the key means in its bucket."""

    key: bytes
    version: Version | None
    guard: DeletionGuard


Trouble = tuple[Literal["corrupt", "broken"], str]
"""A row that can't be read, or a reference that leads nowhere or comes from nowhere, and where that is."""


class Configuration(Record, frozen=True):
    """A named document of a bucket as somebody read it; None: there was none."""

    name: str
    document: bytes | None


class Metadata(Protocol):
    """A place for metadata. Names of buckets are str, keys bytes (UTF-8); times are ns since the epoch.

    Every step that names a bucket raises NoSuchBucket, every step that names an upload NoSuchUpload, where there is none. Every
    writing step may raise SlowDown (too many writers wait), StoreFull or CommitUnknown.
    """

    def create_bucket(self, bucket: str, record: BucketRecord) -> None:
        """Add a bucket.

        Raises:
            BucketAlreadyOwnedByYou, BucketAlreadyExists: it exists.
        """

    def find_bucket(self, bucket: str) -> BucketRecord: ...

    def update_bucket(self, bucket: str, change: Callable[[BucketRecord], BucketRecord]) -> None:
        """Change a bucket's record; the change may refuse with an S3Error."""

    def find_configuration(self, bucket: str, name: str) -> bytes | None:
        """A named document of the bucket's."""

    def put_configuration(self, bucket: str, name: str, document: bytes | None) -> None:
        """Keep a named document with the bucket, or drop it."""

    def list_buckets(self, owner: str | None, prefix: str, after: str, limit: int) -> Page[BucketEntry]:
        """Buckets by name, of one owner or of all."""

    def delete_bucket(self, bucket: str) -> None:
        """Remove a bucket without objects and versions; its open uploads become unreachable and are freed by `drain_deleted_buckets`.

        Raises:
            BucketNotEmpty: it holds objects.
        """

    def drain_deleted_buckets(self) -> bool:
        """Abort some of the uploads left in deleted buckets; whether there may be more."""

    def begin_upload(self, bucket: str, key: bytes, upload_id: UploadId, record: UploadRecord) -> None:
        """Add an open upload; `replaces` of its record is said by the step."""

    def find_upload(self, bucket: str, key: bytes, upload_id: UploadId) -> UploadRecord: ...

    def update_upload(
        self, bucket: str, key: bytes, upload_id: UploadId, change: Callable[[UploadRecord], UploadRecord]
    ) -> None:
        """Change what is kept of an open upload beside its parts."""

    def record_part(
        self, bucket: str, key: bytes, upload_id: UploadId, part: PartRecord, inline: bytes | None
    ) -> Trash | None:
        """Make a part count, in place of an earlier attempt at its number, which is returned as trash.

        The upload is looked up again inside the step: after an Abort or Complete the part is refused.
        """

    def list_parts(
        self, bucket: str, key: bytes, upload_id: UploadId, after: int, limit: int
    ) -> tuple[UploadRecord, Parts]:
        """The upload, and at most `limit` of its parts with numbers above `after`."""

    def list_uploads(
        self,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        key_marker: bytes,
        upload_marker: UploadId | None,
        limit: int,
    ) -> Page[UploadEntry]:
        """Open uploads after the marker, by key and then by initiation time."""

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
        """Complete: apply the rules to the parts held, and swap the upload for the object.

        `request` is a digest of the part list: a repeated Complete with the same digest gets the first one's answer.
        """

    def abort(
        self, bucket: str, key: bytes, upload_id: UploadId, basis: Configuration | None = None
    ) -> tuple[Trash | None, int]:
        """Remove an upload and all it holds; the trash, if it had parts, and their bytes.

        Raises:
            ConditionalRequestConflict: the bucket's configuration is no longer the `basis` of the decision.
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
        """Put a plain object of one blob: as a new version, or in place of the null version unless versioning is Enabled."""

    def find_object(self, bucket: str, key: bytes, version: Version | None = None) -> FoundObject:
        """A version of an object, by default the latest; it may be a delete marker.

        Raises:
            NoSuchKey: there is none.
            NoSuchVersion: not that one.
        """

    def update_object(
        self, bucket: str, key: bytes, version: Version | None, change: Callable[[FoundObject], ObjectRecord]
    ) -> FoundObject:
        """Change what is kept of a version beside its bytes; the change may refuse with an S3Error.

        Raises:
            NoSuchKey, NoSuchVersion: as find_object.
        """

    def delete_objects(
        self, bucket: str, items: Sequence[Deletion], now_ns: int, basis: Configuration | None = None
    ) -> tuple[Deleted | S3Error, ...]:
        """Delete each item; what is not there is no error.

        Each is a step of its own, in the order given; what its guard refuses stays, and the error is its result.

        Raises:
            ConditionalRequestConflict: the bucket's configuration is no longer the `basis` of the decision.
        """

    def list_objects(self, bucket: str, prefix: bytes, delimiter: bytes, after: bytes, limit: int) -> Page[ObjectEntry]:
        """The latest versions by key, without delete markers."""

    def list_versions(
        self,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        key_marker: bytes,
        version_marker: Version | None,
        limit: int,
    ) -> Page[VersionEntry]:
        """All versions and delete markers after the marker, by key, and the latest of a key first.

        Where a key's null version has been is not kept: with that as marker and gone, its key is listed again.
        """

    def find_manifest(self, manifest_id: bytes) -> Manifest | None:
        """An object's parts; None once they have been swept away."""

    def read_inline(self, blob_id: bytes) -> bytes:
        """The bytes of a blob that lives in its row.

        Raises:
            InternalError: there is none, or it is damaged.
        """

    def names_blob(self, blob_id: bytes) -> bool:
        """Whether any row names a blob (trash included), in a transaction begun after the call."""

    def next_trash(self, limit: int) -> tuple[Trash, ...]: ...

    def trash_blobs(self, trash: Trash) -> tuple[bytes, ...]:
        """The blobs of a piece of trash that lie outside the rows."""

    def forget(self, trash: Trash) -> None:
        """Drop a piece of trash and every row of it, after its blobs are gone."""

    def settle(self) -> None:
        """Wait for the end of every write that this process has begun."""

    def usage(self) -> dict[str, Usage]:
        """What each bucket holds."""

    def count_trash(self) -> int: ...

    def walk_parts(self, on_damage: Callable[[str], None]) -> Iterator[tuple[Trash, PartRecord]]:
        """Every part that rows name, with the trash that its upload or object would become.

        Each is verified against its check value; a damaged row is told to `on_damage` instead.
        """

    def holds_part(self, owner: Trash, part: PartRecord) -> bool:
        """Whether a part just walked over still counts: it was not replaced, and its owner has not become trash meanwhile."""

    def copy(self, directory: str) -> "Metadata":
        """A copy of all this as it is at one moment, made in an empty directory beside everybody's work; open, for reading only.

        The file is durable, its name is not yet.

        Raises:
            StoreError: the place is too slow for the commits that go on meanwhile.
            InternalError: copying failed.
            OSError: the place refused.
        """

    def inspect(self, report: Callable[[Trouble], None]) -> Iterator[None]:
        """Look through all rows and all that they name, in steps that may be left; `report` gets each trouble, maybe twice.

        Where nothing was told, every part that counts is named as one that does, whatever writers did meanwhile.

        Raises:
            InternalError: what rows are kept in is damaged, so that no row should be read.
        """

    def walk_owners(self) -> Iterator[tuple[str, bytes, Trash, Encryption | None]]:
        """Every version and every open upload that can be read: bucket, key, the trash it would become, and its encryption."""

    def parts_of(self, owner: Trash) -> Parts:
        """The parts of an upload or an object; none if it is gone.

        Raises:
            InternalError: a row is damaged.
        """

    def close(self) -> None: ...
