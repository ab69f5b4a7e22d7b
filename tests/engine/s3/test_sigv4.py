"""Right signatures are accepted, whichever client made them, and the description of the body is read with them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSignedBodyHeaderType,
    AwsSigningAlgorithm,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.http import HttpHeaders, HttpRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import AccessDenied, InvalidAccessKeyId, InvalidToken, SignatureDoesNotMatch
from engine.s3.http import Request
from engine.s3.sigv4 import Credential, Identity, Payload, Verifier
from tests.support.refusals import refused
from tests.support.signing import (
    ACCESS_KEY,
    ACCOUNT,
    CREDENTIAL,
    HOST,
    REGION,
    SECRET,
    Form,
    quote,
    received,
    sign,
    verifier,
    with_header,
    without_header,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "sigv4.json").read_text())
EXAMPLE_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
FORMS: list[Form] = ["header", "query"]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
paths = st.lists(texts, min_size=1, max_size=4).map("/".join)
queries = st.dictionaries(texts.filter(lambda name: not name.lower().startswith("x-amz-")), texts, max_size=4)
metadata = st.dictionaries(st.from_regex(r"x-amz-meta-[a-z0-9-]{1,12}", fullmatch=True), values, max_size=4)


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_examples_are_accepted(name: str) -> None:
    example = VECTORS[name]
    headers = tuple((key, value) for key, value in example["headers"])
    request = Request(
        example["method"], example["path"].encode(), example["query"].encode(), headers, "https", "127.0.0.1"
    )
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    checking = Verifier(lambda access_key: Credential(access_key, EXAMPLE_SECRET, ACCOUNT), REGION, lambda: moment)
    identity = checking.verify(request)
    assert (identity.access_key, identity.account_id, identity.signed) == ("AKIAIOSFODNN7EXAMPLE", ACCOUNT, True)


def raw_path(text: str) -> str:
    return "/" + "/".join(quote(part) for part in text.split("/"))


def raw_query(items: dict[str, str]) -> str:
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in items.items())


@settings(deadline=None, max_examples=200, print_blob=True)
@given(st.sampled_from(["GET", "PUT", "HEAD", "DELETE", "POST"]), paths, queries, metadata, st.sampled_from(FORMS))
def test_what_botocore_signs_is_accepted(
    method: str, path: str, query: dict[str, str], headers: dict[str, str], form: Form
) -> None:
    request = sign(method, raw_path(path), raw_query(query), list(headers.items()), form=form)
    identity = verifier().verify(request)
    assert (identity.access_key, identity.account_id) == (ACCESS_KEY, ACCOUNT)


@settings(deadline=None, max_examples=60, print_blob=True)
@given(paths, queries, metadata, st.sampled_from(FORMS))
def test_what_aws_c_auth_signs_is_accepted(
    path: str, query: dict[str, str], headers: dict[str, str], form: Form
) -> None:
    """Sign with the AWS Common Runtime, which Amazon's newer SDKs share."""
    kind = AwsSignatureType.HTTP_REQUEST_HEADERS if form == "header" else AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS
    config = AwsSigningConfig(
        algorithm=AwsSigningAlgorithm.V4, signature_type=kind, region=REGION, service="s3",
        credentials_provider=AwsCredentialsProvider.new_static(ACCESS_KEY, SECRET),
        use_double_uri_encode=False, should_normalize_uri_path=False, signed_body_value="UNSIGNED-PAYLOAD",
        signed_body_header_type=AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
        if form == "header" else AwsSignedBodyHeaderType.NONE,
        expiration_in_seconds=900 if form == "query" else None,
    )  # fmt: skip
    target = raw_path(path) + (f"?{raw_query(query)}" if query else "")
    http = HttpRequest("PUT", target, HttpHeaders([("Host", HOST), *headers.items()]))
    signed = aws_sign_request(http, config).result(10)
    assert verifier().verify(received("PUT", f"https://{HOST}{signed.path}", list(signed.headers))).signed


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/bucket",
        "/bucket/",
        "/bucket//",
        "/bucket/a//b",
        "/bucket/../x",
        "/bucket/./x",
        "/bucket/%252F",
        "/b/%E2%82%AC",
        "/b/a%2Bb",
    ],
)
def test_no_path_is_normalised(path: str, form: Form) -> None:
    assert verifier().verify(sign("GET", path, form=form)).signed


@pytest.mark.parametrize("form", FORMS)
def test_a_path_is_what_it_decodes_to(form: Form) -> None:
    """A client may escape fewer or more characters than the canonical form, as the published example with a bare `$` does."""
    request = sign("GET", "/bucket/a%2Cb~c%24/d", form=form)
    for spelling in (b"/bucket/a,b~c$/d", b"/bucket/a%2cb%7Ec%24/d", b"/%62ucket/a,b%7ec%24%2Fd"):
        assert verifier().verify(Request("GET", spelling, *_rest(request))).signed


