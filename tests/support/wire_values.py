"""Values for the members of S3's shapes, as hypothesis strategies over botocore's model of S3."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.model import ListShape, Shape, StructureShape
from hypothesis import strategies as st

from engine.s3.member_names import snake

SECONDS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
HEADER_TEXT = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)
METADATA = st.dictionaries(st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,10}", fullmatch=True), HEADER_TEXT, max_size=3)
QUERY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# A client's ElementTree writes \r as it is, and every parser reads that as \n.
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufffe\uffff").filter(
        lambda c: c >= " " or c in "\t\n"
    ),
    max_size=20,
)
KEY = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
) | st.sampled_from(
    [
        "/",
        "//",
        "/a//b/",
        "../../etc/passwd",
        "./.",
        "a%2Fb",
        "%",
        "a+b c",
        "ü/日本",
        "key/",
        "?uploads",
        "a&b=c;d",
        "#x",
        "~*'()",
        "\u0085",
    ]
)
BUCKET = st.sampled_from(["bucket", "my.dotted.bucket", "a-b-3"])
_INTEGERS = {"PartNumber": st.integers(1, 10_000)}
_REQUIRED_ELEMENTS = {"PartNumber", "ETag", "Parts"}
"""Of a Complete; the model leaves them optional."""
_NOT_SENT = {"ContentLength", "Body"}
"""ContentLength is the client's own to set."""


def inputs(shape: StructureShape) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters of a call: the required ones and some of the others."""
    members = {name: _input(name, member) for name, member in shape.members.items() if name not in _NOT_SENT}
    wanted = (*shape.required_members, *(["MultipartUpload"] if "MultipartUpload" in members else []))
    required = {name: members.pop(name) for name in wanted if name in members}
    return st.fixed_dictionaries(required, optional=members)


def _input(name: str, shape: Shape) -> st.SearchStrategy[Any]:
    location = shape.serialization.get("location", "body")
    if location == "uri":
        return BUCKET if name == "Bucket" else KEY
    if location == "headers":
        return METADATA
    text = {"header": HEADER_TEXT, "querystring": QUERY_TEXT, "body": XML_TEXT}[location]
    return _value(name, shape, text)


def _value(name: str, shape: Shape, text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    kind = shape.type_name
    if isinstance(shape, ListShape):
        return st.lists(_value(name, shape.member, text), min_size=1, max_size=4)
    if isinstance(shape, StructureShape):
        members = {name: _value(name, member, text) for name, member in shape.members.items()}
        wanted = {*shape.required_members, *(_REQUIRED_ELEMENTS & members.keys())}
        required = {name: members.pop(name) for name in wanted}
        return st.fixed_dictionaries(required, optional=members)
    if kind == "string":
        size_min = shape.metadata.get("min", 0)
        return st.sampled_from(shape.enum) if shape.enum else text.filter(lambda value: len(value) >= size_min)
    if kind == "timestamp":
        return SECONDS
    if kind == "boolean":
        return st.booleans()
    largest = 2**31 - 1 if kind == "integer" else 2**63 - 1
    return _INTEGERS.get(name, st.integers(shape.metadata.get("min", 0), shape.metadata.get("max", largest)))


def in_the_engines_names(value: Any) -> Any:
    """The same with every member's name as the engine has it."""
    if isinstance(value, list):
        return [in_the_engines_names(item) for item in value]
    if isinstance(value, dict):
        return {
            snake(name): item if name == "Metadata" else in_the_engines_names(item)
            for name, item in value.items()
            if name not in _NOT_SENT
        }
    return value


ANY_XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda c: c >= " " or c in "\t\n\r"
    ),
    max_size=20,
)


def outputs(shape: StructureShape) -> st.SearchStrategy[dict[str, Any]]:
    """What a call answers, by the model's names; no streams."""
    members = {name: _output(name, member) for name, member in shape.members.items() if name != "Body"}
    payload = shape.serialization.get("payload")
    required = {payload: members.pop(payload)} if payload in members else {}
    return st.fixed_dictionaries(required, optional=members)


def _output(name: str, shape: Shape) -> st.SearchStrategy[Any]:
    location = shape.serialization.get("location", "body")
    if location == "headers":
        return METADATA
    return _value(name, shape, HEADER_TEXT if location == "header" else ANY_XML_TEXT)


def as_result(value: Any) -> Any:
    """An answer as the engine gives it: objects with attributes, tuples."""
    if isinstance(value, list):
        return tuple(as_result(item) for item in value)
    if isinstance(value, dict):
        attributes = {snake(name): item if name == "Metadata" else as_result(item) for name, item in value.items()}
        return SimpleNamespace(**attributes)
    return value
