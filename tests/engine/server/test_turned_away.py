"""Requests of ordinary clients that were once refused: what S3 takes is taken, over the whole way from the signature to the store."""

import base64
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine import Store
from engine.checksums import ALGORITHMS
from engine.native.stream import available
from engine.s3.http import Request
from engine.server.application import Application
from engine.server.options import ServerOptions
from tests.support.chunks import RawBody
from tests.support.signing import UNSIGNED, Form, presign_v2, quote, sign, verifier, with_header
from tests.support.uploads import begin, read

BODY = b"hello"
NOTHING = {each.header: base64.b64encode(each.of(b"")).decode() for each in ALGORITHMS if available(each.digest)}
"""The checksum of an empty body, which SDKs put into the query of what they presign."""
CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()


class Body(RawBody):
    length: int | None = len(BODY)
    at_end = True

    def has_client_left(self) -> bool:
        return False


@pytest.fixture
def send(tiny: Store, bucket: str) -> Callable[[Request], tuple[int, str]]:
    application = Application(tiny, verifier(), lambda identity, action, resource: True, ServerOptions(region=None))

    def send(request: Request, body: bytes = BODY) -> tuple[int, str]:
        raw = Body(body)
        raw.length = len(body)
        response = application.handle(request, raw)
        assert isinstance(response.body, bytes)
        return response.status, (re.search("<Code>(.*?)</Code>", response.body.decode()) or ("", ""))[1]

    return send


Send = Callable[..., tuple[int, str]]


def presign(version: str, path: str, query: str, moved: dict[str, str]) -> Request:
    """A PUT to a presigned URL with these headers in its query, where each version signs them in its own way."""
    if version == "2":
        return presign_v2("PUT", path, query, list(moved.items()))
    items = (f"{name}={quote(value)}" for name, value in moved.items())
    return sign("PUT", path, "&".join(filter(None, (query, *items))), form="query")


@pytest.mark.parametrize("version", ["2", "4"])
@pytest.mark.parametrize("header", NOTHING)
def test_the_checksum_of_nothing_in_a_presigned_url_is_not_compared(
    tiny: Store, bucket: str, send: Send, version: str, header: str
) -> None:
    name = header.removeprefix("x-amz-checksum-").upper()
    moved = {header: NOTHING[header], "x-amz-sdk-checksum-algorithm": name}
    assert send(presign(version, "/bucket/key", "", moved)) == (200, "")
    assert read(tiny, bucket, "key") == BODY
    for algorithm in (None, name):
        upload = begin(tiny, bucket, "part", checksum_algorithm=algorithm)
        items = f"partNumber=1&uploadId={upload.upload_id}"
        assert send(presign(version, "/bucket/part", items, moved)) == (200, ""), algorithm
        assert tiny.list_parts(bucket, "part", upload.upload_id).parts[0].size == len(BODY)


def test_another_algorithm_than_the_uploads_is_no_checksum_of_its_parts(tiny: Store, bucket: str, send: Send) -> None:
    moved = {"x-amz-checksum-crc32": NOTHING["x-amz-checksum-crc32"]}
    for algorithm, kind, answer in (
        ("SHA256", "COMPOSITE", (400, "InvalidRequest")),
        ("CRC64NVME", "FULL_OBJECT", (200, "")),
    ):
        upload = begin(tiny, bucket, "key", checksum_algorithm=algorithm, checksum_type=kind)
        items = f"partNumber=1&uploadId={upload.upload_id}"
        assert send(presign("4", "/bucket/key", items, moved)) == answer


@pytest.mark.parametrize("form", ["header", "query"])
def test_a_checksum_in_a_header_is_compared_whatever_the_query_says(send: Send, form: Form) -> None:
    nothing = "AAAAAA=="
    for value, answer in ((CRC32, (200, "")), (nothing, (400, "BadDigest"))):
        assert send(sign("PUT", "/bucket/key", headers=[("x-amz-checksum-crc32", value)], form=form)) == answer
    moved = f"x-amz-checksum-sha256={quote(NOTHING['x-amz-checksum-sha256'])}"
    request = sign("PUT", "/bucket/key", moved, [("x-amz-checksum-crc32", nothing)], form="query")
    assert send(request) == (400, "BadDigest")


