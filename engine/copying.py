"""CopyObject: the source's bytes pass through the stream once, into an object of their own."""

from typing import Unpack

from engine.conditions import CopyConditions
from engine.copy_sources import CopySource, copied_extent
from engine.errors import InvalidArgument, InvalidRequest
from engine.members import CopyObjectRequest, exact
from engine.objects import Objects
from engine.results import CopyObjectOutput, CopyObjectResult

_TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, "
    "storage class, website redirect location or encryption attributes."
)


class Copying(Objects):
    """The copying of objects."""

    @exact
    def copy_object(
        self,
        bucket: str,
        key: str,
        copy_source: str,
        **said: Unpack[CopyObjectRequest],
    ) -> CopyObjectOutput:
        """Copy an object of up to 5 GiB; `copy_source` is `bucket/key`, percent-encoded, as in x-amz-copy-source.

        Metadata and content headers come from the source, unless `metadata_directive` is REPLACE.

        Raises:
            NoSuchBucket, NoSuchKey: of the source or of the destination.
            InvalidArgument: copy_source or metadata_directive.
            InvalidRequest: the source is too large, or the copy onto itself would change nothing.
            PreconditionFailed: a condition on the source does not hold.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        Source: API page CopyObject.
        """
        self._check_writable()
        replace = _replaces(said.get("metadata_directive"))
        found = CopySource.of(copy_source)
        if found.version_id is not None:
            raise InvalidArgument(
                "Invalid version id specified", ArgumentName="versionId", ArgumentValue=found.version_id
            )
        if (found.bucket, found.key) == (bucket, key) and not replace:
            raise InvalidRequest(_TO_ITSELF)
        conditions = CopyConditions(
            said.get("copy_source_if_match"),
            said.get("copy_source_if_none_match"),
            said.get("copy_source_if_modified_since"),
            said.get("copy_source_if_unmodified_since"),
        )
        source = self.get_object(found.bucket, found.key)
        with source.body as body:
            conditions.check(source.etag.strip('"'), source.last_modified)
            copied_extent(source.content_length, None, self.limits.put_size_bytes_max)
            copied = self.put_object(
                bucket,
                key,
                body,
                content_length=source.content_length,
                metadata=said.get("metadata") if replace else source.metadata,
                cache_control=said.get("cache_control") if replace else source.cache_control,
                content_disposition=said.get("content_disposition") if replace else source.content_disposition,
                content_encoding=said.get("content_encoding") if replace else source.content_encoding,
                content_language=said.get("content_language") if replace else source.content_language,
                content_type=said.get("content_type") if replace else source.content_type,
                expires=said.get("expires") if replace else source.expires,
            )
        return CopyObjectOutput(CopyObjectResult(copied.etag, self.head_object(bucket, key).last_modified))


def _replaces(metadata_directive: str | None) -> bool:
    if metadata_directive not in (None, "COPY", "REPLACE"):
        raise InvalidArgument(
            "Unknown metadata directive.", ArgumentName="x-amz-metadata-directive", ArgumentValue=metadata_directive
        )
    return metadata_directive == "REPLACE"
