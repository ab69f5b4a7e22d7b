"""The body of a request under ASGI: the event loop fetches it in batches, a worker thread reads it.

Waking the other thread costs most, so the worker requests pieces by the batch: when it takes the last piece of one, the loop fetches
the next. Nothing is fetched before the first read, since fetching makes the host send `100 Continue`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

from engine.errors import IncompleteBody, RequestTimeout, S3Error
from engine.server.exchange import RawBody
from engine.server.reading_on import READ_ON_IDLE_S_MAX, READ_ON_S_MAX, READ_ON_SIZE_MAX

BATCH_SIZE = 1024 * 1024
"""Bytes; a batch ends with the piece that reaches this size."""

Receive = Callable[[], Awaitable[dict[str, Any]]]


class _Piece(NamedTuple):
    """Some bytes of the body, and what follows them."""

    data: bytes
    ends_batch: bool = False
    ends_body: bool = False
    failure: S3Error | None = None


class AsgiBody(RawBody):
    """A `RawBody` for one worker thread; `length` is None if there is no Content-Length."""

    def __init__(
        self, receive: Receive, length: int | None, loop: asyncio.AbstractEventLoop, idle_timeout_s: float
    ) -> None:
        self.length = length
        self._loop = loop
        self._pieces: SimpleQueue[_Piece] = SimpleQueue()
        self._fetcher = _Fetcher(receive, length, self._pieces, loop, idle_timeout_s)
        self._rest: bytes | memoryview = b""
        self._left = length
        self._has_begun = False
        self._ended = length == 0
        self._failure: S3Error | None = None

    @property
    def at_end(self) -> bool:
        """Tell whether everything was read."""
        return self._left == 0 or (self._ended and not self._rest and self._failure is None)

    def read(self, size: int = -1, /) -> bytes | memoryview:
        """Return the next bytes, at most `size`, as soon as there are some; for the worker thread.

        Raises:
            RequestTimeout: the client sent nothing for `idle_timeout_s`.
            IncompleteBody: the client went away.
        """
        while not self._rest:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            self._take_piece()
        piece, self._rest = self._rest, b""
        if 0 <= size < len(piece):
            piece = memoryview(piece)
            piece, self._rest = piece[:size], piece[size:]
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def _take_piece(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._loop.call_soon_threadsafe(self._fetcher.fetch_more)
        self._rest, ends_batch, self._ended, self._failure = self._pieces.get()
        if ends_batch and not self._ended:
            self._loop.call_soon_threadsafe(self._fetcher.fetch_more)

    def is_worth_reading(self, *, expects_continue: bool) -> bool:
        """Tell whether the client is still sending: not if it waits for `100 Continue`, which fetching would make the host send."""
        return not self.at_end and not self._fetcher.is_done and (self._has_begun or not expects_continue)

    async def read_on(self) -> None:
        """Fetch the rest and drop it, within the bounds of `reading_on`; for the event loop, when the work is done."""
        await self._fetcher.read_on()

    async def close(self) -> None:
        """Fetch no more; for the event loop, when the work is done or given up."""
        await self._fetcher.close()


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


class _Fetcher:
    """The half of `AsgiBody` that runs in the event loop."""

    def __init__(
        self,
        receive: Receive,
        length: int | None,
        pieces: "SimpleQueue[_Piece]",
        loop: asyncio.AbstractEventLoop,
        idle_timeout_s: float,
    ) -> None:
        self._receive = receive
        self._left = length
        self._pieces = pieces
        self._loop = loop
        self._idle_timeout_s = idle_timeout_s
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waits_since_s: float | None = None
        self._is_idle = False
        self._ended = False
        self._closed = False
        self._to_drop: int | None = None
        """How many bytes may still be fetched and dropped; None while the worker reads the body."""

    @property
    def is_done(self) -> bool:
        """Tell whether fetching has ended, by the end of the body or by a failure."""
        return self._task is not None and self._task.done()

    def fetch_more(self) -> None:
        """Fetch the next batch. The worker requests it when it begins to read, and when it takes the last piece of a batch."""
        self._wanted.set()
        if self._closed:
            self._pieces.put(_given_up())
        elif self._task is None:
            self._task = self._loop.create_task(self._run())
            self._watch()

    async def read_on(self) -> None:
        """Fetch the rest and drop it, within bounds."""
        self._to_drop = READ_ON_SIZE_MAX
        self._idle_timeout_s = min(self._idle_timeout_s, READ_ON_IDLE_S_MAX)
        self._wanted.set()
        if self._task is None:
            self._task = self._loop.create_task(self._run())
        if self._timer is not None:
            self._timer.cancel()
        self._watch()
        await asyncio.wait([self._task], timeout=READ_ON_S_MAX)

    async def close(self) -> None:
        """Fetch no more, whatever is under way."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        # An error keeps its frames, and so this body, until the garbage collector runs. While `receive` lives, granian keeps
        # the connection.
        self._receive = _nothing

    def _watch(self) -> None:
        """Give up a client that has sent nothing for `idle_timeout_s`. One timer for each body costs less than one for each piece."""
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
            while not self._ended:
                await self._wanted.wait()
                if self._to_drop is None:
                    self._wanted.clear()
                await self._fetch()
        except asyncio.CancelledError:
            if not self._is_idle:
                raise
            last = _Piece(b"", failure=RequestTimeout())
        except S3Error as error:
            last = _Piece(b"", failure=error)
        finally:  # the worker must not wait for a loop that has ended
            if not self._ended:
                self._pieces.put(last)

    async def _fetch(self) -> None:
        """Fetch one batch. The body ends where Content-Length says; no further message is waited for."""
        size = 0
        while size < BATCH_SIZE and not self._ended:
            self._waits_since_s = self._loop.time()
            message = await self._receive()
            self._waits_since_s = None
            if message["type"] == "http.disconnect":
                raise IncompleteBody(reason="the client went away")
            data: bytes = message.get("body", b"")
            size += len(data)
            self._ended = self._is_last(data) or not message.get("more_body", False)
            if self._to_drop is not None:
                self._drop(len(data))
            elif data or self._ended:
                self._pieces.put(_Piece(data, size >= BATCH_SIZE, self._ended))

    def _drop(self, size: int) -> None:
        self._to_drop = (self._to_drop or 0) - size
        if self._to_drop <= 0 and not self._ended:
            raise IncompleteBody(reason="a refused body is too long to be read on")

    def _is_last(self, data: bytes) -> bool:
        if self._left is None:
            return False
        self._left -= len(data)
        return self._left <= 0


def _given_up() -> _Piece:
    return _Piece(b"", failure=IncompleteBody(reason="the request was given up"))
