"""PutBucketVersioning and GetBucketVersioning."""

from collections.abc import Mapping
from typing import Any, Unpack

from engine.core import Context
from engine.errors import (
    IllegalVersioningConfigurationException,
    InvalidBucketState,
    MalformedXML,
    NotImplementedYet,
)
from engine.meta.records import BucketRecord, Versioning, replace
from engine.shapes.bucket_answers import GetBucketVersioningOutput
from engine.shapes.requests import BucketOwnerCondition, reject_unknown_members


class BucketVersioning:
    """PutBucketVersioning and GetBucketVersioning."""

    _context: Context

    @reject_unknown_members
    def put_bucket_versioning(
        self,
        bucket: str,
        *,
        versioning_configuration: Mapping[str, Any] | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> None:
        """Enable versioning (`{"status": "Enabled"}`), or suspend it (`{"status": "Suspended"}`), which leaves existing versions.

        Raises:
            NoSuchBucket.
            IllegalVersioningConfigurationException: there is no status.
            MalformedXML: the status is neither.
            NotImplementedYet: the configuration enables MFA delete.
            InvalidBucketState: versioning of a bucket with object lock can't be suspended.

        Source: API page PutBucketVersioning.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        wanted = _wanted(versioning_configuration or {})

        def change(record: BucketRecord) -> BucketRecord:
            if record.lock is not None and wanted != "Enabled":
                raise InvalidBucketState(
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
                )
            return replace(record, versioning=wanted)

        self._context.meta.update_bucket(bucket, change)

    @reject_unknown_members
    def get_bucket_versioning(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> GetBucketVersioningOutput:
        """Return the versioning state of a bucket.

        Raises:
            NoSuchBucket.

        Source: API page GetBucketVersioning.
        """
        self._context.check_open()
        return GetBucketVersioningOutput(self._context.authorized_bucket(bucket, request).versioning or None)


def _wanted(configuration: Mapping[str, Any]) -> Versioning:
    """Return the versioning state that a configuration sets."""
    if configuration.get("mfa_delete") == "Enabled":
        raise NotImplementedYet(Header="MfaDelete", additionalMessage="MfaDelete is not supported here")
    status = configuration.get("status")
    if status is None:
        raise IllegalVersioningConfigurationException
    if status not in ("Enabled", "Suspended"):
        raise MalformedXML(reason=f"a bucket's versioning is Enabled or Suspended, not {status!r}")
    wanted: Versioning = status
    return wanted
