"""A key ring that is missing, restored from a backup, cut short, not durable or forked meanwhile: no key may be lost."""

import contextlib
import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import durable
from engine.encryption.key_ring import KeyRing
from engine.errors import InternalError, StoreError
from engine.meta.records import replace
from tests.support.encryptions import S3, ring_of
from tests.support.stores import meta_of
from tests.support.uploads import read


@pytest.fixture(autouse=True)
def _bucket(bucket: str) -> None:
    """Make a bucket for each test."""


def key_id(store: engine.Store, key: bytes) -> str:
    encryption = meta_of(store).find_object("bucket", key).record.encryption
    assert encryption is not None
    return str(encryption.key_id)


def test_a_ring_that_is_away_is_not_made_anew_over_a_store_that_has_used_one(place: Path) -> None:
    """The volume with the ring is not mounted: what is written under a second ring would be lost once it is mounted."""
    mount, real = place / "mount", place / "real"
    mount.mkdir()
    with engine.open(place / "vault", key_ring=mount / "ring") as store:
        store.create_bucket("bucket")
        store.put_object("bucket", "old", b"body", **S3)
    mount.rename(real)
    mount.mkdir()
    with engine.open(place / "vault", key_ring=mount / "ring") as store:
        with pytest.raises(InternalError) as caught:
            store.put_object("bucket", "new", b"body", **S3)
        assert "not the key ring that this store has used" in (caught.value.reason or "")
        assert not os.listdir(mount)
        KeyRing(str(mount / "ring")).close()
        with pytest.raises(InternalError):
            store.put_object("bucket", "new", b"body", **S3)
    with engine.open(place / "vault", key_ring=real / "ring") as store:
        store.put_object("bucket", "new", b"body", **S3)
        assert read(store, "bucket", "old") == b"body"


def test_keys_in_memory_outlive_a_ring_that_was_put_back_from_a_backup(tiny: engine.Store, place: Path) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    shutil.copy2(ring_of(tiny), place / "backup")
    rotated = tiny.rotate_keys()
    assert read(tiny, "bucket", "key") == b"body"
    os.rename(place / "backup", ring_of(tiny))
    tiny.put_object("bucket", "other", b"body", **S3)
    assert read(tiny, "bucket", "key") == b"body"
    again = tiny.rotate_keys()  # writes all that is known
    with KeyRing(str(ring_of(tiny))) as ring:
        assert {rotated.active_key, again.active_key} < set(ring.ids())


def test_another_ring_in_the_place_of_an_open_one_is_refused(tiny: engine.Store, place: Path) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    KeyRing(str(place / "another")).close()
    os.rename(place / "another", ring_of(tiny))
    with pytest.raises(InternalError):
        tiny.put_object("bucket", "new", b"body", **S3)
    with pytest.raises(StoreError, match="another key ring has taken the place"):
        tiny.rotate_keys()