def test_a_checksum_of_a_document_in_a_presigned_url_is_compared(send: Send) -> None:
    """Whoever presigned had the document at hand."""
    document = b"<Delete><Object><Key>key</Key></Object></Delete>"
    right = quote(base64.b64encode(zlib.crc32(document).to_bytes(4, "big")).decode())
    for value, answer in ((right, (200, "")), ("AAAAAA%3D%3D", (400, "BadDigest"))):
        request = sign("POST", "/bucket", f"delete=&x-amz-checksum-crc32={value}", form="query")
        assert send(request, document) == answer


def test_content_type_need_not_be_signed_and_content_md5_must_be(tiny: Store, bucket: str, send: Send) -> None:
    assert send(with_header(sign("PUT", "/bucket/key"), "content-type", "text/plain")) == (200, "")
    assert tiny.head_object(bucket, "key").content_type == "text/plain"
    md5 = "XUFAKrxLKna5cZ2REBfFkg=="
    assert send(with_header(sign("PUT", "/bucket/key"), "content-md5", md5)) == (403, "AccessDenied")
    assert send(sign("PUT", "/bucket/key", headers=[("content-md5", md5)])) == (200, "")


@pytest.mark.parametrize("form", ["header", "query"])
def test_an_empty_acl_is_none(tiny: Store, bucket: str, send: Send, form: Form) -> None:
    headers = [("x-amz-acl", "")]
    assert send(sign("PUT", "/bucket/key", headers=headers, form=form)) == (200, "")
    assert send(sign("POST", "/bucket/key", "uploads=", headers, form=form)) == (200, "")
    assert (
        send(sign("PUT", "/bucket/copy", headers=[*headers, ("x-amz-copy-source", "bucket/key")], form=form))[0] == 200
    )
    assert send(sign("PUT", "/another-bucket", headers=headers, form=form), b"") == (200, "")
    assert send(sign("PUT", "/bucket/key", headers=[("x-amz-acl", "nobody")], form=form)) == (400, "InvalidArgument")


def test_an_empty_acl_needs_no_permission_for_acls(tiny: Store, bucket: str) -> None:
    asked: list[str] = []

    def may(_identity: Any, action: str, _resource: str) -> bool:
        asked.append(action)
        return True

    request = sign("PUT", "/bucket/key", headers=[("x-amz-acl", "")])
    assert Application(tiny, verifier(), may, ServerOptions(region=None)).handle(request, Body(BODY)).status == 200
    assert asked == ["s3:PutObject"]


@pytest.mark.parametrize(
    "form", ["{0}{1}", '"{0}{1}"', "&quot;{0}{1}&quot;", '""{0}{1}""', '"{0}{1}', '{0}{1}"', '"""{0}"{1}"', '{0}""{1}']
)
def test_every_quote_in_a_listed_etag_is_dropped(tiny: Store, bucket: str, send: Send, form: str) -> None:
    upload = begin(tiny, bucket, "key")
    etag = tiny.upload_part(bucket, "key", upload.upload_id, 1, BODY).etag.strip('"')
    listed = form.format(etag[:9].upper(), etag[9:])
    document = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{listed}</ETag></Part></CompleteMultipartUpload>"
    request = sign("POST", "/bucket/key", f"uploadId={upload.upload_id}", payload=UNSIGNED)
    assert send(request, document.encode()) == (200, "")
    assert send(request, document.encode()) == (200, "")  # and again: the list is the same
    other = begin(tiny, bucket, "key")
    tiny.upload_part(bucket, "key", other.upload_id, 1, b"another body")
    assert send(sign("POST", "/bucket/key", f"uploadId={other.upload_id}"), document.encode()) == (400, "InvalidPart")


def test_presigned_by_version_2_and_unchanged_is_served(tiny: Store, bucket: str, send: Send) -> None:
    headers = [("x-amz-meta-town", "Basel"), ("x-amz-storage-class", "STANDARD_IA"), ("content-type", "text/plain")]
    assert send(presign_v2("PUT", "/bucket/a%20key", headers=headers)) == (200, "")
    stored = tiny.head_object(bucket, "a key")
    assert (stored.metadata, stored.storage_class, stored.content_type) == (
        {"town": "Basel"},
        "STANDARD_IA",
        "text/plain",
    )
    source = presign_v2("PUT", "/bucket/copy", headers=[("x-amz-copy-source", "bucket/a%20key")])
    assert send(source)[0] == 200
    assert read(tiny, bucket, "copy") == BODY
    assert send(replace(source, raw_path=b"/bucket/other")) == (403, "SignatureDoesNotMatch")
