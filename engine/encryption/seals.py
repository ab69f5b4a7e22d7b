"""The keys of an upload or object while a request works on it: what they make of its parts, ETags and checksums."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from engine.blobs.unsealed import damage_told
from engine.closing import Closing
from engine.encryption.customer_keys import CustomerKey
from engine.encryption.upload_keys import UploadKeys
from engine.meta.parts import Flag, PartRecord
from engine.meta.records import Encryption, StoredChecksum, replace
from engine.native.sealed import seal, unseal
from engine.native.secret import PartKey
from engine.record import Record

OF_WHOLE = 0
"""Stands for the whole object where a part has its number."""


class Seal(Record, Closing, frozen=True):
    """How something is encrypted, with its keys, which leaving the `with` wipes. One without either leaves all as it is."""

    keys: UploadKeys | None = None
    encryption: Encryption | None = None
    known: Mapping[tuple[int, bytes, bytes], bytes] | None = None
    """What was opened beforehand: checksums by number, ETag and how they are kept."""

    @staticmethod
    def of(made: tuple[UploadKeys, Encryption] | None) -> "Seal":
        """That of what is begun now."""
        return CLEAR if made is None else Seal(*made)

    @property
    def flags(self) -> Flag:
        """How its parts are kept."""
        if self.encryption is None:
            return Flag.NONE
        return Flag.SEALED | Flag.HIDDEN if self.encryption.hides_digests else Flag.SEALED

    def part(self, number: int) -> PartKey | None:
        """What seals and opens a part."""
        return self.keys.part(number) if self.keys is not None else None

    def etag(self, number: int, md5: bytes) -> bytes:
        """The ETag of a part, from the MD5 of its bytes."""
        return self.keys.etag(number, md5) if self.keys is not None and self.flags & Flag.HIDDEN else md5

    def hide(self, number: int, etag: bytes, checksum: bytes) -> bytes:
        """A checksum as it is kept."""
        if self.keys is None or not self.flags & Flag.HIDDEN or not checksum:
            return checksum
        return self.keys.seal_digest(number, etag, checksum)

    def reveal(self, numbers: Sequence[int], etags: Sequence[bytes], kept: Sequence[bytes]) -> list[bytes]:
        """Checksums that were kept.

        Raises:
            InternalError: they are not as they were sealed.
        """
        if self.keys is None or not self.flags & Flag.HIDDEN or not any(kept):
            return list(kept)
        known = [self.known.get(each) for each in zip(numbers, etags, kept, strict=True)] if self.known else [None]
        if None not in known:
            return cast("list[bytes]", known)
        with damage_told("a checksum"):
            return self.keys.open_digests(numbers, etags, kept)

    def with_opened_checksums(self, numbers: Sequence[int], etags: Sequence[bytes], kept: Sequence[bytes]) -> "Seal":
        """The same with some checksums opened, so that a step need not; it is closed with this one.

        Raises:
            InternalError: they are not as they were sealed.
        """
        opened = self.reveal(numbers, etags, kept)
        if opened == list(kept):
            return self
        return replace(self, known=dict(zip(zip(numbers, etags, kept, strict=True), opened, strict=True)))

    def hide_whole(self, etag: str, checksum: StoredChecksum | None) -> StoredChecksum | None:
        """The checksum of the whole object as it is kept; `etag` is its ETag, bare."""
        if checksum is None:
            return None
        return replace(checksum, value=self.hide(OF_WHOLE, etag.encode(), checksum.value))

    def reveal_whole(self, etag: str, kept: StoredChecksum | None) -> StoredChecksum | None:
        """The reverse.

        Raises:
            InternalError: it is not as it was sealed.
        """
        if kept is None:
            return None
        (value,) = self.reveal([OF_WHOLE], [etag.encode()], [kept.value])
        return replace(kept, value=value)

    def reveal_parts(self, parts: Sequence[PartRecord]) -> list[PartRecord]:
        """Parts with their checksums in clear.

        Raises:
            InternalError: one is not as it was sealed.
        """
        checksums = [part.checksum for part in parts]
        revealed = self.reveal([part.number for part in parts], [part.etag for part in parts], checksums)
        if revealed == checksums:
            return list(parts)
        return [replace(part, checksum=value) for part, value in zip(parts, revealed, strict=True)]

    def close(self) -> None:
        """Wipe the keys; again is harmless."""
        if self.keys is not None:
            self.keys.close()


CLEAR = Seal()
"""No encryption."""


def encryption_members(encryption: Encryption | None, customer: CustomerKey | None) -> dict[str, Any]:
    """The members of an answer that tell how something is encrypted; of a customer's key, its MD5 as the request had it."""
    if customer is not None:
        return {"sse_customer_algorithm": customer.algorithm, "sse_customer_key_md5": customer.key_md5}
    if encryption is None or encryption.kind == "SSE-C":
        return {}
    return {
        "server_side_encryption": encryption.kind,
        "ssekms_key_id": encryption.key_id if encryption.kind == "aws:kms" else None,
        "bucket_key_enabled": encryption.bucket_key or None,
    }


def sealed_inline(data: bytes, part: PartKey | None) -> bytes:
    """A small part as its row keeps it."""
    return data if part is None else seal(data, part)


def unsealed_inline(data: bytes, part: PartKey | None) -> bytes:
    """The reverse.

    Raises:
        InternalError: it is not what was sealed.
    """
    if part is None:
        return data
    with damage_told("a small part"):
        return unseal(data, part)
