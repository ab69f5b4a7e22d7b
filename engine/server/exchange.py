"""One request and its answer as plain data, whatever interface brought them."""

import base64
import mmap
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from engine.errors import S3Error
from engine.s3.http import Request
from engine.s3.model import Operation
from engine.s3.routing import Address
from engine.s3.sigv4 import Identity
from engine.server.request_facts import RequestFacts

Headers = list[tuple[str, str]]


class RawBody(Protocol):
    """The body of a request as the host server gives it; `length` is None if there is no Content-Length."""

    length: int | None

    def read(self, size: int = -1, /) -> bytes | memoryview:
        """Return the next bytes, at most `size`; empty at the end. The next read may overwrite them.

        Raises:
            RequestTimeout: the client sends nothing any more.
        """

    @property
    def at_end(self) -> bool:
        """Tell whether everything was read."""

    def has_client_left(self) -> bool:
        """Tell whether the client is known to have closed its connection; False where the host does not tell."""
        return False


def body_buffer(size: int) -> memoryview:
    """Return a buffer for one body: a mapping, which the system gets back with the body; malloc would keep it for each thread."""
    return memoryview(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


@dataclass(slots=True)
class Response:
    """The answer to one request. `body` is whole, or an iterable of pieces, which must be closed if it has `close`."""

    status: int
    headers: Headers
    body: bytes | Iterable[bytes] = b""
    is_proven: bool = False
    """Whether the signature of the request was verified."""


@dataclass(slots=True)
class Exchange:
    """One request, filled in as it is processed; the access log and error answers read it."""

    request: Request
    body: RawBody
    started_s: float = field(default_factory=time.monotonic)
    request_id: str = field(default_factory=lambda: secrets.token_hex(8).upper())
    host_id: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(48)).decode())
    address: Address | None = None
    operation: Operation | None = None
    identity: Identity | None = None
    facts: RequestFacts | None = None
    """What the policies of buckets are compared with."""
    may: Callable[[str, str], bool] = lambda _action, _resource: False
    """may(action, resource) -> whether the request's sender may do it; nothing before it is known who that is."""
    error: S3Error | None = None
