"""Convert the text of an option to the type of its shape in the service model; read JSON, shorthand, `file://` and `fileb://`."""

import json
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.model import Shape
from botocore.utils import parse_timestamp

from engine.cli.shorthand import ShorthandError, parse

_FILE = "file://"
_BINARY_FILE = "fileb://"


def converter(shape: Shape) -> Callable[[str], Any]:
    """Return the function that argparse calls with the text of the option. It raises ArgumentTypeError if the text is wrong."""
    return partial(_convert, shape)


def json_value(text: str) -> Any:
    """Read JSON, given as text or as `file://path`.

    Raises:
        ArgumentTypeError: it is not JSON, or the file can't be read.
    """
    text = _from_file(text)
    try:
        return json.loads(text)
    except ValueError as error:
        raise ArgumentTypeError(f"Invalid JSON: {error}\nJSON received: {text}") from error


def _convert(shape: Shape, text: str) -> Any:
    text = _from_file(text)
    if shape.type_name in ("structure", "map"):
        return json_value(text) if text.lstrip().startswith("{") else _shorthand(shape, text)
    try:
        return _typed(shape, text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _from_file(text: str) -> str:
    """Return the text itself, or the content of its file. Bytes of a `fileb://` that are no UTF-8 become surrogates."""
    prefix = next((each for each in (_FILE, _BINARY_FILE) if text.startswith(each)), None)
    if prefix is None:
        return text
    errors, newline = ("surrogateescape", "") if prefix == _BINARY_FILE else ("strict", None)
    try:
        with open(text.removeprefix(prefix), encoding="utf-8", errors=errors, newline=newline) as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentTypeError(f"unable to load {text}: {error}") from error


def _shorthand(shape: Shape, text: str) -> Any:
    try:
        return _typed(shape, parse(text))
    except ShorthandError as error:
        raise ArgumentTypeError(str(error)) from error
    except ValueError as error:
        raise ArgumentTypeError(f"{error} in {text!r}") from error


def _typed(shape: Shape, value: Any) -> Any:
    """Convert the leaves of a parsed value to the types of the model; values that don't fit are left for the validation to report."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {
            name: _typed(shape.members[name], item) if name in shape.members else item for name, item in value.items()
        }
    if kind == "map" and isinstance(value, dict):
        return {name: _typed(shape.value, item) for name, item in value.items()}
    if kind == "list":
        return [_typed(shape.member, item) for item in (value if isinstance(value, list) else [value])]
    return _scalar(kind, value) if isinstance(value, str) else value


def _scalar(kind: str, text: str) -> Any:
    if kind in ("integer", "long"):
        return _integer(text)
    if kind == "timestamp":
        return moment(text)
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"not an integer: {text!r}") from None


def moment(value: Any) -> datetime:
    """Read ISO 8601, RFC 822 or seconds since 1970; a time without a zone is UTC."""
    time: datetime = parse_timestamp(value)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
