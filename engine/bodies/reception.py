"""Receives a body: streams it into a blob (or memory if it is small), compares it with its promise, and makes it durable.

A refused body leaves nothing behind. The caller takes care of buckets, uploads and rows.
"""

import base64
import binascii
import contextlib
import hmac
import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from engine.blobs import BLOB_ID_SIZE, Blobs, NewBlob
from engine.blobs.failures import storage_failure
from engine.bodies.sources import Body, Source, source_of
from engine.checksums import DEFAULT, Algorithm, ChecksumPromise
from engine.encryption.seals import CLEAR, Seal, sealed_inline
from engine.errors import (
    BadDigest,
    CommitUnknown,
    EngineError,
    EntityTooLarge,
    IncompleteBody,
    InvalidArgument,
    InvalidDigest,
    XAmzContentSHA256Mismatch,
)
from engine.meta.parts import Flag, PartRecord
from engine.native.errors import WriteFailed
from engine.native.stream import Digest, Stream
from engine.record import Record, replace
from engine.refusals import invalid_content_sha256
from engine.shapes.requests import Digests

MD5_SIZE = 16


class Promise(Record, frozen=True):
    """The size in bytes and the digests that a request promises of its body."""

    size: int | None
    md5: bytes | None
    sha256: str | None
    checksum: ChecksumPromise | None = None
    kept: Algorithm | None = DEFAULT
    """The algorithm of the checksum that is stored with the bytes; None: no checksum is stored."""

    @staticmethod
    def of(request: Digests, checksum: ChecksumPromise | None = None) -> "Promise":
        """Read the promises of a request.

        Raises:
            InvalidDigest: Content-MD5 is not base64 of 16 bytes (RFC 1864).
            InvalidArgument: the length is negative, or the SHA-256 is not 64 hex digits.
        """
        content_length, content_sha256 = request.get("content_length"), request.get("content_sha256")
        if content_length is not None and content_length < 0:
            raise InvalidArgument(
                "Content-Length must not be negative", ArgumentName="Content-Length", ArgumentValue=content_length
            )
        if content_sha256 is not None and not _is_hex(content_sha256, 32):
            raise invalid_content_sha256(content_sha256)
        sha256 = content_sha256.lower() if content_sha256 else None
        return Promise(content_length, _md5_of(request.get("content_md5")), sha256, checksum)

    def keeping(self, algorithm: Algorithm | None) -> "Promise":
        """Return the same promise, with this algorithm for the stored checksum."""
        return replace(self, kept=algorithm)

    @property
    def digests(self) -> Digest:
        """Return the digests to compute while the body comes in; always the MD5, for the ETag."""
        sha256 = Digest.SHA256 if self.sha256 is not None else Digest(0)
        promised = self.checksum.algorithm.digest if self.checksum else Digest(0)
        return Digest.MD5 | sha256 | promised | (self.kept.digest if self.kept else Digest(0))


