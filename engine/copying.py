"""CopyObject: the source's bytes pass through the stream once, into an object of their own."""

from collections.abc import Mapping
from datetime import datetime

from engine.conditions import CopyConditions
from engine.errors import InvalidArgument, InvalidRequest
from engine.names import parse_copy_source
from engine.objects import Objects
from engine.results import CopyObjectOutput, CopyObjectResult

_TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, "
    "storage class, website redirect location or encryption attributes."
)


class Copying(Objects):
    """The copying of objects."""

    def copy_object(
        self,
        bucket: str,
        key: str,
        copy_source: str,
        *,
        copy_source_if_match: str | None = None,
        copy_source_if_none_match: str | None = None,
        copy_source_if_modified_since: datetime | None = None,
        copy_source_if_unmodified_since: datetime | None = None,
        metadata_directive: str | None = None,
        metadata: Mapping[str, str] | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        content_encoding: str | None = None,
        content_language: str | None = None,
        content_type: str | None = None,
        expires: str | datetime | None = None,
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
        replace = _replaces(metadata_directive)
        source_bucket, source_key = parse_copy_source(copy_source)
        if (source_bucket, source_key) == (bucket, key) and not replace:
            raise InvalidRequest(_TO_ITSELF)
        conditions = CopyConditions(
            copy_source_if_match,
            copy_source_if_none_match,
            copy_source_if_modified_since,
            copy_source_if_unmodified_since,
        )
        source = self.get_object(source_bucket, source_key)
        with source.body as body:
            conditions.check(source.etag.strip('"'), source.last_modified)
            if source.content_length > self.limits.put_size_bytes_max:
                raise InvalidRequest(
                    "The specified copy source is larger than the maximum allowable size for a copy source: "
                    f"{self.limits.put_size_bytes_max}"
                )
            copied = self.put_object(
                bucket,
                key,
                body,
                content_length=source.content_length,
                metadata=metadata if replace else source.metadata,
                cache_control=cache_control if replace else source.cache_control,
                content_disposition=content_disposition if replace else source.content_disposition,
                content_encoding=content_encoding if replace else source.content_encoding,
                content_language=content_language if replace else source.content_language,
                content_type=content_type if replace else source.content_type,
                expires=expires if replace else source.expires,
            )
        return CopyObjectOutput(CopyObjectResult(copied.etag, self.head_object(bucket, key).last_modified))


def _replaces(metadata_directive: str | None) -> bool:
    if metadata_directive not in (None, "COPY", "REPLACE"):
        raise InvalidArgument(
            "Unknown metadata directive.", ArgumentName="x-amz-metadata-directive", ArgumentValue=metadata_directive
        )
    return metadata_directive == "REPLACE"
