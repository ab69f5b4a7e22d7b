"""Reads the signature that a request claims: in the Authorization header, or in the query of a presigned URL.

A claim is only read here, not verified. It must have S3's form, be for this region, and be made once.

Source of every text: AWS's answers; Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from engine.dates import parse_date
from engine.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
    S3Error,
)
from engine.s3.http import Request
from engine.s3.keys import OUTPOSTS, SERVICE, TERMINATOR
from engine.s3.sigv2 import ITEMS as SIGV2_ITEMS
from engine.s3.sigv2 import QueryClaim, read_query_claim

ALGORITHM: Final = "AWS4-HMAC-SHA256"
EXPIRES_S_MAX: Final = 7 * 24 * 3600
SIGNATURE: Final = "X-Amz-Signature"
_QUERY_REQUIRED: Final = (
    "X-Amz-Algorithm", "X-Amz-Credential", SIGNATURE, "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires",
)  # fmt: skip
_QUERY_MARKS: Final = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-signature"})
_COMPONENTS: Final = {"Credential", "SignedHeaders", "Signature"}
_SIGNING_ITEMS: Final = frozenset(
    {name.lower() for name in _QUERY_REQUIRED} | {"x-amz-security-token", "x-amz-content-sha256"}
)
_CREDENTIAL_FORM: Final = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
UNSUPPORTED: Final = f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
_ONE_MECHANISM: Final = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
    "or the Authorization header should be specified"
)
_NO_DATE: Final = "AWS authentication requires a valid Date or x-amz-date header"
DATE_FORM: Final = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
_TIME_FORM: Final = "%Y%m%dT%H%M%SZ"
_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_DAY: Final = re.compile(r"[0-9]{8}")

_X_AMZ_NAME: Final = re.compile(r"x-amz-[!#$%&'*+.^_`|~0-9a-z-]+")
_SIGNED_HEADERS: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(;[!#$%&'*+.^_`|~0-9a-z-]+)*")

ErrorOf = Callable[..., S3Error]
"""Makes the error for a malformed header or query from a text that says what is wrong."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The day, region and service for which a signing key is valid."""

    date: str
    region: str
    service: str
    terminator: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature and what it claims to cover. `expires_s` is None for a signature in the header."""

    access_key: str
    scope: Scope
    date_time: str
    """The time as the string to sign has it: 20130524T000000Z."""
    moment: datetime
    signed_headers: tuple[str, ...]
    signature: str
    expires_s: int | None = None

    @property
    def is_presigned(self) -> bool:
        """Tell whether the claim was made in the query."""
        return self.expires_s is not None


def read_claim(request: Request, region: str) -> Claim | QueryClaim | None:
    """Read the claim of a request; None if it has no signature.

    Raises:
        InvalidArgument, InvalidRequest: there are two claims, or one of an unsupported kind.
        AuthorizationHeaderMalformed, AuthorizationQueryParametersError: the claim is malformed, or for another region.
        AccessDenied: there is no date, or the query of a URL presigned by Version 2 is malformed.
    """
    header = request.header("authorization")
    names = {name for name, _ in request.query}
    in_query = not _QUERY_MARKS.isdisjoint(name.lower() for name in names)
    in_sigv2_query = _is_sigv2(names)
    if header is not None and (in_query or in_sigv2_query):
        raise InvalidArgument(_ONE_MECHANISM, ArgumentName="Authorization", ArgumentValue=_scheme(header))
    if in_query and in_sigv2_query:
        raise InvalidArgument(_ONE_MECHANISM)
    if header is not None:
        return _read_header(request, header, region)
    return _read_query(request, region) if in_query else read_query_claim(request)


def _is_sigv2(names: Collection[str]) -> bool:
    """Tell whether the query has a signature by Version 2; `Expires` alone is not one."""
    return SIGV2_ITEMS[0] in names or SIGV2_ITEMS[1] in names


def unhoisted(request: Request) -> Request:
    """Return the request with the x-amz-* items of a presigned URL's query among its headers: SDKs move headers there to sign them.

    Obey these headers only after the request itself was verified, since its signature covers the query. By Version 2 they are signed
    as headers; a header that was sent as such takes precedence over the query item of its name.

    Source: AWS SDKs for JavaScript and Go, which move headers to the query of a URL they presign; botocore's HmacV1QueryAuth.
    """
    names = {name for name, _ in request.query}  # decoded, as in read_claim
    if SIGNATURE in names:
        is_hoisted = _is_hoisted
    elif _is_sigv2(names):
        sent = {name for name, _ in request.headers}
        is_hoisted = lambda name: _X_AMZ_NAME.fullmatch(name) is not None and name not in sent  # noqa: E731
    else:
        return request
    items = ((name.lower(), value) for name, value in request.query)
    headers = ((name, value.encode().decode("latin-1")) for name, value in items if is_hoisted(name))
    return replace(request, headers=(*request.headers, *headers))


def _is_hoisted(name: str) -> bool:
    return name.startswith("x-amz-") and name not in _SIGNING_ITEMS


def _scheme(header: str) -> str:
    """Return the first word of an Authorization header, the only one that an error may show."""
    return header.partition(" ")[0][:32]


def _read_header(request: Request, header: str, region: str) -> Claim:
    scheme, _, rest = header.partition(" ")
    if scheme in ("AWS", "AWS4-ECDSA-P256-SHA256"):
        raise InvalidRequest(UNSUPPORTED)
    if scheme != ALGORITHM:
        raise InvalidArgument(
            "Unsupported Authorization Type", ArgumentName="Authorization", ArgumentValue=_scheme(header)
        )
    components = _components_of(rest)
    access_key, scope = parse_credential(components["Credential"], _header_error)
    date_time, moment = _header_time(request)
    check_scope(scope, date_time, region, _header_error)
    signed = _parse_signed_headers(components["SignedHeaders"], _header_error)
    return Claim(access_key, scope, date_time, moment, signed, components["Signature"])


def _components_of(text: str) -> dict[str, str]:
    components: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in _COMPONENTS or name in components or not value:
            raise _header_error("the authorization component is malformed.")
        components[name] = value
    if components.keys() != _COMPONENTS:
        raise _header_error(
            "the authorization header requires three components: Credential, SignedHeaders, and Signature."
        )
    return components


def _header_error(words: str, **extras: str) -> S3Error:
    return AuthorizationHeaderMalformed(f"The authorization header is malformed; {words}", **extras)


def credential_error(words: str, **extras: str) -> S3Error:
    return AuthorizationQueryParametersError(f"Error parsing the X-Amz-Credential parameter; {words}", **extras)


def parse_credential(text: str, error_of: ErrorOf) -> tuple[str, Scope]:
    """Read access key and scope. An access key may contain slashes."""
    access_key, *scope = text.rsplit("/", 4)
    if not access_key or len(scope) != 4:
        raise error_of(_CREDENTIAL_FORM)
    return access_key, Scope(*scope)


def check_scope(scope: Scope, date_time: str, region: str, error_of: ErrorOf) -> None:
    if not _DAY.fullmatch(scope.date):
        words = f'incorrect date format "{scope.date}". This date in the credential must be in the format "yyyyMMdd".'
        raise error_of(words)
    if scope.region != region:
        raise error_of(f"the region '{scope.region}' is wrong; expecting '{region}'", Region=region)
    if scope.service not in (SERVICE, OUTPOSTS):
        raise error_of(f'incorrect service "{scope.service}". This endpoint belongs to "{SERVICE}".')
    if scope.terminator != TERMINATOR:
        raise error_of(f'incorrect terminal "{scope.terminator}". This endpoint uses "{TERMINATOR}".')
    if scope.date != date_time[: len(scope.date)]:
        words = f'Invalid credential date "{scope.date}". This date is not the same as X-Amz-Date: "{date_time[:8]}".'
        raise error_of(words)


def _parse_signed_headers(text: str, error_of: ErrorOf) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if not _SIGNED_HEADERS.fullmatch(text) or len(set(names)) < len(names):
        raise error_of("the SignedHeaders must be names in lower case, each once, separated by semicolons.")
    return names


def _header_time(request: Request) -> tuple[str, datetime]:
    """Return the time of a request signed in its header: that of x-amz-date, or else of Date, which may be any HTTP date."""
    text = request.header("x-amz-date")
    moment = parse_date(request.header("date") or "") if text is None else parse_time(text)
    if moment is None:
        raise AccessDenied(_NO_DATE)
    return moment.strftime(_TIME_FORM), moment


def parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME_FORM).replace(tzinfo=UTC) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def _read_query(request: Request, region: str) -> Claim:
    items = _presigning_items(request)
    if any(not items.get(name) for name in _QUERY_REQUIRED):
        raise AuthorizationQueryParametersError
    if items["X-Amz-Algorithm"] != ALGORITHM:
        raise AuthorizationQueryParametersError(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    access_key, scope = parse_credential(items["X-Amz-Credential"], credential_error)
    moment = parse_time(items["X-Amz-Date"])
    if moment is None:
        raise AuthorizationQueryParametersError(DATE_FORM)
    expires_s = _parse_expires(items["X-Amz-Expires"])
    check_scope(scope, items["X-Amz-Date"], region, credential_error)
    signed = _parse_signed_headers(items["X-Amz-SignedHeaders"], AuthorizationQueryParametersError)
    return Claim(access_key, scope, items["X-Amz-Date"], moment, signed, items[SIGNATURE], expires_s)


def _presigning_items(request: Request) -> dict[str, str]:
    """Return the X-Amz-* items of a query, after a check that none is repeated in any case."""
    items = [(name, value) for name, value in request.query if name.lower().startswith("x-amz-")]
    if len({name.lower() for name, _ in items}) < len(items):
        raise AuthorizationQueryParametersError("Every X-Amz-* query parameter must be given only once")
    return dict(items)


def _parse_expires(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise AuthorizationQueryParametersError("X-Amz-Expires should be a number")
    if digits != text:
        raise AuthorizationQueryParametersError("X-Amz-Expires must be non-negative")
    if len(digits) > len(str(EXPIRES_S_MAX)) or int(digits) > EXPIRES_S_MAX:
        words = (
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than"
        )
        raise AuthorizationQueryParametersError(f"{words} {EXPIRES_S_MAX} seconds")
    return int(digits)
