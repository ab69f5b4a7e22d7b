"""Receiving a body: promised lengths and digests, and sizes at their limits. A refused body stores nothing."""

import base64
import io
import os
from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import Limits, Store
from engine.errors import IncompleteBody
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, INLINE_SIZE_MAX, contents_of
from tests.support.uploads import begin, part_etag_of

BODIES = [b"", b"data", FILE_BODY]
Send = Callable[..., str]


def in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@pytest.fixture(params=["upload_part", "put_object"])
def send(request: pytest.FixtureRequest, tiny: Store, bucket: str) -> Send:
    """Store a body by PutObject or UploadPart; return its ETag."""
    if request.param == "put_object":
        return lambda body, **options: tiny.put_object(bucket, "key", body, **options).etag
    upload = begin(tiny, bucket)
    return lambda body, **options: upload.part(1, body, **options).etag


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_the_digests_that_were_promised_are_accepted(send: Send, body: bytes) -> None:
    md5_text, sha256_text = in_base64(md5(body).digest()), sha256(body).hexdigest()
    assert send(body, content_md5=md5_text) == part_etag_of(body)
    assert send(body, content_sha256=sha256_text) == part_etag_of(body)
    assert send(body, content_sha256=sha256_text.upper()) == part_etag_of(body)
    everything = {"content_md5": md5_text, "content_sha256": sha256_text, "content_length": len(body)}
    assert send(body, **everything) == part_etag_of(body)


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_another_md5_is_a_bad_digest_shown_as_aws_shows_it(tiny: Store, bucket: str, body: bytes) -> None:
    upload = begin(tiny, bucket)
    upload.part(1, b"before")
    tiny.put_object(bucket, "key", b"before")
    before = contents_of(tiny)
    wrong, right = md5(b"other").digest(), md5(body).digest()
    with refused("BadDigest", ExpectedDigest=in_base64(wrong), CalculatedDigest=in_base64(right)):
        upload.part(1, body, content_md5=in_base64(wrong))
    with refused("BadDigest", ExpectedDigest=wrong.hex(), CalculatedDigest=in_base64(right)):
        tiny.put_object(bucket, "key", body, content_md5=in_base64(wrong))
    assert contents_of(tiny) == before


NO_MD5 = ["__invalid__", "000", "MTIz", "", "=", "ü", "A" * 22, "A" * 24, "d41d8cd98f00b204e9800998ecf8427e"]


@pytest.mark.parametrize("content_md5", NO_MD5)
def test_what_is_no_md5_is_an_invalid_digest(tiny: Store, send: Send, content_md5: str) -> None:
    before = contents_of(tiny)
    with refused("InvalidDigest", **{"Content-MD5": content_md5}):
        send(b"data", content_md5=content_md5)
    assert contents_of(tiny) == before


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_another_sha256_is_a_mismatch(tiny: Store, send: Send, body: bytes) -> None:
    before = contents_of(tiny)
    wrong = sha256(b"other").hexdigest()
    with refused(
        "XAmzContentSHA256Mismatch",
        ClientComputedContentSHA256=wrong,
        S3ComputedContentSHA256=sha256(body).hexdigest(),
    ):
        send(body, content_sha256=wrong)
    assert contents_of(tiny) == before


MODES = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)


@pytest.mark.parametrize("text", ["", "x", "0" * 63, "0" * 65, "g" * 64, "0 " * 32, "UNSIGNED-PAYLOAD"])
def test_what_is_no_sha256_is_refused(tiny: Store, send: Send, text: str) -> None:
    before = contents_of(tiny)
    with refused("InvalidArgument", MODES, ArgumentName="x-amz-content-sha256", ArgumentValue=text):
        send(b"data", content_sha256=text)
    assert contents_of(tiny) == before


def sized(kind: str, data: bytes, place: Path) -> Any:
    if kind == "file":
        (place / "body").write_bytes(data)
        return open(place / "body", "rb")
    return {"bytes": data, "generator": iter([data[:7], data[7:]]), "BytesIO": io.BytesIO(data)}[kind]


@pytest.mark.parametrize("length", [5, INLINE_SIZE_MAX + 1])
@pytest.mark.parametrize("kind", ["bytes", "file", "generator", "BytesIO"])
def test_a_body_shorter_than_promised_is_incomplete(
    tiny: Store, send: Send, place: Path, kind: str, length: int
) -> None:
    before = contents_of(tiny)
    for short in {0, length - 1}:
        body = sized(kind, FILE_BODY[:short], place)
        with refused("IncompleteBody"):
            send(body, content_length=length)
        if kind == "file":
            body.close()
    assert contents_of(tiny) == before


