"""The body of a request under ASGI: the event loop fetches it in batches, a worker thread reads it.

Handing over is what costs (every wake of the other thread goes through the interpreter lock twice), so pieces cross in batches; one
batch is fetched while the one before it is worked on, and nothing is fetched before the first read: `100 Continue` waits for it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any

from engine.errors import IncompleteBody, RequestTimeout, S3Error

BATCH_SIZE = 512 * 1024
"""A batch ends with the piece that reaches it; two batches are in memory at most."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Batch = tuple[list[bytes], bool, S3Error | None]
"""Pieces, whether they are the last, and what went wrong after them."""


class AsgiBody:
    """A `RawBody` for one worker thread; `length` is None where the client did not say it."""

    def __init__(
        self, receive: Receive, length: int | None, loop: asyncio.AbstractEventLoop, idle_timeout_s: float
    ) -> None:
        self.length = length
        self._loop = loop
        self._batches: SimpleQueue[Batch] = SimpleQueue()
        self._pieces: deque[bytes] = deque()
        self._left = length
        self._ended = length == 0
        self._failure: S3Error | None = None
        self._fetcher = _Fetcher(receive, length, self._batches, loop, idle_timeout_s)

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self._left == 0 or (self._ended and not self._pieces and self._failure is None)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`, as soon as there are some; for the worker thread.

        Raises:
            RequestTimeout: the client sent nothing for the time-out.
            IncompleteBody: it went away.
        """
        while not self._pieces:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return b""
            self._take_batch()
        piece = self._pieces.popleft()
        if 0 <= size < len(piece):
            self._pieces.appendleft(piece[size:])
            piece = piece[:size]
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def _take_batch(self) -> None:
        self._loop.call_soon_threadsafe(self._fetcher.fetch_more)
        pieces, self._ended, self._failure = self._batches.get()
        self._pieces.extend(pieces)

    async def close(self) -> None:
        """Fetch no more; for the event loop, when the work is done or given up."""
        await self._fetcher.close()


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


class _Fetcher:
    """The event loop's half."""

    def __init__(
        self,
        receive: Receive,
        length: int | None,
        batches: "SimpleQueue[Batch]",
        loop: asyncio.AbstractEventLoop,
        idle_timeout_s: float,
    ) -> None:
        self._receive = receive
        self._left = length
        self._batches = batches
        self._loop = loop
        self._idle_timeout_s = idle_timeout_s
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waits_since_s: float | None = None
        self._is_idle = False
        self._ended = False
        self._closed = False

    def fetch_more(self) -> None:
        """The worker has begun to wait, or to work on the batch before."""
        self._wanted.set()
        if self._closed:
            self._batches.put(_given_up())
        elif self._task is None:
            self._task = self._loop.create_task(self._run())
            self._watch()

    async def close(self) -> None:
        """Fetch no more, whatever is under way."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        # errors keep frames, and so this body, until the garbage collector comes; granian keeps the connection as long as `receive`
        self._receive = _nothing

    def _watch(self) -> None:
        """Give the client up if it kept us waiting for the time-out; one timer a body costs less than one a piece."""
        now_s = self._loop.time()
        waited_s = now_s - (self._waits_since_s or now_s)
        if waited_s >= self._idle_timeout_s and self._task is not None:
            self._is_idle = True
            self._task.cancel()
        else:
            self._timer = self._loop.call_later(self._idle_timeout_s - waited_s, self._watch)

    async def _run(self) -> None:
        last = _given_up()
        try:
            while True:
                pieces = await self._fetch()
                self._batches.put((pieces, self._ended, None))
                if self._ended:
                    return
                await self._wanted.wait()
                self._wanted.clear()
        except asyncio.CancelledError:
            if not self._is_idle:
                raise
            last = [], True, RequestTimeout()
        except S3Error as error:
            last = [], True, error
        finally:  # the worker must not wait for a loop that has gone
            if not self._ended:
                self._batches.put(last)

    async def _fetch(self) -> list[bytes]:
        """One batch; the body ends where Content-Length says, without another message that says so."""
        pieces: list[bytes] = []
        size = 0
        while size < BATCH_SIZE and not self._ended:
            self._waits_since_s = self._loop.time()
            message = await self._receive()
            self._waits_since_s = None
            if message["type"] == "http.disconnect":
                raise IncompleteBody(reason="the client went away")
            piece: bytes = message.get("body", b"")
            if piece:
                pieces.append(piece)
                size += len(piece)
            self._ended = self._is_last(piece) or not message.get("more_body", False)
        return pieces

    def _is_last(self, piece: bytes) -> bool:
        if self._left is None:
            return False
        self._left -= len(piece)
        return self._left <= 0


def _given_up() -> Batch:
    return [], True, IncompleteBody(reason="the request was given up")
