"""Every member of every shape of S3's model, each with a value of its own: made from botocore's model, so that none can be forgotten.

A path names a member: `Delete.Objects.Key`. Its value is a text that says the path, or a number or moment made from it.
"""

import base64
import hashlib
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from engine.encryption.customer_keys import CustomerKey
from engine.s3.member_names import snake

STREAMS = frozenset({"Body"})
_REQUIRED = {"CompletedMultipartUpload": ("Parts",), "CompletedPart": ("PartNumber", "ETag")}
"""Beyond what the model demands, as in `engine.s3.model`."""
_KEY = base64.b64encode(bytes(range(32))).decode()
_KEY_MD5 = base64.b64encode(hashlib.md5(bytes(range(32))).digest()).decode()
_CUSTOMER_KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": _KEY, "SSECustomerKeyMD5": _KEY_MD5}
_TEXTS = {"Bucket": "bucket", "BucketRegion": "eu-west-3", "CopySource": "bucket/key"} | {
    prefix + name: text for prefix in ("", "CopySource") for name, text in _CUSTOMER_KEY.items()
}
"""Texts that have to be of a form to be taken as what they are; the three of a customer's key go together."""

_INTERLEAVING = "interleaving"
"""The one field of answers that is ours: see ListObjectVersionsOutput."""

Path = tuple[str, ...]


def paths(shape: Shape | None, above: Path = ()) -> Iterator[Path]:
    """The paths of all members that hold a value, those in lists and structures too; no streams."""
    if isinstance(shape, ListShape):
        yield from paths(shape.member, above)
    elif isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if name not in STREAMS:
                yield from paths(member, (*above, name))
    elif shape is not None and above:
        yield above


def value_of(shape: Shape, path: Path) -> Any:
    """The value of its own that a member holds."""
    number = int.from_bytes(hashlib.blake2b(".".join(path).encode(), digest_size=3).digest(), "big")
    if isinstance(shape, MapShape):
        return {"name": ".".join(path)}
    match shape.type_name:
        case "integer":
            return 1 + number % 9_999
        case "long":
            return 2**32 + number
        case "boolean":
            return True
        case "timestamp":
            return datetime(2040, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        case "blob":
            return None
    assert shape.type_name == "string", shape
    return shape.enum[-1] if shape.enum else _TEXTS.get(path[-1], ".".join(path))


def alone(shape: StructureShape, path: Path, above: Path = ()) -> dict[str, Any]:
    """A structure that holds one member, and what must be there beside it."""
    wanted = {*shape.required_members, *_REQUIRED.get(shape.name, ()), path[0]} - STREAMS
    wanted |= {"MultipartUpload"} & shape.members.keys()  # S3 wants the list, the model does not
    before, found, _ = path[0].partition("SSECustomer")
    if found:
        wanted |= {before + name for name in _CUSTOMER_KEY}
    return {
        name: _content(shape.members[name], path[1:] if name == path[0] else (), (*above, name))
        for name in sorted(wanted)
    }


def _content(shape: Shape, path: Path, above: Path) -> Any:
    if isinstance(shape, ListShape):
        return [_content(shape.member, path, above)]
    if isinstance(shape, StructureShape):
        return alone(shape, path or _first(shape), above) if shape.members else {}
    return value_of(shape, above)


def _first(shape: StructureShape) -> Path:
    return (next(iter(shape.required_members), next(iter(shape.members))),)


def found_at(value: Any, path: Path) -> Any:
    """What a parsed structure holds at a path; of a list its first item."""
    for name in path:
        value = (value[0] if isinstance(value, list) else value)[name]
    return value


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All values that a call's arguments hold, each under the name it has there."""
    if isinstance(value, dict):
        yield name, value
        for key, item in value.items():
            yield from leaves(item, key)
    elif hasattr(value, "_asdict"):
        yield from leaves(value._asdict(), name)
    elif isinstance(value, (list, tuple)):
        yield name, value
        for item in value:
            yield from leaves(item, name)
    elif isinstance(value, CustomerKey):
        yield from ((f"{name}_md5", value.key_md5), (name.removesuffix("key") + "algorithm", value.algorithm))
        yield name, _KEY if value.key_md5 == _KEY_MD5 else None
    else:
        yield name, value


def filled(kind: Any, shape: Shape, above: Path = ()) -> Any:
    """An answer of the engine's own type, every member of it with a value of its own.

    Fails if a member of it is none of the model's.
    """
    options = [each for each in typing.get_args(kind) if each is not types.NoneType]
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return filled(options[0], shape, above)
    if isinstance(shape, ListShape):
        return (filled(options[0], shape.member, above),)
    if isinstance(shape, StructureShape):
        members = answered(kind, shape)
        values = {field: filled(hint, shape.members[name], (*above, name)) for field, (name, hint) in members.items()}
        ours = {_INTERLEAVING: ("delete_markers", "versions")} if _INTERLEAVING in typing.get_type_hints(kind) else {}
        return kind(**values, **ours)
    return value_of(shape, above)


def answered(kind: Any, shape: StructureShape) -> dict[str, tuple[str, Any]]:
    """The fields of a type that stand for members of a shape: by field, the member's name and the field's type."""
    names = {snake(name): name for name in shape.members}
    hints = typing.get_type_hints(kind)
    hints.pop(_INTERLEAVING, None)
    assert hints.keys() <= names.keys(), f"{kind.__name__} has fields that are no members of {shape.name}"
    return {field: (names[field], None if names[field] in STREAMS else hint) for field, hint in hints.items()}


def answered_paths(kind: Any, shape: Shape, above: Path = ()) -> Iterator[Path]:
    """The paths of all members that a type of the engine's holds."""
    options = [each for each in typing.get_args(kind) if each is not types.NoneType]
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        yield from answered_paths(options[0], shape, above)
    elif isinstance(shape, ListShape):
        yield from answered_paths(options[0], shape.member, above)
    elif isinstance(shape, StructureShape):
        for name, hint in answered(kind, shape).values():
            if name not in STREAMS:
                yield from answered_paths(hint, shape.members[name], (*above, name))
    else:
        yield above
