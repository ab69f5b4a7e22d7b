"""boto3's multipart family call by call, over every host."""

import base64
import hashlib
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.uploads import etag_of, part_etag_of
from tests.system.clients.hosts import Host

MIB = 1024 * 1024
PARTS = {number: bytes([number]) * (5 * MIB if number != 9 else 1000) for number in (2, 5, 9)}


def open_upload(s3: Any, bucket: str, key: str = "key", **members: Any) -> dict[str, Any]:
    """The three members that every call about an upload takes."""
    created = s3.create_multipart_upload(Bucket=bucket, Key=key, **members)
    assert (created["Bucket"], created["Key"]) == (bucket, key)
    return {"Bucket": bucket, "Key": key, "UploadId": created["UploadId"]}


def listed(parts: dict[int, str]) -> dict[str, Any]:
    return {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts.items()]}


def test_multipart_upload(s3: Any, bucket: str) -> None:
    upload = open_upload(s3, bucket, "dir/ö", Metadata={"a": "1"}, ContentType="text/plain")
    etags = {}
    for number in sorted(PARTS, reverse=True):
        s3.upload_part(**upload, PartNumber=number, Body=b"an earlier attempt")
        etags[number] = s3.upload_part(**upload, PartNumber=number, Body=PARTS[number])["ETag"]
        assert etags[number] == part_etag_of(PARTS[number])
    pages = list(s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2}))
    assert [[part["PartNumber"] for part in page["Parts"]] for page in pages] == [[2, 5], [9]]
    assert [part["Size"] for page in pages for part in page["Parts"]] == [5 * MIB, 5 * MIB, 1000]
    complete = {**upload, "MultipartUpload": listed(dict(sorted(etags.items())))}
    answer = s3.complete_multipart_upload(**complete)
    etag = etag_of(*PARTS.values())
    assert (answer["Bucket"], answer["Key"], answer["ETag"]) == (bucket, "dir/ö", etag)
    assert urllib.parse.urlsplit(answer["Location"]).path.endswith("/dir/%C3%B6")
    assert urllib.parse.urlsplit(answer["Location"]).scheme in ("http", "https")
    assert s3.complete_multipart_upload(**complete)["ETag"] == etag
    got = s3.get_object(Bucket=bucket, Key="dir/ö")
    assert got["Body"].read() == b"".join(PARTS.values())
    assert (got["ETag"], got["Metadata"], got["ContentType"]) == (etag, {"a": "1"}, "text/plain")


def test_read_by_part_number(s3: Any, bucket: str) -> None:
    upload = open_upload(s3, bucket)
    etags = {number: s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"] for number, body in PARTS.items()}
    s3.complete_multipart_upload(**upload, MultipartUpload=listed(etags))
    got = s3.get_object(Bucket=bucket, Key="key", PartNumber=3)
    assert (got["Body"].read(), got["PartsCount"]) == (PARTS[9], 3)
    assert got["ContentRange"] == f"bytes {10 * MIB}-{10 * MIB + 999}/{10 * MIB + 1000}"
    assert s3.head_object(Bucket=bucket, Key="key", PartNumber=1)["ContentLength"] == 5 * MIB
    straddling = s3.get_object(Bucket=bucket, Key="key", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")
    assert straddling["Body"].read() == b"\2\2\5\5"


def test_abort(s3: Any, bucket: str) -> None:
    upload = open_upload(s3, bucket)
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    assert s3.abort_multipart_upload(**upload)["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (s3.abort_multipart_upload, s3.list_parts):
        with pytest.raises(ClientError) as caught:
            call(**upload)
        assert caught.value.response["Error"]["Code"] == "NoSuchUpload"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_list_multipart_uploads(s3: Any, bucket: str) -> None:
    keys = ["a/1", "a/2", "b", "b", "c"]
    uploads = [open_upload(s3, bucket, key) for key in keys]
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    found = [(upload["Key"], upload["UploadId"]) for page in pages for upload in page["Uploads"]]
    assert found == [(upload["Key"], upload["UploadId"]) for upload in uploads]
    assert len(pages) == 3
    grouped = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", MaxUploads=3)
    assert [prefix["Prefix"] for prefix in grouped["CommonPrefixes"]] == ["a/"]
    assert ([upload["Key"] for upload in grouped["Uploads"]], grouped["IsTruncated"]) == (["b", "b"], True)
    assert grouped["Uploads"][0]["Initiator"]["ID"]


def test_complete_with_part_checksums(host: Host, clients: Callable[..., Any], bucket: str) -> None:
    """What boto3 sends by default: an algorithm with Create, values with the parts, and both again in Complete's list."""
    s3 = clients(host)
    upload = open_upload(s3, bucket, ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE")
    parts = []
    for number, body in enumerate(PARTS.values(), 1):
        value = base64.b64encode(hashlib.sha256(body).digest()).decode()
        answer = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        assert answer["ChecksumSHA256"] == value
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": value})
    answer = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert answer["ETag"] == etag_of(*PARTS.values())


def test_content_md5_of_a_part(s3: Any, bucket: str) -> None:
    upload = open_upload(s3, bucket)
    md5 = base64.b64encode(hashlib.md5(b"part").digest()).decode()
    s3.upload_part(**upload, PartNumber=1, Body=b"part", ContentMD5=md5)
    with pytest.raises(ClientError) as caught:
        s3.upload_part(**upload, PartNumber=1, Body=b"other", ContentMD5=md5)
    assert caught.value.response["Error"]["Code"] == "BadDigest"
    assert [part["Size"] for part in s3.list_parts(**upload)["Parts"]] == [4]
