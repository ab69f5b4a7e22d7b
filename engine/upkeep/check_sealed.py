"""Checks parts whose keys the store has: decrypts those under SSE-S3, and compares the plaintext with the digests in its row."""

import contextlib
from collections.abc import Iterator

from engine.blobs import BlobReader
from engine.bodies.readers import open_part, proof_of
from engine.core import Context
from engine.encryption.seals import Seal
from engine.errors import InternalError
from engine.meta import Trash
from engine.meta.parts import PartRecord
from engine.meta.records import Encryption
from engine.native.stream import Digest, Stream

READ_SIZE = 1024 * 1024


class CheckSealed:
    """The part of a check that needs keys. It skips parts under SSE-KMS, since each key would cost a call of the key provider."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self, counts: dict[str, int]) -> Iterator[str]:
        """Decrypt every part under SSE-S3, count them, and yield the ids of those blobs that do not match. Damaged rows are skipped."""
        for bucket, key, holder, encryption in self._context.meta.walk_holders():
            if encryption is not None and encryption.kind == "AES256":
                with contextlib.suppress(InternalError):
                    yield from self._check_parts(holder, encryption, bucket, key.decode(), counts)

    def _check_parts(
        self, holder: Trash, encryption: Encryption, bucket: str, key: str, counts: dict[str, int]
    ) -> Iterator[str]:
        seal = self._opened_seal(encryption, bucket, key)
        with seal if seal is not None else contextlib.nullcontext():
            for part in self._context.meta.parts_of(holder):
                counts["opened_parts"] += 1
                is_right = seal is not None and self._matches_row(part, seal)
                if not is_right and self._context.meta.holds_part(holder, part):
                    yield part.blob_id.hex()

    def _opened_seal(self, encryption: Encryption, bucket: str, key: str) -> Seal | None:
        try:
            return self._context.seal_for_read(encryption, bucket, key, None)
        except InternalError:  # the ring lacks the key, or the row is damaged: reads fail, too
            return None

    def _matches_row(self, part: PartRecord, seal: Seal) -> bool:
        try:
            with contextlib.closing(open_part(part, self._context.meta, self._context.blobs, seal)) as reader:
                return has_digests(part, reader, proof_of(part))
        except InternalError:
            return False


def has_digests(part: PartRecord, reader: BlobReader, proof: Digest) -> bool:
    """Tell whether bytes match the MD5 of a part's row, and its checksum, whose algorithm is `proof`, if any."""
    view = memoryview(bytearray(READ_SIZE))
    with Stream(Digest.MD5 | proof) as stream:
        while stream.size < reader.size and (count := reader.read_into(view, stream.size)):
            stream.update(view[:count])
        return stream.digest(Digest.MD5) == part.etag and (not proof or stream.digest(proof) == part.checksum)
