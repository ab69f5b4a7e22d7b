"""Requests written by hand and signed by a signer of the tests' own, for what no client would send."""

import contextlib
import hashlib
import hmac
import html
import http.client
import re
import socket
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.system.clients.servers import ADDRESS, Pair

UNSIGNED = "UNSIGNED-PAYLOAD"
TIMEOUT_S = 60.0
_ELEMENT = re.compile(r"<(\w[\w-]*)>([^<]*)</\1>")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `error` are the elements of an error document, with the ones of every answer left out."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, str]:
        found = ((name, html.unescape(text)) for name, text in _ELEMENT.findall(self.body.decode()))
        return {name: text for name, text in found if name not in ("RequestId", "HostId", "Resource")}


@dataclass(frozen=True, slots=True)
class Call:
    """One request before it is signed. `path` and `query` are percent-encoded; `headers` may hold another Content-Length than the
    body's, or none (None) at all."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes = b""
    sha256: str | None = None
    """x-amz-content-sha256, if it is not the body's."""
    region: str = "us-east-1"
    age: timedelta = timedelta()

    @property
    def target(self) -> str:
        return self.path + (f"?{self.query}" if self.query else "")

    def signed(self, pair: Pair, host: str) -> dict[str, str]:
        """All headers of the request, in the order they are to be sent."""
        moment = (datetime.now(UTC) - self.age).strftime("%Y%m%dT%H%M%SZ")
        payload = hashlib.sha256(self.body).hexdigest() if self.sha256 is None else self.sha256
        covered = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": moment}
        covered |= {name: value for name, value in self.headers.items() if value is not None}
        length = self.headers.get("content-length", str(len(self.body)))
        names = sorted(name for name in covered if name not in ("content-length", "expect", "transfer-encoding"))
        canonical = "\n".join(
            [
                self.method,
                self.path,
                "&".join(sorted(item if "=" in item else f"{item}=" for item in self.query.split("&") if item)),
                *(f"{name}:{covered[name].strip()}" for name in names),
                "",
                ";".join(names),
                payload,
            ]
        )
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={pair.access_key}/{scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={_sign(pair.secret_key, scope, text)}"
        )
        lengths = {} if length is None else {"content-length": length}
        return covered | lengths | {"authorization": authorization}


def _sign(secret_key: str, scope: str, text: str) -> str:
    key = f"AWS4{secret_key}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def quote(text: str) -> str:
    """A path or a value of a query as the canonical form has it."""
    return urllib.parse.quote(text, safe="/-_.~")


@dataclass(frozen=True, slots=True)
class Raw:
    """Sends calls to one server."""

    port: int
    pair: Pair

    def head(self, call: Call, **changes: str) -> bytes:
        """The bytes of a request up to its body; `changes` (names with `_`) are made after signing."""
        headers = call.signed(self.pair, f"{ADDRESS}:{self.port}")
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        lines = [f"{call.method} {call.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join((*lines, "", "")).encode()

    def send(self, call: Call, **changes: str) -> Answer:
        """Send a call with its body on a connection of its own."""
        with self.connection() as connection:
            connection.sendall(self.head(call, **changes) + call.body)
            return receive(connection, call.method)

    @contextlib.contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection((ADDRESS, self.port), timeout=TIMEOUT_S) as connection:
            yield connection


def receive(connection: socket.socket, method: str = "GET") -> Answer:
    """The next answer on a connection."""
    with http.client.HTTPResponse(connection, method=method) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())
