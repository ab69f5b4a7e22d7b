"""Finding an object at a key, and holding its bytes while they are read."""

from engine.dates import http_date, to_datetime
from engine.errors import MethodNotAllowed, NoSuchKey
from engine.meta import FoundObject, Version
from engine.objects.version_ids import shown_version

LEASE_TRIES_MAX = 100


def check_present(found: FoundObject, key: bytes, version: Version | None, method: str) -> FoundObject:
    """What was found, unless it is a delete marker.

    Raises:
        NoSuchKey, MethodNotAllowed: as S3 says it of a key, or of a version that was asked for.
    """
    if not found.record.is_delete_marker:
        return found
    headers = {"x-amz-delete-marker": "true", "x-amz-version-id": shown_version(found.version)}
    if version is None:
        raise NoSuchKey(Key=key.decode(errors="replace")).with_headers(headers)
    modified = http_date(to_datetime(found.record.modified_ns))
    refusal = MethodNotAllowed(Method=method, ResourceType="DeleteMarker")
    raise refusal.with_headers(headers | {"Allow": "DELETE", "Last-Modified": modified})
