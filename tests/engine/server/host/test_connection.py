"""One connection after another way of using it: in pieces, in a row, half-closed, silent, greedy."""

import http.client
import io
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.server.host import body, connection, pace, worker
from tests.engine.server.host.conftest import BUCKET, Hosted, Start, resident_bytes
from tests.system.clients.raw import UNSIGNED, Call, receive

KIB, MIB = 1024, 1024 * 1024
HEALTH = b"GET /-/healthz HTTP/1.1\r\nHost: a\r\n\r\n"
PATH = f"/{BUCKET}/key"


def healthy(hosted: Hosted) -> bool:
    with hosted.connection() as client:
        client.sendall(HEALTH)
        return receive(client).status == 200


def test_a_request_may_come_byte_by_byte(hosted: Hosted) -> None:
    call = Call("PUT", PATH, body=b"some bytes")
    with hosted.connection() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hosted.raw.head(call) + call.body:
            client.sendall(bytes([byte]))
        assert receive(client).status == 200
    with hosted.store.get_object(BUCKET, "key").body as stored:
        assert stored.read() == call.body


def test_requests_in_a_row_are_answered_in_their_order(hosted: Hosted) -> None:
    calls = [Call("PUT", f"{PATH}-{at}", body=bytes([at]) * at * 40_000) for at in range(8)]
    calls += [Call("GET", f"{PATH}-{at}") for at in range(8)]
    with hosted.connection() as client:
        client.sendall(b"".join(hosted.raw.head(call) + call.body for call in calls))
        answers = io.BufferedReader(socket.SocketIO(client, "r"), 256 * KIB)
        for call in calls:
            response = http.client.HTTPResponse(_Kept(answers), method=call.method)
            response.begin()
            assert response.status == 200
            if call.method == "GET":
                at = int(call.path[-1])
                assert response.read() == bytes([at]) * at * 40_000
            else:
                response.read()


def test_a_thousand_requests_may_come_at_once(hosted: Hosted) -> None:
    count = 1000
    with hosted.connection() as client:
        client.sendall(HEALTH * count)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answers:
            assert answers.read().count(b"HTTP/1.1 200 OK") == count


