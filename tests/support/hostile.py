"""Requests that must be refused: each one that was honestly signed, and then changed by someone without the key (or signed wrongly)."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from engine.s3.http import Request
from tests.support.hostile_claims import (
    BODY,
    FORGED,
    HASH,
    LENGTH,
    MODES,
    Case,
    Target,
    forged,
    header_claims,
    query_claims,
    scopes,
)
from tests.support.hostile_presigned import v2_claims
from tests.support.signing import UNSIGNED, Form, change_header, change_query, with_header, without_header

__all__ = ["BODY", "FORMS", "HASH", "TARGETS", "UNSIGNED_HEADERS", "UPLOAD", "Hostile", "hostile_requests"]

FORMS: tuple[Form, ...] = ("header", "query")
UPLOAD = "UPLOAD-ID"
TARGETS = {
    "PutObject": ("PUT", "/bucket/a%20key", ""),
    "UploadPart": ("PUT", "/bucket/a%20key", f"partNumber=1&uploadId={UPLOAD}"),
    "CreateMultipartUpload": ("POST", "/bucket/a%20key", "uploads="),
}

UNSIGNED_HEADERS = {
    "x-amz-acl": "public-read",
    "x-amz-bucket-object-lock-enabled": "true",
    "x-amz-bypass-governance-retention": "true",
    "x-amz-checksum-algorithm": "CRC32",
    "x-amz-checksum-crc32": "AAAAAA==",
    "x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "x-amz-checksum-type": "FULL_OBJECT",
    "x-amz-copy-source": "/bucket/secret",
    "x-amz-copy-source-if-match": '"etag"',
    "x-amz-copy-source-range": "bytes=0-9",
    "x-amz-copy-source-server-side-encryption-customer-key": "a2V5",
    "x-amz-decoded-content-length": "9",
    "x-amz-expected-bucket-owner": "123456789012",
    "x-amz-grant-full-control": 'id="1"',
    "x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"',
    "x-amz-grant-read-acp": 'id="1"',
    "x-amz-grant-write-acp": 'id="1"',
    "x-amz-if-match-size": "0",
    "x-amz-meta-": "no name",
    "x-amz-meta-a": "b",
    "x-amz-mfa": "1 2",
    "x-amz-mp-object-size": "9",
    "x-amz-object-lock-legal-hold": "ON",
    "x-amz-object-lock-mode": "COMPLIANCE",
    "x-amz-object-lock-retain-until-date": "2030-01-01T00:00:00Z",
    "x-amz-object-ownership": "ObjectWriter",
    "x-amz-request-payer": "requester",
    "x-amz-sdk-checksum-algorithm": "CRC32",
    "x-amz-security-token": "token",
    "x-amz-server-side-encryption": "AES256",
    "x-amz-server-side-encryption-aws-kms-key-id": "key",
    "x-amz-server-side-encryption-bucket-key-enabled": "true",
    "x-amz-server-side-encryption-context": "e30=",
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-server-side-encryption-customer-key": "a2V5",
    "x-amz-server-side-encryption-customer-key-md5": "bWQ1",
    "x-amz-source-expected-bucket-owner": "123456789012",
    "x-amz-storage-class": "GLACIER",
    "x-amz-tagging": "a=b",
    "x-amz-tagging-directive": "REPLACE",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "x-amz-website-redirect-location": "https://evil.example/",
    "x-amz-write-offset-bytes": "0",
    "x-amz-unheard-of": "1",
}
"""All that S3 reads from headers, and some that it does not; any of them obeyed unsigned would be a hole."""


@dataclass(frozen=True)
class Hostile:
    """A request, and the codes with which it may be refused; `unsigned` is what HeadersNotSigned must name."""

    name: str
    request: Request
    codes: frozenset[str]
    unsigned: str | None = None


def hostile_requests(upload_id: str) -> Iterator[Hostile]:
    """All of them, for an upload that exists."""
    for operation, (method, path, query) in TARGETS.items():
        for name, request, codes in v2_claims(method, path, query.replace(UPLOAD, upload_id), UNSIGNED_HEADERS):
            yield Hostile(f"{operation} presigned by Version 2: {name}", request, frozenset(codes))
    for (operation, (method, path, query)), form in itertools.product(TARGETS.items(), FORMS):
        target = Target(operation, form, method, path, query.replace(UPLOAD, upload_id))
        for kind in (unsigned_headers, forged, bodies, places, signed_headers, scopes):
            for name, request, codes, *unsigned in kind(target):
                yield Hostile(f"{operation} {form}: {name}", request, frozenset(codes), *unsigned)
        for name, request, codes in (header_claims if form == "header" else query_claims)(target):
            yield Hostile(f"{operation} {form}: {name}", request, frozenset(codes))


def unsigned_headers(target: Target) -> Iterator[tuple[Any, ...]]:
    """Row 1 of the known holes: Ceph RGW CVE-2026-54330, s3s GHSA-94jf-pgr5-43m6, RustFS GHSA-g8w9-qw9q-fghr and others."""
    honest = target.signed()
    for name, value in UNSIGNED_HEADERS.items():
        yield f"unsigned {name}", with_header(honest, name, value), {"AccessDenied"}, name
    two = with_header(with_header(honest, "x-amz-tagging", "a=b"), "x-amz-acl", "private")
    yield "two unsigned", two, {"AccessDenied"}, "x-amz-acl, x-amz-tagging"
    if target.form == "header":
        yield (
            "unsigned content-md5",
            with_header(honest, "content-md5", "rL0Y20zC+Fzt72VPzMSk2A=="),
            {"AccessDenied"},
            "content-md5",
        )
    else:
        for value in (HASH, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x"):
            name = "x-amz-content-sha256"
            yield f"unsigned {name}: {value}", with_header(honest, name, value), {"AccessDenied"}, name
        yield (
            "unsigned x-amz-date",
            with_header(honest, "x-amz-date", "20260101T000000Z"),
            {"AccessDenied"},
            "x-amz-date",
        )


def bodies(target: Target) -> Iterator[Case]:
    """What is said of the body: unknown, asymmetric, changed after signing, or not to be had in a presigned URL."""
    name = "x-amz-content-sha256"
    for value in (
        "",
        "x",
        "unsigned-payload",
        "STREAMING",
        "STREAMING-AWS4-HMAC-SHA512-PAYLOAD",
        HASH[:-1],
        HASH + "0",
        "g" * 64,
    ):
        headers = ((name, value),) if target.form == "query" else ()
        if value or target.form == "header":
            yield f"payload {value!r}", target.signed(headers, payload=value), {"InvalidArgument"}
    for value in ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"):
        headers = ((name, value),) if target.form == "query" else ()
        yield f"payload {value}", target.signed(headers, payload=value), {"NotImplemented"}
    if target.form == "header":
        yield "payload not said", without_header(target.signed(), name), {"InvalidRequest"}
        for mode, other in itertools.permutations(MODES, 2):
            honest = target.signed(LENGTH, payload=mode)
            yield f"{mode} for {other}", change_header(honest, name, lambda _, other=other: other), FORGED
        yield "length not said", target.signed(payload=MODES[2]), {"MissingContentLength"}
        for length in ("", "-1", "+1", "1e3", "9" * 20, " "):
            headers = (("x-amz-decoded-content-length", length),)
            yield f"length {length!r}", target.signed(headers, payload=MODES[2]), {"InvalidArgument"}
        for mode in (UNSIGNED, HASH, MODES[3]):
            headers = (*LENGTH, ("x-amz-trailer", "x-amz-checksum-crc32"))
            yield f"trailer with {mode}", target.signed(headers, payload=mode), {"MalformedTrailerError"}
    else:
        for mode in MODES[2:]:
            headers = (*LENGTH, (name, mode))
            yield f"presigned {mode}", target.signed(headers, payload=mode), {"AuthorizationQueryParametersError"}


def places(target: Target) -> Iterator[Case]:
    """Row 7: signed for one path, query or method, sent with another. s3-proxy CVE-2026-42882, RGW CVE-2022-3854."""
    honest = target.signed()
    for path in (
        "/", "/bucket", "/bucket/", "/bucket/other", "/other/a%20key", "/bucket/a%2520key", "/bucket/a+key", "/bucket/a%20key/",
        "/bucket//a%20key", "//bucket/a%20key", "/bucket/./a%20key", "/bucket/x/../a%20key", "/bucket/a%20key%00",
        "/bucket/A%20key", "/Bucket/a%20key", "/bucket/a%20key%20", "/bucket%252Fa%20key", "/bucket/a%20key;x", "/bucket/a%20key%3F",
        "/bucket/a%C2%A0key", "/bucket/a key%0A",
    ):  # fmt: skip
        codes = FORGED | {
            "InvalidURI",
            "InvalidRequest",
            "MethodNotAllowed",
            "InvalidArgument",
            "NoSuchBucket",
            "AccessDenied",
        }
        yield f"path {path}", replace(honest, raw_path=path.encode()), codes - {"AccessDenied"}
    for path in (b"/bucket/%FF", b"/bucket/%zz", b"/bucket/%", b"/bucket/%C0%AF"):
        yield f"path {path!r}", replace(honest, raw_path=path), {"InvalidURI"}
    for item in (
        "x=y",
        "versionId=1",
        "response-content-type=text%2Fhtml",
        "%20=",
        "x-id=PutObject",
        "prefix=a+b",
        "=x",
    ):
        raw = b"&".join(filter(None, (honest.raw_query, item.encode())))
        yield f"query with {item}", replace(honest, raw_query=raw), FORGED
    for item in ("%FF", "a=%", "a=%zz"):
        raw = b"&".join(filter(None, (honest.raw_query, item.encode())))
        yield f"query with {item}", replace(honest, raw_query=raw), {"InvalidURI"}
    for method in {"PUT", "POST", "GET", "HEAD", "DELETE"} - {target.method}:
        yield (
            f"method {method}",
            replace(honest, method=method),
            FORGED | {"InvalidArgument", "InvalidRequest", "MethodNotAllowed"},
        )
    if target.operation == "UploadPart":
        for name, value in (("partNumber", "2"), ("partNumber", None), ("uploadId", "other"), ("uploadId", None)):
            yield f"{name} {value}", change_query(honest, name, value), FORGED | {"InvalidArgument"}


def signed_headers(target: Target) -> Iterator[Case]:
    """Headers that are signed: changed, taken away, doubled."""
    names = ("x-amz-meta-a", "x-amz-storage-class", "content-md5", "content-type", "x-amz-tagging")
    honest = target.signed(tuple((name, "one") for name in names))
    for name in (*names, "host"):
        for change in (
            lambda value: value + "x",
            lambda _: "",
            lambda value: value.upper() + "1",
            lambda value: f"{value},{value}",
        ):
            yield f"{name} changed", change_header(honest, name, change), FORGED
        yield f"{name} taken away", without_header(honest, name), FORGED
        doubled = with_header(honest, name, honest.headers_named(name)[0])
        yield f"{name} doubled", doubled, FORGED | {"InvalidRequest"}
    swapped = change_header(change_header(honest, "x-amz-meta-a", lambda _: "two"), "x-amz-tagging", lambda _: "one")
    yield "one of two changed", swapped, FORGED
