"""Copy an object out of the store: its parts side by side into a file beside the target, checked against the ETag, then renamed."""

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
    """Copy the object to the file, all or nothing.

    Raises:
        CommandError: what was read is not what the ETag stands for.
        OperationRefused: the store refuses; PreconditionFailed if the object is replaced meanwhile.
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
    """What was read of one part."""

    size_bytes: int
    md5: bytes


@dataclass(frozen=True, slots=True)
class PartDownload:
    """The object that is read and the file it goes to."""

    store: engine.Store
    location: Location
    etag: str
    descriptor: int
    advance: Advance

    def fetch(self, part_number: int | None) -> Piece:
        """Copy one part to its place in the file; None: the whole object, which was put in one piece."""
        bucket, key = self.location.bucket, self.location.key
        with calling("GetObject"):
            answer = self.store.get_object(bucket, key, part_number=part_number, if_match=self.etag)
            assert answer.body is not None
            with answer.body as body:
                return self._copy(body, _first_byte(answer.content_range))

    def _copy(self, body: StreamingBody, offset: int) -> Piece:
        """Write the body at the offset, in blocks that the caches of a processor hold."""
        block = memoryview(bytearray(_COPY_BYTES))
        begin, digest = offset, hashlib.md5(usedforsecurity=False)
        while count := body.readinto(block):
            _write_at(self.descriptor, block[:count], offset)
            digest.update(block[:count])
            offset += count
            self.advance(count)
        return Piece(offset - begin, digest.digest())


def _first_byte(content_range: str | None) -> int:
    """Read the offset out of `bytes 100-199/1000`; a part that is all of the object may come without it."""
    return int(content_range.removeprefix("bytes ").partition("-")[0]) if content_range else 0


def _write_at(descriptor: int, view: memoryview, offset: int) -> None:
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _check(location: Location, etag: str, size_bytes: int, pieces: list[Piece]) -> None:
    """Compare what was read with size and ETag: the MD5 of the object, or the MD5 of its parts' MD5s."""
    digest, _, count = etag.strip('"').partition("-")
    digests = b"".join(piece.md5 for piece in pieces)
    md5 = hashlib.md5(digests, usedforsecurity=False).digest() if count else digests
    if sum(piece.size_bytes for piece in pieces) != size_bytes or md5.hex() != digest:
        raise CommandError(
            f"{location} does not match its ETag {etag}; `partwright check --deep` shows what is damaged"
        )
