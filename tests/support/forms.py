"""Forms for POST Object as boto3 makes them, put into the bytes of a request by urllib3; and an application to post them to."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import boto3
from botocore.config import Config
from urllib3.filepost import encode_multipart_formdata

from engine import Store
from engine.s3.http import Request
from engine.s3.sigv4 import Identity
from engine.server.application import Application
from engine.server.exchange import Response
from engine.server.options import ServerOptions
from tests.support.chunks import RawBody
from tests.support.signing import ACCESS_KEY, HOST, SECRET, verifier
from tests.support.stores import contents_of

Fields = dict[str, str]
File = bytes | tuple[str, bytes]
"""The file of a form: without a name of its own, or with one."""
NAMED: File = ("a.txt", b"the file")


def encoded(fields: Mapping[str, str], file: File = NAMED) -> tuple[str, bytes]:
    """The Content-Type and the body of a form."""
    parts: Sequence[Any] = [*fields.items(), ("file", file)]
    body, content_type = encode_multipart_formdata(parts)
    return content_type, body


def form(key: str, fields: Fields | None = None, conditions: list[Any] | None = None, **options: Any) -> Fields:
    """The fields that boto3 makes for a form to a bucket, `bucket` unless named, with a condition for each unless others are given."""
    client = boto3.client(
        "s3", "us-east-1", aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET,
        config=Config(signature_version=options.pop("version", "s3v4")),
    )  # fmt: skip
    given = [{name: value} for name, value in (fields or {}).items()] if conditions is None else conditions
    bucket = options.pop("bucket", "bucket")
    made: Fields = client.generate_presigned_post(bucket, key, dict(fields or {}), given, **options)["fields"]
    client.close()
    return made


class _Body(RawBody):
    length: int | None = None
    at_end = True


@dataclass
class Post:
    """Posts forms to an application over a store."""

    store: Store
    anonymous: bool = False
    scheme: Literal["http", "https"] = "http"
    refused: set[tuple[str, str]] = field(default_factory=set)
    asked: set[tuple[str, str]] = field(default_factory=set)
    taken_bytes: int = 0
    """How much of the last form was read."""

    def __call__(self, fields: Fields, file: File = NAMED, *, length: int | None = -1, **changes: Any) -> Response:
        """The answer to a form; `changes` are made to the request."""
        content_type, data = encoded(fields, file)
        return self.send(data, content_type, length=length, **changes)

    def send(self, data: bytes, content_type: str, *, length: int | None = -1, **changes: Any) -> Response:
        """The answer to the bytes of a form."""
        headers = (("host", HOST), ("content-type", content_type))
        request = replace(Request("POST", b"/bucket", b"", headers, self.scheme, "127.0.0.1"), **changes)
        body = _Body(data)
        body.length = len(data) if length == -1 else length
        options = ServerOptions(region=None)
        application = Application(self.store, verifier(allow_anonymous=self.anonymous), self._may, options)
        response = application.handle(request, body)
        self.taken_bytes = body.tell()
        return response

    def _may(self, _identity: Identity, action: str, resource: str) -> bool:
        self.asked.add((action, resource))
        return (action, resource) not in self.refused


def elements(answer: Response) -> dict[str, str]:
    """The elements of a document, without those that every error has."""
    assert isinstance(answer.body, bytes)
    found = re.findall(r"<(\w+)>([^<]*)</\1>", answer.body.decode())
    return {name: html.unescape(text) for name, text in found if name not in ("RequestId", "HostId", "Resource")}


def refusal(post: Post, fields: Fields, file: Any = NAMED, **changes: Any) -> tuple[int, dict[str, str]]:
    """The answer to a form that must be refused, and store nothing."""
    before = contents_of(post.store)
    answer = post(fields, file, **changes)
    assert contents_of(post.store) == before
    return answer.status, elements(answer)


def denied(words: str) -> tuple[int, dict[str, str]]:
    return 403, {"Code": "AccessDenied", "Message": words}


def header(answer: Response, name: str) -> str | None:
    return {each.lower(): value for each, value in answer.headers}.get(name)
