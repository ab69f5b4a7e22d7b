"""ListObjectsV2, and ListObjects, its first version."""

from typing import Any

from engine.core import Core, quoted, to_datetime
from engine.listing import Encoding, check_page_size, encoded_prefixes, last_of
from engine.meta import ObjectEntry, Page
from engine.names import encode_text, format_token, parse_token
from engine.results import ListObjectsOutput, ListObjectsV2Output, Object, Owner

STORAGE_CLASS = "STANDARD"


class ObjectListings(Core):
    """The listings of objects."""

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
    ) -> ListObjectsV2Output:
        """List objects by key in UTF-8 byte order, a page of at most 1,000.

        Raises:
            NoSuchBucket.
            InvalidArgument: max_keys, encoding_type or the token.

        Source: API page ListObjectsV2.
        """
        limit = check_page_size("max-keys", max_keys, self.limits.page_size_max, self.limits)
        encoding = Encoding.of(encoding_type)
        after = parse_token(continuation_token) if continuation_token else encode_text(start_after or "", "start-after")
        page = self._objects_page(bucket, prefix, delimiter, after, limit)
        return ListObjectsV2Output(
            name=bucket,
            key_count=len(page.items) + len(page.common_prefixes),
            continuation_token=continuation_token,
            next_continuation_token=format_token(last_of(page)) if page.is_truncated else None,
            start_after=encoding.show(start_after) if start_after else None,
            **self._common_members(page, prefix, delimiter, limit, encoding, fetch_owner),
        )

    def list_objects(
        self,
        bucket: str,
        *,
        prefix: str | None = None,
        delimiter: str | None = None,
        marker: str | None = None,
        max_keys: int | None = None,
        encoding_type: str | None = None,
    ) -> ListObjectsOutput:
        """List objects by key in UTF-8 byte order, a page of at most 1,000; the version that V2 replaced.

        Raises:
            NoSuchBucket.
            InvalidArgument: max_keys or encoding_type.

        Source: API page ListObjects.
        """
        limit = check_page_size("max-keys", max_keys, self.limits.page_size_max, self.limits)
        encoding = Encoding.of(encoding_type)
        page = self._objects_page(bucket, prefix, delimiter, encode_text(marker or "", "marker"), limit)
        return ListObjectsOutput(
            name=bucket,
            marker=encoding.show(marker or ""),
            next_marker=encoding.show(last_of(page).decode()) if page.is_truncated and delimiter else None,
            **self._common_members(page, prefix, delimiter, limit, encoding, with_owner=True),
        )

    def _objects_page(
        self, bucket: str, prefix: str | None, delimiter: str | None, after: bytes, limit: int
    ) -> Page[ObjectEntry]:
        self._check_open()
        return self._meta.list_objects(
            bucket, encode_text(prefix or "", "prefix"), encode_text(delimiter or "", "delimiter"), after, limit
        )

    def _common_members(
        self,
        page: Page[ObjectEntry],
        prefix: str | None,
        delimiter: str | None,
        limit: int,
        encoding: Encoding,
        with_owner: bool,
    ) -> dict[str, Any]:
        """The members that both versions share."""
        return {
            "prefix": encoding.show(prefix or ""),
            "max_keys": limit,
            "is_truncated": page.is_truncated,
            "delimiter": encoding.show(delimiter) if delimiter else None,
            "encoding_type": encoding.value,
            "contents": tuple(self._listed(entry, encoding, with_owner) for entry in page.items) or None,
            "common_prefixes": encoded_prefixes(page.common_prefixes, encoding),
        }

    def _listed(self, entry: ObjectEntry, encoding: Encoding, with_owner: bool) -> Object:
        record = entry.record
        return Object(
            key=encoding.show(entry.key.decode()),
            last_modified=to_datetime(record.modified_ns),
            etag=quoted(record.etag),
            size=record.size,
            storage_class=STORAGE_CLASS,
            owner=Owner(self._owner_id) if with_owner else None,
        )
