"""Every row of every table, damaged or taken away one at a time: check tells it and goes on, and nothing is collected meanwhile."""

import base64
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb
import pytest

import engine
from engine.errors import InternalError, NotAStore, StoreDamaged
from engine.meta import Deletion
from engine.meta.lmdb.steps import TABLES
from engine.multipart.upload_ids import parse_upload_id
from tests.support.command_line import CommandLine
from tests.support.customers import KEY
from tests.support.stores import FILE_BODY, copy_store, files_of, meta_of
from tests.support.uploads import begin, put_multipart, read

LONG_KEY = "k" * 1000
"""Longer than a row's key can be, so that it has nodes."""
GARBAGE = "0f" * 16
OPTIONAL = {"configurations", "removals", "deleted_buckets", "buckets"}
"""Tables in which a row may be missing without anything that names it: the document of a bucket, say, or an empty bucket."""


def checksum(algorithm: str, body: bytes) -> dict[str, str]:
    digest = zlib.crc32(body).to_bytes(4, "big") if algorithm == "CRC32" else hashlib.new(algorithm, body).digest()
    return {f"checksum_{algorithm.lower()}": base64.b64encode(digest).decode()}


def fill(store: engine.Store) -> None:
    """Put rows into every table; trash, and a deleted bucket with an upload, stay if the store is only read afterwards."""
    for name in ("plain", "versioned", "deleted", "sealed"):
        store.create_bucket(name)
    for key in ("gone", "object", LONG_KEY):
        put_multipart(store, "plain", key, [FILE_BODY, b"inline"])
    for key in ("sealed", "another"):
        store.put_object("sealed", key, FILE_BODY, server_side_encryption="AES256")
    begin(store, "sealed", "open", server_side_encryption="AES256").parts({1: FILE_BODY})
    for algorithm in ("CRC32", "SHA256", "SHA512"):
        upload = begin(store, "plain", algorithm, checksum_algorithm=algorithm)
        for number, body in ((1, FILE_BODY), (2, b"inline"), (3, FILE_BODY)):
            upload.part(number, body, **checksum(algorithm, body))
    wide = begin(store, "plain", "wide", checksum_algorithm="SHA512", **KEY)
    wide.part(1, FILE_BODY, **checksum("SHA512", FILE_BODY), **KEY)
    for key in ("key", LONG_KEY):
        store.put_object("versioned", key, b"null")
    store.put_bucket_versioning("versioned", versioning_configuration={"status": "Enabled"})
    for key in ("key", LONG_KEY):
        store.put_object("versioned", key, FILE_BODY)
    store.put_bucket_versioning("versioned", versioning_configuration={"status": "Suspended"})
    for key in ("key", LONG_KEY):
        store.put_object("versioned", key, b"null")
        begin(store, "versioned", key)
        store.delete_object("versioned", key)
    rule = {"status": "Enabled", "filter": {}, "expiration": {"days": 365}}
    store.put_bucket_lifecycle_configuration("plain", lifecycle_configuration={"rules": [rule]})
    begin(store, "deleted").part(1, FILE_BODY)
    with store.get_object("plain", "gone").body:
        store.delete_object("plain", "gone")


@pytest.fixture(scope="module")
def source(session_place: Path) -> Path:
    """A closed store with rows in every table."""
    path = session_place / "damaged"
    with engine.open(path, limits=engine.Limits(part_size_bytes_min=1)) as store:
        fill(store)
        meta = meta_of(store)  # its steps alone, so that no sweep follows
        meta.delete_bucket("deleted")
        meta.delete_objects("sealed", [Deletion(b"another", None, lambda found, newer: None)], 1)
        upload = begin(store, "plain", "aborted")
        upload.parts({1: FILE_BODY})
        meta.abort("plain", b"aborted", parse_upload_id("plain", b"aborted", upload.upload_id))
    with engine.open(path, read_only=True) as store:
        assert store.check(deep=True).trouble == {}
    return path


