"""PutObject."""

from typing import Unpack

from engine.bodies.reception import Promise, in_hex
from engine.bodies.sources import Body, trailers_of
from engine.checksums import DEFAULT, promised_checksum
from engine.core import Context
from engine.objects.checksums import object_checksum_members, of_object
from engine.objects.conditions import WriteConditions
from engine.objects.lookup import ObjectLookup
from engine.objects.metadata import ObjectMetadata
from engine.objects.version_ids import new_version_id
from engine.objects.writing import new_key_binding, writing
from engine.shapes.answers import PutObjectOutput, quoted
from engine.shapes.requests import PutObjectRequest, reject_unknown_members


class PutObject:
    """PutObject."""

    _context: Context
    _objects: ObjectLookup

    @reject_unknown_members
    def put_object(
        self,
        bucket: str,
        key: str,
        body: Body = b"",
        **request: Unpack[PutObjectRequest],
    ) -> PutObjectOutput:
        """Store an object durably, in place of the key's current one; body and digests are as for `upload_part`.

        With a customer's key (`sse_customer_*`) the bytes are stored encrypted, and each read needs the same key. SSE-S3 and SSE-KMS
        (`server_side_encryption`, or the bucket's default) encrypt them with keys that the store finds again.

        Raises:
            NoSuchBucket, KeyTooLongError.
            MetadataTooLarge, InvalidStorageClass, InvalidTag, …: as `ObjectMetadata.of`.
            InvalidRequest: the request has a lock, and the bucket has no object lock or the request no digest of the bytes.
            EntityTooLarge, IncompleteBody, InvalidDigest, BadDigest, XAmzContentSHA256Mismatch, InvalidRequest.
            PreconditionFailed, NoSuchKey: if_match or if_none_match does not hold, before the body or after it.
            InvalidArgument, AccessDenied, KMSNotFound, …: no such encryption exists, its key can't be used, or the bucket blocks it.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        Source: API page PutObject.
        """
        context = self._context
        checksum = promised_checksum(request, trailers_of(body), must_agree=True)
        promise = Promise.of(request, checksum).keeping(checksum.algorithm if checksum else DEFAULT)
        conditions = WriteConditions.of(request.get("if_match"), request.get("if_none_match"))
        metadata = ObjectMetadata.of(request, context.limits, context.now_ns())
        with writing(context, bucket, key, request) as write:
            requested = write.requested_encryption()
            write.check_lock(metadata.lock, has_digest=checksum is not None or promise.md5 is not None)
            conditions.check(key, self._objects.current(bucket, write.name))
            seal = write.hold(context.begin_seal(new_key_binding(bucket, key), requested))
            size_max = context.limits.put_size_bytes_max
            arrival = write.hold(context.bodies.receive(body, promise, size_max=size_max, as_text=in_hex, seal=seal))
            record, version = write.put(arrival, metadata.headers, metadata.tags, metadata.lock, conditions)
        return PutObjectOutput(
            quoted(record.etag),
            **object_checksum_members(of_object(arrival.kept, arrival.algorithm)),
            version_id=new_version_id(version),
            expiration=context.expiration(bucket, write.name, record),
            request_charged=context.request_charged(write.bucket_record),
            **write.encryption_members(seal.encryption),
        )
