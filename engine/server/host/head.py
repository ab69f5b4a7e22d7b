"""Heads of HTTP/1.1 messages: requests are parsed by llhttp (httptools), responses are written.

Source: RFC 9112.
"""

import http
import time
from email.utils import formatdate
from typing import Literal

import httptools

from engine.errors import InvalidArgument, InvalidRequest, NotImplementedYet, RequestHeaderSectionTooLarge
from engine.s3.http import Request
from engine.server.exchange import Headers

HEAD_SIZE_MAX = 96 * 1024
"""Bytes of a request line and its headers together, which is more than the application takes of headers alone."""
LENGTH_MAX = 2**63 - 1
_END = b"\r\n\r\n"
_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}


class Head:
    """The head of one request: what the application reads, and how the body is framed."""

    __slots__ = (
        "_headers",
        "_parser",
        "_target",
        "expects_continue",
        "keeps_alive",
        "length",
        "request",
        "version",
    )  # fmt: skip

    def __init__(self, raw: bytes, scheme: Literal["http", "https"], remote: str) -> None:
        """Parse a whole head, to its empty line.

        Raises:
            InvalidRequest: it is not HTTP/1.1, or its body could be framed in two ways.
            NotImplementedYet: the body has a transfer coding besides chunked.
        """
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self.keeps_alive = False
        self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise InvalidRequest("The request is not valid HTTP/1.1", reason=str(error)) from None
        self.version = self._parser.get_http_version()
        if self.version not in ("1.0", "1.1"):
            raise InvalidRequest("The request is not valid HTTP/1.1", reason=f"it is HTTP/{self.version}")
        self.length: int | None = self._framing()
        """Bytes of the body; None if it comes in chunks."""
        self.keeps_alive &= self.length is not None
        self.expects_continue = False
        for name, value in self._headers:
            if name == "expect" and value.lower() == "100-continue":
                self.expects_continue = self.version == "1.1"
        path, _, query = _origin_form(self._target).partition(b"?")
        method = self._parser.get_method().decode()
        self.request = Request(method, path, query, tuple(self._headers), scheme, remote)

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.keeps_alive = self._parser.should_keep_alive()  # at the end of the message, llhttp has forgotten it

    def _framing(self) -> int | None:
        codings = [value for name, value in self._headers if name == "transfer-encoding"]
        lengths = {value for name, value in self._headers if name == "content-length"}
        if codings:
            if lengths:
                raise InvalidRequest("A request can't have both Content-Length and Transfer-Encoding")
            if [coding.strip().lower() for coding in codings] != ["chunked"] or self.version != "1.1":
                raise NotImplementedYet(Header="Transfer-Encoding")
            return None
        if not lengths:
            return 0
        (text,) = lengths if len(lengths) == 1 else ("",)
        if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LENGTH_MAX):
            raise InvalidRequest("Content-Length is not a number of bytes")
        return int(text)


class Chunks:
    """Decodes a body in chunks (RFC 9112 section 7.1); its trailer and the extensions of its chunks are dropped.

    The parser is not that of the head: it would end the body at once if the client offers an upgrade, take a request that follows for
    this one, and keep a trailer in memory.
    """

    __slots__ = ("_dropped", "_parser", "data", "is_complete")

    def __init__(self) -> None:
        self.data = bytearray()
        """The decoded bytes; `take_in` adds to them, and who reads them takes them away."""
        self.is_complete = False
        """Whether the last chunk has come. Bytes that follow it are dropped."""
        self._dropped = 0
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")

    def on_body(self, piece: bytes) -> None:
        if not self.is_complete:
            self.data += piece
            self._dropped = 0

    def on_message_complete(self) -> None:
        self.is_complete = True

    def take_in(self, data: bytes | memoryview) -> None:
        """Decode more.

        Raises:
            InvalidRequest: they are no chunks.
            RequestHeaderSectionTooLarge: a trailer or an extension has more than about `HEAD_SIZE_MAX` bytes.
        """
        self._dropped += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self.is_complete:
                raise InvalidRequest("The body is not in HTTP chunks", reason=str(error)) from None
        if self._dropped > HEAD_SIZE_MAX and not self.is_complete:
            raise RequestHeaderSectionTooLarge(MaxSizeAllowed=HEAD_SIZE_MAX)


def _origin_form(target: bytes) -> bytes:
    """Return the path and query of a request target; those of proxies (RFC 9112 section 3.2.2) name a host before them."""
    if not target.startswith((b"http://", b"https://")):
        return target
    path, mark, query = target.partition(b"://")[2].partition(b"?")
    return b"/" + path.partition(b"/")[2] + mark + query


def end_of_head(buffer: bytearray, searched: int) -> int:
    """Return where the first head in the buffer ends, or 0 if it is not whole; the bytes before `searched` have no end.

    Raises:
        RequestHeaderSectionTooLarge: it has more than `HEAD_SIZE_MAX` bytes.
    """
    at = buffer.find(_END, max(0, searched - len(_END)))
    end = at + len(_END) if at >= 0 else 0
    if (end or len(buffer)) > HEAD_SIZE_MAX:
        raise RequestHeaderSectionTooLarge(MaxSizeAllowed=HEAD_SIZE_MAX)
    return end


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Clock:
    """The Date of responses, formatted once a second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._line = ""

    def line(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._line = formatdate(second, usegmt=True)
            self._second = second
        return self._line


_clock = _Clock()


def response_head(status: int, headers: Headers, *, is_chunked: bool, closes: bool) -> bytes:
    """Write the head of a response.

    Raises:
        InvalidArgument: a header has a control character, with which a client could write headers of its own.
    """
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, '')}", f"Date: {_clock.line()}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if is_chunked:
        lines.append("Transfer-Encoding: chunked")
    if closes and ("Connection", "close") not in headers:
        lines.append("Connection: close")
    text = "\r\n".join(lines)
    if text.count("\r") != len(lines) - 1 or text.count("\n") != len(lines) - 1 or "\0" in text:
        raise InvalidArgument("A header of the response would have a control character")
    return (text + "\r\n\r\n").encode("latin-1")
