"""The ASGI face, called as a server calls it."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

import engine
from engine.server import Credentials, asgi_app
from engine.server.application import HEADERS_SIZE_MAX

SCOPE = {"type": "http", "method": "PUT", "path": "/bucket/key", "raw_path": b"/bucket/key", "query_string": b""}


class Client:
    """One connection's end: it sends nothing of its body."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_refused_request_keeps_nothing_of_its_connection(store: engine.Store, without_collector: None) -> None:
    """Granian closes a connection with an unread body once nobody can ask for the rest of it."""
    application = asgi_app(store, credentials=Credentials.random())
    client = Client()
    headers = [(b"host", b"a"), (b"content-length", b"1000000")]
    asyncio.run(application({**SCOPE, "headers": headers}, client.receive, client.send))
    assert client.sent[0]["status"] == 403
    gone = weakref.ref(client)
    del client
    assert gone() is None


class Sender(Client):
    """A client that sends a body, and then waits."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive(self) -> dict[str, Any]:
        return self._messages.pop() if self._messages else await super().receive()


@pytest.mark.parametrize("path", [b"/-/x", b"/-/healthz"])
def test_key_that_looks_like_a_health_check_does_not_hold_up_the_loop(store: engine.Store, path: bytes) -> None:
    """Below a domain it is a key: its request reads a body, which the loop must be free to fetch."""
    credentials = Credentials.random()
    (pair,) = credentials
    store.create_bucket("bucket")
    application = asgi_app(store, credentials=credentials, domains=("s3.test",))
    signer = S3SigV4Auth(BotoCredentials(pair.access_key, pair.secret_key), "s3", "us-east-1")
    request = AWSRequest("PUT", f"http://bucket.s3.test{path.decode()}", {"content-length": "5"}, b"hello")
    signer.add_auth(request)
    headers = [(b"host", b"bucket.s3.test")] + [(n.lower().encode(), v.encode()) for n, v in request.headers.items()]
    scope = {**SCOPE, "path": path.decode(), "raw_path": path, "headers": headers}
    client = Sender(b"hello")
    asyncio.run(asyncio.wait_for(application(scope, client.receive, client.send), 30))
    assert client.sent[0]["status"] == 200
    assert store.get_object("bucket", path.decode()[1:]).body.read() == b"hello"


@pytest.mark.parametrize(
    ("size", "code"), [(HEADERS_SIZE_MAX, b"AccessDenied"), (HEADERS_SIZE_MAX + 1, b"RequestHeaderSectionTooLarge")]
)
def test_headers_have_a_bound(store: engine.Store, size: int, code: bytes) -> None:
    """Of its own: the host server's is that of its buffer, which is large for the sake of bodies."""
    application = asgi_app(store, credentials=Credentials.random())
    client = Client()
    headers = [(b"host", b"a"), (b"cookie", b"x" * (size - len("hostacookie")))]
    asyncio.run(application({**SCOPE, "method": "GET", "headers": headers}, client.receive, client.send))
    assert b"<Code>" + code + b"</Code>" in client.sent[1]["body"]
