"""What the operations of a store share: its parts, its clock, and the ways to commit and to clean up."""

import copy
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Self, TypeVar

from engine.arrival import Reception
from engine.ballast import Ballast
from engine.blobs import Blobs
from engine.blobs.leases import Leases
from engine.bucket_encryption import by_default
from engine.customer_keys import CustomerKey, bucket_blocks_customer_keys
from engine.deadlines import Lifecycle, lifecycle_of
from engine.encrypting import Asked, Encrypting
from engine.errors import AccessDenied, InvalidBucketOwnerAWSAccountID, ReadOnlyStore, StoreClosed
from engine.limits import Limits
from engine.meta import Metadata
from engine.meta.records import BucketRecord, ObjectRecord
from engine.proofs import Proofs
from engine.record import Record
from engine.seals import CLEAR, Seal
from engine.sse import Encryption, Place
from engine.sweeper import Sweeper

Result = TypeVar("Result")
Clock = Callable[[], int]
REGION = "us-east-1"
ACCOUNT_ID_DEFAULT = "000000000000"
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
REQUESTER = "requester"
LIFECYCLE = "lifecycle"


class Parts(Record, frozen=True):
    """The parts a store is made of."""

    meta: Metadata
    blobs: Blobs
    leases: Leases
    ballast: Ballast
    owner_id: str
    limits: Limits
    read_only: bool
    encrypting: Encrypting
    clock: Clock = time.time_ns


def is_account_id(text: str) -> bool:
    """Whether a text is an account id: 12 digits."""
    return _ACCOUNT_ID.fullmatch(text) is not None


class Life:
    """Whether a store was closed, for all views of it."""

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended = False


