"""CompleteMultipartUpload: one metadata transaction replaces the upload by the object; no bytes are copied."""

import contextlib
import os
import urllib.parse
from collections.abc import Iterable
from typing import Unpack

from engine.core import Context
from engine.encryption.customer_keys import CustomerKey, requested_customer_key
from engine.encryption.seals import CLEAR, Seal, encryption_members
from engine.errors import NoSuchUpload
from engine.meta import FoundObject, Publication, Published, UploadId
from engine.meta.parts import Parts
from engine.meta.records import UploadRecord
from engine.multipart.checksum_rules import WholeChecksum
from engine.multipart.lookup import UploadLookup, naming_upload
from engine.multipart.rules import ListedPart, PartList, check_object_size, select
from engine.multipart.upload_ids import parse_upload_id
from engine.objects.checksums import object_checksum_members
from engine.objects.conditions import WriteConditions
from engine.objects.keys import encode_key
from engine.objects.lookup import ObjectLookup
from engine.objects.version_ids import new_version_id
from engine.objects.writing import MANIFEST_ID_SIZE
from engine.record import replace
from engine.shapes.answers import CompleteMultipartUploadOutput, quoted
from engine.shapes.requests import CompleteMultipartUploadRequest, reject_unknown_members


class CompleteMultipartUpload:
    """CompleteMultipartUpload."""

    _context: Context
    _objects: ObjectLookup
    _uploads: UploadLookup

    @reject_unknown_members
    def complete_multipart_upload(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Iterable[ListedPart],
        **request: Unpack[CompleteMultipartUploadRequest],
    ) -> CompleteMultipartUploadOutput:
        """Publish the listed parts as the object, and free the parts not listed. The object replaces the key's current one.

        `parts` are (part number, ETag) pairs or CompletedParts, strictly ascending; ETags with or without quotes. If the upload names
        a checksum algorithm, the numbers must run from 1 without gaps; if its type is COMPOSITE, each part must have its checksum.
        Repeated with the same list after a success, the call gives the same answer for `limits.tombstone_lifetime_s`.

        Raises:
            InvalidRequest, MalformedXML, InvalidArgument, InvalidPartOrder: the list itself is wrong.
            NoSuchBucket, NoSuchUpload.
            InvalidPart: a part was not uploaded, or has another ETag.
            EntityTooSmall: a listed part other than the last has less than 5 MiB.
            EntityTooLarge: the object would be larger than 48.8 TiB.
            InvalidRequest: `mpu_object_size` is not the size of the listed parts, or `checksum_type` not the upload's.
            BadDigest: the object's checksum differs from the one sent.
            InvalidRequest: the customer's key is not the upload's, or it is missing and the upload names a checksum algorithm.
            PreconditionFailed, NoSuchKey, ConditionalRequestConflict: `if_match` or `if_none_match` does not hold, or the key was
                written or deleted since the upload began. The upload stays open.

        Source: API page CompleteMultipartUpload.
        """
        context = self._context
        context.check_writable()
        conditions = WriteConditions.of(request.get("if_match"), request.get("if_none_match"))
        sent_checksum = WholeChecksum.of(request)
        bucket_record = context.authorized_bucket(bucket, request)
        name = encode_key(key, context.limits)
        identity = parse_upload_id(bucket, name, upload_id)
        listed = PartList.of(parts, upload_id, context.limits)

        def choose(upload: UploadRecord, stored: Parts, current: FoundObject | None, is_unchanged: bool) -> Publication:
            conditions.check(key, current, is_unchanged)
            sent_checksum.check_form(upload.checksum)
            publication = select(stored, listed, upload_id, context.limits, upload.checksum, seal)
            check_object_size(publication.manifest.size, request.get("mpu_object_size"))
            sent_checksum.check_value(publication.checksum, len(listed.numbers))
            return replace(publication, checksum=seal.hide_whole(publication.etag, publication.checksum))

        with contextlib.ExitStack() as keys:
            customer = keys.enter_context(requested_customer_key(request))
            upload = self._open_upload(bucket, name, identity)
            seal = keys.enter_context(self._seal_of_completed(bucket, key, upload, customer))
            seal = self._with_opened_checksums(bucket, name, identity, seal)
            with naming_upload(upload_id):
                manifest_id, now_ns = os.urandom(MANIFEST_ID_SIZE), context.now_ns()
                published = context.meta.publish(bucket, name, identity, listed.digest(), choose, manifest_id, now_ns)
            context.sweeper.sweep(published.trash)
            if upload is None:
                seal = keys.enter_context(self._seal_of_completed(bucket, key, published, customer))
            checksum = seal.reveal_whole(published.etag, published.checksum)
        return CompleteMultipartUploadOutput(
            f"/{bucket}/{urllib.parse.quote(key)}",
            bucket,
            key,
            quoted(published.etag),
            **object_checksum_members(checksum, len(listed.numbers)),
            version_id=new_version_id(published.version),
            expiration=self._published_expiration(bucket, name, published.etag),
            request_charged=context.request_charged(bucket_record),
            **encryption_members(published.encryption, None),
        )

    def _open_upload(self, bucket: str, key: bytes, upload_id: UploadId) -> UploadRecord | None:
        """Return the upload, or None if it is not open: this may repeat a Complete that has succeeded."""
        try:
            return self._context.meta.find_upload(bucket, key, upload_id)
        except NoSuchUpload:
            return None

    def _with_opened_checksums(self, bucket: str, key: bytes, upload_id: UploadId, seal: Seal) -> Seal:
        """Decrypt the checksums of all parts before the metadata transaction, since every other write waits for it.

        Those of parts uploaded in the meantime are decrypted inside it.
        """
        if seal.keys is None:
            return seal
        with contextlib.suppress(NoSuchUpload):
            _, stored = self._context.meta.list_parts(bucket, key, upload_id, 0, self._context.limits.part_number_max)
            numbers, _, etags, checksums = stored.columns()
            return seal.with_opened_checksums(numbers, etags, checksums)
        return seal

    def _seal_of_completed(
        self, bucket: str, key: str, record: UploadRecord | Published | None, customer: CustomerKey | None
    ) -> Seal:
        """Return the seal that decrypts checksums of an upload or object.

        Keys are fetched before the metadata transaction, never inside it.

        Raises:
            InvalidRequest: the customer's key is missing, or not the upload's.
        """
        if record is None or record.checksum is None:
            return CLEAR
        encryption, checksum = record.encryption, record.checksum
        has_checksums = checksum.algorithm is not None or (encryption is not None and encryption.kind != "SSE-C")
        return self._uploads.seal_for_checksums(encryption, bucket, key, customer, has_checksums=has_checksums)

    def _published_expiration(self, bucket: str, key: bytes, etag: str) -> str | None:
        """Return the value of x-amz-expiration for the object just published; None if it has been replaced already."""
        if self._context.lifecycle(bucket).version_prefix is None:
            return None
        current = self._objects.current(bucket, key)
        if current is None or current.record.etag != etag:
            return None
        return self._context.expiration(bucket, key, current.record)
