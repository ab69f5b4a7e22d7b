"""Server-side encryption: from a root of 32 bytes to the keys of one upload. Knows no request, no row and no file.

SSE-C, SSE-S3 and SSE-KMS differ only in where the root comes from. docs/encryption-format.md has the construction, and why it is so.

    UploadRecord.encryption, ObjectRecord.encryption: Encryption | None       as `begin` made it; the object takes over the upload's
    PartRecord.etag          `UploadKeys.etag` where `Encryption.hides_digests`, else the MD5 as ever
    PartRecord.checksum      `UploadKeys.seal_digest(number, etag, checksum)` where it hides digests: 28 bytes longer
    PartRecord.size          of the plaintext; the blob, or the inline row, has `sealed.sealed_size(size)` bytes
"""

import hmac
import secrets
import struct
from collections.abc import Sequence
from typing import Final

import msgspec

from engine.closing import Closing
from engine.meta.records import FORMAT, Encryption, Kind
from engine.native.ffi import check, lib
from engine.native.secret import DIGEST_OVERHEAD, NONCE_SIZE, PartKey, Secret
from engine.record import Record

SALT_SIZE: Final = 32
ETAG_SIZE: Final = 16
_DOMAIN: Final = b"partwright v1"
_ONCE: Final = bytes(NONCE_SIZE)
"""The nonce under a key that is used once, because its salt is fresh."""
_NUMBER = struct.Struct(">I")


class Root(Record, Closing, frozen=True):
    """Where an upload's keys come from; borrows the secret unless `is_owned`, which leaving its `with` wipes."""

    kind: Kind
    secret: Secret
    key_id: str = ""
    blob: bytes = b""
    context: dict[str, str] = msgspec.field(default_factory=dict)
    is_owned: bool = False
    bucket_key: bool = False

    def close(self) -> None:
        """Wipe the secret if it is owned."""
        if self.is_owned:
            self.secret.close()


class KeyBinding(Record, frozen=True):
    """What an upload's data key is bound to; a plain object has 16 random bytes for an upload id."""

    bucket: str
    key: str
    upload_id: bytes

    def context(self) -> bytes:
        """Each member behind its length, so that no two places read alike."""
        members = self.bucket.encode(), self.key.encode(), self.upload_id
        return b"".join(_NUMBER.pack(len(member)) + member for member in members)


class UploadKeys(Closing):
    """The keys of one upload or object while it is worked on; use it in a `with`, or close it. Shared by threads freely."""

    __slots__ = ("_data_key", "_parts")

    def __init__(self, data_key: Secret) -> None:
        """Take over the data key."""
        self._data_key = data_key
        self._parts = data_key.derive(_DOMAIN + b"data")

    def part(self, number: int) -> PartKey:
        """What seals or opens a part, for Stream and SealedReader; borrowed from these keys."""
        return PartKey(self._parts, number)

    def etag(self, number: int, md5: bytes) -> bytes:
        """The 16 bytes of a part's ETag: they tell nothing of its MD5, and not whether another upload has the same bytes."""
        with self._data_key.derive(_DOMAIN + b"etag") as key:
            return key.hmac(_NUMBER.pack(number) + md5)[:ETAG_SIZE]

    def seal_digest(self, number: int, bound_to: bytes, digest: bytes) -> bytes:
        """Encrypt a checksum, for the place of a part (0: the whole object) with this ETag; DIGEST_OVERHEAD bytes longer."""
        nonce = secrets.token_bytes(NONCE_SIZE)
        with self._data_key.derive(_DOMAIN + b"meta") as key:
            return nonce + key.seal(nonce, _NUMBER.pack(number) + bound_to, digest)

    def open_digest(self, number: int, bound_to: bytes, sealed: bytes) -> bytes:
        """The reverse.

        Raises: SealedDamaged
        """
        return self.open_digests([number], [bound_to], [sealed])[0]

    def open_digests(self, numbers: Sequence[int], bound_to: Sequence[bytes], sealed: Sequence[bytes]) -> list[bytes]:
        """The same for many at once.

        Raises: SealedDamaged
        """
        if min(map(len, sealed)) < DIGEST_OVERHEAD:
            check(lib.ENGINE_E_SEALED_DAMAGED, "opening a checksum")
        with self._data_key.derive(_DOMAIN + b"meta") as key:
            return [
                key.open(text[:NONCE_SIZE], _NUMBER.pack(number) + place, text[NONCE_SIZE:])
                for number, place, text in zip(numbers, bound_to, sealed, strict=True)
            ]

    def close(self) -> None:
        """Wipe them; again is harmless."""
        self._parts.close()
        self._data_key.close()


def begin(root: Root, place: KeyBinding) -> tuple[UploadKeys, Encryption]:
    """Draw the data key of a new upload or object; its keys, and what to keep in its row."""
    data_key = Secret.random()
    return UploadKeys(data_key), _wrapped(data_key, root, place)


def open_keys(root: Root, encryption: Encryption, bucket: str, key: str) -> UploadKeys:
    """The keys of an upload or object.

    Raises:
        KeyMismatch: the root is not the one it was begun with; told by the commitment, before anything is decrypted.
        SealedDamaged: the row is not as it was written.
    """
    return UploadKeys(_data_key(root, encryption, bucket, key))


def rewrap(
    root: Root, encryption: Encryption, bucket: str, key: str, new_root: Root, new_place: KeyBinding
) -> Encryption:
    """The same data key under another root, or for another place: no byte of the object is touched.

    Raises: KeyMismatch, SealedDamaged, as `open_keys`
    """
    with _data_key(root, encryption, bucket, key) as data_key:
        return _wrapped(data_key, new_root, new_place)


def matches(root: Root, encryption: Encryption, bucket: str, key: str) -> bool:
    """Whether the root is the one the upload or object was begun with."""
    return _is_committed(root, encryption, KeyBinding(bucket, key, encryption.upload_id).context())


def _is_committed(root: Root, encryption: Encryption, context: bytes) -> bool:
    computed = root.secret.commitment(_DOMAIN + b"commit" + context, encryption.salt)
    return hmac.compare_digest(computed, encryption.commitment)


def _wrapped(data_key: Secret, root: Root, place: KeyBinding) -> Encryption:
    salt, context = secrets.token_bytes(SALT_SIZE), place.context()
    with root.secret.derive(_DOMAIN + b"wrap" + context, salt) as wrapping:
        return Encryption(
            kind=root.kind,
            upload_id=place.upload_id,
            salt=salt,
            commitment=root.secret.commitment(_DOMAIN + b"commit" + context, salt),
            wrapped=wrapping.wrap(_ONCE, bytes([FORMAT]), data_key),
            key_id=root.key_id,
            blob=root.blob,
            context=root.context,
            bucket_key=root.bucket_key,
        )


def _data_key(root: Root, encryption: Encryption, bucket: str, key: str) -> Secret:
    context = KeyBinding(bucket, key, encryption.upload_id).context()
    if not _is_committed(root, encryption, context):
        check(lib.ENGINE_E_KEY_MISMATCH, "opening the keys of an object")
    with root.secret.derive(_DOMAIN + b"wrap" + context, encryption.salt) as wrapping:
        return wrapping.unwrap(_ONCE, bytes([encryption.format]), encryption.wrapped)
