"""Executes lifecycle rules on the versions of a bucket: expires objects, and removes noncurrent versions and lone delete markers.

It reads the versions a page at a time, while requests go on. So the step that removes a version first checks that the version is
unchanged and, among the versions that its key has by then, still due.
"""

import itertools
from collections.abc import Iterable, Iterator

from engine.core import Context
from engine.errors import PreconditionFailed
from engine.lifecycle.deadlines import Deadline, Lifecycle, lifecycle_of
from engine.meta import Configuration, Deleted, Deletion, FoundObject, VersionEntry
from engine.meta.records import ObjectRecord
from engine.meta.walks import PAGE_SIZE, versions_of
from engine.record import Record
from engine.upkeep.reports import ReapReport

REMOVED_A_STEP = 100
"""It bounds how long others wait for the write lock."""


class _Rules(Record, frozen=True):
    """The rules of a bucket as they were read, and the time at which they are executed."""

    basis: Configuration
    now_ns: int

    @property
    def lifecycle(self) -> Lifecycle:
        return lifecycle_of(self.basis.document)


class Expire:
    """Executes lifecycle rules on the objects of one store."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self, bucket: str, basis: Configuration, now_ns: int) -> Iterator[ReapReport]:
        """Execute the rules on all versions of a bucket, in steps.

        Raises:
            NoSuchBucket: the bucket was deleted meanwhile.
            ConditionalRequestConflict: the rules were changed meanwhile.
        """
        rules = _Rules(basis, now_ns)
        prefix = rules.lifecycle.version_prefix
        if prefix is None:
            return
        found = _due_or_none(versions_of(self._context.meta, bucket, prefix), rules)
        while page := list(itertools.islice(found, PAGE_SIZE)):
            # The older versions go first, since whether they are due depends on the newer ones.
            due = [entry for entry in reversed(page) if entry is not None]
            for at in range(0, len(due), REMOVED_A_STEP):
                yield self._remove_due(bucket, due[at : at + REMOVED_A_STEP], rules)
            if not due:
                yield ReapReport()

    def _remove_due(self, bucket: str, due: list[VersionEntry], rules: _Rules) -> ReapReport:
        items = [_removal(entry, rules) for entry in due]
        results = self._context.freeing(
            lambda: self._context.meta.delete_objects(bucket, items, self._context.now_ns(), rules.basis)
        )
        done = [(item, result) for item, result in zip(items, results, strict=True) if isinstance(result, Deleted)]
        self._context.sweeper.sweep(tuple(piece for _, result in done for piece in result.trash))
        expired = sum(item.version is None for item, _ in done)
        return ReapReport(expired_objects=expired, removed_versions=len(done) - expired)


def _due_or_none(versions: Iterable[VersionEntry], rules: _Rules) -> Iterator[VersionEntry | None]:
    """Yield, for each version in order (by key, the latest first), the version if it is due, else None."""
    newer: VersionEntry | None = None
    newer_count = 0
    for entry, older in itertools.pairwise(itertools.chain(versions, (None,))):
        assert entry is not None, "only the last entry of the chain is None"
        deadline: Deadline | None = None
        if entry.is_latest:
            is_alone = older is None or older.key != entry.key
            deadline, newer_count = _end_of_latest(entry, rules.lifecycle, is_alone=is_alone), 0
        elif newer is not None and newer.key == entry.key:  # else its latest version came after the listing had passed
            deadline = _end_of_noncurrent(entry, rules.lifecycle, newer.record.modified_ns, newer_count)
            newer_count += 1
        newer = entry
        is_due = deadline is not None and deadline.at_ns <= rules.now_ns
        yield entry if is_due and not _is_kept_by_lock(entry, rules.now_ns) else None


def _end_of_latest(entry: VersionEntry, lifecycle: Lifecycle, *, is_alone: bool) -> Deadline | None:
    record = entry.record
    if not record.is_delete_marker:
        return lifecycle.expiration_of(entry.key, record.size, record.tags, record.modified_ns)
    return lifecycle.marker_removal_of(entry.key, record.modified_ns) if is_alone else None


def _end_of_noncurrent(
    entry: VersionEntry, lifecycle: Lifecycle, replaced_ns: int, newer_count: int
) -> Deadline | None:
    record = entry.record
    return lifecycle.version_removal_of(entry.key, record.size, record.tags, replaced_ns, newer_count)


def _ends_by_plain_delete(entry: VersionEntry) -> bool:
    """Tell whether the entry ends by a DELETE without version id, as current objects do; in a versioned bucket that adds a marker."""
    return entry.is_latest and not entry.record.is_delete_marker


def _is_kept_by_lock(entry: VersionEntry, now_ns: int) -> bool:
    lock = entry.record.lock
    return not _ends_by_plain_delete(entry) and (bool(lock.legal_hold) or lock.retain_until_ns > now_ns)


def _removal(entry: VersionEntry, rules: _Rules) -> Deletion:
    """Return the deletion of a version that was due; its guard refuses if that is no longer so."""

    def check(found: FoundObject | None, newer: Iterable[ObjectRecord]) -> None:
        if found is None or found.record != entry.record or not _is_still_due(entry, newer, rules):
            raise PreconditionFailed(reason="it is not what was found to be due")

    return Deletion(entry.key, None if _ends_by_plain_delete(entry) else entry.version, check)


def _is_still_due(entry: VersionEntry, newer: Iterable[ObjectRecord], rules: _Rules) -> bool:
    """Tell whether a version that was due still is, given its newer versions. The latest must still be that, others must not."""
    lifecycle = rules.lifecycle
    nearest = list(itertools.islice(newer, 1 + lifecycle.newer_versions_max))
    if entry.is_latest or not nearest:
        return entry.is_latest and not nearest
    deadline = _end_of_noncurrent(entry, lifecycle, nearest[0].modified_ns, len(nearest) - 1)
    return deadline is not None and deadline.at_ns <= rules.now_ns
