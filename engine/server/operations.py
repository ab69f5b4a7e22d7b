"""How each operation is served by the store: the actions that must be allowed, and how its members become the store's arguments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.buckets.ownership import OWNERSHIPS
from engine.core import REGION
from engine.errors import (
    AccessDenied,
    IllegalLocationConstraintException,
    InvalidArgument,
    InvalidLocationConstraint,
    InvalidRequest,
    NotImplementedYet,
)
from engine.objects.copy_source import CopySource
from engine.record import replace
from engine.s3.member_names import snake
from engine.s3.model import LOCATION_CONSTRAINTS, REGIONS, Operation
from engine.server.customer_keys import actions_of_keys, keys_read
from engine.shapes import answers
from engine.shapes.requests import parameters
from engine.store import Store

Inputs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """What the server knows of a request and the store does not: where it came in, and the server's own rules."""

    region: str | None
    """The server's region; None: it accepts any location constraint."""
    url: str
    """The URL of the request, path-style or virtual-hosted-style as it came, without the query."""
    takes_keys: bool
    """Whether customers' keys (SSE-C) are accepted on this connection."""
    blocks_in_new_buckets: tuple[str, ...]
    """Encryption types that new buckets block until PutBucketEncryption allows them."""


def _unchanged(value: Any, _site: Site) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Served:
    """How one operation is served."""

    action: str
    """The action that it needs on its own resource."""
    adapt: Callable[[Inputs, Site], Inputs] = _unchanged
    """Turns its members into the store's arguments."""
    present: Callable[[Any, Site], Any] = _unchanged
    """Turns the store's result into the answer."""
    of_version: str = ""
    """The action that it needs if the request names a version; "": the same one."""

    def action_on(self, item: Inputs) -> str:
        """Return the action needed on an item: an object, or the version that its `version_id` names."""
        return self.of_version if self.of_version and item.get("version_id") is not None else self.action


def _complete(inputs: Inputs, _site: Site) -> Inputs:
    listed = inputs.pop("multipart_upload", None)
    if listed is None:
        raise InvalidRequest("You must specify at least one part")
    return inputs | {"parts": [answers.CompletedPart(**part) for part in listed.get("parts") or ()]}


def _delete_objects(inputs: Inputs, _site: Site) -> Inputs:
    delete = inputs.pop("delete")
    for item in delete["objects"]:
        _refuse_unsupported(item, set(answers.ObjectIdentifier._fields))
    keys = [answers.ObjectIdentifier(**item) for item in delete["objects"]]
    return inputs | {"keys": keys, "quiet": bool(delete.get("quiet"))}


def _create_bucket(inputs: Inputs, site: Site) -> Inputs:
    configuration = inputs.pop("create_bucket_configuration", None) or {}
    _refuse_unsupported(configuration, {"location_constraint"})
    ownership = inputs.get("object_ownership")
    if ownership is not None and ownership not in OWNERSHIPS:
        text = f"Invalid x-amz-object-ownership header: {ownership}"
        raise InvalidArgument(text, ArgumentName="x-amz-object-ownership")
    location = configuration.get("location_constraint") or None
    if site.region is not None and location is not None:
        _check_location(location, site.region)
    return inputs | {"blocked_encryption_types": site.blocks_in_new_buckets}


def _check_location(location: str, region: str) -> None:
    """Refuse a location constraint that is not the server's region, as the endpoint of that region does.

    AWS refuses `us-east-1` as well, in us-east-1; minio-java says it to every other endpoint.

    Raises:
        InvalidLocationConstraint: in us-east-1: it is not the constraint of any region.
        IllegalLocationConstraintException: it is another region's; elsewhere also: it is no region's.

    Source: AWS's answers; an empty constraint, which stands for us-east-1: API page CreateBucket.
    """
    if location == region:
        return
    if region == REGION and location not in LOCATION_CONSTRAINTS:
        raise InvalidLocationConstraint(LocationConstraint=location)
    raise IllegalLocationConstraintException(
        f"The {location} location constraint is incompatible for the region specific endpoint this request was sent to."
    )


def _list_buckets(inputs: Inputs, site: Site) -> Inputs:
    region = inputs.get("bucket_region")
    if region is not None and region != site.region and region not in REGIONS:
        raise InvalidArgument(f"Argument value {region} is not a valid AWS Region", ArgumentName="bucket-region")
    return inputs


def _completed(result: answers.CompleteMultipartUploadOutput, site: Site) -> answers.CompleteMultipartUploadOutput:
    return replace(result, location=site.url)


