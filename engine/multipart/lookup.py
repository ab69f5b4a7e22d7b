"""Looks up open uploads, and the keys that open their checksums."""

import contextlib
from collections.abc import Iterator

from engine.core import Context
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
