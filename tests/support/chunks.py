"""aws-chunked bodies, written by another hand than the decoder's: whole, or as the chunks they are made of, to be tampered with."""

import hashlib
import hmac
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.s3.payload import ChunkSigning

TIME = "20260401T101112Z"
SCOPE = "20260401/us-east-1/s3/aws4_request"
SIGNING = ChunkSigning(
    hashlib.sha256(b"some signing key").digest(), hashlib.sha256(b"some seed").hexdigest(), TIME, SCOPE
)
NO_HASH = hashlib.sha256(b"").hexdigest()
Trailers = Sequence[tuple[str, str]]


class RawBody(io.BytesIO):
    """A body as a server gives it: at most `most` bytes a read."""

    def __init__(self, data: bytes, most: int | None = None) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if self.most is not None and size is not None:
            size = min(size, self.most)
        return super().read(size)


@dataclass(frozen=True)
class Chunk:
    """One chunk as it is sent; the last one has no data, and no CRLF of its own after it."""

    data: bytes
    signature: str | None = None

    def __bytes__(self) -> bytes:
        mark = f";chunk-signature={self.signature}" if self.signature else ""
        return f"{len(self.data):x}{mark}\r\n".encode() + self.data + (b"\r\n" if self.data else b"")


@dataclass(frozen=True)
class Encoded:
    """A body: its chunks with the last one, and its trailer with its signature, if it has any."""

    chunks: tuple[Chunk, ...]
    trailers: tuple[tuple[str, str], ...] = ()
    end: bytes = b"\r\n"

    def __bytes__(self) -> bytes:
        trailers = b"".join(f"{name}:{value}\r\n".encode() for name, value in self.trailers)
        return b"".join(map(bytes, self.chunks)) + trailers + self.end

    def with_chunk(self, index: int, chunk: Chunk) -> "Encoded":
        return replace(self, chunks=(*self.chunks[:index], chunk, *self.chunks[index + 1 :]))


def sign_chunk(signing: ChunkSigning, previous: str, data: bytes) -> str:
    """The signature of a chunk."""
    hashed = hashlib.sha256(data).hexdigest()
    lines = ["AWS4-HMAC-SHA256-PAYLOAD", signing.date_time, signing.scope, previous, NO_HASH, hashed]
    return hmac.new(signing.key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def sign_trailers(signing: ChunkSigning, previous: str, trailers: Trailers) -> str:
    """The signature of the trailing headers."""
    hashed = hashlib.sha256("".join(f"{name.lower()}:{value}\n" for name, value in trailers).encode()).hexdigest()
    lines = ["AWS4-HMAC-SHA256-TRAILER", signing.date_time, signing.scope, previous, hashed]
    return hmac.new(signing.key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def encoded(
    pieces: Sequence[bytes], *, signing: ChunkSigning | None = None, trailers: Trailers | None = None
) -> Encoded:
    """A body of the given chunks; `trailers` None: of a kind that has none."""
    chunks = []
    previous = signing.seed_signature if signing else ""
    for piece in (*pieces, b""):
        previous = sign_chunk(signing, previous, piece) if signing else ""
        chunks.append(Chunk(piece, previous or None))
    sent = tuple(trailers or ())
    if signing and trailers is not None:
        sent += (("x-amz-trailer-signature", sign_trailers(signing, previous, trailers)),)
    return Encoded(tuple(chunks), sent)


def cut(payload: bytes, size: int) -> list[bytes]:
    """A payload in chunks of one size."""
    return [payload[start : start + size] for start in range(0, len(payload), size)]


def encode(
    payload: bytes, size: int, *, signing: ChunkSigning | None = None, trailers: Trailers | None = None
) -> bytes:
    """The bytes of a body in chunks of one size."""
    return bytes(encoded(cut(payload, size), signing=signing, trailers=trailers))
