"""S3's operations as tables: the place of every member in a request or answer, compiled from botocore's model of S3.

Only this module reads that model: the service's own JSON, without botocore's loader, whose import would take ten times as long as
this module's. It adds what the model leaves out: names of root elements, required elements, and the largest number of items.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import botocore

from engine.s3.member_names import snake

Level: TypeAlias = Literal["service", "bucket", "object"]
Location: TypeAlias = Literal["uri", "querystring", "header", "headers", "body"]
JSON: TypeAlias = dict[str, Any]

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_LEVELS: dict[str, Level] = {"/": "service", "/{Bucket}": "bucket", "/{Bucket}/{Key+}": "object"}
_STATUSES = {"PutBucketPolicy": 204, "PutBucketTagging": 204}
"""What the model leaves out. Source: AWS's answers."""
_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
"""Source: "Response Syntax" on the operations' API pages; the other answers are named by their payload."""
_REQUIRED = {"CompletedMultipartUpload": ("Parts",), "CompletedPart": ("PartNumber", "ETag")}
"""Elements that are required though the model does not say so. Source: AWS's answers (MalformedXML) to lists without them."""
_RANGED = frozenset({"GetObject", "HeadObject"})
"""The operations that take If-Range too, which the model leaves out. Source: RFC 9110 section 13.1.5."""
_STRICT = frozenset(
    {
        "AbortIncompleteMultipartUpload",
        "BlockedEncryptionTypes",
        "CORSConfiguration",
        "CORSRule",
        "LifecycleExpiration",
        "LifecycleRule",
        "LifecycleRuleAndOperator",
        "LifecycleRuleFilter",
        "NoncurrentVersionExpiration",
        "PublicAccessBlockConfiguration",
        "ServerSideEncryptionByDefault",
        "ServerSideEncryptionConfiguration",
        "ServerSideEncryptionRule",
    }
)
"""Shapes in which an unknown element is refused: ignoring it could delete more objects, change what is encrypted and how, or
allow a cross-origin request that its writer meant to exclude."""
_COUNT_MAX = {"CompletedPartList": 10_000, "LifecycleRules": 1_000, "ObjectIdentifierList": 1_000, "TagSet": 50}
"""Source: API pages CompleteMultipartUpload, PutBucketLifecycleConfiguration, DeleteObjects, CreateBucket."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A type of the model. `type` is the model's: structure, list, map, string, integer, long, boolean, timestamp, blob."""

    type: str
    members: tuple["Member", ...] = ()
    """The members of a structure."""
    item: "Shape | None" = None
    """The shape of a list's items."""
    item_tag: str | None = None
    """The element around each item of a list; None if the list is flattened: then its items have the list's own name."""
    count_max: int | None = None
    timestamp_format: str | None = None
    is_strict: bool = False
    """Whether a structure may not contain unknown elements."""
    is_enumerated: bool = False
    """Whether a string is one of a few that the model names."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A member of a structure. `name` is its name in the model, `attribute` in the engine, `tag` on the wire."""

    name: str
    attribute: str
    tag: str
    location: Location
    shape: Shape
    required: bool
    is_attribute: bool = False
    """Whether it stands in the opening tag of its structure's element."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operation. `literals` are the query items of its own, a value of None means any; `status` is that of success."""

    name: str
    method: str
    level: Level
    literals: tuple[tuple[str, str | None], ...]
    inputs: tuple[Member, ...]
    payload: Member | None
    """The member that is the request's body: a stream (blob), or the root of a document."""
    outputs: tuple[Member, ...]
    output_payload: Member | None
    output_root: str
    status: int
    checksum_required: bool
    """Whether Content-MD5 or another checksum must come with the body."""

    def required(self, location: Location) -> frozenset[str]:
        """Return the names on the wire of the required members; those of headers in lower case."""
        tags = (member.tag for member in self.inputs if member.required and member.location == location)
        return frozenset(tag.lower() if location == "header" else tag for tag in tags)