def _rest(request: Request) -> tuple[Any, ...]:
    return request.raw_query, request.headers, request.scheme, request.remote


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "query", ["uploads", "uploads=", "a=&b", "prefix=a%20b", "a=1&a=2", "%E2%82%AC=%00", "z=1&a=2&A=3"]
)
def test_query_items_need_no_order_and_no_value(query: str, form: Form) -> None:
    items = sorted(query.split("&"))
    canonical = "&".join(item if "=" in item else f"{item}=" for item in items)
    request = sign("GET", "/bucket", canonical, form=form)
    sent = request.raw_query.replace(canonical.encode(), query.encode(), 1)
    assert verifier().verify(Request("GET", request.raw_path, sent, *_rest(request)[1:])).signed


@pytest.mark.parametrize("form", FORMS)
def test_blanks_around_and_within_a_value_do_not_matter(form: Form) -> None:
    request = sign(headers=[("x-amz-meta-a", "one two"), ("x-amz-meta-b", "")], form=form)
    pairs = tuple((name, "  one \t  two " if name == "x-amz-meta-a" else value) for name, value in request.headers)
    assert verifier().verify(Request("PUT", request.raw_path, request.raw_query, pairs, "https", "")).signed


def test_a_header_in_several_lines_is_joined_by_commas() -> None:
    request = sign(headers=[("x-amz-meta-a", "1,2")])
    request = with_header(
        with_header(without_header(request, "x-amz-meta-a"), "x-amz-meta-a", "1"), "x-amz-meta-a", "2"
    )
    assert verifier().verify(request).signed


def test_components_may_stand_close_or_apart_and_in_any_order() -> None:
    request = sign()
    words = request.header("authorization") or ""
    scheme, parts = words.split(" ", 1)
    for spelling in (",".join(parts.split(", ")), "  ,  ".join(reversed(parts.split(", "))), f" {parts} "):
        pairs = tuple((n, f"{scheme} {spelling}" if n == "authorization" else v) for n, v in request.headers)
        assert verifier().verify(Request("PUT", request.raw_path, b"", pairs, "https", "")).signed


