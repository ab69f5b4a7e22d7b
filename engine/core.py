"""The context that all operations of a store share: its parts, the calling account, and the checks that begin every operation."""

import copy
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Self, TypeVar

from engine.blobs import Blobs
from engine.bodies.proofs import Proofs
from engine.bodies.reception import Reception
from engine.directory.ballast import Ballast
from engine.directory.leases import Leases
from engine.directory.sweeper import Sweeper
from engine.encryption.customer_keys import CustomerKey
from engine.encryption.key_sources import KeySources
from engine.encryption.requested import RequestedEncryption
from engine.encryption.seals import CLEAR, Seal
from engine.encryption.upload_keys import KeyBinding
from engine.errors import AccessDenied, InternalError, InvalidBucketOwnerAWSAccountID, ReadOnlyStore, StoreClosed
from engine.lifecycle.deadlines import Lifecycle, lifecycle_of
from engine.limits import Limits
from engine.meta import Metadata
from engine.meta.records import BucketRecord, Encryption, ObjectRecord
from engine.record import Record

Result = TypeVar("Result")
Clock = Callable[[], int]
REGION = "us-east-1"
ACCOUNT_ID_DEFAULT = "000000000000"
ANONYMOUS = "anonymous"
"""The caller of requests without a signature: it owns nothing, and nobody pays for it."""
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
REQUESTER = "requester"
LIFECYCLE = "lifecycle"


class StoreParts(Record, frozen=True):
    """The parts of which a store consists."""

    meta: Metadata
    blobs: Blobs
    leases: Leases
    ballast: Ballast
    owner_id: str
    limits: Limits
    read_only: bool
    keys: KeySources
    clock: Clock = time.time_ns


def is_account_id(text: str) -> bool:
    """Tell whether a text is an account id, which has 12 digits."""
    return _ACCOUNT_ID.fullmatch(text) is not None


class Life:
    """Says whether a store was closed; all views of the store share it."""

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended = False


