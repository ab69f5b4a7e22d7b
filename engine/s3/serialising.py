"""Writes answers and errors as S3 does: a status, headers and a document.

The caller adds the request id of an answer and the Content-Length of a document, and leaves the body out for HEAD and 304.
"""

import base64
import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, cast

from engine.dates import http_date, iso_date
from engine.errors import S3Error
from engine.record import Record
from engine.s3.http import METADATA_PREFIX
from engine.s3.model import NAMESPACE, Member, Operation, Shape
from engine.s3.xml import escape

ELEMENT_SIZE_MAX = 32 * 1024
"""Characters of one element of an error. CanonicalRequest and its bytes, in a refused signature, grow with what was sent."""
Headers: TypeAlias = list[tuple[str, str]]
Write: TypeAlias = Callable[[object], str]
Fields: TypeAlias = tuple[tuple[str, Write, str], ...]
"""The opening tag, the writer and the closing tag of each member."""

XML_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
PARTIAL_CONTENT = 206
XML_CONTENT_TYPE = ("Content-Type", "application/xml")
_UNNAMED_LOCATION = "us-east-1"
"""The region whose buckets have an empty LocationConstraint. Source: API page GetBucketLocation."""
_MANY_KEYS = frozenset({"DeleteObjects", "ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2"})
"""Answers in which different keys must stay different: characters that XML 1.0 cannot hold are written as references, as AWS does. Any
other answer has only the request's own key, and every client must be able to read it: parsers of XML 1.0 refuse such references."""
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN = re.compile(r"[\t\x20-\x7e]*")
_Q_CODES = [chr(code) if 0x20 < code < 0x7F and chr(code) not in "=?_" else f"={code:02X}" for code in range(256)]
_Q_CODES[0x20] = "_"
"""The bytes of a text encoded by Q. Source: RFC 2047 section 4.2."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def serialise_output(operation: Operation, result: object) -> tuple[int, Headers, bytes]:
    """Write a result, any object with S3's members in snake_case (None: absent), as status, headers and document.

    The document is empty if the answer has none or is a stream. An answer with a Content-Range has status 206.

    Source: RFC 9110 section 15.3.7, 206 Partial Content.
    """
    table = _table(operation)
    is_partial = table.range is not None and getattr(result, table.range, None) is not None
    status = PARTIAL_CONTENT if is_partial else operation.status
    headers: Headers = []
    for attribute, name, write in table.headers:
        value = getattr(result, attribute, None)
        if value is not None:
            headers.append((name, write(value)))
    if table.metadata is not None:
        headers += _metadata_headers(getattr(result, table.metadata, None) or {})
    if table.document is None:
        return status, headers, b""
    if operation.output_payload is not None and operation.output_payload.shape.type == "string":
        return status, [*headers, ("Content-Type", "application/json")], table.document(result).encode()
    headers.append(XML_CONTENT_TYPE)
    return status, headers, XML_DECLARATION + table.document(result).encode()


def serialise_error(
    error: S3Error, *, request_id: str, host_id: str, resource: str | None = None
) -> tuple[int, Headers, bytes]:
    """Write an error: its code, message and further elements. Its `reason` is not sent, nor an element above `ELEMENT_SIZE_MAX`.

    Source: API page "Error responses", and the order of AWS's own answers.
    """
    elements = [("Code", error.code), ("Message", error.message), *error.extras.items()]
    if resource is not None:
        elements.append(("Resource", resource))
    elements += [("RequestId", request_id), ("HostId", host_id)]
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements if _may_be_sent(name, text))
    headers = [("x-amz-request-id", _header_text(request_id)), ("x-amz-id-2", _header_text(host_id)), XML_CONTENT_TYPE]
    headers += [(name, _header_text(text)) for name, text in error.headers.items()]
    return error.status, headers, XML_DECLARATION + f"<Error>{inner}</Error>".encode()


def _may_be_sent(name: str, text: object) -> bool:
    return _XML_NAME.fullmatch(name) is not None and not (isinstance(text, str) and len(text) > ELEMENT_SIZE_MAX)


@dataclass(frozen=True, slots=True)
class _Table:
    """The writers of an operation's headers and document."""

    headers: tuple[tuple[str, str, Write], ...]
    metadata: str | None
    """The member that holds user metadata."""
    range: str | None
    """The member that holds Content-Range."""
    document: Write | None


