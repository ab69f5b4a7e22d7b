"""Removes what no request can reach any more: trash named by committed rows, and files that no row names."""

import itertools
import time
from collections.abc import Callable, Iterator

from engine.ballast import Ballast
from engine.blobs import Blobs
from engine.blobs.leases import Lease, Leases
from engine.errors import EngineError
from engine.meta import Metadata, Trash, TrashKind

TRASH_BATCH_SIZE = 256
WALKED_A_STEP = 1000
BACKLOG_S_MAX = 0.5
HELD_COUNT_MAX = 10_000
HELD_TRIED_A_SWEEP = 4
Proof = Callable[[], Iterator[None]]
"""Makes sure, in steps, that rows and files belong together; raises StoreDamaged if they do not."""


class Sweeper:
    """The sweeping of one store; every step may be interrupted, repeated, and run in several processes at once."""

    def __init__(self, meta: Metadata, blobs: Blobs, leases: Leases, ballast: Ballast) -> None:
        self._meta = meta
        self._blobs = blobs
        self._leases = leases
        self._ballast = ballast
        self._held: dict[Trash, None] = {}  # what readers kept from being removed, the longest first

    def sweep(self, trash: tuple[Trash, ...]) -> None:
        """Remove the files of committed trash, and some that readers held before; what fails or is held stays for a later sweep."""
        tried_again = list(self._held)[:HELD_TRIED_A_SWEEP]
        for piece in (*trash, *tried_again):
            self._held.pop(piece, None)
            try:
                if self._remove(piece) < 0 and len(self._held) < HELD_COUNT_MAX:
                    self._held[piece] = None
            except (EngineError, OSError) as error:
                _tell(error)

    def _remove(self, piece: Trash) -> int:
        """Remove one piece; the bytes freed, or -1 while somebody reads it."""
        lease: Lease | None = None
        if piece.kind is TrashKind.MANIFEST:
            lease = self._leases.exclude(piece.id)
            if lease is None:
                return -1
        try:
            freed = sum(map(self._blobs.remove, self._meta.trash_blobs(piece)))
            self._ballast.freeing(lambda: self._meta.forget(piece))
        finally:
            if lease is not None:
                lease.close()
        return freed

    def sweep_backlog(self) -> None:
        """Take up what a crash, a reader or a deleted bucket left, for a bounded time; the rest waits for the next occasion."""
        try:
            self._sweep_backlog()
        except EngineError as error:  # a damaged row, or a disk that fails: what can be read is served all the same
            _tell(error)

    def _sweep_backlog(self) -> None:
        deadline_s = time.monotonic() + BACKLOG_S_MAX
        left = -1
        while self._meta.drain_deleted_buckets() or self._meta.count_trash() not in (0, left):
            left = self._meta.count_trash()
            for piece in self._meta.next_trash(TRASH_BATCH_SIZE):
                self.sweep((piece,))
                if time.monotonic() > deadline_s:
                    return

    def collect(self, prove: Proof) -> tuple[int, int]:
        """Remove all trash and every file that no row names and no writer holds; the files and bytes removed.

        Raises: as `prove`
        """
        files, freed = zip(*self.collect_in_steps(prove), strict=True)
        return sum(files), sum(freed)

    def collect_in_steps(self, prove: Proof) -> Iterator[tuple[int, int]]:
        """The same in steps that are short unless there is much trash; each tells its part of the files and bytes.

        The proof, that rows and files belong together, comes before the first removal, and only if there is something to remove.
        """
        proof = prove()  # used up by whoever needs it first
        is_draining = True
        while is_draining:
            is_draining = self._meta.drain_deleted_buckets()
            if self._meta.count_trash():
                yield from ((0, 0) for _ in proof)
                self._sweep_all()
        yield 0, 0
        blob_ids = (blob_id for blob_id, _ in self._blobs.walk())
        while some := list(itertools.islice(blob_ids, WALKED_A_STEP)):
            garbage = [blob_id for blob_id in some if not self._meta.names_blob(blob_id) and self._is_garbage(blob_id)]
            if garbage:
                yield from ((0, 0) for _ in proof)
            sizes = [self._blobs.collect(blob_id, self._meta.names_blob) for blob_id in garbage]
            yield sum(size is not None for size in sizes), sum(size or 0 for size in sizes)

    def _is_garbage(self, blob_id: bytes) -> bool:
        return self._blobs.is_garbage(blob_id, self._meta.names_blob)

    def _sweep_all(self) -> None:
        """Sweep all trash but what readers hold."""
        before = -1
        while (waiting := self._meta.count_trash()) and waiting != before:
            before = waiting
            self.sweep(self._meta.next_trash(waiting))


def _tell(error: Exception) -> None:
    import logging  # costs more than the rest of this module, and is seldom needed

    logging.getLogger("partwright").warning("trash is left for a later sweep: %s", error)
