"""How each operation of the wire is served by the store: what must be allowed, and which of its members the store takes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.errors import AccessDenied, InvalidArgument, InvalidRequest, NotImplementedYet, S3Error
from engine.objects.copy_source import CopySource
from engine.record import replace
from engine.s3.http import Request
from engine.s3.member_names import snake
from engine.s3.model import OPERATIONS, REGIONS, Operation
from engine.server.customer_keys import actions_of_keys, keys_read
from engine.shapes import answers
from engine.shapes.requests import parameters
from engine.store import Store

Inputs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a request found the server, which the store knows nothing of."""

    region: str | None
    """None: whatever region is asked for."""
    url: str
    """What it asked for, in whatever style, without the query."""
    takes_keys: bool
    """Whether a customer's key may come this way."""
    blocks_in_new_buckets: tuple[str, ...]
    """Encryption types that a bucket made here does not take, until it is said of it that it does."""


def _as_it_is(value: Any, _site: Site) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Served:
    """One operation: the action it needs on its own resource, what turns its members into the store's arguments, and the store's
    result into the answer.
    """

    action: str
    adapt: Callable[[Inputs, Site], Inputs] = _as_it_is
    present: Callable[[Any, Site], Any] = _as_it_is
    of_version: str = ""
    """The action where a version is named, if it is another."""

    def action_on(self, named: Inputs) -> str:
        """The action needed on what is named."""
        return self.of_version if self.of_version and named.get("version_id") is not None else self.action


class IllegalLocationConstraintException(S3Error):
    """A bucket was asked for in a region that is not the server's."""


def _complete(inputs: Inputs, _site: Site) -> Inputs:
    listed = inputs.pop("multipart_upload", None)
    if listed is None:
        raise InvalidRequest("You must specify at least one part")
    return inputs | {"parts": [answers.CompletedPart(**part) for part in listed.get("parts") or ()]}


def _delete_objects(inputs: Inputs, _site: Site) -> Inputs:
    delete = inputs.pop("delete")
    for item in delete["objects"]:
        _refuse_rest(item, set(answers.ObjectIdentifier._fields))
    keys = [answers.ObjectIdentifier(**item) for item in delete["objects"]]
    return inputs | {"keys": keys, "quiet": bool(delete.get("quiet"))}


def _create_bucket(inputs: Inputs, site: Site) -> Inputs:
    configuration = inputs.pop("create_bucket_configuration", None) or {}
    _refuse_rest(configuration, {"location_constraint"})
    location = configuration.get("location_constraint")
    if site.region is not None and location not in (None, site.region):
        raise IllegalLocationConstraintException(
            f"The {location} location constraint is incompatible for the region specific endpoint this request was sent to."
        )
    return inputs | {"blocked_encryption_types": site.blocks_in_new_buckets}


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
    "DeleteBucketEncryption": Served("s3:PutEncryptionConfiguration"),
    "DeleteBucketLifecycle": Served("s3:PutLifecycleConfiguration"),
    "DeleteObject": Served("s3:DeleteObject", of_version="s3:DeleteObjectVersion"),
    "DeleteObjectTagging": Served("s3:DeleteObjectTagging", of_version="s3:DeleteObjectVersionTagging"),
    "DeleteObjects": Served("s3:DeleteObject", _delete_objects, of_version="s3:DeleteObjectVersion"),
    "GetBucketEncryption": Served("s3:GetEncryptionConfiguration"),
    "GetBucketLifecycleConfiguration": Served("s3:GetLifecycleConfiguration"),
    "GetBucketLocation": Served("s3:GetBucketLocation"),
    "GetBucketRequestPayment": Served("s3:GetBucketRequestPayment"),
    "GetBucketVersioning": Served("s3:GetBucketVersioning"),
    "GetObject": Served("s3:GetObject", of_version="s3:GetObjectVersion"),
    "GetObjectAttributes": Served("s3:GetObjectAttributes", of_version="s3:GetObjectVersionAttributes"),
    "GetObjectLegalHold": Served("s3:GetObjectLegalHold"),
    "GetObjectLockConfiguration": Served("s3:GetBucketObjectLockConfiguration"),
    "GetObjectRetention": Served("s3:GetObjectRetention"),
    "GetObjectTagging": Served("s3:GetObjectTagging", of_version="s3:GetObjectVersionTagging"),
    "HeadBucket": Served("s3:ListBucket"),
    "HeadObject": Served("s3:GetObject", of_version="s3:GetObjectVersion"),
    "ListBuckets": Served("s3:ListAllMyBuckets", _list_buckets),
    "ListMultipartUploads": Served("s3:ListBucketMultipartUploads"),
    "ListObjectVersions": Served("s3:ListBucketVersions"),
    "ListObjects": Served("s3:ListBucket"),
    "ListObjectsV2": Served("s3:ListBucket"),
    "ListParts": Served("s3:ListMultipartUploadParts"),
    "PutBucketEncryption": Served("s3:PutEncryptionConfiguration"),
    "PutBucketLifecycleConfiguration": Served("s3:PutLifecycleConfiguration"),
    "PutBucketRequestPayment": Served("s3:PutBucketRequestPayment"),
    "PutBucketVersioning": Served("s3:PutBucketVersioning"),
    "PutObject": Served("s3:PutObject"),
    "PutObjectLegalHold": Served("s3:PutObjectLegalHold"),
    "PutObjectLockConfiguration": Served("s3:PutBucketObjectLockConfiguration"),
    "PutObjectRetention": Served("s3:PutObjectRetention"),
    "PutObjectTagging": Served("s3:PutObjectTagging", of_version="s3:PutObjectVersionTagging"),
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
"""Members of a read that are told only to who may ask for them. Source: API pages GetObject and HeadObject."""

