"""Requests signed by botocore, as the server would receive them; and a verifier that knows their access key."""

import re
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from engine.s3.http import Request
from engine.s3.sigv4 import Credential, Verifier

ACCESS_KEY = "AKIATESTTESTTESTTEST"
SECRET = "canary+Secret/Key0123456789abcdefghijklmn"
ACCOUNT = "123456789012"
REGION = "us-east-1"
HOST = "storage.example.com:9000"
CREDENTIAL = Credential(ACCESS_KEY, SECRET, ACCOUNT)
UNSIGNED = "UNSIGNED-PAYLOAD"
Headers = Sequence[tuple[str, str]]
Form = Literal["header", "query"]


class _HeaderAuth(S3SigV4Auth):
    """Botocore's, with the last line of the canonical request as we want it."""

    def __init__(self, credentials: Credentials, region: str, payload: str) -> None:
        super().__init__(credentials, "s3", region)
        self._payload = payload

    def payload(self, request: Any) -> str:
        return self._payload


class _QueryAuth(S3SigV4QueryAuth):
    def __init__(self, credentials: Credentials, region: str, payload: str, expires: int) -> None:
        super().__init__(credentials, "s3", region, expires=expires)
        self._payload = payload

    def payload(self, request: Any) -> str:
        return self._payload


def verifier(*, later: timedelta = timedelta(), credential: Credential | None = CREDENTIAL, **options: Any) -> Verifier:
    """A verifier for REGION whose clock is that much later than ours."""

    def find(access_key: str) -> Credential | None:
        return credential if credential and access_key == credential.access_key else None

    return Verifier(find, REGION, lambda: datetime.now(UTC) + later, **options)


def sign(
    method: str = "PUT",
    path: str = "/bucket/key",
    query: str = "",
    headers: Headers = (),
    *,
    form: Form = "header",
    payload: str = UNSIGNED,
    expires: int = 900,
    secret: str = SECRET,
    access_key: str = ACCESS_KEY,
    region: str = REGION,
    token: str | None = None,
) -> Request:
    """A request as sent, path and query percent-encoded as botocore does it; `payload` is what is signed about the body."""
    credentials = Credentials(access_key, secret, token)
    url = f"https://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, dict(headers))
    auth = (
        _HeaderAuth(credentials, region, payload)
        if form == "header"
        else _QueryAuth(credentials, region, payload, expires)
    )
    auth.add_auth(request)
    return received(method, request.url, list(request.headers.items()))


def presign_v2(
    method: str = "PUT",
    path: str = "/bucket/key",
    query: str = "",
    headers: Headers = (),
    *,
    expires: int = 900,
    secret: str = SECRET,
    access_key: str = ACCESS_KEY,
    token: str | None = None,
    auth_path: str | None = None,
) -> Request:
    """A request to a URL that botocore presigned by Signature Version 2, as sent by a client that has the URL alone; only Content-Type
    and Content-MD5 it must send itself. `auth_path` is the path that is signed, where the bucket stands in the host.
    """
    url = f"https://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, dict(headers), auth_path=auth_path)
    HmacV1QueryAuth(Credentials(access_key, secret, token), expires=expires).add_auth(request)
    sent = [(name, value) for name, value in headers if name.lower() in ("content-type", "content-md5")]
    return received(method, request.url, sent)


def received(method: str, url: str, headers: Headers) -> Request:
    """A request as a server gets it."""
    raw = re.fullmatch(r"https?://[^/?]*([^?]*)\??(.*)", url)
    assert raw is not None
    lower = [(name.lower(), value) for name, value in headers if name.lower() != "host"]
    return Request(method, raw[1].encode(), raw[2].encode(), (("host", HOST), *lower), "https", "127.0.0.1")


def quote(text: str) -> str:
    """Percent-encode as S3's clients do, slashes too."""
    return urllib.parse.quote(text, safe="-_.~")


def with_header(request: Request, name: str, value: str) -> Request:
    """The request with one more header."""
    return replace(request, headers=(*request.headers, (name, value)))


def without_header(request: Request, name: str) -> Request:
    """The request without a header."""
    return replace(request, headers=tuple(pair for pair in request.headers if pair[0] != name))


def change_header(request: Request, name: str, change: Callable[[str], str]) -> Request:
    """The request with another value of a header that it has."""
    assert request.headers_named(name), name
    pairs = ((key, change(value) if key == name else value) for key, value in request.headers)
    return replace(request, headers=tuple(pairs))


def change_query(request: Request, name: str, value: str | None) -> Request:
    """The request with another value of a query item that it has (as it is encoded), or without the item."""
    items = [item.split("=", 1) for item in request.raw_query.decode().split("&")]
    assert name in [key for key, *_ in items], (name, items)
    changed = [
        f"{key}={value}" if key == name else "=".join([key, *rest])
        for key, *rest in items
        if key != name or value is not None
    ]
    return replace(request, raw_query="&".join(changed).encode())
