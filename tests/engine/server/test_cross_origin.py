"""Cross-origin requests over the application: AWS's own answers case by case, and what stands around them."""

import base64
import hashlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

import engine
from engine import Store
from engine.errors import SlowDown
from engine.server.application import Application
from engine.server.exchange import Response
from engine.server.options import ServerOptions
from tests.support.calls import Body, client_of
from tests.support.cross_origin import AWS, CASES, PAGE, SETTINGS, Asked, Rule, cross_origin, error_of, rule
from tests.support.signing import sign, verifier, with_header
from tests.support.stores import meta_of
from tests.support.wire import make_request


@pytest.fixture
def application(tiny: Store, bucket: str) -> Application:
    tiny.put_object(bucket, "key", b"test-cors")
    return Application(tiny, verifier(), lambda identity, action, resource: True, ServerOptions(region=None))


@pytest.fixture
def s3(tiny: Store, bucket: str) -> Any:
    return client_of(tiny, lambda identity, action, resource: True)


Send = Callable[..., Response]
MEMBERS = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


@pytest.fixture
def send(application: Application) -> Send:
    """Send a request, signed unless it is a preflight."""

    def send(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Response:
        raw = Body(body)
        raw.length = len(body)
        if method == "OPTIONS":
            return application.handle(make_request(method, path, headers), raw)
        path, _, query = path.partition("?")
        return application.handle(sign(method, path, query, list(headers.items())), raw)

    return send


def test_every_answer_of_aws_is_played() -> None:
    played = {(conversation, asked[0]) for conversation, _, asked in CASES}
    played |= {(conversation, case) for conversation, steps in SETTINGS.items() for _, case, _ in steps if case}
    assert played == {(conversation, case) for conversation, answers in AWS.items() for case in answers}


@pytest.mark.parametrize(
    ("conversation", "given", "asked"), CASES, ids=[f"{name}: {asked[0]}" for name, _, asked in CASES]
)
def test_a_cross_origin_request_is_answered_as_aws_does(
    s3: Any, send: Send, bucket: str, conversation: str, given: Rule | None, asked: Asked
) -> None:
    case, method, key, headers = asked
    if given is not None:
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [given]})
    path = "/absent-bucket" if "non_existent" in conversation else f"/{bucket}"
    response = send(method, f"{path}/{key}" if key else path, headers)
    expected = AWS[conversation][case]
    assert (response.status, error_of(response)) == (expected["status"], expected.get("error"))
    assert cross_origin(response) == expected.get("headers", {})


@pytest.mark.parametrize("conversation", SETTINGS)
def test_the_rules_are_set_and_told_as_aws_does(s3: Any, bucket: str, conversation: str) -> None:
    for verb, case, rules in SETTINGS[conversation]:
        given = {"CORSConfiguration": {"CORSRules": rules}} if rules is not None else {}
        try:
            answer = getattr(s3, f"{verb}_bucket_cors")(Bucket=bucket, **given)
        except ClientError as refusal:
            answer = refusal.response
        expected = AWS[conversation].get(case, {"status": 200})
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == expected["status"], case
        error = {name: text.replace("<bucket>", bucket) for name, text in expected.get("error", {}).items()}
        assert {name: text for name, text in answer.get("Error", {}).items() if name in error} == error
        assert answer.get("CORSRules") == expected.get("rules", answer.get("CORSRules"))


def allow(s3: Any, bucket: str, *rules: Rule) -> None:
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": list(rules)})


def ask(method: str = "PUT", origin: str = PAGE, headers: str = "") -> dict[str, str]:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return asked | ({"Access-Control-Request-Headers": headers} if headers else {})


