"""Every member that botocore's model of S3 has for an operation we serve goes the whole way with a value of its own.

There: botocore's serialiser, routing, parsing, the store's arguments. Back: the store's own type of answer, our serialiser, botocore's
parser. What is not served is written down here: a member that a newer model brings, or that is forgotten, fails.
"""

import functools
import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.handlers import parse_get_bucket_location
from botocore.model import StructureShape
from botocore.parsers import create_parser

from engine import Store
from engine.errors import NotImplementedYet
from engine.s3.member_names import snake
from engine.s3.model import OPERATIONS
from engine.s3.parsing import body_kind
from engine.s3.routing import locate, route
from engine.s3.serialising import serialise_output
from engine.server.operations import SERVED, Site, call
from tests.support.parsing import parse_input
from tests.support.wire import operation_model, serialised
from tests.support.wire_members import Path, alone, answered_paths, filled, found_at, leaves, paths

SITE = Site("us-west-2", "http://127.0.0.1/bucket/key", True, ())
"""In the region that `value_of` gives as a location constraint."""

_EVENT_HOLD = frozenset({"ObjectLockEventHold", "ObjectLockEventHoldDurationDays", "ObjectLockEventHoldDurationYears"})
_DOCUMENT_DIGESTS = frozenset({"ChecksumAlgorithm", "ContentMD5"})
_DIRECTORY_BUCKETS = frozenset({"IfMatchLastModifiedTime", "IfMatchSize"})
REFUSED: dict[str, frozenset[str]] = {
    "AbortMultipartUpload": frozenset({"IfMatchInitiatedTime"}),
    "CopyObject": _EVENT_HOLD | {"AnnotationDirective"},
    "CreateBucket": frozenset(
        {
            "ACL",
            "BucketNamespace",
            "CreateBucketConfiguration.Bucket.DataRedundancy",
            "CreateBucketConfiguration.Bucket.Type",
            "CreateBucketConfiguration.Location.Name",
            "CreateBucketConfiguration.Location.Type",
            "CreateBucketConfiguration.Tags.Key",
            "CreateBucketConfiguration.Tags.Value",
            "GrantFullControl",
            "GrantRead",
            "GrantReadACP",
            "GrantWrite",
            "GrantWriteACP",
        }
    ),
    "CreateMultipartUpload": _EVENT_HOLD,
    "DeleteObject": _DIRECTORY_BUCKETS | {"MFA"},
    "DeleteObjects": frozenset({"Delete.Objects.LastModifiedTime", "Delete.Objects.Size", "MFA"}),
    "PutBucketVersioning": frozenset({"MFA"}),
    "PutObject": _EVENT_HOLD | {"WriteOffsetBytes"},
    "PutObjectLockConfiguration": frozenset({"Token"}),
}
"""NotImplemented, whoever sends them with the value that `value_of` gives."""
NOT_THE_STORES: dict[str, frozenset[str]] = {
    "CreateBucket": frozenset({"CreateBucketConfiguration.LocationConstraint", "ObjectOwnership"}),
    "DeleteObjects": frozenset({"ChecksumAlgorithm"}),
    "ListObjectVersions": frozenset({"OptionalObjectAttributes"}),
    "ListObjects": frozenset({"OptionalObjectAttributes"}),
    "ListObjectsV2": frozenset({"OptionalObjectAttributes"}),
    "PutBucketAcl": _DOCUMENT_DIGESTS,
    "PutBucketCors": _DOCUMENT_DIGESTS,
    "PutBucketEncryption": _DOCUMENT_DIGESTS,
    "PutBucketLifecycleConfiguration": frozenset({"ChecksumAlgorithm", "TransitionDefaultMinimumObjectSize"}),
    "PutBucketLogging": _DOCUMENT_DIGESTS,
    "PutBucketOwnershipControls": _DOCUMENT_DIGESTS,
    "PutBucketPolicy": _DOCUMENT_DIGESTS | {"ConfirmRemoveSelfBucketAccess"},
    "PutBucketRequestPayment": _DOCUMENT_DIGESTS,
    "PutBucketTagging": _DOCUMENT_DIGESTS,
    "PutBucketVersioning": _DOCUMENT_DIGESTS,
    "PutObjectAcl": _DOCUMENT_DIGESTS,
    "PutObjectLegalHold": _DOCUMENT_DIGESTS,
    "PutObjectLockConfiguration": _DOCUMENT_DIGESTS,
    "PutObjectRetention": _DOCUMENT_DIGESTS,
    "PutObjectTagging": _DOCUMENT_DIGESTS,
    "PutPublicAccessBlock": _DOCUMENT_DIGESTS,
}
"""Looked at before the store is called (digests of documents, the region), or of no effect."""
_CLASSES = "Rules.Transitions", "Rules.NoncurrentVersionTransitions"
_RESTORE = frozenset({"RestoreStatus.IsRestoreInProgress", "RestoreStatus.RestoreExpiryDate"})
_READ = _EVENT_HOLD | {"DeleteMarker", "MissingMeta", "ReplicationStatus", "Restore"}
_GRANTS = frozenset(
    {"Owner.DisplayName", *(f"Grants.Grantee.{name}" for name in ("DisplayName", "EmailAddress", "URI"))}
)
_NEVER_SET = (
    "GetBucketLogging", "GetBucketNotificationConfiguration", "GetBucketReplication", "GetBucketWebsite",
)  # fmt: skip
NOT_ANSWERED: dict[str, frozenset[str]] = {
    name: frozenset(".".join(path) for path in paths(operation_model(name).output_shape)) for name in _NEVER_SET
} | {
    "AbortMultipartUpload": frozenset({"VersionId"}),
    "CreateMultipartUpload": frozenset({"VersionId"}),
    "GetBucketAccelerateConfiguration": frozenset({"Status"}),
    "GetBucketAcl": _GRANTS,
    "GetBucketLifecycleConfiguration": frozenset(
        {f"{_CLASSES[0]}.{name}" for name in ("Date", "Days", "StorageClass")}
        | {f"{_CLASSES[1]}.{name}" for name in ("NoncurrentDays", "StorageClass", "NewerNoncurrentVersions")}
    ),
    "GetBucketVersioning": frozenset({"MFADelete"}),
    "GetObject": _READ,
    "GetObjectAcl": _GRANTS,
    "GetObjectAttributes": frozenset({"DeleteMarker"}),
    "GetObjectLockConfiguration": frozenset(
        f"ObjectLockConfiguration.Rule.DefaultRetention.DefaultEventHold.{unit}" for unit in ("Days", "Years")
    ),
    "GetObjectRetention": frozenset(
        f"Retention.{name}" for name in ("EventHold", "EventHoldDuration.Days", "EventHoldDuration.Years")
    ),
    "HeadBucket": frozenset({"BucketLocationName", "BucketLocationType"}),
    "HeadObject": _READ | {"ArchiveStatus"},
    "ListBuckets": frozenset({"Owner.DisplayName"}),
    "ListMultipartUploads": frozenset(
        {"Uploads.Initiator.DisplayName", "Uploads.Owner.DisplayName", "Uploads.VersionId"}
    ),
    "ListObjectVersions": frozenset(
        {"DeleteMarkers.Owner.DisplayName", "Versions.Owner.DisplayName"} | {f"Versions.{name}" for name in _RESTORE}
    ),
    "ListObjects": frozenset({"Contents.Owner.DisplayName"} | {f"Contents.{name}" for name in _RESTORE}),
    "ListObjectsV2": frozenset({"Contents.Owner.DisplayName"} | {f"Contents.{name}" for name in _RESTORE}),
    "ListParts": frozenset({"Initiator.DisplayName", "Owner.DisplayName", "VersionId"}),
    "UploadPart": frozenset({"VersionId"}),
    "UploadPartCopy": frozenset({"VersionId"}),
}
"""Members of answers that the engine's types do not have."""
STATUSES = {"PutBucketPolicy": 204, "PutBucketTagging": 204}
"""Where AWS answers with another status than that of the model."""


