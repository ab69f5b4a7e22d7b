"""How listings and reads behave, by number: order and markers, parts of an object, what a copy makes, the day of an abort."""

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.system.clients.rules.stage import Stage
from tests.system.clients.rules.upload import LARGE, MIB, Upload, etag_of, refused

semantics = partial(pytest.mark.rule, "semantics")
DATA = b"0123456789"
Begin = Callable[..., Upload]


@pytest.fixture
def begin(stage: Stage) -> Begin:
    """Begins uploads in one bucket of the test's own."""
    return partial(Upload.begin, stage.s3, stage.new_bucket())


@semantics("order-and-markers-of-ListMultipartUploads")
def test_uploads_are_listed_by_key_and_then_by_time(stage: Stage, begin: Begin) -> None:
    made = [begin(key) for key in ("b", "a", "é", "a", "b/c", "a", "B")]
    wanted = [(upload.key, upload.upload_id) for upload in sorted(made, key=lambda upload: upload.key.encode())]
    listed = stage.s3.list_multipart_uploads(Bucket=made[0].bucket)["Uploads"]
    assert [(item["Key"], item["UploadId"]) for item in listed] == wanted
    assert [item["Initiated"] for item in listed if item["Key"] == "a"] == sorted(
        item["Initiated"] for item in listed if item["Key"] == "a"
    )
    for size in range(1, len(made) + 1):
        pages = stage.s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=made[0].bucket, PaginationConfig={"PageSize": size}
        )
        seen = [(item["Key"], item["UploadId"]) for page in pages for item in page.get("Uploads", ())]
        assert seen == wanted


@semantics("order-and-markers-of-ListMultipartUploads")
def test_pages_of_uploads_go_on_after_common_prefixes(stage: Stage, begin: Begin) -> None:
    for key in ("a/1", "a/2", "b", "c/1", "c/2", "c/3", "d", "e/1"):
        bucket = begin(key).bucket
    for size in range(1, 7):
        options = {"Bucket": bucket, "Delimiter": "/", "PaginationConfig": {"PageSize": size}}
        pages = list(stage.s3.get_paginator("list_multipart_uploads").paginate(**options))
        assert [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())] == ["a/", "c/", "e/"]
        assert [item["Key"] for page in pages for item in page.get("Uploads", ())] == ["b", "d"]
        assert all(page["NextKeyMarker"] for page in pages)


@semantics("order-and-markers-of-ListMultipartUploads")
def test_a_marker_of_an_upload_that_is_gone_still_says_where_to_go_on(stage: Stage, begin: Begin) -> None:
    first, second, third = begin("a"), begin("a"), begin("a")
    second.abort()
    named = {"Bucket": first.bucket, "KeyMarker": "a"}
    listed = stage.s3.list_multipart_uploads(**named, UploadIdMarker=second.upload_id)["Uploads"]
    assert [item["UploadId"] for item in listed] == [third.upload_id]


@semantics("order-and-markers-of-ListMultipartUploads")
@pytest.mark.rule("listing and copy", "InvalidArgument-not-a-number")
def test_pages_have_a_thousand_entries_at_most(stage: Stage, begin: Begin) -> None:
    upload = begin().parts({1: DATA})
    uploads = stage.s3.list_multipart_uploads(Bucket=upload.bucket, MaxUploads=2**31 - 1)
    parts = upload.list(MaxParts=2**31 - 1)
    assert (uploads["MaxUploads"], parts["MaxParts"]) == (1000, 1000)
    none = stage.s3.list_multipart_uploads(Bucket=upload.bucket, MaxUploads=0)
    assert (none["MaxUploads"], none["IsTruncated"], none.get("Uploads")) == (0, False, None)
    assert (upload.list(MaxParts=0)["IsTruncated"], upload.list(MaxParts=0).get("Parts")) == (False, None)


