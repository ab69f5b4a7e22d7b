"""The rules of a lifecycle executed on what a bucket holds: objects expire, noncurrent versions and lone delete markers are removed.

It goes through the versions a page at a time, and is safe beside running requests: whatever is about to go is looked at again inside
the step that removes it, and stays if it is not what was found.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.core import Core
from engine.deadlines import Deadline, Lifecycle
from engine.errors import PreconditionFailed
from engine.meta import Deleted, Deletion, FoundObject, Version, VersionEntry
from engine.meta.records import ObjectRecord
from engine.reports import ReapReport

PAGE_SIZE = 1000
REMOVED_A_STEP = 100
"""Bounds how long the others wait for the write lock."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A version whose time has come; without `version` a plain deletion is meant: where versions are kept it makes a delete marker."""

    key: bytes
    version: Version | None
    record: ObjectRecord


class Expiry(Core):
    """The upkeep of objects."""

    def _expire(self, bucket: str, lifecycle: Lifecycle, now_ns: int) -> Iterator[ReapReport]:
        """Execute the rules on all versions of a bucket, in steps.

        Raises:
            NoSuchBucket: it was deleted meanwhile.
        """
        prefix = lifecycle.version_prefix
        if prefix is None:
            return
        found = _due(self._versions(bucket, prefix), lifecycle, now_ns)
        while page := list(itertools.islice(found, PAGE_SIZE)):
            due = [each for each in page if each is not None]
            removed = [
                self._remove_due(bucket, due[at : at + REMOVED_A_STEP]) for at in range(0, len(due), REMOVED_A_STEP)
            ]
            yield sum(removed, ReapReport())

    def _versions(self, bucket: str, prefix: bytes) -> Iterator[VersionEntry]:
        key, version = b"", None
        while True:
            page = self._meta.list_versions(bucket, prefix, b"", key, version, PAGE_SIZE)
            yield from page.items
            if not page.is_truncated:
                return
            key, version = page.items[-1].key, page.items[-1].version

    def _remove_due(self, bucket: str, due: list[_Due]) -> ReapReport:
        expected = {_identity(each.record): each.record for each in due}

        def check(found: FoundObject | None) -> None:
            if found is None or expected.get(_identity(found.record)) != found.record:
                raise PreconditionFailed(reason="it is not what was found to be due")

        items = [Deletion(each.key, each.version, check) for each in due]
        results = self._freeing(lambda: self._meta.delete_objects(bucket, items, self._now_ns()))
        done = [(each, result) for each, result in zip(due, results, strict=True) if isinstance(result, Deleted)]
        self._sweeper.sweep(tuple(piece for _, result in done for piece in result.trash))
        expired = sum(each.version is None for each, _ in done)
        return ReapReport(expired_objects=expired, removed_versions=len(done) - expired)


def _identity(record: ObjectRecord) -> tuple[bytes, int]:
    return record.manifest_id, record.modified_ns


def _due(versions: Iterable[VersionEntry], lifecycle: Lifecycle, now_ns: int) -> Iterator[_Due | None]:
    """For each version in their order (by key, the latest first) what is to be removed of it, if anything."""
    before: VersionEntry | None = None
    newer_count = 0
    for entry, following in itertools.pairwise(itertools.chain(versions, (None,))):
        assert entry is not None, "only the last has nothing before it"
        deadline: Deadline | None = None
        if entry.is_latest:
            is_alone = following is None or following.key != entry.key
            deadline, newer_count = _end_of_latest(entry, lifecycle, is_alone=is_alone), 0
        elif (
            before is not None and before.key == entry.key
        ):  # else its latest version came after the listing had passed
            deadline = _end_of_noncurrent(entry, lifecycle, before.record.modified_ns, newer_count)
            newer_count += 1
        before = entry
        is_due = deadline is not None and deadline.at_ns <= now_ns
        yield _removal(entry, now_ns) if is_due else None


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


def _removal(entry: VersionEntry, now_ns: int) -> _Due | None:
    """A plain deletion for an object, the removal of any other version unless it is locked."""
    if entry.is_latest and not entry.record.is_delete_marker:
        return _Due(entry.key, None, entry.record)
    lock = entry.record.lock
    is_locked = lock.legal_hold or lock.retain_until_ns > now_ns
    return None if is_locked else _Due(entry.key, entry.version, entry.record)