def test_the_date_header_will_do() -> None:
    """The published PUT example has both Date and x-amz-date; here x-amz-date is missing."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    class ByDate(S3SigV4Auth):
        def _modify_request_before_signing(self, request: Any) -> None:
            super()._modify_request_before_signing(request)
            del request.headers["X-Amz-Date"]
            moment = datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            request.headers["Date"] = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")

    request = AWSRequest("GET", f"https://{HOST}/bucket")
    ByDate(Credentials(ACCESS_KEY, SECRET), "s3", REGION).add_auth(request)
    sent = received("GET", request.url, list(request.headers.items()))
    assert sent.header("x-amz-date") is None
    assert verifier().verify(sent).signed


def payload_of(value: str, headers: list[tuple[str, str]]) -> Payload:
    return verifier().verify(sign(headers=headers, payload=value)).payload


def test_a_hashed_body_is_described_in_lower_case() -> None:
    for digits in (NOTHING, NOTHING.upper()):
        assert payload_of(digits, []) == Payload("sha256", NOTHING)


def test_an_unsigned_body_is_described() -> None:
    assert payload_of("UNSIGNED-PAYLOAD", []) == Payload("unsigned")
    assert verifier().verify(sign(form="query")).payload == Payload("unsigned")


@pytest.mark.parametrize(
    ("value", "mode", "trailer"),
    [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "chunked-signed", None),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "chunked-signed-trailer", "x-amz-checksum-crc32"),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "chunked-signed-trailer", None),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "chunked-unsigned-trailer", "X-Amz-Checksum-CRC32 , b"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "chunked-unsigned-trailer", None),
    ],
)
def test_a_body_in_chunks_is_described(value: str, mode: str, trailer: str | None) -> None:
    headers = [("x-amz-decoded-content-length", "66560")] + ([("x-amz-trailer", trailer)] if trailer else [])
    payload = payload_of(value, headers)
    assert (payload.mode, payload.decoded_length, payload.sha256) == (mode, 66560, None)
    assert payload.trailers == tuple(name.strip().lower() for name in (trailer or "").split(",") if name)
    assert payload.is_chunked
    assert payload.has_trailer == mode.endswith("trailer")
    assert (payload.signing is not None) == mode.startswith("chunked-signed")


@pytest.mark.parametrize("where", ["header", "X-Amz-Content-Sha256", "x-amz-content-sha256", "X-AMZ-Content-SHA256"])
def test_a_presigned_url_may_bind_the_body_by_its_hash(where: str) -> None:
    if where == "header":
        request = sign(headers=[("x-amz-content-sha256", NOTHING)], form="query", payload=NOTHING)
    else:
        request = sign(query=f"{where}={NOTHING}", form="query", payload=NOTHING)
    assert verifier().verify(request).payload == Payload("sha256", NOTHING)


@pytest.mark.parametrize("minutes", [-15, -14, 0, 14])
def test_a_clock_may_be_15_minutes_off(minutes: int) -> None:
    assert verifier(later=timedelta(minutes=minutes, seconds=5 if minutes < 0 else -5)).verify(sign()).signed


@pytest.mark.parametrize("expires", [1, 60, 604_800])
def test_a_presigned_url_is_good_until_it_expires(expires: int) -> None:
    request = sign(form="query", expires=expires)
    moment = datetime.strptime(dict(request.query)["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    end = moment + timedelta(seconds=expires)
    find = {ACCESS_KEY: CREDENTIAL}.get
    for now in (moment - timedelta(minutes=15), moment, end):
        assert Verifier(find, REGION, lambda now=now: now).verify(request).signed
    with pytest.raises(AccessDenied, match="Request has expired"):
        Verifier(find, REGION, lambda: end + timedelta(microseconds=1)).verify(request)
    with pytest.raises(AccessDenied, match="not valid yet"):
        Verifier(find, REGION, lambda: moment - timedelta(minutes=15, microseconds=1)).verify(request)


@pytest.mark.parametrize("form", FORMS)
def test_temporary_credentials_need_their_token(form: Form) -> None:
    temporary = Credential(ACCESS_KEY, SECRET, ACCOUNT, "the+session/token=")
    checking = verifier(credential=temporary)
    assert checking.verify(sign(form=form, token="the+session/token=")).signed
    for request in (sign(form=form), sign(form=form, token="another")):
        with refused("InvalidToken", "The provided token is malformed or otherwise invalid."):
            checking.verify(request)
    with pytest.raises(InvalidToken):
        verifier().verify(sign(form=form, token="the+session/token="))


def test_a_request_without_a_signature_is_anonymous_only_where_that_is_allowed() -> None:
    request = received("GET", f"https://{HOST}/bucket/key", [])
    with refused("AccessDenied", "Access Denied", 403):
        verifier().verify(request)
    identity = verifier(allow_anonymous=True).verify(request)
    assert (identity.access_key, identity.account_id, identity.signed) == ("", "", False)
    assert identity.payload == Payload("unsigned")


@pytest.mark.parametrize(
    "headers",
    [
        [("content-encoding", "aws-chunked")],
        [("content-encoding", "gzip, aws-chunked"), ("x-amz-trailer", "x-amz-checksum-crc32")],
        [("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")],
    ],
)
def test_anonymous_clients_send_chunks_too(headers: list[tuple[str, str]]) -> None:
    """botocore without credentials does not send x-amz-content-sha256."""
    request = received("PUT", f"https://{HOST}/b/k", [*headers, ("x-amz-decoded-content-length", "5")])
    payload = verifier(allow_anonymous=True).verify(request).payload
    assert (payload.mode, payload.decoded_length) == ("chunked-unsigned-trailer", 5)


def test_a_verifier_that_allows_anonymous_requests_still_checks_signatures() -> None:
    checking = verifier(allow_anonymous=True)
    assert checking.verify(sign()).signed
    with pytest.raises(SignatureDoesNotMatch):
        checking.verify(sign(secret="wrong"))
    with pytest.raises(InvalidAccessKeyId):
        checking.verify(sign(access_key="AKIASOMEBODYELSE"))


def test_only_a_verifier_makes_an_identity() -> None:
    with pytest.raises(TypeError, match="only a Verifier"):
        Identity(ACCESS_KEY, ACCOUNT, True, Payload("unsigned"), object())
    with pytest.raises(TypeError):
        Identity(ACCESS_KEY, ACCOUNT, True, Payload("unsigned"))  # type: ignore[call-arg]


def test_a_changed_or_revoked_secret_is_honoured_at_once() -> None:
    known = {ACCESS_KEY: CREDENTIAL}
    checking = Verifier(known.get, REGION)
    request = sign()
    assert checking.verify(request).signed
    known[ACCESS_KEY] = Credential(ACCESS_KEY, "a new secret", ACCOUNT)
    with pytest.raises(SignatureDoesNotMatch):
        checking.verify(request)
    assert checking.verify(sign(secret="a new secret")).signed
    del known[ACCESS_KEY]
    with pytest.raises(InvalidAccessKeyId):
        checking.verify(request)


def test_access_keys_may_hold_slashes_and_blanks() -> None:
    odd = Credential("team/a b", SECRET, ACCOUNT)
    for form in FORMS:
        assert verifier(credential=odd).verify(sign(access_key="team/a b", form=form)).access_key == "team/a b"
