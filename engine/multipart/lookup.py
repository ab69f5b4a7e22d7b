"""Looks up open uploads, and the keys that open their checksums."""

import contextlib
from collections.abc import Iterator
from typing import Any

from engine.core import Context
from engine.dates import to_datetime
from engine.encryption.customer_keys import CustomerKey
from engine.encryption.seals import CLEAR, Seal
from engine.errors import NoSuchUpload
from engine.meta import UploadId
from engine.meta.records import Encryption, UploadRecord
from engine.multipart.upload_ids import parse_upload_id
from engine.objects.keys import encode_key
from engine.record import Record


class OpenUpload(Record, frozen=True):
    """An upload that was open when it was looked up. Every metadata transaction on it looks it up again."""

    key: bytes
    id: UploadId
    record: UploadRecord


class UploadLookup:
    """Looks up the open uploads of one store."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def find(self, bucket: str, key: str, upload_id: str) -> OpenUpload:
        """Find the open upload of a key by its id.

        Raises:
            KeyTooLongError, InvalidArgument: the key is not valid.
            NoSuchBucket, NoSuchUpload.
        """
        name = encode_key(key, self._context.limits)
        identity = parse_upload_id(bucket, name, upload_id)
        with naming_upload(upload_id):
            return OpenUpload(name, identity, self._context.meta.find_upload(bucket, name, identity))

    def members(self, bucket: str, key: str, upload_id: str) -> dict[str, Any]:
        """Return what the object of an upload will have, by the members of CreateMultipartUpload; `tags` is a dict.

        Raises:
            as `find`.
        """
        record = self.find(bucket, key, upload_id).record
        encryption, lock = record.encryption, record.lock
        kind = encryption.kind if encryption is not None else None
        until, holds = lock.retain_until_ns, {True: "ON", False: "OFF"}
        return {
            "server_side_encryption": kind if kind != "SSE-C" else None,
            "ssekms_key_id": encryption.key_id if encryption is not None and kind == "aws:kms" else None,
            "sse_customer_algorithm": "AES256" if kind == "SSE-C" else None,
            "storage_class": record.headers.storage_class,
            "object_lock_mode": lock.mode,
            "object_lock_retain_until_date": to_datetime(until) if lock.mode is not None else None,
            "object_lock_legal_hold_status": holds.get(lock.legal_hold) if lock.legal_hold is not None else None,
            "tags": record.tags,
        }

    def seal_for_checksums(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None, *, has_checksums: bool
    ) -> Seal:
        """Return the seal of an upload for a request that needs keys only to decrypt checksums.

        A customer's key is checked if one is given.

        Raises:
            InvalidRequest: checksums are encrypted under a customer's key, and the request has no key or another one.
        """
        are_sealed = has_checksums and encryption is not None and encryption.hides_digests
        return self._context.seal_for_part(encryption, bucket, key, customer) if customer or are_sealed else CLEAR


@contextlib.contextmanager
def naming_upload(upload_id: str) -> Iterator[None]:
    """Add the upload id, as the client wrote it, to a NoSuchUpload."""
    try:
        yield
    except NoSuchUpload:
        raise NoSuchUpload(UploadId=upload_id) from None
