"""The store: a directory opened as one object that has all of S3's operations."""

import contextlib
import copy
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Self

from engine.blobs.files import FileBlobs
from engine.buckets.buckets import Buckets
from engine.buckets.cors import BucketCors
from engine.buckets.fixed_settings import FixedSettings
from engine.buckets.ownership import BucketOwnership
from engine.buckets.policy import BucketPolicies
from engine.buckets.public_access import BucketPublicAccess
from engine.buckets.settings import BucketSettings
from engine.buckets.tagging import BucketTagging
from engine.buckets.versioning import BucketVersioning
from engine.closing import Closing
from engine.core import Context, StoreParts
from engine.directory.ballast import Ballast
from engine.directory.layout import BLOBS, KEYS, META, RING, Layout
from engine.directory.leases import Lease, Leases
from engine.encryption.key_providers import KeyProvider
from engine.encryption.key_sources import KeySources
from engine.encryption.named_keys import NamedKeys
from engine.errors import InternalError, NoSuchBucket, StoreDamaged, StoreError
from engine.limits import Limits
from engine.meta.lmdb.uploads import LmdbMetadata
from engine.multipart.complete import CompleteMultipartUpload
from engine.multipart.listings import UploadListings
from engine.multipart.lookup import UploadLookup
from engine.multipart.upload_part import UploadPart
from engine.multipart.upload_part_copy import UploadPartCopy
from engine.multipart.uploads import Uploads
from engine.objects.copied_object import CopySources
from engine.objects.copy_object import CopyObject
from engine.objects.delete_objects import DeleteObjects
from engine.objects.get_object import GetObject
from engine.objects.get_object_attributes import GetObjectAttributes
from engine.objects.list_objects import ListObjects
from engine.objects.list_versions import ListObjectVersions
from engine.objects.lookup import ObjectLookup
from engine.objects.put_object import PutObject
from engine.objects.tagging_and_lock import TaggingAndLock
from engine.record import replace
from engine.undisturbed import shielded
from engine.upkeep.backup import Backup
from engine.upkeep.check import Check
from engine.upkeep.reap import Reap
from engine.upkeep.reports import BackupReport, CheckReport, ReapReport, RewrapReport, StoreStat
from engine.upkeep.rotate_keys import RotateKeys

MAP_SIZE_BYTES_DEFAULT = 1 << 40
UPKEEP_LEASE_ID = b"\xff" * 16
"""The id of the lease for unattended upkeep; manifest ids are random and never equal it."""


