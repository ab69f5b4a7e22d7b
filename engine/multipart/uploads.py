"""CreateMultipartUpload and AbortMultipartUpload."""

import os
from typing import Any, Unpack

from engine.core import Context
from engine.encryption.upload_keys import KeyBinding
from engine.meta import UPLOAD_NONCE_SIZE, UploadId
from engine.meta.records import UploadRecord
from engine.multipart.checksum_rules import plan_members, plan_of
from engine.multipart.listings import abort_members
from engine.multipart.lookup import UploadLookup, naming_upload
from engine.multipart.upload_ids import format_upload_id
from engine.objects.metadata import ObjectMetadata
from engine.objects.object_lock import lock_in
from engine.objects.writing import writing
from engine.shapes.answers import (
    AbortMultipartUploadOutput,
    CreateMultipartUploadOutput,
)
from engine.shapes.requests import (
    CreateMultipartUploadRequest,
    Request,
    reject_unknown_members,
)


class Uploads:
    """CreateMultipartUpload and AbortMultipartUpload."""

    _context: Context
    _uploads: UploadLookup

    @reject_unknown_members
    def create_multipart_upload(
        self,
        bucket: str,
        key: str,
        **request: Unpack[CreateMultipartUploadRequest],
    ) -> CreateMultipartUploadOutput:
        """Begin a multipart upload. The object's metadata, tags, lock and encryption are given here, not at Complete.

        A customer's key (`sse_customer_*`) is needed again for each part and each read; for ListParts and Complete only if
        a checksum algorithm is named. Any other encryption (`server_side_encryption`, or the bucket's default) is requested here only.

        Raises:
            NoSuchBucket, KeyTooLongError.
            MetadataTooLarge, InvalidStorageClass, InvalidTag, …: `ObjectMetadata` refuses a member.
            InvalidRequest: a lock is requested in a bucket without object lock.
            InvalidRequest: checksum_algorithm or checksum_type is unknown, or the two do not go together.
            InvalidArgument, AccessDenied, KMSNotFound, …: the encryption is unknown, its key cannot be used, or the bucket blocks it.

        Source: API page CreateMultipartUpload.
        """
        context = self._context
        plan = plan_of(request.get("checksum_algorithm"), request.get("checksum_type"))
        now = context.now_ns()
        metadata = ObjectMetadata.of(request, context.limits, now)
        upload_id = UploadId(now, os.urandom(UPLOAD_NONCE_SIZE))
        with writing(context, bucket, key, request) as write:
            requested = write.requested_encryption()
            lock = lock_in(write.bucket_record, metadata.lock, now)
            with context.begin_seal(KeyBinding(bucket, key, upload_id.nonce), requested) as seal:
                encryption = seal.encryption
            record = UploadRecord(metadata.headers, context.caller, metadata.tags, lock, plan, encryption=encryption)
            context.meta.begin_upload(bucket, write.name, upload_id, record)
        return CreateMultipartUploadOutput(
            bucket=bucket,
            key=key,
            upload_id=format_upload_id(bucket, write.name, upload_id),
            **abort_members(context.lifecycle(bucket), write.name, upload_id),
            **plan_members(plan),
            request_charged=context.request_charged(write.bucket_record),
            **write.encryption_members(encryption),
        )

    def find_upload_members(self, bucket: str, key: str, upload_id: str) -> dict[str, Any]:
        """Return what the object of an open upload will have; see `UploadLookup.members`. This is no operation of S3.

        Raises:
            NoSuchBucket, NoSuchUpload, KeyTooLongError, InvalidArgument.
        """
        self._context.check_open()
        return self._uploads.members(bucket, key, upload_id)

    @reject_unknown_members
    def abort_multipart_upload(
        self, bucket: str, key: str, upload_id: str, **request: Unpack[Request]
    ) -> AbortMultipartUploadOutput:
        """End an upload and free its parts. A part that is still being uploaded will be refused.

        Raises:
            NoSuchBucket, NoSuchUpload: also if the upload was aborted or completed before.

        Source: API page AbortMultipartUpload.
        """
        context = self._context
        context.check_writable()
        bucket_record = context.authorized_bucket(bucket, request)
        upload = self._uploads.find(bucket, key, upload_id)
        with naming_upload(upload_id):
            trash, _ = context.freeing(lambda: context.meta.abort(bucket, upload.key, upload.id))
        context.sweeper.sweep((trash,) if trash else ())
        return AbortMultipartUploadOutput(request_charged=context.request_charged(bucket_record))
