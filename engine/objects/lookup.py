"""Finds an object, or a version of it, and keeps its bytes while they are read."""

import contextlib
from collections.abc import Iterator

from engine.bodies.readers import open_part
from engine.core import Context
from engine.dates import http_date, to_datetime
from engine.directory.leases import Lease
from engine.encryption.seals import Seal
from engine.errors import InternalError, MethodNotAllowed, NoSuchKey, NoSuchVersion
from engine.meta import FoundObject, Version
from engine.meta.parts import Manifest
from engine.objects.conditions import Extent
from engine.objects.version_ids import version_id_of
from engine.undisturbed import shielded

LEASE_TRIES_MAX = 100


class ObjectLookup:
    """Looks objects up in one store."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def current(self, bucket: str, key: bytes) -> FoundObject | None:
        """Return the current version of a key, which may be a delete marker; None if the key holds nothing.

        Raises:
            NoSuchBucket.
        """
        try:
            return self._context.meta.find_object(bucket, key)
        except NoSuchKey:
            return None

    def find(self, bucket: str, key: bytes, version: Version | None = None, method: str = "GET") -> FoundObject:
        """Return the object at a key, or a version of it; `method` is the HTTP method that the error names.

        Raises:
            NoSuchBucket.
            NoSuchKey: the key holds nothing, or a delete marker.
            NoSuchVersion: the key has no such version.
            MethodNotAllowed: the version is a delete marker.

        Source: User Guide, "Working with delete markers".
        """
        with naming_version(version):
            return check_present(self._context.meta.find_object(bucket, key, version), key, version, method)

    @shielded  # as a whole, so that three reads need one hand-over
    def hold(self, bucket: str, key: bytes, version: Version | None) -> tuple[FoundObject, Manifest, Lease]:
        """Find an object and take a lease on its bytes, which stay until the lease is closed.

        The object is looked up again under the lease, since its blobs may have been removed before the lease was taken.

        Raises:
            as `find`.
            InternalError: the object was replaced each of LEASE_TRIES_MAX times.
        """
        found = self.find(bucket, key, version)
        for _ in range(LEASE_TRIES_MAX):
            lease = self._context.leases.hold(found.record.manifest_id)
            if lease is not None:
                try:
                    leased, found = found, self.find(bucket, key, version)
                    manifest = self._context.meta.find_manifest(found.record.manifest_id)
                    if leased.record.manifest_id == found.record.manifest_id and manifest is not None:
                        kept, lease = lease, None
                        return found, manifest, kept
                finally:
                    if lease is not None:
                        lease.close()
            else:
                found = self.find(bucket, key, version)
        raise InternalError(reason="the object was replaced again and again while it was being opened")

    def check_readable(self, manifest: Manifest, extent: Extent, seal: Seal) -> None:
        """Open and close the first part of an extent, so that a missing one is an error before the answer begins.

        Raises:
            InternalError: the part's bytes are missing or damaged.
        """
        if extent.length:
            part = manifest.parts[manifest.index_at(extent.start)]
            open_part(part, self._context.meta, self._context.blobs, seal).close()

    def expiration(self, bucket: str, key: bytes, found: FoundObject, requested: Version | None) -> str | None:
        """Return the value of x-amz-expiration for an object that was found: only the current version of a key has one."""
        is_current = requested is None or self.current(bucket, key) == found
        return self._context.expiration(bucket, key, found.record) if is_current else None


@contextlib.contextmanager
def naming_version(version: Version | None) -> Iterator[None]:
    """Add the id of the requested version to NoSuchVersion."""
    try:
        yield
    except NoSuchVersion as error:
        raise NoSuchVersion(Key=error.extras["Key"], VersionId=version_id_of(version)) from None


def check_present(found: FoundObject, key: bytes, version: Version | None, method: str) -> FoundObject:
    """Return the version that was found, unless it is a delete marker.

    Raises:
        NoSuchKey: it is a delete marker, and no version was requested.
        MethodNotAllowed: it is a delete marker, and the requested version.
    """
    if not found.record.is_delete_marker:
        return found
    headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version_id_of(found.version)}
    if version is None:
        raise NoSuchKey(Key=key.decode(errors="replace")).with_headers(headers)
    modified = http_date(to_datetime(found.record.modified_ns))
    refusal = MethodNotAllowed(Method=method, ResourceType="DeleteMarker")
    raise refusal.with_headers(headers | {"Allow": "DELETE", "Last-Modified": modified})