class _Kept:
    """A socket's file that goes on from one answer to the next."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file

    def makefile(self, mode: str) -> "_Kept":
        return self

    def close(self) -> None:
        """Leave the file open."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def test_http_1_0_gets_an_answer_and_the_end(hosted: Hosted) -> None:
    with hosted.connection() as client:
        client.sendall(b"GET /-/healthz HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.endswith(b"\r\n\r\nok\n")


@pytest.mark.parametrize(
    "request_bytes", [b"\x16\x03\x01\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\na b: c\r\n\r\n"]
)
def test_what_is_not_http_is_told_so(hosted: Hosted, request_bytes: bytes) -> None:
    with hosted.connection() as client:
        client.sendall(request_bytes)
        answer = receive(client)
        assert (answer.status, answer.error["Code"], answer.headers["connection"]) == (400, "InvalidRequest", "close")
        assert client.recv(1) == b""


def test_a_head_without_end_is_refused_at_its_bound(hosted: Hosted) -> None:
    with hosted.connection() as client:
        client.sendall(b"GET / HTTP/1.1\r\nx: " + bytes(97 * KIB))
        assert receive(client).error["Code"] == "RequestHeaderSectionTooLarge"


@pytest.mark.parametrize("size", [100, 200 * KIB])
def test_a_body_that_breaks_off_is_incomplete(hosted: Hosted, size: int) -> None:
    call = Call("PUT", PATH, headers={"content-length": str(size)}, body=bytes(size // 2), sha256=UNSIGNED)
    with hosted.connection() as client:
        client.sendall(hosted.raw.head(call) + call.body)
        client.shutdown(socket.SHUT_WR)
        answer = receive(client)
    assert (answer.status, answer.error["Code"]) == (400, "IncompleteBody")
    assert hosted.store.list_objects_v2(BUCKET).key_count == 0


def test_http_chunks_of_one_byte_become_a_body(hosted: Hosted) -> None:
    headers = {"transfer-encoding": "chunked", "content-length": None, "x-amz-decoded-content-length": "5000"}
    call = Call(
        "PUT", PATH, headers=headers | {"content-encoding": "aws-chunked"}, sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    )
    inner = b"1388\r\n" + bytes(5000) + b"\r\n0\r\n\r\n"
    with hosted.connection() as client:
        client.sendall(hosted.raw.head(call) + b"".join(b"1\r\n%c\r\n" % byte for byte in inner) + b"0\r\n\r\n")
        answer = receive(client)
        assert (answer.status, answer.headers.get("connection")) == (200, "close")
    assert hosted.store.head_object(BUCKET, "key").content_length == 5000


@pytest.mark.parametrize(
    ("more", "follows"),
    [({}, b""), ({"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c"}, b""), ({}, HEALTH)],
    ids=["plain", "upgrade-offered", "request-follows"],
)
def test_a_document_in_http_chunks_is_read_and_the_connection_ends(
    hosted: Hosted, more: dict[str, str], follows: bytes
) -> None:
    document = b"<CreateBucketConfiguration><LocationConstraint>mars-1</LocationConstraint></CreateBucketConfiguration>"
    call = Call("PUT", "/other", headers={"content-length": None, "transfer-encoding": "chunked"}, sha256=UNSIGNED)
    with hosted.connection() as client:
        client.sendall(hosted.raw.head(call, **more) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(document), document) + follows)
        answer = receive(client)
        assert answer.error["Code"] == "InvalidLocationConstraint"
        assert answer.headers["connection"] == "close"
        assert not client.recv(1)


def test_continue_is_said_only_to_who_waits_and_after_the_checks(hosted: Hosted) -> None:
    for path, first in (
        (PATH, b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("/absent-bucket/key", b"HTTP/1.1 404 Not Found\r\n"),
    ):
        call = Call("PUT", path, headers={"expect": "100-continue", "content-length": "4"}, sha256=UNSIGNED)
        with hosted.connection() as client:
            client.sendall(hosted.raw.head(call))
            assert client.recv(4096).startswith(first)
    call = Call("PUT", PATH, headers={"expect": "100-continue"}, body=b"body")
    with hosted.connection() as client:
        client.sendall(hosted.raw.head(call) + call.body)
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n"), "nobody waits for it"


def test_a_head_or_small_body_that_trickles_holds_no_thread_and_is_given_up(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_S_MAX", 0.5)
    monkeypatch.setattr(connection, "GRACE_S", 0.0)
    monkeypatch.setattr(connection, "RATE_MIN", 1e9)
    hosted = start(threads=1)
    call = Call("PUT", PATH, headers={"content-length": "1000"}, sha256=UNSIGNED)
    with hosted.connection() as slow_head, hosted.connection() as slow_body:
        slow_head.sendall(b"GET / HTTP/1.1\r\nHo")
        slow_body.sendall(hosted.raw.head(call) + b"a")
        assert healthy(hosted)
        assert receive(slow_body).error["Code"] == "RequestTimeout"
        assert slow_head.recv(1) == b""


def test_a_large_body_that_trickles_is_given_up_and_its_thread_goes_on(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "GRACE_S", 0.5)
    monkeypatch.setattr(pace, "CROWDED_GRACE_S", 0.5)
    hosted = start(threads=1, idle_timeout_s=60.0)
    slow = Call("PUT", PATH, headers={"content-length": str(MIB)}, sha256=UNSIGNED)
    quick = Call("PUT", f"{PATH}-2", body=bytes(MIB))
    with hosted.connection() as trickling:
        trickling.sendall(hosted.raw.head(slow) + b"a")
        assert hosted.raw.send(quick).status == 200
        assert receive(trickling).error["Code"] == "RequestTimeout"


def test_a_client_that_sends_fast_enough_is_not_given_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "GRACE_S", 0.5)
    hosted = start(threads=1)
    call = Call("PUT", PATH, body=bytes(256 * KIB))
    with hosted.connection() as client:
        client.sendall(hosted.raw.head(call))
        for at in range(0, len(call.body), 8 * KIB):
            client.sendall(call.body[at : at + 8 * KIB])
            time.sleep(0.1)
        assert receive(client).status == 200


def test_a_body_without_a_byte_for_the_idle_time_is_given_up(start: Start) -> None:
    hosted = start(idle_timeout_s=0.5)
    call = Call("PUT", PATH, headers={"content-length": str(MIB)}, sha256=UNSIGNED)
    with hosted.connection() as client:
        client.sendall(hosted.raw.head(call) + b"a")
        assert receive(client).error["Code"] == "RequestTimeout"


def test_more_requests_than_may_wait_are_told_to_slow_down(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "WAITING_MAX", 1)
    hosted = start(threads=1)
    call = Call("PUT", PATH, headers={"content-length": str(MIB)}, sha256=UNSIGNED)
    with hosted.connection() as first, hosted.connection() as second, hosted.connection() as third:
        for client in (first, second):
            client.sendall(hosted.raw.head(call))
            time.sleep(0.2)
        third.sendall(hosted.raw.head(call))
        answer = receive(third)
        assert (answer.status, answer.error["Code"]) == (503, "SlowDown")
        for client in (first, second):
            client.sendall(bytes(MIB))
            assert receive(client).status == 200


def test_clients_that_do_not_read_hold_neither_threads_nor_memory(start: Start) -> None:
    hosted = start(threads=2)
    hosted.store.put_object(BUCKET, "key", bytes(64 * MIB))
    clients = []
    before = resident_bytes()
    try:
        for _ in range(50):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", hosted.raw.port))
            client.sendall(hosted.raw.head(Call("GET", PATH)))
            clients.append(client)
        assert healthy(hosted)
        assert hosted.raw.send(Call("PUT", f"{PATH}-2", body=bytes(MIB))).status == 200
        assert resident_bytes() - before < 50 * MIB
    finally:
        for client in clients:
            client.close()


def test_a_client_that_stops_reading_is_given_up(start: Start) -> None:
    hosted = start(idle_timeout_s=0.5)
    hosted.store.put_object(BUCKET, "key", bytes(64 * MIB))
    with hosted.connection() as client:
        client.sendall(hosted.raw.head(Call("GET", PATH)))
        time.sleep(3)
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            receive(client)


def test_damage_found_while_an_object_is_sent_breaks_the_answer_off(hosted: Hosted) -> None:
    hosted.store.put_object(BUCKET, "key", bytes(8 * MIB))
    (blob,) = (path for path in hosted.place.glob("blobs/*/*") if path.stat().st_size == 8 * MIB)
    with blob.open("r+b") as file:
        file.seek(7 * MIB)
        file.write(b"damage")
    with hosted.connection() as client:
        client.sendall(hosted.raw.head(Call("GET", PATH)))
        with pytest.raises(http.client.IncompleteRead):
            receive(client)


@pytest.mark.parametrize("part_range", ["bytes=1000-3000000", "bytes=-5", "bytes=0-0", "bytes=2097150-2097153"])
def test_ranges_are_sent_from_files(hosted: Hosted, part_range: str) -> None:
    data = bytes(range(256)) * 16 * KIB
    hosted.store.put_object(BUCKET, "key", data)
    first, _, last = part_range.removeprefix("bytes=").partition("-")
    start, end = (int(first), int(last) + 1) if first else (len(data) - int(last), len(data))
    answer = hosted.raw.send(Call("GET", PATH, headers={"range": part_range}))
    assert (answer.status, answer.body == data[start:end]) == (206, True)


def test_a_thousand_idle_connections_hold_little_and_delay_nobody(hosted: Hosted) -> None:
    before = resident_bytes()
    clients = [socket.create_connection(("127.0.0.1", hosted.raw.port)) for _ in range(1000)]
    try:
        assert healthy(hosted)
        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(lambda _: healthy(hosted), range(100)))
        assert resident_bytes() - before < 10 * MIB
        for client in clients[::100]:
            client.sendall(HEALTH)
            assert receive(client).status == 200
    finally:
        for client in clients:
            client.close()


def test_a_full_house_lets_others_wait_until_one_leaves(start: Start) -> None:
    hosted = start(connections_max=2)
    with hosted.connection() as waiting:
        with hosted.connection() as first, hosted.connection() as second:
            for client in (first, second):
                client.sendall(HEALTH)
            waiting.sendall(HEALTH)
            waiting.settimeout(0.5)
            served = []
            for client in (first, second, waiting):
                client.settimeout(0.5)
                try:
                    served.append(receive(client).status)
                except TimeoutError:
                    served.append(0)
            assert sorted(served) == [0, 200, 200]
        waiting.settimeout(30)
        if served[2] == 0:
            assert receive(waiting).status == 200


def test_a_drained_worker_finishes_what_is_under_way(start: Start) -> None:
    hosted = start()
    call = Call("PUT", PATH, body=bytes(2 * MIB))
    with hosted.connection() as client, hosted.connection() as idle:
        idle.sendall(HEALTH)
        assert receive(idle).status == 200
        client.sendall(hosted.raw.head(call) + call.body[:MIB])
        time.sleep(0.2)
        hosted.worker.stop()
        assert idle.recv(1) == b""
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", hosted.raw.port)).close()
        client.sendall(call.body[MIB:])
        answer = receive(client)
        assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_the_rate_counts_only_while_the_client_is_waited_for() -> None:
    """`body.RATE_MIN` is what `pace` and `connection` share."""
    assert (pace.RATE_MIN, connection.RATE_MIN) == (body.RATE_MIN, body.RATE_MIN)
