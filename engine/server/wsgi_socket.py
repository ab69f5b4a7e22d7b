"""Bodies under gunicorn are read from the connection's own socket (`gunicorn.socket`), past the buffers of the host.

The bytes of the body that gunicorn read together with the headers come first. Its count of the bytes left is kept up to date, so that
it finds the next request on the connection. Bodies over TLS, chunked ones, and those on non-blocking sockets are read by `WsgiBody`.
"""

import contextlib
import errno
import math
import os
import select
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from engine.bodies.sources import BODY_CHUNK_SIZE, Source, read_up_to
from engine.errors import IncompleteBody, RequestTimeout
from engine.native.errors import ReadFailed
from engine.native.stream import Stream
from engine.server.exchange import body_buffer


class SocketBody(Source):
    """A `RawBody` of known length that can feed a stream by the pump; a client that sends nothing for `idle_timeout_s` is given up."""

    def __init__(self, connection: socket.socket, host_body: Any, idle_timeout_s: float) -> None:
        """Wrap a connection; `host_body` is gunicorn's Body over a LengthReader, from which nothing was read yet."""
        self._connection = connection
        self._host_body = host_body
        self._reader = host_body.reader
        self.waits_at_most_s: float | None = idle_timeout_s
        self._buffer = memoryview(b"")
        self.length: int | None = self._reader.length

    @staticmethod
    def of(environ: Mapping[str, Any], length: int | None, idle_timeout_s: float) -> "SocketBody | None":
        """Return the body of a request, or None if it can't be read from the socket."""
        connection, host_body = environ.get("gunicorn.socket"), environ["wsgi.input"]
        reader = getattr(host_body, "reader", None)
        if not length or getattr(reader, "length", None) != length or not hasattr(host_body, "failed"):
            return None
        if type(connection) is not socket.socket or not os.get_blocking(connection.fileno()):
            return None
        return SocketBody(connection, host_body, idle_timeout_s)

    @property
    def at_end(self) -> bool:
        """Tell whether everything was read."""
        return not self._reader.length

    def read(self, size: int = -1, /) -> bytes | memoryview:
        """Return the next bytes, at most `size`; empty only at the end. The next read overwrites them.

        Raises:
            RequestTimeout: the client sent nothing for `idle_timeout_s`.
            IncompleteBody: the client went away.
        """
        wanted = self._reader.length if size < 0 else min(size, self._reader.length)
        ahead = self._read_ahead(wanted)
        return ahead if ahead or not wanted else self._receive(min(wanted, BODY_CHUNK_SIZE))

    def take(self, size: int) -> bytes:
        return read_up_to(self.read, size)

    def feed(self, stream: Stream, size: int) -> int:
        """Move at most `size` bytes into the stream, from the socket by the pump, without Python objects; return how many.

        Raises:
            RequestTimeout, IncompleteBody: as `read`.
        """
        wanted = min(size, self._reader.length)
        ahead = self._read_ahead(wanted)
        if ahead:
            stream.update(ahead)
        before = stream.size
        try:
            with self._waiting():
                stream.pump(self._connection.fileno(), wanted - len(ahead))
        finally:
            self._reader.length -= stream.size - before
        return len(ahead) + stream.size - before

    def has_more(self) -> bool:
        return not self.at_end

    def has_client_left(self) -> bool:
        poll = select.poll()
        poll.register(self._connection, select.POLLRDHUP)
        return bool(poll.poll(0))

    def is_worth_reading(self, *, expects_continue: bool) -> bool:
        """Tell whether the client is still sending; gunicorn has already sent `100 Continue` to a client that expects it."""
        return not self.at_end and not self._host_body.failed

    def give_up(self) -> None:
        """Make gunicorn close the connection at once. Its one loop would wait 2 s for more, and keep all other connections waiting."""
        self._host_body.failed = True
        with contextlib.suppress(OSError):  # the client has gone
            self._connection.shutdown(socket.SHUT_RD)

    def _receive(self, size: int) -> memoryview:
        self._buffer = self._buffer or body_buffer(size)
        with self._waiting():
            count = self._connection.recv_into(self._buffer[:size], 0, socket.MSG_WAITALL)
        self._reader.length -= count
        return self._buffer[:count]

    def _read_ahead(self, size: int) -> bytes:
        """Return the bytes of the body that the host has read already, at most `size`."""
        buffered = len(self._reader.unreader.buf.getvalue())
        data: bytes = self._reader.read(min(buffered, size))
        return data

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """Bound how long the block waits for the client. If it fails, gunicorn looks for no further request on the connection."""
        self._host_body.failed = True
        self._limit(self.waits_at_most_s or 0)
        try:
            yield
        except (ReadFailed, ConnectionError, BlockingIOError) as error:
            if error.errno == errno.EAGAIN:
                raise RequestTimeout from None
            raise IncompleteBody(reason="the client went away") from error
        finally:
            self._limit(0)
        self._host_body.failed = False

    def _limit(self, seconds: float) -> None:
        """Set the kernel's time-out of the socket: Python's own would make the descriptor non-blocking."""
        fraction, whole = math.modf(seconds)
        timeval = struct.pack("@ll", int(whole), int(fraction * 1e6))
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
