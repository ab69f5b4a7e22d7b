"""Hostile requests, the part about the signature itself: the Authorization header and the X-Amz-* items of a presigned URL."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from engine.s3.http import Request
from tests.support.signing import REGION, UNSIGNED, Form, change_header, change_query, sign, with_header, without_header

BODY = b"a payload"
HASH = hashlib.sha256(BODY).hexdigest()
MODES = (
    UNSIGNED,
    HASH,
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
)
LENGTH = (("x-amz-decoded-content-length", str(len(BODY))),)


@dataclass(frozen=True)
class Target:
    """What an honest request would be about."""

    operation: str
    form: Form
    method: str
    path: str
    query: str

    def signed(self, headers: tuple[tuple[str, str], ...] = (), **options: Any) -> Request:
        return sign(self.method, self.path, self.query, headers, form=self.form, **options)


Case = tuple[str, Request, set[str]]
FORGED = {"SignatureDoesNotMatch"}


def forged(target: Target) -> Iterator[Case]:
    """Row 2: a signature made up, for every kind of body. MinIO CVE-2025-31489, CVE-2026-40344, CVE-2026-41145."""
    for mode in MODES:
        headers = LENGTH if mode.startswith("STREAMING") else ()
        if target.form == "query" and mode != UNSIGNED:
            headers = (*headers, ("x-amz-content-sha256", mode))
        codes = FORGED | (
            {"AuthorizationQueryParametersError"} if target.form == "query" and headers and mode != HASH else set()
        )
        yield f"wrong secret, {mode}", target.signed(headers, payload=mode, secret="guess"), codes
        request = target.signed(headers, payload=mode)
        for signature in ("0" * 64, "", "0", "f" * 63):
            missing = set() if signature else {"AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"}
            yield f"signature {signature!r}, {mode}", _resigned(request, target.form, signature), codes | missing
    yield "unknown access key", target.signed(access_key="AKIAUNKNOWN"), {"InvalidAccessKeyId"}
    yield "unknown access key, our secret", target.signed(access_key="akiatesttesttesttest"), {"InvalidAccessKeyId"}


def _resigned(request: Request, form: Form, signature: str) -> Request:
    if form == "query":
        return change_query(request, "X-Amz-Signature", signature)
    return change_header(request, "authorization", lambda value: value.rpartition("=")[0] + "=" + signature)


def scopes(target: Target) -> Iterator[Case]:
    """Credentials for another day, region or service."""
    malformed = {"AuthorizationHeaderMalformed" if target.form == "header" else "AuthorizationQueryParametersError"}
    yield "another region", target.signed(region="eu-west-1"), malformed
    honest = target.signed()
    slash = "/" if target.form == "header" else "%2F"
    date = _credential_of(honest, target.form).split(slash)[1]
    for old, new in (
        (slash + REGION, slash + "eu-west-1"), (slash + "s3", slash + "iam"), (slash + "aws4_request", slash + "aws4"),
        (date, "20250101"), (date, "x"), (date, ""), (date + slash, ""), (slash + "s3", ""), (slash + REGION, slash),
        (slash + "aws4_request", slash + "aws4_request" + slash + "x"),
    ):  # fmt: skip
        yield (
            f"{old} for {new}",
            _recredentialed(honest, target.form, lambda text, old=old, new=new: text.replace(old, new)),
            malformed,
        )
    empty = _recredentialed(honest, target.form, lambda text: text[text.index(slash) :])
    yield "no access key", empty, malformed


def _credential_of(request: Request, form: Form) -> str:
    text = (request.header("authorization") or "") if form == "header" else request.raw_query.decode()
    name = "Credential=" if form == "header" else "X-Amz-Credential="
    return text.split(name)[1].split("," if form == "header" else "&")[0]


def _recredentialed(request: Request, form: Form, change: Callable[[str], str]) -> Request:
    old = _credential_of(request, form)
    if form == "header":
        return change_header(request, "authorization", lambda value: value.replace(old, change(old)))
    return change_query(request, "X-Amz-Credential", change(old))


def header_claims(target: Target) -> Iterator[Case]:
    """The Authorization header itself."""
    honest = target.signed((("x-amz-meta-a", "b"),))
    authorization = honest.header("authorization") or ""
    scheme, rest = authorization.split(" ", 1)
    parts = rest.split(", ")
    malformed = {"AuthorizationHeaderMalformed"}
    for value in (
        scheme, f"{scheme} ", f"{scheme} x", ", ".join(parts), f"{scheme} {parts[0]}", f"{scheme} {parts[0]}, {parts[1]}",
        f"{scheme} {rest}, {parts[2]}", f"{scheme} {rest}, Other=1", f"{scheme} {rest},", f"{scheme} {rest.lower()}",
        f"{scheme} {parts[0]} {parts[1]} {parts[2]}", f"{scheme} {rest.replace('host;', 'host;;')}",
        f"{scheme} {rest.replace('host;', 'Host;')}", f"{scheme} {rest.replace('host;', 'host;host;')}",
    ):  # fmt: skip
        yield (
            f"authorization {value[:60]}",
            change_header(honest, "authorization", lambda _, value=value: value),
            malformed | {"InvalidArgument"},
        )
    for other in ("AWS AKIA:sig", "AWS4-ECDSA-P256-SHA256 " + rest):
        yield other[:30], change_header(honest, "authorization", lambda _, other=other: other), {"InvalidRequest"}
    for other in ("Basic dXNlcjpwYXNz", "Bearer token", "", scheme.lower() + " " + rest, "AWS4-HMAC-SHA512 " + rest):
        yield other[:30], change_header(honest, "authorization", lambda _, other=other: other), {"InvalidArgument"}
    for drop in ("host;", "x-amz-meta-a;", ";x-amz-meta-a"):
        if drop in authorization:
            yield (
                f"without {drop}",
                change_header(honest, "authorization", lambda v, drop=drop: v.replace(drop, "", 1)),
                FORGED,
            )
    yield (
        "more signed headers",
        change_header(honest, "authorization", lambda v: v.replace("host;", "host;range;")),
        FORGED,
    )
    for at in range(0, 64, 5):
        yield f"digit {at}", _resigned(honest, "header", _flip(authorization.rpartition("=")[2], at)), FORGED
    yield "upper case signature", _resigned(honest, "header", authorization.rpartition("=")[2].upper()), FORGED
    yield "doubled", with_header(honest, "authorization", authorization), {"InvalidRequest"}
    yield "no date", without_header(honest, "x-amz-date"), {"AccessDenied"}
    for date in ("", "x", "20260101", "2026-01-01T00:00:00Z", "20261301T000000Z", "20260101T000000z"):
        yield f"date {date!r}", change_header(honest, "x-amz-date", lambda _, date=date: date), {"AccessDenied"}
    for date in ("20250101T000000Z", "20990101T000000Z"):
        yield (
            f"date {date}",
            change_header(honest, "x-amz-date", lambda _, date=date: date),
            malformed | {"RequestTimeTooSkewed"},
        )
    presigned = replace(target, form="query").signed()
    both = replace(honest, raw_query=presigned.raw_query)
    yield "two claims", both, {"InvalidArgument"}
    marked = b"&".join(filter(None, (honest.raw_query, b"X-Amz-Signature=0")))
    yield "a mark of a second claim", replace(honest, raw_query=marked), {"InvalidArgument"}
    old = b"&".join(filter(None, (honest.raw_query, b"AWSAccessKeyId=a&Signature=b&Expires=1")))
    yield "a claim of the old kind too", replace(honest, raw_query=old), {"InvalidArgument"}
    bare = without_header(honest, "authorization")
    yield "no claim", bare, {"AccessDenied"}
    yield "a claim of the old kind that has expired", replace(bare, raw_query=old), {"AccessDenied"}


def _flip(signature: str, at: int) -> str:
    return signature[:at] + ("0" if signature[at] != "0" else "1") + signature[at + 1 :]


def query_claims(target: Target) -> Iterator[Case]:
    """Row 8: a presigned URL, its parameters edited, left out, doubled, in another case."""
    honest = target.signed()
    malformed = {"AuthorizationQueryParametersError"}
    names = (
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Signature",
        "X-Amz-Date",
        "X-Amz-SignedHeaders",
        "X-Amz-Expires",
    )
    values = dict(item.split("=", 1) for item in honest.raw_query.decode().split("&"))
    for name in names:
        yield f"{name} left out", change_query(honest, name, None), malformed
        yield f"{name} empty", change_query(honest, name, ""), malformed
        again = f"&{name}={values[name]}".encode()
        yield f"{name} doubled", replace(honest, raw_query=honest.raw_query + again), malformed
        yield (
            f"{name} doubled in lower case",
            replace(honest, raw_query=honest.raw_query + again.replace(b"X-Amz", b"x-amz")),
            malformed,
        )
        yield (
            f"{name} in lower case",
            replace(honest, raw_query=honest.raw_query.replace(name.encode(), name.lower().encode())),
            malformed,
        )
        other = "X%2DAmz" + name.removeprefix("X-Amz")
        yield (
            f"{name} doubled with an escape",
            replace(honest, raw_query=honest.raw_query + again.replace(name.encode(), other.encode())),
            malformed,
        )
    for expires in ("-1", "604801", "x", "1.5", "1e3", "+900", "%20900", "9" * 30, "٣"):
        yield f"expires {expires}", change_query(honest, "X-Amz-Expires", expires), malformed
    for expires in ("901", "604800", "0900", "899"):
        yield f"expires {expires}", change_query(honest, "X-Amz-Expires", expires), FORGED
    yield "expires at once", target.signed(expires=0), {"AccessDenied"}
    for date in ("20250101T000000Z", "20990101T000000Z", "x", "20260101"):
        yield f"date {date}", change_query(honest, "X-Amz-Date", date), malformed | {"AccessDenied"}
    for algorithm in ("AWS4-HMAC-SHA512", "AWS4-ECDSA-P256-SHA256", "aws4-hmac-sha256", "none"):
        yield algorithm, change_query(honest, "X-Amz-Algorithm", algorithm), malformed
    for signed in ("host%3Bhost", "Host", "%3Bhost", "host%3B", "host%2Crange", "%20"):
        yield f"signed headers {signed}", change_query(honest, "X-Amz-SignedHeaders", signed), malformed
    for signed in ("range", "host%3Brange"):
        yield f"signed headers {signed}", change_query(honest, "X-Amz-SignedHeaders", signed), FORGED
    for at in range(0, 64, 5):
        yield f"digit {at}", change_query(honest, "X-Amz-Signature", _flip(values["X-Amz-Signature"], at)), FORGED
    yield "upper case signature", change_query(honest, "X-Amz-Signature", values["X-Amz-Signature"].upper()), FORGED
    yield "a token", replace(honest, raw_query=honest.raw_query + b"&X-Amz-Security-Token=x"), FORGED
    for value in (HASH, MODES[2]):
        added = honest.raw_query + b"&X-Amz-Content-Sha256=" + value.encode()
        yield f"payload {value} added", replace(honest, raw_query=added), FORGED | malformed
    bound = target.signed((("x-amz-content-sha256", HASH),), payload=HASH)
    yield "the body's hash changed", change_header(bound, "x-amz-content-sha256", lambda _: "0" * 64), FORGED
    yield "the body's hash unsaid", without_header(bound, "x-amz-content-sha256"), FORGED
    yield "the body's hash given up", change_header(bound, "x-amz-content-sha256", lambda _: UNSIGNED), FORGED
    twice = replace(bound, raw_query=bound.raw_query + b"&X-Amz-Content-Sha256=" + HASH.encode())
    yield "the body's hash in the query too", twice, FORGED
