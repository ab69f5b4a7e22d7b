"""boto3's transfer manager and presigned URLs, over every host."""

import hashlib
import io
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host

MIB = 1024 * 1024
BODY = hashlib.shake_256(b"partwright").digest(MIB) * 12 + b"tail"
SMALL_PARTS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)


@pytest.mark.parametrize("checksums", ["when_supported", "when_required"])
def test_upload_and_download_files(host: Host, clients: Callable[..., Any], tmp_path: Path, checksums: str) -> None:
    s3 = clients(host, request_checksum_calculation=checksums)
    bucket, source, target = new_bucket(s3), tmp_path / "source", tmp_path / "target"
    source.write_bytes(BODY)
    s3.upload_file(str(source), bucket, "key", Config=SMALL_PARTS, ExtraArgs={"Metadata": {"a": "1"}})
    s3.download_file(bucket, "key", str(target), Config=SMALL_PARTS)
    assert target.read_bytes() == BODY
    head = s3.head_object(Bucket=bucket, Key="key")
    assert (head["Metadata"], head["ETag"][-3:]) == ({"a": "1"}, '-3"')


def test_upload_and_download_file_objects(s3: Any, bucket: str) -> None:
    s3.upload_fileobj(Unseekable(BODY), bucket, "key", Config=SMALL_PARTS)
    target = io.BytesIO()
    s3.download_fileobj(bucket, "key", target, Config=SMALL_PARTS)
    assert target.getvalue() == BODY
    s3.copy({"Bucket": bucket, "Key": "key"}, bucket, "copy", Config=TransferConfig(multipart_threshold=len(BODY) + 1))
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == len(BODY)


class Unseekable:
    """A stream whose length nobody knows before its end."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def read(self, size: int = -1, /) -> bytes:
        return self._body.read(size)


def test_presigned_urls(any_server: Host, clients: Callable[..., Any]) -> None:
    s3 = clients(any_server, signature_version="s3v4")
    bucket = new_bucket(s3)
    named = {"Bucket": bucket, "Key": "ä b/+"}
    with urllib3.PoolManager() as pool:

        def send(method: str, operation: str, body: bytes | None = None, **members: Any) -> urllib3.BaseHTTPResponse:
            url = s3.generate_presigned_url(operation, Params={**named, **members}, ExpiresIn=60)
            return pool.request(method, url, body=body)

        put = send("PUT", "put_object", b"presigned")
        assert (put.status, put.headers["etag"]) == (200, f'"{hashlib.md5(b"presigned").hexdigest()}"')
        assert send("GET", "get_object").data == b"presigned"
        upload_id = s3.create_multipart_upload(**named)["UploadId"]
        part = send("PUT", "upload_part", BODY, UploadId=upload_id, PartNumber=1)
        assert (part.status, part.headers["etag"]) == (200, f'"{hashlib.md5(BODY).hexdigest()}"')
        assert send("GET", "list_parts", UploadId=upload_id).status == 200
        assert send("DELETE", "abort_multipart_upload", UploadId=upload_id).status == 204
        assert send("HEAD", "head_object").headers["content-length"] == "9"
        assert send("DELETE", "delete_object").status == 204


def test_presigned_url_is_good_for_nothing_else(any_server: Host, clients: Callable[..., Any]) -> None:
    s3 = clients(any_server, signature_version="s3v4")
    bucket = new_bucket(s3)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "key"}, ExpiresIn=60)
    with urllib3.PoolManager() as pool:
        for method, wrong in (
            ("PUT", url),
            ("GET", url.replace("/key?", "/other?")),
            ("GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=61")),
            ("GET", url + "&max-keys=1"),
        ):
            answer = pool.request(method, wrong)
            assert (answer.status, b"<Code>SignatureDoesNotMatch</Code>" in answer.data) == (403, True)
        answer = pool.request("GET", url, headers={"x-amz-meta-a": "b"})
        assert (answer.status, b"<HeadersNotSigned>x-amz-meta-a</HeadersNotSigned>" in answer.data) == (403, True)
        assert b"<Code>NoSuchKey</Code>" in pool.request("GET", url).data


def test_presigned_url_with_headers_in_its_query(any_server: Host, clients: Callable[..., Any]) -> None:
    """As the SDKs for JavaScript and Go make it: what they would have sent as x-amz headers is in the query, and signed there."""
    s3 = clients(any_server)
    bucket = new_bucket(s3)

    def put(**items: str) -> urllib3.BaseHTTPResponse:
        assert any_server.server is not None
        query = urllib.parse.urlencode({name.replace("_", "-"): value for name, value in items.items()})
        request = AWSRequest("PUT", f"{any_server.server.endpoint}/{bucket}/key?{query}")
        credentials = Credentials(any_server.pair.access_key, any_server.pair.secret_key)
        S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=60).add_auth(request)
        with urllib3.PoolManager() as pool:
            return pool.request("PUT", request.url, body=b"0123456789")

    good = {
        "x_amz_checksum_crc32": "poTHxg==",
        "X_Amz_Meta_Camera": "M6",
        "x_amz_expected_bucket_owner": any_server.pair.account_id,
    }
    assert b"<Code>AccessDenied</Code>" in put(**good | {"x_amz_expected_bucket_owner": "999999999999"}).data
    for signed in (
        "poTHxg==",
        "AAAAAA==",
    ):  # of the body, and of an empty one, as SDKs presign it: compared with no body
        answer = put(**good | {"x_amz_checksum_crc32": signed})
        assert (answer.status, answer.data, "x-amz-checksum-crc32" in answer.headers) == (200, b"", False)
        kept = s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
        assert (kept["Body"].read(), kept["Metadata"], "ChecksumCRC32" in kept) == (
            b"0123456789",
            {"camera": "M6"},
            False,
        )
        s3.delete_object(Bucket=bucket, Key="key")