def test_no_ring_calls_a_key_active_before_a_ring_with_it_is_durable(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(place / "ring")
    seen: list[tuple[str, set[str]]] = []
    with KeyRing(path) as ring, KeyRing(path) as other:
        synced_ids = set(ring.ids())

        def synced(_: str) -> None:
            active, ids = other.active_id, set(other.ids())
            assert active in synced_ids
            synced_ids.update(ids)
            seen.append((active, ids))

        monkeypatch.setattr(durable, "sync_directory", synced)
        before, after = ring.active_id, ring.rotate()
        assert [active for active, _ in seen] == [before, after]


@pytest.mark.parametrize("at", [1, 2])
def test_a_rotation_that_is_not_durable_is_an_error_and_loses_nothing(
    tiny: engine.Store, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    with KeyRing(str(ring_of(tiny))) as ring:
        before, calls = ring.ids(), []

        def fail(path: str) -> None:
            calls.append(path)
            if len(calls) == at:
                raise OSError(errno.EIO, "no")

        with monkeypatch.context() as patch:
            patch.setattr(durable, "sync_directory", fail)
            with pytest.raises(StoreError, match="can't be written"):
                tiny.rotate_keys()
        tiny.put_object("bucket", "key", b"body", **S3)
        assert (key_id(tiny, b"key") in before) is (at == 1)
        assert key_id(tiny, b"key") in ring.ids()
    assert read(tiny, "bucket", "key") == b"body"


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_is_told_and_leaves_no_copy_of_the_keys(
    tiny: engine.Store, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(
            *(
                ("engine.encryption.key_ring.os.fsync", fail)
                if call == "fsync"
                else ("engine.encryption.key_ring.write_all", fail)
            )
        )
        with pytest.raises(InternalError, match="internal error") as caught:
            tiny.put_object("bucket", "key", b"body", **S3)
        assert "no room" in (caught.value.reason or "")
    assert not list(ring_of(tiny).parent.glob("keys*"))
    assert tiny.put_object("bucket", "key", b"body", **S3).server_side_encryption == "AES256"


def test_a_row_whose_key_is_gone_does_not_keep_the_others_from_being_wrapped_anew(tiny: engine.Store) -> None:
    for key in "abc":
        tiny.put_object("bucket", key, b"body", **S3)

    def lose(found: Any) -> Any:
        return replace(found.record, encryption=replace(found.record.encryption, key_id="gone"))

    meta_of(tiny).update_object("bucket", b"b", meta_of(tiny).find_object("bucket", b"b").version, lose)
    report = tiny.rotate_keys()
    assert (report.objects, report.failed) == (2, ("bucket/b",))
    assert {key_id(tiny, b"a"), key_id(tiny, b"c")} == {report.active_key}


def rotating(store: engine.Store, monkeypatch: pytest.MonkeyPatch) -> threading.Thread:
    """Begin a rotation on a slow disk."""
    begun, fsync = threading.Event(), os.fsync

    def slow(fd: int) -> None:
        begun.set()
        time.sleep(0.3)
        fsync(fd)

    monkeypatch.setattr(durable.os, "fsync", slow)
    thread = threading.Thread(target=store.rotate_keys)
    thread.start()
    assert begun.wait(60)
    return thread


@contextlib.contextmanager
def forked(act: Callable[[], object]) -> Any:
    """Fork a child that runs a function; return its pid."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    yield child


def test_a_child_forked_during_a_rotation_keeps_nobody_from_the_ring(
    tiny: engine.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    thread = rotating(tiny, monkeypatch)
    with forked(lambda: time.sleep(600)) as child:
        try:
            thread.join()
            opened, path = threading.Event(), str(ring_of(tiny))
            threading.Thread(target=lambda: (KeyRing(path).close(), opened.set()), daemon=True).start()
            assert opened.wait(60), "no store with this ring can be opened while the child lives"
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_a_child_forked_during_a_rotation_can_use_the_ring(tiny: engine.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    thread = rotating(tiny, monkeypatch)
    with forked(lambda: tiny._context.keys.ring.root()) as child:
        assert os.waitpid(child, 0)[1] == 0, "the child waits for a lock that no thread of its will drop"
    thread.join()


def test_a_ring_is_synced_before_it_takes_its_name_and_its_name_after(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    for name, module in (("fsync", durable.os), ("rename", durable.os), ("sync_directory", durable)):
        original = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *args, name=name, original=original: (steps.append(name), original(*args))[1]
        )
    with KeyRing(str(place / "ring")) as ring:
        made = [step for step in steps if step != "fsync" or steps.index(step) < steps.index("rename")]
        assert made[:3] == ["fsync", "rename", "sync_directory"]
        del steps[:]
        ring.rotate()
    order = [step for at, step in enumerate(steps) if step != "fsync" or steps[at - 1 : at] != ["sync_directory"]]
    assert order == ["fsync", "rename", "sync_directory"] * 2


def test_a_key_that_is_known_waits_for_no_rotation(tiny: engine.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    ring = tiny._context.keys.ring
    known, (begun, go_on) = ring.active_id, (threading.Event(), threading.Event())

    def slow(_: int) -> None:
        begun.set()
        assert go_on.wait(30)

    monkeypatch.setattr(durable.os, "fsync", slow)
    rotation = threading.Thread(target=ring.rotate)
    rotation.start()
    try:
        assert begun.wait(60)
        assert ring.root(known).key_id == known
        assert read(tiny, "bucket", "key") == b"body"
    finally:
        go_on.set()
        rotation.join()
