"""Which encryption a request gets, and the keys of what is stored: S3's rules over the sources of roots. Knows no row and no file.

CreateMultipartUpload, PutObject, CopyObject     begun = encrypting.begin(place, asked)
UploadPart, UploadPartCopy                       keys = encrypting.keys_for_part(upload.encryption, bucket, key, customer)
GetObject, HeadObject, the source of a copy      keys = encrypting.keys_for_read(object.encryption, bucket, key, customer)
"""

import contextlib
from collections.abc import Iterator

from engine.closing import Closing
from engine.encryption import customer_keys
from engine.encryption.customer_keys import CustomerKey
from engine.encryption.key_providers import KeyProvider, LocalKeyProvider, new_root, root_of
from engine.encryption.key_ring import KeyRing, bind
from engine.encryption.requested import HEADER, RequestedEncryption, context_of
from engine.encryption.upload_keys import KeyBinding, Root, UploadKeys, begin, open_keys, rewrap
from engine.errors import InternalError, InvalidArgument, StoreError
from engine.meta.records import Encryption
from engine.native.errors import KeyMismatch, SealedDamaged, SealedFormatUnknown
from engine.record import replace


class KeySources(Closing):
    """The sources of roots that a store has: the file of a key ring, and a provider, which stays its owner's.

    The ring is opened once it is there, and made when it is first needed for something new. Without a provider the ring's keys serve
    SSE-KMS too. `mark` is a file of the store's that tells which ring it has used.
    """

    __slots__ = ("_is_bound", "_mark", "_provider", "ring")

    def __init__(self, ring_path: str, mark: str, provider: KeyProvider | None = None) -> None:
        """Nothing is made yet.

        Raises:
            StoreError: there is a ring, and it is not ours alone, or damaged.
        """
        self.ring = KeyRing(ring_path, create=False)
        self._mark = mark
        self._is_bound = False
        self._provider = provider

    def ring_for_new(self) -> KeyRing:
        """The ring to seal something new with; made if the store never had one.

        Raises:
            StoreError: it can't be made, or is not the one that the store has used.
        """
        if not self._is_bound:
            bind(self.ring, self._mark)
            self._is_bound = True
        return self.ring

    def close(self) -> None:
        """Wipe the ring's keys; again is harmless."""
        self.ring.close()

    def begin(self, place: KeyBinding, asked: RequestedEncryption) -> tuple[UploadKeys, Encryption] | None:
        """New keys for what is created at a place, and what to keep of them; None if no encryption is asked for.

        Raises:
            InvalidArgument, NotImplementedYet: as `RequestedEncryption.check`; or the store has no source for such roots.
            KMSNotFound, KMSDisabled, KMSInvalidState, AccessDenied: the provider refuses.
        """
        asked.check()
        if not asked.is_something:
            return None
        with self._new_root(place, asked) as root:
            return begin(root, place)

    def keys_for_part(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None
    ) -> UploadKeys | None:
        """The keys of an upload for a part of it; None if it is not encrypted.

        Raises:
            InvalidRequest: the part has a customer's key and the upload none, or the other way round, or another one.
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
        """The keys of an object to be read; None if it is not encrypted.

        Raises:
            InvalidRequest: the object needs a customer's key and none was given, or the other way round.
            AccessDenied: it needs another one.
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
        place: KeyBinding,
        asked: RequestedEncryption,
    ) -> Encryption:
        """For a copy without bytes: the object's data key under the root that the copy asks for, which must be an encryption.

        Raises: as `begin` and `keys_for_read`
        """
        asked.check()
        check_customer(encryption, customer)
        with self._root_of(encryption, customer) as root, self._new_root(place, asked) as new:
            try:
                with _damage_told():
                    return rewrap(root, encryption, bucket, key, new, place)
            except KeyMismatch as error:
                raise _mismatch(encryption) from error

    def _keys(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None
    ) -> UploadKeys | None:
        if encryption is None:
            return None
        with _damage_told(), self._root_of(encryption, customer) as root:
            try:
                return open_keys(root, encryption, bucket, key)
            except KeyMismatch as error:
                if encryption.kind == "SSE-C":
                    raise
                raise _mismatch(encryption) from error

    def _new_root(self, place: KeyBinding, asked: RequestedEncryption) -> Root:
        if asked.customer is not None:
            return asked.customer.root()
        with _ring_trouble_told():
            if asked.server_side_encryption == "AES256":
                return self.ring_for_new().root()
            context = context_at(place, asked.kms_context)
            provider = self._provider or LocalKeyProvider(self.ring_for_new())
            made = new_root(provider, asked.kms_key_id, context)
            return replace(made, bucket_key=bool(asked.bucket_key))

    def _root_of(self, encryption: Encryption, customer: CustomerKey | None) -> Root:
        if encryption.kind == "SSE-C" and customer is not None:
            return customer.root()
        with _ring_trouble_told():
            if encryption.kind == "AES256":
                return self.ring.root(encryption.key_id)
            return root_of(self._provider or LocalKeyProvider(self.ring), encryption)


def check_customer(encryption: Encryption | None, customer: CustomerKey | None) -> None:
    """Whether a read has a customer's key exactly where one is needed.

    Raises:
        InvalidRequest: it has not.
    """
    needs_one = encryption is not None and encryption.kind == "SSE-C"
    if needs_one and customer is None:
        raise customer_keys.key_missing()
    if customer is not None and not needs_one:
        raise customer_keys.key_not_applicable()


def context_at(place: KeyBinding, header: str | None) -> dict[str, str]:
    """What binds a data key to an object and a request's context; policies of keys rely on the first, so that nobody may say another.

    Raises:
        InvalidArgument: the request's is none, or says so.
    """
    said, name, arn = context_of(header), "aws:s3:arn", f"arn:aws:s3:::{place.bucket}/{place.key}"
    if said.get(name, arn) != arn:
        raise InvalidArgument(
            f"The encryption context may not have another {name} than the object's",
            ArgumentName=f"{HEADER}-context",
            ArgumentValue=header,
        )
    return said | {name: arn}


def _mismatch(encryption: Encryption) -> Exception:
    if encryption.kind == "SSE-C":
        return customer_keys.key_wrong()
    return InternalError(reason=f"key {encryption.key_id!r} does not open what it wrapped, or the row is damaged")


@contextlib.contextmanager
def _ring_trouble_told() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise InternalError(reason=f"no key from the key ring: {error}") from error


@contextlib.contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except (SealedDamaged, SealedFormatUnknown) as error:
        raise InternalError(reason=f"the keys of a stored object do not open: {error}") from error