class Context:
    """One store as one account sees it. Every group of operations holds a context; nothing derives from it."""

    def __init__(self, parts: StoreParts) -> None:
        self.caller = ACCOUNT_ID_DEFAULT
        self.region = REGION
        self.limits = parts.limits
        self.meta = parts.meta
        self.blobs = parts.blobs
        self.leases = parts.leases
        self.ballast = parts.ballast
        self.keys = parts.keys
        self._clock = parts.clock
        self.sweeper = Sweeper(parts.meta, parts.blobs, parts.leases, parts.ballast)
        inline_max = parts.limits.inline_size_bytes_max
        self.bodies = Reception(parts.blobs, inline_max, parts.meta.names_blob, self.sweeper.settle)
        self.proofs = Proofs(parts.meta, parts.blobs)
        self.life = Life()
        self._owner_id = parts.owner_id
        self.read_only = parts.read_only

    def now_ns(self) -> int:
        """Return the time in nanoseconds since 1970.

        Raises:
            InternalError: the clock stands before 1970; no row can hold such a time.
        """
        now_ns = self._clock()
        if now_ns < 0:
            raise InternalError(reason="the clock of this machine stands before 1970")
        return now_ns

    def acting_as(self, account_id: str) -> Self:
        """Return a view of the same store for another account.

        Raises:
            ValueError: the text is not an account id.
        """
        if account_id != ANONYMOUS and not is_account_id(account_id):
            raise ValueError(f"an account id has 12 digits, not {account_id!r}")
        view = copy.copy(self)
        view.caller = account_id
        return view

    def in_region(self, region: str) -> Self:
        """Return a view of the same store whose buckets are in another region."""
        view = copy.copy(self)
        view.region = region
        return view

    def check_open(self) -> None:
        """Refuse a read if the store is closed.

        Raises:
            StoreClosed.
        """
        if self.life.ended:
            raise StoreClosed("the store is closed")

    def check_writable(self) -> None:
        """Refuse a write if the store is closed or read-only.

        Raises:
            StoreClosed, ReadOnlyStore.
        """
        self.check_open()
        if self.read_only:
            raise ReadOnlyStore("the store was opened read-only")

    def authorized_bucket(self, bucket: str, request: Mapping[str, object]) -> BucketRecord:
        """Check a request's bucket owner condition and its payer, and return the bucket's record.

        Raises:
            NoSuchBucket.
            InvalidBucketOwnerAWSAccountID: x-amz-expected-bucket-owner is not an account id.
            AccessDenied: another account owns the bucket, or requester pays is on and the request does not accept it.

        Source: User Guide, "Verifying bucket ownership with bucket owner condition" and "Using Requester Pays buckets".
        """
        expected = request.get("expected_bucket_owner")
        if expected is not None and not is_account_id(str(expected)):
            raise InvalidBucketOwnerAWSAccountID(f"{InvalidBucketOwnerAWSAccountID.text} [{expected}]")
        record = self.meta.find_bucket(bucket)
        if expected not in (None, record.owner):
            raise AccessDenied(reason="the bucket has another owner than expected")
        pays = self.caller != ANONYMOUS and request.get("request_payer") == REQUESTER
        if record.requester_pays and self.caller != record.owner and not pays:
            raise AccessDenied(reason="the bucket's owner wants the requester to pay, and to say so")
        return record

    def request_charged(self, record: BucketRecord) -> str | None:
        """Return the value of x-amz-request-charged in an answer; None if the requester does not pay."""
        return REQUESTER if record.requester_pays and self.caller != record.owner else None

    def begin_seal(self, binding: KeyBinding, requested: RequestedEncryption) -> Seal:
        """Return a seal for a new upload or object.

        Raises:
            KMSNotFound, KMSDisabled, KMSInvalidState, AccessDenied: the key provider refuses.
        """
        return Seal.of(self.keys.begin(binding, requested))

    def seal_for_part(self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None) -> Seal:
        """Return the seal of an upload, with which a part of it is written.

        Raises:
            InvalidRequest: the request's customer's key is not the upload's, or only one of the two has a key.
        """
        return Seal(self.keys.keys_for_part(encryption, bucket, key, customer), encryption)

    def seal_for_read(self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None) -> Seal:
        """Return the seal of an object, with which it is read.

        Raises:
            InvalidRequest: only one of request and object has a customer's key.
            AccessDenied: the request's customer's key is not the object's.
        """
        return Seal(self.keys.keys_for_read(encryption, bucket, key, customer), encryption)

    def seal_for_attributes(
        self,
        encryption: Encryption | None,
        bucket: str,
        key: str,
        customer: CustomerKey | None,
        *,
        reads_checksums: bool,
    ) -> Seal:
        """Return the seal of an object for a request that reads none of its bytes.

        A customer's key is always checked; the keys of SSE-S3 and SSE-KMS are fetched only to decrypt checksums.

        Raises:
            as `seal_for_read`.
        """
        if reads_checksums or customer is not None or (encryption is not None and encryption.kind == "SSE-C"):
            return self.seal_for_read(encryption, bucket, key, customer)
        return CLEAR

    def lifecycle(self, bucket: str) -> Lifecycle:
        """Return the lifecycle rules of a bucket."""
        return lifecycle_of(self.meta.find_configuration(bucket, LIFECYCLE))

    def expiration(self, bucket: str, key: bytes, record: ObjectRecord) -> str | None:
        """Return the value of x-amz-expiration for the current version of a key; None if no lifecycle rule expires it."""
        deadline = self.lifecycle(bucket).expiration_of(key, record.size, record.tags, record.modified_ns)
        return deadline.as_expiration() if deadline is not None else None

    def canonical_id(self, account_id: str) -> str:
        """Return the canonical user id (64 hex digits) of an account in this store."""
        return hashlib.blake2b(account_id.encode(), key=bytes.fromhex(self._owner_id), digest_size=32).hexdigest()

    def freeing(self, step: Callable[[], Result]) -> Result:
        """Run a step that frees space; on a full disk the ballast makes room for it."""
        return self.ballast.freeing(step)
