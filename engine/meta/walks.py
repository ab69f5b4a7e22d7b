"""Iterates over all versions or uploads of a bucket, a page at a time; those added or removed meanwhile may be met or not."""

from collections.abc import Iterator

from engine.meta import Metadata, UploadEntry, UploadId, VersionEntry

PAGE_SIZE = 1000


def versions_of(meta: Metadata, bucket: str, prefix: bytes = b"") -> Iterator[VersionEntry]:
    """Yield every version and delete marker, by key, the latest first.

    Raises:
        NoSuchBucket: the bucket was deleted meanwhile.
    """
    key, version = b"", None
    while True:
        page = meta.list_versions(bucket, prefix, b"", key, version, PAGE_SIZE)
        yield from page.items
        if not page.is_truncated:
            return
        key, version = page.items[-1].key, page.items[-1].version


def uploads_of(meta: Metadata, bucket: str) -> Iterator[UploadEntry]:
    """Yield every open upload, by key and then by initiation time.

    Raises:
        NoSuchBucket: the bucket was deleted meanwhile.
    """
    key, upload_id = b"", UploadId(0, b"")
    while True:
        page = meta.list_uploads(bucket, b"", b"", key, upload_id if key else None, PAGE_SIZE)
        yield from page.items
        if not page.is_truncated:
            return
        key, upload_id = page.items[-1].key, page.items[-1].upload_id
