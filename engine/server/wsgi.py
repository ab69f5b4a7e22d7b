"""The application over WSGI (PEP 3333), for servers that speak it themselves: wrappers around ASGI servers buffer whole bodies."""

import http
import re
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from engine.errors import IncompleteBody, RequestTimeout
from engine.s3.http import Request
from engine.server.application import Application
from engine.server.exchange import RawBody
from engine.server.reading_on import Strangers, answer_then_read_on
from engine.server.wsgi_socket import SocketBody

_DIGITS = re.compile(r"[0-9]{1,19}")
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class WsgiBody(RawBody):
    """`wsgi.input`, never read beyond Content-Length."""

    def __init__(self, stream: Any, length: int | None, terminated: bool) -> None:
        self.length = length
        self.waits_at_most_s: float | None = None
        self._stream = stream
        self._has_begun = False
        self._has_failed = False
        self._left = length if length is not None else None if terminated else 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most `size`.

        Raises:
            RequestTimeout: the client sends nothing, and the host server has a limit for that.
            IncompleteBody: the client went away.
        """
        if self._left is not None:
            size = self._left if size < 0 else min(size, self._left)
        if size == 0:
            return b""
        self._has_begun = True
        data = self._read(size)
        if not data:
            self._left = 0
        elif self._left is not None:
            self._left -= len(data)
        return data

    def _read(self, size: int) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except TimeoutError:
            self._has_failed = True
            raise RequestTimeout from None
        except OSError as error:
            self._has_failed = True
            raise IncompleteBody(reason="the client went away") from error
        return data

    @property
    def at_end(self) -> bool:
        return self._left == 0

    def is_worth_reading(self, *, expects_continue: bool) -> bool:
        """Tell whether the client is still sending: not if it waits for `100 Continue`, which reading would make the host send."""
        return not self.at_end and not self._has_failed and (self._has_begun or not expects_continue)

    def give_up(self) -> None:
        """Do nothing: the host knows how much of the body was read."""


class WsgiApplication:
    """The application as a WSGI callable."""

    def __init__(self, application: Application, *, idle_timeout_s: float) -> None:
        self.application = application
        self._idle_timeout_s = idle_timeout_s
        self._strangers = Strangers()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = self._body(environ)
        response = self.application.handle(_request(environ), body)
        start_response(f"{response.status} {_phrase(response.status)}", response.headers)
        if not isinstance(response.body, bytes):
            return response.body
        if body.is_worth_reading(expects_continue="HTTP_EXPECT" in environ):
            return answer_then_read_on(response, response.body, body, self._strangers)
        return [response.body]

    def _body(self, environ: Environ) -> SocketBody | WsgiBody:
        length = _content_length(environ)
        return SocketBody.of(environ, length, self._idle_timeout_s) or WsgiBody(
            environ["wsgi.input"], length, bool(environ.get("wsgi.input_terminated"))
        )


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase


def _content_length(environ: Environ) -> int | None:
    text = environ.get("CONTENT_LENGTH") or ""
    if environ.get("HTTP_TRANSFER_ENCODING") or not _DIGITS.fullmatch(text):
        return None if environ.get("HTTP_TRANSFER_ENCODING") else 0
    return int(text)


def _request(environ: Environ) -> Request:
    return Request(
        method=environ["REQUEST_METHOD"],
        raw_path=_raw_path(environ),
        raw_query=environ.get("QUERY_STRING", "").encode("latin-1"),
        headers=tuple(_headers(environ)),
        scheme=environ["wsgi.url_scheme"],
        remote=environ.get("REMOTE_ADDR", ""),
    )


def _raw_path(environ: Environ) -> bytes:
    """Return the path as it was sent if the host server gives it, else its decoded path, encoded again. Both decode to the same key."""
    for name in ("RAW_URI", "REQUEST_URI"):
        if environ.get(name, "").startswith("/"):
            return str(environ[name]).partition("?")[0].encode("latin-1")
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return urllib.parse.quote(path.encode("latin-1"), safe="/-_.~").encode()


def _headers(environ: Environ) -> Iterable[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-").lower(), value
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.replace("_", "-").lower(), value
