"""x-amz-checksum-* as arguments of UploadPart and PutObject: compared, echoed in the answer, or refused in S3's words."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from botocore import xform_name

from engine import Store
from engine.bodies.chunked import ChunkedSource
from engine.checksums import ALGORITHMS
from tests.support.chunks import RawBody, encode
from tests.support.oracles import ORACLES
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of
from tests.support.uploads import begin, part_etag_of

NAMES = [algorithm.name for algorithm in ALGORITHMS]
BODIES = [b"", b"data", FILE_BODY]
MULTIPLE = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
UNSUPPORTED = (
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
    "[CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]"
)
ALGORITHM_ALONE = (
    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
)
Send = Callable[..., Any]


def value_of(name: str, body: bytes) -> str:
    return base64.b64encode(ORACLES[name](body)).decode()


def member(name: str) -> str:
    return str(xform_name(f"Checksum{name}"))


def header(name: str) -> str:
    return f"x-amz-checksum-{name.lower()}"


def with_trailer(body: bytes, name: str, value: str) -> ChunkedSource:
    raw = encode(body, 8192, trailers=[(name, value)])
    return ChunkedSource(RawBody(raw), len(body), trailers=(name,))


@pytest.fixture(params=["upload_part", "put_object"])
def send(request: pytest.FixtureRequest, tiny: Store, bucket: str) -> Send:
    """Store a body by UploadPart or by PutObject."""
    if request.param == "put_object":
        return lambda body, **options: tiny.put_object(bucket, "key", body, **options)
    upload = begin(tiny, bucket)
    return lambda body, **options: tiny.upload_part(bucket, "key", upload.upload_id, 1, body, **options)


def echoes(answer: Any) -> dict[str, str]:
    """The checksums in an answer."""
    return {name: value for name in NAMES if (value := getattr(answer, member(name))) is not None}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_right_checksum_is_echoed_alone(send: Send, name: str, body: bytes) -> None:
    right = value_of(name, body)
    for options in ({}, {"checksum_algorithm": name}, {"checksum_algorithm": name.lower()}):
        answer = send(body, **{member(name): right}, **options)
        assert answer.etag == part_etag_of(body)
        assert echoes(answer) == {name: right}


def test_without_a_checksum_a_part_shows_none_and_an_object_the_one_that_s3_chose(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    assert echoes(tiny.upload_part(bucket, "key", upload.upload_id, 1, b"data")) == {}
    put = tiny.put_object(bucket, "key", b"data")
    assert (echoes(put), put.checksum_type) == ({"CRC64NVME": value_of("CRC64NVME", b"data")}, "FULL_OBJECT")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_right_trailer_is_echoed_alone(send: Send, name: str, body: bytes) -> None:
    right = value_of(name, body)
    for options in ({}, {"checksum_algorithm": name}, {"content_length": len(body)}):
        answer = send(with_trailer(body, header(name), right), **options)
        assert answer.etag == part_etag_of(body)
        assert echoes(answer) == {name: right}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_wrong_checksum_is_a_bad_digest_and_stores_nothing(tiny: Store, send: Send, name: str, body: bytes) -> None:
    before = contents_of(tiny)
    wrong = value_of(name, b"another")
    with refused("BadDigest", f"The {name} you specified did not match the calculated checksum."):
        send(body, **{member(name): wrong})
    with refused("BadDigest", f"The {name} you specified did not match the calculated checksum."):
        send(with_trailer(body, header(name), wrong))
    assert contents_of(tiny) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["empty", "no base64", "short", "long", "other alphabet", "not padded"])
def test_what_is_no_value_is_invalid_and_stores_nothing(tiny: Store, send: Send, name: str, kind: str) -> None:
    value = {
        "empty": "",
        "no base64": "?" * len(value_of(name, b"data")),
        "short": base64.b64encode(ORACLES[name](b"data")[:-1]).decode(),
        "long": base64.b64encode(ORACLES[name](b"data") + b"x").decode(),
        "other alphabet": base64.urlsafe_b64encode(b"\xff" * len(ORACLES[name](b""))).decode(),
        "not padded": value_of(name, b"data").rstrip("="),
    }[kind]
    before = contents_of(tiny)
    with refused("InvalidRequest", f"Value for {header(name)} header is invalid."):
        send(b"data", **{member(name): value})
    with refused("InvalidRequest", f"Value for {header(name)} trailing header is invalid."):
        send(with_trailer(b"data", header(name), value))
    assert contents_of(tiny) == before


def test_two_checksums_are_refused(send: Send) -> None:
    one, other = value_of("CRC32", b"data"), value_of("SHA1", b"data")
    with refused("InvalidRequest", MULTIPLE):
        send(b"data", checksum_crc32=one, checksum_sha1=other)
    with refused("InvalidRequest", MULTIPLE):
        send(with_trailer(b"data", header("CRC32"), one), checksum_sha1=other)
    raw = encode(b"data", 8192, trailers=[(header("CRC32"), one), (header("SHA1"), other)])
    with refused("InvalidRequest", MULTIPLE):
        send(ChunkedSource(RawBody(raw), 4, trailers=(header("CRC32"), header("SHA1"))))


@pytest.mark.parametrize("name", ["x-amz-checksum-md4", "content-md5", "x-amz-trailer-signature", "x-amz-meta-a"])
def test_only_checksums_may_come_as_trailers(send: Send, name: str) -> None:
    with refused("InvalidRequest", "The value specified in the x-amz-trailer header is not supported"):
        send(with_trailer(b"data", name, value_of("CRC32", b"data")))


def test_the_name_of_an_algorithm_alone_is_refused(send: Send) -> None:
    with refused("InvalidRequest", ALGORITHM_ALONE):
        send(b"data", checksum_algorithm="CRC32")


def test_an_unknown_algorithm_is_refused(send: Send) -> None:
    with refused("InvalidRequest", UNSUPPORTED):
        send(b"data", checksum_algorithm="CRC16", checksum_crc32=value_of("CRC32", b"data"))


def test_another_algorithm_than_the_checksums_fails_on_put_and_has_no_say_on_a_part(tiny: Store, bucket: str) -> None:
    right = value_of("SHA256", b"data")
    with refused("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid."):
        tiny.put_object(bucket, "key", b"data", checksum_algorithm="CRC32", checksum_sha256=right)
    upload = begin(tiny, bucket)
    answer = tiny.upload_part(
        bucket, "key", upload.upload_id, 1, b"data", checksum_algorithm="CRC32", checksum_sha256=right
    )
    assert echoes(answer) == {"SHA256": right}


def test_a_checksum_of_the_same_kind_as_the_signed_hash_is_compared_too(send: Send) -> None:
    hexadecimal = ORACLES["SHA256"](b"data").hex()
    with refused("BadDigest", "The SHA256 you specified did not match the calculated checksum."):
        send(b"data", content_sha256=hexadecimal, checksum_sha256=value_of("SHA256", b"other"))