@functools.cache
def _table(operation: Operation) -> _Table:
    outputs = operation.outputs
    return _Table(
        headers=tuple((m.attribute, m.tag, _header_writer(m.shape)) for m in outputs if m.location == "header"),
        metadata=next((m.attribute for m in outputs if m.location == "headers"), None),
        range=next((m.attribute for m in outputs if m.location == "header" and m.tag == "Content-Range"), None),
        document=_document_writer(operation),
    )


def _header_writer(shape: Shape) -> Write:
    if shape.type == "timestamp":
        return cast(Write, iso_date if shape.timestamp_format == "iso8601" else http_date)
    return _HEADER_WRITERS.get(shape.type, _header_text)


def _header_text(value: object) -> str:
    """Make a text fit for a header: control characters become spaces, and a text that latin-1 cannot hold is sent as UTF-8."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROLS.sub(" ", text)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode("latin-1")
    return text


def _boolean(value: object) -> str:
    return "true" if value else "false"


_HEADER_WRITERS: dict[str, Write] = {"boolean": _boolean, "integer": str, "long": str}


def _metadata_headers(metadata: Mapping[str, str]) -> Headers:
    """Write user metadata. Values beyond printable ASCII are encoded by RFC 2047; entries whose name no header can have are counted.

    Source: User Guide, "Working with object metadata"; AWS's answers (`*_unicode_metadata*`, `user_metadata_rfc2047_encoded`).
    """
    headers: Headers = []
    missing = 0
    for name, value in metadata.items():
        if _HEADER_NAME.fullmatch(name):
            headers.append((METADATA_PREFIX + name, value if _PLAIN.fullmatch(value) else _encoded_word(value)))
        else:
            missing += 1
    if missing:
        headers.append(("x-amz-missing-meta", str(missing)))
    return headers


def _encoded_word(text: str) -> str:
    """Encode a text by RFC 2047: by Q if most of its characters are ASCII, else by B, as AWS chooses."""
    raw = text.encode(errors="replace")
    plain_count = sum(_PLAIN.fullmatch(character) is not None for character in text)
    if 2 * plain_count > len(text):
        return "=?UTF-8?Q?" + "".join(map(_Q_CODES.__getitem__, raw)) + "?="
    return f"=?UTF-8?B?{base64.b64encode(raw).decode()}?="


def _document_writer(operation: Operation) -> Write | None:
    opening, closing = f'<{operation.output_root} xmlns="{NAMESPACE}">', f"</{operation.output_root}>"
    text = _referenced if operation.name in _MANY_KEYS else _text
    payload = operation.output_payload
    if payload is not None:
        if payload.shape.type == "string":
            return lambda result: str(getattr(result, payload.attribute))
        if payload.shape.type != "structure":
            return None
        write = _writer(payload.shape, text)
        return lambda result: f"{opening}{write(getattr(result, payload.attribute))}{closing}"
    members = tuple(member for member in operation.outputs if member.location == "body")
    if not members:
        return None
    if operation.name == "ListObjectVersions":
        write = _versions_writer(members)
        return lambda result: f"{opening}{write(result)}{closing}"
    if operation.name == "GetBucketLocation":
        return lambda result: f"{opening}{_location(result)}{closing}"
    write = _structure_writer(members, text)
    return lambda result: f"{opening}{write(result)}{closing}"


def _location(result: object) -> str:
    location = getattr(result, "location_constraint", None) or ""
    return "" if location == _UNNAMED_LOCATION else escape(location)


def _writer(shape: Shape, text: Write) -> Write:
    """Make the writer of an element's content by its shape; `text` writes strings."""
    if shape.type == "structure":
        return _structure_writer(shape.members, text)
    if shape.type == "list" and shape.item is not None and shape.item_tag is not None:
        return _items_writer(shape.item_tag, shape.item, text)
    return _enumerated if shape.is_enumerated else _TEXT_WRITERS.get(shape.type, text)


