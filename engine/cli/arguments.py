"""Turn a parameter of the command line, with S3's member names, into an argument of the Store's method."""

from datetime import datetime
from typing import Any

from botocore.model import Shape

from engine.cli.values import moment
from engine.s3.member_names import snake


def as_argument(shape: Shape, value: Any) -> Any:
    """Return a parameter with all its members in snake_case, at every level, and its times as datetime."""
    if shape.type_name == "structure":
        return {snake(name): as_argument(shape.members[name], item) for name, item in value.items()}
    if shape.type_name == "list":
        return [as_argument(shape.member, item) for item in value]
    is_text = shape.type_name == "timestamp" and not isinstance(value, datetime)
    return moment(value) if is_text else value
