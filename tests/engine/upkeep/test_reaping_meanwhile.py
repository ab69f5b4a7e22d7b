"""What a client does while the rules are executed counts: a version restored stays, and a rule taken away removes nothing more."""

from collections.abc import Callable
from typing import Any

import pytest

from engine import ReapReport, Store
from engine.errors import ConditionalRequestConflict
from engine.meta import Configuration
from engine.upkeep.reap import RULES_READ_MAX
from tests.support.clock import DAY, Clock, clocked
from tests.support.lifecycles import abort, expire, keys, remove, set_rules, set_versioning, versions
from tests.support.stores import meta_of
from tests.support.uploads import begin, read


@pytest.fixture
def clock(tiny: Store) -> Clock:
    return clocked(tiny)


def before_each(store: Store, step: str, meanwhile: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something done between what finds and each step that removes."""
    meta = meta_of(store)
    original, calls = getattr(meta, step), iter(range(1000))

    def later(*arguments: Any) -> Any:
        monkeypatch.setattr(meta, step, original)
        meanwhile(next(calls))
        monkeypatch.setattr(meta, step, later)
        return original(*arguments)

    monkeypatch.setattr(meta, step, later)


def versions_put(store: Store, bucket: str, count: int) -> list[str]:
    """Put versions of a key; their ids, the oldest first."""
    set_versioning(store, bucket, "Enabled")
    ids = [store.put_object(bucket, "key", str(number).encode()).version_id for number in range(count)]
    return [each for each in ids if each is not None]


def test_a_version_whose_delete_marker_is_taken_away_meanwhile_stays(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions_put(tiny, bucket, 1)
    clock.go_on(DAY)
    marker = tiny.delete_object(bucket, "key").version_id
    clock.go_on(9 * DAY)
    set_rules(tiny, bucket, remove(1))
    before_each(tiny, "delete_objects", lambda _: tiny.delete_object(bucket, "key", version_id=marker), monkeypatch)
    assert tiny.reap() == ReapReport()
    assert read(tiny, bucket, "key") == b"0"


def test_a_version_that_becomes_the_latest_by_a_deletion_meanwhile_stays(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = versions_put(tiny, bucket, 2)
    clock.go_on(9 * DAY)
    set_rules(tiny, bucket, remove(1))
    before_each(tiny, "delete_objects", lambda _: tiny.delete_object(bucket, "key", version_id=ids[1]), monkeypatch)
    assert tiny.reap() == ReapReport()
    assert read(tiny, bucket, "key") == b"0"


def test_newer_versions_deleted_meanwhile_no_longer_count(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = versions_put(tiny, bucket, 5)
    clock.go_on(9 * DAY)
    set_rules(tiny, bucket, remove(1, newer=3))
    newer: list[str | tuple[str, str | None]] = [("key", each) for each in ids[1:4]]
    before_each(tiny, "delete_objects", lambda _: tiny.delete_objects(bucket, newer), monkeypatch)
    assert tiny.reap() == ReapReport()
    assert len(versions(tiny, bucket)) == 2


def test_a_version_counts_its_days_from_the_newer_one_that_is_left(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = versions_put(tiny, bucket, 2)
    clock.go_on(9 * DAY)
    tiny.put_object(bucket, "key", b"new")
    set_rules(tiny, bucket, remove(5))
    before_each(tiny, "delete_objects", lambda _: tiny.delete_object(bucket, "key", version_id=ids[1]), monkeypatch)
    assert tiny.reap() == ReapReport()
    clock.go_on(6 * DAY)
    assert tiny.reap() == ReapReport(removed_versions=1)


def test_a_lone_delete_marker_that_is_behind_an_object_meanwhile_stays(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_versioning(tiny, bucket, "Enabled")
    tiny.delete_object(bucket, "key")
    set_rules(tiny, bucket, {"expiration": {"expired_object_delete_marker": True}})
    before_each(tiny, "delete_objects", lambda _: tiny.put_object(bucket, "key", b"new"), monkeypatch)
    assert tiny.reap() == ReapReport()
    assert len(versions(tiny, bucket)) == 2


Change = Callable[[Store, str], Any]


def delete_rules(store: Store, bucket: str) -> None:
    store.delete_bucket_lifecycle(bucket)


def narrow_rules(store: Store, bucket: str) -> None:
    set_rules(store, bucket, expire(1, prefix="other/"), abort(1, prefix="other/"))


def disable_rules(store: Store, bucket: str) -> None:
    set_rules(store, bucket, {"status": "Disabled", **expire(1)}, {"status": "Disabled", **abort(1)})


@pytest.mark.parametrize("change", [delete_rules, narrow_rules, disable_rules])
def test_nothing_expires_by_rules_that_were_taken_away(
    tiny: Store, bucket: str, clock: Clock, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.upkeep.expire.PAGE_SIZE", 4)
    monkeypatch.setattr("engine.upkeep.expire.REMOVED_A_STEP", 2)
    for number in range(9):
        tiny.put_object(bucket, f"key-{number}", b"")
    set_rules(tiny, bucket, expire(1))
    clock.go_on(3 * DAY)
    steps = tiny.reap_in_steps()
    assert next(steps).expired_objects == 2
    change(tiny, bucket)
    assert sum(steps, ReapReport()) == ReapReport()
    assert len(keys(tiny, bucket)) == 7


@pytest.mark.parametrize("change", [delete_rules, narrow_rules, disable_rules])
def test_no_upload_is_aborted_by_rules_that_were_taken_away(
    tiny: Store, bucket: str, clock: Clock, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        begin(tiny, bucket)
    set_rules(tiny, bucket, abort(1))
    clock.go_on(3 * DAY)
    before_each(tiny, "abort", lambda call: change(tiny, bucket) if call == 1 else None, monkeypatch)
    assert tiny.reap() == ReapReport(aborted_uploads=1)
    assert tiny.stat().open_uploads == 3


def test_rules_that_were_changed_are_read_again(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("a", "b"):
        tiny.put_object(bucket, key, b"")
    set_rules(tiny, bucket, expire(1))
    clock.go_on(3 * DAY)
    new = expire(1, prefix="b")
    before_each(tiny, "delete_objects", lambda call: None if call else set_rules(tiny, bucket, new), monkeypatch)
    assert tiny.reap() == ReapReport(expired_objects=1)
    assert keys(tiny, bucket) == ["a"]


def test_a_reap_ends_although_the_rules_go_on_changing(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.put_object(bucket, "key", b"")
    set_rules(tiny, bucket, expire(1))
    clock.go_on(3 * DAY)
    changes: list[int] = []

    def change(call: int) -> None:
        changes.append(call)
        set_rules(tiny, bucket, expire(1) | {"id": str(call)})

    before_each(tiny, "delete_objects", change, monkeypatch)
    assert tiny.reap() == ReapReport()
    assert len(changes) == RULES_READ_MAX
    assert keys(tiny, bucket) == ["key"]


def test_uploads_older_than_asked_are_aborted_whatever_the_rules(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        begin(tiny, bucket)
    set_rules(tiny, bucket, abort(1))
    clock.go_on(3 * DAY)
    before_each(tiny, "abort", lambda _: delete_rules(tiny, bucket), monkeypatch)
    assert tiny.reap(DAY) == ReapReport(aborted_uploads=2)


def test_a_step_refuses_what_was_decided_by_another_document(tiny: Store, bucket: str) -> None:
    set_rules(tiny, bucket, expire(1))
    with pytest.raises(ConditionalRequestConflict):
        meta_of(tiny).delete_objects(bucket, [], 0, Configuration("lifecycle", None))
