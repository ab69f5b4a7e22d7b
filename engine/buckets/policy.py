"""PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus, and what decides who may use a bucket."""

from typing import NamedTuple, Unpack

from engine.buckets.policy_rules import Policy, read_policy
from engine.buckets.public_access import find_public_access_block
from engine.core import Context
from engine.errors import AccessDenied, MalformedPolicy, NoSuchBucketPolicy
from engine.shapes.bucket_answers import GetBucketPolicyOutput
from engine.shapes.fixed_setting_answers import GetBucketPolicyStatusOutput, PolicyStatus
from engine.shapes.requests import BucketOwnerCondition, reject_unknown_members

POLICY = "policy"


class BucketAccess(NamedTuple):
    """What decides who may use a bucket."""

    owner: str
    policy: Policy | None
    is_restricted: bool
    """Whether public access is restricted (RestrictPublicBuckets)."""


class BucketPolicies:
    """The operations on the policy of a bucket; the server executes it. All of them raise NoSuchBucket."""

    _context: Context

    @reject_unknown_members
    def put_bucket_policy(
        self, bucket: str, *, policy: str | None = None, **request: Unpack[BucketOwnerCondition]
    ) -> None:
        """Replace the policy of a bucket, a document in JSON of at most 20 KiB.

        Raises:
            MalformedPolicy: it is no policy, is too large, or has something that is not understood here.
            AccessDenied: it allows anybody something, and such policies are blocked (PutPublicAccessBlock).

        Source: API page PutBucketPolicy.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        document = policy or ""
        try:
            stored = document.encode()
        except UnicodeEncodeError:
            raise MalformedPolicy from None
        block = find_public_access_block(self._context, bucket)
        if read_policy(document, bucket).is_public and block is not None and block.block_public_policy:
            raise AccessDenied(reason="public policies are blocked by BlockPublicPolicy")
        self._context.meta.put_configuration(bucket, POLICY, stored)

    @reject_unknown_members
    def get_bucket_policy(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> GetBucketPolicyOutput:
        """Return the policy of a bucket as it was put.

        Raises:
            NoSuchBucketPolicy.

        Source: API page GetBucketPolicy.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        return GetBucketPolicyOutput(self._document(bucket))

    @reject_unknown_members
    def delete_bucket_policy(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Remove the policy of a bucket; it is no error if it has none.

        Source: API page DeleteBucketPolicy; AWS's answer (204) for a bucket without a policy.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.put_configuration(bucket, POLICY, None)

    @reject_unknown_members
    def get_bucket_policy_status(
        self, bucket: str, **request: Unpack[BucketOwnerCondition]
    ) -> GetBucketPolicyStatusOutput:
        """Tell whether the policy of a bucket allows anybody something.

        Raises:
            NoSuchBucketPolicy.

        Source: API page GetBucketPolicyStatus; User Guide, "The meaning of public".
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        return GetBucketPolicyStatusOutput(PolicyStatus(read_policy(self._document(bucket), bucket).is_public))

    def find_access(self, bucket: str) -> BucketAccess:
        """Return what decides who may use a bucket, whoever asks.

        Raises:
            NoSuchBucket.
        """
        self._context.check_open()
        owner = self._context.meta.find_bucket(bucket).owner
        found = self._context.meta.find_configuration(bucket, POLICY)
        policy = read_policy(found.decode(), bucket) if found is not None else None
        block = find_public_access_block(self._context, bucket) if policy is not None else None
        return BucketAccess(owner, policy, block is not None and block.restrict_public_buckets)

    def _document(self, bucket: str) -> str:
        document = self._context.meta.find_configuration(bucket, POLICY)
        if document is None:
            raise NoSuchBucketPolicy(BucketName=bucket)
        return document.decode()
