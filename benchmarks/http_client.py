"""A load client that takes little: requests signed beforehand, bodies sent by sendfile from memory, one thread a connection.

Not a client for anything else: it reads just enough of an answer to know where it ends.
"""

import base64
import hashlib
import itertools
import os
import random
import re
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, Self

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.harness import MIB

ACCESS_KEY = "AKIABENCHMARK"
SECRET_KEY = "only-for-benchmarks"  # of servers that live for one run, on loopback
REGION = "us-east-1"
TIMEOUT_S = 60
DROPPED_SIZE = MIB
"""Bodies of answers larger than this are dropped as they come."""
CHUNK_SIZE = MIB
"""Of aws-chunked bodies: botocore's own."""

Mode = Literal["unsigned", "signed", "content-md5", "trailer", "sse-c"]
MODES: tuple[Mode, ...] = ("unsigned", "signed", "content-md5", "trailer", "sse-c")
_CUSTOMER_KEY = hashlib.sha256(b"a customer's key").digest()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_UNSIGNED = "UNSIGNED-PAYLOAD"


class Failed(Exception):
    """The server answered with anything but success."""


class _Auth(S3SigV4Auth):  # type: ignore[misc]
    """Botocore's signature, over a payload hash that is given."""

    def __init__(self, content_sha256: str) -> None:
        super().__init__(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
        self._content_sha256 = content_sha256

    def payload(self, request: Any) -> str:
        return self._content_sha256


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent after the head, in a file in memory, and what the head says about it."""

    fd: int
    size: int
    content_sha256: str
    headers: dict[str, str]

    @property
    def at_create(self) -> "Body":
        """What the request says that creates an upload of such bodies."""
        told = {name: value for name, value in self.headers.items() if "encryption" in name}
        return Body(-1, 0, hashlib.sha256().hexdigest(), told)


NO_BODY = Body(-1, 0, hashlib.sha256().hexdigest(), {})


def plain_bytes(size: int) -> bytes:
    """The bytes that every part of that size has."""
    return random.Random(size).randbytes(size)


@contextmanager
def body_of(mode: Mode, size: int) -> Iterator[Body]:
    """Random bytes, as a client of that mode sends them."""
    framed, content_sha256, headers = _MAKERS[mode](plain_bytes(size))
    fd = os.memfd_create("body")
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(framed)
        yield Body(fd, len(framed), content_sha256, headers)
    finally:
        os.close(fd)


def arguments_at_create(mode: Mode) -> dict[str, Any]:
    """What a caller of the library says when it creates an upload of such parts."""
    return {"sse_customer_algorithm": "AES256", "sse_customer_key": _CUSTOMER_KEY} if mode == "sse-c" else {}


def arguments_of(mode: Mode, data: bytes) -> dict[str, Any]:
    """What a caller of the library says to have the same digests computed and compared."""
    return {
        "unsigned": lambda: {},
        "signed": lambda: {"content_sha256": hashlib.sha256(data).hexdigest()},
        "content-md5": lambda: {"content_md5": _md5(data)},
        "trailer": lambda: {"checksum_crc32": _crc32(data)},
        "sse-c": lambda: arguments_at_create("sse-c"),
    }[mode]()


def _trailer(data: bytes) -> tuple[bytes, str, dict[str, str]]:
    chunks = (data[at : at + CHUNK_SIZE] for at in range(0, len(data), CHUNK_SIZE))
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    framed += f"0\r\nx-amz-checksum-crc32:{_crc32(data)}\r\n\r\n".encode()
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(data)),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    return framed, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", headers


def _customer_key() -> dict[str, str]:
    prefix = "x-amz-server-side-encryption-customer-"
    key = base64.b64encode(_CUSTOMER_KEY).decode()
    return {f"{prefix}algorithm": "AES256", f"{prefix}key": key, f"{prefix}key-MD5": _md5(_CUSTOMER_KEY)}


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def _crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


_MAKERS = {
    "unsigned": lambda data: (data, _UNSIGNED, {}),
    "signed": lambda data: (data, hashlib.sha256(data).hexdigest(), {}),
    "content-md5": lambda data: (data, _UNSIGNED, {"Content-MD5": _md5(data)}),
    "trailer": _trailer,
    "sse-c": lambda data: (data, _UNSIGNED, _customer_key()),
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to be sent, any number of times within the 15 minutes of its signature."""

    head: bytes
    body: Body


def prepare(port: int, method: str, target: str, body: Body = NO_BODY) -> Prepared:
    """Sign a request; `target` is path and query."""
    host = f"127.0.0.1:{port}"
    request = AWSRequest(method, f"http://{host}{target}", headers={"Host": host, **body.headers})
    _Auth(body.content_sha256).add_auth(request)
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    if method in ("PUT", "POST"):
        lines.append(f"Content-Length: {body.size}")
    return Prepared("\r\n".join([*lines, "", ""]).encode(), body)


class Connection:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._space = bytearray(DROPPED_SIZE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # unlike settimeout, no poll before every call
            self._socket.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", TIMEOUT_S, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, request: Prepared) -> bytes:
        """Send a request and return the body of its answer.

        Raises:
            Failed: any status but 2xx.
        """
        body = request.body
        self._socket.sendall(request.head, socket.MSG_MORE if body.size else 0)
        at = 0
        with suppress(BrokenPipeError, ConnectionResetError):  # a refusal is on its way
            while at < body.size:
                at += os.sendfile(self._socket.fileno(), body.fd, at, body.size - at)
        try:
            return self._read(has_body=not request.head.startswith(b"HEAD"))
        except OSError as error:
            raise Failed(f"{error}, after {at} of {body.size} bytes") from error

    def _read(self, has_body: bool) -> bytes:
        head, _, rest = self._head()
        found = _LENGTH.search(head)
        size = int(found[1]) if found and has_body else 0
        if size > DROPPED_SIZE:
            self._drop(size - len(rest))
            return b""
        while len(rest) < size:
            rest += self._received()
        if head[9:10] != b"2":
            raise Failed(head.partition(b"\r\n")[0].decode() + " " + rest.decode(errors="replace")[:400])
        return rest

    def _drop(self, size: int) -> None:
        """Let the kernel drop so many bytes, which costs the client next to nothing. Source: tcp(7), MSG_TRUNC."""
        while size:
            dropped = self._socket.recv_into(self._space, min(size, len(self._space)), socket.MSG_TRUNC)
            if not dropped:
                raise Failed("the server closed the connection")
            size -= dropped

    def _head(self) -> tuple[bytes, bytes, bytes]:
        data = self._received()
        while b"\r\n\r\n" not in data:
            data += self._received()
        return data.partition(b"\r\n\r\n")

    def _received(self) -> bytes:
        data = self._socket.recv(64 * 1024)
        if not data:
            raise Failed("the server closed the connection")
        return data


def ask(port: int, method: str, target: str, body: Body = NO_BODY) -> bytes:
    """One request on a connection of its own."""
    with Connection(port) as connection:
        return connection.send(prepare(port, method, target, body))


@dataclass(frozen=True, slots=True)
class Sent:
    """What sending many requests took."""

    seconds: float
    client_cpu_seconds: float


@contextmanager
def connections_to(port: int, count: int) -> Iterator[list[Connection]]:
    """So many connections."""
    with ExitStack() as stack:
        yield [stack.enter_context(Connection(port)) for _ in range(count)]


def send_all(connections: Sequence[Connection], requests: Sequence[Prepared]) -> Sent:
    """Send the requests, each connection taking the next one; the first failure is raised here."""
    numbers = itertools.count()
    failures: list[BaseException] = []

    def run(connection: Connection) -> None:
        try:
            while not failures and (number := next(numbers)) < len(requests):
                connection.send(requests[number])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=[connection]) for connection in connections]
    start, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = Sent(time.perf_counter() - start, time.process_time() - cpu)
    if failures:
        raise failures[0]
    return sent