@semantics("order-and-markers-of-ListParts")
def test_parts_are_listed_by_number(begin: Begin) -> None:
    numbers = [10_000, 9, 1001, 10, 1, 999, 1000, 9_999]
    upload = begin().parts(dict.fromkeys(numbers, DATA))
    assert [part["PartNumber"] for part in upload.list()["Parts"]] == sorted(numbers)
    paginator = upload.s3.get_paginator("list_parts")
    for size in (1, 3, 8):
        pages = list(paginator.paginate(**upload.named, PaginationConfig={"PageSize": size}))
        assert [part["PartNumber"] for page in pages for part in page["Parts"]] == sorted(numbers)
        assert [page["NextPartNumberMarker"] for page in pages] == [page["Parts"][-1]["PartNumber"] for page in pages]


@semantics("order-and-markers-of-ListParts")
def test_what_list_parts_says_of_the_upload(stage: Stage, begin: Begin) -> None:
    upload = begin().parts({3: DATA})
    listed = upload.list()
    assert (listed["Bucket"], listed["Key"], listed["UploadId"]) == (upload.bucket, upload.key, upload.upload_id)
    assert (listed["StorageClass"], listed["NextPartNumberMarker"]) == ("STANDARD", 3)
    assert listed["Owner"]["ID"]
    assert listed["Initiator"]["ID"]
    [part] = listed["Parts"]
    assert (part["Size"], part["ETag"]) == (10, upload.etags[3])
    assert abs(part["LastModified"] - datetime.now(UTC)) < timedelta(minutes=1)


@semantics("reads-by-part-number")
@pytest.mark.parametrize("call", ["get_object", "head_object"])
def test_reading_by_part_number(stage: Stage, begin: Begin, call: str) -> None:
    bodies = {2: os.urandom(5 * MIB), 7: os.urandom(5 * MIB + 3), 10_000: DATA}
    upload = begin().parts(bodies)
    etag = upload.complete()["ETag"]
    start, size = 0, sum(map(len, bodies.values()))
    for position, body in enumerate(bodies.values(), 1):
        got = getattr(stage.s3, call)(Bucket=upload.bucket, Key=upload.key, PartNumber=position)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert (got["ContentLength"], got["PartsCount"], got["ETag"]) == (len(body), 3, etag)
        assert got["ContentRange"] == f"bytes {start}-{start + len(body) - 1}/{size}"
        if call == "get_object":
            assert got["Body"].read() == body
        start += len(body)
    code = "416" if call == "head_object" else "InvalidPartNumber"
    refused(code, getattr(stage.s3, call), Bucket=upload.bucket, Key=upload.key, PartNumber=4)


@semantics("reads-by-part-number")
def test_a_plain_object_is_its_own_part_1(stage: Stage) -> None:
    for call in (stage.s3.get_object, stage.s3.head_object):
        got = call(Bucket=stage.bucket, Key="object", PartNumber=1)
        assert (got["ContentLength"], "PartsCount" in got) == (10, False)
        assert got["ContentRange"] == "bytes 0-9/10"
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


@semantics("reads-by-part-number")
def test_a_read_of_the_whole_has_no_count_of_parts(stage: Stage) -> None:
    for options in ({}, {"Range": "bytes=0-9"}):
        assert "PartsCount" not in stage.s3.head_object(Bucket=stage.bucket, Key=stage.two, **options)


@semantics("reads-by-part-number")
def test_parts_of_an_older_version_are_read_by_its_own_numbers(stage: Stage) -> None:
    upload = Upload.begin(stage.s3, stage.versioned, "parts").parts({1: LARGE, 2: DATA})
    version = upload.complete()["VersionId"]
    stage.s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=b"newer")
    named = {"Bucket": upload.bucket, "Key": upload.key}
    old = stage.s3.get_object(**named, VersionId=version, PartNumber=2)
    assert (old["Body"].read(), old["PartsCount"], old["VersionId"]) == (DATA, 2, version)
    assert refused("InvalidPartNumber", stage.s3.get_object, **named, PartNumber=2)["ActualPartCount"] == "1"
    assert stage.s3.get_object(**named, VersionId=version, Range="bytes=-12")["Body"].read() == b"\0\0" + DATA


