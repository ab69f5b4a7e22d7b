"""The store: opening a directory as one, and the whole of its operations in one object."""

import contextlib
import os
from collections.abc import Callable

from engine.attributes import Attributes
from engine.backup import Backup
from engine.ballast import Ballast
from engine.blobs.files import FileBlobs
from engine.blobs.leases import Leases
from engine.bucket_settings import BucketSettings
from engine.buckets import Buckets
from engine.closing import Closing
from engine.core import Core, Parts
from engine.deletions import Deletions
from engine.encrypting import Encrypting
from engine.errors import InternalError, NoSuchBucket, StoreDamaged, StoreError
from engine.key_providers import KeyProvider
from engine.layout import BLOBS, KEYS, META, RING, Layout
from engine.limits import Limits
from engine.meta.lmdb import LmdbMetadata
from engine.multipart.part_copies import PartCopies
from engine.multipart.reaper import Reaper
from engine.multipart.rewrapping import Rewrapping
from engine.object_listings import ObjectListings
from engine.object_settings import ObjectSettings
from engine.record import replace
from engine.reports import BackupReport, CheckReport, StoreStat
from engine.undisturbed import shielded
from engine.versioning import BucketVersions

MAP_SIZE_BYTES_DEFAULT = 1 << 40


class Store(
    Buckets,
    BucketSettings,
    BucketVersions,
    Deletions,
    ObjectSettings,
    Reaper,
    Rewrapping,
    ObjectListings,
    Attributes,
    PartCopies,
    Closing,
):
    """An open store: S3's operations under their own names in snake_case. For any number of threads; close it, or use a `with`.

    A Store may live through a fork, in parent and child.
    """

    def __init__(self, parts: Parts, layout: Layout) -> None:
        Core.__init__(self, parts)
        self._layout = layout

    def stat(self, bucket: str | None = None) -> StoreStat:
        """What the store holds, or one bucket of it: open uploads are what an owner pays for until Complete or Abort.

        Raises:
            NoSuchBucket.
        """
        self._check_open()
        usage = self._meta.usage()
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
            trash=self._meta.count_trash() if bucket is None else None,
        )

    def check(self, *, deep: bool = False, repair: bool = False) -> CheckReport:
        """Look at all rows, what they name, and all files; `deep` reads every byte and compares its MD5.

        `repair` first collects what no row names, unless there is trouble.

        Raises:
            StoreInUse: `repair` while anybody else has the store open.
        """
        self._check_open()
        if not repair:
            return self._check(deep=deep)
        self._check_writable()
        files = freed = 0
        with self._layout.alone():
            with contextlib.suppress(StoreDamaged):  # the report tells it
                files, freed = self._sweeper.collect(self._prove)
                self._ballast.restore()
            report = self._check(deep=deep)
        return replace(report, collected_files=files, collected_bytes=freed)

    def backup(
        self, directory: str | os.PathLike[str], *, advance: Callable[[int], None] | None = None
    ) -> BackupReport:
        """Make a backup of the store in a new or empty directory, beside everybody's work: a store, as this one is at one moment.

        Files are linked where the directory is on the store's file system, and copied otherwise; `advance` is called with the bytes as
        they are. Until it ends nothing that is thrown away is removed, in any process. A backup that fails leaves an empty directory,
        one that is killed leaves one that is refused as a store.

        Raises:
            StoreError: the directory is not empty, or can't be used; its disk is full, or too slow for what is written meanwhile.
        """
        self._check_open()
        report = Backup(self._layout.root, self._meta, self._blobs, self._leases).make(
            os.fspath(directory), advance or (lambda _: None)
        )
        if not self._read_only:
            self._sweeper.sweep_backlog()
        return report

    @shielded
    def close(self) -> None:
        """End all use of the store, after the commits under way; again is harmless, and ends what an interrupted call left."""
        self._life.ended = True
        self._sweeper.close()
        self._meta.close()
        self._blobs.close()
        self._encrypting.close()
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
        NotAStore: something else is there, or nothing and `create` is False; or its metadata is missing, damaged or another store's.
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
            encrypting = undo.enter_context(Encrypting(ring, os.path.join(layout.root, RING), key_provider))
            store = _assemble(layout, limits or Limits(), map_size_bytes, read_only, encrypting)
            undo.pop_all()
            undo.callback(store.close)
            if not read_only:
                store._sweeper.sweep_backlog()
            undo.pop_all()
            return store
    except OSError as error:  # what the system refused and has no name of its own above
        raise StoreError(f"{os.fspath(path)}: opening the store failed: {os.strerror(error.errno or 0)}") from error
    except InternalError as error:  # an answer to a request, which this is not
        raise StoreError(f"{os.fspath(path)}: opening the store failed: {error.reason}") from error


def _assemble(layout: Layout, limits: Limits, map_size_bytes: int, read_only: bool, encrypting: Encrypting) -> Store:
    parts = Parts(
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
        encrypting=encrypting,
    )
    return Store(parts, layout)
