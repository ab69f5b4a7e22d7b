"""The settings that tools read of every bucket and no request can change here, answered as AWS does for a bucket that never had them.

What sets one of them is refused by name (NotImplemented). A bucket's objects belong to its owner (BucketOwnerEnforced), so that access
control lists grant everything to the owner and nothing to others.

Source, unless named otherwise: AWS's own answers for a new bucket.
"""

from typing import Unpack

from engine.core import Context
from engine.errors import (
    NoSuchTagSet,
    NoSuchWebsiteConfiguration,
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
    GetBucketOwnershipControlsOutput,
    GetBucketReplicationOutput,
    GetBucketTaggingOutput,
    GetObjectAclOutput,
    Grant,
    Grantee,
    NothingSet,
    OwnershipControls,
    OwnershipControlsRule,
)
from engine.shapes.requests import BucketOwnerCondition, Request, reject_unknown_members

OWNERSHIP = "BucketOwnerEnforced"


class FixedSettings:
    """The operations that read a setting no request can change. All of them raise NoSuchBucket."""

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
    def get_bucket_ownership_controls(
        self, bucket: str, **request: Unpack[BucketOwnerCondition]
    ) -> GetBucketOwnershipControlsOutput:
        """Return who owns new objects, which is the bucket's owner.

        Source: API page GetBucketOwnershipControls.
        """
        self._bucket(bucket, request)
        return GetBucketOwnershipControlsOutput(OwnershipControls((OwnershipControlsRule(OWNERSHIP),)))

    @reject_unknown_members
    def get_bucket_tagging(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> GetBucketTaggingOutput:
        """Tell that a bucket has no tags.

        Raises:
            NoSuchTagSet.

        Source: API page GetBucketTagging.
        """
        self._bucket(bucket, request)
        raise NoSuchTagSet(BucketName=bucket)

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

    def _bucket(self, bucket: str, request: BucketOwnerCondition) -> BucketRecord:
        self._context.check_open()
        return self._context.authorized_bucket(bucket, request)

    def _owners_access(self, record: BucketRecord) -> tuple[Owner, tuple[Grant, ...]]:
        owner = self._context.canonical_id(record.owner)
        return Owner(owner), (Grant(Grantee(owner), "FULL_CONTROL"),)