WITHOUT_EFFECT: dict[str, frozenset[str]] = {
    "acl": frozenset({"private", "bucket-owner-full-control"}),
    "checksum_algorithm": frozenset(),
    "content_length": frozenset(),
    "content_md5": frozenset(),
    "object_ownership": frozenset({"BucketOwnerEnforced"}),
    "optional_object_attributes": frozenset(),
    "transition_default_minimum_object_size": frozenset({"all_storage_classes_128K"}),
}
"""Members that may be sent though they change nothing; an empty set stands for any value."""


_PARTS = ("UploadPart", "UploadPartCopy")
_OF_PARTS = frozenset(member.tag.lower() for name in _PARTS for member in OPERATIONS[name].inputs)
_OF_UPLOADS = frozenset(
    tag
    for tag in (member.tag.lower() for member in OPERATIONS["CreateMultipartUpload"].inputs)
    if tag.startswith("x-amz-") and not tag.startswith(("x-amz-meta-", "x-amz-checksum-"))
)

OF_DIRECTORY_BUCKETS = ("if_match_last_modified_time", "if_match_size")
"""Members that S3 too refuses for a general purpose bucket, without a further word, and in this order whatever else is wrong."""


def refuse_misplaced(operation: Operation, request: Request) -> None:
    """What an upload is said to have from its beginning, a part may not say.

    Raises:
        InvalidArgument: it does.

    Source: S3's refusal of x-amz-tagging on UploadPart, as users of its clients met it.
    """
    if operation.name not in _PARTS:
        return
    for name, value in request.headers:
        if value and name in _OF_UPLOADS - _OF_PARTS:
            message = "The specified header is not valid in this context"
            raise InvalidArgument(message, ArgumentName=name, ArgumentValue=value)


def actions(operation: Operation, inputs: Inputs, named: Inputs) -> Iterator[str]:
    """Every action needed on one resource; `named` is what names it."""
    served = SERVED[operation.name]
    yield served.action_on(named)
    if operation.name == "GetObjectAttributes":
        yield SERVED["GetObject"].action_on(named)
    if served.action == "s3:PutObject":
        yield from {action for member, action in WRITE_ACTIONS.items() if inputs.get(member) is not None}
    yield from actions_of_keys(inputs)
    if inputs.get("object_lock_enabled_for_bucket"):
        yield from ("s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning")


def admit(
    operation: Operation, inputs: Inputs, may: Callable[[str, str], bool]
) -> tuple[Inputs, tuple[answers.Error, ...]]:
    """The inputs of a request that may be made. Of many deletions those that may not be are left out, and answered for by themselves.

    Who may not bypass a retention can say so all the same, as S3's console does with every deletion: it has no effect.

    Raises:
        AccessDenied: it may not be made.
        InvalidArgument: the copy source can't be read.
    """
    inputs = _without_bypass(operation, inputs, may)
    if operation.name != "DeleteObjects":
        if not all(may(*asked) for asked in resources(operation, inputs)):
            raise AccessDenied
        return inputs, ()
    delete = inputs["delete"]
    kept: list[Inputs] = []
    refused: list[Inputs] = []
    for item in delete["objects"]:
        alone = inputs | {"delete": {"objects": [item]}}
        (kept if all(may(*asked) for asked in resources(operation, alone)) else refused).append(item)
    denied = AccessDenied()
    errors = (answers.Error(item["key"], item.get("version_id"), denied.code, denied.message) for item in refused)
    return inputs | {"delete": delete | {"objects": kept}}, tuple(errors)


