"""CompleteMultipartUpload: no byte is moved, one metadata step swaps the upload for the object."""

import contextlib
import secrets
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
from engine.multipart.checksum_rules import Claim
from engine.multipart.lookup import UploadLookup, naming_upload
from engine.multipart.rules import ListedPart, PartList, check_object_size, select
from engine.multipart.upload_ids import parse_upload_id
from engine.objects.checksums import shown
from engine.objects.conditions import WriteConditions
from engine.objects.keys import encode_key
from engine.objects.lookup import ObjectLookup
from engine.objects.version_ids import made_version
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
        """Publish the listed parts as the object, in place of what the key held; parts not listed are freed.

        `parts` are (part number, ETag) pairs or CompletedParts, strictly ascending; ETags with or without quotes. An upload that names
        a checksum algorithm wants the numbers from 1 without gaps, and one of the COMPOSITE type the checksum of each part. Repeated
        with the same list after a success it gives the same answer, for `limits.tombstone_lifetime_s`.

        Raises:
            InvalidRequest, MalformedXML, InvalidArgument, InvalidPartOrder: the list itself is wrong.
            NoSuchBucket, NoSuchUpload.
            InvalidPart: a part was not uploaded, or has another ETag.
            EntityTooSmall: a listed part other than the last has less than 5 MiB.
            EntityTooLarge: the object would pass 48.8 TiB.
            InvalidRequest: `mpu_object_size` is not the size of the listed parts, or `checksum_type` not the upload's.
            BadDigest: the object has another checksum than is said.
            InvalidRequest: the customer's key is another one than the upload's, or missing where a checksum algorithm is named.
            PreconditionFailed, NoSuchKey, ConditionalRequestConflict: `if_match` or `if_none_match` does not hold, or the key was
                written or deleted since the upload began; the upload stays.

        Source: API page CompleteMultipartUpload.
        """
        self._context.check_writable()
        conditions = WriteConditions.of(request.get("if_match"), request.get("if_none_match"))
        claim = Claim.of(request)
        bucket_record = self._context.authorized_bucket(bucket, request)
        name = encode_key(key, self._context.limits)
        identity = parse_upload_id(bucket, name, upload_id)
        listed = PartList.of(parts, upload_id, self._context.limits)

        def choose(upload: UploadRecord, held: Parts, current: FoundObject | None, is_unchanged: bool) -> Publication:
            conditions.check(key, current, is_unchanged)
            plan = upload.checksum
            claim.check_form(plan)
            publication = select(held, listed, upload_id, self._context.limits, plan, seal)
            check_object_size(publication.manifest.size, request.get("mpu_object_size"))
            claim.check_value(publication.checksum, len(listed.numbers))
            return replace(publication, checksum=seal.hide_whole(publication.etag, publication.checksum))

        with contextlib.ExitStack() as held:
            customer = held.enter_context(requested_customer_key(request))
            upload = self._open_upload(bucket, name, identity)
            seal = held.enter_context(self._seal_of_completed(bucket, key, upload, customer))
            seal = self._with_opened_checksums(bucket, name, identity, seal)
            with naming_upload(upload_id):
                given = listed.digest(), choose, secrets.token_bytes(MANIFEST_ID_SIZE), self._context.now_ns()
                published = self._context.meta.publish(bucket, name, identity, *given)
            self._context.sweeper.sweep(published.trash)
            if upload is None:
                seal = held.enter_context(self._seal_of_completed(bucket, key, published, customer))
            checksum = seal.reveal_whole(published.etag, published.checksum)
        return CompleteMultipartUploadOutput(
            f"/{bucket}/{urllib.parse.quote(key)}",
            bucket,
            key,
            quoted(published.etag),
            **shown(checksum, len(listed.numbers)),
            version_id=made_version(published.version),
            expiration=self._published_expiration(bucket, name, published.etag),
            request_charged=self._context.request_charged(bucket_record),
            **encryption_members(published.encryption, None),
        )

    def _open_upload(self, bucket: str, key: bytes, upload_id: UploadId) -> UploadRecord | None:
        """The upload; None if it has ended. It may have been completed, and this be a repetition."""
        try:
            return self._context.meta.find_upload(bucket, key, upload_id)
        except NoSuchUpload:
            return None

    def _with_opened_checksums(self, bucket: str, key: bytes, upload_id: UploadId, seal: Seal) -> Seal:
        """Open the checksums of all parts before the step, in which all others wait; those that come meanwhile are opened there."""
        if seal.keys is None:
            return seal
        with contextlib.suppress(NoSuchUpload):
            _, held = self._context.meta.list_parts(bucket, key, upload_id, 0, self._context.limits.part_number_max)
            numbers, _, etags, kept = held.columns()
            return seal.with_opened_checksums(numbers, etags, kept)
        return seal

    def _seal_of_completed(
        self, bucket: str, key: str, record: UploadRecord | Published | None, customer: CustomerKey | None
    ) -> Seal:
        """The keys of checksums, opened before the step that needs them: a provider of keys may take its time.

        Raises:
            InvalidRequest: the customer's key is missing, or another one.
        """
        if record is None or record.checksum is None:
            return CLEAR
        encryption, checksum = record.encryption, record.checksum
        is_named = checksum.algorithm is not None or (encryption is not None and encryption.kind != "SSE-C")
        return self._uploads.seal_for_checksums(encryption, bucket, key, customer, has_some=is_named)

    def _published_expiration(self, bucket: str, key: bytes, etag: str) -> str | None:
        """What x-amz-expiration says of the object just published, unless it has been replaced already."""
        if self._context.lifecycle(bucket).version_prefix is None:
            return None
        current = self._objects.current(bucket, key)
        is_it = current is not None and current.record.etag == etag
        return self._context.expiration(bucket, key, current.record) if current is not None and is_it else None
