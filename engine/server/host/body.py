"""The body of a request, read from the connection only when the operation asks for it."""

import errno
import select
import socket
import time
from typing import Protocol

from engine.bodies.sources import BODY_CHUNK_SIZE, Source, read_up_to
from engine.errors import IncompleteBody, RequestTimeout
from engine.native.errors import ReadFailed
from engine.native.stream import Stream
from engine.server.exchange import body_buffer
from engine.server.host.head import CONTINUE, Chunks, Head
from engine.server.host.transport import READ_SIZE, Plain

RATE_MIN = 1024
"""Bytes a second that a client must send."""
GRACE_S = 30.0
"""So long it may be slower; then its rate counts over each such span."""


class Pace(Protocol):
    """Judges how fast a client sends."""

    def begin(self, body: "HostBody") -> None:
        """Watch a body that is waited for, until `end`. One that comes too slowly is stopped by `give_up`."""

    def end(self, body: "HostBody") -> None:
        """Watch it no more."""


class HostBody(Source):
    """The body of one request; a `RawBody`, and a source that the pump feeds from the connection.

    `read` and `feed` wait for the client in the calling thread. Bytes that came with the head are taken first.
    """

    def __init__(self, transport: Plain, head: Head, ahead: bytearray, idle_timeout_s: float, pace: Pace) -> None:
        """Begin a body. Its bytes are taken from the front of `ahead`, which may go on with the next request."""
        self.transport = transport
        self.length = head.length
        self.is_too_slow = False
        self._ahead = ahead
        self._left = head.length or 0
        self._expects_continue = head.expects_continue
        self._idle_timeout_s = idle_timeout_s
        self._pace = pace
        self._buffer = memoryview(b"")
        self._chunked = Chunks() if head.length is None else None
        self._is_watched = False

    @property
    def at_end(self) -> bool:
        """Tell whether everything was read."""
        chunked = self._chunked
        return not self._left if chunked is None else chunked.is_complete and not chunked.data

    def read(self, size: int = -1, /) -> bytes | memoryview:
        """Return the next bytes, at most `size`; empty only at the end. The next read overwrites them.

        Raises:
            RequestTimeout: the client sent nothing for the idle time-out, or too little.
            IncompleteBody: the client went away.
        """
        if self._chunked is not None:
            return self._read_chunks(self._chunked, BODY_CHUNK_SIZE if size < 0 else size)
        wanted = self._left if size < 0 else min(size, self._left)
        ahead = self._take_ahead(wanted)
        return ahead if ahead or not wanted else self._receive(min(wanted, BODY_CHUNK_SIZE))

    def take(self, size: int) -> bytes:
        return read_up_to(self.read, size)

    def feed(self, stream: Stream, size: int) -> int:
        """Move at most `size` bytes into the stream; return how many, fewer only at the end.

        Raises:
            RequestTimeout, IncompleteBody: as `read`.
        """
        if self._chunked is not None or not self.transport.can_send_files:
            return self._feed_pieces(stream, size)
        wanted = min(size, self._left)
        ahead = self._take_ahead(wanted)
        if ahead:
            stream.update(ahead)
        if len(ahead) < wanted:
            self._pump(stream, wanted - len(ahead))
        return wanted

    def has_more(self) -> bool:
        return not self.at_end

    def has_client_left(self) -> bool:
        return self.transport.has_client_left()

    def give_up(self) -> None:
        """End every wait for the client, from another thread: it sends too slowly."""
        self.is_too_slow = True
        self.transport.cut(socket.SHUT_RD)

    def close(self) -> None:
        """Watch the client no more, when the request is done."""
        if self._is_watched:
            self._is_watched = False
            self._pace.end(self)

    def _feed_pieces(self, stream: Stream, size: int) -> int:
        left = size
        while left and (piece := self.read(min(left, BODY_CHUNK_SIZE))):
            stream.update(piece)
            left -= len(piece)
        return size - left

    def _pump(self, stream: Stream, size: int) -> None:
        self._begin_waiting()
        before = stream.size
        try:
            self.transport.pump(stream, size, self._idle_timeout_s)
        except ReadFailed as error:
            self._left -= stream.size - before
            if error.errno == errno.EAGAIN:
                raise RequestTimeout from None
            raise IncompleteBody(reason="the client went away") from error
        self._left -= stream.size - before
        if stream.size - before < size:
            raise self._broken_off()

    def _receive(self, size: int) -> memoryview:
        """Fill the buffer, since many small pieces cost more than a few large ones."""
        self._begin_waiting()
        self._buffer = self._buffer or body_buffer(min(self._left, BODY_CHUNK_SIZE))
        view, filled = self._buffer[:size], 0
        while filled < size:
            filled += self._receive_some(view[filled:])
        self._left -= filled
        return view

    def _receive_some(self, view: memoryview) -> int:
        while (count := self.transport.receive_into(view)) is None:
            if not self.transport.wait(select.POLLIN, self._idle_timeout_s):
                raise RequestTimeout
        if not count:
            raise self._broken_off()
        return count

    def _read_chunks(self, chunks: Chunks, size: int) -> bytes:
        while not chunks.data and not chunks.is_complete:
            data = bytes(self._ahead)
            self._ahead.clear()
            chunks.take_in(data or self._receive_piece())
        piece = bytes(chunks.data[:size])
        del chunks.data[:size]
        return piece

    def _receive_piece(self) -> memoryview:
        self._begin_waiting()
        self._buffer = self._buffer or memoryview(bytearray(READ_SIZE))
        return self._buffer[: self._receive_some(self._buffer)]

    def _take_ahead(self, size: int) -> bytes:
        data = bytes(self._ahead[:size]) if self._ahead else b""
        if data:
            del self._ahead[: len(data)]
            self._left -= len(data)
            self._expects_continue = False  # the client has not waited for it
        return data

    def _begin_waiting(self) -> None:
        if not self._is_watched:
            self._is_watched = True
            self._pace.begin(self)
        if self._expects_continue:
            self._expects_continue = False
            deadline_s, rest = time.monotonic() + self._idle_timeout_s, memoryview(CONTINUE)
            while rest and time.monotonic() < deadline_s:
                try:
                    rest = rest[self.transport.send(rest) :]
                except ConnectionError as error:
                    raise IncompleteBody(reason="the client went away") from error
                if rest:
                    self.transport.wait(select.POLLOUT, self._idle_timeout_s)

    def _broken_off(self) -> IncompleteBody | RequestTimeout:
        if self.is_too_slow:
            return RequestTimeout(reason="the client sent too slowly")
        return IncompleteBody(reason="the client went away")
