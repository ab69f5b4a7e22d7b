"""Turn an answer of the Store into the dict that S3's clients return: S3's member names, in the order of the clients."""

from datetime import datetime
from typing import Any

from botocore.model import Shape

from engine.cli.model import payload
from engine.s3.member_names import snake


def as_members(shape: Shape | None, result: object) -> dict[str, Any]:
    """Return the result of a Store method as a dict by S3's member names, without the body and without absent members.

    Members of headers come first, since S3's clients parse an answer in this order.
    """
    if shape is None:
        return {}
    members = sorted(shape.members.items(), key=lambda member: "location" not in member[1].serialization)
    skipped = payload(shape)
    values = {name: _member(inner, getattr(result, snake(name), None)) for name, inner in members if name != skipped}
    return {name: value for name, value in values.items() if value is not None}


def _member(shape: Shape, value: Any) -> Any:
    """Return one member in plain types; None if S3's answer would not have it."""
    location = shape.serialization.get("location")
    if location == "headers":
        return dict(value or {})  # S3's clients return an empty dict if no header has the prefix
    if value is None:
        return None
    if shape.type_name == "structure":
        return as_members(shape, value)
    if shape.type_name == "list":
        items = [_member(shape.member, item) for item in value]
        return items if items or not shape.serialization.get("flattened") else None
    if location == "header" and isinstance(value, datetime):
        return value.replace(microsecond=0)  # a date in a header has whole seconds
    return dict(value) if shape.type_name == "map" else value
