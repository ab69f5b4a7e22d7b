"""Makes a backup of a live store: a copy that is itself a store, and is whole and of one moment.

First it forbids all processes to remove files of trash. Then it copies the metadata of one moment, and links or copies each blob that
this copy names. All of them exist, since only trash is ever removed. FORMAT is written last, after all else is durable; until then
the directory is refused as a store.
"""

import contextlib
import os
from collections.abc import Callable, Iterator

from engine.blobs import BlobCopies, Blobs
from engine.blobs.copies import copy_file
from engine.directory.layout import (
    BLOBS,
    FORMAT,
    KEYS,
    META,
    RING,
    UNFINISHED,
    begin_backup,
    clean_backup,
    finish_backup,
)
from engine.directory.leases import Leases
from engine.errors import InternalError, StoreError
from engine.meta import Metadata
from engine.meta.parts import Flag
from engine.record import Record, replace
from engine.upkeep.reports import NAMES_REPORTED_MAX, BackupReport

Advance = Callable[[int], None]


class Backup(Record, frozen=True):
    """Makes backups of one store."""

    root: str
    meta: Metadata
    blobs: Blobs
    leases: Leases

    def make(self, directory: str, advance: Advance) -> BackupReport:
        """Make a backup, as `engine.store.Store.backup` describes."""
        directory = os.path.abspath(directory)
        try:
            begin_backup(self.root, directory)
            with _removed_on_failure(directory):
                report = self._fill(directory, advance)
                finish_backup(self.root, directory)
            clean_backup(directory)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise StoreError(f"{directory}: the backup failed: {os.strerror(error.errno or 0)}{where}") from error
        except InternalError as error:  # an error of S3 requests, but this is no request
            raise StoreError(f"{directory}: the backup failed: {error.reason}") from error
        return report

    def _fill(self, directory: str, advance: Advance) -> BackupReport:
        with (
            self.leases.holding_off_removal(),
            contextlib.closing(self.meta.copy(os.path.join(directory, META))) as snapshot,
            contextlib.closing(self.blobs.copies(os.path.join(directory, BLOBS), advance)) as copies,
        ):
            report = _copy_blobs(snapshot, copies)
            copies.sync()
        return replace(report, has_key_ring=self._copy_key_ring(directory))

    def _copy_key_ring(self, directory: str) -> bool:
        """Copy the key ring, if it is in the store. This follows the metadata: a ring only grows, so it has every key that they need.

        RING is copied before the ring: the store creates them in the opposite order.
        """
        found = False
        for name in (RING, KEYS):
            try:
                copy_file(os.path.join(self.root, name), os.path.join(directory, name))
                found = name == KEYS
            except FileNotFoundError:
                continue
        return found


def _copy_blobs(snapshot: Metadata, copies: BlobCopies) -> BackupReport:
    """Copy every blob that rows name."""
    parts, missing, corrupt = 0, list[str](), list[str]()
    for holder, part in snapshot.walk_parts(corrupt.append):
        parts += 1
        is_there = bool(part.flags & Flag.INLINE) or copies.take(part.blob_id)
        if not is_there and snapshot.holds_part(holder, part):  # else its file was removed as trash before
            missing.append(part.blob_id.hex())
    return BackupReport(
        parts=parts,
        linked_files=copies.linked_files,
        linked_bytes=copies.linked_bytes,
        copied_files=copies.copied_files,
        copied_bytes=copies.copied_bytes,
        has_key_ring=False,
        missing=tuple(missing[:NAMES_REPORTED_MAX]),
        corrupt=tuple(corrupt[:NAMES_REPORTED_MAX]),
    )


@contextlib.contextmanager
def _removed_on_failure(directory: str) -> Iterator[None]:
    """Remove the files of a backup that fails, so that it does not fill the disk; UNFINISHED is removed last."""
    try:
        yield
    except BaseException:
        import shutil  # it is needed only for a backup that failed

        with contextlib.suppress(OSError):
            for name in (FORMAT, FORMAT + ".new"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(directory, name))
            for entry in sorted(os.listdir(directory), key=UNFINISHED.__eq__):
                path = os.path.join(directory, entry)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        raise
