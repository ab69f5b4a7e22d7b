"""URLs presigned by Signature Version 2: those of botocore are accepted, and mean exactly what was signed."""

import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.auth import HmacV1Auth
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import S3Error, SignatureDoesNotMatch
from engine.s3.claims import read_claim, unhoisted
from engine.s3.http import Request, decode_percent
from engine.s3.model import OPERATIONS
from engine.s3.payload import Payload
from engine.s3.routing import Address, locate, route
from engine.s3.sigv4 import Credential, Verifier
from engine.server.operations import SERVED
from tests.support.hostile_presigned import added
from tests.support.parsing import parse_input
from tests.support.refusals import refused
from tests.support.signing import (
    ACCESS_KEY,
    ACCOUNT,
    HOST,
    REGION,
    SECRET,
    change_query,
    presign_v2,
    quote,
    received,
    sign,
    verifier,
    with_header,
)

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
    "or the Authorization header should be specified"
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0&"), max_size=20)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
paths = st.lists(texts, min_size=1, max_size=4).map("/".join)
items = st.sampled_from(HmacV1Auth.QSAOfInterest) | texts.filter(
    lambda name: not name.lower().startswith("x-amz-") and name not in ("AWSAccessKeyId", "Signature", "Expires")
)
queries = st.dictionaries(items, texts, max_size=4)
metadata = st.dictionaries(st.from_regex(r"x-amz-meta-[a-z0-9-]{1,12}", fullmatch=True), values, max_size=4)
NOT_SIGNED_BY_BOTOCORE = {
    name for each in OPERATIONS.values() for name, value in each.literals if value is None
} - set(HmacV1Auth.QSAOfInterest)  # fmt: skip


def raw_path(text: str) -> str:
    return "/" + "/".join(quote(part) for part in text.split("/"))


def raw_query(items: dict[str, str]) -> str:
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in items.items())


