"""The body of PutObject and UploadPart as the store takes it: plain, or aws-chunked and decoded on the way."""

from typing import Any

from engine.bodies.chunked import ChunkedSource
from engine.checksums import ALGORITHMS
from engine.errors import MissingContentLength
from engine.s3.http import Request
from engine.s3.model import Operation
from engine.s3.sigv4 import Identity
from engine.server.exchange import RawBody

_SDK_ALGORITHM = "x-amz-sdk-checksum-algorithm"


def without_presigned_checksums(operation: Operation, inputs: dict[str, Any], request: Request) -> dict[str, Any]:
    """The members without the checksums of the body that stand in the query of a presigned URL alone.

    SDKs presign with no body at hand, and put the checksum of nothing there; S3 has it signed, and compares no body with it. Only that
    the client has the algorithm which its upload demands of every part is taken from it.

    Source: AWS's own answers, in localstack#12164 and aws-sdk-go-v2#2610.
    """
    sent = {name for name, _ in request.headers}
    moved = [each for each in ALGORITHMS if each.member in inputs and each.header not in sent]
    dropped = {each.member for each in moved} | (set() if _SDK_ALGORITHM in sent else {"checksum_algorithm"})
    kept = {name: value for name, value in inputs.items() if name not in dropped}
    if operation.name == "UploadPart" and moved:
        kept["presigned_checksum_algorithm"] = moved[0].name
    return kept


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
