"""Reap: end the uploads that nobody finished, execute the rules of lifecycles, and collect what crashes left."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from engine.blobs.leases import Lease
from engine.check import Checker
from engine.core import LIFECYCLE
from engine.deadlines import lifecycle_of
from engine.errors import ConditionalRequestConflict, NoSuchBucket, NoSuchUpload
from engine.expiry import Expiry
from engine.meta import Configuration, UploadEntry
from engine.multipart.complete import Completes
from engine.reports import ReapReport
from engine.walks import PAGE_SIZE

KEEPER = b"\xff" * 16
"""The lease of whoever looks after the store; no manifest has this id."""
RULES_READ_MAX = 4
"""How often a reap reads the rules of a bucket whose owner goes on changing them; the next reap does what is left."""

IsDue = Callable[[UploadEntry], bool]


class Reaper(Completes, Expiry, Checker):
    """The upkeep of a store."""

    def reap(self, older_than: timedelta | None = None) -> ReapReport:
        """Execute the rules of all buckets' lifecycles, then collect the garbage; safe beside whatever else is going on.

        With `older_than` every upload initiated longer ago is aborted too.

        Raises:
            ValueError: `older_than` is negative.
            StoreDamaged: there is garbage, and rows and files do not belong together; rules are executed, and nothing is collected.
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
        for files, freed in self._sweeper.collect_in_steps(self._prove):
            yield ReapReport(collected_files=files, collected_bytes=freed)
        self._ballast.restore()

    def become_keeper(self) -> Lease | None:
        """The right to look after the store unasked, until the lease is closed or its process ends; None while somebody has it."""
        self._check_writable()
        return self._leases.exclude(KEEPER)

    def _reap_bucket(self, bucket: str, now_ns: int, before_ns: int | None) -> Iterator[ReapReport]:
        if before_ns is not None:
            yield from self._abort_due(bucket, b"", lambda entry: entry.upload_id.initiated_ns <= before_ns, None)
        for _ in range(RULES_READ_MAX):
            basis = Configuration(LIFECYCLE, self._meta.find_configuration(bucket, LIFECYCLE))
            try:
                yield from self._execute(bucket, basis, now_ns)
            except ConditionalRequestConflict:
                continue  # the rules were changed meanwhile: they are read again
            return

    def _execute(self, bucket: str, basis: Configuration, now_ns: int) -> Iterator[ReapReport]:
        """Execute rules, as long as they are those of the bucket.

        Raises:
            ConditionalRequestConflict: they are others by now.
        """
        lifecycle = lifecycle_of(basis.document)

        def is_due(entry: UploadEntry) -> bool:
            deadline = lifecycle.abort_of(entry.key, entry.upload_id.initiated_ns)
            return deadline is not None and deadline.at_ns <= now_ns

        if lifecycle.upload_prefix is not None:
            yield from self._abort_due(bucket, lifecycle.upload_prefix, is_due, basis)
        yield from self._expire(bucket, basis, now_ns)

    def _abort_due(
        self, bucket: str, prefix: bytes, is_due: IsDue, basis: Configuration | None
    ) -> Iterator[ReapReport]:
        last: UploadEntry | None = None
        while True:
            key, upload_id = (last.key, last.upload_id) if last else (b"", None)
            page = self._meta.list_uploads(bucket, prefix, b"", key, upload_id, PAGE_SIZE)
            report = ReapReport()
            try:
                for entry in filter(is_due, page.items):
                    report += self._abort(bucket, entry, basis)
            except ConditionalRequestConflict:
                yield report
                raise
            yield report
            if not page.is_truncated:
                return
            last = page.items[-1]

    def _abort(self, bucket: str, entry: UploadEntry, basis: Configuration | None) -> ReapReport:
        """Abort one upload, unless somebody ended it first."""
        try:
            trash, freed = self._freeing(lambda: self._meta.abort(bucket, entry.key, entry.upload_id, basis))
        except NoSuchUpload:
            return ReapReport()
        self._sweeper.sweep((trash,) if trash else ())
        return ReapReport(aborted_uploads=1, aborted_bytes=freed)