@pytest.mark.parametrize(
    "target",
    [
        "?cors",
        "/key?uploadId=a&partNumber=x",
        "/key?uploads&acl",
        "/key?partNumber=%zz",
        "/absent/key?X-Amz-Signature=0",
    ],
)
def test_a_preflight_looks_at_no_query_and_asks_no_authorizer(tiny: Store, bucket: str, target: str) -> None:
    def refuse(*_: object) -> bool:
        raise AssertionError("a preflight is nobody's")

    allow(client_of(tiny, lambda *_: True), bucket, rule("PUT"))
    response = Application(tiny, verifier(), refuse, ServerOptions()).handle(
        make_request("OPTIONS", f"/{bucket}{target}", ask()), Body(b"")
    )
    assert (response.status, response.body, response.is_proven) == (200, b"", False)
    assert cross_origin(response)["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize("path", ["/", "/UPPER/key", "/no_bucket"])
def test_a_preflight_where_no_bucket_can_be_is_refused_as_for_one_that_is_not_there(send: Send, path: str) -> None:
    response = send("OPTIONS", path, ask())
    assert error_of(response) == {
        "Code": "AccessForbidden",
        "Message": "CORSResponse: Bucket not found",
        "Method": "PUT",
        "ResourceType": "BUCKET",
    }


@pytest.mark.parametrize(
    ("asked", "shown"), [({}, "null"), ({"Access-Control-Request-Method": "put"}, "put"), (ask("PATCH"), "PATCH")]
)
def test_a_preflight_names_a_method_of_s3(s3: Any, send: Send, bucket: str, asked: dict[str, str], shown: str) -> None:
    allow(s3, bucket, rule("PUT GET POST DELETE HEAD"))
    response = send("OPTIONS", f"/{bucket}/key", {"Origin": PAGE} | asked)
    message = f"Invalid Access-Control-Request-Method: {shown}"
    assert (response.status, error_of(response)) == (400, {"Code": "BadRequest", "Message": message})
    for method in ("PUT", "GET", "POST", "DELETE", "HEAD"):
        assert send("OPTIONS", f"/{bucket}/key", ask(method)).status == 200


def test_the_first_rule_that_allows_all_of_a_request_answers_it(s3: Any, send: Send, bucket: str) -> None:
    allow(
        s3,
        bucket,
        rule("PUT", "https://other.example"),
        rule("GET", PAGE),
        rule("PUT", PAGE, ("x-amz-meta-*",), MaxAgeSeconds=1),
        rule("PUT", "*", MaxAgeSeconds=2),
    )
    ages = {
        headers: cross_origin(send("OPTIONS", f"/{bucket}/key", ask(headers=headers)))["Access-Control-Max-Age"]
        for headers in ("", "X-Amz-Meta-A,x-amz-meta-", "x-amz-meta-a, content-type")
    }
    assert list(ages.values()) == ["1", "1", "2"]
    assert send("OPTIONS", f"/{bucket}/key", ask("DELETE")).status == 403


def test_errors_too_can_be_read_by_the_page(s3: Any, send: Send, bucket: str, application: Application) -> None:
    allow(s3, bucket, rule("GET PUT", ExposeHeaders=["ETag", "x-amz-version-id"]))
    absent = send("GET", f"/{bucket}/absent", {"Origin": PAGE})
    unsigned = application.handle(make_request("PUT", f"/{bucket}/key", {"Origin": PAGE}), Body(b""))
    etag = dict(send("GET", f"/{bucket}/key", {}).headers)["ETag"]
    unchanged = send("GET", f"/{bucket}/key", {"Origin": PAGE, "If-None-Match": etag})
    misplaced = send("PUT", f"/{bucket}?uploadId=x", {"Origin": PAGE})
    assert [each.status for each in (absent, unsigned, unchanged, misplaced)] == [404, 403, 304, 400]
    for response in (absent, unsigned, unchanged, misplaced):
        assert cross_origin(response) == {
            "Access-Control-Allow-Origin": PAGE,
            "Access-Control-Allow-Methods": "GET, PUT",
            "Access-Control-Expose-Headers": "ETag, x-amz-version-id",
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        }
    assert cross_origin(send("GET", "/absent-bucket/key", {"Origin": PAGE})) == {}
    assert cross_origin(send("GET", "/", {"Origin": PAGE})) == {}


def test_a_refusal_of_the_host_too_can_be_read_by_the_page(s3: Any, bucket: str, application: Application) -> None:
    allow(s3, bucket, rule("PUT"))
    refusal = application.turn_away(make_request("PUT", f"/{bucket}/key", {"Origin": PAGE}), Body(b""), SlowDown())
    assert (refusal.status, cross_origin(refusal)["Access-Control-Allow-Origin"]) == (503, PAGE)
    for path in (f"/{bucket}/key%zz", "//", "/absent-bucket/key"):
        refusal = application.turn_away(make_request("PUT", path, {"Origin": PAGE}), Body(b""), SlowDown())
        assert (refusal.status, cross_origin(refusal)) == (503, {})


def test_an_upload_in_parts_has_its_headers_at_every_step(s3: Any, send: Send, bucket: str, tiny: Store) -> None:
    allow(s3, bucket, rule("POST PUT", "*", ExposeHeaders=["ETag"]))
    upload = tiny.create_multipart_upload(bucket, "large").upload_id
    part = send("PUT", f"/{bucket}/large?uploadId={upload}&partNumber=1", {"Origin": PAGE}, b"part")
    etag = dict(part.headers)["ETag"]
    document = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    )
    done = send("POST", f"/{bucket}/large?uploadId={upload}", {"Origin": PAGE}, document.encode())
    for response in (part, done):
        assert response.status == 200
        assert cross_origin(response)["Access-Control-Expose-Headers"] == "ETag"
    assert tiny.head_object(bucket, "large").content_length == 4


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", PAGE), ("Origin", "https://other.example")],
        [("Origin", PAGE), ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Method", "PUT")],
    ],
)
def test_two_origins_or_methods_are_refused_before_and_without_effect_after(
    s3: Any, application: Application, bucket: str, headers: list[tuple[str, str]]
) -> None:
    allow(s3, bucket, rule("GET PUT"))
    preflight = application.handle(make_request("OPTIONS", f"/{bucket}/key", headers), Body(b""))
    assert (preflight.status, error_of(preflight)) == (
        400,
        {"Code": "InvalidRequest", "Message": f"Header {headers[-1][0].lower()} was sent more than once"},
    )
    request = sign("GET", f"/{bucket}/key")
    for name, value in headers:
        request = with_header(request, name.lower(), value)
    response = application.handle(request, Body(b""))
    assert (response.status, cross_origin(response)) == (200, {})