def _md5_of(content_md5: str | None) -> bytes | None:
    if content_md5 is None:
        return None
    try:
        digest = base64.b64decode(content_md5, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != MD5_SIZE:
        raise InvalidDigest(**{"Content-MD5": content_md5})
    return digest


def _is_hex(text: str, size: int) -> bool:
    try:
        return len(text) == 2 * size and len(bytes.fromhex(text)) == size
    except ValueError:
        return False


class DigestText(Protocol):
    """Formats the digest that BadDigest names: AWS answers in hex on PutObject and in base64 on UploadPart."""

    def __call__(self, digest: bytes, /) -> str: ...


def in_base64(digest: bytes) -> str:
    """Return a digest in base64, as HTTP headers carry it."""
    return base64.b64encode(digest).decode()


def in_hex(digest: bytes) -> str:
    """Return a digest in hex, as ETags have it."""
    return digest.hex()


class Arrival(Record, frozen=True):
    """A received body that matches its promise, and is durable unless it is `inline`; `md5` has 16 bytes.

    Size and digests are those of the plaintext, even if `inline` or the blob is sealed.
    """

    blob_id: bytes
    size: int
    md5: bytes
    kept: bytes
    """The checksum to be stored, in clear as raw bytes; empty, as is `algorithm`, if none is stored."""
    algorithm: str
    inline: bytes | None
    checksums: dict[str, Any]
    """The checksums that were promised, by the member of the answer that echoes them."""
    seal: Seal = CLEAR
    taken: PartRecord | None = None
    """The stored part whose bytes are shared, sealed as they are; None for a body that was read."""

    def as_part(self, number: int, now_ns: int) -> PartRecord:
        """Return the record of a part with these bytes; `number` is the part number that they were sealed for."""
        if self.taken is not None:
            return replace(self.taken, number=number, modified_ns=now_ns, blob_id=self.blob_id)
        flags = self.seal.flags | (Flag.NONE if self.inline is None else Flag.INLINE)
        etag = self.seal.etag(number, self.md5)
        checksum = self.seal.hide(number, etag, self.kept)
        return PartRecord(number, self.size, now_ns, self.blob_id, etag, flags, checksum, self.algorithm)


class Reception(Record, frozen=True):
    """Receives bodies for one store."""

    blobs: Blobs
    inline_size_bytes_max: int
    names_blob: Callable[[bytes], bool]
    settle: Callable[[NewBlob], None]
    """Takes over a blob when it is not yet known whether a committed row names it."""

    @contextlib.contextmanager
    def receive(
        self,
        body: Body,
        promise: Promise,
        *,
        size_max: int,
        as_text: DigestText,
        seal: Seal = CLEAR,
        part_number: int = 1,
    ) -> Iterator[Arrival]:
        """Receive a body. The caller commits its row inside the `with`; leaving the `with` by an S3Error removes the bytes.

        With keys in `seal`, the body is sealed as part `part_number`.

        Raises:
            EntityTooLarge: the body has more than `size_max` bytes.
            IncompleteBody: the body has another size than promised.
            BadDigest, XAmzContentSHA256Mismatch: the body has another digest than promised.
            InvalidRequest: the promised trailing header has no valid value.
            StoreFull, InternalError: the body could not be stored.
            ReadFailed: the body could not be read.
        """
        source = source_of(body)
        length = _expected_length(source, promise, size_max)
        inline_max = min(self.inline_size_bytes_max, size_max)
        head = b""
        if length is None or length <= inline_max:
            head = source.take(inline_max + 1 if length is None else length)
            if len(head) <= inline_max:
                arrival = _receive_inline(source, head, length, promise, as_text)
                yield replace(arrival, inline=sealed_inline(head, seal.part(part_number)), seal=seal)
                return
        attempt = self.blobs.attempt(promise.digests, length, seal.part(part_number))
        with self._in_flight(attempt):
            try:
                _feed(source, attempt.stream, head, length, size_max)
                md5, kept, checksums = _check(source, attempt.stream, length, promise, as_text)
            except WriteFailed as error:
                raise storage_failure("writing a part", error) from error
            attempt.persist()
            size, algorithm = attempt.stream.size, promise.kept.name if promise.kept else ""
            yield Arrival(attempt.blob_id, size, md5, kept, algorithm, None, checksums, seal)
            attempt.keep()

    @contextlib.contextmanager
    def share(self, part: PartRecord, kept: bytes, blob: NewBlob, seal: Seal) -> Iterator[Arrival]:
        """Share the bytes of a stored part through `blob`, a link to its file. The caller goes on as with `receive`.

        `kept` is the part's checksum in clear.

        Raises:
            StoreFull, InternalError: the blob could not be made durable.
        """
        with self._in_flight(blob):
            blob.persist()
            yield Arrival(blob.blob_id, part.size, part.etag, kept, part.algorithm, None, {}, seal, part)
            blob.keep()

    @contextlib.contextmanager
    def _in_flight(self, blob: NewBlob) -> Iterator[None]:
        try:
            with blob:
                yield
        except CommitUnknown:
            with contextlib.suppress(EngineError, OSError):  # a later collection decides
                self.blobs.collect(blob.blob_id, self.names_blob)
            raise
        finally:
            if blob.is_undecided:
                self.settle(blob)


def _expected_length(source: Source, promise: Promise, size_max: int) -> int | None:
    """Return the body's length if body or promise tells it before reading, else None; check that they agree."""
    length = source.length if promise.size is None else promise.size
    if length is not None and length > size_max:
        raise EntityTooLarge(ProposedSize=length, MaxSizeAllowed=size_max)
    if source.length is not None and promise.size is not None and source.length < promise.size:
        raise IncompleteBody(reason=f"the body has {source.length} bytes, Content-Length says {promise.size}")
    return length


def _receive_inline(source: Source, head: bytes, length: int | None, promise: Promise, as_text: DigestText) -> Arrival:
    with Stream(promise.digests) as stream:
        stream.update(head)
        md5, kept, checksums = _check(source, stream, length, promise, as_text)
    algorithm = promise.kept.name if promise.kept else ""
    return Arrival(os.urandom(BLOB_ID_SIZE), len(head), md5, kept, algorithm, head, checksums)


def _feed(source: Source, stream: Stream, head: bytes, length: int | None, size_max: int) -> None:
    if head:
        stream.update(head)
    source.feed(stream, (size_max + 1 if length is None else length) - len(head))
    if stream.size > size_max:
        raise EntityTooLarge(ProposedSize=stream.size, MaxSizeAllowed=size_max)


def _check(
    source: Source, stream: Stream, length: int | None, promise: Promise, as_text: DigestText
) -> tuple[bytes, bytes, dict[str, Any]]:
    """Compare the body, read to its end, with its promise; return its MD5, the checksum to store, and those to echo."""
    if length is not None and stream.size < length:
        raise IncompleteBody(reason=f"the body ended after {stream.size} of {length} bytes")
    if promise.size is not None and source.has_more():
        raise IncompleteBody(reason=f"the body has more than the {promise.size} bytes that Content-Length says")
    trailers = source.finish()
    md5 = stream.digest(Digest.MD5)
    if promise.md5 is not None and not hmac.compare_digest(md5, promise.md5):
        raise BadDigest(ExpectedDigest=as_text(promise.md5), CalculatedDigest=in_base64(md5))
    if promise.sha256 is not None:
        sha256 = stream.digest(Digest.SHA256).hex()
        if not hmac.compare_digest(sha256, promise.sha256):
            raise XAmzContentSHA256Mismatch(ClientComputedContentSHA256=promise.sha256, S3ComputedContentSHA256=sha256)
    echoed = promise.checksum.check(stream, trailers) if promise.checksum else {}
    return md5, stream.digest(promise.kept.digest) if promise.kept else b"", echoed


def check_document(document: bytes, promise: Promise) -> None:
    """Compare a small body that is not stored with its promise.

    Raises:
        IncompleteBody, BadDigest, XAmzContentSHA256Mismatch: it has another size or digest than promised.
    """
    source = source_of(document)
    _receive_inline(source, source.take(len(document)), promise.size, promise, in_base64)
