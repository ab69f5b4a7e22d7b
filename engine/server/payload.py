"""The body of PutObject and UploadPart as the store takes it: plain, or aws-chunked and decoded on the way."""

from typing import Any

from engine.bodies.chunked import ChunkedSource
from engine.errors import MissingContentLength
from engine.s3.http import Request
from engine.s3.sigv4 import Identity
from engine.server.exchange import RawBody


def body_of(identity: Identity, request: Request, raw: RawBody) -> dict[str, Any]:
    """The store's arguments about the body.

    Raises:
        MissingContentLength (411): neither Content-Length nor x-amz-decoded-content-length says how long it is.
    """
    payload = identity.payload
    if payload.is_chunked:
        return {"body": ChunkedSource.of(raw, payload), "content_length": payload.decoded_length}
    if raw.length is None:
        raise MissingContentLength
    arguments = {"body": raw, "content_length": raw.length}
    return arguments | ({"content_sha256": payload.sha256} if payload.sha256 is not None else {})
