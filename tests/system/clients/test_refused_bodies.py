"""Uploads that are refused while their body still comes: the refusal reaches the client, and what comes after it has bounds."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.server.reading_on import READ_ON_SIZE_MAX
from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host, Hosts
from tests.system.clients.raw import TIMEOUT_S, UNSIGNED, Answer, Call, Raw, receive
from tests.system.clients.servers import Pair, running, serve_foreign

MIB = 1024 * 1024
SIZE = 40 * MIB
"""More than the buffers of two sockets and a server, however they grow, and less than what is read on."""
BUFFERS_MAX = 32 * MIB
GIB = 1024 * MIB
PROMISE = {"expect": "100-continue"}
PATIENCE_S = 0.3
PAUSE_S = 0.5
"""Of a client between the answer's coming and its going on: shorter than any server waits."""


def part(bucket: str, size: int = SIZE, **headers: str) -> Call:
    """A part of an upload that is gone."""
    lengths = {"content-length": str(size)}
    return Call("PUT", f"/{bucket}/key", "partNumber=3&uploadId=gone", lengths | headers, sha256=UNSIGNED)


def write_then_read(raw: Raw, call: Call, body: bytes) -> Answer:
    """What a client sees that reads nothing before it has written everything."""
    with raw.connection() as connection:
        connection.sendall(raw.head(call) + body)
        return receive(connection)


def answer_so_far(connection: socket.socket) -> bytes:
    """An answer up to its last byte, read while nothing of the body was sent."""
    seen = b""
    while b"</Error" not in seen:
        piece = connection.recv(65536)
        assert piece, seen
        seen += piece
    return seen


def test_a_client_that_writes_everything_first_is_told_what_was_wrong(raw: Raw, its_bucket: str) -> None:
    for _ in range(3):
        answer = write_then_read(raw, part(its_bucket), bytes(SIZE))
        assert (answer.status, answer.error["Code"]) == (404, "NoSuchUpload")
    assert write_then_read(raw, part(f"{its_bucket}-absent"), bytes(SIZE)).error["Code"] == "NoSuchBucket"


def test_so_is_one_whose_signature_is_wrong(raw: Raw, any_server: Host, its_bucket: str) -> None:
    if any_server.name == "granian-wsgi":
        return  # a thread that waits there can't be told to stop: only those may have one whose signature is right
    forger = Raw(raw.port, Pair(raw.pair.access_key, "another"))
    assert write_then_read(forger, part(its_bucket), bytes(SIZE)).error["Code"] == "SignatureDoesNotMatch"


def test_so_is_one_whose_body_breaks_off_being_right(raw: Raw, its_bucket: str) -> None:
    """The first chunk's signature is wrong: the body was begun, and is not read by the store any more."""
    headers = {"x-amz-decoded-content-length": str(SIZE), "content-encoding": "aws-chunked"}
    length = {"content-length": str(SIZE + 91)}
    mode = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    call = Call("PUT", f"/{its_bucket}/key", headers=headers | length, sha256=mode)
    chunk = f"10000;chunk-signature={'0' * 64}\r\n".encode() + bytes(65536) + b"\r\n"
    body = chunk + bytes(SIZE + 91 - len(chunk))
    assert write_then_read(raw, call, body).error["Code"] == "SignatureDoesNotMatch"


def test_a_client_that_reads_meanwhile_is_told_at_once(raw: Raw, any_server: Host, its_bucket: str) -> None:
    """The answer is not kept back until the body has come, but for its last byte under ASGI. `serve` closes its half at once."""
    with raw.connection() as connection:
        connection.sendall(raw.head(part(its_bucket)))
        assert b"<Code>NoSuchUpload</Code>" in answer_so_far(connection)
        connection.settimeout(PAUSE_S)
        with contextlib.suppress(TimeoutError):
            rest = b"" if any_server.name == "serve" else b">"
            assert connection.recv(100) == rest, "closed before the body came"
        connection.settimeout(TIMEOUT_S)
        for _ in range(SIZE // MIB):
            connection.sendall(bytes(MIB))
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) in (b"", b">")


