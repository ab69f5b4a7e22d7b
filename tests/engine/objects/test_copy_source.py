"""x-amz-copy-source, x-amz-copy-source-range and the sizes that are refused; the expected values are AWS's answers."""

import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.objects.conditions import Extent
from engine.objects.copy_source import CopyRange, CopySource, copied_extent
from tests.support.refusals import refused

GIB = 1024**3
SIZE = 10

SOURCES = {
    "bucket/key": ("bucket", "key", None),
    "/bucket/key": ("bucket", "key", None),
    "bucket%2Fkey": ("bucket", "key", None),
    "%2Fbucket%2Fa%2Fb": ("bucket", "a/b", None),
    "bucket/a/b//c/": ("bucket", "a/b//c/", None),
    "bucket/a%20b+c%2Bd%25": ("bucket", "a b+c+d%", None),
    "bucket/ключ": ("bucket", "ключ", None),
    "bucket/%D0%BA%D0%BB%D1%8E%D1%87": ("bucket", "ключ", None),
    "bucket/key?versionId=abc%20": ("bucket", "key", "abc%20"),
    "bucket/what%3FversionId%3Dx?versionId=null": ("bucket", "what?versionId=x", "null"),
    "bucket/key?versionId=": ("bucket", "key", ""),
    "bucket/key?other=1": ("bucket", "key?other=1", None),
}


@pytest.mark.parametrize("text", SOURCES)
def test_a_copy_source_names_bucket_key_and_version(text: str) -> None:
    assert CopySource.of(text) == CopySource(*SOURCES[text])


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), version=st.none() | st.just("id"))
def test_a_copy_source_as_sdks_encode_it_comes_back_whole(key: str, version: str | None) -> None:
    text = f"bucket/{urllib.parse.quote(key)}" + (f"?versionId={version}" if version else "")
    assert CopySource.of(text) == CopySource("bucket", key, version)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid copy source bucket name"),
        ("/", "Invalid copy source bucket name"),
        ("//key", "Invalid copy source bucket name"),
        ("?versionId=x", "Invalid copy source bucket name"),
        ("no/key", "Invalid copy source bucket name"),
        ("Bucket/key", "Invalid copy source bucket name"),
        ("a_bucket/key", "Invalid copy source bucket name"),
        (f"{'b' * 64}/key", "Invalid copy source bucket name"),
        ("-bucket/key", "Invalid copy source bucket name"),
        ("arn:aws:s3:us-east-1:123456789012:accesspoint/mine/object/key", "Invalid copy source bucket name"),
        ("bucket", "Invalid copy source object key"),
        ("/bucket/", "Invalid copy source object key"),
        ("bucket?versionId=x", "Invalid copy source object key"),
        ("bucket/%ff", "Invalid copy source encoding"),
        ("bucket/\udcff", "Invalid copy source encoding"),
        ("bucket/100%", "Invalid copy source encoding"),
        ("bucket/%zz", "Invalid copy source encoding"),
        ("bucket/%4", "Invalid copy source encoding"),
    ],
)
def test_a_copy_source_of_another_form_is_refused(text: str, message: str) -> None:
    with refused("InvalidArgument", message, ArgumentName="x-amz-copy-source", ArgumentValue="x-amz-copy-source"):
        CopySource.of(text)


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [("bytes=0-8", 0, 9), ("bytes=1-1", 1, 1), ("bytes=0-0", 0, 1), ("bytes=9-9", 9, 1), ("bytes=00-09", 0, 10)],
)
def test_a_copy_range_has_both_its_ends(text: str, start: int, length: int) -> None:
    assert copied_extent(SIZE, CopyRange.of(text), 5 * GIB) == Extent(start, length)


FORM = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the "
    "first and last bytes to copy"
)
NO_RANGES = [
    "0-8", "bytes=1-0", "bytes=-1-", "bytes=0--1", "bytes=0-1,3-4,7-9", "bytes=-", "bytes=-0", "bytes=1-", "bytes=-2", "bytes=-15",
    "", "bytes", "bytes=", "bytes 0-8", "Bytes=0-8", "bytes=0-8 ", "bytes=0x0-0x8", "bytes=\u0660-\u0668", f"bytes=0-{10**19}",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_RANGES)
def test_a_copy_range_of_another_form_is_refused_before_the_source_is_known(text: str) -> None:
    with refused("InvalidArgument", FORM, ArgumentName="x-amz-copy-source-range", ArgumentValue=text):
        CopyRange.of(text)


@pytest.mark.parametrize("text", ["bytes=0-100", "bytes=9-10", f"bytes=0-{10**18}"])
def test_a_copy_range_that_ends_past_the_source_is_refused_and_not_cut(text: str) -> None:
    message = "Range specified is not valid for source object of size: 10"
    with refused("InvalidArgument", message, ArgumentName="x-amz-copy-source-range", ArgumentValue=text):
        copied_extent(SIZE, CopyRange.of(text), 5 * GIB)


@pytest.mark.parametrize(("size", "text"), [(SIZE, "bytes=100-200"), (SIZE, "bytes=10-10"), (0, "bytes=0-0")])
def test_a_copy_range_that_begins_past_the_source_is_another_error(size: int, text: str) -> None:
    with refused("InvalidRequest", "The specified copy range is invalid for the source object size"):
        copied_extent(size, CopyRange.of(text), 5 * GIB)


def test_a_source_of_up_to_5_gib_is_copied_whole_and_a_larger_one_is_refused() -> None:
    assert copied_extent(5 * GIB, None, 5 * GIB) == Extent(0, 5 * GIB)
    assert copied_extent(0, None, 5 * GIB) == Extent(0, 0)
    message = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
    with refused("InvalidRequest", message):
        copied_extent(5 * GIB + 1, None, 5 * GIB)


def test_a_range_of_a_larger_source_is_copied_up_to_5_gib() -> None:
    assert copied_extent(20 * GIB, CopyRange.of(f"bytes={GIB}-{6 * GIB - 1}"), 5 * GIB) == Extent(GIB, 5 * GIB)
    with refused("EntityTooLarge", ProposedSize=5 * GIB + 1, MaxSizeAllowed=5 * GIB):
        copied_extent(20 * GIB, CopyRange.of(f"bytes={GIB}-{6 * GIB}"), 5 * GIB)
