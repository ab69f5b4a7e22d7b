"""Server-side encryption: derives the keys of one upload from a root of 32 bytes. Knows no request, no row and no file.

SSE-C, SSE-S3 and SSE-KMS differ only in where the root comes from. docs/encryption-format.md gives the construction and its reasons.

    UploadRecord.encryption, ObjectRecord.encryption: Encryption | None       made by `begin`; an object inherits its upload's
    PartRecord.etag          `UploadKeys.etag` if `Encryption.hides_digests`, else the MD5
    PartRecord.checksum      `UploadKeys.seal_digest(number, etag, checksum)` if it hides digests: 28 bytes longer
    PartRecord.size          bytes of plaintext; the blob, or the inline row, has `sealed.sealed_size(size)` bytes
"""

import hmac
import os
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
"""The nonce for a key that encrypts only once, since it is derived with a fresh salt."""
_NUMBER = struct.Struct(">I")


class Root(Record, Closing, frozen=True):
    """The root key of an upload's keys. Leaving its `with` wipes the secret if `is_owned`; else the secret is borrowed."""

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
    """The object and upload to which a data key is bound. An object made without an upload has 16 random bytes as its upload id."""

    bucket: str
    key: str
    upload_id: bytes

    def context(self) -> bytes:
        """Return the members, each behind its length, so that no two bindings give the same bytes."""
        members = self.bucket.encode(), self.key.encode(), self.upload_id
        return b"".join(_NUMBER.pack(len(member)) + member for member in members)


class UploadKeys(Closing):
    """The keys of one upload or object. Threads may share them. Use them in a `with`, or close them."""

    __slots__ = ("_data_key", "_parts")

    def __init__(self, data_key: Secret) -> None:
        """Take over the data key."""
        self._data_key = data_key
        self._parts = data_key.derive(_DOMAIN + b"data")

    def part(self, number: int) -> PartKey:
        """Return the key that seals or opens a part, for Stream and SealedReader; it is borrowed from these keys."""
        return PartKey(self._parts, number)

    def etag(self, number: int, md5: bytes) -> bytes:
        """Return the 16 bytes of a part's ETag, which reveal neither its MD5 nor whether another upload has the same bytes."""
        with self._data_key.derive(_DOMAIN + b"etag") as key:
            return key.hmac(_NUMBER.pack(number) + md5)[:ETAG_SIZE]

    def seal_digest(self, number: int, bound_to: bytes, digest: bytes) -> bytes:
        """Encrypt a checksum, bound to a part number (0: the whole object) and an ETag; it gets DIGEST_OVERHEAD bytes longer."""
        nonce = os.urandom(NONCE_SIZE)
        with self._data_key.derive(_DOMAIN + b"meta") as key:
            return nonce + key.seal(nonce, _NUMBER.pack(number) + bound_to, digest)

    def open_digests(self, numbers: Sequence[int], bound_to: Sequence[bytes], sealed: Sequence[bytes]) -> list[bytes]:
        """Decrypt checksums that `seal_digest` encrypted.

        Raises:
            SealedDamaged.
        """
        if min(map(len, sealed)) < DIGEST_OVERHEAD:
            check(lib.ENGINE_E_SEALED_DAMAGED, "opening a checksum")
        with self._data_key.derive(_DOMAIN + b"meta") as key:
            return [
                key.open(text[:NONCE_SIZE], _NUMBER.pack(number) + etag, text[NONCE_SIZE:])
                for number, etag, text in zip(numbers, bound_to, sealed, strict=True)
            ]

    def close(self) -> None:
        """Wipe the keys. Closing twice is allowed."""
        self._parts.close()
        self._data_key.close()


def begin(root: Root, binding: KeyBinding) -> tuple[UploadKeys, Encryption]:
    """Draw the data key of a new upload or object; return its keys, and the record for its row."""
    data_key = Secret.random()
    return UploadKeys(data_key), _wrapped(data_key, root, binding)


def open_keys(root: Root, encryption: Encryption, bucket: str, key: str) -> UploadKeys:
    """Open the keys of an upload or object.

    Raises:
        KeyMismatch: it was begun with another root, as the commitment shows before anything is decrypted.
        SealedDamaged: the row is damaged.
    """
    return UploadKeys(_data_key(root, encryption, bucket, key))


def rewrap(
    root: Root, encryption: Encryption, bucket: str, key: str, new_root: Root, new_binding: KeyBinding
) -> Encryption:
    """Wrap the same data key under another root or for another binding; the object's bytes stay as they are.

    Raises:
        KeyMismatch, SealedDamaged: as `open_keys`.
    """
    with _data_key(root, encryption, bucket, key) as data_key:
        return _wrapped(data_key, new_root, new_binding)


def matches(root: Root, encryption: Encryption, bucket: str, key: str) -> bool:
    """Tell whether the upload or object was begun with this root."""
    return _is_committed(root, encryption, KeyBinding(bucket, key, encryption.upload_id).context())


def _is_committed(root: Root, encryption: Encryption, context: bytes) -> bool:
    computed = root.secret.commitment(_DOMAIN + b"commit" + context, encryption.salt)
    return hmac.compare_digest(computed, encryption.commitment)


def _wrapped(data_key: Secret, root: Root, binding: KeyBinding) -> Encryption:
    salt, context = os.urandom(SALT_SIZE), binding.context()
    with root.secret.derive(_DOMAIN + b"wrap" + context, salt) as wrapping:
        return Encryption(
            kind=root.kind,
            upload_id=binding.upload_id,
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
