"""A request is kept as received, decoded once, and refused if it cannot be decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.s3.http import decode_percent, decode_query
from tests.support.refusals import refused
from tests.support.wire import make_request

URI = "Couldn't parse the specified URI."


def test_a_header_that_was_not_sent_is_none() -> None:
    assert make_request().header("range") is None


def test_a_header_sent_twice_is_refused_even_if_both_agree() -> None:
    request = make_request(headers=[("content-md5", "a"), ("content-md5", "a")])
    with refused("InvalidRequest", "Header content-md5 was sent more than once"):
        request.header("content-md5")
    assert request.headers_named("content-md5") == ["a", "a"]


@pytest.mark.parametrize("name", ["content-encoding", "cache-control", "if-match", "x-amz-meta-a"])
def test_a_header_that_is_a_list_may_come_in_pieces(name: str) -> None:
    assert make_request(headers=[(name, "a"), ("range", "x"), (name, "b")]).header(name) == "a,b"


@pytest.mark.parametrize(
    ("raw", "items"),
    [
        (b"", ()),
        (b"uploads", (("uploads", ""),)),
        (b"uploads=", (("uploads", ""),)),
        (b"a=1&a=2&&b==c=&=d", (("a", "1"), ("a", "2"), ("b", "=c="), ("", "d"))),
        (b"prefix=a+b%2Bc%20d%2526", (("prefix", "a b+c d%26"),)),
        (b"a%3Db=%26&%C3%BC=%e6%97%a5", (("a=b", "&"), ("ü", "日"))),
        (b"a;b=1", (("a;b", "1"),)),
    ],
)
def test_a_query_is_split_first_and_decoded_once(raw: bytes, items: tuple[tuple[str, str], ...]) -> None:
    assert decode_query(raw) == items
    request = make_request(target="/?" + raw.decode())
    assert request.query == items
    assert request.query is request.query


@pytest.mark.parametrize(
    "raw", [b"%", b"a%2", b"%zz", b"%+1", b"% 1", b"%\xff0", b"%ff", b"%C3", b"%ED%A0%80", b"\xff", b"%C0%AF"]
)
def test_a_broken_escape_or_bytes_that_are_no_utf_8_are_refused(raw: bytes) -> None:
    with refused("InvalidURI", URI):
        decode_percent(raw)
    with refused("InvalidURI", URI):
        decode_query(b"ok=1&x=" + raw)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_way_of_percent_encoding_a_text_decodes_to_it(text: str) -> None:
    whole = b"".join(b"%%%02X" % byte for byte in text.encode())
    assert decode_percent(whole) == text
    assert decode_percent(whole.lower()) == text
    assert decode_percent(text.replace("%", "%25").encode()) == text
