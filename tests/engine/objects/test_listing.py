"""ListObjectsV2: order, pages, prefixes, delimiters, encoding; its parameters at their bounds."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import ListObjectsV2Output, Store
from tests.support.refusals import refused
from tests.support.uploads import part_etag_of, put_multipart

KEYS = ["a", "a/b", "a/b/c", "a/d", "b", "b/", "b/x", "ä", "\U0001f600", "z\x00", "z\x00\x00y", "é" * 500]


@pytest.fixture
def keys(store: Store, bucket: str) -> list[str]:
    for key in KEYS:
        store.put_object(bucket, key, key.encode())
    return sorted(KEYS, key=str.encode)


def shown(answer: ListObjectsV2Output) -> list[str]:
    return [item.key for item in answer.contents or ()]


def prefixes(answer: ListObjectsV2Output) -> list[str]:
    return [common.prefix for common in answer.common_prefixes or ()]


def pages(store: Store, bucket: str, **options: Any) -> Iterator[ListObjectsV2Output]:
    token = None
    while True:
        answer = store.list_objects_v2(bucket, continuation_token=token, **options)
        assert answer.key_count == len(shown(answer)) + len(prefixes(answer))
        assert answer.continuation_token == token
        assert answer.is_truncated == (answer.next_continuation_token is not None)
        yield answer
        token = answer.next_continuation_token
        if token is None:
            return


def test_objects_are_listed_in_the_order_of_their_utf_8_bytes(store: Store, bucket: str, keys: list[str]) -> None:
    answer = store.list_objects_v2(bucket)
    assert shown(answer) == keys
    assert (answer.name, answer.prefix, answer.max_keys, answer.key_count) == (bucket, "", 1000, len(keys))
    assert (answer.is_truncated, answer.next_continuation_token, answer.common_prefixes) == (False, None, None)
    assert (answer.delimiter, answer.start_after, answer.encoding_type) == (None, None, None)


def test_an_object_is_listed_with_its_etag_size_and_date(tiny: Store, bucket: str) -> None:
    tiny.put_object(bucket, "plain", b"data")
    etag = put_multipart(tiny, bucket, "parts", [b"1", b"23"])
    parts, plain = tiny.list_objects_v2(bucket).contents or ()
    assert (plain.etag, plain.size, plain.storage_class, plain.owner) == (part_etag_of(b"data"), 4, "STANDARD", None)
    assert (parts.etag, parts.size) == (etag, 3)
    assert plain.last_modified == tiny.head_object(bucket, "plain").last_modified


def test_the_owner_is_listed_when_asked_for(store: Store, bucket: str) -> None:
    store.put_object(bucket, "key", b"data")
    [item] = store.list_objects_v2(bucket, fetch_owner=True).contents or ()
    assert item.owner == store.list_buckets().owner


def test_an_empty_bucket_lists_nothing(store: Store, bucket: str) -> None:
    answer = store.list_objects_v2(bucket)
    assert (answer.contents, answer.common_prefixes, answer.key_count, answer.is_truncated) == (None, None, 0, False)


def test_a_delimiter_rolls_keys_up(store: Store, bucket: str, keys: list[str]) -> None:
    answer = store.list_objects_v2(bucket, delimiter="/")
    assert prefixes(answer) == ["a/", "b/"]
    assert shown(answer) == [key for key in keys if "/" not in key]
    answer = store.list_objects_v2(bucket, prefix="a/", delimiter="/")
    assert (prefixes(answer), shown(answer)) == (["a/b/"], ["a/b", "a/d"])
    answer = store.list_objects_v2(bucket, prefix="b/", delimiter="/")
    assert (prefixes(answer), shown(answer)) == ([], ["b/", "b/x"])
    answer = store.list_objects_v2(bucket, delimiter="éé")
    assert prefixes(answer) == ["éé"]


def test_an_empty_delimiter_rolls_nothing_up(store: Store, bucket: str, keys: list[str]) -> None:
    answer = store.list_objects_v2(bucket, delimiter="", prefix="")
    assert (shown(answer), answer.delimiter) == (keys, None)


def test_start_after_starts_after(store: Store, bucket: str, keys: list[str]) -> None:
    for place, key in enumerate(keys):
        answer = store.list_objects_v2(bucket, start_after=key)
        assert (shown(answer), answer.start_after) == (keys[place + 1 :], key)
    assert shown(store.list_objects_v2(bucket, start_after="a/c")) == keys[keys.index("a/b/c") + 1 :]


def test_a_token_goes_before_start_after(store: Store, bucket: str, keys: list[str]) -> None:
    first = store.list_objects_v2(bucket, start_after="a", max_keys=1)
    second = store.list_objects_v2(
        bucket, start_after="a", max_keys=1, continuation_token=first.next_continuation_token
    )
    assert (shown(first), shown(second)) == ([keys[1]], [keys[2]])


@pytest.mark.parametrize("options", [{}, {"delimiter": "/"}, {"prefix": "a"}, {"prefix": "a/", "delimiter": "/"}])
@pytest.mark.parametrize("most", range(1, 14))
def test_pages_of_any_size_give_what_one_page_gives(
    store: Store, bucket: str, keys: list[str], most: int, options: dict[str, str]
) -> None:
    whole = store.list_objects_v2(bucket, **options)
    parts = list(pages(store, bucket, max_keys=most, **options))
    assert [key for part in parts for key in shown(part)] == shown(whole)
    assert [prefix for part in parts for prefix in prefixes(part)] == prefixes(whole)
    assert all(part.key_count == most for part in parts[:-1])


def test_a_page_holds_1000_at_most(store: Store, bucket: str) -> None:
    for number in range(1001):
        store.put_object(bucket, f"{number:04}", b"")
    for most in (None, 1000, 1001, 2**31 - 1):
        answer = store.list_objects_v2(bucket, max_keys=most)
        assert (answer.max_keys, answer.key_count, answer.is_truncated) == (1000, 1000, True)
    rest = store.list_objects_v2(bucket, continuation_token=answer.next_continuation_token)
    assert (shown(rest), rest.is_truncated) == (["1000"], False)


def test_a_page_of_none_is_no_page_to_go_on_from(store: Store, bucket: str, keys: list[str]) -> None:
    answer = store.list_objects_v2(bucket, max_keys=0)
    assert (answer.key_count, answer.max_keys, answer.is_truncated, answer.contents) == (0, 0, False, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1, "Argument max-keys must be an integer between 0 and 2147483647"),
        (2**31, "Provided max-keys not an integer or within integer range"),
        ("x", "Provided max-keys not an integer or within integer range"),
    ],
)
def test_max_keys_out_of_range_is_refused(store: Store, bucket: str, value: int, text: str) -> None:
    with refused("InvalidArgument", text, ArgumentName="max-keys", ArgumentValue=value):
        store.list_objects_v2(bucket, max_keys=value)


def test_a_token_that_is_none_is_refused(store: Store, bucket: str) -> None:
    text = "The continuation token provided is incorrect"
    with refused("InvalidArgument", text, ArgumentName="continuation-token", ArgumentValue="!"):
        store.list_objects_v2(bucket, continuation_token="!")


@pytest.mark.parametrize("encoding_type", ["", "value"])
def test_no_encoding_but_url_is_known(store: Store, bucket: str, encoding_type: str) -> None:
    text = "Invalid Encoding Method specified in Request"
    with refused("InvalidArgument", text, ArgumentName="encoding-type", ArgumentValue=encoding_type):
        store.list_objects_v2(bucket, encoding_type=encoding_type)


def test_keys_are_shown_url_encoded_when_asked(store: Store, bucket: str) -> None:
    store.put_object(bucket, "a b/ü", b"")
    store.put_object(bucket, "a b/\x01", b"")
    answer = store.list_objects_v2(bucket, prefix="a b/", start_after="a ", encoding_type="url")
    assert (shown(answer), answer.prefix, answer.start_after) == (["a+b/%01", "a+b/%C3%BC"], "a+b/", "a+")
    assert answer.encoding_type == "url"
    assert prefixes(store.list_objects_v2(bucket, delimiter="/", encoding_type="url")) == ["a+b/"]


@pytest.mark.parametrize("name", ["prefix", "delimiter", "start_after"])
def test_a_parameter_that_is_no_unicode_is_refused(store: Store, bucket: str, name: str) -> None:
    shown_name = name.replace("_", "-")
    with refused("InvalidArgument", f"{shown_name} must be UTF-8", ArgumentName=shown_name, ArgumentValue="?"):
        store.list_objects_v2(bucket, **{name: "\udcff"})


TEXTS = st.text(st.sampled_from("ab/\x00é\U0001f600"), max_size=4)


@settings(max_examples=60)
@given(names=st.sets(TEXTS.filter(bool), max_size=8), prefix=TEXTS, delimiter=TEXTS, most=st.integers(1, 4))
def test_any_listing_is_that_of_a_plain_model(
    store: Store, bucket: str, names: set[str], prefix: str, delimiter: str, most: int
) -> None:
    for name in names:
        store.put_object(bucket, name, b"")
    wanted: list[str] = []
    for name in sorted(names, key=str.encode):
        if name.startswith(prefix):
            at = name.find(delimiter, len(prefix)) if delimiter else -1
            entry = name if at < 0 else name[: at + len(delimiter)]
            wanted += [entry] if entry not in wanted else []
    seen = [
        entry
        for page in pages(store, bucket, prefix=prefix, delimiter=delimiter, max_keys=most)
        for entry in sorted(shown(page) + prefixes(page), key=str.encode)
    ]
    assert seen == wanted
    for name in names:
        store.delete_object(bucket, name)


@pytest.mark.parametrize("delimiter", [None, "/"])
@pytest.mark.parametrize("deleted", [range(0, 30), range(5, 30), range(0, 25), range(0, 30, 2)], ids=str)
def test_a_page_passes_a_bounded_number_of_deleted_keys_and_the_next_goes_on(
    store: Store, bucket: str, monkeypatch: pytest.MonkeyPatch, deleted: range, delimiter: str | None
) -> None:
    """Source: API page ListObjectsV2: a response might contain fewer keys, but will never contain more."""
    store.put_bucket_versioning(bucket, versioning_configuration={"status": "Enabled"})
    names = [f"{number % 3}/{number:02}" if number % 5 else f"{number:02}" for number in range(30)]
    for name in names:
        store.put_object(bucket, name, b"")
    for number in deleted:
        store.delete_object(bucket, names[number])
    whole = store.list_objects_v2(bucket, delimiter=delimiter)
    monkeypatch.setattr("engine.meta.paging.UNLISTED_MAX", 4)
    cut = list(pages(store, bucket, delimiter=delimiter))
    assert [key for page in cut for key in shown(page)] == shown(whole)
    assert [each for page in cut for each in prefixes(page)] == prefixes(whole)
    assert len(cut) > 1
    marker, listed = "", list[str]()
    while True:
        first_version = store.list_objects(bucket, marker=marker, delimiter=delimiter)
        listed += [item.key for item in first_version.contents or ()]
        if not first_version.is_truncated:
            break
        assert first_version.next_marker is not None
        marker = first_version.next_marker
    assert listed == shown(whole)
    assert (marker == "") == (delimiter is not None), "a marker within a common prefix skips all of it"
