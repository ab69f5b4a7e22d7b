"""Gets the keys of new and of stored objects, by S3's rules, from the customer, the key ring or a provider. It knows no rows.

CreateMultipartUpload, PutObject, CopyObject     begun = key_sources.begin(binding, requested)
UploadPart, UploadPartCopy                       keys = key_sources.keys_for_part(upload.encryption, bucket, key, customer)
GetObject, HeadObject, the source of a copy      keys = key_sources.keys_for_read(object.encryption, bucket, key, customer)
"""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from engine.blobs.failures import damage_as_internal_error
from engine.closing import Closing
from engine.encryption import customer_keys
from engine.encryption.customer_keys import CustomerKey
from engine.encryption.key_providers import KeyProvider, LocalKeyProvider, new_root, root_of
from engine.encryption.key_ring import KeyRing, bind
from engine.encryption.requested import HEADER, RequestedEncryption, context_of
from engine.encryption.upload_keys import KeyBinding, Root, UploadKeys, begin, open_keys, rewrap
from engine.errors import InternalError, InvalidArgument, StoreError
from engine.meta.records import Encryption
from engine.native.errors import KeyMismatch
from engine.record import replace


class KeySources(Closing):
    """The sources of a store's root keys: a key ring, and a key provider, which its owner closes.

    The ring is opened once its file exists, and made when a new upload or object first needs it. Without a provider the ring's
    keys serve SSE-KMS, too. `mark` is a file of the store that names the ring it has used.
    """

    __slots__ = ("_is_bound", "_mark", "_provider", "ring")

    def __init__(self, ring_path: str, mark: str, provider: KeyProvider | None = None) -> None:
        """Open the ring if its file exists; nothing is made yet.

        Raises:
            StoreError: others may read or write the ring's file, or it is damaged.
        """
        self.ring = KeyRing(ring_path, create=False)
        self._mark = mark
        self._is_bound = False
        self._provider = provider

    def ring_for_new(self) -> KeyRing:
        """Return the ring for a new upload or object, and make it if the store never had one.

        Raises:
            StoreError: the ring can't be made, or is not the one that the store has used.
        """
        if not self._is_bound:
            bind(self.ring, self._mark)
            self._is_bound = True
        return self.ring

    def close(self) -> None:
        """Wipe the ring's keys. Closing twice is allowed."""
        self.ring.close()

    def begin(self, binding: KeyBinding, requested: RequestedEncryption) -> tuple[UploadKeys, Encryption] | None:
        """Make the keys of a new upload or object, and the record for its row; return None if no encryption is requested.

        Raises:
            InvalidArgument, NotImplementedYet: as `RequestedEncryption.check`.
            KMSNotFound, KMSDisabled, KMSInvalidState, AccessDenied: the provider refuses.
        """
        requested.check()
        if not requested.is_something:
            return None
        with self._new_root(binding, requested) as root:
            return begin(root, binding)

    def keys_for_part(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None
    ) -> UploadKeys | None:
        """Open the keys of an upload for one of its parts; None if it is not encrypted.

        Raises:
            InvalidRequest: only one of part and upload has a customer's key, or they have different ones.
        """
        if (customer is not None) != (encryption is not None and encryption.kind == "SSE-C"):
            raise customer_keys.part_without_key()
        try:
            return self._keys(encryption, bucket, key, customer)
        except KeyMismatch as error:
            raise customer_keys.part_with_other_key() from error

    def keys_for_read(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None
    ) -> UploadKeys | None:
        """Open the keys of an object for reading; None if it is not encrypted.

        Raises:
            InvalidRequest: the object needs a customer's key and none was given, or the other way round.
            AccessDenied: the object needs another customer's key.
        """
        check_customer(encryption, customer)
        try:
            return self._keys(encryption, bucket, key, customer)
        except KeyMismatch as error:
            raise customer_keys.key_wrong() from error

    def rewrap(
        self,
        encryption: Encryption,
        bucket: str,
        key: str,
        customer: CustomerKey | None,
        binding: KeyBinding,
        requested: RequestedEncryption,
    ) -> Encryption:
        """Wrap an object's data key for a copy that shares its bytes; `requested` must be an encryption.

        Raises:
            as `begin` and `keys_for_read`.
        """
        requested.check()
        check_customer(encryption, customer)
        with self._new_root(binding, requested) as new:
            try:
                with _damage_reported(), self._root_of(encryption, customer) as root:
                    return rewrap(root, encryption, bucket, key, new, binding)
            except KeyMismatch as error:
                raise _mismatch(encryption) from error

    def _keys(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None
    ) -> UploadKeys | None:
        if encryption is None:
            return None
        with _damage_reported(), self._root_of(encryption, customer) as root:
            try:
                return open_keys(root, encryption, bucket, key)
            except KeyMismatch as error:
                if encryption.kind == "SSE-C":
                    raise
                raise _mismatch(encryption) from error

    def _new_root(self, binding: KeyBinding, requested: RequestedEncryption) -> Root:
        if requested.customer is not None:
            return requested.customer.root()
        with _ring_errors_as_internal():
            if requested.server_side_encryption == "AES256":
                return self.ring_for_new().root()
            context = context_at(binding, requested.kms_context)
            provider = self._provider or LocalKeyProvider(self.ring_for_new())
            made = new_root(provider, requested.kms_key_id, context)
            return replace(made, bucket_key=bool(requested.bucket_key))

    def _root_of(self, encryption: Encryption, customer: CustomerKey | None) -> Root:
        if encryption.kind == "SSE-C" and customer is not None:
            return customer.root()
        with _ring_errors_as_internal():
            if encryption.kind == "AES256":
                return self.ring.root(encryption.key_id)
            return root_of(self._provider or LocalKeyProvider(self.ring), encryption)


def check_customer(encryption: Encryption | None, customer: CustomerKey | None) -> None:
    """Check that a read brings a customer's key exactly if the object needs one.

    Raises:
        InvalidRequest: the key is missing, or not applicable.
    """
    needs_one = encryption is not None and encryption.kind == "SSE-C"
    if needs_one and customer is None:
        raise customer_keys.key_missing()
    if customer is not None and not needs_one:
        raise customer_keys.key_not_applicable()


def context_at(binding: KeyBinding, header: str | None) -> dict[str, str]:
    """Return the KMS encryption context: the request's, plus the object's ARN.

    A request may not set another ARN, since key policies rely on it.

    Raises:
        InvalidArgument: the header is malformed, or sets another ARN.
    """
    context, name, arn = context_of(header), "aws:s3:arn", f"arn:aws:s3:::{binding.bucket}/{binding.key}"
    if context.get(name, arn) != arn:
        raise InvalidArgument(
            f"The encryption context may not have another {name} than the object's",
            ArgumentName=f"{HEADER}-context",
            ArgumentValue=header,
        )
    return context | {name: arn}


def _mismatch(encryption: Encryption) -> Exception:
    if encryption.kind == "SSE-C":
        return customer_keys.key_wrong()
    return InternalError(reason=f"key {encryption.key_id!r} does not open what it wrapped, or the row is damaged")


@contextlib.contextmanager
def _ring_errors_as_internal() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise InternalError(reason=f"no key from the key ring: {error}") from error


def _damage_reported() -> AbstractContextManager[None]:
    return damage_as_internal_error("the keys of a stored object do not open", passing=(KeyMismatch,))
