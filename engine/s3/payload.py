"""Reads how a request describes its body: x-amz-content-sha256 and the headers of aws-chunked encoding."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from engine.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    NotImplementedYet,
)
from engine.refusals import CONTENT_SHA256, invalid_content_sha256
from engine.s3.http import Request
from engine.s3.keys import SecretBytes

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
DECODED_LENGTH: Final = "x-amz-decoded-content-length"
TRAILER: Final = "x-amz-trailer"

Mode = Literal["sha256", "unsigned", "chunked-signed", "chunked-signed-trailer", "chunked-unsigned-trailer"]

STREAMING: Final[dict[str, Mode]] = {
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": "chunked-unsigned-trailer",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": "chunked-signed",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": "chunked-signed-trailer",
}
_ASYMMETRIC: Final = ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_DIGITS_MAX: Final = 19
"""The number of digits in the largest signed 64-bit number, which bounds a length in bytes."""


@dataclass(frozen=True, slots=True)
class ChunkSigning:
    """The inputs from which a body's chunk signatures are computed."""

    key: bytes = field(repr=False)
    seed_signature: str
    date_time: str
    scope: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", SecretBytes(self.key))


@dataclass(frozen=True, slots=True)
class Payload:
    """How the body of a request is encoded, and which digest and length it must have. Its reader verifies both."""

    mode: Mode
    sha256: str | None = None
    """In mode sha256, the body's SHA-256 in 64 lower-case hex digits; an empty body has one too."""
    decoded_length: int | None = None
    """In the chunked modes, the payload's length in bytes, without the framing."""
    trailers: tuple[str, ...] = ()
    """The names of the announced trailing headers, in lower case."""
    signing: ChunkSigning | None = None

    @property
    def is_chunked(self) -> bool:
        """Tell whether the body is in aws-chunked encoding."""
        return self.mode.startswith("chunked")

    @property
    def has_trailer(self) -> bool:
        """Tell whether trailing headers come after the last chunk."""
        return self.mode.endswith("trailer")


def check_mode(value: str) -> None:
    """Check that a value of x-amz-content-sha256 is a supported mode or a SHA-256. Do this before any other use of it.

    Raises:
        InvalidArgument: the value is neither a mode nor a SHA-256.
        NotImplementedYet: the mode is one of asymmetric chunk signatures.
    """
    if value in _ASYMMETRIC:
        raise NotImplementedYet(Header=CONTENT_SHA256, additionalMessage="Signature version 4A is not implemented")
    if value != UNSIGNED and value not in STREAMING and not _SHA256.fullmatch(value):
        raise invalid_content_sha256(value)


def is_aws_chunked(request: Request) -> bool:
    """Tell whether Content-Encoding declares the body to be aws-chunked."""
    encodings = (request.header("content-encoding") or "").split(",")
    return "aws-chunked" in (encoding.strip().lower() for encoding in encodings)


def read_payload(request: Request, value: str, signing: ChunkSigning | None) -> Payload:
    """Read how a request's body is encoded. `value` is its x-amz-content-sha256, checked by `check_mode`.

    `signing` is given only if the chunks are signed.

    Raises:
        MissingContentLength: the decoded length of an aws-chunked body is missing.
        InvalidArgument: the length is not a number; or Content-Encoding is aws-chunked in a mode without chunks, and the framing would
            be stored.
        MalformedTrailerError: a trailer is announced in a mode that has none.
    """
    mode = STREAMING.get(value)
    if mode is not None:
        return _read_chunked(request, mode, signing)
    if is_aws_chunked(request) and (value == UNSIGNED or request.headers_named(DECODED_LENGTH)):
        raise InvalidArgument(
            f"aws-chunked encoding is not supported when {CONTENT_SHA256} {value} is supplied",
            ArgumentName=CONTENT_SHA256,
            ArgumentValue=value,
        )
    if request.headers_named(TRAILER):
        raise MalformedTrailerError
    return Payload("unsigned") if value == UNSIGNED else Payload("sha256", value.lower())


def _read_chunked(request: Request, mode: Mode, signing: ChunkSigning | None) -> Payload:
    trailer = request.header(TRAILER)
    names = tuple(name.strip().lower() for name in trailer.split(",")) if trailer is not None else ()
    payload = Payload(mode, None, _decoded_length(request), names, signing)
    if names and not payload.has_trailer:
        raise MalformedTrailerError
    if not all(names):
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    return payload


def _decoded_length(request: Request) -> int:
    text = request.header(DECODED_LENGTH)
    if text is None:
        raise MissingContentLength
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise InvalidArgument(
            f"{DECODED_LENGTH} must be a number of bytes", ArgumentName=DECODED_LENGTH, ArgumentValue=text
        )
    return int(text)
