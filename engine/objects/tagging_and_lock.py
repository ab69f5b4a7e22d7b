"""The operations on the tags, the retention and the legal hold of an object."""

from collections.abc import Callable, Mapping
from typing import Any, Unpack

from engine.core import Context
from engine.errors import NoSuchObjectLockConfiguration
from engine.meta import FoundObject
from engine.meta.records import Lock, ObjectRecord, replace
from engine.objects.keys import encode_key
from engine.objects.lookup import ObjectLookup, check_present, naming_version
from engine.objects.object_lock import (
    HOLDS,
    missing_configuration,
    read_hold,
    read_retention,
    retained_until,
    with_retention,
)
from engine.objects.tags import check_tags
from engine.objects.version_ids import requested_version, version_id_of
from engine.shapes.lifecycle import Tag
from engine.shapes.requests import BucketOwnerCondition, Request, reject_unknown_members
from engine.shapes.setting_answers import (
    DeleteObjectTaggingOutput,
    GetObjectLegalHoldOutput,
    GetObjectRetentionOutput,
    GetObjectTaggingOutput,
    ObjectLockLegalHold,
    ObjectLockRetention,
    PutObjectLegalHoldOutput,
    PutObjectRetentionOutput,
    PutObjectTaggingOutput,
)

Change = Callable[[ObjectRecord], ObjectRecord]


