"""ListObjectVersions."""

from typing import Unpack

from engine.core import Context
from engine.dates import to_datetime
from engine.errors import InvalidArgument
from engine.meta import VersionEntry
from engine.objects.checksums import algorithm_and_type
from engine.objects.keys import encode_text
from engine.objects.listing import Encoding, check_page_size, encoded_prefixes, last_of
from engine.objects.metadata import storage_class_of
from engine.objects.version_ids import format_version, parse_version
from engine.shapes.answers import Owner, quoted
from engine.shapes.listing_answers import DeleteMarkerEntry, ListObjectVersionsOutput, ObjectVersion
from engine.shapes.requests import Request, reject_unknown_members


class ListObjectVersions:
    """ListObjectVersions."""

    _context: Context

    @reject_unknown_members
    def list_object_versions(
        self,
        bucket: str,
        *,
        prefix: str | None = None,
        delimiter: str | None = None,
        key_marker: str | None = None,
        version_id_marker: str | None = None,
        max_keys: int | None = None,
        encoding_type: str | None = None,
        **request: Unpack[Request],
    ) -> ListObjectVersionsOutput:
        """List all versions and delete markers by key, the latest of a key first, a page of at most 1,000 after the markers.

        Raises:
            NoSuchBucket.
            InvalidArgument: max_keys, encoding_type or version_id_marker is not valid, or version_id_marker comes without key_marker.

        Source: API page ListObjectVersions.
        """
        self._context.check_open()
        limit = check_page_size("max-keys", max_keys, self._context.limits.page_size_max, self._context.limits)
        encoding = Encoding.of(encoding_type)
        after = _marker(key_marker, version_id_marker)
        bucket_record = self._context.authorized_bucket(bucket, request)
        page = self._context.meta.list_versions(
            bucket,
            encode_text(prefix or "", "prefix"),
            encode_text(delimiter or "", "delimiter"),
            encode_text(key_marker or "", "key-marker"),
            parse_version(after, "version-id-marker") if after else None,
            limit,
        )
        last, owner = last_of(page), Owner(self._context.canonical_id(bucket_record.owner))
        ends_on_version = page.is_truncated and bool(page.items) and page.items[-1].key == last
        entries = [_listed(entry, encoding, owner) for entry in page.items]
        return ListObjectVersionsOutput(
            name=bucket,
            prefix=encoding.show(prefix or ""),
            key_marker=encoding.show(key_marker or ""),
            version_id_marker=after,
            max_keys=limit,
            is_truncated=page.is_truncated,
            next_key_marker=encoding.show(last.decode()) if page.is_truncated else None,
            next_version_id_marker=format_version(page.items[-1].version) if ends_on_version else None,
            delimiter=encoding.show(delimiter) if delimiter else None,
            encoding_type=encoding.value,
            versions=tuple(each for each in entries if isinstance(each, ObjectVersion)) or None,
            delete_markers=tuple(each for each in entries if isinstance(each, DeleteMarkerEntry)) or None,
            common_prefixes=encoded_prefixes(page.common_prefixes, encoding),
            request_charged=self._context.request_charged(bucket_record),
            interleaving=tuple("versions" if isinstance(each, ObjectVersion) else "delete_markers" for each in entries),
        )


def _marker(key_marker: str | None, version_id_marker: str | None) -> str:
    """Return the version id marker, empty if there is none.

    Raises:
        InvalidArgument: it is empty, or comes without a key marker.
    """

    def refused(message: str) -> InvalidArgument:
        return InvalidArgument(message, ArgumentName="version-id-marker", ArgumentValue=version_id_marker)

    if version_id_marker == "":
        raise refused("A version-id marker cannot be empty.")
    if version_id_marker is not None and not key_marker:
        raise refused("A version-id marker cannot be specified without a key marker.")
    return version_id_marker or ""


def _listed(entry: VersionEntry, encoding: Encoding, owner: Owner) -> ObjectVersion | DeleteMarkerEntry:
    record, key, version_id = entry.record, encoding.show(entry.key.decode()), format_version(entry.version)
    modified = to_datetime(record.modified_ns)
    if record.is_delete_marker:
        return DeleteMarkerEntry(key, version_id, entry.is_latest, modified, owner)
    return ObjectVersion(
        key,
        version_id,
        entry.is_latest,
        modified,
        quoted(record.etag),
        record.size,
        storage_class_of(record.headers),
        owner,
        *algorithm_and_type(record.checksum),
    )
