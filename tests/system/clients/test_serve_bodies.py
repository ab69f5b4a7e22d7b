"""Bodies on the wire: `100 Continue` only after the checks, refused and stalled bodies, and a Complete that takes long."""

import contextlib
import hashlib
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.uploads import part_etag_of
from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host, Hosts
from tests.system.clients.raw import UNSIGNED, Call, Raw, receive
from tests.system.clients.servers import Pair, running, serve_foreign

BODY = bytes(range(256)) * 8192
"""2 MiB."""
LARGE = 24 * 1024 * 1024
"""More than the buffers of two sockets and a server, however they grow."""
PROMISE = {"expect": "100-continue"}
CONTINUE = b"HTTP/1.1 100 Continue\r\n"
INTERVAL_S, PATIENCE_S = 0.2, 0.5
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def test_continue_is_said_before_the_body_comes(raw: Raw, its_bucket: str) -> None:
    call = Call("PUT", f"/{its_bucket}/key", headers=PROMISE, body=BODY)
    with raw.connection() as connection:
        connection.sendall(raw.head(call))
        assert connection.recv(1024).startswith(CONTINUE)
        connection.sendall(BODY)
        answer = receive(connection)
        assert (answer.status, answer.headers["etag"]) == (200, part_etag_of(BODY))
        connection.sendall(raw.head(Call("GET", f"/{its_bucket}/key")))  # the connection goes on
        assert receive(connection).body == BODY


def test_answers_without_a_body_leave_the_connection_in_order(raw: Raw, its_bucket: str) -> None:
    path = f"/{its_bucket}/key"
    raw.send(Call("PUT", path, body=b"body"))
    condition = {"if-none-match": part_etag_of(b"body")}
    sequence = (
        (Call("HEAD", path), 200, b""),
        (Call("HEAD", path + "-absent"), 404, b""),
        (Call("GET", path, headers=condition), 304, b""),
        (Call("HEAD", path, headers=condition), 304, b""),
        (Call("DELETE", path + "-absent"), 204, b""),
        (Call("PUT", path, body=b""), 200, b""),
        (Call("PUT", path, body=b"body"), 200, b""),
        (Call("GET", path), 200, b"body"),
    )
    with raw.connection() as connection:
        for call, status, body in sequence:
            connection.sendall(raw.head(call) + call.body)
            answer = receive(connection, call.method)
            assert (answer.status, answer.body) == (status, body), call


def test_what_follows_a_body_is_the_next_request(raw: Raw, its_bucket: str) -> None:
    path = f"/{its_bucket}/key"
    last = Call("GET", path, headers={"connection": "close"})
    calls = (Call("PUT", path, body=BODY), Call("GET", path), Call("PUT", path, body=b"body"), last)
    with raw.connection() as connection:
        sender = threading.Thread(
            target=connection.sendall, args=[b"".join(raw.head(call) + call.body for call in calls)]
        )
        sender.start()
        seen = b"".join(iter(lambda: connection.recv(1024 * 1024), b""))
        sender.join()
    answers = seen.split(b"HTTP/1.1 ")[1:]
    assert [answer.startswith(b"200 ") for answer in answers] == [True] * len(calls)
    assert answers[1].endswith(BODY)
    assert answers[3].endswith(b"body")


def test_refused_promise_is_not_answered_with_continue(raw: Raw, any_server: Host, its_bucket: str) -> None:
    if any_server.name == "gunicorn":
        return  # it says 100 Continue before it calls any application
    for path, signer, code in (
        (f"/{its_bucket}-absent/key", raw, "NoSuchBucket"),
        (f"/{its_bucket}/key", Raw(raw.port, Pair(raw.pair.access_key, "another")), "SignatureDoesNotMatch"),
    ):
        call = Call("PUT", path, headers={**PROMISE, "content-length": str(LARGE)}, sha256=UNSIGNED)
        with raw.connection() as connection:
            connection.sendall(signer.head(call))
            answer = receive(connection)
            assert (answer.error["Code"], answer.headers["connection"]) == (code, "close")
            assert connection.recv(1) == b""