class _Compiler:
    """Compiles the model's JSON into records. A shape that several operations use is made once."""

    def __init__(self, model: JSON) -> None:
        self._model = model
        self._shapes: dict[tuple[str, str | None, bool], Shape] = {}

    def operations(self) -> dict[str, Operation]:
        return {name: self._operation(name, entry) for name, entry in self._model["operations"].items()}

    def _operation(self, name: str, entry: JSON) -> Operation:
        path, _, query = entry["http"]["requestUri"].partition("?")
        inputs, payload = self._structure(entry.get("input"))
        if name in _RANGED:
            inputs = (*inputs, Member("IfRange", "if_range", "If-Range", "header", Shape("string"), False))
        outputs, output_payload = self._structure(entry.get("output"))
        return Operation(
            name=name,
            method=entry["http"]["method"],
            level=_LEVELS.get(path, "service"),
            literals=tuple(_literal(item) for item in query.split("&") if item),
            inputs=inputs,
            payload=payload,
            outputs=outputs,
            output_payload=output_payload,
            output_root=_ROOTS.get(name, output_payload.tag if output_payload else name),
            status=_STATUSES.get(name) or entry["http"].get("responseCode", 200),
            checksum_required=entry.get("httpChecksum", {}).get("requestChecksumRequired", False),
        )

    def _structure(self, reference: JSON | None) -> tuple[tuple[Member, ...], Member | None]:
        if reference is None:
            return (), None
        members = self._shape(reference).members
        payload = self._model["shapes"][reference["shape"]].get("payload")
        return members, next((member for member in members if member.name == payload), None)

    def _shape(self, reference: JSON) -> Shape:
        key = reference["shape"], reference.get("timestampFormat"), reference.get("flattened", False)
        if key not in self._shapes:
            self._shapes[key] = self._compiled(reference)
        return self._shapes[key]

    def _compiled(self, reference: JSON) -> Shape:
        name = reference["shape"]
        entry = self._model["shapes"][name]
        kind = entry["type"]
        if kind == "structure":
            required = (*entry.get("required", ()), *_REQUIRED.get(name, ()))
            members = entry["members"].items()
            return Shape(
                kind, tuple(self._member(member, link, required) for member, link in members), is_strict=name in _STRICT
            )
        if kind == "list":
            is_flattened = entry.get("flattened") or reference.get("flattened")
            tag = None if is_flattened else entry["member"].get("locationName", "member")
            return Shape(kind, item=self._shape(entry["member"]), item_tag=tag, count_max=_COUNT_MAX.get(name))
        time_format = reference.get("timestampFormat", entry.get("timestampFormat"))
        return Shape(kind, timestamp_format=time_format, is_enumerated="enum" in entry)

    def _member(self, name: str, reference: JSON, required: tuple[str, ...]) -> Member:
        location = reference.get("location", "body")
        tag = reference.get("locationName", name)
        is_attribute = reference.get("xmlAttribute", False)
        return Member(name, snake(name), tag, location, self._shape(reference), name in required, is_attribute)


def _literal(item: str) -> tuple[str, str | None]:
    name, _, value = item.partition("=")
    return name, value or None


def _load() -> JSON:
    folder = Path(botocore.__file__).parent / "data" / "s3"
    newest = max(path for path in folder.iterdir() if path.is_dir())
    packed = newest / "service-2.json.gz"
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else (newest / "service-2.json").read_bytes()
    model: JSON = json.loads(text)
    return model


_MODEL = _load()
OPERATIONS = _Compiler(_MODEL).operations()
"""Every operation of S3 by name, whether the engine serves it or not."""
LOCATION_CONSTRAINTS = frozenset(_MODEL["shapes"]["BucketLocationConstraint"]["enum"])
REGIONS = LOCATION_CONSTRAINTS - {"EU"} | {"us-east-1"}
"""AWS's regions: the location constraints without `EU`, an old name of eu-west-1, and with us-east-1, which has none."""
del _MODEL
