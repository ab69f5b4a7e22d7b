"""The arguments that give the store the body of PutObject and UploadPart: plain, or aws-chunked and decoded as it is read."""

from typing import Any

from engine.bodies.chunked import ChunkedSource
from engine.checksums import ALGORITHMS
from engine.errors import MissingContentLength
from engine.s3.http import Request
from engine.s3.model import Operation
from engine.s3.sigv4 import Identity
from engine.server.exchange import RawBody

SDK_ALGORITHM_HEADER = "x-amz-sdk-checksum-algorithm"


def without_presigned_checksums(operation: Operation, inputs: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return the members without the checksums that are only in the query of a presigned URL.

    SDKs presign before there is a body, and put the checksum of an empty one there. S3 verifies it as part of the signature, but
    compares it with no body. Its algorithm counts as `presigned_checksum_algorithm`: an upload may demand one of every part.

    Source: AWS's own answers, in localstack#12164 and aws-sdk-go-v2#2610.
    """
    sent = {name for name, _ in request.headers}
    presigned = [each for each in ALGORITHMS if each.member in inputs and each.header not in sent]
    dropped = {each.member for each in presigned} | (set() if SDK_ALGORITHM_HEADER in sent else {"checksum_algorithm"})
    kept = {name: value for name, value in inputs.items() if name not in dropped}
    if operation.name == "UploadPart" and presigned:
        kept["presigned_checksum_algorithm"] = presigned[0].name
    return kept


def body_of(identity: Identity, raw: RawBody) -> dict[str, Any]:
    """Return the store's arguments `body`, `content_length` and, if the client signed it, `content_sha256`.

    Raises:
        MissingContentLength (411): there is neither Content-Length nor x-amz-decoded-content-length.
    """
    payload = identity.payload
    if payload.is_chunked:
        return {"body": ChunkedSource.of(raw, payload), "content_length": payload.decoded_length}
    if raw.length is None:
        raise MissingContentLength
    arguments = {"body": raw, "content_length": raw.length}
    return arguments | ({"content_sha256": payload.sha256} if payload.sha256 is not None else {})
