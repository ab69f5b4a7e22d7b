"""A client that goes away in the middle of its download: nothing more is read for it, and what the answer held is released."""

import asyncio
from collections.abc import Iterator
from typing import Any

from engine.server.application import Application
from engine.server.asgi import AsgiApplication
from engine.server.exchange import Response

PIECES = 1000
PIECES_TAKEN = 3
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/photos/film",
    "raw_path": b"/photos/film",
    "query_string": b"",
    "headers": [],
}


class Download(Application):
    """Answers with many pieces, and counts those that were asked for."""

    def __init__(self) -> None:
        self.read = 0
        self.is_closed = False

    def handle(self, request: Any, body: Any) -> Response:
        return Response(200, [], self)

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(PIECES):
            self.read += 1
            yield b"piece"

    def close(self) -> None:
        self.is_closed = True


def download(pieces_taken: int) -> Download:
    """Serve a client that takes some pieces and goes; as with granian, what is sent after that vanishes without an error."""
    application = Download()

    async def serve() -> None:
        sent = 0
        gone = asyncio.Event()
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal sent
            sent += bool(message.get("body"))
            if sent == pieces_taken:
                gone.set()

        await AsgiApplication(application, threads=2, idle_timeout_s=60.0)(SCOPE, receive, send)

    asyncio.run(serve())
    return application


def test_nothing_more_is_read_for_a_client_that_went_away() -> None:
    application = download(PIECES_TAKEN)
    assert application.read < 2 * PIECES_TAKEN
    assert application.is_closed


def test_client_that_stays_gets_everything() -> None:
    application = download(PIECES + 1)
    assert application.read == PIECES
    assert application.is_closed