@pytest.fixture
def path(source: Path, place: Path) -> Path:
    copy_store(source, place / "store")
    (place / "store" / "blobs" / GARBAGE[:2] / GARBAGE[2:]).write_bytes(b"garbage")
    return place / "store"


@contextmanager
def table_of(path: Path, name: str) -> Iterator[tuple[Any, Any]]:
    """One table of a closed store, and a transaction to write in."""
    with lmdb.open(str(path / "meta"), max_dbs=32, map_size=1 << 30) as env, env.begin(write=True) as txn:
        yield txn, env.open_db(name.encode(), txn, create=False)


def rows_of(path: Path, name: str) -> list[tuple[bytes, bytes]]:
    with table_of(path, name) as (txn, table):
        return list(txn.cursor(table))


def exchange(path: Path, name: str, old: tuple[bytes, bytes], new: tuple[bytes, bytes] | None) -> None:
    """Take one row away, and put another in its place."""
    with table_of(path, name) as (txn, table):
        assert txn.delete(*old, db=table)
        assert new is None or txn.put(*new, db=table)


def spoilt(value: bytes) -> bytes:
    """The same value with a bit flipped somewhere in its middle; an empty one with a byte."""
    middle = len(value) // 2
    return value[:middle] + bytes([value[middle] ^ 4]) + value[middle + 1 :] if value else b"x"


def troubles(path: Path, *, deep: bool) -> list[str]:
    with engine.open(path, read_only=True) as store:
        return [text for texts in store.check(deep=deep).trouble.values() for text in texts]


def nothing_is_collected(path: Path) -> None:
    """Whoever collects is told why not, in whatever way it is asked for."""
    with engine.open(path) as store:  # which sweeps what rows say is trash
        before = files_of(path)
        with pytest.raises((StoreDamaged, InternalError), match=r"nothing was collected|a metadata row is damaged"):
            store.reap()
        report = store.check(repair=True)
        assert (report.ok, report.collected_files) == (False, 0)
    assert GARBAGE in files_of(path)
    assert files_of(path).keys() == before.keys()


def test_every_table_has_rows_to_damage(source: Path, place: Path) -> None:
    copy_store(source, place / "store")
    assert [name for name in TABLES if not rows_of(place / "store", name)] == []


@pytest.mark.parametrize("table", TABLES)
def test_each_damaged_row_is_told_and_keeps_everything_from_being_collected(path: Path, table: str) -> None:
    rows = rows_of(path, table)
    for key, value in rows:
        exchange(path, table, (key, value), (key, spoilt(value)))
        if key == b"identity":
            with pytest.raises(NotAStore, match="the identity of the store"):
                engine.open(path)
        else:
            assert any(key.hex() in text for text in troubles(path, deep=False)), (key, value)
        exchange(path, table, (key, spoilt(value)), (key, value))
    assert troubles(path, deep=True) == []


@pytest.mark.parametrize("table", TABLES)
def test_a_deep_check_goes_on_after_damaged_rows(path: Path, table: str) -> None:
    """All rows of a table at once, and beside them a byte of a file: both are told."""
    rows = [row for row in rows_of(path, table) if row[0] != b"identity"]
    for key, value in rows:
        exchange(path, table, (key, value), (key, spoilt(value)))
    names = [name for name, size in files_of(path).items() if size == len(FILE_BODY)]
    for name in names:
        file = path / "blobs" / name[:2] / name[2:]
        file.write_bytes(spoilt(file.read_bytes()))
    found = troubles(path, deep=True)
    told = [any(key.hex() in text for text in found) for key, _ in rows]
    assert all(told), found
    assert set(names) & set(found)
    result = CommandLine(path)("check", "--deep", "--store", path)
    assert (result.code, result.err) == (1, "")