def test_refused_body_is_not_taken_for_a_request(raw: Raw, any_server: Host, its_bucket: str) -> None:
    """What stands in a refused body is read away, and never answered."""
    smuggled = raw.head(Call("PUT", f"/{its_bucket}/smuggled"))
    call = Call("PUT", f"/{its_bucket}-absent/key", headers={"content-length": str(LARGE)}, sha256=UNSIGNED)
    with raw.connection() as connection:
        connection.sendall(raw.head(call) + smuggled + bytes(LARGE - len(smuggled)))
        answer = receive(connection)
        assert answer.error["Code"] == "NoSuchBucket"
        if any_server.name != "gunicorn":  # it takes no word on connections from applications
            assert answer.headers["connection"] == "close"
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    assert raw.send(Call("HEAD", f"/{its_bucket}/smuggled")).status == 404


@pytest.mark.rule("integrity", "IncompleteBody")
def test_body_cut_short_is_not_stored(raw: Raw, its_bucket: str) -> None:
    call = Call("PUT", f"/{its_bucket}/key", headers={"content-length": str(len(BODY))}, sha256=UNSIGNED)
    with raw.connection() as connection:
        connection.sendall(raw.head(call) + BODY[:-1])
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while connection.recv(65536):
                pass
    assert raw.send(Call("HEAD", f"/{its_bucket}/key")).status == 404


GIVEN_UP = (
    "Your socket connection to the server was not read from or written to within the timeout period. "
    "Idle connections will be closed."
)
ASGI, WSGI = ("granian-asgi", "uvicorn"), ("granian-wsgi", "gunicorn")
OURS_TO_GIVE_UP = (*ASGI, "gunicorn")
"""Hosts under which waiting for a body is ours: under gunicorn it comes from the connection's own socket."""


