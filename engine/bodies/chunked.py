"""Sources for bodies in aws-chunked encoding, which C decodes and verifies a piece at a time.

They know nothing of requests: lengths, signatures and trailer names are plain values. Source: Amazon S3 API Reference, "Signature
calculations for the authorization header: transferring payload in multiple chunks", and the page on trailing headers.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from engine.closing import Claim
from engine.errors import (
    IncompleteBody,
    InvalidChunkSizeError,
    MalformedTrailerError,
    MissingContentLength,
    S3Error,
    SignatureDoesNotMatch,
)
from engine.native.ffi import CData, check, ffi, lib
from engine.native.stream import PIECE_SIZE, Stream

READ_SIZE: Final = 1024 * 1024
"""One read of the raw body requests this many bytes, since each wait for a client has a cost."""

SIGNATURE_SIZE: Final = 64
HANDLE_SIZE: Final = 10 * 1024
"""The approximate size of a decoder in C, which the garbage collector counts."""

ENDED_EARLY: Final = "The request body terminated unexpectedly"


class Reader(Protocol):
    """The encoded body; it must end where the HTTP framing of the request says."""

    def read(self, size: int, /) -> bytes | memoryview:
        """Return the next bytes, at most `size`; none only at the end."""


class Signing(Protocol):
    """The inputs of a body's chunk signatures; engine.s3.sigv4.ChunkSigning is one."""

    @property
    def key(self) -> bytes:
        """Return the signing key of day, region and service."""

    @property
    def seed_signature(self) -> str:
        """Return the request's own signature, 64 hex digits."""

    @property
    def date_time(self) -> str:
        """Return the request's time, as in x-amz-date."""

    @property
    def scope(self) -> str:
        """Return the credential's scope, without the access key."""


class Terms(Protocol):
    """The headers of a request about its aws-chunked body; engine.s3.sigv4.Payload is one."""

    @property
    def decoded_length(self) -> int | None:
        """Return the payload's length in bytes."""

    @property
    def has_trailer(self) -> bool:
        """Tell whether trailing headers come after the last chunk."""

    @property
    def trailers(self) -> tuple[str, ...]:
        """Return the names of the trailing headers that x-amz-trailer announces."""

    @property
    def signing(self) -> Signing | None:
        """Return the inputs of the chunk signatures; None if chunks are not signed."""


class ChunkedSource:
    """The payload of an aws-chunked body; an `engine.bodies.sources.Source`. It is not thread-safe.

    The payload must not be used before `finish` has returned.
    """

    __slots__ = ("_claim", "_decoder", "_left", "_raw", "_report", "_rest", "_trailers", "length", "promised_trailers")

    def __init__(
        self,
        raw: Reader,
        decoded_length: int,
        *,
        trailers: tuple[str, ...] | None = None,
        signing: Signing | None = None,
    ) -> None:
        """Begin with the payload's length in bytes, the names of its trailing headers, and the inputs of its chunk signatures.

        `trailers` is None if the encoding has no trailer at all. Nothing is read yet.

        Raises:
            OutOfMemory, LibcryptoFailed.
        """
        self._claim = Claim(None, "body", lambda _: None)
        self._raw = raw
        self._left = decoded_length
        self._rest = memoryview(b"")
        self._report: CData = ffi.new("struct engine_chunked_report *")
        self._trailers: Mapping[str, str] | None = None
        self._decoder = _open_decoder(decoded_length, trailers is not None, signing)
        self.length: int | None = decoded_length
        self.promised_trailers = tuple(name.lower() for name in trailers or ())

    @staticmethod
    def of(raw: Reader, terms: Terms) -> "ChunkedSource":
        """Begin with the terms of a verified request.

        Raises:
            MissingContentLength: the request does not state the payload's length.
        """
        if terms.decoded_length is None:
            raise MissingContentLength
        trailers = terms.trailers if terms.has_trailer else None
        return ChunkedSource(raw, terms.decoded_length, trailers=trailers, signing=terms.signing)

    @property
    def trailers(self) -> Mapping[str, str]:
        """Return the trailing headers by their names in lower case; empty until `finish` has returned."""
        return self._trailers or {}

    def take(self, size: int) -> bytes:
        """Return the next bytes of the payload, fewer than `size` only at its end.

        Raises:
            as `finish`.
        """
        out = bytearray(min(size, self._left))
        with ffi.from_buffer("uint8_t[]", out) as target:
            at = 0
            while at < len(out):
                at += self._copy(target + at, len(out) - at)
        return bytes(out)

    def feed(self, stream: Stream, size: int) -> int:
        """Move up to `size` bytes of the payload into the stream; return the count, less than `size` only at its end.

        Raises:
            as `finish`.
            WriteFailed, StreamFinished, StreamBroken.
        """
        wanted = left = min(size, self._left)
        feed = self._feed if stream.is_native else self._feed_piece
        while left:
            left -= feed(stream, left)
        return wanted

    def has_more(self) -> bool:
        """Tell whether there is payload left."""
        return self._left > 0

    def finish(self) -> Mapping[str, str]:
        """Read the rest of the body, check it, and return the trailing headers.

        Raises:
            SignatureDoesNotMatch: the signature of a chunk or of the trailer is wrong.
            IncompleteBody: the body is cut off or malformed, or its payload is not as long as the request says.
            InvalidChunkSizeError: a chunk before the last one has fewer than 8192 bytes.
            MalformedTrailerError: the trailing headers are not those that were announced.
        """
        if self._trailers is None:
            if self._left:
                raise IncompleteBody(reason=f"{self._left} bytes of the payload were not read")
            while not self._report.is_complete:
                self._copy(ffi.NULL, 0)
            if self._rest or self._raw.read(1):
                raise IncompleteBody(reason="the body goes on after its last chunk")
            self._trailers = MappingProxyType(_parse_trailers(self._decoder, self.promised_trailers))
        return self._trailers

    def _copy(self, target: CData, size: int) -> int:
        report = self._report
        return self._decode(
            lambda data, length: lib.engine_chunked_copy(self._decoder, data, length, target, size, report)
        )

    def _feed(self, stream: Stream, size: int) -> int:
        decoder, report = self._decoder, self._report
        with stream.lent() as (handle, stream_report):
            return self._decode(
                lambda data, length: lib.engine_chunked_feed(
                    decoder, data, length, size, handle, stream_report, report
                ),
                stream_report,
            )

    def _feed_piece(self, stream: Stream, size: int) -> int:
        piece = self.take(min(size, PIECE_SIZE))
        stream.update(piece)
        return len(piece)

    def _decode(self, call: Callable[[CData, int], int], stream_report: CData = None) -> int:
        """Hand the next piece of the body to C; return the count of payload bytes that came out."""
        claimed = self._claim.take()
        try:
            data = self._next_input()
            with ffi.from_buffer("uint8_t[]", data) as view:
                check(call(view, len(data)), "decoding chunks", stream_report)
            return self._settle()
        finally:
            self._claim.give_back(claimed)

    def _next_input(self) -> memoryview:
        if not self._rest:
            self._rest = memoryview(self._raw.read(READ_SIZE))
            if not self._rest:
                raise IncompleteBody(ENDED_EARLY)
        return self._rest

    def _settle(self) -> int:
        report = self._report
        self._rest = self._rest[report.consumed :]
        self._left -= report.decoded
        if report.refusal:
            raise REFUSALS[report.refusal](report)
        return int(report.decoded)


