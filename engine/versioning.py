"""PutBucketVersioning, GetBucketVersioning, ListObjectVersions."""

from collections.abc import Mapping
from typing import Any, Unpack

from engine.bucket_results import GetBucketVersioningOutput
from engine.core import Core, quoted, to_datetime
from engine.errors import (
    IllegalVersioningConfigurationException,
    InvalidArgument,
    InvalidBucketState,
    MalformedXML,
    NotImplementedYet,
)
from engine.listing import Encoding, check_page_size, encoded_prefixes, last_of
from engine.listing_results import DeleteMarkerEntry, ListObjectVersionsOutput, ObjectVersion
from engine.members import Owned, Request, exact
from engine.meta import VersionEntry
from engine.meta.records import BucketRecord, Versioning, replace
from engine.names import encode_text
from engine.results import Owner
from engine.traits import storage_class_of
from engine.version_ids import format_version, parse_version


class BucketVersions(Core):
    """The operations on all versions of a bucket."""

    @exact
    def put_bucket_versioning(
        self, bucket: str, *, versioning_configuration: Mapping[str, Any] | None = None, **said: Unpack[Owned]
    ) -> None:
        """Keep versions from now on (`{"status": "Enabled"}`), or keep those that are there (`{"status": "Suspended"}`).

        Raises:
            NoSuchBucket.
            IllegalVersioningConfigurationException, MalformedXML: it says neither.
            NotImplementedYet: it wants MFA for deletions.
            InvalidBucketState: suspended, in a bucket with object lock.

        Source: API page PutBucketVersioning.
        """
        self._check_writable()
        self._enter(bucket, said)
        wanted = _wanted(versioning_configuration or {})

        def change(record: BucketRecord) -> BucketRecord:
            if record.lock is not None and wanted != "Enabled":
                raise InvalidBucketState(
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
                )
            return replace(record, versioning=wanted)

        self._meta.update_bucket(bucket, change)

    @exact
    def get_bucket_versioning(self, bucket: str, **said: Unpack[Owned]) -> GetBucketVersioningOutput:
        """Tell whether versions are kept.

        Raises:
            NoSuchBucket.

        Source: API page GetBucketVersioning.
        """
        self._check_open()
        return GetBucketVersioningOutput(self._enter(bucket, said).versioning or None)

    @exact
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
        **said: Unpack[Request],
    ) -> ListObjectVersionsOutput:
        """List all versions and delete markers by key, the latest of a key first, a page of at most 1,000 after the markers.

        Raises:
            NoSuchBucket.
            InvalidArgument: max_keys, encoding_type, or a version_id_marker that is none, or that no key_marker goes with.

        Source: API page ListObjectVersions.
        """
        self._check_open()
        limit = check_page_size("max-keys", max_keys, self.limits.page_size_max, self.limits)
        encoding = Encoding.of(encoding_type)
        after = _marker(key_marker, version_id_marker)
        place = self._enter(bucket, said)
        page = self._meta.list_versions(
            bucket,
            encode_text(prefix or "", "prefix"),
            encode_text(delimiter or "", "delimiter"),
            encode_text(key_marker or "", "key-marker"),
            parse_version(after, "version-id-marker") if after else None,
            limit,
        )
        last, owner = last_of(page), Owner(self._canonical_id(place.owner))
        ends_on_version = page.is_truncated and bool(page.items) and page.items[-1].key == last
        shown = [_shown(entry, encoding, owner) for entry in page.items]
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
            versions=tuple(each for each in shown if isinstance(each, ObjectVersion)) or None,
            delete_markers=tuple(each for each in shown if isinstance(each, DeleteMarkerEntry)) or None,
            common_prefixes=encoded_prefixes(page.common_prefixes, encoding),
            request_charged=self._charged(place),
            interleaving=tuple("versions" if isinstance(each, ObjectVersion) else "delete_markers" for each in shown),
        )


def _wanted(configuration: Mapping[str, Any]) -> Versioning:
    """The state a configuration asks for."""
    if configuration.get("mfa_delete") == "Enabled":
        raise NotImplementedYet(Header="MfaDelete", additionalMessage="MfaDelete is not supported here")
    status = configuration.get("status")
    if status is None:
        raise IllegalVersioningConfigurationException
    if status not in ("Enabled", "Suspended"):
        raise MalformedXML(reason=f"a bucket's versioning is Enabled or Suspended, not {status!r}")
    wanted: Versioning = status
    return wanted


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