def test_a_client_that_waits_to_be_asked_is_not_asked(raw: Raw, any_server: Host, its_bucket: str) -> None:
    if any_server.name == "gunicorn":
        return  # it says 100 Continue before it calls any application
    with raw.connection() as connection:
        connection.sendall(raw.head(part(its_bucket, **PROMISE)))
        answer = receive(connection)
        assert (answer.error["Code"], answer.headers["connection"]) == ("NoSuchUpload", "close")
        assert connection.recv(1) == b""


def test_one_that_promises_to_wait_and_does_not_is_told_too(raw: Raw, any_server: Host, its_bucket: str) -> None:
    """aws-sdk-go sends `Expect: 100-continue` and its body at once. `serve` drops that body; others can't without asking for it."""
    call = part(its_bucket, **PROMISE)
    if any_server.name == "serve":
        assert write_then_read(raw, call, bytes(SIZE)).error["Code"] == "NoSuchUpload"
    elif any_server.name == "gunicorn":  # it says 100 Continue before it calls any application, and the body is read on
        with raw.connection() as connection:
            connection.sendall(raw.head(call) + bytes(SIZE))
            assert connection.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert receive(connection).error["Code"] == "NoSuchUpload"
    else:
        with pytest.raises(ConnectionError):
            write_then_read(raw, call, bytes(SIZE))


def test_a_client_that_goes_on_and_on_is_cut_off(raw: Raw, its_bucket: str) -> None:
    """The answer has reached it long before; what is read and dropped has a bound."""
    sent = 0
    with raw.connection() as connection:
        connection.sendall(raw.head(part(its_bucket, GIB)))
        assert b"<Code>NoSuchUpload</Code>" in answer_so_far(connection)
        with contextlib.suppress(ConnectionError):
            while sent < GIB:
                sent += connection.send(bytes(MIB))
    assert sent <= READ_ON_SIZE_MAX + BUFFERS_MAX, sent


@pytest.fixture(scope="module", params=("granian-asgi", "uvicorn", "gunicorn"))
def impatient(request: pytest.FixtureRequest, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Hosts under which waiting for a body is ours, with little patience for clients."""
    place = tmp_path_factory.mktemp("impatient")
    with running(serve_foreign(request.param, place, hosts.pair, idle_timeout_s=PATIENCE_S)) as server:
        yield Host(request.param, hosts.pair, hosts.session, server)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_client_that_goes_quiet_is_cut_off(impatient: Host, clients: Callable[..., Any], is_known: bool) -> None:
    assert impatient.server is not None
    bucket = new_bucket(clients(impatient))
    pair = impatient.pair if is_known else Pair("AKIAUNKNOWN", "secret")
    raw = Raw(impatient.server.port, pair)
    with raw.connection() as connection:
        connection.sendall(raw.head(part(bucket)) + b"a little")
        assert receive(connection).error["Code"] == ("NoSuchUpload" if is_known else "InvalidAccessKeyId")
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_strangers_that_go_quiet_leave_room_for_others(any_server: Host, clients: Callable[..., Any]) -> None:
    """More of them than any host here has threads: nobody has to wait until they are cut off."""
    assert any_server.server is not None
    s3 = clients(any_server)
    bucket = new_bucket(s3)
    stranger = Raw(any_server.server.port, Pair("AKIAUNKNOWN", "secret"))
    with contextlib.ExitStack() as held:
        connections = [held.enter_context(stranger.connection()) for _ in range(24)]
        for connection in connections:
            connection.sendall(stranger.head(part(bucket)) + b"a little")
        done = threading.Event()

        def others() -> None:
            s3.put_object(Bucket=bucket, Key="key", Body=b"body")
            done.set()

        thread = threading.Thread(target=others, daemon=True)
        thread.start()
        assert done.wait(60)
        thread.join()