@pytest.mark.parametrize("length", [0, 5, INLINE_SIZE_MAX + 1])
@pytest.mark.parametrize("kind", ["bytes", "file", "generator"])
def test_a_body_longer_than_promised_is_incomplete_too(
    tiny: Store, send: Send, place: Path, kind: str, length: int
) -> None:
    before = contents_of(tiny)
    body = sized(kind, FILE_BODY[: length + 1], place)
    with pytest.raises(IncompleteBody, match=f"the body has more than the {length} bytes that Content-Length says"):
        send(body, content_length=length)
    if kind == "file":
        body.close()
    assert contents_of(tiny) == before


@pytest.mark.parametrize("length", [5, INLINE_SIZE_MAX + 1])
def test_a_pipe_that_ends_early_is_incomplete(tiny: Store, send: Send, length: int) -> None:
    before = contents_of(tiny)
    reading, writing = os.pipe()
    os.write(writing, FILE_BODY[: length - 1])
    os.close(writing)
    try:
        with pytest.raises(IncompleteBody, match=f"the body ended after {length - 1} of {length} bytes"):
            send(reading, content_length=length)
    finally:
        os.close(reading)
    assert contents_of(tiny) == before


def test_a_negative_length_is_refused(tiny: Store, send: Send) -> None:
    text = "Content-Length must not be negative"
    with refused("InvalidArgument", text, ArgumentName="Content-Length", ArgumentValue=-1):
        send(b"data", content_length=-1)


SIZES = [10, INLINE_SIZE_MAX, INLINE_SIZE_MAX + 1, 3 * 1024 * 1024]


@pytest.mark.parametrize("most", SIZES)
@pytest.mark.parametrize("kind", ["bytes", "generator", "BytesIO", "pipe"])
def test_a_body_of_the_largest_size_is_taken_and_one_byte_more_is_not(place: Path, kind: str, most: int) -> None:
    data = FILE_BODY * (most // len(FILE_BODY) + 1)
    with engine.open(place / "store", limits=Limits(part_size_bytes_max=most, put_size_bytes_max=most)) as store:
        store.create_bucket("bucket")
        upload = begin(store, "bucket")
        assert upload.part(1, of_kind(kind, data[:most])).etag == part_etag_of(data[:most])
        store.put_object("bucket", "key", of_kind(kind, data[:most]))
        before = contents_of(store)
        with refused("EntityTooLarge", ProposedSize=most + 1, MaxSizeAllowed=most):
            upload.part(1, of_kind(kind, data[: most + 1]))
        with refused("EntityTooLarge", ProposedSize=most + 1, MaxSizeAllowed=most):
            store.put_object("bucket", "key", of_kind(kind, data[: most + 1]))
        assert contents_of(store) == before


def of_kind(kind: str, data: bytes) -> Any:
    if kind == "pipe":
        return ReadOnce(data)
    return {"bytes": data, "generator": iter([data]), "BytesIO": io.BytesIO(data)}[kind]


class ReadOnce(io.RawIOBase):
    """A raw file that gives a little at a time, as a socket does."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._rest = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece, self._rest = self._rest[: min(len(buffer), 65_536)], self._rest[min(len(buffer), 65_536) :]
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_read(store: Store, bucket: str) -> None:
    class Untouchable:
        def read(self, size: int) -> bytes:
            pytest.fail("the body was read")

    most = Limits().part_size_bytes_max
    upload = begin(store, bucket)
    with refused("EntityTooLarge", ProposedSize=most + 1, MaxSizeAllowed=most):
        upload.part(1, Untouchable(), content_length=most + 1)
    with refused("EntityTooLarge", ProposedSize=most + 1, MaxSizeAllowed=most):
        store.put_object(bucket, "key", Untouchable(), content_length=most + 1)


def test_a_sparse_file_over_the_limit_is_refused_at_once(store: Store, bucket: str, place: Path) -> None:
    most = Limits().part_size_bytes_max
    with open(place / "huge", "wb") as file:
        file.truncate(most + 1)
    with open(place / "huge", "rb") as file, refused("EntityTooLarge", ProposedSize=most + 1, MaxSizeAllowed=most):
        begin(store, bucket).part(1, file)
