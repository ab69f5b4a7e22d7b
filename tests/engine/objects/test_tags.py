"""Tags of objects: stored by a write, set, returned and removed, for the latest version or another; and tags that are refused."""

import urllib.parse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.limits import Limits
from engine.objects.tags import read_tagging
from tests.support.refusals import refused
from tests.support.stores import contents_of

LIMITS = Limits()
FORM = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
Pair = tuple[str, str]


def tagging(*pairs: Pair) -> dict[str, Any]:
    return {"tag_set": [{"key": key, "value": value} for key, value in pairs]}


def tags_of(store: engine.Store, **asked: Any) -> list[Pair]:
    return [(tag.key, tag.value) for tag in store.get_object_tagging("bucket", "key", **asked).tag_set]


GOOD: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("a=1&b=", {"a": "1", "b": ""}),
    ("a", {"a": ""}),
    ("a+b=%20c%2B", {"a b": " c+"}),
    ("%C3%A9=%E6%97%A5", {"é": "日"}),
    ("k_.:/=v_.:/=+-@", {"k_.:/": "v_.:/= -@"}),
    ("k" * 128 + "=" + "v" * 256, {"k" * 128: "v" * 256}),
    ("&".join(f"k{number}=v" for number in range(10)), {f"k{number}": "v" for number in range(10)}),
]


@pytest.mark.parametrize(("text", "tags"), GOOD)
def test_tags_are_read_of_a_header(text: str, tags: dict[str, str]) -> None:
    assert read_tagging(text, LIMITS) == tags


@given(st.dictionaries(st.text("aé日 _.:/=+-@1", min_size=1), st.text("aé日 _.:/=+-@1"), max_size=10))
def test_what_a_client_encodes_is_what_is_read(tags: dict[str, str]) -> None:
    assert read_tagging(urllib.parse.urlencode(tags), LIMITS) == tags


@pytest.mark.parametrize("text", ["a=1&a=2", "=v", "a=%ff", "%c3=1"])
def test_a_header_of_another_form_is_refused(tiny: engine.Store, bucket: str, text: str) -> None:
    before = contents_of(tiny)
    for write in (tiny.put_object, tiny.create_multipart_upload):
        with refused("InvalidArgument", FORM, ArgumentName="x-amz-tagging", ArgumentValue=text):
            write(bucket, "key", tagging=text)
    assert contents_of(tiny) == before


WRONG: list[tuple[list[Pair], str, dict[str, str]]] = [
    ([("", "v")], "The TagKey you have provided is invalid", {"TagKey": ""}),
    ([("k" * 129, "v")], "The TagKey you have provided is invalid", {"TagKey": "k" * 129}),
    ([("a?", "v")], "The TagKey you have provided is invalid", {"TagKey": "a?"}),
    ([("a", "v" * 257)], "The TagValue you have provided is invalid", {"TagKey": "a", "TagValue": "v" * 257}),
    ([("a", "<")], "The TagValue you have provided is invalid", {"TagKey": "a", "TagValue": "<"}),
    ([("aws:a", "v")], "Your TagKey cannot be prefixed with aws:", {"TagKey": "aws:a"}),
    ([("a", "1"), ("a", "2")], "Cannot provide multiple Tags with the same key", {"TagKey": "a"}),
]


@pytest.mark.parametrize(("pairs", "message", "extras"), WRONG)
def test_wrong_tags_are_refused_and_nothing_changes(
    tiny: engine.Store, bucket: str, pairs: list[Pair], message: str, extras: dict[str, str]
) -> None:
    tiny.put_object(bucket, "key", b"", tagging="a=1")
    before = contents_of(tiny)
    with refused("InvalidTag", message, **extras):
        tiny.put_object_tagging(bucket, "key", tagging=tagging(*pairs))
    assert contents_of(tiny) == before


def test_more_than_ten_tags_are_refused(tiny: engine.Store, bucket: str) -> None:
    tiny.put_object(bucket, "key", b"")
    pairs = [(f"k{number}", "v") for number in range(11)]
    with refused("BadRequest", "Object tags cannot be greater than 10"):
        tiny.put_object_tagging(bucket, "key", tagging=tagging(*pairs))
    tiny.put_object_tagging(bucket, "key", tagging=tagging(*pairs[:10]))
    assert tags_of(tiny) == pairs[:10]


