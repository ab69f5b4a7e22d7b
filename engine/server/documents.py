"""XML bodies: read whole, within a bound, and held against every digest that was promised for them."""

from engine.arrival import Promise, check_document
from engine.chunked import ChunkedSource
from engine.errors import MaxMessageLengthExceeded
from engine.members import Digests
from engine.s3.http import Request
from engine.s3.model import Operation
from engine.s3.parsing import body_size_max
from engine.s3.sigv4 import Identity
from engine.server.exchange import RawBody

READ_SIZE = 64 * 1024


def read_document(operation: Operation, identity: Identity, request: Request, raw: RawBody) -> bytes:
    """The XML of a request.

    Raises:
        MaxMessageLengthExceeded: it is larger than the operation needs.
        IncompleteBody, BadDigest, InvalidDigest, XAmzContentSHA256Mismatch: it is not what was promised.
    """
    size_max = body_size_max(operation)
    payload = identity.payload
    length = payload.decoded_length if payload.is_chunked else raw.length
    if length is not None and length > size_max:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=size_max)
    if payload.is_chunked:
        source = ChunkedSource.of(raw, payload)
        document = source.take(size_max + 1)
        source.finish()
    else:
        document = _read(raw, size_max + 1)
    if len(document) > size_max:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=size_max)
    said: Digests = {
        "content_length": length,
        "content_md5": request.header("content-md5"),
        "content_sha256": payload.sha256,
    }
    check_document(document, Promise.of(said))
    return document


def _read(raw: RawBody, size: int) -> bytes:
    document = bytearray()
    while len(document) < size and (piece := raw.read(min(size - len(document), READ_SIZE))):
        document += piece
    return bytes(document)
