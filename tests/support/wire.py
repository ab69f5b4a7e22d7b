"""botocore as the other side of the wire: its own serialiser makes requests, its own client sends them to a catcher."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, create_request_object, prepare_request_dict
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.serialize import create_serializer

from engine.s3.http import Request
from engine.server import operations

# Without botocore's additions for SDKs, by which Expires would be a date: S3 keeps it as a text.
S3 = ServiceModel(Loader(include_default_extras=False).load_service_model("s3", "service-2"), "s3")
SERVED = tuple(sorted(operations.SERVED))
ENDPOINT = "http://s3.test:9000"


def operation_model(name: str) -> OperationModel:
    return S3.operation_model(name)


def make_request(
    method: str = "GET",
    target: str = "/",
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    *,
    host: str = "127.0.0.1:9000",
) -> Request:
    """A request by hand; the target is path and query as sent."""
    path, _, query = target.partition("?")
    pairs = headers.items() if isinstance(headers, dict) else headers or []
    given = (("host", host), *((name.lower(), value) for name, value in pairs))
    return Request(method, path.encode("latin-1"), query.encode("latin-1"), given, "http", "127.0.0.1")


def serialised(operation: str, parameters: dict[str, Any]) -> tuple[Request, bytes]:
    """What botocore's serialiser makes of parameters, as a server receives it."""
    made = create_serializer("rest-xml").serialize_to_request(parameters, operation_model(operation))
    prepare_request_dict(made, endpoint_url=ENDPOINT)
    return received(create_request_object(made).prepare())


def received(prepared: AWSPreparedRequest) -> tuple[Request, bytes]:
    parts = urlsplit(prepared.url)
    headers = [("host", parts.netloc)]
    headers += [(name.lower(), _latin(value)) for name, value in prepared.headers.items() if name.lower() != "host"]
    path = prepared.url.split("://", 1)[1].partition("?")[0][len(parts.netloc) :] or "/"
    request = Request(prepared.method, path.encode(), parts.query.encode(), tuple(headers), "http", "127.0.0.1")
    body = prepared.body or b""
    return request, body if isinstance(body, bytes) else bytes(body.read())


def _latin(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


Answer = tuple[int, list[tuple[str, str]], bytes]


_SESSION = botocore.session.Session()


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> list[bytes]:
        return [self.read()]


def client(answering: Callable[[Request, bytes], Answer], *, endpoint: str = ENDPOINT, **options: Any) -> Any:
    """A client of botocore's whose requests are answered by a function, without a socket."""
    style, access_key = options.pop("addressing_style", "path"), options.pop("access_key", "AKIAEXAMPLE")
    config = Config(s3={"addressing_style": style}, retries={"max_attempts": 0}, **options)
    made = _SESSION.create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key="secret",
        config=config,
    )

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        status, headers, body = answering(*received(request))
        return AWSResponse(request.url, status, dict(headers), _Raw(body))

    made.meta.events.register("before-send.s3", send)
    return made
