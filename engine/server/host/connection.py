"""One client: its requests are read, handed to the application and answered, one after the other.

`step` does what can be done without waiting for the client, in whichever thread has its turn, and tells what to wait for. Only the
application waits, for the body of a request that is too long to be gathered first.
"""

import enum
import logging
import math
import select
import socket
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from engine.bodies.readers import buffer_of_thread
from engine.errors import RequestTimeout, S3Error, SlowDown
from engine.s3.http import Request
from engine.server.application import Application, Pieces, close
from engine.server.exchange import RawBody, Response
from engine.server.host.body import GRACE_S, RATE_MIN, HostBody, Pace
from engine.server.host.head import Head, end_of_head, response_head
from engine.server.host.transport import READ_SIZE, Plain
from engine.server.reading_on import READ_ON_IDLE_S_MAX, READ_ON_S_MAX, READ_ON_SIZE_MAX

IDLE_S_MAX = 75.0
"""How long a connection may have no request."""
HEAD_S_MAX = 30.0
"""How long a request head may take, and a TLS handshake."""
GATHERED_SIZE_MAX = 64 * 1024
"""Bodies up to this size are gathered before a thread works on them, unless their client waits for `100 Continue`."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
SENT_IN_A_TURN = 2 * 1024 * 1024
"""Bytes of an object that are sent before other connections have their turn."""
_SPAN = 1024 * 1024
_JOINED_SIZE_MAX = 16 * 1024
"""A body up to this size goes out in one piece with its head."""
_log = logging.getLogger("partwright.server")


class Phase(enum.Enum):
    """What a connection waits for, or is busy with."""

    HANDSHAKE = enum.auto()
    IDLE = enum.auto()
    HEAD = enum.auto()
    GATHERING = enum.auto()
    WORKING = enum.auto()
    SENDING = enum.auto()
    LINGERING = enum.auto()
    CLOSED = enum.auto()


class Writes(Protocol):
    """Decides whether small writes are done in a turn, or handed over."""

    def fit_in_a_turn(self) -> bool:
        """Tell whether the next write is to be done in this turn."""

    def in_a_turn(self, work: Callable[[], None]) -> None:
        """Do a write in this turn."""


class Host(Protocol):
    """What a connection asks of the process that it is in."""

    application: Application
    idle_timeout_s: float
    is_draining: bool

    @property
    def paces(self) -> Pace:
        """Return what judges how fast clients send."""

    @property
    def writes(self) -> Writes:
        """Return what decides where small writes are worked on."""

    def hand_over(self, connection: "Connection") -> bool:
        """Have `work` called in a thread that may wait; return False if too many requests wait for one."""

    def forget(self, connection: "Connection") -> None:
        """Count the connection no more: it is closed."""


class _NoBody(RawBody):
    """The body of a request whose head was not understood."""

    length: int | None = None
    at_end = False

    def read(self, size: int = -1, /) -> bytes:
        return b""


class Connection:
    """One client's connection. One thread at a time calls `step` or `work`; `expire` may be called by another."""

    __slots__ = (
        "_body", "_buffer", "_closes", "_head", "_host", "_lingers_until_s", "_outgoing", "_pieces", "_read_on_left", "_remote",
        "_searched", "_transport", "deadline_s", "is_overdue", "phase",
    )  # fmt: skip

    def __init__(self, transport: Plain, remote: str, host: Host) -> None:
        self._transport = transport
        self._remote = remote
        self._host = host
        self._buffer = bytearray()
        self._searched = 0
        self._head: Head | None = None
        self._body: HostBody | None = None
        self._outgoing: list[memoryview] = []
        self._pieces: Pieces | None = None
        self._closes = False
        self._lingers_until_s = 0.0
        self._read_on_left = READ_ON_SIZE_MAX
        self.phase = Phase.HANDSHAKE
        self.is_overdue = False
        self.deadline_s = time.monotonic() + HEAD_S_MAX
        """When `expire` is to be called, by `time.monotonic`; infinite while a thread works."""

    def fileno(self) -> int:
        return self._transport.fileno()

    def step(self) -> int:
        """Go on as far as the client lets; return the epoll events to wait for, 0 if another thread goes on or all is over."""
        try:
            if self.phase is Phase.HANDSHAKE:
                events = self._transport.shake_hands()
                if events:
                    return events
                self._become_idle()
            elif self.phase is Phase.SENDING:
                return self._go_on_sending()
            elif self.phase is Phase.LINGERING:
                return self._linger()
            return self._read_requests()
        except OSError:  # the client has gone
            self.close()
            return 0

    def work(self) -> int:
        """Answer the request that was handed over; return as `step`."""
        try:
            self._answer()
            return self._go_on_sending()
        except OSError:
            self.close()
            return 0

    def expire(self) -> None:
        """Give the client up, because its deadline has passed: the next `step` ends the connection, or answers with RequestTimeout."""
        self.is_overdue = True
        self.deadline_s = math.inf
        self._transport.cut(socket.SHUT_RD if self.phase is Phase.GATHERING else socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection. Closing twice is allowed."""
        if self.phase is not Phase.CLOSED:
            self.phase = Phase.CLOSED
            try:
                self._release()
            finally:
                self._host.forget(
                    self
                )  # first, for the descriptor's number may be another connection's once it is closed
                self._transport.close()

    def _release(self) -> None:
        pieces, self._pieces = self._pieces, None
        if pieces is not None:
            pieces.close()
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def _become_idle(self) -> None:
        self._release()
        self._head = None
        self._searched = 0
        self.phase = Phase.IDLE
        self.deadline_s = time.monotonic() + IDLE_S_MAX

    def _read_requests(self) -> int:
        while True:
            if self._buffer and self.phase in (Phase.IDLE, Phase.HEAD) and not self._take_head():
                return self._go_on_sending()
            if self.phase is Phase.GATHERING and self._has_gathered():
                return self._take_turn()
            data = self._transport.receive(READ_SIZE)
            if data is None:
                return select.EPOLLIN
            if not data:
                return self._end_of_input()
            self._buffer += data

    def _take_head(self) -> bool:
        """Parse the head in the buffer, if it is whole; return False if it was refused."""
        if self.phase is Phase.IDLE:
            self.phase = Phase.HEAD
            self.deadline_s = time.monotonic() + HEAD_S_MAX
        try:
            end = end_of_head(self._buffer, self._searched)
            self._searched = len(self._buffer)
            if end:
                raw = bytes(memoryview(self._buffer)[:end])
                del self._buffer[:end]
                head = Head(raw, self._transport.scheme, self._remote)
                self._head = head
                self._body = HostBody(self._transport, head, self._buffer, self._host.idle_timeout_s, self._host.paces)
                self.phase = Phase.GATHERING
                self.deadline_s = time.monotonic() + GRACE_S + min(head.length or 0, GATHERED_SIZE_MAX) / RATE_MIN
        except S3Error as error:
            request = Request("", b"/", b"", (), self._transport.scheme, self._remote)
            self._begin_answer(self._host.application.turn_away(request, _NoBody(), error), request, is_read=False)
            return False
        return True

    def _has_gathered(self) -> bool:
        """Tell whether the thread that works on the request need not wait for the body, or is to wait for it."""
        head = self._head
        assert head is not None
        if not head.length or head.length <= len(self._buffer) or self.is_overdue:
            return True
        return head.length > GATHERED_SIZE_MAX or head.expects_continue

    def _end_of_input(self) -> int:
        if self.phase is Phase.GATHERING:  # the body breaks off, which the application is to say
            return self._take_turn()
        self.close()
        return 0

    def _take_turn(self) -> int:
        head = self._head
        assert head is not None
        self.phase = Phase.WORKING
        self.deadline_s = math.inf
        is_whole = head.length is not None and head.length <= len(self._buffer)
        if is_whole and head.request.method in READING:
            self._answer()
        elif is_whole and _is_short(head.request) and self._host.writes.fit_in_a_turn():
            self._host.writes.in_a_turn(self._answer)
        elif self._host.hand_over(self):
            return 0
        else:
            self._turn_away(SlowDown(reason="too many requests wait for a thread"))
        return self._go_on_sending()

    def _turn_away(self, error: S3Error) -> None:
        assert self._head is not None
        assert self._body is not None
        request = self._head.request
        response = self._host.application.turn_away(request, self._body, error)
        self._begin_answer(response, request, is_read=self._body.at_end)

    def _answer(self) -> None:
        head, body = self._head, self._body
        assert head is not None
        assert body is not None
        if self.is_overdue:
            self._turn_away(RequestTimeout())
            return
        response = self._host.application.handle(head.request, body)
        body.close()
        self._begin_answer(response, head.request, is_read=body.at_end)

    def _begin_answer(self, response: Response, request: Request, *, is_read: bool) -> None:
        head, body = self._head, response.body
        has_length = isinstance(body, bytes | Pieces)
        is_chunked = not has_length and head is not None and head.version == "1.1"
        self._closes = not (is_read and head is not None and head.keeps_alive and (has_length or is_chunked))
        self._closes |= self._host.is_draining
        try:
            start = response_head(response.status, response.headers, is_chunked=is_chunked, closes=self._closes)
        except S3Error as error:
            close(body)
            refusal = self._host.application.turn_away(request, self._body or _NoBody(), error)
            return self._begin_answer(refusal, request, is_read=is_read)
        self.phase = Phase.SENDING
        self.deadline_s = time.monotonic() + self._host.idle_timeout_s
        if isinstance(body, Pieces):
            self._put_out(start, body.first)
            self._pieces = None if body.is_whole else body
        elif isinstance(body, bytes):
            self._put_out(start, body)
        else:
            self._send_waiting(start, body, is_chunked)
        return None

    def _put_out(self, start: bytes, body: bytes) -> None:
        pieces = (start + body,) if len(body) <= _JOINED_SIZE_MAX else (start, body)
        self._outgoing = [memoryview(piece) for piece in pieces]

    def _send_waiting(self, start: bytes, body: Iterable[bytes], is_chunked: bool) -> None:
        """Send an answer that comes in time, piece by piece; this thread waits for pieces and client."""
        self.deadline_s = math.inf
        try:
            self._send_all(start)
            for piece in body:
                self._send_all(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            if is_chunked:
                self._send_all(b"0\r\n\r\n")
        finally:
            close(body)

    def _send_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            count = self._transport.send(rest)
            rest = rest[count:]
            if rest and not count and not self._transport.wait(select.POLLOUT, self._host.idle_timeout_s):
                raise TimeoutError

    def _go_on_sending(self) -> int:
        try:
            is_sent = self._send()
        except S3Error as error:  # the status has been sent: only an incomplete answer can still show the failure
            _log.error("an answer broke off: %s", error.reason)
            self.close()
            return 0
        if not is_sent:
            return select.EPOLLOUT
        if self.is_overdue or self._closes:
            return self._begin_lingering()
        self._become_idle()
        # the next request has a turn of its own, also if it has come: others wait, and a call for each would be too deep
        return select.EPOLLOUT if self._buffer or self._transport.has_pending() else select.EPOLLIN

    def _send(self) -> bool:
        """Send what goes out now; return whether all has been sent."""
        budget = SENT_IN_A_TURN
        while self._send_outgoing():
            if self._pieces is None:
                return True
            if budget <= 0:
                return False
            self.deadline_s = time.monotonic() + self._host.idle_timeout_s
            try:
                count = self._send_piece(self._pieces)
            except BlockingIOError:
                return False
            budget -= count
            if not count:
                self._pieces.close()
                self._pieces = None
        return False

    def _send_outgoing(self) -> bool:
        while self._outgoing:
            count = self._transport.send(self._outgoing[0])
            if not count:
                return False
            self.deadline_s = time.monotonic() + self._host.idle_timeout_s
            rest = self._outgoing[0][count:]
            self._outgoing[:1] = [rest] if rest else []
        return True

    def _send_piece(self, pieces: Pieces) -> int:
        """Send, or put out, the next bytes of an object; return how many, 0 at its end."""
        if self._transport.can_send_files:
            sent = pieces.send_to(self._transport.fileno(), _SPAN)
            if sent is not None:
                return sent
        buffer = buffer_of_thread()
        count = pieces.read_into(buffer)
        sent = self._transport.send(buffer[:count]) if count else 0
        if sent < count:
            self._outgoing = [memoryview(bytes(buffer[sent:count]))]
        return count

    def _begin_lingering(self) -> int:
        """Close in stages: the client learns that nothing more comes, and what it still sends is dropped, within bounds.

        Closing a connection with unread bytes resets it, and the reset destroys an answer that was sent.
        Source: RFC 9112 section 9.6.
        """
        is_read = self._body is not None and self._body.at_end
        self._release()
        self._buffer.clear()
        self.phase = Phase.LINGERING
        self._transport.stop_writing(client_sends=not is_read)
        self._lingers_until_s = time.monotonic() + READ_ON_S_MAX
        return self._linger()

    def _linger(self) -> int:
        while self._read_on_left > 0 and not self.is_overdue:
            count = self._transport.discard()
            if count is None:
                self.deadline_s = min(self._lingers_until_s, time.monotonic() + READ_ON_IDLE_S_MAX)
                return select.EPOLLIN
            if not count:
                break
            self._read_on_left -= count
        self.close()
        return 0


def _is_short(request: Request) -> bool:
    """Tell whether the request is none of those that may take long: CompleteMultipartUpload, DeleteObjects and copies."""
    return request.method != "POST" and not request.headers_named("x-amz-copy-source")
