"""The canonical form of a request, which its signature covers. It is made from the raw bytes, decoded once.

Source: Amazon S3 API Reference, "Create a canonical request" (a path is encoded once and never normalised).
"""

import hashlib
import re
import urllib.parse
from collections.abc import Iterable
from typing import Final

from engine.s3.claims import ALGORITHM, SIGNATURE, Claim
from engine.s3.http import Request, decode_percent
from engine.s3.keys import HIDDEN, SECRET_HEADERS

_BLANKS: Final = re.compile(rb"[ \t]+")


def canonical_request(request: Request, claim: Claim, payload: str, *, hide: bool = False) -> bytes:
    """Return the canonical request, whose hash is signed. `payload` is its last line.

    With `hide`, the values of SECRET_HEADERS are replaced in headers and query, so that the text may be shown.

    Raises:
        InvalidURI: path or query cannot be decoded.
    """
    names = sorted(claim.signed_headers)
    hidden = SECRET_HEADERS if hide else frozenset()
    lines = [
        request.method.encode("latin-1"),
        urllib.parse.quote(decode_percent(request.raw_path) or "/", safe="/").encode(),
        _canonical_query(request, claim, hidden).encode(),
        *(name.encode() + b":" + (HIDDEN if name in hidden else _canonical_value(request, name)) for name in names),
        b"",
        ";".join(names).encode(),
        payload.encode("latin-1"),
    ]
    return b"\n".join(lines)


def _canonical_query(request: Request, claim: Claim, hidden: frozenset[str]) -> str:
    items: Iterable[tuple[str, str]] = request.query
    if claim.is_presigned:
        items = (item for item in items if item[0] != SIGNATURE)
    return "&".join(
        f"{name}={HIDDEN.decode() if name.lower() in hidden else value}"
        for name, value in sorted((_encode(name), _encode(value)) for name, value in items)
    )


def _encode(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _canonical_value(request: Request, name: str) -> bytes:
    """Return all values of a header, trimmed, each run of blanks made one space, joined by commas."""
    values = (value.encode("latin-1").strip(b" \t") for value in request.headers_named(name))
    return b",".join(_BLANKS.sub(b" ", value) for value in values)


def string_to_sign(claim: Claim, canonical: bytes) -> bytes:
    """Return the string to sign, of which the signing key makes the signature."""
    digest = hashlib.sha256(canonical).hexdigest()
    return f"{ALGORITHM}\n{claim.date_time}\n{claim.scope}\n{digest}".encode()