def resources(operation: Operation, inputs: Inputs) -> Iterator[tuple[str, str]]:
    """Every (action, resource) that must be allowed; a copy reads its source too.

    Raises:
        InvalidArgument: the copy source can't be read.
    """
    for named in _named(operation, inputs):
        resource = arn(inputs.get("bucket"), named.get("key"))
        yield from ((action, resource) for action in actions(operation, inputs, named))
    if inputs.get("copy_source") is not None:
        source = CopySource.of(inputs["copy_source"])
        resource = arn(source.bucket, source.key)
        yield "s3:GetObject" if source.version_id is None else "s3:GetObjectVersion", resource
        yield from ((action, resource) for action in actions_of_keys(inputs, "copy_source_"))


def tagging_of_copy(inputs: Inputs) -> list[tuple[str, str]]:
    """What CopyObject needs besides if the source's tags come along."""
    if inputs.get("tagging_directive") == "REPLACE":
        return []
    source = CopySource.of(inputs["copy_source"])
    reading = SERVED["GetObjectTagging"].action_on({"version_id": source.version_id})
    return [(reading, arn(source.bucket, source.key)), ("s3:PutObjectTagging", arn(inputs["bucket"], inputs["key"]))]


def _named(operation: Operation, inputs: Inputs) -> list[Inputs]:
    """What names the resources of a request: itself, or each of many deletions."""
    return inputs["delete"]["objects"] if operation.name == "DeleteObjects" else [inputs]


def _without_bypass(operation: Operation, inputs: Inputs, may: Callable[[str, str], bool]) -> Inputs:
    if not inputs.get("bypass_governance_retention"):
        return inputs
    named = [arn(inputs["bucket"], each["key"]) for each in _named(operation, inputs)]
    return inputs | {"bypass_governance_retention": all(may("s3:BypassGovernanceRetention", each) for each in named)}


def visible_to(operation: Operation, inputs: Inputs, result: Any, may: Callable[[str, str], bool]) -> Any:
    """Return the result of a read without the members that the requester may not see (READ_ACTIONS)."""
    if operation.name not in ("GetObject", "HeadObject"):
        return result
    resource = arn(inputs["bucket"], inputs["key"])
    there = [(member, asked) for member, asked in READ_ACTIONS.items() if getattr(result, member) is not None]
    hidden = {member: None for member, asked in there if not may(asked.action_on(inputs), resource)}
    return replace(result, **hidden) if hidden else result


def listing_of(inputs: Inputs) -> tuple[str, str]:
    """What must be allowed to learn that a key, or the source of a copy, is not there.

    Source: API page GetObject, "Permissions": without s3:ListBucket the answer is 403, not 404.
    """
    source = inputs.get("copy_source")
    return "s3:ListBucket", arn(CopySource.of(source).bucket if source is not None else inputs.get("bucket"), None)


def arn(bucket: str | None, key: str | None) -> str:
    """The resource name of a bucket, of an object, or of the service."""
    path = "*" if bucket is None else bucket if key is None else f"{bucket}/{key}"
    return f"arn:aws:s3:::{path}"


def call(
    store: Store, operation: Operation, inputs: Inputs, site: Site, refused: tuple[answers.Error, ...] = ()
) -> Any:
    """Run an operation on the store; `refused` are the deletions that `admit` left out.

    Raises:
        NotImplementedYet: a member was sent that the store does not take.
        S3Error: whatever the store answers.
    """
    if refused and not inputs["delete"]["objects"]:
        return answers.DeleteObjectsOutput(errors=refused)
    served = SERVED[operation.name]
    adapted = served.adapt(dict(inputs), site)
    method = getattr(store, snake(operation.name))
    taken = parameters(method)
    with keys_read(adapted, site.takes_keys) as given:
        _refuse_rest(given, taken, operation)
        result = method(**{name: value for name, value in given.items() if name in taken and value is not None})
    if refused:
        result = replace(result, errors=(*refused, *(result.errors or ())))
    return served.present(result, site)


def _refuse_rest(inputs: Inputs, taken: frozenset[str] | set[str], operation: Operation | None = None) -> None:
    for name in OF_DIRECTORY_BUCKETS:
        if inputs.get(name) is not None:
            raise NotImplementedYet(Header=_wire_name(operation, name))
    for name, value in inputs.items():
        if value is None or value is False or name in taken:  # false asks for nothing: x-amz-bucket-object-lock-enabled
            continue
        harmless = WITHOUT_EFFECT.get(name)
        if harmless is None or (harmless and value not in harmless):
            header = _wire_name(operation, name)
            raise NotImplementedYet(Header=header, additionalMessage=f"{header} is not supported here")


def _wire_name(operation: Operation | None, name: str) -> str:
    members = operation.inputs if operation is not None else ()
    return next((member.tag for member in members if member.attribute == name), name)
