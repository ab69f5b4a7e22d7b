"""The ASGI face of the application: the event loop moves bytes, a bounded pool of threads does the work.

The body of a request is fetched only when the work asks for it (so that `100 Continue` waits for the checks), ahead by at most
BUFFERED_MAX bytes, and a client that goes quiet is given up after `idle_timeout_s`.
"""

import asyncio
import contextlib
import threading
import urllib.parse
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engine.errors import IncompleteBody, RequestTimeout, S3Error
from engine.s3.http import Request
from engine.server.application import Application, close
from engine.server.exchange import Response

BUFFERED_MAX = 2 * 1024 * 1024
THREADS_DEFAULT = 16
IDLE_TIMEOUT_S_DEFAULT = 60.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class AsgiBody:
    """A request's body, filled by the event loop and read by a worker thread."""

    def __init__(
        self, receive: Receive, length: int | None, loop: asyncio.AbstractEventLoop, idle_timeout_s: float
    ) -> None:
        self.length = length
        self._receive = receive
        self._loop = loop
        self._idle_timeout_s = idle_timeout_s
        self._wanted = asyncio.Event()
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._is_idle = True
        """The loop waits to be asked for more."""
        self._ended = length == 0
        self._failure: S3Error | None = None

    @property
    def at_end(self) -> bool:
        return self._ended and not self._pieces

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`, as soon as there are some; for the worker thread."""
        with self._changed:
            while not self._pieces and not self._ended:
                self._ask()
                self._changed.wait()
            if not self._pieces:
                if self._failure is not None:
                    raise self._failure
                return b""
            piece = self._pieces.popleft()
            if 0 <= size < len(piece):
                self._pieces.appendleft(piece[size:])
                piece = piece[:size]
            self._buffered -= len(piece)
            if self._buffered < BUFFERED_MAX // 2 and not self._ended:
                self._ask()
        return piece

    def _ask(self) -> None:
        if self._is_idle:
            self._is_idle = False
            self._loop.call_soon_threadsafe(self._wanted.set)

    async def fill(self) -> None:
        """Fetch what the worker asks for, until the end; for the event loop."""
        try:
            while not self._ended:
                await self._wanted.wait()
                self._wanted.clear()
                while not self._is_idle and not self._ended:
                    async with asyncio.timeout(self._idle_timeout_s):
                        message = await self._receive()
                    self._take(message)
        except TimeoutError:
            self._fail(RequestTimeout())
        finally:  # the worker must not wait for a loop that has gone
            if not self._ended:
                self._fail(IncompleteBody(reason="the request was given up"))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.disconnect":
            self._fail(IncompleteBody(reason="the client went away"))
            return
        piece = message.get("body", b"")
        with self._changed:
            if piece:
                self._pieces.append(piece)
                self._buffered += len(piece)
            self._ended = not message.get("more_body", False)
            self._is_idle = self._buffered >= BUFFERED_MAX
            self._changed.notify()

    def _fail(self, failure: S3Error) -> None:
        with self._changed:
            self._failure = failure
            self._ended = True
            self._changed.notify()


class AsgiApplication:
    """The application as an ASGI callable."""

    def __init__(
        self,
        application: Application,
        *,
        threads: int = THREADS_DEFAULT,
        idle_timeout_s: float = IDLE_TIMEOUT_S_DEFAULT,
    ) -> None:
        self.application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="partwright")
        self._idle_timeout_s = idle_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        loop = asyncio.get_running_loop()
        request = _request(scope)
        body = AsgiBody(receive, _content_length(request), loop, self._idle_timeout_s)
        filler = asyncio.ensure_future(body.fill())
        try:
            response = await loop.run_in_executor(self._pool, self.application.handle, request, body)
        finally:
            filler.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await filler
        await self._send(response, send, loop)

    async def _send(self, response: Response, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        try:
            await self._send_one(send, {"type": "http.response.start", "status": response.status, "headers": headers})
            if isinstance(response.body, bytes):
                await self._send_one(send, {"type": "http.response.body", "body": response.body})
                return
            pieces = iter(response.body)
            while (piece := await loop.run_in_executor(self._pool, next, pieces, None)) is not None:
                await self._send_one(send, {"type": "http.response.body", "body": piece, "more_body": True})
            await self._send_one(send, {"type": "http.response.body", "body": b""})
        finally:
            close(response.body)

    async def _send_one(self, send: Send, message: dict[str, Any]) -> None:
        """Send with a limit on waiting: a client that stops reading is given up."""
        async with asyncio.timeout(self._idle_timeout_s):
            await send(message)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _request(scope: Scope) -> Request:
    raw_path = scope.get("raw_path")
    if not raw_path:
        raw_path = urllib.parse.quote(scope["path"], safe="/-_.~").encode()
    return Request(
        method=scope["method"],
        raw_path=raw_path.partition(b"?")[0],
        raw_query=scope["query_string"],
        headers=tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]),
        scheme=scope.get("scheme", "http"),
        remote=(scope.get("client") or ("",))[0],
    )


def _content_length(request: Request) -> int | None:
    values: Iterable[str] = {value for name, value in request.headers if name == "content-length"}
    if any(name == "transfer-encoding" for name, _ in request.headers):
        return None
    digits = [value for value in values if value.isascii() and value.isdigit()]
    return int(digits[0]) if len(digits) == 1 else 0