class TaggingAndLock:
    """The operations on the tags, the retention and the legal hold of an object, or of a version of it.

    All of them raise NoSuchBucket, NoSuchKey, NoSuchVersion, and MethodNotAllowed for a delete marker.
    """

    _context: Context
    _objects: ObjectLookup

    @reject_unknown_members
    def put_object_tagging(
        self,
        bucket: str,
        key: str,
        *,
        tagging: Mapping[str, Any],
        version_id: str | None = None,
        **request: Unpack[Request],
    ) -> PutObjectTaggingOutput:
        """Replace all tags: `{"tag_set": [{"key": "a", "value": "1"}]}`.

        Raises:
            InvalidTag, BadRequest: a tag is not valid, or there are too many.

        Source: API page PutObjectTagging.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        tags = check_tags(((tag["key"], tag["value"]) for tag in tagging.get("tag_set") or ()), self._context.limits)
        found = self._change(bucket, key, version_id, lambda record: replace(record, tags=tags), "PUT")
        return PutObjectTaggingOutput(version_id_of(found.version))

    @reject_unknown_members
    def get_object_tagging(
        self, bucket: str, key: str, *, version_id: str | None = None, **request: Unpack[Request]
    ) -> GetObjectTaggingOutput:
        """Return the tags.

        Source: API page GetObjectTagging.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        found = self._objects.find(bucket, encode_key(key, self._context.limits), requested_version(version_id))
        tags = tuple(Tag(name, value) for name, value in found.record.tags.items())
        return GetObjectTaggingOutput(tags, version_id_of(found.version))

    @reject_unknown_members
    def delete_object_tagging(
        self, bucket: str, key: str, *, version_id: str | None = None, **request: Unpack[BucketOwnerCondition]
    ) -> DeleteObjectTaggingOutput:
        """Remove all tags.

        Source: API page DeleteObjectTagging.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        found = self._change(bucket, key, version_id, lambda record: replace(record, tags={}), "DELETE")
        return DeleteObjectTaggingOutput(version_id_of(found.version))

    @reject_unknown_members
    def put_object_retention(
        self,
        bucket: str,
        key: str,
        *,
        retention: Mapping[str, Any] | None = None,
        version_id: str | None = None,
        bypass_governance_retention: bool = False,
        **request: Unpack[Request],
    ) -> PutObjectRetentionOutput:
        """Set the retention, `{"mode": "GOVERNANCE", "retain_until_date": ...}`, or end it, `{}`.

        Raises:
            InvalidRequest: the bucket has no object lock.
            MalformedXML, InvalidArgument: the retention is not valid.
            AccessDenied: the current retention forbids the change; `bypass_governance_retention` overcomes a GOVERNANCE retention.

        Source: API page PutObjectRetention.
        """
        self._context.check_writable()
        now = self._context.now_ns()
        wanted = read_retention(retention or {}, now)
        bucket_record = self._context.authorized_bucket(bucket, request)
        if bucket_record.lock is None:
            raise missing_configuration()

        def change(record: ObjectRecord) -> ObjectRecord:
            return replace(record, lock=with_retention(record.lock, wanted, now, bypass=bypass_governance_retention))

        self._change(bucket, key, version_id, change, "PUT")
        return PutObjectRetentionOutput(self._context.request_charged(bucket_record))

    @reject_unknown_members
    def get_object_retention(
        self, bucket: str, key: str, *, version_id: str | None = None, **request: Unpack[Request]
    ) -> GetObjectRetentionOutput:
        """Return the retention.

        Raises:
            InvalidRequest: the bucket has no object lock.
            NoSuchObjectLockConfiguration: the version has no retention.

        Source: API page GetObjectRetention.
        """
        lock = self._lock(bucket, key, version_id, request)
        if lock.mode is None:
            raise NoSuchObjectLockConfiguration
        return GetObjectRetentionOutput(ObjectLockRetention(lock.mode, retained_until(lock)))

    @reject_unknown_members
    def put_object_legal_hold(
        self,
        bucket: str,
        key: str,
        *,
        legal_hold: Mapping[str, Any] | None = None,
        version_id: str | None = None,
        **request: Unpack[Request],
    ) -> PutObjectLegalHoldOutput:
        """Set or remove the legal hold: `{"status": "ON"}` or `{"status": "OFF"}`.

        Raises:
            InvalidRequest: the bucket has no object lock.
            MalformedXML: the status is neither ON nor OFF.

        Source: API page PutObjectLegalHold.
        """
        self._context.check_writable()
        has_hold = read_hold(legal_hold or {})
        bucket_record = self._context.authorized_bucket(bucket, request)
        if bucket_record.lock is None:
            raise missing_configuration()

        def change(record: ObjectRecord) -> ObjectRecord:
            return replace(record, lock=replace(record.lock, legal_hold=has_hold))

        self._change(bucket, key, version_id, change, "PUT")
        return PutObjectLegalHoldOutput(self._context.request_charged(bucket_record))

    @reject_unknown_members
    def get_object_legal_hold(
        self, bucket: str, key: str, *, version_id: str | None = None, **request: Unpack[Request]
    ) -> GetObjectLegalHoldOutput:
        """Return the legal hold.

        Raises:
            InvalidRequest: the bucket has no object lock.
            NoSuchObjectLockConfiguration: no hold was ever set or removed.

        Source: API page GetObjectLegalHold.
        """
        lock = self._lock(bucket, key, version_id, request)
        if lock.legal_hold is None:
            raise NoSuchObjectLockConfiguration
        return GetObjectLegalHoldOutput(ObjectLockLegalHold(HOLDS[not lock.legal_hold]))

    def _change(self, bucket: str, key: str, version_id: str | None, change: Change, method: str) -> FoundObject:
        """Change the record of a version; `change` gets it as it is inside the transaction."""
        name, version = encode_key(key, self._context.limits), requested_version(version_id)

        def changed(found: FoundObject) -> ObjectRecord:
            return change(check_present(found, name, version, method).record)

        with naming_version(version):
            return self._context.meta.update_object(bucket, name, version, changed)

    def _lock(self, bucket: str, key: str, version_id: str | None, request: Request) -> Lock:
        self._context.check_open()
        if self._context.authorized_bucket(bucket, request).lock is None:
            raise missing_configuration()
        return self._objects.find(
            bucket, encode_key(key, self._context.limits), requested_version(version_id)
        ).record.lock