def _open_decoder(decoded_length: int, has_trailer: bool, signing: Signing | None) -> CData:
    decoder_out = ffi.new("engine_chunked **")
    key, seed, context = _signing_arguments(signing) if signing is not None else (ffi.NULL, ffi.NULL, b"")
    status = lib.engine_chunked_open(decoded_length, has_trailer, key, seed, context, len(context), decoder_out)
    check(status, "opening a decoder")
    return ffi.gc(decoder_out[0], lib.engine_chunked_close, HANDLE_SIZE)


def _signing_arguments(signing: Signing) -> tuple[bytes, bytes, bytes]:
    """Return the key, the seed signature and the constant lines, in the sizes that C relies on."""
    key, seed = signing.key, signing.seed_signature.encode()
    context = f"{signing.date_time}\n{signing.scope}\n".encode()
    if len(key) != lib.ENGINE_SIGNING_KEY_SIZE or len(seed) != SIGNATURE_SIZE:
        raise ValueError("a signing key has 32 bytes, a signature 64 hex digits")
    if len(context) > lib.ENGINE_CHUNKED_CONTEXT_SIZE_MAX:
        raise ValueError(f"time and scope have {len(context)} bytes, more than {lib.ENGINE_CHUNKED_CONTEXT_SIZE_MAX}")
    return key, seed, context


def _parse_trailers(decoder: CData, promised: tuple[str, ...]) -> dict[str, str]:
    out = ffi.new("uint8_t[]", lib.ENGINE_CHUNKED_TRAILER_SIZE_MAX)
    size = lib.engine_chunked_trailer(decoder, out)
    lines = ffi.buffer(out, size)[:].decode("ascii").splitlines()
    pairs = [(name, value) for name, _, value in (line.partition(":") for line in lines)]
    if sorted(name for name, _ in pairs) != sorted(promised):
        raise MalformedTrailerError(reason=f"the trailing headers are {lines}, promised were {list(promised)}")
    return dict(pairs)


def _signature_wrong(report: CData) -> S3Error:
    return SignatureDoesNotMatch(reason=f"of chunk {report.chunk_number}, or of the trailer after it")


def _chunk_too_small(report: CData) -> S3Error:
    return InvalidChunkSizeError(Chunk=report.chunk_number, BadChunkSize=report.chunk_size)


def _trailer_malformed(_: CData) -> S3Error:
    return MalformedTrailerError()


def _incomplete(message: str | None, reason: str) -> Callable[[CData], S3Error]:
    return lambda report: IncompleteBody(message, reason=f"chunk {report.chunk_number}: {reason}")


REFUSALS: Final[Mapping[int, Callable[[CData], S3Error]]] = {
    lib.ENGINE_CHUNKED_MALFORMED: _incomplete(ENDED_EARLY, "no header where one must be, or no end"),
    lib.ENGINE_CHUNKED_SIGNATURE_WRONG: _signature_wrong,
    lib.ENGINE_CHUNKED_CHUNK_TOO_SMALL: _chunk_too_small,
    lib.ENGINE_CHUNKED_TOO_LONG: _incomplete(None, "more payload than x-amz-decoded-content-length says"),
    lib.ENGINE_CHUNKED_TOO_SHORT: _incomplete(None, "less payload than x-amz-decoded-content-length says"),
    lib.ENGINE_CHUNKED_TRAILER_MALFORMED: _trailer_malformed,
    lib.ENGINE_CHUNKED_EXCESS: _incomplete(None, "bytes after the end of the body"),
}
