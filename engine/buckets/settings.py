"""The operations on the settings of a bucket: lifecycle, object lock, encryption and request payment."""

from collections.abc import Mapping
from typing import Any, Unpack

from engine.core import LIFECYCLE, Context
from engine.encryption import bucket_default
from engine.errors import (
    InvalidBucketState,
    MalformedXML,
    NoSuchLifecycleConfiguration,
    ObjectLockConfigurationNotFoundError,
    ServerSideEncryptionConfigurationNotFoundError,
)
from engine.lifecycle.rules import pack_rules, read_configuration, unpack_rules
from engine.meta.records import BucketRecord, replace
from engine.objects.object_lock import read_rule
from engine.shapes.bucket_answers import (
    GetBucketEncryptionOutput,
    GetBucketLifecycleConfigurationOutput,
    GetBucketRequestPaymentOutput,
    PutBucketLifecycleConfigurationOutput,
)
from engine.shapes.encryption import ServerSideEncryptionConfiguration
from engine.shapes.lifecycle import BucketLifecycleConfiguration
from engine.shapes.requests import BucketOwnerCondition, Request, reject_unknown_members
from engine.shapes.setting_answers import (
    DefaultRetention,
    GetObjectLockConfigurationOutput,
    ObjectLockConfiguration,
    ObjectLockRule,
    PutObjectLockConfigurationOutput,
)

REQUESTER = "Requester"
BUCKET_OWNER = "BucketOwner"


