"""A boto3 client that talks to a store in this process: real client, real validation, no socket."""

import io
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

import botocore
from botocore.awsrequest import AWSResponse

from engine.core import REGION
from engine.s3.http import Request
from engine.s3.sigv4 import Identity, Verifier
from engine.server.application import Application, close
from engine.server.exchange import Response
from engine.server.options import ServerOptions
from engine.store import Store

READ_SIZE = 1024 * 1024
_VIRTUAL_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?(:\d+)?")


def attach(client_or_session: Any, store: Store, *, customer_keys_in_new_buckets: bool = False) -> None:
    """Make a boto3 S3 client, or every S3 client that a boto3 or botocore session makes from now on, talk to a store.

    No credentials are needed, and everything is allowed: the caller could call the store itself. Buckets made this way accept keys
    of customers (SSE-C) only with `customer_keys_in_new_buckets`, or after PutBucketEncryption.

    Raises:
        TypeError: the first argument is neither a client nor a session.
    """
    events = _events_of(client_or_session)
    endpoint = _Endpoint(store, customer_keys_in_new_buckets)
    for event, handler in (
        ("choose-signer.s3", _no_signer),
        ("before-endpoint-resolution.s3", _force_path_style),
        ("before-send.s3", endpoint.send),
    ):
        events.unregister(event, unique_id=f"partwright-{event}")  # a store attached later replaces this one
        events.register_last(event, handler, unique_id=f"partwright-{event}")


def _events_of(client_or_session: Any) -> Any:
    meta = getattr(client_or_session, "meta", None)
    events = getattr(client_or_session, "events", getattr(meta, "events", None))
    if events is None and hasattr(client_or_session, "get_component"):
        events = client_or_session.get_component("event_emitter")
    if events is None:
        raise TypeError(f"a boto3 client or session is needed, not {type(client_or_session).__name__}")
    return events


def _no_signer(**_: Any) -> Any:
    return botocore.UNSIGNED


def _force_path_style(builtins: dict[str, Any], params: dict[str, Any], **_: Any) -> None:
    """Put the bucket into the path, whatever the endpoint. An access point's ARN can only be a host name, and stays one."""
    if not str(params.get("Bucket", "")).startswith("arn:"):
        builtins["AWS::S3::ForcePathStyle"] = True


class _Endpoint:
    """Takes the place of the network: answers botocore's prepared requests by the application."""

    def __init__(self, store: Store, customer_keys_in_new_buckets: bool) -> None:
        verifier = Verifier(lambda access_key: None, REGION, allow_anonymous=True)
        options = ServerOptions(
            region=None, customer_keys_in_clear=True, customer_keys_in_new_buckets=customer_keys_in_new_buckets
        )
        self._application = Application(store, verifier, _allow, options)

    def send(self, request: Any, **_: Any) -> AWSResponse:
        url = urllib.parse.urlsplit(request.url)
        headers = tuple((name.lower(), _text(value)) for name, value in request.headers.items())
        wire = Request(
            method=request.method,
            raw_path=(_bucket_of(url.netloc) + (url.path or "/")).encode(),
            raw_query=url.query.encode(),
            headers=(("host", url.netloc), *(pair for pair in headers if pair[0] != "host")),
            scheme=url.scheme,
            remote="in-process",
        )
        response = self._application.handle(wire, _Body(request.body, dict(headers).get("content-length")))
        return AWSResponse(request.url, response.status, _header_map(response), _Raw(response))


def _bucket_of(host: str) -> str:
    """Return `/BUCKET` for a host name of AWS that has the bucket in it (virtual-hosted-style), else nothing."""
    found = _VIRTUAL_HOST.fullmatch(host)
    return f"/{found['bucket']}" if found else ""


def _allow(identity: Identity, action: str, resource: str) -> bool:
    return True


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _header_map(response: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers}


class _Body:
    """The body of a prepared request, as a `RawBody`."""

    def __init__(self, body: Any, content_length: str | None) -> None:
        plain = isinstance(body, (bytes, bytearray, str, type(None)))
        data = body.encode() if isinstance(body, str) else body or b""
        self._file = io.BytesIO(data) if plain else body
        self.length = int(content_length) if content_length else len(data) if plain else None
        self.at_end = False

    def has_client_left(self) -> bool:
        return False

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._file.read(size)
        self.at_end = size != 0 and not data
        return data


class _Raw:
    """The body of a response, with the methods of urllib3's that botocore calls."""

    def __init__(self, response: Response) -> None:
        self._body = response.body
        self._pieces = iter([response.body]) if isinstance(response.body, bytes) else iter(response.body)
        self._rest = b""

    def read(self, size: int | None = None, **_: Any) -> bytes:
        parts, have = [self._rest], len(self._rest)
        while (size is None or have < size) and (piece := next(self._pieces, None)) is not None:
            parts.append(piece)
            have += len(piece)
        data = b"".join(parts)
        size = len(data) if size is None else size
        self._rest = data[size:]
        return data[:size]

    def stream(self, amt: int = READ_SIZE, **_: Any) -> Iterator[bytes]:
        while data := self.read(amt):
            yield data

    def close(self) -> None:
        close(self._body)

    release_conn = close