class Recorder:
    """Has the store's methods, and keeps what they are called with."""

    def __init__(self) -> None:
        self.arguments: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(Store, name)

        @functools.wraps(method)
        def record(**arguments: Any) -> Any:
            self.arguments = list(leaves(arguments))  # now: a customer's key is wiped after the call
            shape = operation_model(_NAMES[name]).output_shape
            return filled(_answer_of(method), shape) if shape is not None else None

        return record


_NAMES = {snake(name): name for name in SERVED}


def _answer_of(method: Any) -> Any:
    return inspect.unwrap(method).__annotations__["return"]


def _members(shape: StructureShape | None) -> list[Path]:
    return list(paths(shape))


INPUTS = [(name, path) for name in sorted(SERVED) for path in _members(operation_model(name).input_shape)]
OUTPUTS = [(name, path) for name in sorted(SERVED) for path in _members(operation_model(name).output_shape)]


def _ids(cases: list[tuple[str, Path]]) -> list[str]:
    return [f"{name}-{'.'.join(path)}" for name, path in cases]


@pytest.mark.parametrize(("name", "path"), INPUTS, ids=_ids(INPUTS))
def test_a_member_of_a_request_reaches_the_store_with_its_value(name: str, path: Path) -> None:
    shown = ".".join(path)
    sent = alone(operation_model(name).input_shape, path)
    request, body = serialised(name, sent)
    address = locate(request)
    operation = route(request, address)
    assert operation.name == name
    inputs = parse_input(operation, request, address, body if body_kind(operation) == "document" else None)
    assert found_at(inputs, tuple(map(snake, path))) == found_at(sent, path)
    store: Any = Recorder()
    if shown in REFUSED.get(name, ()):
        with pytest.raises(NotImplementedYet):
            call(store, operation, inputs, SITE)
        return
    call(store, operation, inputs, SITE)
    reached = (snake(path[-1]), found_at(sent, path)) in store.arguments
    assert reached is (shown not in NOT_THE_STORES.get(name, ()))


