"""If-Match and If-None-Match on Complete: they hold only if the key was neither written nor deleted since the upload began."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import lmdb
import pytest

import engine
from engine import Store
from engine.errors import S3Error
from tests.support.refusals import refused
from tests.support.uploads import OpenUpload, begin, part_etag_of, read

CONFLICT = "The conditional request cannot succeed due to a conflicting operation against this resource."
BEFORE, MEANWHILE = b"before", b"meanwhile"
KEYS = ["key", "k" * 1024]
Step = Callable[[Store, str, str], object]


def put(store: Store, bucket: str, key: str, body: bytes = MEANWHILE) -> None:
    store.put_object(bucket, key, body)


def delete(store: Store, bucket: str, key: str) -> None:
    store.delete_object(bucket, key)


def copy_onto_itself(store: Store, bucket: str, key: str) -> None:
    store.copy_object(bucket, key, f"{bucket}/{key}", metadata_directive="REPLACE")


def complete_another(store: Store, bucket: str, key: str) -> None:
    another = begin(store, bucket, key)
    another.complete([another.part(1, MEANWHILE)])


def conditionally(upload: OpenUpload, **conditions: str) -> str:
    """Complete with a condition; return the error's code, or "done"."""
    part = upload.part(1, b"completed")
    complete = upload.store.complete_multipart_upload
    try:
        complete(upload.bucket, upload.key, upload.upload_id, [part], **conditions)
    except S3Error as error:
        return error.code
    return "done"


def if_nothing_is_there(upload: OpenUpload) -> str:
    return conditionally(upload, if_none_match="*")


@pytest.fixture(params=["", "Enabled", "Suspended"])
def any_bucket(request: pytest.FixtureRequest, store: Store, bucket: str) -> str:
    """A bucket in each state of versioning."""
    if request.param:
        store.put_bucket_versioning(bucket, versioning_configuration={"status": request.param})
    return bucket


@pytest.mark.parametrize("key", KEYS, ids=len)
@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ((), "done"),
        ((put,), "PreconditionFailed"),
        ((complete_another,), "PreconditionFailed"),
        ((put, delete), "ConditionalRequestConflict"),
        ((complete_another, delete), "ConditionalRequestConflict"),
        ((put, delete, put), "PreconditionFailed"),
        ((put, delete, put, delete), "ConditionalRequestConflict"),
    ],
)
def test_complete_wants_a_key_that_stayed_empty(
    store: Store, any_bucket: str, key: str, steps: tuple[Step, ...], outcome: str
) -> None:
    upload = begin(store, any_bucket, key)
    for step in steps:
        step(store, any_bucket, key)
    assert if_nothing_is_there(upload) == outcome
    if outcome == "done":
        assert read(store, any_bucket, key) == b"completed"
    if outcome == "ConditionalRequestConflict":
        assert if_nothing_is_there(begin(store, any_bucket, key)) == "done"


@pytest.mark.parametrize("key", KEYS, ids=len)
@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ((), "done"),
        ((partial(put, body=BEFORE),), "ConditionalRequestConflict"),
        ((put,), "PreconditionFailed"),
        ((copy_onto_itself,), "ConditionalRequestConflict"),
        ((delete,), "NoSuchKey"),
        ((delete, partial(put, body=BEFORE)), "ConditionalRequestConflict"),
        ((delete, put), "PreconditionFailed"),
    ],
)
def test_complete_wants_the_object_that_was_there(
    store: Store, any_bucket: str, key: str, steps: tuple[Step, ...], outcome: str
) -> None:
    store.put_object(any_bucket, key, BEFORE)
    upload = begin(store, any_bucket, key)
    for step in steps:
        step(store, any_bucket, key)
    assert conditionally(upload, if_match=part_etag_of(BEFORE)) == outcome


def test_a_conflict_names_condition_and_key_and_leaves_the_upload(store: Store, bucket: str) -> None:
    upload = begin(store, bucket)
    part = upload.part(1, b"data")
    put(store, bucket, "key")
    delete(store, bucket, "key")
    with refused("ConditionalRequestConflict", CONFLICT, 409, Condition="If-None-Match", Key="key"):
        store.complete_multipart_upload(bucket, "key", upload.upload_id, [part], if_none_match="*")
    upload.complete([part])
    assert read(store, bucket, "key") == b"data"


@pytest.mark.parametrize("steps", [(), (put,), (delete,), (put, delete)])
def test_what_happens_to_other_keys_is_no_conflict(store: Store, any_bucket: str, steps: tuple[Step, ...]) -> None:
    upload = begin(store, any_bucket, "key")
    for step, other in itertools.product(steps, ("key2", "ke", "k" * 1024)):
        step(store, any_bucket, other)
    assert if_nothing_is_there(upload) == "done"


def test_a_delete_of_nothing_is_no_conflict_without_versions(store: Store, bucket: str) -> None:
    upload = begin(store, bucket)
    delete(store, bucket, "key")
    assert if_nothing_is_there(upload) == "done"


def test_an_older_version_may_go_but_not_the_latest(store: Store, bucket: str) -> None:
    store.put_bucket_versioning(bucket, versioning_configuration={"status": "Enabled"})
    old = store.put_object(bucket, "key", b"old").version_id
    store.put_object(bucket, "key", BEFORE)
    upload, other = begin(store, bucket), begin(store, bucket)
    store.delete_object(bucket, "key", version_id=old)
    assert conditionally(other, if_match=part_etag_of(BEFORE)) == "done"
    newest = store.head_object(bucket, "key").version_id
    store.delete_object(bucket, "key", version_id=newest)
    assert conditionally(upload, if_match=part_etag_of(BEFORE)) == "ConditionalRequestConflict"


def test_two_uploads_of_a_key_judge_by_their_own_beginnings(store: Store, bucket: str) -> None:
    early = begin(store, bucket)
    put(store, bucket, "key")
    delete(store, bucket, "key")
    late = begin(store, bucket)
    assert if_nothing_is_there(early) == "ConditionalRequestConflict"
    early.abort()
    assert if_nothing_is_there(late) == "done"


@pytest.mark.parametrize("key", KEYS, ids=len)
@pytest.mark.parametrize("end", ["abort", "complete", "delete_bucket"])
def test_no_memory_of_a_removal_outlives_the_uploads_that_need_it(store_path: Path, end: str, key: str) -> None:
    with engine.open(store_path) as store:
        store.create_bucket("bucket")
        first, second = begin(store, "bucket", key), begin(store, "bucket", key)
        put(store, "bucket", key)
        delete(store, "bucket", key)
        first.abort()
    assert rows(store_path) > 0
    with engine.open(store_path) as store:
        last = replace(second, store=store)
        if end == "abort":
            last.abort()
        elif end == "complete":
            last.complete([last.part(1, b"data")])
            delete(store, "bucket", key)
        else:
            store.delete_bucket("bucket")
            store.reap()
    assert rows(store_path) == 0


def rows(store_path: Path) -> int:
    """The number of rows in the table of removals, read by another LMDB environment."""
    with (
        lmdb.open(str(store_path / "meta"), max_dbs=64, readonly=True, lock=False) as environment,
        environment.begin() as txn,
    ):
        return int(txn.stat(environment.open_db(b"removals", txn, create=False))["entries"])