SERVED: dict[str, Served] = {
    "AbortMultipartUpload": Served("s3:AbortMultipartUpload"),
    "CompleteMultipartUpload": Served("s3:PutObject", _complete, _completed),
    "CopyObject": Served("s3:PutObject"),
    "CreateBucket": Served("s3:CreateBucket", _create_bucket),
    "CreateMultipartUpload": Served("s3:PutObject"),
    "DeleteBucket": Served("s3:DeleteBucket"),
    "DeleteBucketCors": Served("s3:PutBucketCORS"),
    "DeleteBucketEncryption": Served("s3:PutEncryptionConfiguration"),
    "DeleteBucketLifecycle": Served("s3:PutLifecycleConfiguration"),
    "DeleteBucketOwnershipControls": Served("s3:PutBucketOwnershipControls"),
    "DeleteBucketPolicy": Served("s3:DeleteBucketPolicy"),
    "DeleteBucketReplication": Served("s3:PutReplicationConfiguration"),
    "DeleteBucketTagging": Served("s3:PutBucketTagging"),
    "DeleteBucketWebsite": Served("s3:DeleteBucketWebsite"),
    "DeleteObject": Served("s3:DeleteObject", of_version="s3:DeleteObjectVersion"),
    "DeleteObjectTagging": Served("s3:DeleteObjectTagging", of_version="s3:DeleteObjectVersionTagging"),
    "DeleteObjects": Served("s3:DeleteObject", _delete_objects, of_version="s3:DeleteObjectVersion"),
    "DeletePublicAccessBlock": Served("s3:PutBucketPublicAccessBlock"),
    "GetBucketAccelerateConfiguration": Served("s3:GetAccelerateConfiguration"),
    "GetBucketAcl": Served("s3:GetBucketAcl"),
    "GetBucketCors": Served("s3:GetBucketCORS"),
    "GetBucketEncryption": Served("s3:GetEncryptionConfiguration"),
    "GetBucketLifecycleConfiguration": Served("s3:GetLifecycleConfiguration"),
    "GetBucketLocation": Served("s3:GetBucketLocation"),
    "GetBucketLogging": Served("s3:GetBucketLogging"),
    "GetBucketNotificationConfiguration": Served("s3:GetBucketNotification"),
    "GetBucketOwnershipControls": Served("s3:GetBucketOwnershipControls"),
    "GetBucketPolicy": Served("s3:GetBucketPolicy"),
    "GetBucketPolicyStatus": Served("s3:GetBucketPolicyStatus"),
    "GetBucketReplication": Served("s3:GetReplicationConfiguration"),
    "GetBucketRequestPayment": Served("s3:GetBucketRequestPayment"),
    "GetBucketTagging": Served("s3:GetBucketTagging"),
    "GetBucketVersioning": Served("s3:GetBucketVersioning"),
    "GetBucketWebsite": Served("s3:GetBucketWebsite"),
    "GetObject": Served("s3:GetObject", of_version="s3:GetObjectVersion"),
    "GetObjectAcl": Served("s3:GetObjectAcl", of_version="s3:GetObjectVersionAcl"),
    "GetObjectAttributes": Served("s3:GetObjectAttributes", of_version="s3:GetObjectVersionAttributes"),
    "GetObjectLegalHold": Served("s3:GetObjectLegalHold"),
    "GetObjectLockConfiguration": Served("s3:GetBucketObjectLockConfiguration"),
    "GetObjectRetention": Served("s3:GetObjectRetention"),
    "GetObjectTagging": Served("s3:GetObjectTagging", of_version="s3:GetObjectVersionTagging"),
    "GetPublicAccessBlock": Served("s3:GetBucketPublicAccessBlock"),
    "HeadBucket": Served("s3:ListBucket"),
    "HeadObject": Served("s3:GetObject", of_version="s3:GetObjectVersion"),
    "ListBuckets": Served("s3:ListAllMyBuckets", _list_buckets),
    "ListMultipartUploads": Served("s3:ListBucketMultipartUploads"),
    "ListObjectVersions": Served("s3:ListBucketVersions"),
    "ListObjects": Served("s3:ListBucket"),
    "ListObjectsV2": Served("s3:ListBucket"),
    "ListParts": Served("s3:ListMultipartUploadParts"),
    "PutBucketAcl": Served("s3:PutBucketAcl"),
    "PutBucketCors": Served("s3:PutBucketCORS"),
    "PutBucketEncryption": Served("s3:PutEncryptionConfiguration"),
    "PutBucketLifecycleConfiguration": Served("s3:PutLifecycleConfiguration"),
    "PutBucketLogging": Served("s3:PutBucketLogging"),
    "PutBucketNotificationConfiguration": Served("s3:PutBucketNotification"),
    "PutBucketOwnershipControls": Served("s3:PutBucketOwnershipControls"),
    "PutBucketPolicy": Served("s3:PutBucketPolicy"),
    "PutBucketRequestPayment": Served("s3:PutBucketRequestPayment"),
    "PutBucketTagging": Served("s3:PutBucketTagging"),
    "PutBucketVersioning": Served("s3:PutBucketVersioning"),
    "PutObject": Served("s3:PutObject"),
    "PutObjectAcl": Served("s3:PutObjectAcl", of_version="s3:PutObjectVersionAcl"),
    "PutObjectLegalHold": Served("s3:PutObjectLegalHold"),
    "PutObjectLockConfiguration": Served("s3:PutBucketObjectLockConfiguration"),
    "PutObjectRetention": Served("s3:PutObjectRetention"),
    "PutObjectTagging": Served("s3:PutObjectTagging", of_version="s3:PutObjectVersionTagging"),
    "PutPublicAccessBlock": Served("s3:PutBucketPublicAccessBlock"),
    "UploadPart": Served("s3:PutObject"),
    "UploadPartCopy": Served("s3:PutObject"),
}
"""Source of the actions: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"."""

