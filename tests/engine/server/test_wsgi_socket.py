"""The fast lane under WSGI: gunicorn's own reader and a connection on loopback, played by hand."""

import io
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import SocketUnreader

from engine.bodies.chunked import ChunkedSource
from engine.bodies.sources import source_of
from engine.errors import IncompleteBody, RequestTimeout
from engine.native.stream import Digest, Stream
from engine.server.wsgi_socket import SocketBody

BODY = bytes(range(256)) * 512
"""128 KiB: fits into the buffers of a connection."""
HEAD = 5000
"""Bytes of the body that the host reads with the head."""
NEXT = b"GET /next HTTP/1.1\r\n"
PATIENCE_S = 0.1
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Exchange:
    """A request on a connection: `client` sends, the body was begun by gunicorn, which has read `ahead` behind the head."""

    def __init__(self, ahead: bytes, length: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.client = socket.create_connection(listening.getsockname())
            self.connection, _ = listening.accept()
        self.unreader = SocketUnreader(self.connection)
        self.unreader.unread(ahead)
        self.host_body = Body(LengthReader(self.unreader, length))
        self.environ: dict[str, Any] = {"gunicorn.socket": self.connection, "wsgi.input": self.host_body}

    def body(self, length: int = len(BODY)) -> SocketBody:
        found = SocketBody.of(self.environ, length, PATIENCE_S)
        assert found is not None
        return found

    def close(self) -> None:
        self.client.close()
        self.connection.close()


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    made = Exchange(BODY[:HEAD], len(BODY))
    yield made
    made.close()


def by_read(body: SocketBody) -> bytes:
    return b"".join(map(bytes, iter(lambda: body.read(50_000), b"")))


def by_take(body: SocketBody) -> bytes:
    return source_of(body).take(len(BODY) + 1)


def by_feed(body: SocketBody) -> bytes:
    out = os.memfd_create("out")
    try:
        with Stream(Digest.MD5, out) as stream:
            assert source_of(body).feed(stream, len(BODY)) == stream.size
        return os.pread(out, len(BODY) + 1, 0)
    finally:
        os.close(out)


WAYS = pytest.mark.parametrize("way", [by_read, by_take, by_feed])
Way = Callable[[SocketBody], bytes]


@WAYS
def test_body_comes_whole_and_what_follows_is_the_hosts(exchange: Exchange, way: Way) -> None:
    exchange.client.sendall(BODY[HEAD:] + NEXT)
    body = exchange.body()
    assert (body.length, body.at_end) == (len(BODY), False)
    assert way(body) == BODY
    assert (body.at_end, exchange.host_body.failed) == (True, False)
    assert exchange.host_body.read() == b""
    assert exchange.unreader.read() == NEXT


@WAYS
def test_body_that_came_with_the_head(way: Way) -> None:
    exchange = Exchange(BODY + NEXT, len(BODY))
    assert way(exchange.body()) == BODY
    assert exchange.unreader.read() == NEXT
    exchange.close()


@WAYS
def test_body_cut_short_is_seen(exchange: Exchange, way: Way) -> None:
    exchange.client.sendall(BODY[HEAD:-1])
    exchange.client.shutdown(socket.SHUT_WR)
    body = exchange.body()
    assert way(body) == BODY[:-1]
    assert not body.at_end


@WAYS
def test_stalled_body_is_given_up_and_ends_the_connection(exchange: Exchange, way: Way) -> None:
    exchange.client.sendall(BODY[HEAD:-1])
    with pytest.raises(RequestTimeout):
        way(exchange.body())
    assert exchange.host_body.failed
    assert exchange.connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16) == bytes(16)


@WAYS
def test_client_that_resets_is_told_from_one_that_is_slow(exchange: Exchange, way: Way) -> None:
    exchange.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    exchange.client.close()
    with pytest.raises(IncompleteBody):
        way(exchange.body())
    assert exchange.host_body.failed


def test_pieces_of_a_client_that_pauses_do_not_overwrite_each_other(exchange: Exchange) -> None:
    """It sends the rest once the system has given out what came before the pause."""
    exchange.client.sendall(BODY[HEAD : 2 * HEAD])
    later = threading.Thread(target=exchange.client.sendall, args=[BODY[2 * HEAD :]])
    body = exchange.body()
    read = body.read

    def read_and_go_on(size: int = -1, /) -> bytes | memoryview:
        piece = read(size)
        if later.ident is None and body._reader.length == len(BODY) - 2 * HEAD:
            later.start()
        return piece

    body.read = read_and_go_on  # type: ignore[method-assign]
    assert by_take(body) == BODY
    later.join()


def test_reads_give_at_most_what_was_asked(exchange: Exchange) -> None:
    exchange.client.sendall(BODY[HEAD:])
    body = exchange.body()
    assert [len(body.read(size)) for size in (0, 10, HEAD, HEAD, 1)] == [0, 10, HEAD - 10, HEAD, 1]


def test_aws_chunked_body(exchange: Exchange) -> None:
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    exchange = Exchange(framed[:HEAD], len(framed))
    exchange.client.sendall(framed[HEAD:] + NEXT)
    source = ChunkedSource(exchange.body(len(framed)), len(BODY))
    assert source.take(len(BODY)) == BODY
    assert source.finish() == {}
    assert exchange.unreader.read() == NEXT
    exchange.close()


def test_only_an_untouched_plain_body_of_known_length_goes_this_way(exchange: Exchange) -> None:
    environ = exchange.environ

    def taken(length: int | None = len(BODY), **others: Any) -> bool:
        changed = environ | {name.replace("_", "."): value for name, value in others.items()}
        return SocketBody.of(changed, length, PATIENCE_S) is not None

    assert taken()
    context = ssl.create_default_context()
    secured = context.wrap_socket(socket.socket(), server_hostname="localhost")
    assert not taken(gunicorn_socket=secured)
    secured.close()
    assert not taken(gunicorn_socket=None)
    assert not taken(wsgi_input=io.BytesIO(BODY))
    assert not taken(wsgi_input=Body(ChunkedReader(None, exchange.unreader)))
    assert not taken(length=None)
    assert not taken(length=0)
    exchange.connection.setblocking(False)
    assert not taken()
    exchange.connection.setblocking(True)
    assert exchange.host_body.read(HEAD) == BODY[:HEAD]
    assert not taken()