class Core:
    """Base of the operations; see `engine.store.Store` for the whole."""

    def __init__(self, parts: Parts) -> None:
        self._caller = ACCOUNT_ID_DEFAULT
        self._region = REGION
        self.limits = parts.limits
        self._meta = parts.meta
        self._blobs = parts.blobs
        self._leases = parts.leases
        self._ballast = parts.ballast
        self._owner_id = parts.owner_id
        self._read_only = parts.read_only
        self._now_ns = parts.clock
        self._sweeper = Sweeper(parts.meta, parts.blobs, parts.leases, parts.ballast)
        inline_max, settle = parts.limits.inline_size_bytes_max, self._sweeper.settle
        self._reception = Reception(parts.blobs, inline_max, parts.meta.names_blob, settle)
        self._proofs = Proofs(parts.meta, parts.blobs)
        self._encrypting = parts.encrypting
        self._life = Life()

    def acting_as(self, account_id: str) -> Self:
        """The same store for a caller: who owns the buckets it makes and begins the uploads, by the account's 12 digits.

        Without it the caller is 000000000000.

        Raises:
            ValueError: it is no account id.
        """
        if not is_account_id(account_id):
            raise ValueError(f"an account id has 12 digits, not {account_id!r}")
        view = copy.copy(self)
        view._caller = account_id
        return view

    def in_region(self, region: str) -> Self:
        """The same store in another region than us-east-1: where its buckets say they are."""
        view = copy.copy(self)
        view._region = region
        return view

    def _enter(self, bucket: str, said: Mapping[str, object]) -> BucketRecord:
        """The bucket of a request, if the request may say of it what it says.

        Raises:
            NoSuchBucket.
            InvalidBucketOwnerAWSAccountID: x-amz-expected-bucket-owner is no account id.
            AccessDenied: another account owns it, or nobody says that it pays.

        Source: User Guide, "Verifying bucket ownership with bucket owner condition" and "Using Requester Pays buckets".
        """
        expected = said.get("expected_bucket_owner")
        if expected is not None and not is_account_id(str(expected)):
            raise InvalidBucketOwnerAWSAccountID(f"{InvalidBucketOwnerAWSAccountID.text} [{expected}]")
        record = self._meta.find_bucket(bucket)
        if expected not in (None, record.owner):
            raise AccessDenied(reason="the bucket has another owner than expected")
        if record.requester_pays and self._caller != record.owner and said.get("request_payer") != REQUESTER:
            raise AccessDenied(reason="the bucket's owner wants the requester to pay, and to say so")
        return record

    def _charged(self, record: BucketRecord) -> str | None:
        """What x-amz-request-charged says."""
        return REQUESTER if record.requester_pays and self._caller != record.owner else None

    def _asked(self, bucket: BucketRecord, said: Mapping[str, object], customer: CustomerKey | None) -> Asked:
        """The encryption of what a request creates: what it says, or its bucket has for all that say nothing.

        Raises:
            InvalidArgument, NotImplementedYet: there is none such.
        """
        asked = by_default(Asked.of(said, customer), bucket.encryption)
        asked.check()
        return asked

    def _check_customer(self, bucket: BucketRecord, name: str, key: str, customer: CustomerKey | None) -> None:
        """Whether a write may bring its key to a bucket.

        Raises:
            AccessDenied: the bucket blocks it.

        Source: User Guide, "Blocking or unblocking SSE-C for a general purpose bucket".
        """
        if customer is not None and bucket.encryption is not None and bucket.encryption.blocks_customer_keys:
            raise bucket_blocks_customer_keys(self._caller, name, key)

    def _begin_seal(self, place: Place, asked: Asked) -> Seal:
        """The keys of what a request creates at a place.

        Raises:
            KMSNotFound, KMSDisabled, KMSInvalidState, AccessDenied: the provider of keys refuses.
        """
        return Seal.of(self._encrypting.begin(place, asked))

    def _seal_for_part(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None
    ) -> Seal:
        """The keys of an upload.

        Raises:
            InvalidRequest: the request has a customer's key and the upload none, or the other way round, or another one.
        """
        return Seal(self._encrypting.keys_for_part(encryption, bucket, key, customer), encryption)

    def _seal_for_read(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None
    ) -> Seal:
        """The keys of an object.

        Raises:
            InvalidRequest: the request has a customer's key and the object none, or the other way round.
            AccessDenied: the key is another one.
        """
        return Seal(self._encrypting.keys_for_read(encryption, bucket, key, customer), encryption)

    def _seal_for_look(
        self,
        encryption: Encryption | None,
        bucket: str,
        key: str,
        customer: CustomerKey | None,
        *,
        at_checksums: bool,
    ) -> Seal:
        """The same for a request that reads no bytes: only a customer's key is looked at whatever is asked, others for checksums.

        Raises: as `_seal_for_read`
        """
        if at_checksums or customer is not None or (encryption is not None and encryption.kind == "SSE-C"):
            return self._seal_for_read(encryption, bucket, key, customer)
        return CLEAR

    def _lifecycle(self, bucket: str) -> Lifecycle:
        """The rules of a bucket's lifecycle."""
        return lifecycle_of(self._meta.find_configuration(bucket, LIFECYCLE))

    def _expiration(self, bucket: str, key: bytes, record: ObjectRecord) -> str | None:
        """What x-amz-expiration says of a current version."""
        deadline = self._lifecycle(bucket).expiration_of(key, record.size, record.tags, record.modified_ns)
        return deadline.as_expiration() if deadline is not None else None

    def _canonical_id(self, account_id: str) -> str:
        """The canonical user id (64 hex digits) of an account in this store."""
        return hashlib.blake2b(account_id.encode(), key=bytes.fromhex(self._owner_id), digest_size=32).hexdigest()

    def _check_writable(self) -> None:
        self._check_open()
        if self._read_only:
            raise ReadOnlyStore("the store was opened read-only")

    def _check_open(self) -> None:
        if self._life.ended:
            raise StoreClosed("the store is closed")

    def _freeing(self, step: Callable[[], Result]) -> Result:
        """Run a step that frees room, also on a full disk."""
        return self._ballast.freeing(step)


def to_datetime(moment_ns: int) -> datetime:
    """A moment as S3 shows it: UTC, to the millisecond."""
    return datetime.fromtimestamp(moment_ns // 10**6 / 1000, UTC)


def quoted(etag: str) -> str:
    """An ETag as S3 shows it."""
    return f'"{etag}"'
