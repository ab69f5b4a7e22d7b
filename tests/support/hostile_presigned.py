"""Hostile requests, the part about URLs presigned by Signature Version 2: honestly signed, then changed by someone without the key."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.s3.http import Request
from engine.s3.model import OPERATIONS
from tests.support.signing import change_query, presign_v2, quote, sign, with_header, without_header

Case = tuple[str, Request, set[str]]
FORGED = {"SignatureDoesNotMatch"}
MISPLACED = FORGED | {"InvalidArgument", "InvalidRequest", "MethodNotAllowed", "InvalidURI", "NotImplemented"}
"""The errors of requests that ask for no operation, or for another one than before: those come before the signature's."""
SUBRESOURCES = sorted({name for each in OPERATIONS.values() for name, value in each.literals if value is None})
OVERRIDES = [
    f"response-{name}"
    for name in (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    )
]


def added(request: Request, item: str) -> Request:
    """The request with one more item of its query, as it is encoded."""
    return replace(request, raw_query=request.raw_query + b"&" + item.encode())


def v2_claims(method: str, path: str, query: str, headers: Mapping[str, str]) -> Iterator[Case]:
    """All of them for one operation; `headers` are those that must not be obeyed unsigned."""

    def signed(headers: tuple[tuple[str, str], ...] = (), **options: Any) -> Request:
        return presign_v2(method, path, query, headers, **options)

    yield from _claims(signed(), method, path, query)
    yield "another secret", signed(secret="guess"), FORGED
    yield "unknown access key", signed(access_key="AKIAUNKNOWN"), {"InvalidAccessKeyId"}
    yield "expired", signed(expires=-1), {"AccessDenied"}
    yield "a token that nobody gave", signed(token="token"), {"InvalidToken"}
    yield from _headers(signed(), headers)
    yield from _headers_in_the_query(
        signed((("x-amz-meta-a", "one"), ("x-amz-tagging", "two"), ("content-type", "a/b")))
    )
    yield from _places(signed(), method)
    yield from _bodies(signed)


def _claims(honest: Request, method: str, path: str, query: str) -> Iterator[Case]:
    values = {name: quote(value) for name, value in honest.query}
    for name in ("AWSAccessKeyId", "Signature", "Expires"):
        yield f"{name} left out", change_query(honest, name, None), {"AccessDenied"}
        yield f"{name} empty", change_query(honest, name, ""), {"AccessDenied"}
        yield f"{name} doubled", added(honest, f"{name}={values[name]}"), {"AccessDenied"}
        lower = honest.raw_query.replace(name.encode(), name.lower().encode())
        yield f"{name} in lower case", replace(honest, raw_query=lower), {"AccessDenied"}
    for text in ("x", "-1", "+1", "1.5", "1e9", "%20" + values["Expires"], "253402300800", "9" * 30, "%D9%A3"):
        yield f"expires {text}", change_query(honest, "Expires", text), {"AccessDenied"}
    for text in (str(int(values["Expires"]) + 1), "0" + values["Expires"], "253402300799"):
        yield f"expires {text}", change_query(honest, "Expires", text), FORGED
    signature = dict(honest.query)["Signature"]
    for text in ("x", signature[:-1], signature + "=", signature.swapcase(), "%00", "A" * 27 + "=", signature * 2):
        yield f"signature {text}", change_query(honest, "Signature", quote(text) if text != "%00" else text), FORGED
    yield "a claim in the header too", with_header(honest, "authorization", "AWS a:b"), {"InvalidArgument"}
    both = sign(method, path, query)
    yield "an honest header too", replace(both, raw_query=honest.raw_query), {"InvalidArgument"}
    for item in ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Signature=0", "X-Amz-Credential=a", "x-amz-signature=0"):
        yield f"{item} too", added(honest, item), {"InvalidArgument"}
    v4 = sign(method, path, query, form="query")
    yield "an honest URL of Version 4 too", added(honest, v4.raw_query.decode()), {"InvalidArgument"}
    yield (
        "in the header",
        with_header(replace(honest, raw_query=query.encode()), "authorization", f"AWS a:{signature}"),
        {"InvalidRequest"},
    )


