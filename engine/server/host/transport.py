"""Non-blocking connections, in clear and over TLS, with one set of answers: bytes, nothing yet (None), or the end (empty bytes).

TLS is OpenSSL's, by Python's ssl; the kernel's own (kTLS) needs Python 3.12 and a kernel that has it.
"""

import contextlib
import errno
import os
import select
import socket
import ssl
import struct
from typing import Literal

from engine.native.stream import Stream

_GONE = (ConnectionError, ssl.SSLError, TimeoutError)
_DISCARDED = bytearray(1024 * 1024)
"""Where dropped bytes would go: with MSG_TRUNC the kernel copies none."""
_BYTES_RECEIVED_AT = 128
"""Where tcpi_bytes_received is in Linux's struct tcp_info."""
READ_SIZE = 64 * 1024


class Plain:
    """A TCP connection without TLS."""

    __slots__ = ("_descriptor", "_has_time_limit", "socket")
    scheme: Literal["http", "https"] = "http"
    can_send_files = True

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._descriptor = connection.fileno()
        self._has_time_limit = False

    def fileno(self) -> int:
        return self._descriptor

    def shake_hands(self) -> int:
        """Go on with the handshake; return the epoll events to wait for, 0 when it is done."""
        return 0

    def has_pending(self) -> bool:
        """Tell whether bytes have been taken from the kernel that nobody has received yet: epoll does not tell of them."""
        return False

    def receive(self, size: int) -> bytes | None:
        """Return what has come, at most `size` bytes; None if nothing has, empty at the end of the connection."""
        try:
            return self.socket.recv(size)
        except BlockingIOError:
            return None
        except _GONE:
            return b""

    def receive_into(self, view: memoryview) -> int | None:
        """Do as `receive`, into a buffer; return the count."""
        try:
            return self.socket.recv_into(view)
        except BlockingIOError:
            return None
        except _GONE:
            return 0

    def discard(self) -> int | None:
        """Drop what has come; return the count, None if nothing has, 0 at the end of the connection."""
        try:
            return self.socket.recv_into(_DISCARDED, 0, socket.MSG_TRUNC)
        except BlockingIOError:
            return None
        except _GONE:
            return 0

    def send(self, data: bytes | memoryview) -> int:
        """Send what goes out at once; return the count, 0 if nothing does.

        Raises:
            ConnectionError: the client has gone.
        """
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    def pump(self, stream: Stream, size: int, wait_s: float) -> None:
        """Move `size` bytes into a stream inside C, waiting at most `wait_s` for each piece; fewer if the client sends no more.

        Raises:
            ReadFailed: EAGAIN when nothing came for `wait_s`.
        """
        if not self._has_time_limit:
            self._has_time_limit = True
            limit = struct.pack("@ll", int(wait_s), int(wait_s % 1 * 1e6))
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        os.set_blocking(self._descriptor, True)
        try:
            stream.pump(self._descriptor, size)
        finally:
            os.set_blocking(self._descriptor, False)

    def wait(self, events: int, seconds: float) -> bool:
        """Wait until the connection is ready; return whether it is."""
        poll = select.poll()
        poll.register(self._descriptor, events)
        return bool(poll.poll(seconds * 1000))

    def has_client_left(self) -> bool:
        """Tell whether the client has closed its side."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLRDHUP)
        return bool(poll.poll(0))

    def bytes_received(self) -> int:
        """Return how many bytes the kernel has received, with those that nobody has read yet."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED_AT + 8)
        return int.from_bytes(info[_BYTES_RECEIVED_AT:], "little") if len(info) > _BYTES_RECEIVED_AT else 0

    def cut(self, direction: int) -> None:
        """Shut one direction of the connection or both, from any thread: whoever waits for it sees its end."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, direction)  # that of SSLSocket would go on in clear

    def stop_writing(self, *, client_sends: bool) -> None:
        """Tell the client that nothing more comes; it may go on sending, and does if `client_sends`."""
        self.cut(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()


class Tls(Plain):
    """A TCP connection with TLS 1.2 or 1.3."""

    __slots__ = ("_secure",)
    scheme = "https"
    can_send_files = False

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        self._secure = context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
        )
        super().__init__(self._secure)

    def shake_hands(self) -> int:
        """Go on with the handshake; return the epoll events to wait for, 0 when it is done.

        Raises:
            OSError: it failed, or the client has gone.
        """
        try:
            self._secure.do_handshake()
        except ssl.SSLWantReadError:
            return select.EPOLLIN
        except ssl.SSLWantWriteError:
            return select.EPOLLOUT
        return 0

    def has_pending(self) -> bool:
        return self._secure.pending() > 0

    def receive(self, size: int) -> bytes | None:
        try:
            return self._secure.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except _GONE:
            return b""

    def receive_into(self, view: memoryview) -> int | None:
        try:
            return self._secure.recv_into(view)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except _GONE:
            return 0

    def discard(self) -> int | None:
        return self.receive_into(memoryview(_DISCARDED)[:READ_SIZE])

    def send(self, data: bytes | memoryview) -> int:
        try:
            return self._secure.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except ssl.SSLError as error:
            raise ConnectionError(errno.EPIPE, str(error)) from error

    def stop_writing(self, *, client_sends: bool) -> None:
        if not client_sends:  # OpenSSL takes data after its close_notify for an attack, and reads no more
            with contextlib.suppress(OSError, ValueError):
                self._secure.unwrap()
            super().stop_writing(client_sends=client_sends)


def accept(connection: socket.socket, context: ssl.SSLContext | None) -> Plain:
    """Make the transport of an accepted connection.

    Raises:
        OSError: the client has gone already.
    """
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Plain(connection) if context is None else Tls(connection, context)


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """Make the server's side of TLS 1.2 and 1.3 with a certificate chain and its key, both PEM.

    Raises:
        OSError: a file can't be read, or the two do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, key)
    return context