class BucketSettings:
    """The operations on a bucket's lifecycle, object lock, encryption and request payment."""

    _context: Context

    @reject_unknown_members
    def put_bucket_lifecycle_configuration(
        self,
        bucket: str,
        *,
        lifecycle_configuration: BucketLifecycleConfiguration | Mapping[str, Any] | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> PutBucketLifecycleConfigurationOutput:
        """Replace all lifecycle rules of a bucket; `Store.reap` and the server execute them.

        Raises:
            NoSuchBucket.
            MalformedXML, InvalidArgument, InvalidRequest, InvalidTag: a rule is not valid.
            NotImplementedYet: a rule moves objects to another storage class.

        Source: API page PutBucketLifecycleConfiguration.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.put_configuration(bucket, LIFECYCLE, pack_rules(read_configuration(lifecycle_configuration)))
        return PutBucketLifecycleConfigurationOutput()

    @reject_unknown_members
    def get_bucket_lifecycle_configuration(
        self, bucket: str, **request: Unpack[BucketOwnerCondition]
    ) -> GetBucketLifecycleConfigurationOutput:
        """Return the lifecycle rules of a bucket.

        Raises:
            NoSuchBucket, NoSuchLifecycleConfiguration.

        Source: API page GetBucketLifecycleConfiguration.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        document = self._context.meta.find_configuration(bucket, LIFECYCLE)
        if document is None:
            raise NoSuchLifecycleConfiguration(BucketName=bucket)
        return GetBucketLifecycleConfigurationOutput(unpack_rules(document))

    @reject_unknown_members
    def delete_bucket_lifecycle(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Remove all lifecycle rules of a bucket; it is no error if it has none.

        Raises:
            NoSuchBucket.

        Source: API page DeleteBucketLifecycle.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.put_configuration(bucket, LIFECYCLE, None)

    @reject_unknown_members
    def put_object_lock_configuration(
        self,
        bucket: str,
        *,
        object_lock_configuration: Mapping[str, Any] | None = None,
        **request: Unpack[Request],
    ) -> PutObjectLockConfigurationOutput:
        """Enable object lock for a bucket, and set its default retention; object lock can't be disabled again.

        Raises:
            NoSuchBucket.
            MalformedXML, InvalidArgument: the rule is not valid.
            InvalidBucketState: versioning is not enabled.

        Source: API page PutObjectLockConfiguration.
        """
        self._context.check_writable()
        rule = read_rule(object_lock_configuration or {})

        def change(record: BucketRecord) -> BucketRecord:
            if record.versioning != "Enabled":
                raise InvalidBucketState(
                    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
                )
            return replace(record, lock=rule)

        bucket_record = self._context.authorized_bucket(bucket, request)
        self._context.meta.update_bucket(bucket, change)
        return PutObjectLockConfigurationOutput(self._context.request_charged(bucket_record))

    @reject_unknown_members
    def get_object_lock_configuration(
        self, bucket: str, **request: Unpack[BucketOwnerCondition]
    ) -> GetObjectLockConfigurationOutput:
        """Return whether a bucket has object lock, and its default retention.

        Raises:
            NoSuchBucket, ObjectLockConfigurationNotFoundError.

        Source: API page GetObjectLockConfiguration.
        """
        self._context.check_open()
        lock = self._context.authorized_bucket(bucket, request).lock
        if lock is None:
            raise ObjectLockConfigurationNotFoundError(BucketName=bucket)
        rule = None
        if lock.mode is not None:
            rule = ObjectLockRule(DefaultRetention(lock.mode, lock.days or None, lock.years or None))
        return GetObjectLockConfigurationOutput(ObjectLockConfiguration("Enabled", rule))

    @reject_unknown_members
    def put_bucket_encryption(
        self,
        bucket: str,
        *,
        server_side_encryption_configuration: ServerSideEncryptionConfiguration | Mapping[str, Any] | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> None:
        """Set the default encryption of new objects, and whether SSE-C is blocked; stored objects stay as they are.

        `{"rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]}`. Blocked types stay unless the rule
        sets them.

        Raises:
            NoSuchBucket.
            MalformedXML, InvalidArgument: the rule is not valid.
            NotImplementedYet: the rule asks for two layers of encryption (`aws:kms:dsse`).

        Source: API page PutBucketEncryption.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        rule = bucket_default.read_configuration(server_side_encryption_configuration)

        def change(record: BucketRecord) -> BucketRecord:
            return replace(record, encryption=bucket_default.following(record.encryption, rule))

        self._context.meta.update_bucket(bucket, change)

    @reject_unknown_members
    def get_bucket_encryption(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> GetBucketEncryptionOutput:
        """Return the default encryption of new objects.

        Raises:
            NoSuchBucket, ServerSideEncryptionConfigurationNotFoundError.

        Source: API page GetBucketEncryption.
        """
        self._context.check_open()
        rule = self._context.authorized_bucket(bucket, request).encryption
        if rule is None:
            raise ServerSideEncryptionConfigurationNotFoundError(BucketName=bucket)
        return GetBucketEncryptionOutput(ServerSideEncryptionConfiguration((rule,)))

    @reject_unknown_members
    def delete_bucket_encryption(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Remove the default encryption; blocked types stay blocked until a PutBucketEncryption sets NONE.

        Raises:
            NoSuchBucket.

        Source: API page DeleteBucketEncryption, which does not mention blocked types.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.update_bucket(
            bucket, lambda record: replace(record, encryption=bucket_default.following(record.encryption, None))
        )

    @reject_unknown_members
    def put_bucket_request_payment(
        self,
        bucket: str,
        *,
        request_payment_configuration: Mapping[str, Any] | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> None:
        """Set who pays for requests: `{"payer": "Requester"}` or `{"payer": "BucketOwner"}`.

        Raises:
            NoSuchBucket.
            MalformedXML: the payer is neither.

        Source: API page PutBucketRequestPayment.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        payer = (request_payment_configuration or {}).get("payer")
        if payer not in (REQUESTER, BUCKET_OWNER):
            raise MalformedXML(reason=f"the payer is {REQUESTER} or {BUCKET_OWNER}")
        self._context.meta.update_bucket(bucket, lambda record: replace(record, requester_pays=payer == REQUESTER))

    @reject_unknown_members
    def get_bucket_request_payment(
        self, bucket: str, **request: Unpack[BucketOwnerCondition]
    ) -> GetBucketRequestPaymentOutput:
        """Return who pays for requests.

        Raises:
            NoSuchBucket.

        Source: API page GetBucketRequestPayment.
        """
        self._context.check_open()
        record = self._context.authorized_bucket(bucket, request)
        return GetBucketRequestPaymentOutput(REQUESTER if record.requester_pays else BUCKET_OWNER)
