"""The text of an option becomes the value its shape asks for, or a message that says what is wrong with it."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.cli.model import operation_model
from engine.cli.units import readable, size_bytes, span, whole_number
from engine.cli.values import converter, json_value

PARTS = operation_model("complete-multipart-upload").input_shape.members["MultipartUpload"]
METADATA = operation_model("put-object").input_shape.members["Metadata"]
PART_NUMBER = operation_model("upload-part").input_shape.members["PartNumber"]
SINCE = operation_model("get-object").input_shape.members["IfModifiedSince"]
KEY = operation_model("upload-part").input_shape.members["Key"]

LIST = {"Parts": [{"ETag": '"x"', "PartNumber": 1}, {"ETag": "y", "PartNumber": 22}]}


@pytest.mark.parametrize(
    "text",
    [
        '{"Parts": [{"ETag": "\\"x\\"", "PartNumber": 1}, {"ETag": "y", "PartNumber": 22}]}',
        "Parts=[{ETag='\"x\"',PartNumber=1},{ETag=y,PartNumber=22}]",
    ],
)
def test_a_part_list_is_json_or_shorthand(text: str, tmp_path: Path) -> None:
    assert converter(PARTS)(text) == LIST
    path = tmp_path / "parts"
    path.write_text(text)
    assert converter(PARTS)(f"file://{path}") == LIST


def test_one_item_is_a_list_of_one_where_the_model_has_a_list() -> None:
    assert converter(PARTS)("Parts={ETag=x,PartNumber=1}") == {"Parts": [{"ETag": "x", "PartNumber": 1}]}


def test_metadata_is_text() -> None:
    assert converter(METADATA)("year=1905,name=Albert E.") == {"year": "1905", "name": "Albert E."}


def test_numbers_and_times() -> None:
    assert converter(PART_NUMBER)("-7") == -7
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for text in ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "Fri, 02 Jan 2026 03:04:05 GMT", "1767323045"):
        assert converter(SINCE)(text) == moment


def test_any_text_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("grüße/cat.raw")
    assert converter(KEY)(f"file://{path}") == "grüße/cat.raw"


@pytest.mark.parametrize(
    ("shape", "text", "message"),
    [
        (PART_NUMBER, "x", "not an integer: 'x'"),
        (PART_NUMBER, "", "not an integer: ''"),
        (SINCE, "yesterday", "Invalid timestamp"),
        (PARTS, "Parts=[{PartNumber=x}]", "not an integer: 'x' in 'Parts="),
        (PARTS, "Parts=[{", "Expected: '='"),
        (PARTS, '{"Parts": [', "Invalid JSON"),
        (KEY, "file:///no/such/file", "unable to load file:///no/such/file"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(shape: object, text: str, message: str) -> None:
    with pytest.raises(ArgumentTypeError, match=message):
        converter(shape)(text)  # type: ignore[arg-type]


def test_json_that_is_none_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match="Invalid JSON"):
        json_value("{")


@pytest.mark.parametrize(
    ("text", "size"),
    [("8388608", 8 << 20), ("16MiB", 16 << 20), ("16 mi", 16 << 20), ("1GB", 10**9), ("5K", 5000), ("0", 0), ("7b", 7)],
)
def test_sizes_are_read_in_units_of_1000_and_1024(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5MiB", "16XB", "0x10"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="not a size"):
        size_bytes(text)


def test_spans_are_read_from_seconds_to_weeks() -> None:
    assert [span(text) for text in ("7d", "36h", "2w", "1 m", "0s")] == [
        timedelta(days=7),
        timedelta(hours=36),
        timedelta(days=14),
        timedelta(minutes=1),
        timedelta(),
    ]


@pytest.mark.parametrize("text", ["", "7", "d", "7 days", "-1d", "9" * 30 + "w"])
def test_spans_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="span of time"):
        span(text)


def test_whole_numbers_begin_at_1() -> None:
    assert whole_number("12") == 12
    for text in ("0", "-1", "x", "1.0", ""):
        with pytest.raises(ArgumentTypeError):
            whole_number(text)


def test_sizes_are_shown_in_the_unit_that_fits() -> None:
    sizes = [0, 1023, 1024, 5 << 20, (3 << 30) + (1 << 29), 10_000 * 5 << 30]
    assert [readable(size) for size in sizes] == ["0 B", "1023 B", "1.0 KiB", "5.0 MiB", "3.5 GiB", "48.8 TiB"]
