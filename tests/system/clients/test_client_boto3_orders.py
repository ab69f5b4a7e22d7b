"""Of two errors in one request the one that AWS answers: each case is a captured request with two faults, and AWS's answer to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.system.clients.conftest import bucket_name
from tests.system.clients.test_client_boto3_objects import refused

pytestmark = pytest.mark.parametrize("host", ["serve"], indirect=True)
PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def locked(s3: Any) -> dict[str, str]:
    """An object that is retained, in a bucket with object lock."""
    named = {"Bucket": bucket_name(), "Key": "key"}
    s3.create_bucket(Bucket=named["Bucket"], ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC) + timedelta(days=1)
    s3.put_object(**named, Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    return named


def told(code: str, call: Callable[..., Any], **arguments: Any) -> dict[str, str]:
    error: dict[str, str] = refused(code, call, **arguments)["Error"]
    return error


def test_a_retention_that_cannot_be_and_may_not_be(s3: Any, locked: dict[str, str]) -> None:
    """Source: s3_object_retention_exc: neither asks for the lock that is in the way."""
    error = told(
        "InvalidArgument", s3.put_object_retention, **locked, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": PAST}
    )
    assert (error["Message"], error["ArgumentName"]) == (
        "The retain until date must be in the future!",
        "RetainUntilDate",
    )
    told("MalformedXML", s3.put_object_retention, **locked, Retention={"Mode": "BAD-VALUE", "RetainUntilDate": PAST})
    told("MalformedXML", s3.put_object_retention, **locked, Retention={"RetainUntilDate": PAST})


def test_a_delete_with_every_condition(s3: Any, bucket: str) -> None:
    """Source: delete_object_if_match_all_non_express: the entity tag is not looked at, and the date is named before the size."""
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    given = {"IfMatchSize": 5, "IfMatchLastModifiedTime": PAST, "IfMatch": '"x"'}
    for key in ("key", "absent"):
        error = told("NotImplemented", s3.delete_object, Bucket=bucket, Key=key, **given)
        assert error["Header"] == "x-amz-if-match-last-modified-time"
    assert s3.head_object(Bucket=bucket, Key="key")["ContentLength"] == 1


def test_an_abort_with_a_condition_of_directory_buckets_leaves_the_upload(s3: Any, bucket: str) -> None:
    """Source: API page AbortMultipartUpload; refused as AWS refuses the other conditions of directory buckets."""
    upload = {"Bucket": bucket, "Key": "key"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    error = told("NotImplemented", s3.abort_multipart_upload, **upload, IfMatchInitiatedTime=PAST)
    assert (error["Header"], "additionalMessage" in error) == ("x-amz-if-match-initiated-time", False)
    assert "Parts" not in s3.list_parts(**upload)
    s3.abort_multipart_upload(**upload)


def test_a_condition_that_no_write_takes_on_an_absent_key(s3: Any, bucket: str) -> None:
    """Source: put_object_if_match_validation, copy_object_precondition_write_validation: NotImplemented, not NoSuchKey."""
    s3.put_object(Bucket=bucket, Key="source", Body=b"1")
    for write in (
        lambda **given: s3.put_object(Bucket=bucket, Key="absent", Body=b"2", **given),
        lambda **given: s3.copy_object(Bucket=bucket, Key="absent", CopySource=f"{bucket}/source", **given),
    ):
        for given, header in (
            ({"IfMatch": "*"}, "If-Match"),
            ({"IfNoneMatch": '"x"'}, "If-None-Match"),
            ({"IfMatch": '"x"', "IfNoneMatch": "*"}, "If-Match,If-None-Match"),
        ):
            assert told("NotImplemented", write, **given)["Header"] == header


def test_a_range_or_a_condition_of_what_is_not_there(s3: Any, bucket: str) -> None:
    """Source: range_key_not_exists."""
    for given in ({"Range": "bytes=9-0"}, {"Range": "bytes=100-"}, {"IfMatch": '"x"'}):
        told("NoSuchKey", s3.get_object, Bucket=bucket, Key="absent", **given)
