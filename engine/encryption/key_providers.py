"""SSE-KMS: the `KeyProvider` that an embedder may bring, and the bundled local one over a key ring."""

import os
import struct
from collections.abc import Mapping
from typing import Final, Protocol

from engine.encryption.key_ring import KeyRing
from engine.encryption.named_keys import NamedKeys
from engine.encryption.upload_keys import SALT_SIZE, Root
from engine.meta.records import Encryption
from engine.native.ffi import check, lib
from engine.native.secret import NONCE_SIZE, Secret
from engine.record import Record

_FORMAT: Final = b"\x01"
_DOMAIN: Final = b"partwright v1provider"
_SIZE = struct.Struct(">I")


class DataKey(Record, frozen=True):
    """A fresh secret. The store keeps `blob`, which is the secret encrypted under the provider's key, and that key's id."""

    secret: Secret
    blob: bytes
    key_id: str


class KeyProvider(Protocol):
    """A key management service as the store uses it: it never sees objects, and its own keys never leave it."""

    def generate_data_key(self, key_id: str | None, context: Mapping[str, str]) -> DataKey:
        """Draw a secret and seal it under a key (None: the provider chooses), bound to the context.

        Raises:
            KMSNotFound, KMSDisabled, KMSInvalidState.
        """

    def unwrap(self, key_id: str, blob: bytes, context: Mapping[str, str]) -> Secret:
        """Open a blob that `generate_data_key` made.

        Raises:
            as `generate_data_key`.
            AccessDenied, SealedDamaged: the context is another one, or the blob is damaged.
        """


class LocalKeyProvider:
    """A key provider that uses the keys of a key ring, named ones and others. It borrows the ring."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def generate_data_key(self, key_id: str | None, context: Mapping[str, str]) -> DataKey:
        """Draw a secret and seal it under a key of the ring, by default the active one.

        Raises:
            KMSNotFound, KMSDisabled, KMSInvalidState: as `NamedKeys.usable`.
        """
        root, salt = self._root(key_id), os.urandom(SALT_SIZE)
        secret = Secret.random()
        with root.secret.derive(_DOMAIN, salt) as wrapping:
            wrapped = wrapping.wrap(bytes(NONCE_SIZE), _FORMAT + canonical(context), secret)
        return DataKey(secret, _FORMAT + salt + wrapped, root.key_id)

    def unwrap(self, key_id: str, blob: bytes, context: Mapping[str, str]) -> Secret:
        """Open a blob with the key of the ring that sealed it, active or not.

        Raises:
            KMSNotFound, KMSDisabled, KMSInvalidState: as `NamedKeys.usable`.
        """
        if blob[:1] != _FORMAT:
            check(lib.ENGINE_E_SEALED_FORMAT, "opening a data key")
        salt, wrapped = blob[1 : 1 + SALT_SIZE], blob[1 + SALT_SIZE :]
        with self._root(key_id).secret.derive(_DOMAIN, salt) as wrapping:
            return wrapping.unwrap(bytes(NONCE_SIZE), _FORMAT + canonical(context), wrapped)

    def _root(self, key_id: str | None) -> Root:
        return self._ring.root(None if key_id is None else NamedKeys(self._ring).usable(key_id).id)


def canonical(context: Mapping[str, str]) -> bytes:
    """Return an encryption context as bytes: its pairs sorted by name, each text behind its length."""
    texts = [text.encode() for pair in sorted(context.items()) for text in pair]
    return b"".join(_SIZE.pack(len(text)) + text for text in texts)


def new_root(provider: KeyProvider, key_id: str | None, context: Mapping[str, str]) -> Root:
    """Get a root for a new upload under SSE-KMS; leaving its `with` wipes it."""
    made = provider.generate_data_key(key_id, context)
    return Root("aws:kms", made.secret, made.key_id, made.blob, dict(context), is_owned=True)


def root_of(provider: KeyProvider, encryption: Encryption) -> Root:
    """Get the root that an upload or object was begun with; leaving its `with` wipes it."""
    secret = provider.unwrap(encryption.key_id, encryption.blob, encryption.context)
    return Root("aws:kms", secret, encryption.key_id, encryption.blob, encryption.context, is_owned=True)
