"""What real clients met on the wire and no table holds, by requests written by hand, over every server."""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.system.clients.conftest import bucket_name
from tests.system.clients.raw import UNSIGNED, Answer, Call, Raw
from tests.system.clients.rules.stage import Stage

CHUNKED = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5"}
FRAMED = b"5\r\nhello\r\n0\r\n\r\n"
ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


@pytest.fixture
def raw(every_stage: Stage) -> Raw:
    return every_stage.raw


@pytest.fixture
def bucket(raw: Raw) -> str:
    name = bucket_name()
    made(raw, Call("PUT", f"/{name}"))
    return name


def made(raw: Raw, call: Call) -> Answer:
    answer = raw.send(call)
    assert answer.status in (200, 204), (answer.status, answer.body)
    return answer


def begun(raw: Raw, bucket: str, key: str = "key") -> str:
    body = made(raw, Call("POST", f"/{bucket}/{key}", "uploads")).body.decode()
    return re.findall("<UploadId>(.*?)</UploadId>", body)[0]


@pytest.mark.parametrize("sha256", [UNSIGNED, hashlib.sha256(FRAMED).hexdigest()], ids=["unsigned", "hashed"])
@pytest.mark.parametrize("more", [{}, {"x-amz-trailer": "x-amz-checksum-crc32"}], ids=["plain", "trailer"])
def test_the_frames_of_a_chunked_body_are_never_stored(
    raw: Raw, bucket: str, sha256: str, more: dict[str, str]
) -> None:
    """Source: litestream#890, versitygw#2400."""
    upload_id = begun(raw, bucket)
    message = f"aws-chunked encoding is not supported when x-amz-content-sha256 {sha256} is supplied"
    for query in ("", f"partNumber=1&uploadId={upload_id}"):
        answer = raw.send(Call("PUT", f"/{bucket}/key", query, CHUNKED | more, FRAMED, sha256))
        assert (answer.status, answer.error["Code"], answer.error["Message"]) == (400, "InvalidArgument", message)
    assert raw.send(Call("HEAD", f"/{bucket}/key")).status == 404
    assert b"<Part>" not in made(raw, Call("GET", f"/{bucket}/key", f"uploadId={upload_id}")).body


def test_a_resumed_download_never_splices_two_objects(raw: Raw, bucket: str) -> None:
    """Source: RFC 9110 section 13.1.5."""
    old, new = (
        made(raw, Call("PUT", f"/{bucket}/key", body=body)).headers["etag"] for body in (b"old old old", b"new new new")
    )
    modified = made(raw, Call("GET", f"/{bucket}/key")).headers["last-modified"]
    whole, piece = (200, b"new new new"), (206, b"new")
    for validator, wanted in (
        (new, piece), (modified, piece), (old, whole), (f"W/{new}", whole), ("Mon, 01 Jan 2001 00:00:00 GMT", whole),
    ):  # fmt: skip
        answer = raw.send(Call("GET", f"/{bucket}/key", headers={"range": "bytes=4-6", "if-range": validator}))
        assert (answer.status, answer.body) == wanted, validator


def test_versions_and_markers_stand_by_key_and_the_newest_first(raw: Raw, bucket: str) -> None:
    """Source: aws-sdk-java-v2#1620, minio#9959."""
    made(raw, Call("PUT", f"/{bucket}", "versioning", body=ENABLED))
    assert b"<Status>Enabled</Status>" in made(raw, Call("GET", f"/{bucket}", "versioning")).body
    for key in ("a", "b"):
        for method in ("PUT", "DELETE", "PUT", "DELETE"):
            made(raw, Call(method, f"/{bucket}/{key}"))
    body = made(raw, Call("GET", f"/{bucket}", "versions")).body.decode()
    kinds = [("DeleteMarker", "true"), ("Version", "false"), ("DeleteMarker", "false"), ("Version", "false")]
    found = re.findall(r"<(Version|DeleteMarker)>.*?<Key>(.)</Key>.*?<IsLatest>(true|false)</IsLatest>", body)
    assert found == [(kind, key, latest) for key in "ab" for kind, latest in kinds]


def test_keys_with_control_characters_stay_apart_and_are_deleted_by_reference(raw: Raw, bucket: str) -> None:
    """Source: minio#15023, botocore#3496."""
    for key in ("X%01Y", "X%02Y", "X%1FY", "X%EF%BF%BDY"):
        made(raw, Call("PUT", f"/{bucket}/{key}"))
        begun(raw, bucket, key)
    for query in ("", "list-type=2", "uploads", "versions"):
        keys = re.findall(rb"<Key>(.*?)</Key>", made(raw, Call("GET", f"/{bucket}", query)).body)
        assert keys == [b"X&#x1;Y", b"X&#x2;Y", b"X&#x1F;Y", "X\ufffdY".encode()], query
    listed = b"<Object><Key>X&#x1;Y</Key></Object><Object><Key>X&#31;Y</Key></Object>"
    body = b"<Delete>" + listed + b"</Delete>"
    digest = {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode()}
    answer = made(raw, Call("POST", f"/{bucket}", "delete", digest, body))
    assert re.findall(rb"<Key>(.*?)</Key>", answer.body) == [b"X&#x1;Y", b"X&#x1F;Y"]
    keys = re.findall(rb"<Key>(.*?)</Key>", made(raw, Call("GET", f"/{bucket}")).body)
    assert keys == [b"X&#x2;Y", "X\ufffdY".encode()]
    # What tells the one key of the request can be read by every parser of XML 1.0.
    refusal = raw.send(Call("GET", f"/{bucket}/X%01Y"))
    assert (refusal.status, refusal.error["Code"], refusal.error["Key"]) == (404, "NoSuchKey", "X\ufffdY")


