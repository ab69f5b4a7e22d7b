"""CopyObject makes an object of one part with the source's bytes, and with its headers or new ones; the requests that it refuses."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import Limits, Store, errors
from engine import open as open_store
from tests.support.processes import python_output
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of, in_one_batch
from tests.support.uploads import part_etag_of, put_multipart, read

PARTS = [FILE_BODY, b"end"]
HEADERS: dict[str, Any] = {
    "metadata": {"name": "value"},
    "cache_control": "no-cache",
    "content_disposition": "inline",
    "content_encoding": "gzip",
    "content_language": "en",
    "content_type": "text/plain",
    "expires": "Thu, 01 Dec 2033 16:00:00 GMT",
}
TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, "
    "storage class, website redirect location or encryption attributes."
)


@pytest.fixture
def source(tiny: Store, bucket: str) -> str:
    """The name, `bucket/key`, of an object whose bytes are in a file; the bucket has other objects too."""
    tiny.put_object(bucket, "plain", FILE_BODY, **HEADERS)
    tiny.put_object(bucket, "small", b"small", **HEADERS)
    put_multipart(tiny, bucket, "parts", PARTS)
    put_multipart(tiny, bucket, "single", [FILE_BODY])
    return f"{bucket}/plain"


def headers_of(store: Store, bucket: str, key: str) -> dict[str, Any]:
    found = store.head_object(bucket, key)
    return {name: getattr(found, name) for name in HEADERS}


@pytest.mark.parametrize(
    ("key", "body", "is_shared"),
    [
        ("plain", FILE_BODY, True),
        ("single", FILE_BODY, True),
        ("small", b"small", False),
        ("parts", b"".join(PARTS), False),
    ],
)
def test_a_copy_is_a_plain_object_whatever_the_source_is(
    tiny: Store, bucket: str, source: str, key: str, body: bytes, is_shared: bool
) -> None:
    result = tiny.copy_object(bucket, "copy", f"{bucket}/{key}").copy_object_result
    found = tiny.head_object(bucket, "copy")
    assert result.etag == found.etag == part_etag_of(body)
    assert result.last_modified == found.last_modified
    assert found.parts_count is None
    assert read(tiny, bucket, "copy") == read(tiny, bucket, key) == body
    names = [path.stat().st_nlink for path in Path(tiny._layout.root, "blobs").rglob("*") if path.is_file()]
    assert (names.count(2) == 2) is is_shared
    tiny.delete_object(bucket, key)
    assert read(tiny, bucket, "copy") == body
    assert tiny.check(deep=True).ok


def test_a_copy_has_the_headers_of_its_source_or_those_it_is_given(tiny: Store, bucket: str, source: str) -> None:
    for directive in (None, "COPY"):
        tiny.copy_object(bucket, "copy", source, metadata_directive=directive, metadata={"ignored": "x"})
        assert headers_of(tiny, bucket, "copy") == HEADERS
    new = {"metadata": {"other": "one"}, "content_type": "image/png"}
    tiny.copy_object(bucket, "copy", source, metadata_directive="REPLACE", **new)  # type: ignore[arg-type]
    assert headers_of(tiny, bucket, "copy") == dict.fromkeys(HEADERS) | new


def test_a_copy_onto_itself_must_change_something(tiny: Store, bucket: str, source: str) -> None:
    with refused("InvalidRequest", TO_ITSELF):
        tiny.copy_object(bucket, "plain", source)
    tiny.copy_object(bucket, "plain", source, metadata_directive="REPLACE", content_type="text/html")
    assert headers_of(tiny, bucket, "plain")["content_type"] == "text/html"
    assert read(tiny, bucket, "plain") == FILE_BODY
    assert tiny.stat().trash == 0
    assert tiny.check(deep=True).unnamed_files == 0


def test_a_copy_of_parts_onto_itself_is_one_plain_object(tiny: Store, bucket: str, source: str) -> None:
    tiny.copy_object(bucket, "parts", f"{bucket}/parts", metadata_directive="REPLACE")
    assert tiny.head_object(bucket, "parts").etag == part_etag_of(b"".join(PARTS))
    assert read(tiny, bucket, "parts") == b"".join(PARTS)
    assert tiny.stat().trash == 0


def test_the_conditions_on_what_the_copy_replaces_are_those_of_a_put(tiny: Store, bucket: str, source: str) -> None:
    before = contents_of(tiny)
    with refused("PreconditionFailed", Condition="If-None-Match"):
        tiny.copy_object(bucket, "small", source, if_none_match="*")
    with refused("PreconditionFailed", Condition="If-Match"):
        tiny.copy_object(bucket, "small", source, if_match="other")
    with refused("NoSuchKey", Key="absent"):
        tiny.copy_object(bucket, "absent", source, if_match="other")
    for both in ({"if_match": "x", "if_none_match": "*"}, {"if_match": "*"}, {"if_none_match": "x"}):
        with pytest.raises(errors.NotImplementedYet):
            tiny.copy_object(bucket, "small", source, **both)
    assert contents_of(tiny) == before
    tiny.copy_object(bucket, "absent", source, if_none_match="*")
    tiny.copy_object(bucket, "small", source, if_match=part_etag_of(b"small"))
    assert read(tiny, bucket, "small") == read(tiny, bucket, "absent") == FILE_BODY


def test_a_condition_that_fails_at_the_commit_leaves_no_file(tiny: Store, bucket: str, source: str) -> None:
    """Another copy to the same key is committed first, in the same transaction."""
    before = len(contents_of(tiny).files)
    refusals: list[str] = []

    def copy() -> None:
        try:
            tiny.copy_object(bucket, "new", source, if_none_match="*")
        except errors.PreconditionFailed as error:
            refusals.append(error.extras["Condition"])

    in_one_batch(tiny, copy, copy, copy)
    assert refusals == ["If-None-Match"] * 2
    assert len(contents_of(tiny).files) == before + 1
    assert read(tiny, bucket, "new") == FILE_BODY


@pytest.mark.parametrize("key", ["plain", "parts"])
def test_a_source_overwritten_while_it_is_copied_is_copied_as_it_was(
    tiny: Store, bucket: str, source: str, key: str
) -> None:
    body = read(tiny, bucket, key)
    in_one_batch(
        tiny,
        lambda: tiny.put_object(bucket, key, b"new"),
        lambda: tiny.copy_object(bucket, "copy", f"{bucket}/{key}"),
    )
    assert (read(tiny, bucket, "copy"), read(tiny, bucket, key)) == (body, b"new")
    tiny.reap(timedelta(days=1))
    assert tiny.stat().trash == 0
    assert tiny.check(deep=True).unnamed_files == 0


def test_an_object_of_more_than_5_gib_is_not_copied_in_one_piece(store_path: Path, bucket: str) -> None:
    with open_store(store_path, limits=Limits(put_size_bytes_max=10)) as store:
        store.put_object(bucket, "ten", b"0123456789")
        store.copy_object(bucket, "copy", f"{bucket}/ten")
    with open_store(store_path, limits=Limits(put_size_bytes_max=9)) as store:
        message = "The specified copy source is larger than the maximum allowable size for a copy source: 9"
        with refused("InvalidRequest", message):
            store.copy_object(bucket, "copy", f"{bucket}/ten")


def test_a_directive_that_is_none_is_refused(tiny: Store, bucket: str, source: str) -> None:
    argument = {"ArgumentName": "x-amz-metadata-directive", "ArgumentValue": "MERGE"}
    with refused("InvalidArgument", "Unknown metadata directive.", **argument):
        tiny.copy_object(bucket, "copy", source, metadata_directive="MERGE")


def test_owners_of_both_buckets_may_be_demanded(tiny: Store, bucket: str, source: str) -> None:
    view = tiny.acting_as("111111111111")
    view.create_bucket("other")
    view.copy_object(
        "other", "copy", source, expected_bucket_owner="111111111111", expected_source_bucket_owner="000000000000"
    )
    assert read(tiny, "other", "copy") == FILE_BODY
    with pytest.raises(errors.AccessDenied):
        view.copy_object("other", "copy", source, expected_source_bucket_owner="111111111111")


# What is copied besides the headers


def tags_of(store: Store, bucket: str, key: str) -> dict[str, str]:
    return {tag.key: tag.value for tag in store.get_object_tagging(bucket, key).tag_set}


def test_a_copy_has_the_tags_of_its_source_or_those_it_is_given(tiny: Store, bucket: str) -> None:
    tiny.put_object(bucket, "source", FILE_BODY, tagging="a=1&b=2")
    source = f"{bucket}/source"
    for directive in (None, "COPY"):
        tiny.copy_object(bucket, "copy", source, tagging_directive=directive, tagging="ignored=1")
        assert tags_of(tiny, bucket, "copy") == {"a": "1", "b": "2"}
    tiny.copy_object(bucket, "copy", source, tagging_directive="REPLACE", tagging="c=3")
    assert tags_of(tiny, bucket, "copy") == {"c": "3"}
    tiny.copy_object(bucket, "copy", source, tagging_directive="REPLACE")
    assert tags_of(tiny, bucket, "copy") == {}
    argument = {"ArgumentName": "x-amz-tagging-directive", "ArgumentValue": "MERGE"}
    with refused("InvalidArgument", "Unknown tagging directive.", **argument):
        tiny.copy_object(bucket, "copy", source, tagging_directive="MERGE")


def test_storage_class_and_redirect_are_the_copys_own(tiny: Store, bucket: str) -> None:
    own: dict[str, Any] = {"storage_class": "STANDARD_IA", "website_redirect_location": "/elsewhere"}
    tiny.put_object(bucket, "source", FILE_BODY, **own)
    tiny.copy_object(bucket, "copy", f"{bucket}/source")
    found = tiny.head_object(bucket, "copy")
    assert (found.storage_class, found.website_redirect_location) == (None, None)
    tiny.copy_object(bucket, "copy", f"{bucket}/copy", **own)
    found = tiny.head_object(bucket, "copy")
    assert (found.storage_class, found.website_redirect_location) == ("STANDARD_IA", "/elsewhere")


@pytest.mark.parametrize("member", [{"storage_class": "STANDARD"}, {"website_redirect_location": "/elsewhere"}])
def test_a_copy_onto_itself_may_change_these_alone(tiny: Store, bucket: str, source: str, member: Any) -> None:
    tiny.copy_object(bucket, "plain", source, **member)
    assert headers_of(tiny, bucket, "plain") == HEADERS
    with refused("InvalidRequest", TO_ITSELF):
        tiny.copy_object(bucket, "plain", source, tagging_directive="REPLACE", tagging="a=1")


def test_who_pays_for_either_bucket_is_told_so(tiny: Store, bucket: str, source: str) -> None:
    other = tiny.acting_as("111111111111")
    other.create_bucket("other")
    upload_id = other.create_multipart_upload("other", "key").upload_id
    assert other.copy_object("other", "copy", source).request_charged is None
    tiny.put_bucket_request_payment(bucket, request_payment_configuration={"payer": "Requester"})
    with pytest.raises(errors.AccessDenied):
        other.copy_object("other", "copy", source)
    charged = [
        other.copy_object("other", "copy", source, request_payer="requester").request_charged,
        other.upload_part_copy("other", "key", upload_id, 1, source, request_payer="requester").request_charged,
        tiny.copy_object(bucket, "copy", source).request_charged,
    ]
    assert charged == ["requester", "requester", None]


def test_a_process_forked_while_the_source_came_in_holds_no_copy_up(tiny: Store, store_path: Path, bucket: str) -> None:
    tiny.close()
    code = """if True:
        import os, sys
        import engine
        told, tell = os.pipe()
        def body():
            yield b"a" * 1_000_000
            if not os.fork():
                os.close(tell)
                os.read(told, 1)
                os._exit(0)
            yield b"b"
        with engine.open(sys.argv[1]) as store:
            store.put_object("bucket", "key", body())
            store.copy_object("bucket", "copy", "bucket/key")
            os.write(tell, b"x")
            os.wait()
            with store.get_object("bucket", "copy").body as copied:
                print(len(copied.read()))
    """
    assert python_output(code, str(store_path)) == "1000001\n"
    assert [path.stat().st_nlink for path in (store_path / "blobs").rglob("*") if path.is_file()] == [2, 2]