def test_names_of_headers_may_come_in_several_lines(s3: Any, application: Application, bucket: str) -> None:
    allow(s3, bucket, rule("PUT", PAGE, ("a", "b")))
    lines = [*ask().items(), *(("Access-Control-Request-Headers", name) for name in ("A", " ,b", ""))]
    response = application.handle(make_request("OPTIONS", f"/{bucket}/key", lines), Body(b""))
    assert cross_origin(response)["Access-Control-Allow-Headers"] == "a, b"


def test_what_a_request_asks_for_has_a_bound(s3: Any, send: Send, bucket: str) -> None:
    allow(s3, bucket, rule("GET PUT"))
    room = 8192 - len(PAGE) - len("PUT")
    most = ask(headers="a" * room)
    assert cross_origin(send("OPTIONS", f"/{bucket}/key", most))["Access-Control-Allow-Headers"] == "a" * room
    assert cross_origin(send("GET", f"/{bucket}/key", most))["Access-Control-Allow-Headers"] == "a" * room
    more = ask(headers="a" * (room + 1))
    response = send("OPTIONS", f"/{bucket}/key", more)
    assert (response.status, error_of(response)) == (
        400,
        {
            "Code": "RequestHeaderSectionTooLarge",
            "Message": "Your request header section exceeds the maximum allowed size.",
            "MaxSizeAllowed": "8192",
        },
    )
    response = send("GET", f"/{bucket}/key", more)
    assert (response.status, cross_origin(response)) == (200, {})


def test_rules_hold_for_whoever_asks_and_where_the_requester_pays(
    tiny: Store, s3: Any, bucket: str, send: Send
) -> None:
    allow(s3, bucket, rule("GET"))
    tiny.put_bucket_request_payment(bucket, request_payment_configuration={"payer": "Requester"})
    assert send("OPTIONS", f"/{bucket}/key", ask("GET")).status == 200
    refusal = send("GET", f"/{bucket}/key", {"Origin": PAGE})
    assert (refusal.status, cross_origin(refusal)["Access-Control-Allow-Origin"]) == (403, PAGE)


