"""ListObjectVersions."""

from engine.dates import to_datetime
from engine.errors import InvalidArgument
from engine.meta import VersionEntry
from engine.objects.listing import Encoding
from engine.objects.metadata import storage_class_of
from engine.objects.version_ids import format_version
from engine.shapes.answers import Owner, quoted
from engine.shapes.listing_answers import DeleteMarkerEntry, ObjectVersion


def _marker(key_marker: str | None, version_id_marker: str | None) -> str:
    """The version id marker; empty for none."""

    def refused(message: str) -> InvalidArgument:
        return InvalidArgument(message, ArgumentName="version-id-marker", ArgumentValue=version_id_marker)

    if version_id_marker == "":
        raise refused("A version-id marker cannot be empty.")
    if version_id_marker is not None and not key_marker:
        raise refused("A version-id marker cannot be specified without a key marker.")
    return version_id_marker or ""


def _shown(entry: VersionEntry, encoding: Encoding, owner: Owner) -> ObjectVersion | DeleteMarkerEntry:
    record, key, version_id = entry.record, encoding.show(entry.key.decode()), format_version(entry.version)
    modified = to_datetime(record.modified_ns)
    if record.is_delete_marker:
        return DeleteMarkerEntry(key, version_id, entry.is_latest, modified, owner)
    checksum = record.checksum
    return ObjectVersion(
        key=key,
        version_id=version_id,
        is_latest=entry.is_latest,
        last_modified=modified,
        etag=quoted(record.etag),
        size=record.size,
        storage_class=storage_class_of(record.headers),
        owner=owner,
        checksum_algorithm=(checksum.algorithm,) if checksum is not None else None,
        checksum_type=checksum.type if checksum is not None else None,
    )
