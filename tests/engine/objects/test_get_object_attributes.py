"""GetObjectAttributes: AWS's answers, page by page, and the requests that it refuses."""

from typing import Any

import pytest

from engine import GetObjectAttributesOutput, GetObjectAttributesParts, Store
from engine.objects.get_object_attributes import ATTRIBUTES
from tests.engine.multipart.test_checksums_kept import BODIES, WHOLE, b64, checksums_in, send, value_of
from tests.support.oracles import ORACLES
from tests.support.refusals import refused
from tests.support.uploads import begin


@pytest.fixture
def composite(tiny: Store, bucket: str) -> Store:
    upload = begin(tiny, bucket, checksum_algorithm="SHA256")
    upload.complete(send(upload, "SHA256"))
    return tiny


def attributes(store: Store, bucket: str, *names: str, **members: Any) -> GetObjectAttributesOutput:
    return store.get_object_attributes(bucket, "key", object_attributes=names, **members)


def parts_of(answer: GetObjectAttributesOutput) -> GetObjectAttributesParts:
    assert answer.object_parts is not None
    return answer.object_parts


def test_only_what_is_asked_for_is_told(tiny: Store, bucket: str) -> None:
    put = tiny.put_object(bucket, "key", b"abc")
    all_of_it = attributes(tiny, bucket, *ATTRIBUTES)
    assert f'"{all_of_it.etag}"' == put.etag
    assert (all_of_it.object_size, all_of_it.storage_class, all_of_it.object_parts) == (3, "STANDARD", None)
    assert checksums_in(all_of_it.checksum) == {"CRC64NVME": value_of("CRC64NVME", b"abc"), "type": "FULL_OBJECT"}
    assert all_of_it.last_modified == tiny.head_object(bucket, "key").last_modified
    members = {"ETag": "etag", "Checksum": "checksum", "StorageClass": "storage_class", "ObjectSize": "object_size"}
    for name, member in members.items():
        answer = attributes(tiny, bucket, name)
        told = {each for each in members.values() if getattr(answer, each) is not None}
        assert told == {member}


def test_the_parts_of_a_composite_object_are_listed(composite: Store, bucket: str) -> None:
    answer = attributes(composite, bucket, "ObjectParts", "Checksum", "ObjectSize")
    found = parts_of(answer)
    assert (found.total_parts_count, found.max_parts, found.part_number_marker) == (3, 1000, 0)
    assert (found.next_part_number_marker, found.is_truncated) == (3, False)
    expected = [(number, len(body), {"SHA256": value_of("SHA256", body)}) for number, body in BODIES.items()]
    assert [(part.part_number, part.size, checksums_in(part)) for part in found.parts or ()] == expected
    joined = b"".join(ORACLES["SHA256"](body) for body in BODIES.values())
    without_count = {"SHA256": b64(ORACLES["SHA256"](joined)), "type": "COMPOSITE"}
    assert checksums_in(answer.checksum) == without_count
    assert answer.object_size == len(WHOLE)


@pytest.mark.parametrize(
    ("limit", "marker", "numbers", "following", "more"),
    [
        (1, 0, [1], 1, True), (1, 1, [2], 2, True), (1, 2, [3], 3, False), (2, 1, [2, 3], 3, False),
        (2, 0, [1, 2], 2, True), (1, 10, None, 0, False), (0, 0, None, 0, False), (5000, 0, [1, 2, 3], 3, False),
    ],
)  # fmt: skip
def test_the_parts_come_page_by_page(
    composite: Store, bucket: str, limit: int, marker: int, numbers: list[int] | None, following: int, more: bool
) -> None:
    found = parts_of(attributes(composite, bucket, "ObjectParts", max_parts=limit, part_number_marker=marker))
    assert (found.parts and [part.part_number for part in found.parts]) == numbers
    assert (found.next_part_number_marker, found.is_truncated) == (following, more)
    assert (found.total_parts_count, found.part_number_marker, found.max_parts) == (3, marker, min(limit, 1000))


@pytest.mark.parametrize("members", [{}, {"checksum_algorithm": "CRC32", "checksum_type": "FULL_OBJECT"}])
def test_of_any_other_multipart_object_only_the_count_is_told(
    tiny: Store, bucket: str, members: dict[str, str]
) -> None:
    upload = begin(tiny, bucket, **members)
    upload.complete(upload.parts(BODIES))
    assert parts_of(attributes(tiny, bucket, "ObjectParts")) == GetObjectAttributesParts(total_parts_count=3)


@pytest.mark.parametrize("names", [[], [""], [" "]])
def test_no_attribute_is_an_invalid_request(composite: Store, bucket: str, names: list[str]) -> None:
    text = "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"
    with refused("InvalidRequest", text):
        attributes(composite, bucket, *names)


@pytest.mark.parametrize("name", ["Size", "etag", "ETag;Checksum", "LastModified"])
def test_an_unknown_attribute_is_an_invalid_argument(composite: Store, bucket: str, name: str) -> None:
    elements = {"ArgumentName": "x-amz-object-attributes", "ArgumentValue": name}
    with refused("InvalidArgument", "Invalid attribute name specified.", **elements):
        attributes(composite, bucket, "ETag", name)


def test_numbers_are_checked_as_in_every_listing(composite: Store, bucket: str) -> None:
    text = "Argument max-parts must be an integer between 0 and 2147483647"
    with refused("InvalidArgument", text, ArgumentName="max-parts", ArgumentValue=-1):
        attributes(composite, bucket, "ObjectParts", max_parts=-1)
    text = "Provided part-number-marker not an integer or within integer range"
    with refused("InvalidArgument", text, ArgumentName="part-number-marker", ArgumentValue=2**31):
        attributes(composite, bucket, "ObjectParts", part_number_marker=2**31)


def test_an_absent_key_has_none(composite: Store, bucket: str) -> None:
    with refused("NoSuchKey", Key="absent"):
        composite.get_object_attributes(bucket, "absent", object_attributes=["ETag"])
