"""Heads: what is parsed is what was sent, a body has one framing, and a response has no header that nobody set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidArgument, InvalidRequest, NotImplementedYet, RequestHeaderSectionTooLarge, S3Error
from engine.server.host.head import HEAD_SIZE_MAX, Chunks, Head, end_of_head, response_head

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABC-0123456789", min_size=1, max_size=20).map(lambda name: f"x-{name}")
VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)


def head_of(*lines: str, start: str = "GET /a/b?c=d HTTP/1.1") -> Head:
    raw = "\r\n".join((start, *lines, "", "")).encode("latin-1")
    return Head(raw, "http", "127.0.0.1")


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=30))
def test_headers_come_as_they_were_sent_in_order_and_with_repetitions(headers: list[tuple[str, str]]) -> None:
    request = head_of(*(f"{name}: {value}" for name, value in headers)).request
    assert request.headers == tuple((name.lower(), value.strip(" \t")) for name, value in headers)
    assert (request.method, request.raw_path, request.raw_query) == ("GET", b"/a/b", b"c=d")


@given(st.binary(max_size=300))
def test_what_is_no_head_is_refused(data: bytes) -> None:
    with pytest.raises(S3Error):
        Head(b"\x01" + data + b"\r\n\r\n", "http", "127.0.0.1")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://host:9000/a%20b?x", b"/a%20b", b"x"),
        ("https://host/?x=a/b", b"/", b"x=a/b"),
        ("http://host?x=a/b", b"/", b"x=a/b"),
        ("http://host", b"/", b""),
    ],
)
def test_a_target_may_name_its_host(target: str, path: bytes, query: bytes) -> None:
    request = head_of(start=f"GET {target} HTTP/1.1").request
    assert (request.raw_path, request.raw_query) == (path, query)


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ((), 0),
        (("Content-Length: 12",), 12),
        (("Content-Length: 12", "Content-Length: 12"), 12),
        (("Transfer-Encoding: chunked",), None),
        (("Transfer-Encoding: Chunked",), None),
    ],
)
def test_a_body_is_framed(lines: tuple[str, ...], length: int | None) -> None:
    try:
        assert head_of(*lines, start="PUT /a HTTP/1.1").length == length
    except InvalidRequest:
        assert len(lines) == 2, "llhttp itself refuses a repeated Content-Length, which RFC 9112 allows"


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (("Content-Length: 12", "Transfer-Encoding: chunked"), InvalidRequest),
        (("Content-Length: 12", "Content-Length: 13"), InvalidRequest),
        (("Content-Length: -1",), InvalidRequest),
        (("Content-Length: 0x10",), InvalidRequest),
        (("Content-Length: 99999999999999999999",), InvalidRequest),
        (("Transfer-Encoding: gzip, chunked",), NotImplementedYet),
        (("Transfer-Encoding: gzip",), S3Error),
        (("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), S3Error),
        (("a b: c",), InvalidRequest),
        (("a : c",), InvalidRequest),
        ((" folded",), InvalidRequest),
        (("a: b\0c",), InvalidRequest),
    ],
)
def test_what_could_be_framed_or_read_in_two_ways_is_refused(lines: tuple[str, ...], error: type[S3Error]) -> None:
    with pytest.raises(error):
        head_of(*lines, start="PUT /a HTTP/1.1")


def test_a_body_in_chunks_is_decoded_and_what_follows_is_dropped() -> None:
    chunks = Chunks()
    for byte in b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nx-later: 1\r\n\r\nPUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nz":
        chunks.take_in(bytes([byte]))
    assert (bytes(chunks.data), chunks.is_complete) == (b"abcd", True)
    with pytest.raises(InvalidRequest):
        Chunks().take_in(b"xyz\r\n")


@pytest.mark.parametrize("start", [b"0\r\nx-later: ", b"0\r\n", b"1;x="])
def test_trailers_and_extensions_have_a_bound(start: bytes) -> None:
    chunks = Chunks()
    chunks.take_in(start + b"a" * (HEAD_SIZE_MAX - len(start)))
    with pytest.raises(RequestHeaderSectionTooLarge):
        chunks.take_in(b"a")


@pytest.mark.parametrize(
    ("version", "line", "keeps"),
    [
        ("1.1", "a: b", True),
        ("1.1", "Connection: close", False),
        ("1.0", "a: b", False),
        ("1.0", "Connection: keep-alive", True),
    ],
)
def test_a_connection_is_kept_as_the_client_says(version: str, line: str, keeps: bool) -> None:
    assert head_of(line, start=f"GET / HTTP/{version}").keeps_alive is keeps


def test_a_head_has_an_end_and_a_bound() -> None:
    assert end_of_head(bytearray(b"GET / HTTP/1.1\r\n\r"), 0) == 0
    assert end_of_head(bytearray(b"GET / HTTP/1.1\r\n\r\nrest"), 17) == 18
    with pytest.raises(RequestHeaderSectionTooLarge):
        end_of_head(bytearray(HEAD_SIZE_MAX + 1), 0)


@pytest.mark.parametrize("value", ["a\r\nx-other: b", "a\nb", "a\rb", "a\0b"])
def test_no_value_can_begin_a_header_of_its_own(value: str) -> None:
    with pytest.raises(InvalidArgument):
        response_head(200, [("Content-Disposition", value)], is_chunked=False, closes=False)
    assert b"x: ab\r\n" in response_head(200, [("x", "ab")], is_chunked=False, closes=False)
