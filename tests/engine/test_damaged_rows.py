"""Every row of every table, damaged or taken away one at a time: check tells it and goes on, and nothing is collected meanwhile."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb
import pytest

import engine
from engine.errors import NotAStore, StoreDamaged
from engine.meta.lmdb_base import PARTS_TABLES, TABLES
from engine.multipart.reaper import Reaper
from tests.support.command_line import CommandLine
from tests.support.stores import FILE_BODY, copy_store, files_of, meta_of
from tests.support.uploads import begin, put_multipart, read

LONG_KEY = "k" * 1000
"""Longer than a row's key can be, so that it has nodes."""
GARBAGE = "0f" * 16
OPTIONAL = {"configurations", "removals", "deleted_buckets", "buckets"}
"""Tables in which a row may be missing without anything that names it: the document of a bucket, say, or an empty bucket."""


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
        begin(store, "plain", algorithm, checksum_algorithm=algorithm).parts({1: FILE_BODY, 2: b"inline", 3: FILE_BODY})
    customer = begin(store, "plain", "wide", checksum_algorithm="SHA512", server_side_encryption="AES256")
    customer.parts({1: FILE_BODY})
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
    store.put_bucket_request_payment("plain", request_payment_configuration={"payer": "Requester"})
    rule = {"status": "Enabled", "filter": {}, "expiration": {"days": 365}}
    store.put_bucket_lifecycle_configuration("plain", lifecycle_configuration={"rules": [rule]})
    begin(store, "deleted").part(1, FILE_BODY)
    store.delete_bucket("deleted")
    with store.get_object("plain", "gone", request_payer="requester").body:
        store.delete_object("plain", "gone", request_payer="requester")


@pytest.fixture(scope="module")
def source(session_place: Path) -> Path:
    """A closed store with rows in every table."""
    path = session_place / "damaged"
    store = engine.open(path, limits=engine.Limits(part_size_bytes_min=1))
    fill(store)
    meta = meta_of(store)
    meta.delete_objects("sealed", [Deletion(b"another", None, lambda found, newer: None)], 1)  # the step alone: no sweep follows
    upload = store.list_multipart_uploads("sealed").uploads[0]
    meta.abort("sealed", upload.key.encode(), UploadId(*parse(upload)))
    store.close()
    return path


@contextmanager
def table_of(path: Path, name: str) -> Iterator[tuple[Any, Any]]:
    """One table of a closed store, and a transaction to write in."""
    with lmdb.open(str(path / "meta"), max_dbs=32, map_size=1 << 30) as env, env.begin(write=True) as txn:
        yield txn, env.open_db(name.encode(), txn, create=False)


def rows_of(path: Path, name: str) -> list[tuple[bytes, bytes]]:
    with table_of(path, name) as (txn, table):
        return list(txn.cursor(table))
