"""Lifecycle rules in buckets with versions: they add and remove delete markers, remove noncurrent versions, and spare locked ones."""

import pytest

from engine import ReapReport, Store
from engine.meta.records import Lock
from tests.support.clock import DAY, Clock, clocked
from tests.support.lifecycles import change, expire, keys, remove, set_rules, set_versioning, versions
from tests.support.stores import FILE_BODY, contents_of
from tests.support.uploads import read


@pytest.fixture
def clock(tiny: Store) -> Clock:
    return clocked(tiny)


def test_where_versions_are_kept_expiring_makes_a_delete_marker_once(tiny: Store, bucket: str, clock: Clock) -> None:
    set_versioning(tiny, bucket, "Enabled")
    tiny.put_object(bucket, "key", b"one")
    set_rules(tiny, bucket, expire(1))
    clock.go_on(2 * DAY)
    assert tiny.reap() == ReapReport(expired_objects=1)
    assert [etag != "" for _, etag in versions(tiny, bucket)] == [False, True]
    clock.go_on(9 * DAY)
    assert tiny.reap() == ReapReport()
    assert keys(tiny, bucket) == []


def test_noncurrent_versions_are_removed_by_when_they_were_replaced(tiny: Store, bucket: str, clock: Clock) -> None:
    set_versioning(tiny, bucket, "Enabled")
    etags = []
    for body in (b"one", b"two", b"three"):
        etags.append(tiny.put_object(bucket, "key", body).etag.strip('"')[:4])
        clock.go_on(5 * DAY)
    set_rules(tiny, bucket, remove(6))
    assert tiny.reap() == ReapReport(removed_versions=1)
    assert versions(tiny, bucket) == [("key", etags[2]), ("key", etags[1])]
    clock.go_on(2 * DAY)
    assert tiny.reap() == ReapReport(removed_versions=1)
    assert versions(tiny, bucket) == [("key", etags[2])]
    assert read(tiny, bucket, "key") == b"three"


def test_the_newest_noncurrent_versions_are_kept(tiny: Store, bucket: str, clock: Clock) -> None:
    set_versioning(tiny, bucket, "Enabled")
    for key in ("a", "b"):
        for number in range(5):
            tiny.put_object(bucket, key, str(number).encode())
    set_rules(tiny, bucket, remove(1, newer=2))
    clock.go_on(3 * DAY)
    assert tiny.reap() == ReapReport(removed_versions=4)
    assert [key for key, _ in versions(tiny, bucket)] == ["a"] * 3 + ["b"] * 3
    assert read(tiny, bucket, "a") == b"4"


def test_versions_of_a_key_are_counted_across_pages(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_versioning(tiny, bucket, "Enabled")
    for key in ("a", "b", "c"):
        for number in range(5):
            tiny.put_object(bucket, key, str(number).encode())
    tiny.delete_object(bucket, "c")
    monkeypatch.setattr("engine.upkeep.expire.PAGE_SIZE", 2)
    monkeypatch.setattr("engine.upkeep.expire.REMOVED_A_STEP", 1)
    set_rules(tiny, bucket, remove(1, newer=1))
    clock.go_on(3 * DAY)
    assert tiny.reap() == ReapReport(removed_versions=3 + 3 + 4)
    assert [key for key, _ in versions(tiny, bucket)] == ["a", "a", "b", "b", "c", "c"]


def test_a_lone_delete_marker_is_removed_and_one_that_hides_a_version_is_not(
    tiny: Store, bucket: str, clock: Clock
) -> None:
    set_versioning(tiny, bucket, "Enabled")
    tiny.put_object(bucket, "hidden", b"one")
    for key in ("alone", "hidden", "z-alone"):
        tiny.delete_object(bucket, key)
    set_rules(tiny, bucket, {"expiration": {"expired_object_delete_marker": True}})
    assert tiny.reap() == ReapReport(removed_versions=2)
    assert [key for key, _ in versions(tiny, bucket)] == ["hidden", "hidden"]


def test_a_key_is_gone_at_last_when_versions_and_marker_have_had_their_days(
    tiny: Store, bucket: str, clock: Clock
) -> None:
    set_versioning(tiny, bucket, "Enabled")
    tiny.put_object(bucket, "key", FILE_BODY)
    set_rules(tiny, bucket, expire(1), remove(1))
    reports = []
    for _ in range(8):
        clock.go_on(DAY)
        reports.append(tiny.reap())
    assert [(each.expired_objects, each.removed_versions) for each in reports if each != ReapReport()] == [
        (1, 0), (0, 1), (0, 1),
    ]  # fmt: skip
    held = contents_of(tiny)
    assert (held.files, held.count("objects"), held.count("manifests")) == ({}, 0, 0)


@pytest.mark.parametrize("lock", [Lock(legal_hold=True), Lock("GOVERNANCE", 2**62), Lock("COMPLIANCE", 2**62)])
def test_a_locked_version_is_hidden_but_not_removed(tiny: Store, bucket: str, clock: Clock, lock: Lock) -> None:
    set_versioning(tiny, bucket, "Enabled")
    tiny.put_object(bucket, "key", b"one")
    change(tiny, bucket, "key", lock=lock)
    set_rules(tiny, bucket, expire(1), remove(1))
    for _ in range(5):
        clock.go_on(2 * DAY)
        tiny.reap()
    assert [etag != "" for _, etag in versions(tiny, bucket)] == [False, True]


def test_the_null_version_of_a_suspended_bucket_is_replaced_by_its_delete_marker(
    tiny: Store, bucket: str, clock: Clock
) -> None:
    set_versioning(tiny, bucket, "Suspended")
    tiny.put_object(bucket, "key", FILE_BODY)
    set_rules(tiny, bucket, expire(1))
    clock.go_on(2 * DAY)
    assert tiny.reap() == ReapReport(expired_objects=1)
    assert versions(tiny, bucket) == [("key", "")]
    assert contents_of(tiny).files == {}
    clock.go_on(2 * DAY)
    assert tiny.reap() == ReapReport(removed_versions=1)
    assert versions(tiny, bucket) == []