class Store(
    Buckets,
    BucketSettings,
    BucketCors,
    FixedSettings,
    BucketOwnership,
    BucketTagging,
    BucketPolicies,
    BucketPublicAccess,
    BucketVersioning,
    PutObject,
    GetObject,
    CopyObject,
    DeleteObjects,
    ListObjects,
    ListObjectVersions,
    GetObjectAttributes,
    TaggingAndLock,
    Uploads,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    UploadListings,
    Closing,
):
    """An open store: S3's operations under their own names in snake_case. Close it, or use it in a `with`.

    Any number of threads may use a Store. After a fork both parent and child may go on using it.
    """

    def __init__(self, parts: StoreParts, layout: Layout) -> None:
        self._layout = layout
        self._use(Context(parts))

    def _use(self, context: Context) -> None:
        self._context = context
        self._objects = ObjectLookup(context)
        self._uploads = UploadLookup(context)
        self._copy_sources = CopySources(context, self._objects)

    @property
    def limits(self) -> Limits:
        """Return the limits that the store was opened with."""
        return self._context.limits

    def in_region(self, region: str) -> Self:
        """Return a view of the same store whose buckets are in another region than us-east-1."""
        view = copy.copy(self)
        view._use(self._context.in_region(region))
        return view

    def acting_as(self, account_id: str) -> Self:
        """Return a view of the same store for another caller: this account owns the buckets it creates and initiates its uploads.

        `account_id` has 12 digits; by default the caller is 000000000000.

        Raises:
            ValueError: the text is not an account id.
        """
        view = copy.copy(self)
        view._use(self._context.acting_as(account_id))
        return view

    def stat(self, bucket: str | None = None) -> StoreStat:
        """Count the objects, open uploads and bytes of the store, or of one bucket.

        The parts of open uploads take space until Complete or Abort.

        Raises:
            NoSuchBucket.
        """
        self._context.check_open()
        usage = self._context.meta.usage()
        if bucket is not None and bucket not in usage:
            raise NoSuchBucket(BucketName=bucket)
        chosen = list(usage.values()) if bucket is None else [usage[bucket]]
        return StoreStat(
            buckets=len(chosen),
            objects=sum(each.objects for each in chosen),
            object_bytes=sum(each.object_bytes for each in chosen),
            open_uploads=sum(each.open_uploads for each in chosen),
            open_parts=sum(each.open_parts for each in chosen),
            open_bytes=sum(each.open_bytes for each in chosen),
            trash=self._context.meta.count_trash() if bucket is None else None,
        )

    def check(self, *, deep: bool = False, repair: bool = False) -> CheckReport:
        """Look at all rows, at what they name, and at all files; `deep` reads every byte and compares its MD5.

        `repair` first collects what no row names, unless there is trouble.

        Raises:
            StoreInUse: with `repair`, another process or Store has the store open.
        """
        self._context.check_open()
        if not repair:
            return Check(self._context).run(deep=deep)
        self._context.check_writable()
        check = Check(self._context)
        files = freed = 0
        with self._layout.sole_use():
            with contextlib.suppress(StoreDamaged):  # the report tells of the damage
                files, freed = self._context.sweeper.collect(check.prove)
                self._context.ballast.restore()
            report = check.run(deep=deep)
        return replace(report, collected_files=files, collected_bytes=freed)

    def backup(
        self, directory: str | os.PathLike[str], *, advance: Callable[[int], None] | None = None
    ) -> BackupReport:
        """Make a backup of the store in a new or empty directory. Other work goes on; the backup is the store as it is at one moment.

        Files are linked if the directory is on the store's file system, and copied otherwise; `advance` is called with the number
        of bytes of each. Until the backup ends, no process removes deleted files. A backup that fails leaves an empty directory; one
        that is killed leaves a directory that cannot be opened as a store.

        Raises:
            StoreError: the directory is not empty or cannot be used, or its disk is full or slower than the writes to the store.
        """
        context = self._context
        context.check_open()
        backup = Backup(self._layout.root, context.meta, context.blobs, context.leases)
        report = backup.make(os.fspath(directory), advance or (lambda _: None))
        if not context.read_only:
            context.sweeper.sweep_backlog()
        return report

    def reap(self, older_than: timedelta | None = None) -> ReapReport:
        """Apply the lifecycle rules of all buckets, then remove deleted files. Other work may go on.

        With `older_than`, every upload initiated longer ago is aborted too.

        Raises:
            ValueError: `older_than` is negative.
            StoreDamaged: there is garbage, and rows and files do not belong together: the rules were executed, nothing was collected.
        """
        return sum(self.reap_in_steps(older_than), ReapReport())

    def reap_in_steps(self, older_than: timedelta | None = None, *, collect: bool = True) -> Iterator[ReapReport]:
        """Reap in short steps, each of which yields its report; the caller may stop after any of them.

        Without `collect`, only files known to be deleted are removed, and the directory is not searched for others.

        Raises:
            ValueError: `older_than` is negative.
        """
        return Reap(self._context).in_steps(older_than, collect=collect)

    def acquire_upkeep_lease(self) -> Lease | None:
        """Acquire the lease for unattended upkeep; None while anyone else has it. It ends when closed, or with its process."""
        self._context.check_writable()
        return self._context.leases.exclude(UPKEEP_LEASE_ID)

    def rotate_keys(self) -> RewrapReport:
        """Add a key to the ring, make it active, and rewrap every data key that an older key wraps. Other work may go on.

        Older keys stay in the ring: backups of the metadata need them, and so do writes that began before. After an interrupted
        rotation, `rewrap_keys` does the rest. The keys of SSE-KMS and SSE-C are not in the ring and not rotated.
        """
        return RotateKeys(self._context).rotate()

    def rewrap_keys(self) -> RewrapReport:
        """Rewrap every data key that is not wrapped by the ring's active key, and count them."""
        return RotateKeys(self._context).rewrap()

    def named_keys(self) -> NamedKeys:
        """Return the keys of SSE-KMS that have names, to make, list and change; the key ring is made if there is none.

        They serve a store without a `key_provider`.
        """
        self._context.check_writable()
        return NamedKeys(self._context.keys.ring_for_new())

    @shielded
    def close(self) -> None:
        """Close the store once the commits under way have ended. Closing again is harmless, and finishes an interrupted close."""
        context = self._context
        context.life.ended = True
        context.sweeper.close()
        context.meta.close()
        context.blobs.close()
        context.keys.close()
        self._layout.close()