def _structure_writer(members: tuple[Member, ...], text: Write) -> Write:
    fields = tuple(_field(member, text) for member in members)
    plans: dict[type, tuple[Callable[[object], tuple[object, ...]], Fields]] = {}

    def plan_of(value: object) -> tuple[Callable[[object], tuple[object, ...]], Fields]:
        """Which members an answer has is looked up once for all of its kind, if the kind says it."""
        held = tuple(field for field in fields if hasattr(value, field[0]))
        plan = (_getter(tuple(field[0] for field in held)), tuple(field[1:] for field in held))
        return plans.setdefault(type(value), plan) if isinstance(value, Record) else plan

    def write(value: object) -> str:
        get, writers = plans.get(type(value)) or plan_of(value)
        return "".join(
            [
                f"{opening}{write_field(inner)}{closing}"
                for inner, (opening, write_field, closing) in zip(get(value), writers, strict=True)
                if inner is not None
            ]
        )

    return write


def _getter(attributes: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """Return what gets these attributes of a value, as a tuple whatever their number."""
    if len(attributes) > 1:
        return operator.attrgetter(*attributes)
    return lambda value: tuple(getattr(value, attribute) for attribute in attributes)


def _field(member: Member, text: Write) -> tuple[str, str, Write, str]:
    """Return a member's attribute, opening tag, writer and closing tag; a flattened list has no tags of its own."""
    shape = member.shape
    if shape.item is not None and shape.item_tag is None:
        return member.attribute, "", _items_writer(member.tag, shape.item, text), ""
    if any(each.is_attribute for each in shape.members):
        return member.attribute, "", _attributed_writer(member, text), ""
    return member.attribute, f"<{member.tag}>", _writer(shape, text), f"</{member.tag}>"


def _attributed_writer(member: Member, text: Write) -> Write:
    """Make the writer of an element with members in its opening tag; S3's answers have one, a Grantee with its `xsi:type`.

    Source: API page GetBucketAcl, "Sample Response".
    """
    attributes = tuple(each for each in member.shape.members if each.is_attribute)
    inside = _structure_writer(tuple(each for each in member.shape.members if not each.is_attribute), text)

    def write(value: object) -> str:
        given = ((each.tag, getattr(value, each.attribute, None)) for each in attributes)
        shown = "".join(f' {tag}="{text(item)}"' for tag, item in given if item is not None)
        return f'<{member.tag} xmlns:xsi="{_XSI}"{shown}>{inside(value)}</{member.tag}>'

    return write


def _items_writer(tag: str, item: Shape, text: Write) -> Write:
    opening, closing, write = f"<{tag}>", f"</{tag}>", _writer(item, text)
    return lambda value: "".join([f"{opening}{write(one)}{closing}" for one in cast(Iterable[object], value)])


def _versions_writer(members: tuple[Member, ...]) -> Write:
    """Make the writer of ListObjectVersions: it writes versions and delete markers as one list, in place of the first of the two.

    Source: AWS's answers, in which `<Version>` and `<DeleteMarker>` stand by key, the newest first.
    """
    mixed = tuple(member for member in members if member.attribute in ("versions", "delete_markers"))
    items = {
        member.attribute: _items_writer(member.tag, cast(Shape, member.shape.item), _referenced) for member in mixed
    }
    at = members.index(mixed[0])
    before = _structure_writer(members[:at], _referenced)
    after = _structure_writer(tuple(member for member in members[at:] if member not in mixed), _referenced)

    def write(value: object) -> str:
        lists = {attribute: iter(getattr(value, attribute, None) or ()) for attribute in items}
        order: tuple[str, ...] = getattr(value, "interleaving", ())
        mixed = "".join(items[attribute]((next(lists[attribute]),)) for attribute in order)
        return f"{before(value)}{mixed}{after(value)}"

    return write


@functools.lru_cache(maxsize=1024)
def _enumerated(value: object) -> str:
    return escape(str(value))


def _text(value: object) -> str:
    return escape(value if isinstance(value, str) else str(value))


def _referenced(value: object) -> str:
    return escape(value if isinstance(value, str) else str(value), with_references=True)


_TEXT_WRITERS: dict[str, Write] = {
    "boolean": _boolean,
    "integer": str,
    "long": str,
    "timestamp": lambda value: iso_date(cast(datetime, value)),
}