@pytest.mark.parametrize(("name", "path"), OUTPUTS, ids=_ids(OUTPUTS))
def test_a_member_of_the_stores_answer_reaches_the_client_with_its_value(name: str, path: Path) -> None:
    if ".".join(path) in NOT_ANSWERED.get(name, ()):
        assert path not in _answered(name)
        return
    assert path in _answered(name)
    parsed, expected = _read_back(name)
    assert found_at(parsed, path) == expected[path]


def test_what_is_written_down_as_not_served_is_in_the_model() -> None:
    for table, cases in ((REFUSED, INPUTS), (NOT_THE_STORES, INPUTS), (NOT_ANSWERED, OUTPUTS)):
        known = {(name, ".".join(path)) for name, path in cases}
        assert {(name, path) for name, shown in table.items() for path in shown} <= known


def test_each_operation_is_answered_with_the_status_of_the_model_but_a_range() -> None:
    for name in SERVED:
        shape = operation_model(name).output_shape
        answer = filled(_answer_of(getattr(Store, snake(name))), shape) if shape is not None else None
        status, _, _ = serialise_output(OPERATIONS[name], answer)
        wanted = STATUSES.get(name) or operation_model(name).http.get("responseCode", 200)
        assert status == (206 if name in ("GetObject", "HeadObject") else wanted), name


@functools.cache
def _answered(name: str) -> frozenset[Path]:
    return frozenset(answered_paths(_answer_of(getattr(Store, snake(name))), operation_model(name).output_shape))


@functools.cache
def _read_back(name: str) -> tuple[Any, dict[Path, Any]]:
    """An answer with all members, as botocore reads what we write of it, and what was in it by path."""
    shape = operation_model(name).output_shape
    answer = filled(_answer_of(getattr(Store, snake(name))), shape)
    status, headers, body = serialise_output(OPERATIONS[name], answer)
    response = {"status_code": status, "headers": HeadersDict(headers), "body": body}
    parsed = create_parser("rest-xml").parse(response, shape)
    if name == "GetBucketLocation":  # its root is the member itself, which the parser alone does not know
        parse_get_bucket_location(parsed, SimpleNamespace(raw=body, content=body))
    return parsed, {path: _value(answer, path) for path in _answered(name)}


def _value(answer: Any, path: Path) -> Any:
    for name in path:
        answer = getattr(
            answer[0] if isinstance(answer, tuple) and not hasattr(answer, "_fields") else answer, snake(name)
        )
    return list(answer) if isinstance(answer, tuple) else answer
