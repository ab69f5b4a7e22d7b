"""The steps that begin every write, in one order.

PutObject, CopyObject, CreateMultipartUpload, UploadPart, UploadPartCopy     the store is writable; the customer's key is read;
                                                                             bucket, owner condition and payer; SSE-C is not blocked
PutObject, CopyObject, CreateMultipartUpload                                 the requested encryption; the object lock
PutObject, CopyObject                                                        conditions, before the body and in the transaction

Before all of this each operation checks what needs no bucket: members that exclude each other, forms of digests.
"""

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from typing import Any, TypeVar

from engine.bodies.reception import Arrival
from engine.core import Context
from engine.encryption.bucket_default import by_default
from engine.encryption.customer_keys import CustomerKey, bucket_blocks_customer_keys, requested_customer_key
from engine.encryption.requested import RequestedEncryption
from engine.encryption.seals import encryption_members
from engine.encryption.upload_keys import KeyBinding
from engine.meta import Trash, Version
from engine.meta.parts import PartRecord
from engine.meta.records import BucketRecord, Encryption, Headers, Lock, ObjectRecord
from engine.objects.checksums import of_object
from engine.objects.conditions import WriteConditions
from engine.objects.keys import encode_key
from engine.objects.object_lock import check_digest, lock_in

Entered = TypeVar("Entered")
MANIFEST_ID_SIZE = 16
OBJECT_ID_SIZE = 16
"""An object that came in one piece has no upload id: its key binding has this many random bytes instead."""


class Write:
    """One write; `writing` makes it, and it is used inside that `with`."""

    __slots__ = ("_context", "_stack", "bucket", "bucket_record", "customer", "key", "name", "request", "trash")

    def __init__(self, context: Context, bucket: str, key: str, request: Any, stack: contextlib.ExitStack) -> None:
        self.bucket = bucket
        self.key = key
        self.name = encode_key(key, context.limits)
        self.request = request
        self.trash: tuple[Trash, ...] = ()
        self._context = context
        self._stack = stack
        self.customer: CustomerKey | None = stack.enter_context(requested_customer_key(request))
        self.bucket_record: BucketRecord = context.authorized_bucket(bucket, request)
        self._check_customer_key_allowed()

    def hold(self, manager: contextlib.AbstractContextManager[Entered]) -> Entered:
        """Enter a context, which is left when the write ends."""
        return self._stack.enter_context(manager)

    def _check_customer_key_allowed(self) -> None:
        """Refuse a customer's key in a bucket that blocks SSE-C.

        Raises:
            AccessDenied: the bucket blocks it.

        Source: User Guide, "Blocking or unblocking SSE-C for a general purpose bucket".
        """
        rule = self.bucket_record.encryption
        if self.customer is not None and rule is not None and rule.blocks_customer_keys:
            raise bucket_blocks_customer_keys(self._context.caller, self.bucket, self.key)

    def requested_encryption(self) -> RequestedEncryption:
        """Return the requested encryption, else the bucket's default.

        Raises:
            InvalidArgument: S3 has no such encryption.
            NotImplementedYet: this store has no such encryption.
        """
        requested = by_default(RequestedEncryption.of(self.request, self.customer), self.bucket_record.encryption)
        requested.check()
        return requested

    def check_lock(self, lock: Lock, *, has_digest: bool) -> None:
        """Check the lock of a new object against its bucket; `has_digest` says whether a digest of its bytes is known.

        Raises:
            InvalidRequest: the bucket has no object lock, or the object would be locked and there is no digest.
        """
        check_digest(lock_in(self.bucket_record, lock, self._context.now_ns()), "Put Object", has_digest=has_digest)

    def put(
        self, arrival: Arrival, headers: Headers, tags: dict[str, str], lock: Lock, conditions: WriteConditions
    ) -> tuple[ObjectRecord, Version | None]:
        """Commit an object that came in one piece; conditions and lock are checked again inside the transaction.

        Raises:
            NoSuchBucket, PreconditionFailed, NoSuchKey, InvalidRequest.
        """
        record, part = new_object(arrival, headers, tags, lock, self._context.now_ns())
        guard, locking = partial(conditions.check, self.key), partial(lock_in, now_ns=record.modified_ns)
        version, self.trash = self._context.meta.put_object(
            self.bucket, self.name, record, part, arrival.inline, guard, locking
        )
        return record, version

    def encryption_members(self, encryption: Encryption | None) -> dict[str, Any]:
        """Return the members of an answer that show how a new object or upload is encrypted."""
        return {
            **encryption_members(encryption, self.customer),
            "ssekms_encryption_context": self.request.get("ssekms_encryption_context"),
        }


@contextlib.contextmanager
def writing(context: Context, bucket: str, key: str, request: Any) -> Iterator[Write]:
    """Begin a write, and remove the bytes that it superseded once it has succeeded.

    Raises:
        StoreClosed, ReadOnlyStore.
        KeyTooLongError, InvalidArgument: the key is not valid.
        InvalidArgument, InvalidEncryptionAlgorithmError: the members of a customer's key are not valid.
        NoSuchBucket, InvalidBucketOwnerAWSAccountID, AccessDenied: as `Context.authorized_bucket`.
        AccessDenied: the bucket blocks SSE-C.
    """
    context.check_writable()
    with contextlib.ExitStack() as stack:
        write = Write(context, bucket, key, request, stack)
        yield write
    context.sweeper.sweep(write.trash)


def new_key_binding(bucket: str, key: str) -> KeyBinding:
    """Make the key binding of an object that comes in one piece."""
    return KeyBinding(bucket, key, os.urandom(OBJECT_ID_SIZE))


def new_object(
    arrival: Arrival, headers: Headers, tags: dict[str, str], lock: Lock, now_ns: int
) -> tuple[ObjectRecord, PartRecord]:
    """Make the records of an object that came in one piece, and of its one part."""
    part = arrival.as_part(1, now_ns)
    etag, manifest_id = part.etag.hex(), os.urandom(MANIFEST_ID_SIZE)
    checksum = arrival.seal.hide_whole(etag, of_object(arrival.kept, arrival.algorithm))
    record = ObjectRecord(
        manifest_id, arrival.size, etag, now_ns, None, headers, tags, lock, checksum, encryption=arrival.seal.encryption
    )
    return record, part
