"""Signature Version 2 in the query of a presigned URL: reads its claim and makes its string to sign.

boto3 and `aws s3 presign` make such URLs by default in us-east-1, where S3 accepts them. In the Authorization header we refuse it.
As with S3, neither Host nor the query items that only shape a listing (`prefix`, `max-keys`) are signed. botocore moves signed headers
to the query (see `claims.unhoisted`); Content-Type and Content-MD5 are signed as headers only.

Source: Amazon S3 API Reference, "Signing and authenticating REST requests (AWS signature version 2)"; AWS's own answers.
"""

import base64
import hmac
import re
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.errors import AccessDenied, InvalidRequest
from engine.s3.http import Request, decode_percent
from engine.s3.keys import HIDDEN, SECRET_HEADERS
from engine.s3.model import OPERATIONS
from engine.s3.routing import Address

ITEMS: Final = ("AWSAccessKeyId", "Signature", "Expires")
_SIGNED_ITEMS: Final = frozenset(
    {name for operation in OPERATIONS.values() for name, value in operation.literals if value is None}
    | {m.tag for operation in OPERATIONS.values() for m in operation.inputs if m.tag.startswith("response-")}
    | {"partNumber", "uploadId", "versionId", "defaultObjectAcl", "select-type", "storageClass"}
)
"""The query items that belong to the signed resource: every sub-resource, since each requests another operation, and S3's own list.

Source: the page named above; botocore's HmacV1Auth.QSAOfInterest.
"""
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_SECONDS_MAX: Final = 253_402_300_799
"""The last second of the year 9999, the latest that a datetime can hold; S3 sets no earlier limit."""
_LINE_BREAKS: Final = re.compile(r"[\r\n]")


@dataclass(frozen=True, slots=True)
class QueryClaim:
    """A signature by Version 2, with the time at which it claims to expire."""

    access_key: str
    signature: str
    """The signature in base64, as sent."""
    expires: str
    """The seconds since the epoch, as the string to sign has them."""

    @property
    def end(self) -> datetime:
        """Return the last moment at which the URL may be used."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(self.expires))


def read_query_claim(request: Request) -> QueryClaim | None:
    """Read the claim by Version 2 in a request's query; None if there is none.

    Raises:
        AccessDenied: one of the three items is missing, empty or repeated, or Expires is not a number of seconds.
    """
    items = [(name, value) for name, value in request.query if name in ITEMS]
    found = dict(items)
    if not found.keys() & {"AWSAccessKeyId", "Signature"}:
        return None
    if len(found) < len(items) or not all(found.get(name) for name in ITEMS):
        raise AccessDenied("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
    if not _SECONDS.fullmatch(found["Expires"]) or int(found["Expires"]) > _SECONDS_MAX:
        raise AccessDenied(f"Invalid date (should be seconds since epoch): {found['Expires']}")
    return QueryClaim(found["AWSAccessKeyId"], found["Signature"], found["Expires"])


def sign(secret_key: str, text: bytes) -> bytes:
    """Return the signature of a text, in base64."""
    return base64.b64encode(hmac.digest(secret_key.encode(), text, "sha1"))


def string_to_sign(meant: Request, claim: QueryClaim, resource: bytes, *, hide: bool = False) -> bytes:
    """Return the string to sign. `meant` is the request as `claims.unhoisted` returns it, `resource` comes from `resource_of`.

    With `hide`, the values of SECRET_HEADERS are replaced, so that the text may be shown.

    Raises:
        InvalidRequest: a header or query item is ambiguous in this text: another request would have the same signature.
    """
    names = sorted({name for name, _ in meant.headers if name.startswith("x-amz-")})
    lines = [
        meant.method.encode("latin-1"),
        _value(meant, "content-md5"),
        _value(meant, "content-type"),
        claim.expires.encode(),
        *(
            name.encode() + b":" + (HIDDEN if hide and name in SECRET_HEADERS else _value(meant, name))
            for name in names
        ),
        resource + _signed_items(meant),
    ]
    return b"\n".join(lines)


def _value(meant: Request, name: str) -> bytes:
    """Return all values of a header, trimmed and joined by commas. Only a value from the query could contain a line break."""
    values = [value.strip(" \t") for value in meant.headers_named(name)]
    if any(_LINE_BREAKS.search(value) for value in values):
        raise InvalidRequest(
            f"The value of {name} must not contain a line break in a URL presigned by Signature Version 2"
        )
    return ",".join(values).encode("latin-1")


def _signed_items(meant: Request) -> bytes:
    """Return the query items that are part of the resource, sorted by name, with decoded values; without `=` an item is only a name."""
    items = []
    for raw in meant.raw_query.replace(b"+", b" ").split(b"&"):
        raw_name, equals, raw_value = raw.partition(b"=")
        name, value = decode_percent(raw_name), decode_percent(raw_value)
        if name in _SIGNED_ITEMS:
            _refuse_hidden_item(name, value)
            items.append((name, name + equals.decode() + value))
    text = "&".join(item for _, item in sorted(items, key=lambda item: item[0]))
    return f"?{text}".encode() if text else b""


def _refuse_hidden_item(name: str, value: str) -> None:
    """Refuse a value that contains a signed item. Values are signed decoded, so `a=1&versionId=2` and `a` with the value
    `1&versionId=2` have the same signature.
    """
    if any(piece.partition("=")[0] in _SIGNED_ITEMS for piece in value.split("&")[1:]):
        raise InvalidRequest(
            f"The value of {name} must not contain another item in a URL presigned by Signature Version 2"
        )


def resource_of(request: Request, address: Address) -> bytes:
    """Return the path of a request as it was sent, after the bucket if only the host names it (virtual-hosted style).

    The path of a bucket ends with a slash, whether it was sent with one or not.

    Source: botocore, "a signature that S3 will accept".
    """
    bucket, key = address
    without_bucket = f"/{key or ''}"
    if bucket is not None and decode_percent(request.raw_path) == without_bucket:
        return b"/" + urllib.parse.quote(bucket, safe="").encode() + request.raw_path
    return request.raw_path + (b"/" if key is None and not request.raw_path.endswith(b"/") else b"")
