"""The encryption of one upload or object while a request works on it: sealing its parts, ETags and checksums."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from engine.blobs.failures import damage_as_internal_error
from engine.closing import Closing
from engine.encryption.customer_keys import CustomerKey
from engine.encryption.upload_keys import UploadKeys
from engine.meta.parts import Flag, PartRecord
from engine.meta.records import Encryption, StoredChecksum, replace
from engine.native.sealed import seal, unseal
from engine.native.secret import PartKey
from engine.record import Record

OF_WHOLE = 0
"""The digests of a whole object are encrypted under this number, those of a part under the part number."""


class Seal(Record, Closing, frozen=True):
    """How an upload or object is encrypted, and its keys, which leaving the `with` wipes. A seal without keys changes no bytes."""

    keys: UploadKeys | None = None
    encryption: Encryption | None = None
    known: Mapping[tuple[int, bytes, bytes], bytes] | None = None
    """Checksums in clear that were opened beforehand, by part number, ETag and sealed checksum."""

    @staticmethod
    def of(made: tuple[UploadKeys, Encryption] | None) -> "Seal":
        """Return a seal for a new upload or object."""
        return CLEAR if made is None else Seal(*made)

    @property
    def flags(self) -> Flag:
        """Return the flags of its parts' rows."""
        if self.encryption is None:
            return Flag.NONE
        return Flag.SEALED | Flag.HIDDEN if self.encryption.hides_digests else Flag.SEALED

    def part(self, number: int) -> PartKey | None:
        """Return the key that seals and opens a part; None if it is not encrypted."""
        return self.keys.part(number) if self.keys is not None else None

    def etag(self, number: int, md5: bytes) -> bytes:
        """Return the ETag of a part, given the MD5 of its bytes."""
        return self.keys.etag(number, md5) if self.keys is not None and self.flags & Flag.HIDDEN else md5

    def hide(self, number: int, etag: bytes, checksum: bytes) -> bytes:
        """Return a checksum as it is stored: sealed if the encryption hides digests."""
        if self.keys is None or not self.flags & Flag.HIDDEN or not checksum:
            return checksum
        return self.keys.seal_digest(number, etag, checksum)

    def reveal(self, numbers: Sequence[int], etags: Sequence[bytes], kept: Sequence[bytes]) -> list[bytes]:
        """Return stored checksums in clear.

        Raises:
            InternalError: one of them is damaged.
        """
        if self.keys is None or not self.flags & Flag.HIDDEN or not any(kept):
            return list(kept)
        known = [self.known.get(each) for each in zip(numbers, etags, kept, strict=True)] if self.known else [None]
        if None not in known:
            return cast("list[bytes]", known)
        with damage_as_internal_error("a checksum is damaged"):
            return self.keys.open_digests(numbers, etags, kept)

    def with_opened_checksums(self, numbers: Sequence[int], etags: Sequence[bytes], kept: Sequence[bytes]) -> "Seal":
        """Return a seal that knows these checksums in clear, so that a metadata transaction opens none. It shares this one's keys.

        Raises:
            InternalError: one of them is damaged.
        """
        opened = self.reveal(numbers, etags, kept)
        if opened == list(kept):
            return self
        return replace(self, known=dict(zip(zip(numbers, etags, kept, strict=True), opened, strict=True)))

    def hide_whole(self, etag: str, checksum: StoredChecksum | None) -> StoredChecksum | None:
        """Return the checksum of the whole object as it is stored; `etag` is its ETag without quotes."""
        if checksum is None:
            return None
        return replace(checksum, value=self.hide(OF_WHOLE, etag.encode(), checksum.value))

    def reveal_whole(self, etag: str, kept: StoredChecksum | None) -> StoredChecksum | None:
        """Return the stored checksum of the whole object in clear.

        Raises:
            InternalError: it is damaged.
        """
        if kept is None:
            return None
        (value,) = self.reveal([OF_WHOLE], [etag.encode()], [kept.value])
        return replace(kept, value=value)

    def reveal_parts(self, parts: Sequence[PartRecord]) -> list[PartRecord]:
        """Return parts with their checksums in clear.

        Raises:
            InternalError: one of them is damaged.
        """
        checksums = [part.checksum for part in parts]
        revealed = self.reveal([part.number for part in parts], [part.etag for part in parts], checksums)
        if revealed == checksums:
            return list(parts)
        return [replace(part, checksum=value) for part, value in zip(parts, revealed, strict=True)]

    def close(self) -> None:
        """Wipe the keys. Closing twice is allowed."""
        if self.keys is not None:
            self.keys.close()


CLEAR = Seal()
"""The seal of uploads and objects that are not encrypted."""


def encryption_members(encryption: Encryption | None, customer: CustomerKey | None) -> dict[str, Any]:
    """Return the encryption members of an answer; a request without the customer's key does not get those of SSE-C."""
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
    """Return a small part as its row stores it."""
    return data if part is None else seal(data, part)


def unsealed_inline(data: bytes, part: PartKey | None) -> bytes:
    """Return the bytes of a small part, given what its row stores.

    Raises:
        InternalError: it is damaged.
    """
    if part is None:
        return data
    with damage_as_internal_error("a small part is damaged"):
        return unseal(data, part)
