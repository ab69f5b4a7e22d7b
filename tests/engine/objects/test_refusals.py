"""A refused request stores nothing: every row and every file is the same before and after it, whatever the reason."""

import gc
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from engine import Store
from engine.errors import S3Error
from tests.support.stores import FILE_BODY, Contents, contents_of
from tests.support.uploads import OpenUpload, begin, put_multipart

WRONG_MD5 = "A" * 22 + "=="
WRONG_SHA256 = "0" * 64
Call = Callable[[OpenUpload], Any]


def too_few(upload: OpenUpload) -> Iterator[bytes]:
    yield FILE_BODY


REFUSALS: dict[str, tuple[str, Call]] = {
    "bucket name": ("InvalidBucketName", lambda up: up.store.create_bucket("No")),
    "bucket again": ("BucketAlreadyOwnedByYou", lambda up: up.store.in_region("eu-west-1").create_bucket("bucket")),
    "bucket not empty": ("BucketNotEmpty", lambda up: up.store.delete_bucket("bucket")),
    "no bucket to delete": ("NoSuchBucket", lambda up: up.store.delete_bucket("nowhere")),
    "no bucket to put to": ("NoSuchBucket", lambda up: up.store.put_object("nowhere", "key", FILE_BODY)),
    "no bucket to create in": ("NoSuchBucket", lambda up: up.store.create_multipart_upload("nowhere", "key")),
    "put of a long key": ("KeyTooLongError", lambda up: up.store.put_object("bucket", "k" * 1025, FILE_BODY)),
    "put of no key": ("InvalidArgument", lambda up: up.store.put_object("bucket", "", FILE_BODY)),
    "put of another MD5": (
        "BadDigest", lambda up: up.store.put_object("bucket", "object", FILE_BODY, content_md5=WRONG_MD5),
    ),
    "put of no MD5": ("InvalidDigest", lambda up: up.store.put_object("bucket", "object", b"", content_md5="MTIz")),
    "put of another SHA-256": (
        "XAmzContentSHA256Mismatch",
        lambda up: up.store.put_object("bucket", "object", FILE_BODY, content_sha256=WRONG_SHA256),
    ),
    "put of too few bytes": (
        "IncompleteBody", lambda up: up.store.put_object("bucket", "object", too_few(up), content_length=10**6),
    ),
    "put of too many bytes": (
        "IncompleteBody", lambda up: up.store.put_object("bucket", "object", too_few(up), content_length=20_000),
    ),
    "put of large metadata": (
        "MetadataTooLarge", lambda up: up.store.put_object("bucket", "object", b"", metadata={"k": "v" * 2048}),
    ),
    "create with large metadata": (
        "MetadataTooLarge", lambda up: up.store.create_multipart_upload("bucket", "key", metadata={"k": "v" * 2048}),
    ),
    "create with large headers": (
        "RequestHeaderSectionTooLarge",
        lambda up: up.store.create_multipart_upload("bucket", "key", content_type="t" * 8193),
    ),
    "create of a long key": ("KeyTooLongError", lambda up: up.store.create_multipart_upload("bucket", "ü" * 513)),
    "part 0": ("InvalidArgument", lambda up: up.part(0, FILE_BODY)),
    "part 10001": ("InvalidArgument", lambda up: up.part(10_001, FILE_BODY)),
    "part x": ("InvalidArgument", lambda up: up.part("x", FILE_BODY)),  # type: ignore[arg-type]
    "part of another MD5": ("BadDigest", lambda up: up.part(1, FILE_BODY, content_md5=WRONG_MD5)),
    "small part of another MD5": ("BadDigest", lambda up: up.part(1, b"data", content_md5=WRONG_MD5)),
    "part of no MD5": ("InvalidDigest", lambda up: up.part(1, FILE_BODY, content_md5="__invalid__")),
    "part of another SHA-256": (
        "XAmzContentSHA256Mismatch", lambda up: up.part(1, FILE_BODY, content_sha256=WRONG_SHA256),
    ),
    "part of no SHA-256": ("InvalidArgument", lambda up: up.part(1, FILE_BODY, content_sha256="x")),
    "part of too few bytes": ("IncompleteBody", lambda up: up.part(1, too_few(up), content_length=10**6)),
    "part of too many bytes": ("IncompleteBody", lambda up: up.part(1, too_few(up), content_length=20_000)),
    "part of a negative length": ("InvalidArgument", lambda up: up.part(1, FILE_BODY, content_length=-1)),
    "part of an unknown upload": (
        "NoSuchUpload", lambda up: up.store.upload_part("bucket", "key", "unknown", 1, FILE_BODY),
    ),
    "part of the upload of another key": (
        "NoSuchUpload", lambda up: up.store.upload_part("bucket", "other", up.upload_id, 1, FILE_BODY),
    ),
    "part of a missing bucket": (
        "NoSuchBucket", lambda up: up.store.upload_part("nowhere", "key", up.upload_id, 1, FILE_BODY),
    ),
    "part copied from no object": ("NoSuchKey", lambda up: up.copy(1, "bucket/nothing")),
    "part copied from no bucket": ("NoSuchBucket", lambda up: up.copy(1, "nowhere/object")),
    "part copied from no name": ("InvalidArgument", lambda up: up.copy(1, "bucket")),
    "part copied from no range": ("InvalidArgument", lambda up: up.copy(1, "bucket/object", copy_source_range="0-8")),
    "part copied from beyond": (
        "InvalidRequest", lambda up: up.copy(1, "bucket/object", copy_source_range="bytes=9999999-9999999"),
    ),
    "part copied from something else": (
        "PreconditionFailed", lambda up: up.copy(1, "bucket/object", copy_source_if_match="other"),
    ),
    "part 0 copied": ("InvalidArgument", lambda up: up.copy(0, "bucket/object")),
    "part copied to an unknown upload": (
        "NoSuchUpload", lambda up: up.store.upload_part_copy("bucket", "key", "unknown", 1, "bucket/object"),
    ),
    "object copied from no object": ("NoSuchKey", lambda up: up.store.copy_object("bucket", "new", "bucket/nothing")),
    "object copied to no bucket": ("NoSuchBucket", lambda up: up.store.copy_object("nowhere", "new", "bucket/object")),
    "object copied to itself": ("InvalidRequest", lambda up: up.store.copy_object("bucket", "object", "bucket/object")),
    "complete of nothing": ("InvalidRequest", lambda up: up.complete([])),
    "complete of part 0": ("InvalidArgument", lambda up: up.complete([(0, "etag")])),
    "complete of part x": ("MalformedXML", lambda up: up.complete([("x", "etag")])),  # type: ignore[list-item]
    "complete out of order": ("InvalidPartOrder", lambda up: up.complete([(2, "etag"), (1, "etag")])),
    "complete of a part not uploaded": ("InvalidPart", lambda up: up.complete([(9, "etag")])),
    "complete with another etag": ("InvalidPart", lambda up: up.complete([(1, "etag")])),
    "complete of small parts": (
        "EntityTooSmall", lambda up: up.complete([(part.part_number, part.etag) for part in up.list().parts or ()]),
    ),
    "complete of an unknown upload": (
        "NoSuchUpload", lambda up: up.store.complete_multipart_upload("bucket", "key", "unknown", [(1, "etag")]),
    ),
    "complete of the upload of another key": (
        "NoSuchUpload", lambda up: up.store.complete_multipart_upload("bucket", "other", up.upload_id, [(1, "etag")]),
    ),
    "abort of an unknown upload": (
        "NoSuchUpload", lambda up: up.store.abort_multipart_upload("bucket", "key", "unknown"),
    ),
    "abort of the upload of another key": (
        "NoSuchUpload", lambda up: up.store.abort_multipart_upload("bucket", "other", up.upload_id),
    ),
    "read of no object": ("NoSuchKey", lambda up: up.store.get_object("bucket", "nothing")),
    "read of no range": ("InvalidRange", lambda up: up.store.get_object("bucket", "object", range="bytes=9999999-")),
    "read of no part": ("InvalidPartNumber", lambda up: up.store.get_object("bucket", "object", part_number=2)),
    "read of what is known": ("NotModified", lambda up: up.store.get_object("bucket", "object", if_none_match="*")),
    "read of something else": (
        "PreconditionFailed", lambda up: up.store.get_object("bucket", "object", if_match="other"),
    ),
    "read of something older": (
        "PreconditionFailed",
        lambda up: up.store.get_object("bucket", "object", if_unmodified_since=datetime(2020, 1, 1, tzinfo=UTC)),
    ),
    "parts from a wrong marker": ("InvalidArgument", lambda up: up.list(part_number_marker=-1)),
    "uploads from a wrong marker": (
        "InvalidArgument",
        lambda up: up.store.list_multipart_uploads("bucket", key_marker="key", upload_id_marker="unknown"),
    ),
    "delete in a missing bucket": ("NoSuchBucket", lambda up: up.store.delete_object("nowhere", "key")),
}  # fmt: skip


@pytest.fixture
def upload(store: Store, bucket: str) -> OpenUpload:
    """An open upload with parts in a file and in rows, beside a plain object and one of two parts."""
    store.put_object(bucket, "object", FILE_BODY)
    put_multipart(store, bucket, "parts", [bytes(5 * 1024 * 1024), b"end"])
    opened = begin(store, bucket)
    opened.parts({1: FILE_BODY, 2: b"inline", 3: b"last"})
    return opened


def test_a_refused_request_stores_nothing(store: Store, upload: OpenUpload) -> None:
    before = contents_of(store)
    stat, descriptors = store.stat(), count_descriptors()
    outcomes: dict[str, tuple[str, Contents]] = {}
    for name, (_, call) in REFUSALS.items():
        with pytest.raises(S3Error) as caught:
            call(upload)
        outcomes[name] = (caught.value.code, contents_of(store))
    assert {name: code for name, (code, _) in outcomes.items()} == {name: code for name, (code, _) in REFUSALS.items()}
    assert [name for name, (_, after) in outcomes.items() if after != before] == []
    assert (store.stat(), count_descriptors()) == (stat, descriptors)
    assert store.check(deep=True).ok


def count_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
