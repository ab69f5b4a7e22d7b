"""The application over ASGI: the event loop moves bytes, a bounded pool of threads does the work.

A client that sends or takes nothing for `idle_timeout_s` seconds is given up.
"""

import asyncio
import contextlib
import logging
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from engine.errors import S3Error
from engine.s3.http import Request
from engine.server.application import Application, close
from engine.server.asgi_body import AsgiBody, Receive
from engine.server.exchange import Response

THREADS_DEFAULT = 64
_log = logging.getLogger("partwright.server")

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class AsgiApplication:
    """The application as an ASGI callable."""

    def __init__(self, application: Application, *, threads: int, idle_timeout_s: float) -> None:
        self.application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="partwright")
        self._idle_timeout_s = idle_timeout_s
        self.lifespan: AbstractContextManager[object] = contextlib.nullcontext()
        """Entered when the host server starts, left when it stops; only a host with ASGI's lifespan protocol says when."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            with self.lifespan:
                await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        loop = asyncio.get_running_loop()
        request = _request(scope)
        body = AsgiBody(receive, _content_length(request), loop, self._idle_timeout_s)
        try:
            try:
                response = await self._handle(request, body)
                if isinstance(response.body, bytes):
                    rest = body if body.is_worth_reading(expects_continue=_expects_continue(request)) else None
                    await self._send_whole(response, response.body, rest, send)
                    return
            finally:
                await body.close()
            await self._send_pieces(response, response.body, _Departure(receive, body), send, loop)
        except _ClientStalled:
            _log.info("a client took nothing for %s s and was given up", self._idle_timeout_s)

    async def _handle(self, request: Request, body: AsgiBody) -> Response:
        if self.application.asks_for_health(request):  # answered even if every thread waits for a slow client
            return self.application.handle(request, body)
        work = self._pool.submit(self.application.handle, request, body)
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            work.add_done_callback(_close_unsent)
            raise

    async def _send_whole(self, response: Response, document: bytes, rest: AsgiBody | None, send: Send) -> None:
        """Send a complete answer. If the client is still sending its body (`rest`), the last byte of the answer waits until the body
        is read, for granian reads nothing more from a client once its answer is complete.
        """
        start, whole = _start_of(response), {"type": "http.response.body", "body": document}
        if rest is not None and document:
            await self._send_all(send, start, whole | {"body": document[:-1], "more_body": True})
            await rest.read_on()
            await self._send_all(send, whole | {"body": document[-1:]})
            return
        if rest is not None:
            await rest.read_on()
        await self._send_all(send, start, whole)

    async def _send_pieces(
        self,
        response: Response,
        body: Iterable[bytes],
        departure: "_Departure",
        send: Send,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        try:
            await self._send_all(send, _start_of(response))
            departure.watch()
            pieces = iter(body)
            while (piece := await loop.run_in_executor(self._pool, next, pieces, None)) is not None:
                if departure.has_come:
                    return
                await self._send_all(send, {"type": "http.response.body", "body": piece, "more_body": True})
            await self._send_all(send, {"type": "http.response.body", "body": b""})
        except S3Error as error:  # the status has been sent: only an incomplete answer can still show the failure
            _log.error("an answer broke off: %s", error.reason)
        finally:
            departure.forget()
            close(body)

    async def _send_all(self, send: Send, *messages: dict[str, Any]) -> None:
        """Send with a limit on waiting: a client that stops reading is given up."""
        try:
            async with asyncio.timeout(self._idle_timeout_s):
                for message in messages:
                    await send(message)
        except TimeoutError:
            raise _ClientStalled from None


def _expects_continue(request: Request) -> bool:
    return bool(request.headers_named("expect"))


def _start_of(response: Response) -> dict[str, Any]:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    return {"type": "http.response.start", "status": response.status, "headers": headers}


def _close_unsent(work: Future[Response]) -> None:
    """Close the body of an answer that nobody waits for any more."""
    if not work.cancelled() and work.exception() is None:
        close(work.result().body)


class _Departure:
    """Notices that the client has gone while its answer is sent. `send` does not show it: it accepts bytes for a closed connection."""

    def __init__(self, receive: Receive, body: AsgiBody) -> None:
        self._receive = receive
        self._body = body
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Start to wait for the message `http.disconnect`; not while body messages would come before it."""
        if self._body.at_end:
            self._task = asyncio.ensure_future(self._wait())

    @property
    def has_come(self) -> bool:
        task = self._task
        return task is not None and task.done() and not task.cancelled() and task.exception() is None

    def forget(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class _ClientStalled(Exception):
    """The client takes nothing. Its answer is left incomplete, which makes the host close the connection."""


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
