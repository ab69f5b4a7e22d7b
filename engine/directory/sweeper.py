"""Removes data that no request can reach any more: the files of committed trash rows, and files that no row names.

A request that makes trash removes a few files itself, and leaves more to a thread, so that its answer does not wait for them. The
thread exists while there is work, and dies with the process. Trash rows that are left then are removed when the store is opened again,
by a reap, or by the upkeep of a server.
"""

import itertools
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from engine.blobs import Blobs, NewBlob
from engine.directory.ballast import Ballast
from engine.directory.leases import Lease, Leases
from engine.errors import EngineError
from engine.meta import Metadata, Trash, TrashKind
from engine.undisturbed import shielded

TRASH_BATCH_SIZE = 256
WALKED_A_STEP = 1000
BACKLOG_S_MAX = 0.5
POSTPONED_COUNT_MAX = 10_000
POSTPONED_TRIED_A_SWEEP = 4
FILES_AT_ONCE_MAX = 16
"""A request removes so many files itself, which takes some milliseconds."""
QUEUED_COUNT_MAX = 10_000
"""So many pieces of trash wait for the thread; the others are left in their rows."""
CLOSE_WAIT_S = 0.5
"""Closing waits so long for the thread to remove what it was given."""
Proof = Callable[[], Iterator[None]]
"""It checks, in steps, that rows and files belong together, and raises StoreDamaged if they do not."""


class Sweeper:
    """Removes the trash of one store. Every step may be interrupted, repeated, and run in several processes at once."""

    def __init__(self, meta: Metadata, blobs: Blobs, leases: Leases, ballast: Ballast) -> None:
        self._meta = meta
        self._blobs = blobs
        self._leases = leases
        self._ballast = ballast
        self._postponed: dict[Trash, None] = {}  # trash that readers or a backup kept, the longest first
        self._begin()

    def _begin(self) -> None:
        """Reset to a state without a thread: at first, and in a forked child, which has no copy of the parent's thread."""
        self._process = os.getpid()
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[Trash | NewBlob] = deque()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @shielded  # as a whole, since each of its reads and writes would be a hand-over of its own
    def sweep(self, trash: tuple[Trash, ...]) -> None:
        """Remove the files of committed trash; if there are many, leave most of them to the thread."""
        room = FILES_AT_ONCE_MAX
        for index, piece in enumerate(trash):
            room -= self._count_files(piece)
            if room < 0:
                self._sweep_now(trash[:index])
                self._put(*trash[index:])
                return
        self._sweep_now(trash)

    def _count_files(self, piece: Trash) -> int:
        try:
            return 1 if piece.kind is TrashKind.BLOB else len(self._meta.trash_blobs(piece))
        except EngineError:  # removing it reports the error
            return 1

    def settle(self, blob: NewBlob) -> None:
        """Take over a blob whose request was interrupted while its row was being written, and remove it if it has no row."""
        self._put(blob)

    @shielded
    def drain(self, timeout_s: float | None = None) -> None:
        """Wait until the thread has done all its work."""
        with self._changed:
            self._changed.wait_for(lambda: self._thread is None, timeout_s)

    @shielded
    def close(self) -> None:
        """Wait up to CLOSE_WAIT_S for the thread, and end it; closing twice is harmless."""
        if self._process == os.getpid():
            self.drain(CLOSE_WAIT_S)
            self._is_closed = True
            self.drain()

    @shielded
    def _put(self, *work: Trash | NewBlob) -> None:
        if self._process != os.getpid():
            self._begin()
        with self._changed:
            self._queue.extend(work[: QUEUED_COUNT_MAX - len(self._queue)])
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._work, name="partwright-sweeper", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (work := self._next()) is not None:
            if isinstance(work, Trash):
                self._sweep_now((work,))
            else:
                self._settle_blob(work)

    def _next(self) -> Trash | NewBlob | None:
        """Return the next work; None ends the thread."""
        with self._changed:
            if self._queue and not self._is_closed:
                return self._queue.popleft()
            self._thread = None
            self._changed.notify_all()
            return None

    def _settle_blob(self, blob: NewBlob) -> None:
        try:
            self._meta.settle()
        except EngineError as error:
            _log(error)
        blob.release()  # even after an error: the store is closed or failed, and no commit is running
        try:
            self._blobs.collect(blob.blob_id, self._meta.names_blob)
        except (EngineError, OSError) as error:
            _log(error)

    def _sweep_now(self, trash: tuple[Trash, ...]) -> None:
        """Remove the files of committed trash, and of some postponed trash; failures and trash in use are left for a later sweep."""
        tried_again = list(self._postponed)[:POSTPONED_TRIED_A_SWEEP]
        for piece in (*trash, *tried_again):
            self._postponed.pop(piece, None)
            try:
                if self._remove(piece) < 0 and len(self._postponed) < POSTPONED_COUNT_MAX:
                    self._postponed[piece] = None
            except (EngineError, OSError) as error:
                _log(error)

    def _remove(self, piece: Trash) -> int:
        """Remove one piece; return the bytes freed, or -1 if it has a reader, a backup forbids it, or the sweeper is closed."""
        with self._leases.removing() as may_remove:
            return self._remove_now(piece) if may_remove else -1

    def _remove_now(self, piece: Trash) -> int:
        lease: Lease | None = None
        if piece.kind is TrashKind.MANIFEST:
            lease = self._leases.exclude(piece.id)
            if lease is None:
                return -1
        try:
            freed = 0
            for blob_id in self._meta.trash_blobs(piece):
                if self._is_closed:
                    return -1
                freed += self._blobs.remove(blob_id)
            self._ballast.freeing(lambda: self._meta.forget(piece))
        finally:
            if lease is not None:
                lease.close()
        return freed

    def sweep_backlog(self) -> None:
        """Remove, for a bounded time, trash that a crash, a reader or a deleted bucket has left."""
        try:
            self._sweep_backlog()
        except EngineError as error:  # a damaged row or a failing disk: the store serves what can be read
            _log(error)

    def _sweep_backlog(self) -> None:
        deadline_s = time.monotonic() + BACKLOG_S_MAX
        left = -1
        while self._meta.drain_deleted_buckets() or self._meta.count_trash() not in (0, left):
            left = self._meta.count_trash()
            for piece in self._meta.next_trash(TRASH_BATCH_SIZE):
                self._sweep_now((piece,))
                if time.monotonic() > deadline_s:
                    return

    def collect(self, prove: Proof) -> tuple[int, int]:
        """Remove all trash and every file that has no row and no writer; return the number of files and of bytes removed.

        Raises:
            StoreDamaged: raised by `prove`; nothing was removed.
        """
        files, freed = zip(*self.collect_in_steps(prove), strict=True)
        return sum(files), sum(freed)

    def collect_in_steps(self, prove: Proof) -> Iterator[tuple[int, int]]:
        """Do the same in steps, which are short unless there is much trash, and yield the files and bytes of each.

        `prove` runs before the first removal, and only if there is something to remove.
        """
        proof = prove()  # an iterator, so that it runs only once
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
        """Sweep all trash except that in use."""
        before = math.inf
        while 0 < (waiting := self._meta.count_trash()) < before:  # trash that others add meanwhile is theirs to sweep
            before = waiting
            self._sweep_now(self._meta.next_trash(waiting))


def _log(error: Exception) -> None:
    import logging  # importing it costs more than the rest of this module, and it is seldom needed

    logging.getLogger("partwright").warning("trash is left for a later sweep: %s", error)