@pytest.fixture(scope="module", params=(*ASGI, *WSGI))
def quick(request: pytest.FixtureRequest, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Each server with an interval that is over soon, and with little patience for clients."""
    options = {"blank_interval_s": INTERVAL_S, "idle_timeout_s": PATIENCE_S}
    with running(serve_foreign(request.param, tmp_path_factory.mktemp("quick"), hosts.pair, **options)) as server:
        yield Host(request.param, hosts.pair, hosts.session, server)


HOLDER = """
import lmdb, sys
with lmdb.open(sys.argv[1], max_dbs=64) as environment, environment.begin(write=True):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def writes_held(store: Path) -> Iterator[Callable[[], None]]:
    """Keep LMDB's write lock in another process, until told to let it go."""
    command = [sys.executable, "-c", HOLDER, str(store / "meta")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder.stdin.close
        finally:
            holder.stdin.close()
            assert holder.wait(60) == 0


@pytest.mark.rule("semantics", "blanks-keep-a-client-waiting")
@pytest.mark.parametrize("good", [True, False])
def test_slow_complete_is_kept_alive_by_blanks(quick: Host, clients: Callable[..., Any], good: bool) -> None:
    """The declaration goes out first, then blanks, then the result, or an error as the root element of a 200."""
    assert quick.server is not None
    s3, raw = clients(quick), Raw(quick.server.port, quick.pair)
    bucket = new_bucket(s3)
    upload = {"Bucket": bucket, "Key": "key"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"part")["ETag"] if good else '"0"'
    document = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    )
    call = Call("POST", f"/{bucket}/key", f"uploadId={upload['UploadId']}", body=document.encode())
    with writes_held(quick.server.store) as let_go, raw.connection() as connection:
        connection.sendall(raw.head(call) + call.body)
        seen = connection.recv(65536)
        assert seen.startswith(b"HTTP/1.1 200 OK\r\n")
        while seen.count(b" ", seen.find(b"?>")) < 3:
            seen += connection.recv(65536)
        assert b"<CompleteMultipartUploadResult" not in seen
        let_go()
        while b"Result>" not in seen and b"</Error>" not in seen:
            seen += connection.recv(65536)
    assert seen.index(b"<?xml") < seen.index(
        b"<CompleteMultipartUploadResult" if good else b"<Error><Code>InvalidPart</Code>"
    )
    assert seen.count(b"<?xml") == 1


@pytest.mark.rule("semantics", "blanks-keep-a-client-waiting")
@pytest.mark.rule("uploads", "InternalError")
def test_boto3_reads_an_error_after_blanks(quick: Host, clients: Callable[..., Any]) -> None:
    assert quick.server is not None
    s3 = clients(quick)
    upload = {"Bucket": new_bucket(s3), "Key": "key"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    with writes_held(quick.server.store) as let_go:
        timer = threading.Timer(3 * INTERVAL_S, let_go)
        timer.start()
        with pytest.raises(ClientError) as caught:
            s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0"'}]})
        timer.join()
    assert caught.value.response["Error"]["Code"] == "InvalidPart"


def test_slow_copies_are_kept_alive_by_blanks(quick: Host, clients: Callable[..., Any]) -> None:
    assert quick.server is not None
    s3, raw = clients(quick), Raw(quick.server.port, quick.pair)
    bucket = new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="source", Body=b"body")
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    etag = f"<ETag>&quot;{hashlib.md5(b'body').hexdigest()}&quot;</ETag>".encode()
    for query, result in (("", b"CopyObjectResult"), (f"partNumber=1&uploadId={upload_id}", b"CopyPartResult")):
        call = Call("PUT", f"/{bucket}/key", query, {"x-amz-copy-source": f"{bucket}/source"})
        with writes_held(quick.server.store) as let_go, raw.connection() as connection:
            connection.sendall(raw.head(call))
            seen = connection.recv(65536)
            assert seen.startswith(b"HTTP/1.1 200 OK\r\n")
            while seen.count(b" ", seen.find(b"?>")) < 3:
                seen += connection.recv(65536)
            let_go()
            while b"</" + result not in seen:
                seen += connection.recv(65536)
        assert etag in seen
        assert seen.index(b"<?xml") < seen.index(b"<" + result)


@pytest.mark.rule("uploads", "RequestTimeout")
@pytest.mark.parametrize("quick", OURS_TO_GIVE_UP, indirect=True)
@pytest.mark.parametrize("sent", [0, 1, len(BODY) - 1])
def test_client_that_goes_quiet_is_given_up(quick: Host, clients: Callable[..., Any], sent: int) -> None:
    assert quick.server is not None
    raw, bucket = Raw(quick.server.port, quick.pair), new_bucket(clients(quick))
    call = Call("PUT", f"/{bucket}/key", headers={"content-length": str(len(BODY))}, sha256=UNSIGNED)
    with raw.connection() as connection:
        connection.sendall(raw.head(call) + BODY[:sent])
        answer = receive(connection)
        assert answer.status == 400
        assert quick.name == "gunicorn" or answer.headers["connection"] == "close"  # it does what it has no word for
        assert answer.error == {"Code": "RequestTimeout", "Message": GIVEN_UP}
        assert connection.recv(1) == b""
    assert raw.send(Call("HEAD", f"/{bucket}/key")).status == 404


@pytest.mark.parametrize("quick", ASGI, indirect=True)
def test_client_that_takes_nothing_is_given_up(quick: Host, clients: Callable[..., Any]) -> None:
    assert quick.server is not None
    s3, raw = clients(quick), Raw(quick.server.port, quick.pair)
    bucket = new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="key", Body=bytes(LARGE))
    with raw.connection() as connection:
        connection.sendall(raw.head(Call("GET", f"/{bucket}/key")))
        time.sleep(4 * PATIENCE_S)
        received = 0
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1024 * 1024):
                received += len(piece)
    assert received < LARGE


def test_client_that_goes_away_leaves_the_others_alone(raw: Raw, any_server: Host, clients: Callable[..., Any]) -> None:
    """In the middle of what it sends, and of what it is sent; that nothing is printed about it is seen when the server stops."""
    s3 = clients(any_server)
    named = {"Bucket": new_bucket(s3), "Key": "key"}
    s3.put_object(**named, Body=bytes(LARGE))
    for call, body in (
        (Call("GET", f"/{named['Bucket']}/key"), b""),
        (Call("PUT", f"/{named['Bucket']}/key", headers={"content-length": str(LARGE)}, sha256=UNSIGNED), BODY),
    ):
        with raw.connection() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            connection.sendall(raw.head(call) + body)
            if not body:
                connection.recv(1024)
    assert s3.head_object(**named)["ContentLength"] == LARGE