WRITE_ACTIONS = {
    "acl": "s3:PutObjectAcl",
    "object_lock_legal_hold_status": "s3:PutObjectLegalHold",
    "object_lock_mode": "s3:PutObjectRetention",
    "object_lock_retain_until_date": "s3:PutObjectRetention",
    "tagging": "s3:PutObjectTagging",
}
"""Members of a write that need an action of their own. Source: "Permissions" on the API pages."""

READ_ACTIONS = {
    "tag_count": SERVED["GetObjectTagging"],
    "object_lock_mode": SERVED["GetObjectRetention"],
    "object_lock_retain_until_date": SERVED["GetObjectRetention"],
    "object_lock_legal_hold_status": SERVED["GetObjectLegalHold"],
}
"""Members of a read, each with the operation that the requester must be allowed to see it. Source: API pages GetObject, HeadObject."""

WITHOUT_EFFECT: dict[str, frozenset[str]] = {
    "acl": frozenset({"private", "bucket-owner-full-control"}),
    "checksum_algorithm": frozenset(),
    "confirm_remove_self_bucket_access": frozenset(),
    "content_length": frozenset(),
    "content_md5": frozenset(),
    "object_ownership": frozenset({"BucketOwnerEnforced"}),
    "optional_object_attributes": frozenset(),
    "transition_default_minimum_object_size": frozenset({"all_storage_classes_128K"}),
}
"""Members that are accepted and change nothing, and the values that they may have; an empty set stands for any value."""

OF_DIRECTORY_BUCKETS = ("if_match_initiated_time", "if_match_last_modified_time", "if_match_size")
"""Members that S3 refuses for general purpose buckets too: before any other unsupported member, in this order, with no message.

Source: AWS's answers to the conditions of DeleteObject; API page AbortMultipartUpload: "only supported for directory buckets".
"""


def actions(operation: Operation, inputs: Inputs, item: Inputs) -> Iterator[str]:
    """Yield every action needed on one resource, which `item` names by `key` and `version_id`."""
    served = SERVED[operation.name]
    yield served.action_on(item)
    if operation.name == "GetObjectAttributes":
        yield SERVED["GetObject"].action_on(item)
    if served.action == "s3:PutObject":
        yield from {action for member, action in WRITE_ACTIONS.items() if inputs.get(member) is not None}
    yield from actions_of_keys(inputs)
    if inputs.get("object_lock_enabled_for_bucket"):
        yield from ("s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning")


def admit(
    operation: Operation, inputs: Inputs, may: Callable[[str, str], bool]
) -> tuple[Inputs, tuple[answers.Error, ...]]:
    """Authorize a request: return its inputs as far as they are allowed, and the errors of the keys of DeleteObjects that are not.

    Denied keys of DeleteObjects are removed from the inputs. BypassGovernanceRetention without the permission has no effect and is no
    error, for S3's console sends it with every deletion.

    Raises:
        AccessDenied: the request is not allowed.
        InvalidArgument: the copy source is malformed.
    """
    inputs = _without_bypass(operation, inputs, may)
    if operation.name != "DeleteObjects":
        if not all(may(*needed) for needed in resources(operation, inputs)):
            raise AccessDenied
        return inputs, ()
    delete = inputs["delete"]
    allowed: list[Inputs] = []
    denied: list[Inputs] = []
    for item in delete["objects"]:
        alone = inputs | {"delete": {"objects": [item]}}
        (allowed if all(may(*needed) for needed in resources(operation, alone)) else denied).append(item)
    error = AccessDenied()
    errors = (answers.Error(item["key"], item.get("version_id"), error.code, error.message) for item in denied)
    return inputs | {"delete": delete | {"objects": allowed}}, tuple(errors)