@pytest.mark.parametrize(
    "header",
    [
        "x-amz-tagging",
        "x-amz-acl",
        "x-amz-storage-class",
        "x-amz-object-lock-legal-hold",
        "x-amz-grant-read",
        "x-amz-meta-a",
    ],
)
def test_a_part_cannot_say_what_is_said_at_create(raw: Raw, bucket: str, header: str) -> None:
    """Source: boto3#2675."""
    made(raw, Call("PUT", f"/{bucket}/source", body=b"data"))
    part = f"partNumber=1&uploadId={begun(raw, bucket)}"
    for more in ({}, {"x-amz-copy-source": f"{bucket}/source"}):
        answer = raw.send(Call("PUT", f"/{bucket}/key", part, {header: "value"} | more))
        assert (answer.status, answer.error) == (
            400,
            {
                "Code": "InvalidArgument",
                "Message": "The specified header is not valid in this context",
                "ArgumentName": header,
                "ArgumentValue": "value",
            },
        )
        made(raw, Call("PUT", f"/{bucket}/key", part, more))


@pytest.mark.parametrize("constraint", ["", "us-east-1"])
def test_an_empty_location_constraint_is_the_region_that_has_none(raw: Raw, constraint: str) -> None:
    """Source: API page CreateBucket; minio-java names us-east-1."""
    name = bucket_name()
    location = f"<LocationConstraint>{constraint}</LocationConstraint>"
    body = f"<CreateBucketConfiguration>{location}</CreateBucketConfiguration>".encode()
    made(raw, Call("PUT", f"/{name}", body=body))
    assert b"<LocationConstraint" in made(raw, Call("GET", f"/{name}", "location")).body


def test_a_retention_is_taken_to_the_nanosecond(raw: Raw) -> None:
    """Source: RFC 3339; minio-go sends what Go's clock gives."""
    name, until = bucket_name(), datetime.now(UTC).replace(microsecond=123_456) + timedelta(days=1)
    made(raw, Call("PUT", f"/{name}", headers={"x-amz-bucket-object-lock-enabled": "true"}))
    shown = f"{until:%Y-%m-%dT%H:%M:%S.%f}789Z"
    md5 = "kAFQmDzST7DWlj99KOF/cg=="
    lock = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": shown, "content-md5": md5}
    made(raw, Call("PUT", f"/{name}/key", headers=lock, body=b"abc"))
    wanted = f"<RetainUntilDate>{until:%Y-%m-%dT%H:%M:%S}.123Z</RetainUntilDate>".encode()
    assert wanted in made(raw, Call("GET", f"/{name}/key", "retention")).body


def test_a_bucket_is_made_again_by_its_owner_and_by_nobody_else(raw: Raw, bucket: str) -> None:
    """Source: AWS's answers (create_bucket_with_tags_us_east_1_idempotency)."""
    assert made(raw, Call("PUT", f"/{bucket}")).headers["location"] == f"/{bucket}"
    answer = Raw(raw.port, raw.pair.stranger).send(Call("PUT", f"/{bucket}"))
    assert (answer.status, answer.error["Code"]) == (409, "BucketAlreadyExists")


def test_buckets_are_listed_by_region_and_within_bounds(raw: Raw, bucket: str) -> None:
    """Source: AWS's answers (list_buckets_*); API page ListBuckets."""
    told = f"<BucketRegion>us-east-1</BucketRegion><BucketArn>arn:aws:s3:::{bucket}</BucketArn>".encode()
    for query in (f"prefix={bucket}", f"prefix={bucket}&max-buckets=10000", f"bucket-region=us-east-1&prefix={bucket}"):
        assert told in made(raw, Call("GET", "/", query)).body
    assert b"<BucketRegion>" not in made(raw, Call("GET", "/")).body
    assert b"<Bucket>" not in made(raw, Call("GET", "/", f"bucket-region=eu-west-1&prefix={bucket}")).body
    for query, error in (
        (
            "bucket-region=eu-east-1",
            {"Message": "Argument value eu-east-1 is not a valid AWS Region", "ArgumentName": "bucket-region"},
        ),
        *(
            (
                f"max-buckets={number}",
                {
                    "Message": "Argument max-buckets must be an integer between 1 and 10000",
                    "ArgumentName": "max-buckets",
                    "ArgumentValue": str(number),
                },
            )
            for number in (-1, 0, 10_001)
        ),
    ):
        answer = raw.send(Call("GET", "/", query))
        assert (answer.status, answer.error) == (400, {"Code": "InvalidArgument"} | error)


@pytest.mark.parametrize("source", ["no/key", "UP/key", "a_b/key", "%2F%2F/key"])
def test_a_copy_source_that_can_be_no_bucket(raw: Raw, bucket: str, source: str) -> None:
    for query in ("", f"partNumber=1&uploadId={begun(raw, bucket)}"):
        error = raw.send(Call("PUT", f"/{bucket}/key", query, {"x-amz-copy-source": source})).error
        assert (error["Code"], error["Message"]) == ("InvalidArgument", "Invalid copy source bucket name")
