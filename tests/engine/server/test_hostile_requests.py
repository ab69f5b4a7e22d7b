"""Over a thousand requests that nobody with the key sent so: refused in S3's words, before a byte of a body is read or stored."""

import re
from dataclasses import dataclass, replace

import pytest

from engine import Store
from engine.s3.http import Request
from engine.s3.model import OPERATIONS, Operation
from engine.s3.sigv4 import Identity
from engine.server.application import Application
from engine.server.options import ServerOptions
from tests.support.chunks import RawBody
from tests.support.hostile import BODY, FORMS, HASH, TARGETS, UNSIGNED_HEADERS, UPLOAD, hostile_requests
from tests.support.signing import HOST, UNSIGNED, Form, sign, verifier
from tests.support.stores import contents_of
from tests.support.uploads import begin, read
from tests.support.wire import make_request

STATUS = {
    "AccessDenied": 403,
    "InvalidAccessKeyId": 403,
    "MissingContentLength": 411,
    "MethodNotAllowed": 405,
    "NotImplemented": 501,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
}
NOT_SIGNED = "There were headers present in the request which were not signed"


class Body(RawBody):
    """A request's body that tells whether it was read."""

    length: int | None = len(BODY)

    @property
    def at_end(self) -> bool:
        return self.tell() == len(BODY)


@dataclass(frozen=True)
class Server:
    """The application over a store, for one request at a time."""

    application: Application
    calls: list[tuple[Identity, str, str]]

    def __call__(self, request: Request) -> tuple[int, str, Body]:
        body = Body(BODY)
        response = self.application.handle(request, body)
        text = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        return response.status, text.decode(), body


@pytest.fixture
def server(tiny: Store, bucket: str) -> Server:
    calls: list[tuple[Identity, str, str]] = []

    def allow(identity: Identity, action: str, resource: str) -> bool:
        calls.append((identity, action, resource))
        return True

    return Server(Application(tiny, verifier(), allow, ServerOptions(region=None)), calls)


def element(text: str, name: str) -> str | None:
    found = re.search(f"<{name}>(.*?)</{name}>", text, re.DOTALL)
    return found[1] if found else None


def test_every_hostile_request_is_refused_and_nothing_is_stored(tiny: Store, bucket: str, server: Server) -> None:
    upload = begin(tiny, bucket, "a key")
    before = contents_of(tiny)
    assert bucket == "bucket"
    count = 0
    for hostile in hostile_requests(upload.upload_id):
        status, text, body = server(hostile.request)
        code = element(text, "Code") or ("HEAD" if hostile.request.method == "HEAD" else "")
        allowed = hostile.codes | ({"HEAD"} if hostile.request.method == "HEAD" else set())
        assert code in allowed, (hostile.name, status, text)
        assert status == STATUS.get(code, 400) or code == "HEAD", (hostile.name, status, code)
        if hostile.unsigned is not None:
            assert (element(text, "Message"), element(text, "HeadersNotSigned")) == (NOT_SIGNED, hostile.unsigned)
        assert body.tell() == 0, hostile.name
        count += 1
    assert contents_of(tiny) == before
    assert server.calls == []
    assert count > 1000, count
    print(f"{count} hostile requests refused")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("operation", TARGETS)
def test_the_same_requests_unchanged_are_served(
    tiny: Store, bucket: str, server: Server, operation: str, form: Form
) -> None:
    """The control: what was made hostile above is accepted as it was signed."""
    upload = begin(tiny, bucket, "a key")
    method, path, query = TARGETS[operation]
    for payload in (UNSIGNED, HASH):
        headers = [("x-amz-content-sha256", payload)] if form == "query" else []
        headers.append(("x-amz-meta-a", "b")) if operation == "CreateMultipartUpload" else None
        request = sign(method, path, query.replace(UPLOAD, upload.upload_id), headers, form=form, payload=payload)
        status, text, _ = server(request)
        assert status == 200, text
    ((identity, action, resource), *_) = server.calls
    assert (identity.signed, action, resource) == (True, "s3:PutObject", "arn:aws:s3:::bucket/a key")
    if operation == "PutObject":
        assert read(tiny, bucket, "a key") == BODY


def test_a_body_that_is_not_what_was_signed_is_refused(tiny: Store, bucket: str, server: Server) -> None:
    before = contents_of(tiny)
    for form in FORMS:
        wrong = "0" * 64
        headers = [("x-amz-content-sha256", wrong)] if form == "query" else []
        status, text, _ = server(sign(headers=headers, form=form, payload=wrong))
        assert (status, element(text, "Code")) == (400, "XAmzContentSHA256Mismatch")
    assert contents_of(tiny) == before


def test_the_headers_of_the_corpus_would_be_accepted_if_they_were_signed(server: Server) -> None:
    """So it is the missing signature that they are refused for; what the store makes of them is another matter."""
    for form in FORMS:
        for name, value in UNSIGNED_HEADERS.items():
            _, text, _ = server(sign(headers=[(name, value)], form=form))
            assert element(text, "Message") != NOT_SIGNED, name
            assert element(text, "Code") != "SignatureDoesNotMatch", (name, text)


def unsigned_request(operation: Operation) -> Request:
    """A request that asks for the operation, and is signed by nobody."""
    path = {"service": b"/", "bucket": b"/bucket", "object": b"/bucket/key"}[operation.level]
    items = [name if value is None else f"{name}={value}" for name, value in operation.literals]
    items += [f"{name}=1" for name in sorted(operation.required("querystring"))]
    headers = [("host", HOST), *((name, "1") for name in sorted(operation.required("header")))]
    return Request(operation.method, path, "&".join(items).encode(), tuple(headers), "https", "127.0.0.1")


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"WriteGetObjectResponse"}))  # which goes to another host
def test_no_operation_of_s3_is_reached_without_an_identity(tiny: Store, bucket: str, server: Server, name: str) -> None:
    """Every operation of the model, also those that are not served: MinIO CVE-2026-40344 was one handler that did not ask."""
    tiny.put_object(bucket, "key", b"data")
    before = contents_of(tiny)
    status, text, body = server(unsigned_request(OPERATIONS[name]))
    assert status == 403
    assert element(text, "Code") == ("AccessDenied" if OPERATIONS[name].method != "HEAD" else None)
    assert (contents_of(tiny), server.calls, body.tell()) == (before, [], 0)


@pytest.mark.parametrize("target", ["/bucket/key?" + "a&" * 256, "/bucket?" + "a" * 17_000, "/bucket/" + "%41" * 6_000])
def test_a_target_has_bounds(server: Server, bucket: str, target: str) -> None:
    status, text, body = server(make_request("GET", target))
    assert (status, element(text, "Code"), body.tell()) == (400, "InvalidURI", 0)
    few = make_request("GET", "/bucket/key?" + "&".join(f"x-a{at}=" for at in range(255)))
    assert element(server(few)[1], "Code") == "AccessDenied"


def test_an_error_does_not_grow_with_what_was_sent(server: Server, bucket: str) -> None:
    request = sign("GET", f"/{bucket}/key", headers=[(f"x-amz-meta-{at}", "v" * 1000) for at in range(60)])
    spoilt = replace(request, raw_path=f"/{bucket}/other".encode())
    status, text, _ = server(spoilt)
    assert (status, element(text, "Code"), len(text) < 64 * 1024) == (403, "SignatureDoesNotMatch", True)
    assert element(text, "StringToSign")
