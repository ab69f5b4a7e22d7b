"""Headers that an SDK moved to the query of a presigned URL count as headers, since the signature covers the query."""

from dataclasses import replace

import pytest

from engine.errors import AuthorizationQueryParametersError, SignatureDoesNotMatch
from engine.s3.claims import unhoisted
from engine.s3.routing import locate, route
from tests.support.parsing import parse_input
from tests.support.signing import change_query, quote, sign, verifier
from tests.support.wire import make_request

HOISTED = {
    "x-amz-checksum-crc32": "poTHxg==",
    "x-amz-expected-bucket-owner": "123456789012",
    "X-Amz-Meta-Town": "Zürich\r\nx: y",
    "x-amz-request-payer": "requester",
}
QUERY = "&".join(f"{name}={quote(value)}" for name, value in HOISTED.items())


def test_what_was_moved_to_the_query_is_read_as_headers() -> None:
    request = sign("PUT", "/bucket/key", QUERY, form="query")
    assert verifier().verify(request).signed
    meant = unhoisted(request)
    address = locate(meant)
    assert parse_input(route(meant, address), meant, address, None) == {
        "bucket": "bucket",
        "key": "key",
        "checksum_crc32": "poTHxg==",
        "expected_bucket_owner": "123456789012",
        "metadata": {"town": "Zürich\r\nx: y".encode().decode("latin-1")},
        "request_payer": "requester",
    }


def test_the_source_of_a_copy_may_be_moved_too() -> None:
    request = sign("PUT", "/bucket/key", "x-amz-copy-source=bucket%2Fother", form="query")
    assert route(request, locate(request)).name == "PutObject"
    assert route(unhoisted(request), locate(request)).name == "CopyObject"


def test_what_was_moved_is_covered_by_the_signature() -> None:
    request = sign("PUT", "/bucket/key", QUERY, form="query")
    for name in HOISTED:
        for value in ("other", None):
            with pytest.raises(SignatureDoesNotMatch):
                verifier().verify(change_query(request, name, value))


def test_what_was_moved_may_be_there_only_once() -> None:
    request = sign("PUT", "/bucket/key", f"{QUERY}&X-AMZ-CHECKSUM-CRC32=AAAAAA%3D%3D", form="query")
    with pytest.raises(AuthorizationQueryParametersError):
        verifier().verify(request)


@pytest.mark.parametrize("spelling", ["X%2DAmz-Signature=", "%58-Amz-Signature=", "X-Amz-%53ignature="])
def test_what_was_moved_counts_however_the_signature_is_spelt(spelling: str) -> None:
    """The signature's own item is not signed, so its sender may escape it in any way."""
    request = sign("PUT", "/bucket/key", QUERY, form="query")
    changed = replace(request, raw_query=request.raw_query.replace(b"X-Amz-Signature=", spelling.encode()))
    assert changed != request
    assert verifier().verify(changed).signed
    assert unhoisted(changed).headers == unhoisted(request).headers


def test_the_items_of_the_signature_are_no_headers() -> None:
    request = sign("PUT", "/bucket/key", QUERY, form="query", token="token")
    names = {name for name, _ in unhoisted(request).headers} - {name for name, _ in request.headers}
    assert names == {name.lower() for name in HOISTED}


def test_a_query_that_no_signature_covers_is_no_header() -> None:
    request = make_request("PUT", f"/bucket/key?{QUERY}")
    assert unhoisted(request) is request
    signed = sign("PUT", "/bucket/key", QUERY)
    assert unhoisted(signed) is signed
