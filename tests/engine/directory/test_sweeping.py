"""Trash of many files goes behind the answer: whoever made it does not wait, and what is not done in time is done later."""

import threading
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.directory import sweeper
from tests.support.processes import python_output
from tests.support.stores import FILE_BODY, files_of
from tests.support.uploads import OpenUpload, begin, read

MANY = 3 * sweeper.FILES_AT_ONCE_MAX


class Slow:
    """A place for blobs that removes one when it is told to."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs
        self.asked, self.told = threading.Semaphore(0), threading.Semaphore(0)

    def remove(self, blob_id: bytes) -> int:
        self.asked.release()
        assert self.told.acquire(timeout=1000)
        return int(self._blobs.remove(blob_id))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)


def filled(store: engine.Store, bucket: str, key: str = "key", count: int = MANY) -> OpenUpload:
    upload = begin(store, bucket, key)
    upload.parts(dict.fromkeys(range(1, count + 1), FILE_BODY))
    return upload


def files(store: engine.Store) -> int:
    return len(files_of(Path(store._layout.root)))


def test_an_abort_of_many_files_is_answered_before_the_first_one_goes(tiny: engine.Store, bucket: str) -> None:
    upload = filled(tiny, bucket)
    slow: Any = Slow(tiny._context.blobs)
    tiny._context.sweeper._blobs = slow
    upload.abort()
    assert (files(tiny), tiny.stat().trash, tiny.stat().open_uploads) == (MANY, 1, 0)
    slow.told.release(MANY)
    tiny._context.sweeper.drain()
    assert (files(tiny), tiny.stat().trash) == (0, 0)
    assert tiny.check(deep=True).ok


def test_a_deletion_of_many_files_is_answered_before_they_go_and_a_read_goes_on(
    tiny: engine.Store, bucket: str
) -> None:
    upload = filled(tiny, bucket)
    upload.complete([(part.part_number, part.etag) for part in upload.list().parts or ()])
    with tiny.get_object(bucket, "key").body as body:
        tiny.delete_object(bucket, "key")
        tiny._context.sweeper.drain()
        assert body.read() == FILE_BODY * MANY
    assert files(tiny) == MANY
    tiny.reap()
    assert (files(tiny), tiny.stat().trash) == (0, 0)


def test_of_many_deletions_a_few_are_swept_at_once_and_the_rest_behind(tiny: engine.Store, bucket: str) -> None:
    keys = [f"key-{number}" for number in range(MANY)]
    for key in keys:
        tiny.put_object(bucket, key, FILE_BODY)
    slow: Any = Slow(tiny._context.blobs)
    tiny._context.sweeper._blobs = slow
    slow.told.release(sweeper.FILES_AT_ONCE_MAX)
    tiny.delete_objects(bucket, keys)
    assert files(tiny) == MANY - sweeper.FILES_AT_ONCE_MAX
    slow.told.release(MANY)
    tiny._context.sweeper.drain()
    assert (files(tiny), tiny.stat().trash) == (0, 0)


def test_close_leaves_what_is_not_swept_in_time_to_the_next_open(
    tiny: engine.Store, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "CLOSE_WAIT_S", 0.0)
    upload = filled(tiny, bucket)
    slow: Any = Slow(tiny._context.blobs)
    tiny._context.sweeper._blobs = slow
    upload.abort()
    assert slow.asked.acquire(timeout=60)
    closing = threading.Thread(target=tiny.close)
    closing.start()
    while not tiny._context.sweeper._is_closed:
        pass
    slow.told.release(MANY)
    closing.join()
    assert files(tiny) == MANY - 1
    with engine.open(tiny._layout.root) as again:
        again.reap()
        assert (files(again), again.stat().trash) == (0, 0)


def test_what_waits_for_the_thread_is_bounded_and_the_next_reap_finds_the_rest(
    tiny: engine.Store, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "QUEUED_COUNT_MAX", 2)
    uploads = [filled(tiny, bucket, str(number)) for number in range(5)]
    slow: Any = Slow(tiny._context.blobs)
    tiny._context.sweeper._blobs = slow
    uploads[0].abort()
    assert slow.asked.acquire(timeout=60)
    for upload in uploads[1:]:
        upload.abort()
    assert len(tiny._context.sweeper._queue) == 2
    slow.told.release(5 * MANY)
    tiny._context.sweeper.drain()
    assert tiny.stat().trash == 2
    tiny.reap()
    assert (files(tiny), tiny.stat().trash) == (0, 0)


FORKED = """
import os, sys, threading, engine
from tests.engine.directory.test_sweeping import MANY, Slow, files, filled

store = engine.open(sys.argv[1], limits=engine.Limits(part_size_bytes_min=1))
store.create_bucket("bucket")
mine, its = filled(store, "bucket", "parent"), filled(store, "bucket", "child")
slow, blobs = Slow(store._context.blobs), store._context.blobs
store._context.sweeper._blobs = slow
mine.abort()
assert slow.asked.acquire(timeout=60)
pid = os.fork()
if not pid:
    try:
        store._context.sweeper._blobs = blobs
        its.abort()
        store._context.sweeper.drain()
        assert files(store) == MANY, files(store)
        store.close()
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
slow.told.release(MANY)
store._context.sweeper.drain()
print(files(store), store.stat().trash)
store.close()
"""


def test_parent_and_child_of_a_fork_sweep_each_its_own(place: Path) -> None:
    assert python_output(FORKED, str(place / "store")) == "0 0\n"


LEFT = """
import sys, engine
from tests.engine.directory.test_sweeping import Slow, filled

store = engine.open(sys.argv[1], limits=engine.Limits(part_size_bytes_min=1))
store.create_bucket("bucket")
upload = filled(store, "bucket")
store._context.sweeper._blobs = Slow(store._context.blobs)
upload.abort()
"""


def test_a_process_that_ends_without_closing_does_not_wait_for_the_sweeping(place: Path) -> None:
    python_output(LEFT, str(place / "store"))
    with engine.open(place / "store") as store:
        store.reap()
        assert (files(store), store.stat().trash) == (0, 0)
        store.put_object("bucket", "key", FILE_BODY)
        assert read(store, "bucket", "key") == FILE_BODY
