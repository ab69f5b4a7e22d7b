"""Cross-origin requests: the answer to a preflight, and the headers with which a page of another origin may read an answer.

Source: User Guide, "Using cross-origin resource sharing (CORS)"; Fetch, "HTTP extensions"; AWS's answers, case by case.
"""

from typing import NamedTuple, Self

from engine.buckets.cors_rules import METHODS, matching_rule
from engine.errors import (
    AccessForbidden,
    BadRequest,
    NoSuchBucket,
    NoSuchCORSConfiguration,
    RequestHeaderSectionTooLarge,
)
from engine.s3.http import Request
from engine.s3.routing import Address
from engine.server.exchange import Headers, Response
from engine.shapes.cors import CORSRule
from engine.store import Store

ASKED_SIZE_MAX = 8 * 1024
"""The bound in bytes on what a request asks for, which is compared with every rule before any signature is looked at.

Source: the size of S3's whole header section, as its error RequestHeaderSectionTooLarge tells it."""
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def answer_preflight(store: Store, request: Request, address: Address, default: bytes | None = None) -> Response:
    """Answer an OPTIONS request, which has no signature, by the rules of the bucket that it addresses.

    `default` are packed rules for buckets that have none.

    Raises:
        BadRequest: there is no origin, or no method of S3's is asked for.
        AccessForbidden: there is no such bucket, it has no rules, or none of them allows the request.
        RequestHeaderSectionTooLarge: it asks for too much.
        InvalidRequest: it has two origins, or asks for two methods.
    """
    asked = _Asked.of(request)
    if not asked.origin:
        raise BadRequest("Insufficient information. Origin request header needed.")
    try:
        rule = _rule(store, address, asked, default)
    except NoSuchBucket:
        raise _forbidden("CORSResponse: Bucket not found", asked.method, "BUCKET") from None
    except NoSuchCORSConfiguration:
        raise _forbidden("CORSResponse: CORS is not enabled for this bucket.", asked.method, "BUCKET") from None
    if asked.method not in METHODS:
        named = request.header("access-control-request-method")
        raise BadRequest(f"Invalid Access-Control-Request-Method: {named or 'null'}")
    if rule is None:
        raise _forbidden(None, asked.method, "OBJECT" if address.key else "BUCKET")
    return Response(200, [*_headers(rule, asked), ("Content-Length", "0")])


def cross_origin_headers(
    store: Store, request: Request, address: Address | None, default: bytes | None = None
) -> Headers:
    """Return the headers of an answer, an error too; none if the request has no origin, or no rule of the bucket allows it.

    Raises:
        S3Error: as `answer_preflight`.
    """
    if not address or not request.headers_named("origin"):
        return []
    asked = _Asked.of(request)
    rule = _rule(store, address, asked, default) if asked.origin else None
    return _headers(rule, asked) if rule is not None else []


class _Asked(NamedTuple):
    """What a browser asks for: an origin, a method, and the names of headers in lower case.

    A request that asks for no method asks for its own. AWS judges these headers in actual requests as well as in preflights.
    """

    origin: str
    method: str
    headers: tuple[str, ...]

    @classmethod
    def of(cls, request: Request) -> Self:
        names = ",".join(request.headers_named("access-control-request-headers"))
        origin = request.header("origin") or ""
        method = request.header("access-control-request-method") or request.method
        if len(origin) + len(method) + len(names) > ASKED_SIZE_MAX:
            raise RequestHeaderSectionTooLarge(MaxSizeAllowed=ASKED_SIZE_MAX)
        stripped = (name.strip().lower() for name in names.split(","))
        return cls(origin, method, tuple(name for name in stripped if name))


def _rule(store: Store, address: Address, asked: _Asked, default: bytes | None) -> CORSRule | None:
    if address.bucket is None:
        raise NoSuchBucket
    try:
        return store.find_cors_rule(address.bucket, *asked)
    except NoSuchCORSConfiguration:
        if default is None:
            raise
        return matching_rule(default, *asked)


def _headers(rule: CORSRule, asked: _Asked) -> Headers:
    """Return the headers in AWS's form. With an origin that is named, and not `*`, the page may use its user's credentials."""
    found = {
        "Access-Control-Allow-Origin": "*" if rule.allows_any_origin else asked.origin,
        "Access-Control-Allow-Methods": ", ".join(rule.allowed_methods),
        "Access-Control-Allow-Headers": ", ".join(asked.headers),
        "Access-Control-Expose-Headers": ", ".join(rule.expose_headers or ()),
        "Access-Control-Max-Age": "" if rule.max_age_seconds is None else str(rule.max_age_seconds),
        "Access-Control-Allow-Credentials": "" if rule.allows_any_origin else "true",
        "Vary": _VARY,
    }
    return [(name, value) for name, value in found.items() if value]


def _forbidden(message: str | None, method: str, kind: str) -> AccessForbidden:
    return AccessForbidden(message, Method=method, ResourceType=kind)
