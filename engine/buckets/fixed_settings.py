"""The settings that tools read of every bucket and no request can change here, answered as AWS does for a bucket that never had them.

What sets one of them is refused by name (NotImplemented), and what turns off what is off is taken. A bucket's objects belong to its
owner (BucketOwnerEnforced), so that access control lists grant everything to the owner and nothing to others.

Source, unless named otherwise: AWS's own answers for a new bucket.
"""

from collections.abc import Mapping
from typing import Any, Unpack

from engine.core import Context
from engine.errors import (
    NoSuchWebsiteConfiguration,
    NotImplementedYet,
    ReplicationConfigurationNotFoundError,
)
from engine.meta.records import BucketRecord
from engine.objects.keys import encode_key
from engine.objects.lookup import ObjectLookup
from engine.objects.version_ids import requested_version
from engine.shapes.answers import Owner
from engine.shapes.fixed_setting_answers import (
    GetBucketAccelerateConfigurationOutput,
    GetBucketAclOutput,
    GetBucketReplicationOutput,
    GetObjectAclOutput,
    Grant,
    Grantee,
    NothingSet,
)
from engine.shapes.requests import BucketOwnerCondition, Request, reject_unknown_members


class FixedSettings:
    """The operations on settings that no request can change. All of them raise NoSuchBucket."""

    _context: Context
    _objects: ObjectLookup

    @reject_unknown_members
    def get_bucket_acl(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> GetBucketAclOutput:
        """Return the access control list of a bucket, which grants everything to its owner.

        Source: API page GetBucketAcl.
        """
        owner, grants = self._owners_access(self._bucket(bucket, request))
        return GetBucketAclOutput(owner, grants)

    @reject_unknown_members
    def get_object_acl(
        self, bucket: str, key: str, *, version_id: str | None = None, **request: Unpack[Request]
    ) -> GetObjectAclOutput:
        """Return the access control list of an object, or of a version, which grants everything to the bucket's owner.

        Raises:
            NoSuchKey, NoSuchVersion.
            MethodNotAllowed: the version is a delete marker.

        Source: API page GetObjectAcl.
        """
        record = self._bucket(bucket, request)
        self._objects.find(bucket, encode_key(key, self._context.limits), requested_version(version_id))
        owner, grants = self._owners_access(record)
        return GetObjectAclOutput(owner, grants, self._context.request_charged(record))

    @reject_unknown_members
    def get_bucket_website(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> NothingSet:
        """Tell that a bucket is no web site.

        Raises:
            NoSuchWebsiteConfiguration.

        Source: API page GetBucketWebsite.
        """
        self._bucket(bucket, request)
        raise NoSuchWebsiteConfiguration(BucketName=bucket)

    @reject_unknown_members
    def get_bucket_replication(
        self, bucket: str, **request: Unpack[BucketOwnerCondition]
    ) -> GetBucketReplicationOutput:
        """Tell that a bucket is not replicated.

        Raises:
            ReplicationConfigurationNotFoundError.

        Source: API pages GetBucketReplication and "Error responses".
        """
        self._bucket(bucket, request)
        raise ReplicationConfigurationNotFoundError(BucketName=bucket)

    @reject_unknown_members
    def get_bucket_logging(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> NothingSet:
        """Return where S3 would log requests to a bucket, which is nowhere.

        Source: API page GetBucketLogging.
        """
        self._bucket(bucket, request)
        return NothingSet()

    @reject_unknown_members
    def get_bucket_notification_configuration(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> NothingSet:
        """Return who is notified of events, which is nobody.

        Source: API page GetBucketNotificationConfiguration.
        """
        self._bucket(bucket, request)
        return NothingSet()

    @reject_unknown_members
    def get_bucket_accelerate_configuration(
        self, bucket: str, **request: Unpack[Request]
    ) -> GetBucketAccelerateConfigurationOutput:
        """Return whether transfers are accelerated, which was never set.

        Source: API page GetBucketAccelerateConfiguration.
        """
        record = self._bucket(bucket, request)
        return GetBucketAccelerateConfigurationOutput(self._context.request_charged(record))

    @reject_unknown_members
    def put_bucket_logging(
        self,
        bucket: str,
        *,
        bucket_logging_status: Mapping[str, Any] | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> None:
        """Take the setting that there is: that requests to a bucket are logged nowhere.

        Raises:
            NotImplementedYet: they are to be logged.

        Source: API page PutBucketLogging; AWS's answer to an empty status.
        """
        self._leave_unset(bucket, bucket_logging_status, request)

    @reject_unknown_members
    def put_bucket_notification_configuration(
        self,
        bucket: str,
        *,
        notification_configuration: Mapping[str, Any] | None = None,
        skip_destination_validation: bool | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> None:
        """Take the setting that there is: that nobody is notified of events.

        Raises:
            NotImplementedYet: somebody is to be notified.

        Source: API page PutBucketNotificationConfiguration: an empty configuration turns notifications off.
        """
        self._leave_unset(bucket, notification_configuration, request)

    @reject_unknown_members
    def delete_bucket_website(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Do nothing: no bucket is a web site.

        Source: API page DeleteBucketWebsite; AWS's answer (204) for a bucket without one.
        """
        self._leave_unset(bucket, None, request)

    @reject_unknown_members
    def delete_bucket_replication(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Do nothing: no bucket is replicated.

        Source: API page DeleteBucketReplication.
        """
        self._leave_unset(bucket, None, request)

    def _leave_unset(self, bucket: str, wanted: Mapping[str, Any] | None, request: BucketOwnerCondition) -> None:
        """Accept what sets nothing.

        Raises:
            NotImplementedYet: it sets something.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        for name, value in (wanted or {}).items():
            if value is not None:
                element = "".join(word.capitalize() for word in name.split("_"))
                raise NotImplementedYet(Header=element, additionalMessage=f"{element} is not supported here")

    def _bucket(self, bucket: str, request: BucketOwnerCondition) -> BucketRecord:
        self._context.check_open()
        return self._context.authorized_bucket(bucket, request)

    def _owners_access(self, record: BucketRecord) -> tuple[Owner, tuple[Grant, ...]]:
        owner = self._context.canonical_id(record.owner)
        return Owner(owner), (Grant(Grantee(owner), "FULL_CONTROL"),)