@pytest.mark.parametrize("table", [table for table in TABLES if table not in ("deleted_buckets", "trash")])
def test_nothing_is_collected_while_a_row_is_damaged(path: Path, table: str) -> None:
    engine.open(path).close()  # which sweeps what rows say is trash
    key, value = rows_of(path, table)[-1]
    exchange(path, table, (key, value), (key, spoilt(value)))
    nothing_is_collected(path)


@pytest.mark.parametrize("table", sorted(set(TABLES) - OPTIONAL))
def test_each_row_that_is_missing_is_told_by_those_that_name_it_or_that_it_named(path: Path, table: str) -> None:
    for key, value in rows_of(path, table):
        exchange(path, table, (key, value), None)
        if key == b"identity":
            with pytest.raises(NotAStore):
                engine.open(path)
        else:
            assert troubles(path, deep=False), (table, key)
        exchange_back(path, table, (key, value))
    assert troubles(path, deep=False) == []


def exchange_back(path: Path, table: str, row: tuple[bytes, bytes]) -> None:
    with table_of(path, table) as (txn, handle):
        assert txn.put(*row, db=handle)


@pytest.mark.parametrize("name", ["plain", "versioned", "sealed"])
def test_a_bucket_that_is_missing_is_told_by_what_it_held(path: Path, name: str) -> None:
    row = next(row for row in rows_of(path, "buckets") if row[0] == name.encode())
    exchange(path, "buckets", row, None)
    assert any("no bucket" in text for text in troubles(path, deep=True))


def test_a_row_of_blobs_that_is_gone_costs_no_file(path: Path) -> None:
    """What the issue did: the next reap deleted the file of a live part."""
    engine.open(path).close()  # which sweeps what rows say is trash
    for key, value in rows_of(path, "blobs"):
        exchange(path, "blobs", (key, value), None)
        nothing_is_collected(path)
        exchange_back(path, "blobs", (key, value))


@pytest.mark.parametrize("kind", ["missing", "wrong_size"])
def test_nothing_is_collected_while_files_are_not_what_rows_say(path: Path, kind: str) -> None:
    engine.open(path).close()  # which sweeps what rows say is trash: its files nobody misses
    before = files_of(path)
    names = before.keys() - {GARBAGE}
    assert names
    for name in names:
        file = path / "blobs" / name[:2] / name[2:]
        body = file.read_bytes()
        file.unlink() if kind == "missing" else file.write_bytes(b"short")
        with engine.open(path) as store, pytest.raises(StoreDamaged, match=f"{kind}: {name}"):
            store.reap()
        file.write_bytes(body)
        assert files_of(path) == before


def test_counters_that_are_sound_and_wrong_are_told(path: Path) -> None:
    first, second = rows_of(path, "usage")[:2]
    exchange(path, "usage", first, (first[0], second[1]))
    [text] = troubles(path, deep=False)
    assert text.startswith(f"usage {first[0].hex()}: says Usage(")


def test_a_sound_store_is_collected(path: Path) -> None:
    with engine.open(path) as store:
        report = store.reap()
        assert report.collected_files == 1
        assert store.check(deep=True).ok
        assert read(store, "plain", LONG_KEY) == FILE_BODY + b"inline"
    assert GARBAGE not in files_of(path)


def test_damaged_pages_are_told_before_lmdb_meets_them(path: Path) -> None:
    """Each page in use, zeroed: LMDB itself would end the process for some of them."""
    data = path / "meta" / "data.mdb"
    whole = data.read_bytes()
    with lmdb.open(str(path / "meta"), readonly=True, max_dbs=32) as env:
        pages = env.info()["last_pgno"] + 1
    told = 0
    for number in range(2, pages):
        data.write_bytes(whole[: number * 4096] + bytes(4096) + whole[(number + 1) * 4096 :])
        try:
            found = troubles(path, deep=False)
        except NotAStore:
            told += 1
        else:
            told += bool(found)
    assert told > pages // 2, "the others are free"