@shielded
def open_store(
    path: str | os.PathLike[str],
    *,
    create: bool = True,
    read_only: bool = False,
    limits: Limits | None = None,
    map_size_bytes: int = MAP_SIZE_BYTES_DEFAULT,
    allow_network_file_system: bool = False,
    key_ring: str | os.PathLike[str] | None = None,
    key_provider: KeyProvider | None = None,
) -> Store:
    """Open the store in a directory; create it if there is none and `create` is true.

    Several threads, several processes and several Stores of one process may have a store open at once. `map_size_bytes` bounds the
    metadata, not the objects, and must be the same for all of them; it reserves address space, not disk space.

    `key_ring` is the file with the keys of SSE-S3, by default `keys` in the store. Elsewhere it is safe from whoever gets hold of the
    store's disk. Without it, every object encrypted under it is lost. It is created when first needed, once for each store.
    `key_provider` serves SSE-KMS; by default the key ring does. The store never closes it.

    Raises:
        NotAStore: the directory holds something else, or nothing and `create` is False; or the metadata is missing, damaged or foreign.
        NewerFormat: a newer partwright wrote the store.
        StoreInUse: the store is being repaired, or used from another PID namespace.
        UnsafeFileSystem: the store is on a network file system, and `allow_network_file_system` is False.
        ReadOnlyStore: the store cannot be written, and `read_only` is False.
        StoreError: the system refused something else, or the key ring is damaged or accessible to other users.
    """
    try:
        with contextlib.ExitStack() as undo:
            layout = Layout.open(
                os.fspath(path),
                create=create and not read_only,
                read_only=read_only,
                allow_network=allow_network_file_system,
            )
            undo.callback(layout.close)
            ring = os.fspath(key_ring) if key_ring is not None else os.path.join(layout.root, KEYS)
            keys = undo.enter_context(KeySources(ring, os.path.join(layout.root, RING), key_provider))
            store = _assemble(layout, limits or Limits(), map_size_bytes, read_only, keys)
            undo.pop_all()
            undo.callback(store.close)
            if not read_only:
                store._context.sweeper.sweep_backlog()
            undo.pop_all()
            return store
    except OSError as error:  # a refusal of the system for which there is no exception above
        raise StoreError(f"{os.fspath(path)}: opening the store failed: {os.strerror(error.errno or 0)}") from error
    except InternalError as error:  # this answers requests over S3; opening a store is not one
        raise StoreError(f"{os.fspath(path)}: opening the store failed: {error.reason}") from error


def _assemble(layout: Layout, limits: Limits, map_size_bytes: int, read_only: bool, keys: KeySources) -> Store:
    parts = StoreParts(
        meta=LmdbMetadata(
            os.path.join(layout.root, META),
            identity=layout.format.owner_id,
            limits=limits,
            map_size_bytes=map_size_bytes,
            read_only=read_only,
        ),
        blobs=FileBlobs(os.path.join(layout.root, BLOBS)),
        leases=Leases(layout.root),
        ballast=Ballast(layout.root),
        owner_id=layout.format.owner_id,
        limits=limits,
        read_only=read_only,
        keys=keys,
    )
    return Store(parts, layout)
