"""The store: opening a directory as one, and the whole of its operations in one object."""

import contextlib
import copy
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Self

from engine.blobs.files import FileBlobs
from engine.buckets.buckets import Buckets
from engine.buckets.settings import BucketSettings
from engine.buckets.versioning import BucketVersioning
from engine.closing import Closing
from engine.core import Context, StoreParts
from engine.directory.ballast import Ballast
from engine.directory.layout import BLOBS, KEYS, META, RING, Layout
from engine.directory.leases import Lease, Leases
from engine.encryption.key_providers import KeyProvider
from engine.encryption.key_sources import KeySources
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
"""The id of the lease of whoever looks after the store; no manifest has it."""


class Store(
    Buckets,
    BucketSettings,
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
    """An open store: S3's operations under their own names in snake_case. For any number of threads; close it, or use a `with`.

    A Store may live through a fork, in parent and child.
    """

    def __init__(self, parts: StoreParts, layout: Layout) -> None:
        self._layout = layout
        self._bind(Context(parts))

    def _bind(self, context: Context) -> None:
        self._context = context
        self._objects = ObjectLookup(context)
        self._uploads = UploadLookup(context)
        self._copy_sources = CopySources(context, self._objects)

    @property
    def limits(self) -> Limits:
        """The limits that the store was opened with."""
        return self._context.limits

    def in_region(self, region: str) -> Self:
        """The same store in another region than us-east-1: the one in which its buckets say that they are."""
        view = copy.copy(self)
        view._bind(self._context.in_region(region))
        return view

    def acting_as(self, account_id: str) -> Self:
        """The same store for another caller, by the account's 12 digits: who owns the buckets it makes and begins its uploads.

        Without it the caller is 000000000000.

        Raises:
            ValueError: the text is no account id.
        """
        view = copy.copy(self)
        view._bind(self._context.acting_as(account_id))
        return view

    def stat(self, bucket: str | None = None) -> StoreStat:
        """What the store holds, or one bucket of it: open uploads are what an owner pays for until Complete or Abort.

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
            objects=sum(held.objects for held in chosen),
            object_bytes=sum(held.object_bytes for held in chosen),
            open_uploads=sum(held.open_uploads for held in chosen),
            open_parts=sum(held.open_parts for held in chosen),
            open_bytes=sum(held.open_bytes for held in chosen),
            trash=self._context.meta.count_trash() if bucket is None else None,
        )

    def check(self, *, deep: bool = False, repair: bool = False) -> CheckReport:
        """Look at all rows, at what they name, and at all files; `deep` reads every byte and compares its MD5.

        `repair` first collects what no row names, unless there is trouble.

        Raises:
            StoreInUse: `repair` while anybody else has the store open.
        """
        self._context.check_open()
        if not repair:
            return Check(self._context).run(deep=deep)
        self._context.check_writable()
        check = Check(self._context)
        files = freed = 0
        with self._layout.alone():
            with contextlib.suppress(StoreDamaged):  # the report tells of the damage
                files, freed = self._context.sweeper.collect(check.prove)
                self._context.ballast.restore()
            report = check.run(deep=deep)
        return replace(report, collected_files=files, collected_bytes=freed)

    def backup(
        self, directory: str | os.PathLike[str], *, advance: Callable[[int], None] | None = None
    ) -> BackupReport:
        """Make a backup of the store in a new or empty directory, beside all other work: a store, as this one is at one moment.

        Files are linked where the directory is on the store's file system, and copied otherwise; `advance` is called with the number
        of bytes of each. Until it ends no process removes what was thrown away. A backup that fails leaves an empty directory, one that
        is killed leaves one that is refused as a store.

        Raises:
            StoreError: the directory is not empty, or can't be used; its disk is full, or too slow for what is written meanwhile.
        """
        context = self._context
        context.check_open()
        backup = Backup(self._layout.root, context.meta, context.blobs, context.leases)
        report = backup.make(os.fspath(directory), advance or (lambda _: None))
        if not context.read_only:
            context.sweeper.sweep_backlog()
        return report

    def reap(self, older_than: timedelta | None = None) -> ReapReport:
        """Execute the lifecycle rules of all buckets, then collect the garbage; safe beside whatever else is going on.

        With `older_than` every upload initiated longer ago is aborted too.

        Raises:
            ValueError: `older_than` is negative.
            StoreDamaged: there is garbage, and rows and files do not belong together: the rules were executed, nothing was collected.
        """
        return sum(self.reap_in_steps(older_than), ReapReport())

    def reap_in_steps(self, older_than: timedelta | None = None, *, collect: bool = True) -> Iterator[ReapReport]:
        """Reap in short steps; each tells what it did, and the work may be left after any. Without `collect` only known trash goes.

        Raises:
            ValueError: `older_than` is negative.
        """
        return Reap(self._context).in_steps(older_than, collect=collect)

    def acquire_upkeep_lease(self) -> Lease | None:
        """The right to look after the store unasked, until the lease is closed or its process ends; None while somebody has it."""
        self._context.check_writable()
        return self._context.leases.exclude(UPKEEP_LEASE_ID)

    def rotate_keys(self) -> RewrapReport:
        """Add a key to the ring, make it the active one, and wrap anew what older keys wrapped; safe beside all other work.

        Older keys stay in the ring, for copies of the metadata made before, and for what is written meanwhile. After a rotation that
        was interrupted `rewrap_keys` does the rest. Keys of SSE-KMS and SSE-C are others' to change.
        """
        return RotateKeys(self._context).rotate()

    def rewrap_keys(self) -> RewrapReport:
        """Wrap what is not under the ring's active key anew, and count what was."""
        return RotateKeys(self._context).rewrap()

    @shielded
    def close(self) -> None:
        """End all use of the store, after the commits under way; again is harmless, and ends what an interrupted call left."""
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
    """Open the store in a directory, and make one there if there is none and `create` says so.

    Several threads, several processes and several Stores of one process may have a store open at once. `map_size_bytes` bounds the
    metadata, not the objects, and must be the same for all of them; it takes address space, not room.

    `key_ring` is the file of the keys of SSE-S3, by default `keys` in the store: somewhere else it is safe from who gets hold of the
    store's disk. Without it, what it sealed is lost. It is made when it is first needed, and never again for the same store.
    `key_provider` serves SSE-KMS; by default the ring does. It stays the caller's.

    Raises:
        NotAStore: something else is there, or nothing and `create` is False; or its metadata is missing, damaged or of another store.
        NewerFormat: a newer partwright wrote it.
        StoreInUse: it is being repaired, or used from another PID namespace.
        UnsafeFileSystem: it lies on a network file system, and `allow_network_file_system` is False.
        ReadOnlyStore: it can't be written, and `read_only` is False.
        StoreError: the system refused something else, or the key ring is damaged or not ours alone.
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
    except OSError as error:  # what the system refused and has no name of its own above
        raise StoreError(f"{os.fspath(path)}: opening the store failed: {os.strerror(error.errno or 0)}") from error
    except InternalError as error:  # an answer to a request, which this is not
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
