"""Turn what the Store answers into the dict that S3's clients make of an answer: members by name, in their order."""

from datetime import datetime
from typing import Any

from botocore.model import Shape

from engine.cli.model import payload
from engine.s3.member_names import snake


def as_members(shape: Shape | None, result: object) -> dict[str, Any]:
    """Give the result of a Store method as a dict of S3's member names, without the body and without what is absent.

    Members that travel in headers come first, for that is the order in which S3's clients parse an answer.
    """
    if shape is None:
        return {}
    members = sorted(shape.members.items(), key=lambda member: "location" not in member[1].serialization)
    skipped = payload(shape)
    values = {name: _member(inner, getattr(result, snake(name), None)) for name, inner in members if name != skipped}
    return {name: value for name, value in values.items() if value is not None}


def _member(shape: Shape, value: Any) -> Any:
    """Give one member in plain types; None: S3's answer would not have it."""
    location = shape.serialization.get("location")
    if location == "headers":
        return dict(value or {})  # a prefix of header names is always there, with no header to match it
    if value is None:
        return None
    if shape.type_name == "structure":
        return as_members(shape, value)
    if shape.type_name == "list":
        items = [_member(shape.member, item) for item in value]
        return items if items or not shape.serialization.get("flattened") else None
    if location == "header" and isinstance(value, datetime):
        return value.replace(microsecond=0)  # a header has whole seconds
    return dict(value) if shape.type_name == "map" else value
