"""GetObject and HeadObject."""

import contextlib
from typing import Unpack

from engine.bodies.readers import ObjectBody
from engine.core import Context
from engine.dates import to_datetime
from engine.encryption.customer_keys import requested_customer_key
from engine.encryption.seals import encryption_members
from engine.meta import FoundObject
from engine.meta.parts import Manifest, Parts
from engine.meta.records import BucketRecord
from engine.objects.checksums import asks_for_checksum, checksum_of_read
from engine.objects.conditions import Conditions, Extent, extent_of, requested_range
from engine.objects.keys import encode_key
from engine.objects.lookup import ObjectLookup
from engine.objects.metadata import check_active, overrides
from engine.objects.object_lock import lock_members
from engine.objects.version_ids import requested_version, version_id_of
from engine.shapes.answers import GetObjectOutput, HeadObjectOutput, quoted
from engine.shapes.requests import ReadRequest, reject_unknown_members

CONTENT_TYPE_DEFAULT = "binary/octet-stream"


class GetObject:
    """GetObject and HeadObject."""

    _context: Context
    _objects: ObjectLookup

    @reject_unknown_members
    def get_object(self, bucket: str, key: str, **request: Unpack[ReadRequest]) -> GetObjectOutput:
        """Open an object, a range (`bytes=0-9`) or a part of it.

        The answer's `body` reads the bytes of this object to their end, also if the key is overwritten or deleted meanwhile.

        Raises:
            NoSuchBucket, NoSuchKey, NoSuchVersion.
            MethodNotAllowed: the version that is named is a delete marker.
            InvalidObjectState: the object has the storage class of an archive.
            PreconditionFailed, NotModified: a condition does not hold.
            InvalidRange, InvalidPartNumber, InvalidArgument, InvalidRequest: as `extent_of`.
            InvalidRequest, AccessDenied: the customer's key is missing, or is not the one that the object was stored with.
            InternalError: stored bytes are missing or damaged.

        Source: API page GetObject.
        """
        context = self._context
        context.check_open()
        conditions = Conditions.of(request)
        bucket_record = context.authorized_bucket(bucket, request)
        name, version = encode_key(key, context.limits), requested_version(request.get("version_id"))
        with requested_customer_key(request) as customer, contextlib.ExitStack() as undo:
            found, manifest, lease = self._objects.hold(bucket, name, version)
            undo.callback(lease.close)
            record = found.record
            seal = undo.enter_context(context.seal_for_read(record.encryption, bucket, key, customer))
            conditions.check(record.etag, to_datetime(record.modified_ns))
            check_active(record)
            wanted = requested_range(request, record.etag, to_datetime(record.modified_ns))
            extent = extent_of(record, manifest, wanted, request.get("part_number"), context.limits)
            self._objects.check_readable(manifest, extent, seal)
            expiration = self._objects.expiration(bucket, name, found, version)
            members = self._members(bucket_record, found, extent, request)
            members |= encryption_members(record.encryption, customer)
            members |= checksum_of_read(record, manifest, extent, request, seal)
            body = ObjectBody(manifest, extent.start, extent.length, context.meta, context.blobs, lease, seal)
            undo.pop_all()
        return GetObjectOutput(**members, expiration=expiration, body=body)  # type: ignore[arg-type]

    @reject_unknown_members
    def head_object(self, bucket: str, key: str, **request: Unpack[ReadRequest]) -> HeadObjectOutput:
        """Return what `get_object` returns, but for the bytes.

        Raises:
            as get_object.

        Source: API page HeadObject.
        """
        context = self._context
        context.check_open()
        conditions = Conditions.of(request)
        name, version = encode_key(key, context.limits), requested_version(request.get("version_id"))
        bucket_record = context.authorized_bucket(bucket, request)
        if request.get("part_number") is None:
            found, manifest = self._objects.find(bucket, name, version), Manifest.of(Parts(), ())
        else:
            found, manifest, lease = self._objects.hold(bucket, name, version)
            lease.close()
        record = found.record
        with (
            requested_customer_key(request) as customer,
            context.seal_for_attributes(
                record.encryption, bucket, key, customer, reads_checksums=asks_for_checksum(request)
            ) as seal,
        ):
            conditions.check(record.etag, to_datetime(record.modified_ns))
            wanted = requested_range(request, record.etag, to_datetime(record.modified_ns))
            extent = extent_of(record, manifest, wanted, request.get("part_number"), context.limits)
            members = self._members(bucket_record, found, extent, request)
            members |= encryption_members(record.encryption, customer)
            members |= checksum_of_read(record, manifest, extent, request, seal)
        expiration = self._objects.expiration(bucket, name, found, version)
        return HeadObjectOutput(**members, expiration=expiration)  # type: ignore[arg-type]

    def _members(
        self, bucket_record: BucketRecord, found: FoundObject, extent: Extent, request: ReadRequest
    ) -> dict[str, object]:
        """Return the members that GetObject and HeadObject share."""
        record, headers = found.record, found.record.headers
        return {
            "version_id": version_id_of(found.version),
            "accept_ranges": "bytes",
            "last_modified": to_datetime(record.modified_ns),
            "content_length": extent.length,
            "etag": quoted(record.etag),
            "content_type": headers.content_type or CONTENT_TYPE_DEFAULT,
            "metadata": dict(headers.metadata),
            "content_range": extent.content_range,
            "cache_control": headers.cache_control,
            "content_disposition": headers.content_disposition,
            "content_encoding": headers.content_encoding,
            "content_language": headers.content_language,
            "expires": headers.expires,
            "website_redirect_location": headers.website_redirect_location,
            "storage_class": headers.storage_class,
            "tag_count": len(record.tags) or None,
            **lock_members(record.lock),
            "parts_count": extent.parts_count,
            "request_charged": self._context.request_charged(bucket_record),
            **overrides(request),
        }
