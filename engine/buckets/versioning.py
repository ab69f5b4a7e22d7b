"""PutBucketVersioning, GetBucketVersioning, ListObjectVersions."""

from collections.abc import Mapping
from typing import Any, Unpack

from engine.core import Core
from engine.errors import (
    IllegalVersioningConfigurationException,
    InvalidBucketState,
    MalformedXML,
    NotImplementedYet,
)
from engine.meta.records import BucketRecord, Versioning, replace
from engine.objects.keys import encode_text
from engine.objects.list_versions import _marker, _shown
from engine.objects.listing import Encoding, check_page_size, encoded_prefixes, last_of
from engine.objects.version_ids import format_version, parse_version
from engine.shapes.answers import Owner
from engine.shapes.bucket_answers import GetBucketVersioningOutput
from engine.shapes.listing_answers import DeleteMarkerEntry, ListObjectVersionsOutput, ObjectVersion
from engine.shapes.requests import Owned, Request, exact


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
