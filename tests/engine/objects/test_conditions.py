"""Ranged and conditional reads: tables of AWS's answers, and random ranges compared with Python's slices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Store
from engine.dates import http_date
from engine.errors import InvalidRange, NotModified, PreconditionFailed
from engine.limits import Limits
from engine.meta.parts import Manifest, PartRecord, Parts
from engine.meta.records import Headers, ObjectRecord
from engine.objects.conditions import Conditions, extent_of
from tests.support.refusals import refused
from tests.support.uploads import put_multipart, read

DIGITS = b"0123456789"

# AWS capture get_object_range: the Range, the bytes, the Content-Range (None: a 200 with the whole object)
RANGES = [
    ("bytes=0-8", b"012345678", "bytes 0-8/10"),
    ("bytes=1-", b"123456789", "bytes 1-9/10"),
    ("bytes=-2", b"89", "bytes 8-9/10"),
    ("bytes=-9", b"123456789", "bytes 1-9/10"),
    ("bytes=-15", DIGITS, "bytes 0-9/10"),
    ("bytes=0-0", b"0", "bytes 0-0/10"),
    ("bytes=1-1", b"1", "bytes 1-1/10"),
    ("bytes=0-100", DIGITS, "bytes 0-9/10"),
    ("bytes=1-0", DIGITS, None),
    ("bytes=-1-", DIGITS, None),
    ("bytes=0--1", DIGITS, None),
    ("bytes=-", DIGITS, None),
    ("bytes=0-1,3-4,7-9", DIGITS, None),
    ("0-8", DIGITS, None),
]
# not captured; RFC 9110: a malformed Range is ignored
RANGES += [
    (text, DIGITS, None) for text in ("", "bytes=", "bytes", "byte=0-1", "bytes=a-b", "bytes=0-1-2", "bytes=0x1-2")
]
RANGES += [
    ("bytes=9-9", b"9", "bytes 9-9/10"),
    ("bytes=-10", DIGITS, "bytes 0-9/10"),
    ("bytes=0-" + "9" * 40, DIGITS, "bytes 0-9/10"),
    ("bytes=-" + "9" * 40, DIGITS, "bytes 0-9/10"),
    ("bytes=\u0660-\u0661", DIGITS, None),
]


def test_a_range_of_another_object_is_the_whole_object(tiny: Store, bucket: str) -> None:
    """RFC 9110 section 13.1.5: If-Range holds if it is the same strong entity tag, or exactly Last-Modified."""
    old = tiny.put_object(bucket, "key", b"old old")
    new = tiny.put_object(bucket, "key", DIGITS)
    modified = tiny.head_object(bucket, "key").last_modified
    holding = [new.etag, new.etag.strip('"'), http_date(modified), f" {http_date(modified)} "]
    failing = [
        old.etag, f"W/{new.etag}", "*", "", '""', "nonsense", f"{old.etag}, {new.etag}",
        http_date(modified - timedelta(seconds=1)), http_date(modified + timedelta(seconds=1)),
    ]  # fmt: skip
    for validators, body, content_range in ((holding, b"234", "bytes 2-4/10"), (failing, DIGITS, None)):
        for validator in validators:
            for call in (tiny.get_object, tiny.head_object):
                found = call(bucket, "key", range="bytes=2-4", if_range=validator)
                assert (found.content_range, found.content_length) == (content_range, len(body)), validator
            assert read(tiny, bucket, "key", range="bytes=2-4", if_range=validator) == body
    assert read(tiny, bucket, "key", range="bytes=99-", if_range=old.etag) == DIGITS
    assert read(tiny, bucket, "key", if_range=old.etag) == DIGITS
    with refused("InvalidRange", RangeRequested="bytes=99-", ActualObjectSize=10):
        tiny.get_object(bucket, "key", range="bytes=99-", if_range=new.etag)


UNSATISFIABLE = ["bytes=-0", "bytes=100-200", "bytes=10-", "bytes=10-10", "bytes=" + "9" * 40 + "-"]


@pytest.mark.parametrize(("asked", "body", "content_range"), RANGES)
@pytest.mark.parametrize("bodies", [[DIGITS], [b"0", b"1234", b"56789", b""]], ids=["plain", "multipart"])
def test_a_range_is_answered_as_aws_does(
    tiny: Store, bucket: str, bodies: list[bytes], asked: str, body: bytes, content_range: str | None
) -> None:
    store_in_parts(tiny, bucket, bodies)
    got = tiny.get_object(bucket, "key", range=asked)
    head = tiny.head_object(bucket, "key", range=asked)
    assert got.body.read() == body
    for answer in (got, head):
        assert (answer.content_range, answer.content_length) == (content_range, len(body))
        assert answer.parts_count is None


def store_in_parts(store: Store, bucket: str, bodies: list[bytes]) -> None:
    if len(bodies) == 1:
        store.put_object(bucket, "key", bodies[0])
    else:
        put_multipart(store, bucket, "key", bodies)


@pytest.mark.parametrize("asked", UNSATISFIABLE)
def test_a_range_without_bytes_is_refused(store: Store, bucket: str, asked: str) -> None:
    store.put_object(bucket, "key", DIGITS)
    for call in (store.get_object, store.head_object):
        with refused("InvalidRange", RangeRequested=asked, ActualObjectSize=10):
            call(bucket, "key", range=asked)


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=0-", "bytes=-1", "bytes=-0"])
def test_an_object_of_no_bytes_has_no_ranges(store: Store, bucket: str, asked: str) -> None:
    store.put_object(bucket, "key", b"")
    with refused("InvalidRange", RangeRequested=asked, ActualObjectSize=0):
        store.get_object(bucket, "key", range=asked)


@pytest.mark.parametrize("digits", [4_301, 100_000])
def test_a_number_in_a_range_may_have_any_count_of_digits(store: Store, bucket: str, digits: int) -> None:
    store.put_object(bucket, "key", DIGITS)
    assert read(store, bucket, "key", range="bytes=0-" + "9" * digits) == DIGITS
    assert read(store, bucket, "key", range="bytes=-" + "9" * digits) == DIGITS
    with pytest.raises(InvalidRange):
        store.get_object(bucket, "key", range="bytes=" + "9" * digits + "-")


def test_a_range_and_a_part_number_exclude_each_other(store: Store, bucket: str) -> None:
    store.put_object(bucket, "key", DIGITS)
    text = "Cannot specify both Range header and partNumber query parameter"
    for call in (store.get_object, store.head_object):
        with refused("InvalidRequest", text):
            call(bucket, "key", range="bytes=0-1", part_number=1)


def test_a_range_of_no_object_is_of_no_object(store: Store, bucket: str) -> None:
    with refused("NoSuchKey", Key="key"):
        store.get_object(bucket, "key", range="bytes=0-1")


SIZES = st.lists(st.integers(0, 6), min_size=1, max_size=5)
BOUND = st.none() | st.integers(0, 40)


@given(SIZES, BOUND, BOUND)
def test_any_range_is_the_slice_of_its_bounds(sizes: list[int], first: int | None, last: int | None) -> None:
    record, manifest = described(sizes)
    asked = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    whole = range(sum(sizes))
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        wanted, is_whole = whole, True
    elif first is None:
        wanted, is_whole = (whole[-last:] if last else whole[:0]), False
    else:
        wanted, is_whole = whole[first : None if last is None else last + 1], False
    if not is_whole and not wanted:
        with pytest.raises(InvalidRange):
            extent_of(record, manifest, asked, None, Limits())
        return
    extent = extent_of(record, manifest, asked, None, Limits())
    assert range(extent.start, extent.start + extent.length) == wanted
    shown = None if is_whole else f"bytes {wanted[0]}-{wanted[-1]}/{len(whole)}"
    assert extent.content_range == shown


@given(SIZES, st.data())
def test_any_part_is_the_slice_between_the_parts_beside_it(sizes: list[int], data: st.DataObject) -> None:
    record, manifest = described(sizes)
    number = data.draw(st.integers(1, len(sizes)))
    extent = extent_of(record, manifest, None, number, Limits())
    assert (extent.start, extent.length) == (sum(sizes[: number - 1]), sizes[number - 1])
    assert extent.parts_count == len(sizes)


def described(sizes: list[int]) -> tuple[ObjectRecord, Manifest]:
    rows = b"".join(PartRecord(number, size, 0, bytes(16), bytes(16)).pack() for number, size in enumerate(sizes, 1))
    return ObjectRecord(bytes(16), sum(sizes), "etag", 0, len(sizes), Headers()), Manifest.of(Parts(rows), sizes)


NOW = datetime.now(UTC)
MODIFIED = NOW - timedelta(minutes=5)
LATER, EARLIER, FUTURE = MODIFIED + timedelta(seconds=60), MODIFIED - timedelta(days=1), NOW + timedelta(days=1)
ETAG = "8d777f385d3dfec8815d20f7496026dc"
HELD = [
    # AWS capture s3_get_object_preconditions, in its order
    {"if_modified_since": FUTURE},
    {"if_unmodified_since": MODIFIED},
    {"if_match": f'"{ETAG}"', "if_none_match": '"other"', "if_unmodified_since": NOW},
    # RFC 9110 section 13
    {},
    {"if_match": ETAG},
    {"if_match": "*"},
    {"if_match": f'"other", "{ETAG}"'},
    {"if_match": ETAG.upper()},
    {"if_none_match": "other"},
    {"if_modified_since": EARLIER},
    {"if_unmodified_since": LATER},
    {"if_match": ETAG, "if_unmodified_since": EARLIER},
    {"if_none_match": "other", "if_modified_since": LATER},
]
NOT_MODIFIED = [
    {"if_none_match": f'"{ETAG}"'},
    {"if_none_match": ETAG},
    {"if_modified_since": LATER},
    {"if_modified_since": MODIFIED},
    {"if_none_match": "*"},
    {"if_none_match": f'W/"{ETAG}"'},
    {"if_none_match": f'"other", "{ETAG}"'},
    {"if_none_match": ETAG, "if_modified_since": EARLIER},
    {"if_match": ETAG, "if_none_match": ETAG},
]
FAILED = [
    ({"if_match": "etag"}, "If-Match"),
    ({"if_unmodified_since": EARLIER}, "If-Unmodified-Since"),
    ({"if_match": ""}, "If-Match"),
    ({"if_match": "etag", "if_none_match": ETAG}, "If-Match"),
    ({"if_match": "etag", "if_unmodified_since": LATER}, "If-Match"),
    ({"if_unmodified_since": EARLIER, "if_none_match": ETAG}, "If-Unmodified-Since"),
]


@pytest.mark.parametrize("conditions", HELD)
def test_a_read_whose_conditions_hold_goes_on(conditions: dict[str, Any]) -> None:
    Conditions(**conditions).check(ETAG, MODIFIED)


@pytest.mark.parametrize("conditions", NOT_MODIFIED)
def test_a_read_of_what_the_caller_has_is_not_modified(conditions: dict[str, Any]) -> None:
    headers = {"ETag": f'"{ETAG}"', "Last-Modified": MODIFIED.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    with refused("NotModified") as caught:
        Conditions(**conditions).check(ETAG, MODIFIED)
    assert caught.value.headers == headers


@pytest.mark.parametrize(("conditions", "named"), FAILED)
def test_a_read_whose_condition_fails_names_it(conditions: dict[str, Any], named: str) -> None:
    with refused("PreconditionFailed", Condition=named):
        Conditions(**conditions).check(ETAG, MODIFIED)


def test_conditions_compare_whole_seconds_as_http_dates_do() -> None:
    modified = MODIFIED.replace(microsecond=900_000)
    second = modified.replace(microsecond=0)
    Conditions(if_unmodified_since=second).check(ETAG, modified)
    with pytest.raises(NotModified):
        Conditions(if_modified_since=second).check(ETAG, modified)


@pytest.mark.parametrize("name", ["get_object", "head_object"])
def test_reads_of_a_store_obey_their_conditions(store: Store, bucket: str, name: str) -> None:
    etag = store.put_object(bucket, "key", b"data").etag
    assert etag == f'"{ETAG}"'
    call: Callable[..., Any] = getattr(store, name)
    modified = store.head_object(bucket, "key").last_modified
    for refusal, conditions in (
        (NotModified, {"if_none_match": etag}),
        (NotModified, {"if_modified_since": modified}),
        (PreconditionFailed, {"if_match": "etag"}),
        (PreconditionFailed, {"if_unmodified_since": modified - timedelta(days=1)}),
    ):
        with pytest.raises(refusal):
            call(bucket, "key", **conditions)
    call(bucket, "key", if_match=etag, if_unmodified_since=modified, if_modified_since=modified - timedelta(days=1))
