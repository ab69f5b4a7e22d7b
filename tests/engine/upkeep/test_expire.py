"""The rules of lifecycles executed: what is due goes, nothing else does, and nothing that changed meanwhile."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import ReapReport, Store
from engine.errors import NoSuchKey, NoSuchUpload
from engine.meta.records import Versioning
from engine.upkeep.expire import PAGE_SIZE
from tests.support.clock import DAY, Clock, clocked
from tests.support.inspection import check_whole
from tests.support.lifecycles import abort, change, expire, keys, remove, set_rules, set_versioning, versions
from tests.support.stores import FILE_BODY, contents_of, meta_of
from tests.support.uploads import begin, put_multipart, read

PATIENCE_S = 60.0


@pytest.fixture
def clock(tiny: Store) -> Clock:
    return clocked(tiny)


def test_an_object_expires_at_the_midnight_after_its_days_and_not_before(
    tiny: Store, bucket: str, clock: Clock
) -> None:
    tiny.put_object(bucket, "plain", FILE_BODY)
    put_multipart(tiny, bucket, "multipart", [FILE_BODY, b"end"])
    set_rules(tiny, bucket, expire(1))
    clock.go_on(clock.now.replace(day=25, hour=23, minute=59, second=59) - clock.now)
    assert tiny.reap() == ReapReport()
    assert keys(tiny, bucket) == ["multipart", "plain"]
    clock.go_on(clock.now.replace(day=26, hour=0, minute=0, second=0) - clock.now)
    assert tiny.reap() == ReapReport(expired_objects=2)
    held = contents_of(tiny)
    assert (held.files, held.count("objects"), held.count("manifests"), held.count("trash")) == ({}, 0, 0, 0)


def test_prefix_size_and_tags_decide_what_expires(tiny: Store, bucket: str, clock: Clock) -> None:
    for key, size in (("a/small", 5), ("a/large", 50), ("b/small", 5), ("b/tagged", 5)):
        tiny.put_object(bucket, key, b"x" * size)
    change(tiny, bucket, "b/tagged", tags={"keep": "no", "colour": "red"})
    set_rules(
        tiny,
        bucket,
        expire(1, and_={"prefix": "a/", "object_size_greater_than": 10}),
        expire(1, tag={"key": "keep", "value": "no"}),
        expire(1, tag={"key": "keep", "value": "yes"}),
        {"status": "Disabled", **expire(1)},
    )
    clock.go_on(3 * DAY)
    assert tiny.reap().expired_objects == 2
    assert keys(tiny, bucket) == ["a/small", "b/small"]


def test_an_object_expires_on_its_date(tiny: Store, bucket: str, clock: Clock) -> None:
    date = (clock.now + DAY).replace(hour=0, minute=0)
    tiny.put_object(bucket, "key", b"")
    set_rules(tiny, bucket, {"expiration": {"date": date}})
    assert tiny.reap().expired_objects == 0
    clock.go_on(date - clock.now)
    assert tiny.reap().expired_objects == 1


def test_the_rules_of_each_bucket_are_its_own(tiny: Store, bucket: str, clock: Clock) -> None:
    tiny.create_bucket("another-bucket")
    for name in (bucket, "another-bucket"):
        tiny.put_object(name, "key", b"")
        begin(tiny, name)
    set_rules(tiny, bucket, expire(1))
    set_rules(tiny, "another-bucket", abort(1))
    clock.go_on(2 * DAY)
    assert tiny.reap() == ReapReport(expired_objects=1, aborted_uploads=1)
    assert (keys(tiny, bucket), keys(tiny, "another-bucket")) == ([], ["key"])


def test_more_than_a_page_expires_in_steps(tiny: Store, bucket: str, clock: Clock) -> None:
    for number in range(PAGE_SIZE + 50):
        tiny.put_object(bucket, f"{'old' if number % 2 else 'new'}/{number}", b"")
    set_rules(tiny, bucket, expire(1, prefix="old/"), expire(1, prefix="nothing/"))
    clock.go_on(2 * DAY)
    steps = [step.expired_objects for step in tiny.reap_in_steps()]
    assert sum(steps) == PAGE_SIZE // 2 + 25
    assert {key[:3] for key in keys(tiny, bucket)} == {"new"}


def test_reaping_may_be_left_after_any_step(tiny: Store, bucket: str, clock: Clock) -> None:
    tiny.put_object(bucket, "key", b"")
    begin(tiny, bucket)
    set_rules(tiny, bucket, expire(1), abort(1))
    clock.go_on(2 * DAY)
    steps = tiny.reap_in_steps()
    assert next(steps) == ReapReport(aborted_uploads=1)
    steps.close()
    assert keys(tiny, bucket) == ["key"]
    assert tiny.reap() == ReapReport(expired_objects=1)


Meanwhile = Callable[[Store, str], Any]


def overwrite(store: Store, bucket: str) -> None:
    store.put_object(bucket, "key", b"another")


def put_again(store: Store, bucket: str) -> None:
    store.delete_object(bucket, "key")
    overwrite(store, bucket)


def tag(store: Store, bucket: str) -> None:
    change(store, bucket, "key", tags={"keep": "yes"})


def nothing(store: Store, bucket: str) -> None:
    pass


def delete(store: Store, bucket: str) -> None:
    store.delete_object(bucket, "key")


def run_between(tiny: Store, bucket: str, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch) -> ReapReport:
    """Reap, with something done between the finding of what is due and its removal."""
    meta = meta_of(tiny)
    delete_objects = meta.delete_objects

    def later(*arguments: Any) -> Any:
        monkeypatch.setattr(meta, "delete_objects", delete_objects)
        meanwhile(tiny, bucket)
        return delete_objects(*arguments)

    monkeypatch.setattr(meta, "delete_objects", later)
    return tiny.reap()


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
@pytest.mark.parametrize(
    ("meanwhile", "expired"), [(nothing, 1), (overwrite, 0), (put_again, 0), (tag, 0), (delete, 0)]
)
def test_what_changed_meanwhile_does_not_expire(
    tiny: Store,
    bucket: str,
    clock: Clock,
    meanwhile: Meanwhile,
    expired: int,
    versioning: Versioning,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_versioning(tiny, bucket, versioning)
    tiny.put_object(bucket, "key", b"one")
    set_rules(tiny, bucket, expire(1))
    clock.go_on(2 * DAY)
    assert run_between(tiny, bucket, meanwhile, monkeypatch).expired_objects == expired
    if meanwhile in (overwrite, put_again):
        assert read(tiny, bucket, "key") == b"another"
    markers = sum(etag == "" for _, etag in versions(tiny, bucket))
    assert markers == (
        bool(versioning) if meanwhile in (nothing, delete) else meanwhile is put_again and versioning == "Enabled"
    )


def test_a_bucket_that_is_deleted_meanwhile_is_passed_over(
    tiny: Store, bucket: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.put_object(bucket, "key", b"")
    tiny.create_bucket("second-bucket")
    tiny.put_object("second-bucket", "key", b"")
    for name in (bucket, "second-bucket"):
        set_rules(tiny, name, expire(1))

    def drop(store: Store, name: str) -> None:
        store.delete_object(name, "key")
        store.delete_bucket(name)

    clock.go_on(2 * DAY)
    assert run_between(tiny, bucket, drop, monkeypatch).expired_objects == 1
    assert [each.name for each in tiny.list_buckets().buckets] == ["second-bucket"]


def test_an_object_that_is_read_while_it_expires_is_read_to_its_end(tiny: Store, bucket: str, clock: Clock) -> None:
    tiny.put_object(bucket, "key", FILE_BODY)
    set_rules(tiny, bucket, expire(1))
    clock.go_on(2 * DAY)
    with tiny.get_object(bucket, "key").body as body:
        assert tiny.reap().expired_objects == 1
        with pytest.raises(NoSuchKey):
            tiny.head_object(bucket, "key")
        assert body.read() == FILE_BODY


def test_of_many_objects_just_those_go_that_the_rules_say(tiny: Store, bucket: str, clock: Clock) -> None:
    drawn = random.Random(4)
    rules = [(drawn.randint(1, 6), drawn.choice(["", "a", "ab", "b/", "c"])) for _ in range(4)]
    set_rules(tiny, bucket, *(expire(days, prefix=prefix) for days, prefix in rules))
    born: dict[str, int] = {}
    for day in range(12):
        for number in range(20):
            key = drawn.choice(["a", "ab", "b/", "c", "d"]) + str(number)
            tiny.put_object(bucket, key, b"")
            born[key] = day
        tiny.reap()
        born = {
            key: since
            for key, since in born.items()
            if all(day < since + days + 1 for days, prefix in rules if key.startswith(prefix))
        }
        assert keys(tiny, bucket) == sorted(born)
        clock.go_on(DAY)


@pytest.mark.parametrize("versioning", ["", "Enabled"])
def test_reaping_beside_writers_and_readers_leaves_the_store_whole(
    tiny: Store, bucket: str, store_path: Path, versioning: Versioning
) -> None:
    """The reaper's clock runs ahead, so that to it everything is due at any time."""
    set_versioning(tiny, bucket, versioning)
    set_rules(tiny, bucket, expire(1) | remove(1) | abort(1))
    ended = threading.Event()

    def work(seed: int) -> int:
        drawn, done = random.Random(seed), 0
        while not ended.is_set() or done == 0:
            key, body = f"key-{drawn.randrange(4)}", drawn.choice([b"small", FILE_BODY])
            try:
                put_multipart(tiny, bucket, key, [body, b"end"])
                assert read(tiny, bucket, key) in {each + b"end" for each in (b"small", FILE_BODY)}
            except (NoSuchKey, NoSuchUpload):
                pass
            tiny.put_object(bucket, key, body + b"end")
            done += 1
        return done

    with engine.open(store_path) as reaper, ThreadPoolExecutor(3) as pool:
        reaper._context._clock = lambda: time.time_ns() + 10**9 * 86_400 * 30
        workers = [pool.submit(work, seed) for seed in range(3)]
        begun, reports = time.monotonic(), [ReapReport()]
        while time.monotonic() < begun + 1.5 or sum(reports, ReapReport()).expired_objects == 0:
            reports.append(reaper.reap())
            assert time.monotonic() < begun + PATIENCE_S
        ended.set()
        assert all(worker.result() for worker in workers)
    assert tiny.stat(bucket).objects == sum(etag != "" for _, etag in versions(tiny, bucket))
    check_whole(tiny)
