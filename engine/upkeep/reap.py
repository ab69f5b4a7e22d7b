"""Reaps a store: aborts old uploads, executes lifecycle rules, and collects the garbage of crashes."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from engine.core import LIFECYCLE, Context
from engine.errors import ConditionalRequestConflict, NoSuchBucket, NoSuchUpload
from engine.lifecycle.deadlines import lifecycle_of
from engine.meta import Configuration, UploadEntry
from engine.meta.walks import PAGE_SIZE
from engine.upkeep.check import Check
from engine.upkeep.expire import Expire
from engine.upkeep.reports import ReapReport

RULES_READ_MAX = 4
"""A reap reads the rules of a bucket this often if they change meanwhile, and leaves the rest to the next reap."""

IsDue = Callable[[UploadEntry], bool]


class Reap:
    """Reaps one store."""

    __slots__ = ("_check", "_context", "_expire")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._expire = Expire(context)
        self._check = Check(context)

    def in_steps(self, older_than: timedelta | None, *, collect: bool) -> Iterator[ReapReport]:
        """Reap in short steps, and yield a report of each; the caller may stop after any. Without `collect` only trash is removed.

        Raises:
            ValueError: `older_than` is negative.
        """
        self._context.check_writable()
        if older_than is not None and older_than < timedelta(0):
            raise ValueError(f"older_than must not be negative, not {older_than}")
        now_ns = self._context.now_ns()
        before_ns = now_ns - older_than // timedelta(microseconds=1) * 1000 if older_than is not None else None
        for bucket in self._context.meta.usage():
            try:
                yield from self._reap_bucket(bucket, now_ns, before_ns)
            except NoSuchBucket:
                continue  # deleted meanwhile
        if collect:
            yield from self._collect()
        else:
            self._context.sweeper.sweep_backlog()

    def _collect(self) -> Iterator[ReapReport]:
        for files, freed in self._context.sweeper.collect_in_steps(self._check.prove):
            yield ReapReport(collected_files=files, collected_bytes=freed)
        self._context.ballast.restore()

    def _reap_bucket(self, bucket: str, now_ns: int, before_ns: int | None) -> Iterator[ReapReport]:
        if before_ns is not None:
            yield from self._abort_due(bucket, b"", lambda entry: entry.upload_id.initiated_ns <= before_ns, None)
        for _ in range(RULES_READ_MAX):
            basis = Configuration(LIFECYCLE, self._context.meta.find_configuration(bucket, LIFECYCLE))
            try:
                yield from self._execute(bucket, basis, now_ns)
            except ConditionalRequestConflict:
                continue  # the rules were changed meanwhile, and are read again
            return

    def _execute(self, bucket: str, basis: Configuration, now_ns: int) -> Iterator[ReapReport]:
        """Execute the rules in `basis`.

        Raises:
            ConditionalRequestConflict: the bucket's rules were changed meanwhile.
        """
        lifecycle = lifecycle_of(basis.document)

        def is_due(entry: UploadEntry) -> bool:
            deadline = lifecycle.abort_of(entry.key, entry.upload_id.initiated_ns)
            return deadline is not None and deadline.at_ns <= now_ns

        if lifecycle.upload_prefix is not None:
            yield from self._abort_due(bucket, lifecycle.upload_prefix, is_due, basis)
        yield from self._expire.run(bucket, basis, now_ns)

    def _abort_due(
        self, bucket: str, prefix: bytes, is_due: IsDue, basis: Configuration | None
    ) -> Iterator[ReapReport]:
        last: UploadEntry | None = None
        while True:
            key, upload_id = (last.key, last.upload_id) if last else (b"", None)
            page = self._context.meta.list_uploads(bucket, prefix, b"", key, upload_id, PAGE_SIZE)
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
        """Abort one upload, unless it has ended meanwhile."""
        try:
            trash, freed = self._context.freeing(
                lambda: self._context.meta.abort(bucket, entry.key, entry.upload_id, basis)
            )
        except NoSuchUpload:
            return ReapReport()
        self._context.sweeper.sweep((trash,) if trash else ())
        return ReapReport(aborted_uploads=1, aborted_bytes=freed)
