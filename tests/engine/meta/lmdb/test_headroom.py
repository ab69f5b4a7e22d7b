"""The room ahead of LMDB's last page: there after every commit, harmless to what is stored, not taken on a disk that is full."""

import os
from pathlib import Path

import lmdb
import pytest

import engine
from engine.meta.lmdb.headroom import CHUNK_SIZE, DATA_FILE, MARGIN_SIZE, Headroom

FIRST_PARTS, MORE_PARTS = 20, 10


def data_file(store_path: Path) -> Path:
    return store_path / "meta" / DATA_FILE


@pytest.fixture
def upload(store: engine.Store, bucket: str) -> str:
    return store.create_multipart_upload(bucket, "key").upload_id


def test_commits_do_not_change_the_size_of_the_file_while_there_is_room(
    store: engine.Store, store_path: Path, bucket: str, upload: str
) -> None:
    for number in range(FIRST_PARTS):
        store.upload_part(bucket, "key", upload, number + 1, bytes(4096))
    size = os.stat(data_file(store_path)).st_size
    for number in range(MORE_PARTS):
        store.upload_part(bucket, "key", upload, FIRST_PARTS + number + 1, bytes(4096))
    assert os.stat(data_file(store_path)).st_size == size


def test_room_is_added_before_it_is_used_up(store: engine.Store, store_path: Path, bucket: str, upload: str) -> None:
    size_before = os.stat(data_file(store_path)).st_size
    for number in range(300):
        store.upload_part(bucket, "key", upload, number + 1, bytes(8192))
    size = os.stat(data_file(store_path)).st_size
    assert size > size_before
    store.close()
    with lmdb.open(os.fspath(store_path / "meta"), readonly=True, map_size=1 << 30, max_dbs=20) as env:
        used = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    assert 0 < size - used <= CHUNK_SIZE


def test_what_is_stored_outlives_the_growth(store: engine.Store, store_path: Path, bucket: str, upload: str) -> None:
    bodies = [bytes([number]) * 12000 for number in range(200)]
    for number, body in enumerate(bodies):
        store.upload_part(bucket, "key", upload, number + 1, body)
    store.close()
    with engine.open(store_path, limits=engine.Limits(part_size_bytes_min=1)) as again:
        listed = [(part.part_number, part.etag) for part in again.list_parts(bucket, "key", upload).parts or ()]
        again.complete_multipart_upload(bucket, "key", upload, listed)
        with again.get_object(bucket, "key").body as body:
            assert body.read() == b"".join(bodies)
        assert again.check(deep=True).ok


def grown_file(path: Path, free_bytes_min: int) -> int:
    with lmdb.open(os.fspath(path), map_size=1 << 30) as env:
        headroom = Headroom(os.fspath(path), free_bytes_min)
        with env.begin(write=True):
            headroom.ensure(env)
    return os.stat(path / DATA_FILE).st_size


def test_a_disk_with_little_room_is_left_alone(place: Path) -> None:
    assert grown_file(place, free_bytes_min=1 << 60) < MARGIN_SIZE
    assert grown_file(place, free_bytes_min=0) >= CHUNK_SIZE


def test_a_file_that_cannot_be_grown_is_no_error(place: Path) -> None:
    with lmdb.open(os.fspath(place), map_size=1 << 30) as env:
        headroom = Headroom(os.fspath(place / "elsewhere"))
        with env.begin(write=True) as txn:
            headroom.ensure(env)
            txn.put(b"key", b"value")
