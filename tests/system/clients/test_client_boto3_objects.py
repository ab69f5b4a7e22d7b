"""boto3 on objects and buckets, over every host."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosted import DOMAIN
from tests.system.clients.hosts import Host
from tests.system.clients.names import resolving_to_loopback

BODY = bytes(range(256)) * 4096
"""1 MiB."""
ETAG = f'"{hashlib.md5(BODY).hexdigest()}"'
AWKWARD_KEYS = (
    "plain", "a b", "a+b", "a%20b", "a/../b", "//", "./x", "Zürich/é", "日本", "x?y=z&a#b", "~.-_", "tail/", "'\"<&>",
    "%", "\N{GRINNING FACE}", "\u00e9", "e\u0301",
)  # fmt: skip
"""The last two are one character composed and decomposed: two keys."""


def refused(code: str, call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Expect an error code of a call; the whole answer."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    answer: dict[str, Any] = caught.value.response
    return answer


def test_put_get_head_delete(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "key"}
    content = {
        "CacheControl": "no-cache", "ContentDisposition": 'attachment; filename="x"', "ContentEncoding": "gzip",
        "ContentLanguage": "de", "ContentType": "text/x-test",
    }  # fmt: skip
    put = s3.put_object(**named, Body=BODY, Metadata={"Colour": "red", "empty": ""}, **content)
    assert put["ETag"] == ETAG
    got = s3.get_object(**named)
    assert got["Body"].read() == BODY
    head = s3.head_object(**named)
    for answer in (got, head):
        assert {name: answer[name] for name in content} == content
        assert (answer["ETag"], answer["ContentLength"], answer["AcceptRanges"]) == (ETAG, len(BODY), "bytes")
        assert answer["Metadata"] == {"colour": "red", "empty": ""}
        assert abs(answer["LastModified"] - datetime.now(UTC)) < timedelta(minutes=1)
    assert s3.delete_object(**named)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.delete_object(**named)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchKey", s3.get_object, **named)
    refused("404", s3.head_object, **named)


def test_empty_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (got["Body"].read(), got["ContentLength"], got["ContentType"]) == (b"", 0, "binary/octet-stream")


def test_awkward_keys(s3: Any, bucket: str) -> None:
    for key in AWKWARD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in AWKWARD_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() == key
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(AWKWARD_KEYS, key=str.encode)
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in AWKWARD_KEYS]})
    assert {item["Key"] for item in deleted["Deleted"]} == set(AWKWARD_KEYS)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_metadata_beyond_ascii(host: Host, clients: Callable[..., Any], bucket: str) -> None:
    """boto3 itself refuses to send it, so the header is added below boto3's checks; S3 reads its UTF-8 as
    latin-1, as in the example of the User Guide, "Working with object metadata", and answers by Q what is mostly ASCII."""
    s3 = clients(host)
    s3.meta.events.register(
        "before-sign.s3.PutObject", lambda request, **_: request.headers.add_header("x-amz-meta-town", "Zürich")
    )
    if host.name == "granian-wsgi":  # granian hands such a header on as an empty one
        refused("SignatureDoesNotMatch", s3.put_object, Bucket=bucket, Key="key", Body=b"")
        return
    s3.put_object(Bucket=bucket, Key="key", Body=b"")
    assert s3.head_object(Bucket=bucket, Key="key")["Metadata"] == {"town": "=?UTF-8?Q?Z=C3=83=C2=BCrich?="}


@pytest.mark.parametrize(
    ("asked", "expected", "content_range"),
    [
        ("bytes=0-9", BODY[:10], "bytes 0-9/1048576"),
        ("bytes=1048570-", BODY[-6:], "bytes 1048570-1048575/1048576"),
        ("bytes=-5", BODY[-5:], "bytes 1048571-1048575/1048576"),
        ("bytes=1048570-99999999", BODY[-6:], "bytes 1048570-1048575/1048576"),
        ("bytes=0-0,5-6", BODY, None),
        ("lines=1-2", BODY, None),
    ],
)
def test_ranges(s3: Any, bucket: str, asked: str, expected: bytes, content_range: str | None) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=BODY)
    got = s3.get_object(Bucket=bucket, Key="key", Range=asked)
    assert got["Body"].read() == expected
    assert got.get("ContentRange") == content_range
    assert got["ResponseMetadata"]["HTTPStatusCode"] == (206 if content_range else 200)


def test_conditions_on_reads(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=BODY)
    named = {"Bucket": bucket, "Key": "key"}
    past, written = datetime(2020, 1, 1, tzinfo=UTC), s3.head_object(**named)["LastModified"]
    for call in (s3.get_object, s3.head_object):
        for condition in ({"IfMatch": ETAG}, {"IfNoneMatch": '"x"'}, {"IfModifiedSince": past}):
            assert call(**named, **condition)["ETag"] == ETAG
        refused("304", call, **named, IfNoneMatch=ETAG)
        refused("304", call, **named, IfModifiedSince=written)
    refused("PreconditionFailed", s3.get_object, **named, IfMatch='"x"')
    refused("412", s3.head_object, **named, IfUnmodifiedSince=past)


def test_headers_of_the_callers_choice(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "key"}
    s3.put_object(**named, Body=BODY, ContentType="text/plain", CacheControl="no-cache", ContentLanguage="de")
    wanted = {
        "CacheControl": "max-age=1", "ContentDisposition": 'attachment; filename="x"', "ContentEncoding": "x-none",
        "ContentType": "text/x-wanted",
    }  # fmt: skip
    asked = {f"Response{name}": value for name, value in wanted.items()}
    for call in (s3.get_object, s3.head_object):
        got = call(**named, **asked, ResponseExpires=datetime(2030, 1, 1, tzinfo=UTC), Range="bytes=0-9")
        assert {name: got[name] for name in wanted} == wanted
        assert got["ExpiresString"] == "Tue, 01 Jan 2030 00:00:00 GMT"
        assert (got["ContentLanguage"], got["ContentLength"]) == ("de", 10)
    assert s3.head_object(**named)["ContentType"] == "text/plain"


def test_list_objects_v2_and_v1(s3: Any, bucket: str) -> None:
    keys = ["a/1", "a/2", "b", "c/1", "d"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert [len(page["Contents"]) for page in pages] == [2, 2, 1]
    assert [item["Key"] for page in pages for item in page["Contents"]] == keys
    pages = list(
        s3.get_paginator("list_objects").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    )
    assert [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())] == ["a/", "c/"]
    assert [item["Key"] for page in pages for item in page.get("Contents", ())] == ["b", "d"]
    owned = s3.list_objects_v2(Bucket=bucket, Prefix="c", StartAfter="b", FetchOwner=True)
    assert [item["Key"] for item in owned["Contents"]] == ["c/1"]
    assert owned["Contents"][0]["Owner"]["ID"]
    assert owned["Contents"][0]["StorageClass"] == "STANDARD"


def test_members_without_effect_pass_and_unserved_ones_are_refused(s3: Any, bucket: str) -> None:
    """What would have to be done and is not must never be taken for done."""
    named = {"Bucket": bucket, "Key": "key", "Body": b"body"}
    s3.put_object(**named, ACL="private", StorageClass="STANDARD")
    s3.delete_object(Bucket=bucket, Key="key")
    for code, unserved in (
        ("AccessControlListNotSupported", {"ACL": "public-read"}),
        ("NotImplemented", {"ServerSideEncryption": "aws:kms:dsse"}),
        ("InvalidRequest", {"ObjectLockLegalHoldStatus": "ON"}),
    ):
        refused(code, s3.put_object, **named, **unserved)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    for probe in (
        s3.list_bucket_inventory_configurations,
        s3.list_bucket_analytics_configurations,
        s3.list_bucket_metrics_configurations,
    ):
        refused("NotImplemented", probe, Bucket=bucket)


def test_delete_objects_quietly(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="one", Body=b"")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "one"}, {"Key": "never"}], "Quiet": True})
    assert "Deleted" not in answer
    assert "Errors" not in answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_copy_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="sóurce +", Body=BODY, Metadata={"a": "1"}, ContentType="text/plain")
    source = {"Bucket": bucket, "Key": "sóurce +"}
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]
    assert copied["ETag"] == ETAG
    head = s3.head_object(Bucket=bucket, Key="copy")
    assert (head["Metadata"], head["ContentType"]) == ({"a": "1"}, "text/plain")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"b": "2"}
    refused("PreconditionFailed", s3.copy_object, Bucket=bucket, Key="copy", CopySource=source, CopySourceIfMatch='"x"')


def test_buckets(s3: Any, bucket: str) -> None:
    other = new_bucket(s3)
    assert {bucket, other} <= {item["Name"] for item in s3.list_buckets()["Buckets"]}
    assert [item["Name"] for item in s3.list_buckets(Prefix=other)["Buckets"]] == [other]
    assert s3.head_bucket(Bucket=other)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=other)["LocationConstraint"] is None
    s3.put_object(Bucket=other, Key="key", Body=b"")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=other)
    s3.delete_object(Bucket=other, Key="key")
    s3.delete_bucket(Bucket=other)
    refused("404", s3.head_bucket, Bucket=other)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("checksums", ["when_supported", "when_required"])
def test_checksums_and_payload_signing(host: Host, clients: Callable[..., Any], checksums: str, signed: bool) -> None:
    """Over TLS, and by default, the checksum comes in a trailer of an aws-chunked body; over plain HTTP in a header."""
    s3 = clients(host, request_checksum_calculation=checksums, s3={"payload_signing_enabled": signed})
    named = {"Bucket": new_bucket(s3), "Key": "key"}
    put = s3.put_object(**named, Body=BODY)
    assert (put["ETag"], "ChecksumCRC32" in put) == (ETAG, checksums == "when_supported")
    assert s3.get_object(**named)["Body"].read() == BODY
    part = s3.upload_part(**named, UploadId=s3.create_multipart_upload(**named)["UploadId"], PartNumber=1, Body=BODY)
    assert (part["ETag"], "ChecksumCRC32" in part) == (ETAG, checksums == "when_supported")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksum_algorithms(s3: Any, bucket: str, algorithm: str) -> None:
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="key", Body=BODY, ChecksumAlgorithm=algorithm)
    again = s3.put_object(Bucket=bucket, Key="key", Body=BODY, **{member: put[member]})
    assert again[member] == put[member]
    wrong = put[member].swapcase()
    refused("BadDigest", s3.put_object, Bucket=bucket, Key="wrong", Body=BODY, **{member: wrong})
    refused("404", s3.head_object, Bucket=bucket, Key="wrong")


def test_content_md5(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"hello", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")
    refused("BadDigest", s3.put_object, Bucket=bucket, Key="k", Body=b"hullo", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")


def test_virtual_hosted_style(served: Host, clients: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.server is not None
    resolving_to_loopback(monkeypatch, DOMAIN)
    endpoint = f"http://{DOMAIN}:{served.server.port}"
    s3 = clients(served, endpoint_url=endpoint, s3={"addressing_style": "virtual"})
    bucket, hosts = new_bucket(s3), []
    s3.meta.events.register("before-send.s3", lambda request, **_: hosts.append(request.url))
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"virtual")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"virtual"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/b"]
    assert all(url.startswith(f"http://{bucket}.{DOMAIN}:{served.server.port}/") for url in hosts)
    assert [item["Name"] for item in clients(served).list_buckets(Prefix=bucket)["Buckets"]] == [bucket]