def test_the_published_example_is_accepted() -> None:
    """Source: Amazon S3 developer guide, "Query string request authentication alternative"."""
    query = b"AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
    host = "johnsmith.s3.amazonaws.com"
    request = Request("GET", b"/photos/puppy.jpg", query, (("host", host),), "https", "127.0.0.1")
    example = Credential("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ACCOUNT)
    end = datetime(2007, 3, 29, 3, 40, 20, tzinfo=UTC)
    for now in (end - timedelta(days=10_000), end):
        checking = Verifier(lambda access_key: example, REGION, lambda now=now: now)
        identity = checking.verify(request, address=locate(request, ("s3.amazonaws.com",)))
        assert (identity.access_key, identity.account_id, identity.signed) == (example.access_key, ACCOUNT, True)
        assert identity.payload == Payload("unsigned")


@settings(deadline=None, max_examples=300, print_blob=True)
@given(st.sampled_from(["GET", "PUT", "HEAD", "DELETE", "POST"]), paths, queries, metadata, st.booleans())
def test_what_botocore_presigns_is_accepted(
    method: str, path: str, query: dict[str, str], headers: dict[str, str], sends_headers: bool
) -> None:
    query = {name: value for name, value in query.items() if name not in NOT_SIGNED_BY_BOTOCORE}
    request = presign_v2(method, raw_path(path), raw_query(query), [*headers.items(), ("Content-Type", "text/plain")])
    if sends_headers:  # a client that was told to send what was signed as well
        request = replace(request, headers=(*request.headers, *headers.items()))
    assert verifier().verify(request).access_key == ACCESS_KEY
    assert dict(unhoisted(request).headers) == dict(request.headers) | headers


@settings(deadline=None, max_examples=100, print_blob=True)
@given(paths, queries)
def test_a_bucket_in_the_host_is_part_of_the_resource(path: str, query: dict[str, str]) -> None:
    query = {name: value for name, value in query.items() if name not in NOT_SIGNED_BY_BOTOCORE}
    path = raw_path(path)
    request = presign_v2("GET", path, raw_query(query), auth_path=f"/bucket{path}")
    address = Address("bucket", decode_percent(path.encode())[1:] or None)
    assert verifier().verify(request, address=address).signed
    for other in (Address("another", address.key), None):
        with pytest.raises(SignatureDoesNotMatch):
            verifier().verify(request, address=other)


def damaged(data: st.DataObject, text: str) -> str:
    """The text with a few characters changed. The length of a signature's escapes varies with the time; the draws must not."""
    at, size = data.draw(st.integers(0, 1000)) % (len(text) + 1), data.draw(st.integers(0, 3))
    return text[:at] + data.draw(st.text(st.characters(max_codepoint=255), max_size=3)) + text[at + size :]


@settings(deadline=None, max_examples=500, print_blob=True)
@given(st.data())
def test_damage_to_what_was_signed_is_seen(data: st.DataObject) -> None:
    """A request with a few changed characters in path or query is refused, or means the same."""
    headers = [("x-amz-meta-a", "one two"), ("x-amz-tagging", "a=b")]
    honest = presign_v2("GET", "/bucket/a%20key", "response-content-type=a%2Fb&versionId=3", headers)
    if data.draw(st.booleans()):
        path = damaged(data, honest.raw_path.decode()[1:]).encode("latin-1")
        request = replace(honest, raw_path=b"/" + path)
    else:
        request = replace(honest, raw_query=damaged(data, honest.raw_query.decode()).encode("latin-1"))
    try:
        verifier().verify(request)
        meaning = _meaning(request)
    except S3Error:
        return
    assert meaning == _meaning(honest)


def _meaning(request: Request) -> object:
    """The request as a handler sees it; one that it cannot read raises the error it would answer with."""
    meant = unhoisted(request)
    address = locate(meant)
    operation = route(meant, address)
    return operation.name, parse_input(operation, meant, address, None)


@pytest.fixture(scope="module")
def boto() -> Iterator[Any]:
    """A client that presigns as boto3 does by default, with only keys and us-east-1 configured."""
    session = boto3.session.Session()
    client = session.client(
        "s3",
        region_name=REGION,
        endpoint_url=f"https://{HOST}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}),
    )
    yield client
    client.close()


def example_of(shape: Any) -> Any:
    """A value of a botocore shape, with all its required members."""
    if shape.type_name == "structure":
        return {name: example_of(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [example_of(shape.member)]
    plain = {"integer": 1, "long": 1, "boolean": True, "blob": b"", "timestamp": datetime(2030, 1, 1, tzinfo=UTC)}
    return plain.get(shape.type_name, (shape.enum or ["value"])[0] if shape.type_name == "string" else {})


def presigned(boto: Any, name: str) -> Request:
    """The request of a client that has only the URL."""
    method = boto.meta.method_to_api_mapping
    python_name = next(key for key, value in method.items() if value == name)
    shape = boto.meta.service_model.operation_model(name).input_shape
    params = example_of(shape) if shape is not None else {}
    params |= {key: value for key, value in (("Bucket", "bucket"), ("Key", "a key")) if key in params}
    if "CopySource" in params:
        params["CopySource"] = "bucket/source"
    url = boto.generate_presigned_url(python_name, Params=params)
    assert "&Signature=" in url, url
    return received(OPERATIONS[name].method, url, [])


@pytest.mark.parametrize("name", sorted(SERVED))
def test_what_boto3_presigns_by_default_is_accepted(boto: Any, name: str) -> None:
    """Every served operation, except those whose sub-resource botocore does not sign: there the URL of an object would also be one of
    the object's retention.
    """
    request = presigned(boto, name)
    address = locate(request)
    assert route(unhoisted(request), address).name == name
    if {literal for literal, _ in OPERATIONS[name].literals} & NOT_SIGNED_BY_BOTOCORE:
        with pytest.raises(SignatureDoesNotMatch):
            verifier().verify(request, address=address)
    else:
        assert verifier().verify(request, address=address).access_key == ACCESS_KEY


def test_a_mismatch_shows_what_was_signed() -> None:
    request = presign_v2("GET", "/bucket/a%20key", "versionId=3&prefix=x", [("x-amz-meta-a", "1")], secret="wrong")
    claim = dict(request.query)
    with pytest.raises(S3Error) as caught:
        verifier().verify(request)
    error = caught.value
    assert (error.code, error.status, error.message) == ("SignatureDoesNotMatch", 403, MISMATCH)
    text = f"GET\n\n\n{claim['Expires']}\nx-amz-meta-a:1\n/bucket/a%20key?versionId=3"
    assert error.extras == {
        "AWSAccessKeyId": ACCESS_KEY,
        "StringToSign": text,
        "SignatureProvided": claim["Signature"],
        "StringToSignBytes": text.encode().hex(" "),
    }


def test_the_right_signature_is_never_shown() -> None:
    request = presign_v2()
    signature = dict(request.query)["Signature"]
    with pytest.raises(S3Error) as caught:
        verifier().verify(change_query(request, "Signature", "guess"))
    assert signature not in repr((caught.value, caught.value.extras, caught.value.reason))


def test_an_expired_url_is_told_with_its_times() -> None:
    request = presign_v2(expires=60)
    end = datetime.fromtimestamp(int(dict(request.query)["Expires"]), UTC)
    known = {ACCESS_KEY: Credential(ACCESS_KEY, SECRET, ACCOUNT)}.get
    assert Verifier(known, REGION, lambda: end).verify(request).signed
    now = end + timedelta(seconds=1)
    times = {"Expires": f"{end:%Y-%m-%dT%H:%M:%SZ}", "ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    with refused("AccessDenied", "Request has expired", 403, **times):
        Verifier(known, REGION, lambda: now).verify(request)


@pytest.mark.parametrize("name", ["AWSAccessKeyId", "Signature", "Expires"])
def test_a_missing_item_is_told_word_for_word(name: str) -> None:
    words = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
    with refused("AccessDenied", words, 403):
        verifier().verify(change_query(presign_v2(), name, None))


def test_other_refusals_are_told_word_for_word() -> None:
    with refused("AccessDenied", "Invalid date (should be seconds since epoch): soon", 403):
        verifier().verify(change_query(presign_v2(), "Expires", "soon"))
    words = "The AWS Access Key Id you provided does not exist in our records."
    with refused("InvalidAccessKeyId", words, 403, AWSAccessKeyId="AKIAUNKNOWN"):
        verifier().verify(presign_v2(access_key="AKIAUNKNOWN"))
    both = added(presign_v2(), sign(form="query").raw_query.decode())
    with refused("InvalidArgument", ONE_MECHANISM):
        verifier().verify(both)
    header = with_header(presign_v2(), "authorization", "AWS a:b")
    with refused("InvalidArgument", ONE_MECHANISM, ArgumentName="Authorization", ArgumentValue="AWS"):
        verifier().verify(header)


@pytest.mark.parametrize("query", ["", "&Signature=a", "&AWSAccessKeyId=a&Signature=b&Expires=1"])
def test_version_2_in_the_header_is_refused(query: str) -> None:
    request = received("GET", f"https://{HOST}/bucket/key?{query}", [("authorization", f"AWS {ACCESS_KEY}:signature")])
    words = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    if query:
        with refused("InvalidArgument", ONE_MECHANISM, ArgumentName="Authorization", ArgumentValue="AWS"):
            verifier().verify(request)
    else:
        with refused("InvalidRequest", words):
            verifier().verify(request)


def test_version_2_can_be_switched_off() -> None:
    words = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    checking = verifier(presigned_sigv2=False)
    with refused("InvalidRequest", words):
        checking.verify(presign_v2())
    with refused("InvalidRequest", words):
        checking.verify(presign_v2(access_key="AKIAUNKNOWN"))
    assert checking.verify(sign(form="query")).signed


def test_temporary_credentials_need_their_token() -> None:
    temporary = Credential(ACCESS_KEY, SECRET, ACCOUNT, "the+session/token=")
    checking = verifier(credential=temporary)
    assert checking.verify(presign_v2(token="the+session/token=")).signed
    for request in (presign_v2(), presign_v2(token="another")):
        with refused("InvalidToken", "The provided token is malformed or otherwise invalid."):
            checking.verify(request)


def test_the_hash_of_the_body_counts_where_it_is_signed() -> None:
    value = "ab" * 32
    for in_header in (False, True):
        request = presign_v2(headers=[("x-amz-content-sha256", value)])
        if in_header:
            request = with_header(request, "x-amz-content-sha256", value)
        assert verifier().verify(request).payload == Payload("sha256", value)


def test_a_header_goes_before_the_querys() -> None:
    """The header that is obeyed is the one that was signed."""
    request = presign_v2(headers=[("x-amz-tagging", "a=b")])
    both = with_header(request, "x-amz-tagging", "a=b")
    assert verifier().verify(both).signed
    assert unhoisted(both).headers_named("x-amz-tagging") == ["a=b"]
    other = with_header(request, "x-amz-tagging", "c=d")
    assert unhoisted(other).headers_named("x-amz-tagging") == ["c=d"]
    with pytest.raises(SignatureDoesNotMatch):
        verifier().verify(other)


def test_two_items_sent_as_one_have_the_same_signature_and_are_refused() -> None:
    """Values are signed decoded, so the string to sign does not show where one ends."""
    honest = presign_v2("GET", "/bucket/key", "response-content-type=a&versionId=3")
    assert verifier().verify(honest).signed
    folded = replace(honest, raw_query=honest.raw_query.replace(b"a&versionId=3", b"a%26versionId%3D3"))
    words = "The value of response-content-type must not contain another item in a URL presigned by Signature Version 2"
    with refused("InvalidRequest", words):
        verifier().verify(folded)
    name = urllib.parse.quote('attachment; filename="a&b=c.txt"', safe="")
    assert verifier().verify(presign_v2("GET", "/bucket/key", f"response-content-disposition={name}")).signed


def test_listings_leave_their_bounds_open_as_with_s3() -> None:
    request = presign_v2("GET", "/bucket", "list-type=2&prefix=a")
    assert verifier().verify(change_query(request, "prefix", "b")).signed


def test_no_claim_by_version_2_is_seen_where_there_is_none() -> None:
    for query in ("", "Expires=1", "signature=a&awsaccesskeyid=b", "x=Signature"):
        assert read_claim(received("GET", f"https://{HOST}/bucket?{query}", []), REGION) is None
