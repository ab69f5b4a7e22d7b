"""GetObjectAttributes."""

from collections.abc import Iterable
from typing import Unpack

from engine.core import Context
from engine.dates import to_datetime
from engine.encryption.customer_keys import requested_customer_key
from engine.encryption.seals import Seal
from engine.errors import InvalidArgument, InvalidRequest
from engine.meta.parts import Manifest
from engine.meta.records import ObjectRecord
from engine.objects.checksums import object_checksum_members, of_part
from engine.objects.keys import encode_key
from engine.objects.listing import check_page_size
from engine.objects.lookup import ObjectLookup
from engine.objects.metadata import storage_class_of
from engine.objects.version_ids import requested_version, version_id_of
from engine.shapes.answers import Checksum, GetObjectAttributesOutput, GetObjectAttributesParts, ObjectPart
from engine.shapes.requests import GetObjectAttributesRequest, reject_unknown_members

ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")
WITH_CHECKSUMS = frozenset({"Checksum", "ObjectParts"})


class GetObjectAttributes:
    """GetObjectAttributes."""

    _context: Context
    _objects: ObjectLookup

    @reject_unknown_members
    def get_object_attributes(
        self,
        bucket: str,
        key: str,
        *,
        object_attributes: Iterable[str],
        max_parts: int | None = None,
        part_number_marker: int | None = None,
        **request: Unpack[GetObjectAttributesRequest],
    ) -> GetObjectAttributesOutput:
        """Return the requested attributes of an object: ETag, Checksum, ObjectParts, StorageClass, ObjectSize.

        ObjectParts is a page of at most 1,000 parts after the marker if the object's checksum is COMPOSITE; else only their count.

        Raises:
            NoSuchBucket, NoSuchKey, NoSuchVersion.
            InvalidRequest: no attribute is requested.
            InvalidArgument: an attribute does not exist, or a number is not within 0..2147483647.

        Source: API page GetObjectAttributes; AWS's answers.
        """
        self._context.check_open()
        wanted = _wanted(object_attributes)
        limit = check_page_size("max-parts", max_parts, self._context.limits.page_size_max, self._context.limits)
        marker = check_page_size("part-number-marker", part_number_marker, 0, self._context.limits, clamp=False)
        bucket_record = self._context.authorized_bucket(bucket, request)
        name, version = encode_key(key, self._context.limits), requested_version(request.get("version_id"))
        found, manifest, lease = self._objects.hold(bucket, name, version)
        lease.close()
        record = found.record
        with (
            requested_customer_key(request) as customer,
            self._context.seal_for_attributes(
                record.encryption, bucket, key, customer, reads_checksums=bool(wanted & WITH_CHECKSUMS)
            ) as seal,
        ):
            checksum = seal.reveal_whole(record.etag, record.checksum) if "Checksum" in wanted else None
            parts = _parts_of(record, manifest, marker, limit, seal) if "ObjectParts" in wanted else None
        return GetObjectAttributesOutput(
            last_modified=to_datetime(record.modified_ns),
            version_id=version_id_of(found.version),
            request_charged=self._context.request_charged(bucket_record),
            etag=record.etag if "ETag" in wanted else None,
            checksum=Checksum(**object_checksum_members(checksum)) if checksum is not None else None,
            object_parts=parts,
            storage_class=storage_class_of(record.headers) if "StorageClass" in wanted else None,
            object_size=record.size if "ObjectSize" in wanted else None,
        )


def _parts_of(
    record: ObjectRecord, manifest: Manifest, marker: int, limit: int, seal: Seal
) -> GetObjectAttributesParts | None:
    count = record.part_count
    if count is None:
        return None
    if record.checksum is None or record.checksum.type != "COMPOSITE":
        return GetObjectAttributesParts(total_parts_count=count)
    page = seal.reveal_parts(manifest.parts[min(marker, count) : min(marker + limit, count)])
    return GetObjectAttributesParts(
        total_parts_count=count,
        part_number_marker=marker,
        next_part_number_marker=marker + len(page) if page else 0,
        max_parts=limit,
        is_truncated=bool(page) and marker + len(page) < count,
        parts=tuple(ObjectPart(marker + at, part.size, **of_part(part)) for at, part in enumerate(page, start=1))
        or None,
    )


def _wanted(object_attributes: Iterable[str]) -> frozenset[str]:
    names = [name.strip() for name in object_attributes]
    if not any(names):
        raise InvalidRequest(
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"
        )
    for name in names:
        if name not in ATTRIBUTES:
            raise InvalidArgument(
                "Invalid attribute name specified.", ArgumentName="x-amz-object-attributes", ArgumentValue=name
            )
    return frozenset(names)