def _headers(honest: Request, headers: Mapping[str, str]) -> Iterator[Case]:
    """Headers that S3 reads, added as headers and in the query."""
    for name, value in headers.items():
        codes = FORGED | MISPLACED if name == "x-amz-copy-source" else FORGED
        yield f"header {name} added", with_header(honest, name, value), codes
        yield f"item {name} added", added(honest, f"{name}={quote(value)}"), codes
        upper = added(honest, f"{name.title()}={quote(value)}")
        yield f"item {name.title()} added", upper, codes
    for name in ("content-md5", "content-type", "x-amz-date", "x-amz-content-sha256"):
        yield f"header {name} added", with_header(honest, name, "rL0Y20zC+Fzt72VPzMSk2A=="), FORGED


def _headers_in_the_query(honest: Request) -> Iterator[Case]:
    for name, value in (
        ("x-amz-meta-a", "two"),
        ("x-amz-tagging", "one"),
        ("x-amz-meta-a", None),
        ("x-amz-tagging", None),
    ):
        yield f"{name} {value}", change_query(honest, name, value), FORGED
        if value is not None:
            yield f"{name} {value} in a header", with_header(honest, name, value), FORGED
    yield "x-amz-meta-a twice", added(honest, "x-amz-meta-a=two"), FORGED
    yield "another type", replace(honest, headers=(*honest.headers[:1], ("content-type", "text/html"))), FORGED
    yield "no type", without_header(honest, "content-type"), FORGED
    folded = added(change_query(change_query(honest, "x-amz-tagging", None), "x-amz-meta-a", None), "x-amz-meta-a=")
    for end in ("%0A", "%0D%0A", "%0D"):
        one = replace(folded, raw_query=folded.raw_query + b"one" + end.encode() + b"x-amz-tagging:two")
        yield f"two headers folded into one by {end}", one, {"InvalidRequest"}


def _places(honest: Request, method: str) -> Iterator[Case]:
    """The resource: another path, a sub-resource or an override added or changed, another method."""
    for path in (
        "/", "/bucket", "/bucket/", "/bucket/other", "/other/a%20key", "/bucket/a%2520key", "/bucket/a+key", "/bucket/a%20key/",
        "/bucket//a%20key", "//bucket/a%20key", "/bucket/./a%20key", "/bucket/A%20key", "/bucket/a%20key%3Facl", "/bucket/a%20key%00",
    ):  # fmt: skip
        yield f"path {path}", replace(honest, raw_path=path.encode()), MISPLACED
    for path in (b"/bucket/%FF", b"/bucket/%zz"):
        yield f"path {path!r}", replace(honest, raw_path=path), {"InvalidURI"}
    for name in SUBRESOURCES:
        for item in (name, f"{name}=", f"{name}=1", f"%{ord(name[0]):02X}{name[1:]}"):
            yield f"{item} added", added(honest, item), MISPLACED
    for name in (*OVERRIDES, "versionId", "partNumber", "uploadId"):
        yield f"{name} added", added(honest, f"{name}=x"), MISPLACED
    items = dict(honest.query)
    for name in items.keys() & {"partNumber", "uploadId", "uploads"}:
        for value in ("2", "", None):
            changed = honest_without(honest, name) if value is None else change_query(honest, name, value)
            if changed.query != honest.query:
                yield f"{name} {value}", changed, MISPLACED
    for other in {"PUT", "POST", "GET", "HEAD", "DELETE"} - {method}:
        yield f"method {other}", replace(honest, method=other), MISPLACED


def honest_without(request: Request, name: str) -> Request:
    """The request without an item that has no value."""
    kept = [item for item in request.raw_query.split(b"&") if item.split(b"=")[0] != name.encode()]
    return replace(request, raw_query=b"&".join(kept))


def _bodies(signed: Any) -> Iterator[Case]:
    """What a presigned URL may not say of a body."""
    name = "x-amz-content-sha256"
    for value in ("x", "0" * 63):
        yield f"payload {value}", signed(((name, value),)), {"InvalidArgument"}
    modes = ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    for mode, where in itertools.product(modes, ("query", "header")):
        request = signed(((name, mode),))
        if where == "header":
            request = with_header(request, name, mode)
        yield f"{mode} in the {where}", request, {"AuthorizationQueryParametersError"}
