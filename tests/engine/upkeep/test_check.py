"""Check: it names each kind of damage, is silent beside writers, and collects only when asked to repair."""

import threading
from pathlib import Path

import lmdb
import pytest

import engine
from engine import Store
from tests.support.stores import FILE_BODY, files_of
from tests.support.uploads import begin, put_multipart


def path_of(store_path: Path, name: str) -> Path:
    return store_path / "blobs" / name[:2] / name[2:]


def only_file(store_path: Path) -> Path:
    [name] = files_of(store_path)
    return path_of(store_path, name)


def test_a_sound_store_is_ok_and_every_part_and_file_is_counted(tiny: Store, bucket: str) -> None:
    put_multipart(tiny, bucket, "object", [FILE_BODY, b"inline", b""])
    tiny.put_object(bucket, "plain", FILE_BODY)
    begin(tiny, bucket).parts({1: FILE_BODY, 7: b"inline"})
    for deep in (False, True):
        report = tiny.check(deep=deep)
        assert report.ok
        assert (report.parts, report.files) == (6, 3)
        assert (report.missing, report.wrong_size, report.corrupt) == ((), (), ())
        assert (report.unnamed_files, report.unnamed_bytes, report.collected_files, report.collected_bytes) == (
            0,
            0,
            0,
            0,
        )


def test_an_empty_store_is_ok(store: Store) -> None:
    report = store.check(deep=True, repair=True)
    assert (report.ok, report.parts, report.files) == (True, 0, 0)


@pytest.mark.parametrize("is_open", [True, False], ids=["open upload", "object"])
def test_a_file_that_is_gone_is_missing(tiny: Store, store_path: Path, bucket: str, is_open: bool) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: FILE_BODY, 2: b"inline"})
    if not is_open:
        upload.complete(parts)
    path = only_file(store_path)
    path.unlink()
    report = tiny.check()
    assert (report.ok, report.parts, report.missing) == (False, 2, (path.parent.name + path.name,))


@pytest.mark.parametrize("size", [0, 1, len(FILE_BODY) - 1, len(FILE_BODY) + 1])
def test_a_file_of_another_size_is_told(store: Store, store_path: Path, bucket: str, size: int) -> None:
    store.put_object(bucket, "key", FILE_BODY)
    path = only_file(store_path)
    with open(path, "r+b") as file:
        file.truncate(size)
    report = store.check()
    assert (report.ok, report.wrong_size, report.missing) == (False, (path.parent.name + path.name,), ())


def test_a_changed_byte_is_told_by_a_deep_check_only(store: Store, store_path: Path, bucket: str) -> None:
    store.put_object(bucket, "key", FILE_BODY)
    path = only_file(store_path)
    with open(path, "r+b") as file:
        file.seek(12_345)
        file.write(b"!")
    assert store.check().ok
    report = store.check(deep=True)
    assert (report.ok, report.corrupt) == (False, (path.parent.name + path.name,))


TABLES = ["inline", "parts_8", "manifests"]


@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_row_is_told(store_path: Path, bucket: str, table: str) -> None:
    with engine.open(store_path, limits=engine.Limits(part_size_bytes_min=1)) as store:
        put_multipart(store, bucket, "object", [FILE_BODY, FILE_BODY])
        begin(store, bucket).part(1, b"inline")
    with lmdb.open(str(store_path / "meta"), max_dbs=16, map_size=1 << 40) as env:
        handle = env.open_db(table.encode(), create=False)
        with env.begin(write=True) as txn, txn.cursor(handle) as cursor:
            assert cursor.first()
            key, value = cursor.item()
            assert cursor.delete()
            assert txn.put(key, value[:-1] + bytes([value[-1] ^ 1]), db=handle)
    with engine.open(store_path) as store:
        report = store.check()
        assert not report.ok
        assert len(report.corrupt) == 1
        assert report.missing == report.wrong_size == ()


def test_garbage_is_counted_and_collected_by_repair_only(store: Store, store_path: Path, bucket: str) -> None:
    store.put_object(bucket, "key", FILE_BODY)
    named = files_of(store_path)
    for digit in "0f":
        path_of(store_path, digit * 32).write_bytes(b"garbage")
    report = store.check()
    assert (report.ok, report.files, report.unnamed_files, report.unnamed_bytes) == (True, 3, 2, 14)
    assert len(files_of(store_path)) == 3
    report = store.check(repair=True)
    assert (report.ok, report.files, report.unnamed_files) == (True, 1, 0)
    assert (report.collected_files, report.collected_bytes) == (2, 14)
    assert files_of(store_path) == named


def test_repair_restores_the_ballast(store: Store, store_path: Path) -> None:
    assert not (store_path / "ballast").exists()
    store.check(repair=True)
    assert (store_path / "ballast").stat().st_size == 8 * 1024 * 1024


def test_trouble_of_many_parts_is_told_of_the_first_hundred(tiny: Store, store_path: Path, bucket: str) -> None:
    begin(tiny, bucket).parts(dict.fromkeys(range(1, 111), FILE_BODY))
    for name in files_of(store_path):
        path_of(store_path, name).unlink()
    assert len(tiny.check().missing) == 100


@pytest.mark.parametrize("body", [b"inline", FILE_BODY], ids=["inline", "file"])
def test_nothing_that_comes_or_goes_during_a_check_is_trouble(tiny: Store, bucket: str, body: bytes) -> None:
    reports = []
    done = threading.Event()

    def churn(number: int) -> None:
        key = str(number)
        while not done.is_set():
            tiny.put_object(bucket, key, body)
            upload = begin(tiny, bucket, key)
            parts = upload.parts({1: body, 2: body, 3: body})
            upload.part(1, body + b"!")
            upload.abort() if number % 2 else upload.complete(parts[1:])
            tiny.delete_object(bucket, key)

    threads = [threading.Thread(target=churn, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    reports = [tiny.check(deep=True) for _ in range(40)]
    done.set()
    for thread in threads:
        thread.join()
    assert [report for report in reports if not report.ok] == []
    assert tiny.check(deep=True).ok
