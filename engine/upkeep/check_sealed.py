"""Check, of what the store has the keys of: parts sealed by SSE-S3 are opened, and held against what is known of their plaintext."""

import contextlib
from collections.abc import Callable, Iterator

from engine.blobs import BlobReader
from engine.bodies.readers import open_part, proof_of
from engine.core import Context
from engine.encryption.seals import Seal
from engine.errors import InternalError, NoSuchBucket, NoSuchUpload
from engine.meta import Trash, TrashKind, UploadEntry, VersionEntry
from engine.meta.parts import PartRecord
from engine.meta.records import Encryption
from engine.meta.walks import uploads_of, versions_of
from engine.native.stream import Digest, Stream

READ_SIZE = 1024 * 1024


class CheckSealed:
    """The part of a check that needs keys. Parts under SSE-KMS are left out: each key would cost a call of the key provider."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self) -> tuple[int, list[str]]:
        """Open every part of SSE-S3: how many there are, and the blobs that are not what was sealed."""
        count, damaged = 0, list[str]()
        for bucket in self._context.meta.usage():
            with contextlib.suppress(NoSuchBucket):  # deleted meanwhile
                for version in versions_of(self._context.meta, bucket):
                    count += self._check_parts(version, bucket, self._of_version(version), damaged.append)
                for upload in uploads_of(self._context.meta, bucket):
                    count += self._check_parts(upload, bucket, self._of_upload(bucket, upload), damaged.append)
        return count, damaged

    def _of_version(self, entry: VersionEntry) -> Iterator[tuple[Trash, PartRecord]]:
        manifest_id = entry.record.manifest_id
        manifest = self._context.meta.find_manifest(manifest_id)
        for part in manifest.parts if manifest is not None else ():
            yield Trash(TrashKind.MANIFEST, manifest_id), part

    def _of_upload(self, bucket: str, entry: UploadEntry) -> Iterator[tuple[Trash, PartRecord]]:
        with contextlib.suppress(NoSuchUpload):  # ended meanwhile
            _, parts = self._context.meta.list_parts(
                bucket, entry.key, entry.upload_id, 0, self._context.limits.part_number_max
            )
            for part in parts:
                yield Trash(TrashKind.UPLOAD, entry.upload_id.nonce), part

    def _check_parts(
        self,
        entry: VersionEntry | UploadEntry,
        bucket: str,
        parts: Iterator[tuple[Trash, PartRecord]],
        on_damage: Callable[[str], None],
    ) -> int:
        encryption = entry.record.encryption
        if encryption is None or encryption.kind != "AES256":
            return 0
        seal, count = self._opened_seal(encryption, bucket, entry.key.decode()), 0
        with seal if seal is not None else contextlib.nullcontext():
            for owner, part in parts:
                count += 1
                is_right = seal is not None and self._is_plain(part, seal)
                if not is_right and self._context.meta.holds_part(owner, part):
                    on_damage(part.blob_id.hex())
        return count

    def _opened_seal(self, encryption: Encryption, bucket: str, key: str) -> Seal | None:
        try:
            return self._context.seal_for_read(encryption, bucket, key, None)
        except InternalError:  # the ring lacks the key, or the row is damaged: nobody can read it
            return None

    def _is_plain(self, part: PartRecord, seal: Seal) -> bool:
        try:
            with contextlib.closing(open_part(part, self._context.meta, self._context.blobs, seal)) as reader:
                return has_digests(part, reader, proof_of(part))
        except InternalError:
            return False


def has_digests(part: PartRecord, reader: BlobReader, proof: Digest) -> bool:
    """Whether bytes have the MD5 of a part's row, and, by `proof`, its checksum."""
    view = memoryview(bytearray(READ_SIZE))
    with Stream(Digest.MD5 | proof) as stream:
        while stream.size < reader.size and (count := reader.read_into(view, stream.size)):
            stream.update(view[:count])
        return stream.digest(Digest.MD5) == part.etag and (not proof or stream.digest(proof) == part.checksum)
