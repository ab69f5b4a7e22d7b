"""Reap: end the uploads that nobody finished, execute the rules of lifecycles, and collect what crashes left."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from engine.blobs.leases import Lease
from engine.errors import NoSuchBucket, NoSuchUpload
from engine.expiry import PAGE_SIZE, Expiry
from engine.meta import UploadEntry
from engine.multipart.complete import Completes
from engine.reports import ReapReport

KEEPER = b"\xff" * 16
"""The lease of whoever looks after the store; no manifest has this id."""

IsDue = Callable[[UploadEntry], bool]


class Reaper(Completes, Expiry):
    """The upkeep of a store."""

    def reap(self, older_than: timedelta | None = None) -> ReapReport:
        """Execute the rules of all buckets' lifecycles, then collect the garbage; safe beside whatever else is going on.

        With `older_than` every upload initiated longer ago is aborted too.

        Raises:
            ValueError: `older_than` is negative.
        """
        return sum(self.reap_in_steps(older_than), ReapReport())

    def reap_in_steps(self, older_than: timedelta | None = None, *, collect: bool = True) -> Iterator[ReapReport]:
        """Reap in short steps; each says what it did, and the work may be left after any. Without `collect` only known trash goes.

        Raises:
            ValueError: `older_than` is negative.
        """
        self._check_writable()
        if older_than is not None and older_than < timedelta(0):
            raise ValueError(f"older_than must not be negative, not {older_than}")
        now_ns = self._now_ns()
        before_ns = now_ns - older_than // timedelta(microseconds=1) * 1000 if older_than is not None else None
        for bucket in self._meta.usage():
            try:
                yield from self._reap_bucket(bucket, now_ns, before_ns)
            except NoSuchBucket:
                continue  # deleted meanwhile
        if collect:
            yield from self._collect()
        else:
            self._sweeper.sweep_backlog()

    def _collect(self) -> Iterator[ReapReport]:
        for files, freed in self._sweeper.collect_in_steps():
            yield ReapReport(collected_files=files, collected_bytes=freed)
        self._ballast.restore()

    def become_keeper(self) -> Lease | None:
        """The right to look after the store unasked, until the lease is closed or its process ends; None while somebody has it."""
        self._check_writable()
        return self._leases.exclude(KEEPER)

    def _reap_bucket(self, bucket: str, now_ns: int, before_ns: int | None) -> Iterator[ReapReport]:
        lifecycle = self._lifecycle(bucket)

        def is_due(entry: UploadEntry) -> bool:
            initiated_ns = entry.upload_id.initiated_ns
            deadline = lifecycle.abort_of(entry.key, initiated_ns)
            is_old = before_ns is not None and initiated_ns <= before_ns
            return is_old or (deadline is not None and deadline.at_ns <= now_ns)

        prefix = lifecycle.upload_prefix if before_ns is None else b""
        if prefix is not None:
            yield from self._abort_due(bucket, prefix, is_due)
        yield from self._expire(bucket, lifecycle, now_ns)

    def _abort_due(self, bucket: str, prefix: bytes, is_due: IsDue) -> Iterator[ReapReport]:
        last: UploadEntry | None = None
        while True:
            key, upload_id = (last.key, last.upload_id) if last else (b"", None)
            page = self._meta.list_uploads(bucket, prefix, b"", key, upload_id, PAGE_SIZE)
            yield sum((self._abort(bucket, entry) for entry in page.items if is_due(entry)), ReapReport())
            if not page.is_truncated:
                return
            last = page.items[-1]

    def _abort(self, bucket: str, entry: UploadEntry) -> ReapReport:
        """Abort one upload, unless somebody ended it first."""
        try:
            trash, freed = self._freeing(lambda: self._meta.abort(bucket, entry.key, entry.upload_id))
        except NoSuchUpload:
            return ReapReport()
        self._sweeper.sweep((trash,) if trash else ())
        return ReapReport(aborted_uploads=1, aborted_bytes=freed)
