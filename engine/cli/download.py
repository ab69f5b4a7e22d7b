"""Copy an object out of the store: its parts in parallel into a temporary file, which is verified by the ETag and then renamed."""

import hashlib
import os
from dataclasses import dataclass

import engine
from engine.cli.failures import CommandError, calling
from engine.cli.files import replacing
from engine.cli.parallel import in_parallel
from engine.cli.progress import Advance, progress
from engine.cli.transfer import Location, Transfer
from engine.shapes.answers import StreamingBody

_COPY_BYTES = 1 << 20


def download(store: engine.Store, location: Location, path: str, *, jobs: int) -> Transfer:
    """Copy the object to the file, completely or not at all.

    Raises:
        CommandError: the bytes that were read do not match the ETag.
        OperationRefused: the store refuses; PreconditionFailed if the object is replaced during the copy.
    """
    with calling("GetObject"):  # the refusals of HeadObject would say no more than 404
        whole = store.head_object(location.bucket, location.key)
        count = store.head_object(location.bucket, location.key, part_number=1, if_match=whole.etag).parts_count
    with progress(os.path.basename(path), whole.content_length) as advance, replacing(path) as file:
        parts = PartDownload(store, location, whole.etag, file.fileno(), advance)
        numbers: list[int | None] = [None] if count is None else list(range(1, count + 1))
        pieces = in_parallel(parts.fetch, numbers, jobs)
        _check(location, whole.etag, whole.content_length, pieces)
    return Transfer(whole.etag, whole.content_length, len(pieces))


@dataclass(frozen=True, slots=True)
class Piece:
    """Size and MD5 of a part that was copied."""

    size_bytes: int
    md5: bytes


@dataclass(frozen=True, slots=True)
class PartDownload:
    """Copies the parts of one object into the file behind a descriptor."""

    store: engine.Store
    location: Location
    etag: str
    descriptor: int
    advance: Advance

    def fetch(self, part_number: int | None) -> Piece:
        """Copy one part to its offset in the file; None: the whole object, which has no parts."""
        bucket, key = self.location.bucket, self.location.key
        with calling("GetObject"):
            answer = self.store.get_object(bucket, key, part_number=part_number, if_match=self.etag)
            assert answer.body is not None
            with answer.body as body:
                return self._copy(body, _first_byte(answer.content_range))

    def _copy(self, body: StreamingBody, offset: int) -> Piece:
        """Write the body at the offset, in blocks that fit into a processor's caches."""
        block = memoryview(bytearray(_COPY_BYTES))
        start, digest = offset, hashlib.md5(usedforsecurity=False)
        while count := body.readinto(block):
            _write_at(self.descriptor, block[:count], offset)
            digest.update(block[:count])
            offset += count
            self.advance(count)
        return Piece(offset - start, digest.digest())


def _first_byte(content_range: str | None) -> int:
    """Read the offset from `bytes 100-199/1000`; an answer with the whole object may have no Content-Range."""
    return int(content_range.removeprefix("bytes ").partition("-")[0]) if content_range else 0


def _write_at(descriptor: int, view: memoryview, offset: int) -> None:
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _check(location: Location, etag: str, size_bytes: int, pieces: list[Piece]) -> None:
    """Compare the pieces with the object's size and ETag, which is the MD5 of the object, or of its parts' MD5s."""
    digest, _, count = etag.strip('"').partition("-")
    digests = b"".join(piece.md5 for piece in pieces)
    md5 = hashlib.md5(digests, usedforsecurity=False).digest() if count else digests
    if sum(piece.size_bytes for piece in pieces) != size_bytes or md5.hex() != digest:
        raise CommandError(
            f"{location} does not match its ETag {etag}; `partwright check --deep` shows what is damaged"
        )
