"""Copy a file into the store: a small one by PutObject, others in parallel parts, resuming an earlier copy that was interrupted."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import engine
from engine.cli.failures import CommandError, calling
from engine.cli.parallel import in_parallel
from engine.cli.progress import Advance, progress
from engine.cli.transfer import Location, Range, Transfer, ranges
from engine.limits import Limits
from engine.native.stream import Digest, Stream


def upload(store: engine.Store, path: str, location: Location, *, part_size_bytes: int, jobs: int) -> Transfer:
    """Copy the file to the location.

    Raises:
        CommandError: the file is not a regular one, is too large, or changes during the copy.
        OperationRefused: the store refuses.
    """
    source = Source.of(path)
    pieces = ranges(source.size_bytes, part_size_bytes, Limits())
    with progress(os.path.basename(path), source.size_bytes) as advance:
        if len(pieces) == 1:
            return _put(store, source, location, advance)
        return _upload_parts(store, source, location, pieces, jobs, advance)


@dataclass(frozen=True, slots=True)
class Source:
    """The file to copy, with its identity when the copy began. Each reader opens it anew, and so has a position of its own."""

    path: str
    identity: tuple[int, int, int, int]

    @classmethod
    def of(cls, path: str) -> "Source":
        """Record the identity of the file at a path.

        Raises:
            CommandError: it is not a regular file.
        """
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise CommandError(f"{path} is not a regular file")
        return cls(path, _identity(status))

    @property
    def size_bytes(self) -> int:
        return self.identity[2]

    @contextmanager
    def opened_at(self, offset: int) -> Iterator[int]:
        """Give a descriptor positioned at the offset.

        Raises:
            CommandError: the file has changed since the copy began; checked before the block and after it.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._check(descriptor)
            os.lseek(descriptor, offset, os.SEEK_SET)
            yield descriptor
            self._check(descriptor)
        finally:
            os.close(descriptor)

    def _check(self, descriptor: int) -> None:
        if _identity(os.fstat(descriptor)) != self.identity:
            raise CommandError(f"{self.path} changed while it was copied; run the command again")


@dataclass(frozen=True, slots=True)
class PartUpload:
    """Sends parts of the source to an open upload, which may have some of them already."""

    store: engine.Store
    source: Source
    location: Location
    upload_id: str
    found: dict[int, engine.Part]
    """The parts that the upload had when the copy began, by number."""
    advance: Advance

    def send(self, piece: Range) -> tuple[engine.CompletedPart, bool]:
        """Upload one part unless the upload has it already, equal to the file; return the part, and whether it was there.

        Size and MD5 are compared, since the open upload may be of another file, or have parts of another size.
        """
        part = self.found.get(piece.part_number)
        with self.source.opened_at(piece.offset) as descriptor:
            known = part is not None and part.size == piece.size_bytes and part.etag == _etag(descriptor, piece)
            etag = part.etag if part is not None and known else self._upload(descriptor, piece)
        self.advance(piece.size_bytes)
        return engine.CompletedPart(piece.part_number, etag), known

    def _upload(self, descriptor: int, piece: Range) -> str:
        with calling("UploadPart"):
            return self.store.upload_part(
                self.location.bucket,
                self.location.key,
                self.upload_id,
                piece.part_number,
                descriptor,
                content_length=piece.size_bytes,
            ).etag


def _put(store: engine.Store, source: Source, location: Location, advance: Advance) -> Transfer:
    with source.opened_at(0) as descriptor, calling("PutObject"):
        etag = store.put_object(location.bucket, location.key, descriptor, content_length=source.size_bytes).etag
    advance(source.size_bytes)
    return Transfer(etag, source.size_bytes, parts=1)


def _upload_parts(
    store: engine.Store, source: Source, location: Location, pieces: list[Range], jobs: int, advance: Advance
) -> Transfer:
    upload_id = newest_upload(store, location)
    found: dict[int, engine.Part] = {}
    if upload_id is not None:
        found = listed_parts(store, location, upload_id)
    else:
        with calling("CreateMultipartUpload"):
            upload_id = store.create_multipart_upload(location.bucket, location.key).upload_id
    parts = PartUpload(store, source, location, upload_id, found, advance)
    sent = in_parallel(parts.send, pieces, jobs)
    with calling("CompleteMultipartUpload"):
        done = store.complete_multipart_upload(location.bucket, location.key, upload_id, [part for part, _ in sent])
    return Transfer(done.etag, source.size_bytes, len(sent), sum(known for _, known in sent))


def newest_upload(store: engine.Store, location: Location) -> str | None:
    """Return the open upload of the key that was initiated last, or None."""
    newest = None
    key_marker = upload_id_marker = ""
    while True:
        with calling("ListMultipartUploads"):
            page = store.list_multipart_uploads(
                location.bucket, prefix=location.key, key_marker=key_marker, upload_id_marker=upload_id_marker
            )
        # Uploads come by key, then by initiation, and the key itself comes before all longer keys that begin with it.
        same = [upload for upload in page.uploads or () if upload.key == location.key]
        newest = same[-1].upload_id if same else newest
        if not page.is_truncated or len(same) < len(page.uploads or ()):
            return newest
        key_marker, upload_id_marker = page.next_key_marker, page.next_upload_id_marker


def listed_parts(store: engine.Store, location: Location, upload_id: str) -> dict[int, engine.Part]:
    """Return all parts of the upload by number."""
    parts: dict[int, engine.Part] = {}
    marker = 0
    while True:
        with calling("ListParts"):
            page = store.list_parts(location.bucket, location.key, upload_id, part_number_marker=marker)
        parts |= {part.part_number: part for part in page.parts or ()}
        if not page.is_truncated:
            return parts
        marker = page.next_part_number_marker


def _etag(descriptor: int, piece: Range) -> str:
    """Compute the ETag that the store would give the piece."""
    with Stream(Digest.MD5) as stream:
        stream.pump(descriptor, piece.size_bytes, in_offset=piece.offset)
        return f'"{stream.digest(Digest.MD5).hex()}"'


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
