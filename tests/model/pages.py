"""Whole listings, fetched page by page; each page is seen to keep to its size."""

from collections.abc import Iterator

import engine


def pages_of_parts(
    store: engine.Store, name: str, key: str, upload_id: str, size: int
) -> Iterator[tuple[int, str, int]]:
    """Number, ETag and size of every part."""
    marker, more = 0, True
    while more:
        page = store.list_parts(name, key, upload_id, max_parts=size, part_number_marker=marker)
        assert len(page.parts or ()) <= size
        yield from ((part.part_number, part.etag, part.size) for part in page.parts or ())
        marker, more = page.next_part_number_marker, page.is_truncated


def pages_of_uploads(
    store: engine.Store, name: str, prefix: str, delimiter: str, size: int
) -> Iterator[tuple[str, str]]:
    """Key and id of every upload, and the common prefixes with an empty id."""
    key_marker, id_marker, more = "", "", True
    while more:
        page = store.list_multipart_uploads(
            name,
            prefix=prefix,
            delimiter=delimiter,
            max_uploads=size,
            key_marker=key_marker,
            upload_id_marker=id_marker,
        )
        shown = [(upload.key, upload.upload_id) for upload in page.uploads or ()]
        shown += [(common.prefix, "") for common in page.common_prefixes or ()]
        assert len(shown) <= size
        yield from sorted(shown, key=lambda pair: pair[0].encode())
        key_marker, id_marker, more = page.next_key_marker, page.next_upload_id_marker, page.is_truncated


def pages_of_objects(
    store: engine.Store, name: str, prefix: str, delimiter: str, size: int
) -> Iterator[tuple[str, bool]]:
    """Every key, and (marked True) the common prefixes."""
    token, more = None, True
    while more:
        page = store.list_objects_v2(name, prefix=prefix, delimiter=delimiter, max_keys=size, continuation_token=token)
        shown = [(item.key, False) for item in page.contents or ()]
        shown += [(common.prefix, True) for common in page.common_prefixes or ()]
        assert len(shown) == page.key_count <= size
        yield from sorted(shown, key=lambda pair: pair[0].encode())
        token, more = page.next_continuation_token, page.is_truncated
