"""CopyObject."""

from typing import Literal, Unpack

from engine.checksums import find_algorithm
from engine.core import Context
from engine.dates import to_datetime
from engine.errors import InvalidArgument, InvalidRequest
from engine.meta.records import Headers, replace
from engine.objects.checksums import object_checksum_members, of_object
from engine.objects.conditions import WriteConditions
from engine.objects.copied_object import CopySources
from engine.objects.copy_source import CopySource, copied_extent
from engine.objects.lookup import ObjectLookup
from engine.objects.metadata import ObjectMetadata
from engine.objects.version_ids import new_version_id, version_id_of
from engine.objects.writing import new_key_binding, writing
from engine.shapes.answers import CopyObjectOutput, CopyObjectResult, quoted
from engine.shapes.requests import CopyObjectRequest, reject_unknown_members

_TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, "
    "storage class, website redirect location or encryption attributes."
)


class CopyObject:
    """CopyObject."""

    _context: Context
    _objects: ObjectLookup
    _copy_sources: CopySources

    @reject_unknown_members
    def copy_object(
        self, bucket: str, key: str, copy_source: str, **request: Unpack[CopyObjectRequest]
    ) -> CopyObjectOutput:
        """Copy an object of up to 5 GiB; `copy_source` is `bucket/key`, percent-encoded, or `bucket/key?versionId=ID`.

        Metadata and content headers come from the source unless `metadata_directive` is REPLACE, the checksum's algorithm unless
        `checksum_algorithm` names one. The copy consists of one part, also if the source has several. The source's key is
        `copy_source_sse_customer_*`, the copy's own `sse_customer_*`; they may differ, and either may be missing. The copy does not
        take over the source's encryption: it has the requested one, else the default of its bucket.

        Raises:
            NoSuchBucket, NoSuchKey, NoSuchVersion: the source or the destination does not exist.
            InvalidArgument: copy_source or metadata_directive is not valid.
            InvalidRequest: checksum_algorithm does not exist, the source is too large or a delete marker, or the copy onto itself
                would change nothing.
            PreconditionFailed: a condition on the source does not hold, or if_match or if_none_match on the destination.
            InvalidArgument, AccessDenied, KMSNotFound, …: no such encryption exists, its key can't be used, or the bucket blocks it.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        Source: API page CopyObject.
        """
        context = self._context
        source = CopySource.of(copy_source)
        replaces, retags = _replaces("metadata", request), _replaces("tagging", request)
        changing = ("storage_class", "website_redirect_location", "server_side_encryption")
        changes = any(request.get(member) is not None for member in changing)
        wanted = request.get("checksum_algorithm")
        named = find_algorithm(wanted) if wanted is not None else None
        conditions = WriteConditions.of(request.get("if_match"), request.get("if_none_match"))
        metadata = ObjectMetadata.of(request, context.limits, context.now_ns())
        with writing(context, bucket, key, request) as write:
            requested = write.requested_encryption()
            write.check_lock(metadata.lock, has_digest=True)  # the copy's digests are the store's own
            conditions.check(key, self._objects.current(bucket, write.name))
            copied = write.hold(self._copy_sources.hold(source, request))
            is_same = (source.bucket, source.key) == (bucket, key) and copied.would_be_replaced(write.bucket_record)
            if is_same and not (replaces or changes or write.customer or copied.kind != requested.kind):
                raise InvalidRequest(_TO_ITSELF)
            headers = metadata.headers if replaces else _copied_headers(copied.record.headers, metadata.headers)
            tags = metadata.tags if retags else copied.record.tags
            extent = copied_extent(copied.record.size, None, context.limits.put_size_bytes_max)
            algorithm = named or copied.algorithm
            binding = new_key_binding(bucket, key)
            seal = write.hold(self._copy_sources.seal(copied, binding, requested, algorithm))
            arrival = write.hold(self._copy_sources.take(copied, extent, algorithm, seal))
            record, version = write.put(arrival, headers, tags, metadata.lock, conditions)
        checksum = of_object(arrival.kept, arrival.algorithm)
        return CopyObjectOutput(
            CopyObjectResult(quoted(record.etag), to_datetime(record.modified_ns), **object_checksum_members(checksum)),
            expiration=context.expiration(bucket, write.name, record),
            copy_source_version_id=version_id_of(copied.found.version),
            version_id=new_version_id(version),
            request_charged=context.request_charged(write.bucket_record)
            or context.request_charged(copied.bucket_record),
            **write.encryption_members(seal.encryption),
        )


def _copied_headers(source: Headers, requested: Headers) -> Headers:
    """Return the headers of a copy that keeps its source's: storage class and redirect are the request's in any case."""
    return replace(
        source, website_redirect_location=requested.website_redirect_location, storage_class=requested.storage_class
    )


def _replaces(name: Literal["metadata", "tagging"], request: CopyObjectRequest) -> bool:
    """Tell whether the copy's metadata, or tags, come from the request instead of the source."""
    directive = request.get(f"{name}_directive")
    if directive not in (None, "COPY", "REPLACE"):
        raise InvalidArgument(
            f"Unknown {name} directive.", ArgumentName=f"x-amz-{name}-directive", ArgumentValue=directive
        )
    return directive == "REPLACE"
