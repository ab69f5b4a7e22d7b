"""The errors for refused signatures have S3's code, status, text and elements to the letter."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.errors import S3Error
from engine.s3.claims import read_claim
from engine.s3.http import Request
from engine.s3.sigv4 import Verifier
from tests.support.refusals import refused
from tests.support.signing import (
    ACCESS_KEY,
    CREDENTIAL,
    REGION,
    Form,
    change_header,
    change_query,
    received,
    sign,
    verifier,
    with_header,
    without_header,
)

FORMS: list[Form] = ["header", "query"]
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
MODES = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)
CREDENTIAL_FORM = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
QUERY_REQUIRED = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
    "X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)
MALFORMED = {
    "header": ("AuthorizationHeaderMalformed", "The authorization header is malformed; "),
    "query": ("AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; "),
}


def refusal(request: Request, **options: Any) -> S3Error:
    with pytest.raises(S3Error) as caught:
        verifier(**options).verify(request)
    return caught.value


def today() -> str:
    return datetime.now(UTC).strftime("%Y%m%d")


def test_a_mismatch_shows_everything_that_was_signed() -> None:
    request = sign("GET", "/bucket/a%20key", "b=2&a=1", [("x-amz-meta-a", "1")], secret="wrong")
    error = refusal(request)
    assert (error.code, error.status, error.message) == ("SignatureDoesNotMatch", 403, MISMATCH)
    assert list(error.extras) == [
        "AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes", "CanonicalRequest",
        "CanonicalRequestBytes",
    ]  # fmt: skip
    stamp = request.header("x-amz-date") or ""
    assert error.extras["AWSAccessKeyId"] == ACCESS_KEY
    assert error.extras["SignatureProvided"] == (request.header("authorization") or "")[-64:]
    assert error.extras["CanonicalRequest"].split("\n") == [
        "GET", "/bucket/a%20key", "a=1&b=2", "host:storage.example.com:9000", "x-amz-content-sha256:UNSIGNED-PAYLOAD",
        f"x-amz-date:{stamp}", "x-amz-meta-a:1", "", "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a", "UNSIGNED-PAYLOAD",
    ]  # fmt: skip
    lines = error.extras["StringToSign"].split("\n")
    assert lines[:3] == ["AWS4-HMAC-SHA256", stamp, f"{stamp[:8]}/{REGION}/s3/aws4_request"]
    for name in ("StringToSign", "CanonicalRequest"):
        assert bytes.fromhex(error.extras[f"{name}Bytes"]).decode() == error.extras[name]
        assert re.fullmatch(r"[0-9a-f]{2}( [0-9a-f]{2})*", error.extras[f"{name}Bytes"])


@pytest.mark.parametrize("form", FORMS)
def test_the_right_signature_is_never_shown(form: Form) -> None:
    right = sign(form=form)
    claim = read_claim(right, REGION)
    assert claim is not None
    forged = right.raw_query.replace(claim.signature.encode(), b"0" * 64)
    headers = tuple((name, value.replace(claim.signature, "0" * 64)) for name, value in right.headers)
    error = refusal(replace(right, raw_query=forged, headers=headers))
    assert error.code == "SignatureDoesNotMatch"
    assert claim.signature not in repr((error, error.extras, error.reason))


def test_an_unknown_access_key_is_named() -> None:
    with refused(
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        403,
        AWSAccessKeyId="AKIAUNKNOWN",
    ):
        verifier().verify(sign(access_key="AKIAUNKNOWN"))


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_too_far_off_is_told(minutes: int) -> None:
    request = sign()
    error = refusal(request, later=timedelta(minutes=minutes))
    assert (error.code, error.status) == ("RequestTimeTooSkewed", 403)
    assert error.message == "The difference between the request time and the current time is too large."
    assert error.extras["RequestTime"] == request.header("x-amz-date")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", error.extras["ServerTime"])
    assert error.extras["MaxAllowedSkewMilliseconds"] == "900000"


def test_an_expired_url_is_told_with_its_times() -> None:
    request = sign(form="query", expires=60)
    moment = datetime.strptime(dict(request.query)["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    now = moment + timedelta(seconds=61)
    with refused(
        "AccessDenied", "Request has expired", 403,
        Expires=f"{moment + timedelta(seconds=60):%Y-%m-%dT%H:%M:%SZ}",
        ServerTime=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        **{"X-Amz-Expires": "60"},
    ):  # fmt: skip
        Verifier({ACCESS_KEY: CREDENTIAL}.get, REGION, lambda: now).verify(request)


@pytest.mark.parametrize("form", FORMS)
def test_another_region_is_told_with_ours(form: Form) -> None:
    code, words = MALFORMED[form]
    with refused(code, f"{words}the region 'eu-west-1' is wrong; expecting 'us-east-1'", Region="us-east-1"):
        verifier().verify(sign(form=form, region="eu-west-1"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("s3/", "iam/", 'incorrect service "iam". This endpoint belongs to "s3".'),
        ("aws4_request", "aws4", 'incorrect terminal "aws4". This endpoint uses "aws4_request".'),
        (
            "{today}",
            "2026",
            'incorrect date format "2026". This date in the credential must be in the format "yyyyMMdd".',
        ),
        (
            "{today}",
            "20250101",
            'Invalid credential date "20250101". This date is not the same as X-Amz-Date: "{today}".',
        ),
        ("{today}/", "", CREDENTIAL_FORM),
    ],
)
def test_a_wrong_scope_is_told_word_for_word(form: Form, old: str, new: str, words: str) -> None:
    request, code = sign(form=form), MALFORMED[form][0]
    old, words = old.format(today=today()), words.format(today=today())
    scope = f"{today()}/us-east-1/s3/aws4_request"
    if form == "header":
        request = change_header(request, "authorization", lambda value: value.replace(scope, scope.replace(old, new)))
    else:
        changed = f"{ACCESS_KEY}/{scope.replace(old, new)}".replace("/", "%2F")
        request = change_query(request, "X-Amz-Credential", changed)
    with refused(code, MALFORMED[form][1] + words):
        verifier().verify(request)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("X-Amz-Signature", None, QUERY_REQUIRED),
        ("X-Amz-Expires", "604801", "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"),  # noqa: E501
        ("X-Amz-Expires", "-1", "X-Amz-Expires must be non-negative"),
        ("X-Amz-Expires", "soon", "X-Amz-Expires should be a number"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA512", 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
        ("X-Amz-Credential", ACCESS_KEY, f"Error parsing the X-Amz-Credential parameter; {CREDENTIAL_FORM}"),
        ("X-Amz-Date", "now", "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
    ],
)  # fmt: skip
def test_a_bad_query_parameter_is_told_word_for_word(name: str, value: str | None, words: str) -> None:
    with refused("AuthorizationQueryParametersError", words):
        verifier().verify(change_query(sign(form="query"), name, value))


def test_a_signature_for_a_bucket_is_none_for_an_outpost() -> None:
    old, new = (f"{today()}/us-east-1/{service}/aws4_request" for service in ("s3", "s3-outposts"))
    changed = change_header(sign(), "authorization", lambda value: value.replace(old, new))
    with pytest.raises(S3Error) as caught:
        verifier().verify(changed)
    assert caught.value.code == "SignatureDoesNotMatch"


def test_the_mode_of_the_body_is_told_word_for_word() -> None:
    with refused("InvalidArgument", MODES, ArgumentName="x-amz-content-sha256", ArgumentValue="STREAMING"):
        verifier().verify(sign(payload="STREAMING"))
    with refused("InvalidRequest", "Missing required header for this request: x-amz-content-sha256"):
        verifier().verify(without_header(sign(), "x-amz-content-sha256"))
    with refused("MissingContentLength", "You must provide the Content-Length HTTP header.", 411):
        verifier().verify(sign(payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"))


@pytest.mark.parametrize("names", ["", ",", "x-amz-checksum-crc32,", " , x-amz-checksum-crc32"])
def test_a_trailer_without_a_name_is_refused(names: str) -> None:
    headers = [("x-amz-decoded-content-length", "1"), ("x-amz-trailer", names)]
    with refused("InvalidRequest", "The value specified in the x-amz-trailer header is not supported"):
        verifier().verify(sign(headers=headers, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"))


@pytest.mark.parametrize("mode", ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"])
def test_the_anonymous_have_no_key_to_sign_chunks_with(mode: str) -> None:
    request = received("PUT", "https://h/b/k", [("x-amz-content-sha256", mode), ("x-amz-decoded-content-length", "1")])
    with refused("AccessDenied", "Access Denied", 403):
        verifier(allow_anonymous=True).verify(request)


def test_no_date_is_told_word_for_word() -> None:
    with refused("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", 403):
        verifier().verify(without_header(sign(), "x-amz-date"))


@pytest.mark.parametrize("form", FORMS)
def test_unsigned_headers_are_named(form: Form) -> None:
    request = with_header(with_header(sign(form=form), "x-amz-tagging", "a=b"), "x-amz-acl", "private")
    words = "There were headers present in the request which were not signed"
    with refused("AccessDenied", words, 403, HeadersNotSigned="x-amz-acl, x-amz-tagging"):
        verifier().verify(request)


def test_two_kinds_of_authorization_are_told_without_showing_either() -> None:
    both = replace(sign(), raw_query=sign(form="query").raw_query)
    error = refusal(both)
    assert error.code == "InvalidArgument"
    assert error.message.startswith("Only one auth mechanism allowed;")
    assert error.extras == {"ArgumentName": "Authorization", "ArgumentValue": "AWS4-HMAC-SHA256"}
    basic = received("GET", "https://h/b", [("authorization", "Basic c2VjcmV0")])
    assert refusal(basic).extras == {"ArgumentName": "Authorization", "ArgumentValue": "Basic"}