@semantics("overwriting-is-atomic")
def test_a_version_that_is_deleted_while_it_is_read_is_read_to_its_end(stage: Stage) -> None:
    named, body = {"Bucket": stage.versioned, "Key": "read"}, os.urandom(24 * MIB)
    version = stage.s3.put_object(**named, Body=body)["VersionId"]
    reading = stage.s3.get_object(**named)["Body"]
    seen = reading.read(1)
    stage.s3.delete_object(**named, VersionId=version)
    assert seen + reading.read() == body
    refused("NoSuchVersion", stage.s3.get_object, **named, VersionId=version)


@semantics("ranges-of-UploadPartCopy")
def test_a_range_of_a_copy_may_straddle_parts(stage: Stage, begin: Begin) -> None:
    first = LARGE[:-4] + b"tail"
    source = begin("source").parts({1: first, 2: b"head" + DATA})
    source.complete()
    target = begin("target")
    named = {
        "CopySource": {"Bucket": source.bucket, "Key": "source"},
        "CopySourceRange": f"bytes={len(first) - 4}-{len(first) + 3}",
    }
    copied = stage.s3.upload_part_copy(**target.named, PartNumber=1, **named)["CopyPartResult"]
    assert copied["ETag"] == f'"{hashlib.md5(b"tailhead").hexdigest()}"'
    target.etags[1] = copied["ETag"]
    target.complete()
    assert target.read() == b"tailhead"


@semantics("ETag-and-checksum-of-a-copied-part")
def test_the_etag_of_a_copied_part_is_of_its_bytes(stage: Stage, begin: Begin) -> None:
    """Not the ETag of the source, which may be one of parts."""
    source = begin("source").parts({1: LARGE, 2: DATA})
    source.complete()
    target = begin("target")
    named = {"Bucket": source.bucket, "Key": "source"}
    copied = stage.s3.upload_part_copy(**target.named, PartNumber=5, CopySource=named)["CopyPartResult"]
    assert copied["ETag"] == f'"{hashlib.md5(LARGE + DATA).hexdigest()}"'
    target.etags[5] = copied["ETag"]
    assert target.complete()["ETag"] == etag_of(LARGE + DATA)
    assert target.read() == LARGE + DATA


@semantics("conditions-of-UploadPartCopy")
def test_a_copy_is_never_not_modified(stage: Stage, begin: Begin) -> None:
    target = begin("target")
    etag = stage.s3.put_object(Bucket=target.bucket, Key="source", Body=DATA)["ETag"]
    copy: Any = partial(stage.s3.upload_part_copy, **target.named, PartNumber=1)
    source = {"CopySource": {"Bucket": target.bucket, "Key": "source"}}
    past = datetime(2020, 1, 1, tzinfo=UTC)
    assert copy(**source, CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince=past)["CopyPartResult"]["ETag"] == etag
    refused("PreconditionFailed", copy, **source, CopySourceIfNoneMatch=etag, CopySourceIfModifiedSince=past)


@semantics("abort-date-on-ListParts")
def test_the_day_of_the_abort_is_told(stage: Stage, begin: Begin) -> None:
    """Midnight UTC after the days of the rule, on Create and on ListParts."""
    bucket = begin("elsewhere").bucket
    rule = {
        "ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
    }  # fmt: skip
    stage.boto.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    created = stage.boto.create_multipart_upload(Bucket=bucket, Key="logs/a")
    other = stage.boto.create_multipart_upload(Bucket=bucket, Key="other")
    assert "AbortDate" not in other
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=4)
    listed = stage.boto.list_parts(Bucket=bucket, Key="logs/a", UploadId=created["UploadId"])
    for answer in (created, listed):
        assert (answer["AbortDate"], answer["AbortRuleId"]) == (day, "tidy")
