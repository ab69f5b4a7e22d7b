"""Who owns the objects of a bucket, and the access control lists, which no bucket here has.

A bucket's objects belong to its owner (BucketOwnerEnforced), also after its ownership controls were deleted.
"""

from collections.abc import Mapping
from typing import Any, Unpack

from engine.core import Context
from engine.errors import (
    AccessControlListNotSupported,
    MalformedXML,
    MissingSecurityHeader,
    NotImplementedYet,
    OwnershipControlsNotFoundError,
    UnexpectedContent,
)
from engine.objects.keys import encode_key
from engine.objects.lookup import check_present, naming_version
from engine.objects.metadata import check_acl
from engine.objects.version_ids import requested_version
from engine.shapes.fixed_setting_answers import (
    GetBucketOwnershipControlsOutput,
    OwnershipControls,
    OwnershipControlsRule,
    PutObjectAclOutput,
)
from engine.shapes.requests import BucketOwnerCondition, Grants, PutObjectAclRequest, reject_unknown_members

ENFORCED = "BucketOwnerEnforced"
OWNERSHIPS = (ENFORCED, "BucketOwnerPreferred", "ObjectWriter")
_OWNERSHIP = "ownership"
_DELETED = b"deleted"
"""Stands under `_OWNERSHIP` while a bucket has no ownership controls; new buckets have those that enforce."""


class BucketOwnership:
    """The operations on the ownership controls of a bucket, and those that would set access control lists.

    All of them raise NoSuchBucket.
    """

    _context: Context

    @reject_unknown_members
    def put_bucket_ownership_controls(
        self,
        bucket: str,
        *,
        ownership_controls: Mapping[str, Any] | None = None,
        **request: Unpack[BucketOwnerCondition],
    ) -> None:
        """Set who owns new objects: `{"rules": [{"object_ownership": "BucketOwnerEnforced"}]}`.

        Raises:
            MalformedXML: there is not one rule, or its value is none of S3's.
            NotImplementedYet: the value would give effect to access control lists.

        Source: API page PutBucketOwnershipControls; AWS's answers to malformed ones.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        rules = (ownership_controls or {}).get("rules") or ()
        values = [rule.get("object_ownership") for rule in rules]
        if len(values) != 1 or values[0] not in OWNERSHIPS:
            raise MalformedXML(reason=f"there is one rule, with one of {', '.join(OWNERSHIPS)}")
        if values[0] != ENFORCED:
            raise NotImplementedYet(Header="ObjectOwnership", additionalMessage=f"{values[0]} is not supported here")
        self._context.meta.put_configuration(bucket, _OWNERSHIP, None)

    @reject_unknown_members
    def get_bucket_ownership_controls(
        self, bucket: str, **request: Unpack[BucketOwnerCondition]
    ) -> GetBucketOwnershipControlsOutput:
        """Return who owns new objects, which is the bucket's owner.

        Raises:
            OwnershipControlsNotFoundError: the controls were deleted, which changes nothing but this answer.

        Source: API page GetBucketOwnershipControls; AWS's answers.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        if self._context.meta.find_configuration(bucket, _OWNERSHIP) is not None:
            raise OwnershipControlsNotFoundError(BucketName=bucket)
        return GetBucketOwnershipControlsOutput(OwnershipControls((OwnershipControlsRule(ENFORCED),)))

    @reject_unknown_members
    def delete_bucket_ownership_controls(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Delete the ownership controls of a bucket; it is no error if it has none. Its objects stay its owner's.

        Source: API page DeleteBucketOwnershipControls; AWS's answers.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.meta.put_configuration(bucket, _OWNERSHIP, _DELETED)

    @reject_unknown_members
    def put_bucket_acl(
        self,
        bucket: str,
        *,
        access_control_policy: Mapping[str, Any] | None = None,
        expected_bucket_owner: str | None = None,
        **grants: Unpack[Grants],
    ) -> None:
        """Refuse to set the access control list of a bucket, unless it is the one that the bucket has.

        Raises:
            AccessControlListNotSupported: it grants something else than everything to the owner.
            MissingSecurityHeader, UnexpectedContent, InvalidRequest, InvalidArgument: the request says not one ACL.

        Source: User Guide, "Controlling ownership of objects and disabling ACLs for your bucket"; AWS's answers.
        """
        self._context.check_writable()
        record = self._context.authorized_bucket(bucket, {"expected_bucket_owner": expected_bucket_owner})
        _check_unchanged(access_control_policy, grants, self._context.canonical_id(record.owner))

    @reject_unknown_members
    def put_object_acl(
        self,
        bucket: str,
        key: str,
        *,
        access_control_policy: Mapping[str, Any] | None = None,
        version_id: str | None = None,
        **request: Unpack[PutObjectAclRequest],
    ) -> PutObjectAclOutput:
        """Refuse to set the access control list of an object, or of a version, unless it is the one that it has.

        s3cmd gives a copy the list of its source.

        Raises:
            NoSuchKey, NoSuchVersion.
            MethodNotAllowed: it is a delete marker, whether a version was named or not.
            as `put_bucket_acl`.

        Source: as for `put_bucket_acl`.
        """
        self._context.check_writable()
        record = self._context.authorized_bucket(bucket, request)
        name, version = encode_key(key, self._context.limits), requested_version(version_id)
        with naming_version(version):
            found = self._context.meta.find_object(bucket, name, version)
        check_present(found, name, found.version, "PUT")
        _check_unchanged(access_control_policy, request, self._context.canonical_id(record.owner))
        return PutObjectAclOutput(self._context.request_charged(record))


def _check_unchanged(policy: Mapping[str, Any] | None, request: Grants, owner_id: str) -> None:
    """Check that an ACL is the one in force, which grants everything to the owner and nothing to others.

    Raises:
        AccessControlListNotSupported: it is another one.
        MissingSecurityHeader, UnexpectedContent, InvalidRequest, InvalidArgument: the request says not one ACL.
    """
    is_said = any(request.get(name) is not None for name in Grants.__optional_keys__)
    if policy is None and not is_said:
        raise MissingSecurityHeader(MissingHeaderName="x-amz-acl")
    if policy is not None and is_said:
        raise UnexpectedContent
    check_acl(request)
    grants = [
        ((grant.get("grantee") or {}).get("id"), grant.get("permission"))
        for grant in (policy or {}).get("grants") or ()
    ]
    if grants != [(owner_id, "FULL_CONTROL")]:
        raise AccessControlListNotSupported
