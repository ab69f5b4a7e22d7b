"""ListObjectsV2, and ListObjects, its first version."""

from typing import Any, Unpack

from engine.core import Context
from engine.dates import to_datetime
from engine.meta import ObjectEntry, Page
from engine.meta.records import BucketRecord
from engine.objects.checksums import algorithm_and_type
from engine.objects.keys import encode_text
from engine.objects.listing import Encoding, check_page_size, encoded_prefixes, format_token, last_of, parse_token
from engine.objects.metadata import storage_class_of
from engine.shapes.answers import Owner, quoted
from engine.shapes.listing_answers import ListObjectsOutput, ListObjectsV2Output, Object
from engine.shapes.requests import Request, reject_unknown_members

_PASSED = b"\xff"
"""In a token, before the name at which a page ended early; no key begins with it, since keys are UTF-8."""


class ListObjects:
    """ListObjectsV2 and ListObjects."""

    _context: Context

    @reject_unknown_members
    def list_objects_v2(
        self,
        bucket: str,
        *,
        prefix: str | None = None,
        delimiter: str | None = None,
        start_after: str | None = None,
        continuation_token: str | None = None,
        max_keys: int | None = None,
        encoding_type: str | None = None,
        fetch_owner: bool = False,
        **request: Unpack[Request],
    ) -> ListObjectsV2Output:
        """List objects by key in UTF-8 byte order, a page of at most 1,000, and of fewer amid many deleted keys.

        Raises:
            NoSuchBucket.
            InvalidArgument: max_keys, encoding_type or the token is not valid.

        Source: API page ListObjectsV2.
        """
        limit = check_page_size("max-keys", max_keys, self._context.limits.page_size_max, self._context.limits)
        encoding = Encoding.of(encoding_type)
        after = parse_token(continuation_token) if continuation_token else encode_text(start_after or "", "start-after")
        after, passed = (b"", after[1:]) if after.startswith(_PASSED) else (after, b"")
        page, bucket_record = self._objects_page(bucket, request, prefix, delimiter, after, limit, passed)
        return ListObjectsV2Output(
            name=bucket,
            key_count=len(page.items) + len(page.common_prefixes),
            continuation_token=continuation_token,
            next_continuation_token=format_token(_position_after(page)) if page.is_truncated else None,
            start_after=encoding.show(start_after) if start_after else None,
            **self._common_members(page, bucket_record, prefix, delimiter, limit, encoding, fetch_owner),
        )

    @reject_unknown_members
    def list_objects(
        self,
        bucket: str,
        *,
        prefix: str | None = None,
        delimiter: str | None = None,
        marker: str | None = None,
        max_keys: int | None = None,
        encoding_type: str | None = None,
        **request: Unpack[Request],
    ) -> ListObjectsOutput:
        """List objects by key in UTF-8 byte order, a page of at most 1,000; S3 replaced it by ListObjectsV2.

        Without a delimiter a page may end early amid many deleted keys; it has a next_marker then.

        Raises:
            NoSuchBucket.
            InvalidArgument: max_keys or encoding_type is not valid.

        Source: API page ListObjects.
        """
        limit = check_page_size("max-keys", max_keys, self._context.limits.page_size_max, self._context.limits)
        encoding = Encoding.of(encoding_type)
        after, passed = encode_text(marker or "", "marker"), None if delimiter else b""
        page, bucket_record = self._objects_page(bucket, request, prefix, delimiter, after, limit, passed)
        next_marker = page.passed or (last_of(page) if page.is_truncated and delimiter else b"")
        return ListObjectsOutput(
            name=bucket,
            marker=encoding.show(marker or ""),
            next_marker=encoding.show(next_marker.decode()) if next_marker else None,
            **self._common_members(page, bucket_record, prefix, delimiter, limit, encoding, with_owner=True),
        )

    def _objects_page(
        self,
        bucket: str,
        request: Request,
        prefix: str | None,
        delimiter: str | None,
        after: bytes,
        limit: int,
        passed: bytes | None,
    ) -> tuple[Page[ObjectEntry], BucketRecord]:
        self._context.check_open()
        bucket_record = self._context.authorized_bucket(bucket, request)
        page = self._context.meta.list_objects(
            bucket, encode_text(prefix or "", "prefix"), encode_text(delimiter or "", "delimiter"), after, limit, passed
        )
        return page, bucket_record

    def _common_members(
        self,
        page: Page[ObjectEntry],
        bucket_record: BucketRecord,
        prefix: str | None,
        delimiter: str | None,
        limit: int,
        encoding: Encoding,
        with_owner: bool,
    ) -> dict[str, Any]:
        """Return the members that the answers of both operations share."""
        owner = Owner(self._context.canonical_id(bucket_record.owner)) if with_owner else None
        return {
            "request_charged": self._context.request_charged(bucket_record),
            "prefix": encoding.show(prefix or ""),
            "max_keys": limit,
            "is_truncated": page.is_truncated,
            "delimiter": encoding.show(delimiter) if delimiter else None,
            "encoding_type": encoding.value,
            "contents": tuple(self._listed(entry, encoding, owner) for entry in page.items) or None,
            "common_prefixes": encoded_prefixes(page.common_prefixes, encoding),
        }

    def _listed(self, entry: ObjectEntry, encoding: Encoding, owner: Owner | None) -> Object:
        record = entry.record
        return Object(
            encoding.show(entry.key.decode()),
            to_datetime(record.modified_ns),
            quoted(record.etag),
            record.size,
            storage_class_of(record.headers),
            owner,
            *algorithm_and_type(record.checksum),
        )


def _position_after(page: Page[ObjectEntry]) -> bytes:
    """Return what a token tells: where the next page begins."""
    return _PASSED + page.passed if page.passed else last_of(page)
