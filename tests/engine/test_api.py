"""The public API: named after S3's members, its results frozen, its example true."""

import inspect
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

import engine
from engine import Store, bucket_results, listing_results, reports, results, setting_results
from engine.checksums import ALGORITHMS
from engine.errors import NoSuchKey
from engine.members import parameters
from engine.record import Record

MODEL = botocore.session.get_session().get_service_model("s3")
OPERATIONS = {xform_name(name): MODEL.operation_model(name) for name in MODEL.operation_names}
OURS = sorted(name for name in OPERATIONS if hasattr(Store, name))
NO_MEMBERS = {
    "parts": "in MultipartUpload",
    "keys": "in Delete",
    "quiet": "in Delete",
    "content_sha256": "signed",
    "presigned_checksum_algorithm": "signed in a URL, where no value is compared",
    "checksums": "ten",
    "blocked_encryption_types": "of a new bucket, which S3 decides by itself",
    "if_range": "a header of RFC 9110 that S3 heeds and its model lacks",
}
"""Parameters that stand for more, or less, than one member."""


def snake(member: str) -> str:
    return "etag" if member == "ETag" else xform_name(member)


def test_the_operations_of_the_issue_are_there() -> None:
    wanted = {
        "create_bucket", "head_bucket", "list_buckets", "delete_bucket",
        "create_multipart_upload", "upload_part", "complete_multipart_upload", "abort_multipart_upload",
        "list_parts", "list_multipart_uploads",
        "put_object", "get_object", "head_object", "delete_object", "list_objects_v2",
    }  # fmt: skip
    assert wanted <= set(OURS)


@pytest.mark.parametrize("operation", OURS)
def test_parameters_are_named_after_the_members_of_s3(operation: str) -> None:
    shape = OPERATIONS[operation].input_shape
    members = {snake(member) for member in shape.members} if shape else set()
    assert parameters(getattr(Store, operation)) - members - NO_MEMBERS.keys() == set()


@pytest.mark.parametrize("operation", OURS)
def test_only_what_names_the_thing_may_be_given_by_position(operation: str) -> None:
    taken = inspect.signature(getattr(Store, operation)).parameters.values()
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    positional = [parameter.name for parameter in taken if parameter.kind not in named]
    allowed = {"self", "bucket", "key", "upload_id", "part_number", "body", "parts", "copy_source", "keys"}
    assert set(positional) - allowed == set()


def test_a_parameter_that_no_member_is_called_after_is_refused(tiny: Store, bucket: str) -> None:
    with pytest.raises(TypeError, match=r"put_object\(\) has no parameter color, size"):
        tiny.put_object(bucket, "key", b"", size=1, color="red")  # type: ignore[call-arg]
    with pytest.raises(NoSuchKey):
        tiny.head_object(bucket, "key")


ANSWERS = {**vars(results), **vars(bucket_results), **vars(listing_results), **vars(reports) | vars(setting_results)}
RECORDS = [
    value for value in ANSWERS.values() if isinstance(value, type) and issubclass(value, Record) and value is not Record
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_results_are_frozen_slotted_and_said_to_be_for_something(record: Any) -> None:
    assert record.__struct_config__.frozen
    assert record.__dictoffset__ == 0
    assert record.__doc__


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_attributes_are_named_after_the_members_of_the_shape(record: Any) -> None:
    if record.__name__ not in MODEL.shape_names:
        assert record.__name__ in {"StoreStat", "CheckReport", "ReapReport"} or not record.__name__.endswith("Output")
        return
    members = {snake(member) for member in MODEL.shape_for(record.__name__).members}
    assert set(record.__struct_fields__) - members <= {"status", "size", "checksums", "interleaving"}


def test_what_is_exported_is_there_and_what_is_there_is_exported() -> None:
    assert sorted(engine.__all__) == list(engine.__all__)
    for name in engine.__all__:
        assert hasattr(engine, name)
    public = {name for name in ANSWERS if name in engine.__all__ or name.endswith("Output")}
    assert {name for name in public if not name.startswith("_")} <= set(engine.__all__)


def test_the_example_of_the_package_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    doc = engine.__doc__ or ""
    example = doc[doc.index("import engine") :]
    assert re.search(r"complete_multipart_upload", example)
    exec(compile(example, "example", "exec"), {})
    with engine.open("data") as store:
        assert [item.key for item in store.list_objects_v2("photos").contents or ()] == ["cat.raw"]


def test_limits_are_frozen_and_chosen_at_open(place: Path) -> None:
    limits = engine.Limits(part_size_bytes_min=1)
    with pytest.raises(AttributeError):
        limits.part_size_bytes_min = 2  # type: ignore[misc]
    with engine.open(place / "store", limits=limits) as store:
        assert store.limits is limits
    with engine.open(place / "store") as store:
        assert store.limits == engine.Limits()


def test_completed_parts_are_a_number_an_etag_and_the_ten_checksums() -> None:
    part = engine.CompletedPart(1, "etag", checksum_crc32="AAAAAA==")
    assert (part.part_number, part.etag, part.checksum_crc32, part.checksum_xxhash128) == (1, "etag", "AAAAAA==", None)
    shape = MODEL.shape_for("CompletedPart")
    assert set(engine.CompletedPart._fields) == {snake(member) for member in shape.members}
    assert engine.CompletedPart._fields[2:] == tuple(algorithm.member for algorithm in ALGORITHMS)
