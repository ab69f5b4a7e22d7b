"""A verifier answers every input with an identity or an S3 error, and never accepts a damaged request."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import S3Error
from engine.s3.http import Request, decode_percent
from tests.support.signing import Form, sign, verifier

latin = st.text(st.characters(max_codepoint=255), max_size=60)
words = st.sampled_from(
    [
        "AWS4-HMAC-SHA256", "Credential=", "SignedHeaders=", "Signature=", "host", ";", ",", "/", "20260401", "us-east-1", "s3",
        "aws4_request", "AKIATESTTESTTESTTEST", "=", " ", "x-amz-date", "20260401T000000Z", "UNSIGNED-PAYLOAD", "0" * 64, "é",
    ]
)  # fmt: skip
phrases = st.lists(words, max_size=14).map("".join)
names = st.sampled_from(
    [
        "authorization", "x-amz-date", "date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-trailer", "host",
        "x-amz-decoded-content-length", "content-encoding", "x-amz-meta-a", "content-type",
    ]
)  # fmt: skip
items = st.sampled_from(
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Credential=a%2F20260401%2Fus-east-1%2Fs3%2Faws4_request",
        "X-Amz-Signature=0", "X-Amz-Date=20260401T000000Z", "X-Amz-SignedHeaders=host", "X-Amz-Expires=900", "x-amz-date",
        "AWSAccessKeyId=a", "Signature=b", "X-Amz-Expires=-0", "X-Amz-Security-Token=", "X-Amz-Content-Sha256=x", "uploads", "%", "&",
    ]
)  # fmt: skip
queries = st.lists(items, max_size=10).map("&".join).map(str.encode) | st.binary(max_size=60)
requests = st.builds(
    Request,
    st.sampled_from(["GET", "PUT", "x"]),
    st.binary(max_size=40).map(lambda path: b"/" + path),
    queries,
    st.lists(st.tuples(names, latin | phrases), max_size=6).map(tuple),
    st.just("https"),
    st.just("127.0.0.1"),
)


@pytest.mark.slow
@settings(deadline=None, max_examples=1500, print_blob=True)
@given(requests, st.booleans())
def test_nothing_but_an_identity_or_an_error_of_s3_comes_out(request: Request, anonymous: bool) -> None:
    try:
        identity = verifier(allow_anonymous=anonymous).verify(request)
    except S3Error:
        return
    assert anonymous
    assert not identity.signed


@settings(deadline=None, max_examples=400, print_blob=True)
@given(st.data(), st.sampled_from(["header", "query"]))
def test_damage_to_what_was_signed_is_seen(data: st.DataObject, form: Form) -> None:
    """A request with a few changed characters in path, query or a header is refused, unless its canonical form is the same."""
    honest = sign("PUT", "/bucket/a%20key", "b=2&a=1", [("x-amz-meta-a", "one two")], form=form)
    part = data.draw(st.sampled_from(["path", "query", "header"]))
    if part == "header":
        at = data.draw(st.integers(0, len(honest.headers) - 1))
        name, value = honest.headers[at]
        pair = (name, _damaged(data, value))
        request = replace(honest, headers=(*honest.headers[:at], pair, *honest.headers[at + 1 :]))
    elif part == "path":
        request = replace(
            honest, raw_path=b"/" + _damaged(data, honest.raw_path.decode("latin-1")[1:]).encode("latin-1")
        )
    else:
        request = replace(honest, raw_query=_damaged(data, honest.raw_query.decode("latin-1")).encode("latin-1"))
    try:
        verifier().verify(request)
    except S3Error:
        return
    assert _meaning(request) == _meaning(honest)


def _damaged(data: st.DataObject, text: str) -> str:
    at = data.draw(st.integers(0, len(text)))
    size = data.draw(st.integers(0, 3))
    return text[:at] + data.draw(st.text(st.characters(max_codepoint=255), max_size=3)) + text[at + size :]


def _meaning(request: Request) -> tuple[object, ...]:
    """The request as a handler sees it."""
    headers = [(name, value.split()) for name, value in request.headers if name != "authorization"]
    return decode_percent(request.raw_path), sorted(request.query), headers


def test_what_is_not_damaged_is_accepted() -> None:
    """The control: the unchanged requests are accepted."""
    assert verifier().verify(sign("PUT", "/b/k", form="header")).signed
    assert verifier().verify(sign("PUT", "/b/k", form="query")).signed
