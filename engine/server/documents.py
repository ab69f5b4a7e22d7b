"""XML bodies are read whole, within a bound, and verified against every digest that the request has for them."""

from collections.abc import Mapping
from typing import Any, cast

from engine.bodies.chunked import ChunkedSource
from engine.bodies.reception import Promise, check_document
from engine.checksums import ALGORITHMS, promised_checksum
from engine.errors import InvalidRequest, MaxMessageLengthExceeded
from engine.s3.http import Request
from engine.s3.model import Operation
from engine.s3.parsing import body_size_max
from engine.s3.sigv4 import Identity
from engine.server.exchange import RawBody
from engine.server.payload import SDK_ALGORITHM_HEADER
from engine.shapes.requests import Digests

READ_SIZE = 64 * 1024
_CHECKSUM_HEADERS = tuple(algorithm.header for algorithm in ALGORITHMS)
NEVER_WITHOUT_CHECKSUM = frozenset(
    {
        "DeleteObjects",
        "PutBucketCors",
        "PutBucketLifecycleConfiguration",
        "PutObjectLegalHold",
        "PutObjectLockConfiguration",
        "PutObjectRetention",
    }
)
"""Source: API pages: "The Content-MD5 request header is required", or a checksum in its place."""


def read_document(operation: Operation, identity: Identity, request: Request, raw: RawBody) -> bytes:
    """Return the XML body of a request.

    Raises:
        MaxMessageLengthExceeded: it is larger than the operation needs.
        IncompleteBody, BadDigest, InvalidDigest, XAmzContentSHA256Mismatch: it does not match its length or digests.
        InvalidRequest: a required checksum is missing, or one is malformed.
    """
    size_max = body_size_max(operation)
    payload = identity.payload
    length = payload.decoded_length if payload.is_chunked else raw.length
    if length is not None and length > size_max:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=size_max)
    trailers: Mapping[str, str] = {}
    if payload.is_chunked:
        source = ChunkedSource.of(raw, payload)
        document = source.take(size_max + 1)
        trailers = source.finish()
    else:
        document = _read(raw, size_max + 1)
    if len(document) > size_max:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=size_max)
    digests: Digests = {
        "content_length": length,
        "content_md5": request.header("content-md5"),
        "content_sha256": payload.sha256,
    }
    if operation.checksum_required:
        digests = cast(Digests, digests | _checksums(request, trailers))
    elif trailers:  # a checksum in a header may be the object's; one in a trailer is the document's
        digests = cast(Digests, digests | _checksums(None, trailers))
    checksum = promised_checksum(digests, (), must_agree=True)
    if operation.name in NEVER_WITHOUT_CHECKSUM and checksum is None and digests["content_md5"] is None:
        raise InvalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    check_document(document, Promise.of(digests, checksum))
    return document


def _checksums(request: Request | None, trailers: Mapping[str, str]) -> dict[str, Any]:
    """Return the checksum members of the headers (none if `request` is None) and of the trailers; a header wins."""
    headers = {name: request.header(name) for name in (*_CHECKSUM_HEADERS, SDK_ALGORITHM_HEADER)} if request else {}
    values = {each.member: headers.get(each.header) or trailers.get(each.header) for each in ALGORITHMS}
    return values | {"checksum_algorithm": headers.get(SDK_ALGORITHM_HEADER)}


def _read(raw: RawBody, size: int) -> bytes:
    document = bytearray()
    while len(document) < size and (piece := raw.read(min(size - len(document), READ_SIZE))):
        document += piece
    return bytes(document)
