"""Reads the members of a request from path, query, headers and document, into the engine's names and Python's types."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from engine.dates import parse_date
from engine.errors import InvalidArgument, InvalidRequest, MalformedXML, MaxMessageLengthExceeded
from engine.limits import MIB, Limits
from engine.refusals import invalid_integer, invalid_part_number
from engine.s3.http import METADATA_PREFIX, Request, join_repeated
from engine.s3.model import Member, Operation
from engine.s3.routing import Address
from engine.s3.xml import read_document

Convert: TypeAlias = Callable[[str, str], object]
"""Converts a text, given with its name on the wire, which an error shows."""

_BODY_SIZE_MAX = dict.fromkeys(("CompleteMultipartUpload", "DeleteObjects", "PutBucketLifecycleConfiguration"), 4 * MIB)
_BODY_SIZE_MAX["PutBucketCors"] = _BODY_SIZE_MAX["PutBucketPolicy"] = 64 * 1024
"""10,000 parts with checksums take 1.7 MiB; 1,000 keys or prefixes of 1,024 bytes exceed the 1 MiB of other documents. Source for CORS:
API page PutBucketCors, "The size of the document is limited to 64 KB"."""
_COPY_SOURCE = "x-amz-copy-source"
_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_INTEGER_MAX = Limits().integer_max
_PART_NUMBER_MAX = Limits().part_number_max
_LONG_MAX = 2**63 - 1
_BOOLEANS = {"true": True, "false": False}
_IGNORED_IF_BROKEN = frozenset({"if-modified-since", "if-unmodified-since"})
"""Source: RFC 9110 sections 13.1.3 and 13.1.4: a recipient must ignore a condition that holds no date."""


def body_kind(operation: Operation) -> Literal["document", "stream"] | None:
    """Return the kind of body that the operation takes: a document, which `parse_document` reads (XML, or a text);
    a stream; or none.
    """
    if operation.payload is not None:
        return "document" if operation.payload.shape.type in ("structure", "string") else "stream"
    return "document" if any(member.location == "body" for member in operation.inputs) else None


def body_size_max(operation: Operation) -> int:
    """Return the size of the largest document that the operation takes, in bytes."""
    return _BODY_SIZE_MAX.get(operation.name, MIB)


def parse_head(operation: Operation, request: Request, address: Address) -> dict[str, object]:
    """Read a request's members but for its body. Members that were not sent are absent from the result.

    Texts are returned as sent, empty ones too. A number outside its bounds is refused by the engine, unless S3 refuses it here.

    Raises:
        InvalidArgument: a number, date or boolean is malformed, or a copy source comes with an operation that copies nothing.
        InvalidRequest: a member is missing or repeated.

    Source: API pages of the operations; AWS's own answers to each wrong request.
    """
    table = _table(operation)
    values: dict[str, object] = {}
    if address.bucket is not None:
        values["bucket"] = address.bucket
    if address.key is not None:
        values["key"] = address.key
    _read_query(table, request, values)
    _read_headers(table, request, values)
    for member in table.required:
        if member.attribute not in values:
            raise _missing(member)
    return values


def parse_document(operation: Operation, body: bytes) -> dict[str, object]:
    """Read the member that is a document, if the operation has one and it was sent.

    Raises:
        InvalidRequest: a Complete has no list.
        MaxMessageLengthExceeded, MalformedXML: the document is too large or malformed.
    """
    member = _table(operation).document
    return {} if member is None else _read_body(member, operation, body)


@dataclass(frozen=True, slots=True)
class _Table:
    """The members of an operation by their names on the wire."""

    query: dict[str, tuple[str, Convert]]
    headers: dict[str, tuple[str, Convert]]
    prefixed: str | None
    """The member that holds all headers of user metadata."""
    document: Member | None
    required: tuple[Member, ...]


@functools.cache
def _table(operation: Operation) -> _Table:
    inputs = operation.inputs
    return _Table(
        query={m.tag: (m.attribute, _conversion(m)) for m in inputs if m.location == "querystring"},
        headers={m.tag.lower(): (m.attribute, _conversion(m)) for m in inputs if m.location == "header"},
        prefixed=next((m.attribute for m in inputs if m.location == "headers"), None),
        document=operation.payload if body_kind(operation) == "document" else None,
        required=tuple(m for m in inputs if m.required and m is not operation.payload),
    )


def _read_query(table: _Table, request: Request, values: dict[str, object]) -> None:
    for name, text in request.query:
        entry = table.query.get(name)
        if entry is None:
            continue
        attribute, convert = entry
        if attribute in values:
            raise InvalidRequest(f"Query parameter {name} was given more than once")
        value = convert(text, name)
        if value is not None:
            values[attribute] = value


def _read_headers(table: _Table, request: Request, values: dict[str, object]) -> None:
    """Read the known headers. When a header is repeated, all its values are joined and read again."""
    metadata: dict[str, str] = {}
    for name, text in request.headers:
        entry = table.headers.get(name)
        if entry is not None:
            attribute, convert = entry
            whole = text if attribute not in values else join_repeated(name, request.headers_named(name))
            value = convert(whole, name)
            if value is not None:
                values[attribute] = value
        elif name.startswith(METADATA_PREFIX) and len(name) > len(METADATA_PREFIX):
            key = name[len(METADATA_PREFIX) :]
            metadata[key] = text if key not in metadata else join_repeated(name, [metadata[key], text])
        elif name == _COPY_SOURCE:
            raise InvalidArgument(
                "You can only specify a copy source header for copy requests.",
                ArgumentName=_COPY_SOURCE,
                ArgumentValue=text,
            )
    if metadata and table.prefixed:
        values[table.prefixed] = metadata


def _read_body(member: Member, operation: Operation, body: bytes) -> dict[str, object]:
    size_max = body_size_max(operation)
    if len(body) > size_max:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=size_max)
    if member.shape.type == "string":
        return {member.attribute: body.decode(errors="surrogateescape")}
    if body:
        return {member.attribute: read_document(body, member)}
    if operation.name == "CompleteMultipartUpload":
        raise InvalidRequest("You must specify at least one part")
    if member.required:
        raise MalformedXML
    return {}


def _missing(member: Member) -> InvalidRequest:
    kind = "header" if member.location == "header" else "query parameter"
    return InvalidRequest(f"Missing required {kind} for this request: {member.tag}")


def _conversion(member: Member) -> Convert:
    if member.tag == "partNumber":
        return _part_number
    if member.tag == "x-amz-mp-object-size":
        return _object_size
    if member.tag == "Content-Encoding":
        return _content_encoding
    if member.tag == "x-amz-acl":
        return _acl
    if member.shape.type == "integer" and member.location == "querystring":
        return _page_number
    return _CONVERSIONS[member.shape.type]


def _text(text: str, _name: str) -> str:
    return text


def _list(text: str, _name: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _long(text: str, name: str) -> int:
    if not _INTEGER.fullmatch(text) or not -_LONG_MAX <= int(text) <= _LONG_MAX:
        raise invalid_integer(name, text)
    return int(text)


def _page_number(text: str, name: str) -> int | None:
    """Read a max-… or a numeric marker; an empty one counts as absent."""
    if not text:
        return None
    number = int(text) if _INTEGER.fullmatch(text) else _INTEGER_MAX + 1
    if number > _INTEGER_MAX:
        raise invalid_integer(name, text)
    return number


def _part_number(text: str, _name: str) -> int:
    if not _INTEGER.fullmatch(text) or abs(int(text)) > _INTEGER_MAX:
        raise invalid_part_number(text, _PART_NUMBER_MAX)
    return int(text)


def _object_size(text: str, name: str) -> int:
    if not _INTEGER.fullmatch(text) or int(text) > _LONG_MAX:
        raise InvalidRequest(f"Value for {name} header is invalid: '{text}'")
    if int(text) < 0:
        raise InvalidRequest(f"Value for {name} header is less than zero: '{text}'")
    return int(text)


def _content_encoding(text: str, _name: str) -> str | None:
    """Return the encodings of the object itself: `aws-chunked` is removed, since it encodes only the transfer.

    Source: User Guide, "Signature calculations: transferring a payload in multiple chunks".
    """
    kept = [coding for coding in text.split(",") if coding.strip().lower() != "aws-chunked"]
    return ",".join(kept).strip() or None


def _acl(text: str, _name: str) -> str | None:
    """Read a canned ACL; an empty one (s3fs sent it until 2023) counts as absent.

    Source: S3's own answer, openstack/swift3#90.
    """
    return text or None


def _boolean(text: str, name: str) -> bool | None:
    value = _BOOLEANS.get(text.strip().lower())
    if value is None and text:
        raise InvalidArgument(f"{name} must be true or false", ArgumentName=name, ArgumentValue=text)
    return value


def _timestamp(text: str, name: str) -> datetime | None:
    moment = parse_date(text.strip())
    if moment is None and name not in _IGNORED_IF_BROKEN:
        raise InvalidArgument(f"Value for {name} is no date", ArgumentName=name, ArgumentValue=text)
    return moment


_CONVERSIONS: dict[str, Convert] = {
    "boolean": _boolean,
    "integer": _long,
    "list": _list,
    "long": _long,
    "string": _text,
    "timestamp": _timestamp,
}