def resources(operation: Operation, inputs: Inputs) -> Iterator[tuple[str, str]]:
    """Yield every (action, resource) that must be allowed, a copy's source among them.

    Raises:
        InvalidArgument: the copy source is malformed.
    """
    for item in _items(operation, inputs):
        resource = arn(inputs.get("bucket"), item.get("key"))
        yield from ((action, resource) for action in actions(operation, inputs, item))
    if inputs.get("copy_source") is not None:
        source = CopySource.of(inputs["copy_source"])
        resource = arn(source.bucket, source.key)
        yield "s3:GetObject" if source.version_id is None else "s3:GetObjectVersion", resource
        yield from ((action, resource) for action in actions_of_keys(inputs, "copy_source_"))


def tagging_of_copy(inputs: Inputs) -> list[tuple[str, str]]:
    """Return the (action, resource) pairs that CopyObject needs besides if it copies the source's tags."""
    if inputs.get("tagging_directive") == "REPLACE":
        return []
    source = CopySource.of(inputs["copy_source"])
    reading = SERVED["GetObjectTagging"].action_on({"version_id": source.version_id})
    return [(reading, arn(source.bucket, source.key)), ("s3:PutObjectTagging", arn(inputs["bucket"], inputs["key"]))]


def _items(operation: Operation, inputs: Inputs) -> list[Inputs]:
    """Return what names the resources of a request: the keys of DeleteObjects, else the inputs themselves."""
    return inputs["delete"]["objects"] if operation.name == "DeleteObjects" else [inputs]


def _without_bypass(operation: Operation, inputs: Inputs, may: Callable[[str, str], bool]) -> Inputs:
    if not inputs.get("bypass_governance_retention"):
        return inputs
    objects = [arn(inputs["bucket"], item["key"]) for item in _items(operation, inputs)]
    return inputs | {"bypass_governance_retention": all(may("s3:BypassGovernanceRetention", each) for each in objects)}


def visible_to(operation: Operation, inputs: Inputs, result: Any, may: Callable[[str, str], bool]) -> Any:
    """Return the result of a read without the members that the requester may not see (READ_ACTIONS)."""
    if operation.name not in ("GetObject", "HeadObject"):
        return result
    resource = arn(inputs["bucket"], inputs["key"])
    present = [(member, served) for member, served in READ_ACTIONS.items() if getattr(result, member) is not None]
    hidden = {member: None for member, served in present if not may(served.action_on(inputs), resource)}
    return replace(result, **hidden) if hidden else result


def listing_of(inputs: Inputs) -> tuple[str, str]:
    """Return the (action, resource) without which a requester does not learn that a key, or the source of a copy, is absent.

    Source: API page GetObject, "Permissions": without s3:ListBucket the answer is 403, not 404.
    """
    source = inputs.get("copy_source")
    return "s3:ListBucket", arn(CopySource.of(source).bucket if source is not None else inputs.get("bucket"), None)


def arn(bucket: str | None, key: str | None) -> str:
    """Return the resource name of an object, of a bucket (`key` None), or of the service (both None)."""
    path = "*" if bucket is None else bucket if key is None else f"{bucket}/{key}"
    return f"arn:aws:s3:::{path}"


def call(
    store: Store, operation: Operation, inputs: Inputs, site: Site, refused: tuple[answers.Error, ...] = ()
) -> Any:
    """Run an operation on the store and return its answer; `refused` are the errors of `admit`, which join those of DeleteObjects.

    Raises:
        NotImplementedYet: the request has a member that the store does not support.
        S3Error: the store refuses.
    """
    if refused and not inputs["delete"]["objects"]:
        return answers.DeleteObjectsOutput(errors=refused)
    served = SERVED[operation.name]
    adapted = served.adapt(dict(inputs), site)
    method = getattr(store, snake(operation.name))
    supported = parameters(method)
    with keys_read(adapted, site.takes_keys) as arguments:
        _refuse_unsupported(arguments, supported, operation)
        result = method(**{name: value for name, value in arguments.items() if name in supported and value is not None})
    if refused:
        result = replace(result, errors=(*refused, *(result.errors or ())))
    return served.present(result, site)


def _refuse_unsupported(
    inputs: Inputs, supported: frozenset[str] | set[str], operation: Operation | None = None
) -> None:
    for name in OF_DIRECTORY_BUCKETS:
        if inputs.get(name) is not None:
            raise NotImplementedYet(Header=_wire_name(operation, name))
    for name, value in inputs.items():
        if value is None or value is False or name in supported:  # x-amz-bucket-object-lock-enabled: false
            continue
        harmless = WITHOUT_EFFECT.get(name)
        if harmless is None or (harmless and value not in harmless):
            header = _wire_name(operation, name)
            raise NotImplementedYet(Header=header, additionalMessage=f"{header} is not supported here")


def _wire_name(operation: Operation | None, name: str) -> str:
    members = operation.inputs if operation is not None else ()
    return next((member.tag for member in members if member.attribute == name), name)
