"""The key ring: a private file, rotated by adding keys, re-read by other processes, and never used when damaged."""

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from engine.encryption import upload_keys
from engine.encryption.key_ring import KeyRing
from engine.encryption.upload_keys import KeyBinding
from engine.errors import StoreClosed, StoreError
from tests.support import decoder

BINDING = KeyBinding("bucket", "key", b"upload")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ring"


def test_a_new_ring_has_one_key_and_is_for_us_alone(path: Path) -> None:
    with KeyRing(str(path)) as ring:
        assert ring.ids() == (ring.active_id,)
        active, keys = decoder.ring(path.read_bytes())
        assert (active, tuple(keys)) == (ring.active_id, ring.ids())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["ring"]


def test_what_a_ring_wrapped_opens_with_the_key_in_its_file(path: Path) -> None:
    with KeyRing(str(path)) as ring:
        root = ring.root()
        keys, stored = upload_keys.begin(root, BINDING)
        keys.close()
    assert (stored.kind, stored.key_id) == ("AES256", root.key_id)
    raw = decoder.ring(path.read_bytes())[1][stored.key_id]
    assert len(decoder.data_key(raw, stored, "bucket", "key")) == 32


def test_rotation_adds_a_key_and_old_uploads_open_as_before(path: Path) -> None:
    with KeyRing(str(path)) as ring:
        first = ring.active_id
        keys, stored = upload_keys.begin(ring.root(), BINDING)
        keys.close()
        before = decoder.ring(path.read_bytes())[1]
        second = ring.rotate()
        assert (ring.active_id, ring.ids()) == (second, (first, second))
        assert ring.root().key_id == second
        upload_keys.open_keys(ring.root(stored.key_id), stored, "bucket", "key").close()
        turned = upload_keys.rewrap(ring.root(first), stored, "bucket", "key", ring.root(), BINDING)
        assert turned.key_id == second
        upload_keys.open_keys(ring.root(second), turned, "bucket", "key").close()
    after = decoder.ring(path.read_bytes())[1]
    assert after[first] == before[first]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with KeyRing(str(path)) as again:
        assert again.ids() == (first, second)
        upload_keys.open_keys(again.root(first), stored, "bucket", "key").close()


def test_a_rotation_by_somebody_else_is_followed(path: Path) -> None:
    with KeyRing(str(path)) as ours, KeyRing(str(path)) as theirs:
        first = ours.root()
        second = theirs.rotate()
        assert ours.active_id == second
        assert ours.root(second).key_id == second
        assert first.secret.md5() == theirs.root(first.key_id).secret.md5()


def _rotate(path: str, times: int) -> None:
    with KeyRing(path) as ring:
        for _ in range(times):
            ring.rotate()


def test_rotations_by_many_processes_are_all_kept(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_rotate, args=(str(path), 10)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert len(decoder.ring(path.read_bytes())[1]) == 31


def test_a_ring_that_is_gone_is_told_and_not_made_anew(path: Path) -> None:
    with KeyRing(str(path)) as ring:
        path.unlink()
        with pytest.raises(StoreError, match="can't be opened"):
            ring.root()
    assert not path.exists()


def test_a_closed_ring_gives_no_key_and_has_wiped_all(path: Path) -> None:
    ring = KeyRing(str(path))
    root = ring.root()
    ring.close()
    ring.close()
    for act in (ring.root, lambda: ring.root(root.key_id), ring.rotate, ring.ids):
        with pytest.raises(StoreClosed, match="the key ring is closed"):
            act()
    with pytest.raises(ValueError, match="closed"):
        root.secret.md5()


def test_an_unknown_key_is_refused_by_name(path: Path) -> None:
    with KeyRing(str(path)) as ring, pytest.raises(StoreError, match="no key 'gone' in this key ring"):
        ring.root("gone")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_ring_that_others_may_read_or_write_is_refused(path: Path, mode: int) -> None:
    KeyRing(str(path)).close()
    path.chmod(mode)
    with pytest.raises(StoreError, match="nobody else may read or write"):
        KeyRing(str(path))


def test_a_ring_behind_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    KeyRing(str(tmp_path / "real")).close()
    path.symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="can't be opened"):
        KeyRing(str(path))


@pytest.mark.parametrize("offset", [0, 3, 5, 20, -1, -33])
def test_a_damaged_ring_is_refused_and_left_as_it_is(path: Path, offset: int) -> None:
    with KeyRing(str(path)) as ring:
        ring.rotate()
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x04
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged, or is none"):
        KeyRing(str(path))
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    "header",
    [{}, [], {"active": "a", "keys": []}, {"active": "a", "keys": [{}]}, {"active": "a", "keys": 5},
     {"active": "x", "keys": [{"id": "a", "created_ns": 0, "check": "0" * 32}]},
     {"active": "a", "keys": [{"id": "a", "created_ns": "?", "check": ""}]}],
)  # fmt: skip
def test_a_ring_with_a_wrong_header_is_refused(path: Path, header: object) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(b"PWK\x01" + len(text).to_bytes(4, "big") + text + bytes(32))
    path.chmod(0o600)
    with pytest.raises(StoreError, match="damaged, or is none"):
        KeyRing(str(path))


def test_every_cut_of_a_ring_is_refused(path: Path) -> None:
    KeyRing(str(path)).close()
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(StoreError):
            KeyRing(str(path))


def test_what_a_killed_rotation_left_is_swept_by_the_next(path: Path) -> None:
    with KeyRing(str(path)) as ring:
        path.with_name("ring.new").write_bytes(b"half")
        ring.rotate()
        assert len(ring.ids()) == 2
    assert os.listdir(path.parent) == ["ring"]


def test_no_text_of_a_ring_shows_a_key(path: Path) -> None:
    with KeyRing(str(path)) as ring:
        raw = decoder.ring(path.read_bytes())[1][ring.active_id]
        assert repr(ring) == "<KeyRing of 1 keys>"
        assert repr(raw)[2:-1] not in repr(ring.root())