def test_tags_are_set_told_and_taken_away(tiny: engine.Store, bucket: str) -> None:
    tiny.put_object(bucket, "key", b"body", tagging="a=1&b=2")
    assert tags_of(tiny) == [("a", "1"), ("b", "2")]
    assert tiny.head_object(bucket, "key").tag_count == 2
    modified = tiny.head_object(bucket, "key").last_modified
    tiny.put_object_tagging(bucket, "key", tagging=tagging(("c", "3")))
    assert tags_of(tiny) == [("c", "3")]
    tiny.delete_object_tagging(bucket, "key")
    assert tags_of(tiny) == []
    head = tiny.head_object(bucket, "key")
    assert (head.tag_count, head.last_modified) == (None, modified)
    with tiny.get_object(bucket, "key").body as body:
        assert body.read() == b"body"


def test_tags_of_an_upload_come_from_create(tiny: engine.Store, bucket: str) -> None:
    upload_id = tiny.create_multipart_upload(bucket, "key", tagging="a=1").upload_id
    part = tiny.upload_part(bucket, "key", upload_id, 1, b"body")
    tiny.complete_multipart_upload(bucket, "key", upload_id, [(1, part.etag)])
    assert tags_of(tiny) == [("a", "1")]


def test_each_version_has_tags_of_its_own(tiny: engine.Store, bucket: str) -> None:
    tiny.put_bucket_versioning(bucket, versioning_configuration={"status": "Enabled"})
    first = tiny.put_object(bucket, "key", b"1", tagging="a=1").version_id
    second = tiny.put_object(bucket, "key", b"2").version_id
    answer = tiny.put_object_tagging(bucket, "key", tagging=tagging(("b", "2")), version_id=first)
    assert answer.version_id == first
    assert tags_of(tiny, version_id=first) == [("b", "2")]
    assert tags_of(tiny) == []
    assert tiny.get_object_tagging(bucket, "key").version_id == second
    assert tiny.delete_object_tagging(bucket, "key", version_id=first).version_id == first
    assert tags_of(tiny, version_id=first) == []


def test_only_objects_have_tags(tiny: engine.Store, bucket: str) -> None:
    tiny.put_bucket_versioning(bucket, versioning_configuration={"status": "Enabled"})
    with refused("NoSuchKey", Key="key"):
        tiny.put_object_tagging(bucket, "key", tagging=tagging())
    marker = tiny.delete_object(bucket, "key").version_id
    for method, change in (
        ("GET", lambda **asked: tiny.get_object_tagging(bucket, "key", **asked)),
        ("PUT", lambda **asked: tiny.put_object_tagging(bucket, "key", tagging=tagging(("a", "1")), **asked)),
        ("DELETE", lambda **asked: tiny.delete_object_tagging(bucket, "key", **asked)),
    ):
        with refused("MethodNotAllowed", Method=method, ResourceType="DeleteMarker"):
            change(version_id=marker)
        with refused("NoSuchKey", Key="key"):
            change()


def test_a_copy_has_the_tags_of_its_source_unless_others_are_said(tiny: engine.Store, bucket: str) -> None:
    tiny.put_object(bucket, "source", b"", tagging="a=1")
    for members, wanted in (
        ({}, [("a", "1")]),
        ({"tagging": "b=2"}, [("a", "1")]),
        ({"tagging": "b=2", "tagging_directive": "REPLACE"}, [("b", "2")]),
        ({"tagging_directive": "REPLACE"}, []),
    ):
        tiny.copy_object(bucket, "key", f"{bucket}/source", **members)  # type: ignore[arg-type]
        assert tags_of(tiny) == wanted
    with refused(
        "InvalidArgument", "Unknown tagging directive.", ArgumentName="x-amz-tagging-directive", ArgumentValue="KEEP"
    ):
        tiny.copy_object(bucket, "key", f"{bucket}/source", tagging_directive="KEEP")