def test_a_change_of_the_rules_counts_at_once_in_every_store_on_the_directory(
    tiny: Store, bucket: str, s3: Any
) -> None:
    allow(s3, bucket, rule("PUT"))
    with engine.open(tiny._layout.root, read_only=True) as other:
        application = Application(other, verifier(), lambda *_: True, ServerOptions())
        preflight = make_request("OPTIONS", f"/{bucket}", ask())
        statuses = [application.handle(preflight, Body(b"")).status]
        allow(s3, bucket, rule("GET"))
        statuses.append(application.handle(preflight, Body(b"")).status)
        s3.delete_bucket_cors(Bucket=bucket)
        statuses.append(application.handle(preflight, Body(b"")).status)
    assert statuses == [200, 403, 403]


def test_rules_that_cannot_be_read_are_logged_and_spoil_no_answer(
    tiny: Store, bucket: str, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    meta_of(tiny).put_configuration(bucket, "cors", b"\xc1")
    with caplog.at_level(logging.ERROR, "partwright.server"):
        response = send("GET", f"/{bucket}/key", {"Origin": PAGE})
    assert (response.status, cross_origin(response)) == (200, {})
    assert "CORS rules" in caplog.text
    assert send("OPTIONS", f"/{bucket}/key", ask()).status == 500
    assert send("GET", f"/{bucket}/key", {}).status == 200


@pytest.mark.parametrize(
    "rules",
    [
        "",
        "<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>",
        "<CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>",
        f"<CORSRule>{MEMBERS}<AllowedHeaders>x-a</AllowedHeaders></CORSRule>",
        f"<CORSRule>{MEMBERS}</CORSRule><Rule/>",
        f"<CORSRule>{MEMBERS}<MaxAgeSeconds>soon</MaxAgeSeconds></CORSRule>",
    ],
)
def test_a_document_that_does_not_fit_the_schema_is_refused(send: Send, bucket: str, rules: str) -> None:
    """An unknown element is one that its writer meant to count."""
    body = f"<CORSConfiguration>{rules}</CORSConfiguration>".encode()
    response = send("PUT", f"/{bucket}?cors", {"Content-MD5": md5(body)}, body)
    assert (error_of(response) or {})["Code"] == "MalformedXML"
    body = f"<CORSConfiguration><CORSRule>{MEMBERS}</CORSRule></CORSConfiguration>".encode()
    assert send("PUT", f"/{bucket}?cors", {"Content-MD5": md5(body)}, body).status == 200
    unproven = error_of(send("PUT", f"/{bucket}?cors", {}, body)) or {}
    assert (unproven["Code"], unproven["Message"]) == (
        "InvalidRequest",
        "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    )


def test_default_rules_hold_for_buckets_that_have_none(s3: Any, tiny: Store, bucket: str) -> None:
    rules = {"cors_rules": [{"allowed_methods": ["GET"], "allowed_origins": ["https://everywhere.example"]}]}
    options = ServerOptions(region=None, default_cors=rules)
    application = Application(tiny, verifier(), lambda identity, action, resource: True, options)

    def allowed(origin: str) -> tuple[int, str | None]:
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        found = application.handle(make_request("OPTIONS", f"/{bucket}/key", asked), Body())
        return found.status, dict(found.headers).get("Access-Control-Allow-Origin")

    assert allowed("https://everywhere.example") == (200, "https://everywhere.example")
    assert allowed("https://other.example")[0] == 403
    absent = application.handle(
        make_request(
            "OPTIONS",
            "/absent-bucket",
            {"Origin": "https://everywhere.example", "Access-Control-Request-Method": "GET"},
        ),
        Body(),
    )
    assert absent.status == 403
    own = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://other.example"]}]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=own)
    assert allowed("https://everywhere.example")[0] == 403
    assert allowed("https://other.example") == (200, "https://other.example")
    s3.delete_bucket_cors(Bucket=bucket)
    assert allowed("https://everywhere.example")[0] == 200
