"""Valid aws-chunked bodies give their payload, however they are cut and however they are read."""

import datetime
import itertools
import json
import os
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.httpchecksum import AwsChunkedWrapper, CrtCrc64NvmeChecksum, Sha256Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Store, errors
from engine.bodies.chunked import READ_SIZE, ChunkedSource
from engine.native import errors as native_errors
from engine.native.stream import Digest, Stream
from engine.s3.http import Request
from engine.s3.payload import ChunkSigning, Payload
from engine.s3.sigv4 import Credential, Verifier
from tests.support.chunks import SIGNING, RawBody, encode, encoded
from tests.support.oracles import ORACLES
from tests.support.processes import PEAK_KIB, python_output
from tests.support.stores import FILE_BODY
from tests.support.uploads import begin, part_etag_of, read

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "sigv4.json").read_text())
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TRAILER = "x-amz-checksum-crc32"
MIN = 8192


def drain(source: ChunkedSource, size: int = 1 << 40) -> bytes:
    """Read a whole payload by `take`, and finish it."""
    pieces = iter(lambda: source.take(size), b"")
    payload = b"".join(pieces)
    source.finish()
    return payload


@pytest.mark.parametrize("name", ["chunked", "chunked-with-trailer"])
def test_the_published_examples_are_accepted_from_header_to_trailer(name: str) -> None:
    example = VECTORS[name]
    headers = tuple((key, value) for key, value in example["headers"])
    request = Request(example["method"], example["path"].encode(), b"", headers, "https", "127.0.0.1")
    moment = datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC)
    verifier = Verifier(lambda access_key: Credential(access_key, SECRET, "1"), "us-east-1", lambda: moment)
    body = b"".join(
        f"{size:x};chunk-signature={signature}\r\n".encode() + (b"a" * size + b"\r\n" if size else b"")
        for size, signature in example["chunks"]
    )
    body += b"".join(f"{key}:{value}\r\n".encode() for key, value in example.get("trailer", [])) + b"\r\n"
    assert len(body) == int(dict(headers).get("content-length", len(body)))
    source = ChunkedSource.of(RawBody(body), verifier.verify(request).payload)
    assert drain(source) == b"a" * 66560
    assert source.trailers == dict(example.get("trailer", [])[:1])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[list[bytes], dict[str, Any]]:
    """Draw a payload in chunks of valid sizes, and how it is sent."""
    sizes = draw(st.lists(st.integers(MIN, MIN + 3000), max_size=4)) + draw(st.lists(st.integers(1, 9000), max_size=1))
    seed = draw(st.binary(min_size=1, max_size=50))
    data = seed * (sum(sizes) // len(seed) + 1)
    edges = list(itertools.accumulate(sizes, initial=0))
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    value = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80)
    trailers = draw(st.none() | st.dictionaries(st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True), value, max_size=3))
    signing = draw(st.none() | st.just(SIGNING))
    return pieces, {"signing": signing, "trailers": list(trailers.items()) if trailers is not None else None}


@settings(deadline=None, max_examples=150, print_blob=True)
@given(bodies(), st.integers(50, 20_000), st.integers(50, 30_000))
def test_the_payload_does_not_depend_on_how_the_body_arrives_or_is_taken(
    body: tuple[list[bytes], dict[str, Any]], arriving: int, taking: int
) -> None:
    pieces, how = body
    raw, payload = bytes(encoded(pieces, **how)), b"".join(pieces)
    names = None if how["trailers"] is None else tuple(name for name, _ in how["trailers"])

    def source() -> ChunkedSource:
        return ChunkedSource(RawBody(raw, arriving), len(payload), trailers=names, signing=how["signing"])

    taken = source()
    assert drain(taken, taking) == payload
    assert taken.trailers == dict(how["trailers"] or [])
    with Stream(Digest.SHA256) as stream:
        fed = source()
        while fed.feed(stream, taking):
            pass
        fed.finish()
        assert fed.trailers == taken.trailers
        assert stream.size == len(payload)
        assert stream.digest(Digest.SHA256) == ORACLES["SHA256"](payload)


@pytest.mark.parametrize("signing", [None, SIGNING], ids=["unsigned", "signed"])
def test_a_body_may_arrive_byte_by_byte(signing: ChunkSigning | None) -> None:
    payload = os.urandom(2 * MIN + 5)
    raw = encode(payload, MIN, signing=signing, trailers=[(TRAILER, "x")])
    assert drain(ChunkedSource(RawBody(raw, 1), len(payload), trailers=(TRAILER,), signing=signing)) == payload


@pytest.mark.parametrize("signing", [None, SIGNING], ids=["unsigned", "signed"])
@pytest.mark.parametrize("size", [0, 1, MIN, READ_SIZE - 1, READ_SIZE, 3 * READ_SIZE + 1])
def test_chunks_of_any_size_reach_the_file(signing: ChunkSigning | None, size: int) -> None:
    payload = os.urandom(size)
    fd = os.memfd_create("out")
    try:
        for chunk_size in (MIN, 100_000, 1 << 30):
            with Stream(Digest.MD5 | Digest.CRC64NVME, fd) as stream:
                source = ChunkedSource(RawBody(encode(payload, chunk_size, signing=signing)), size, signing=signing)
                assert source.length == size
                assert source.feed(stream, size + 1) == size
                assert not source.has_more()
                assert source.finish() == {}
                assert stream.digest(Digest.CRC64NVME) == ORACLES["CRC64NVME"](payload)
            assert os.pread(fd, size + 1, 0) == payload
    finally:
        os.close(fd)


@pytest.mark.parametrize(("name", "make"), [("sha256", Sha256Checksum), ("crc64nvme", CrtCrc64NvmeChecksum)])
@pytest.mark.parametrize("size", [1, MIN, 1 << 20, 3_000_000])
def test_what_botocore_sends_is_stored_and_its_checksum_echoed(
    tiny: Store, bucket: str, name: str, make: Any, size: int
) -> None:
    payload, header = os.urandom(size), f"x-amz-checksum-{name}"
    raw = AwsChunkedWrapper(BytesIO(payload), checksum_cls=make, checksum_name=header)
    upload = begin(tiny, bucket)
    source = ChunkedSource(raw, size, trailers=(header,))
    answer = tiny.upload_part(bucket, "key", upload.upload_id, 1, source, content_length=size)
    assert answer.etag == part_etag_of(payload)
    assert getattr(answer, xform_name(f"Checksum{name.upper()}")) == make().handle(payload)
    raw = AwsChunkedWrapper(BytesIO(payload), checksum_cls=make, checksum_name=header, chunk_size=10_000)
    tiny.put_object(bucket, "object", ChunkedSource(raw, size, trailers=(header,)))
    assert read(tiny, bucket, "object") == payload


@pytest.mark.parametrize("body", [b"", b"small", FILE_BODY], ids=len)
def test_a_signed_body_is_stored(tiny: Store, bucket: str, body: bytes) -> None:
    raw = encode(body, MIN, signing=SIGNING)
    tiny.put_object(bucket, "key", ChunkedSource(RawBody(raw), len(body), signing=SIGNING))
    assert read(tiny, bucket, "key") == body


@pytest.mark.parametrize("size", [b"a", b"A", b"0a", b"000000000000000A"])
def test_sizes_have_more_than_one_spelling(size: bytes) -> None:
    source = ChunkedSource(RawBody(size + b"\r\n0123456789\r\n000\r\n\r\n"), 10)
    assert drain(source) == b"0123456789"


@pytest.mark.parametrize(
    "line", [b"X-Amz-Checksum-CRC32: x \t\r\n", b"x-amz-checksum-crc32:x\n\r\n", b"x-amz-checksum-crc32:\tx\r\n"]
)
def test_trailers_have_more_than_one_spelling(line: bytes) -> None:
    source = ChunkedSource(RawBody(b"0\r\n" + line + b"\r\n"), 0, trailers=("X-Amz-Checksum-Crc32",))
    assert source.promised_trailers == (TRAILER,)
    assert source.finish() == {TRAILER: "x"}


def test_the_trailer_may_have_8192_bytes_and_no_more() -> None:
    def read_trailer(size: int) -> dict[str, str]:
        value = "v" * (size - len(TRAILER) - len(":\r\n\r\n"))
        raw = f"0\r\n{TRAILER}:{value}\r\n\r\n".encode()
        return dict(ChunkedSource(RawBody(raw), 0, trailers=(TRAILER,)).finish())

    assert len(read_trailer(8192)[TRAILER]) == 8192 - len(TRAILER) - 5
    with pytest.raises(errors.MalformedTrailerError):
        read_trailer(8193)


def test_a_chunk_header_may_have_its_longest_form_and_no_more() -> None:
    """The longest header is 16 digits, the mark, 64 digits, CRLF. One digit more is refused before the header's end has come."""
    body = encoded([b"x" * 10], signing=SIGNING)
    longest = bytes(body).replace(b"a;", b"000000000000000a;", 1)
    assert drain(ChunkedSource(RawBody(longest), 10, signing=SIGNING)) == b"x" * 10
    endless = ChunkedSource(RawBody(b"0" * 200), 10, signing=SIGNING)
    with pytest.raises(errors.IncompleteBody):
        endless.take(10)


def test_reading_ends_with_the_body_and_is_not_repeated() -> None:
    raw = RawBody(encode(b"data", MIN, trailers=[(TRAILER, "x")]))
    source = ChunkedSource(raw, 4, trailers=(TRAILER,))
    assert source.has_more()
    assert source.trailers == {}
    assert (source.take(3), source.take(3), source.take(3)) == (b"dat", b"a", b"")
    assert not source.has_more()
    assert source.finish() is source.finish()
    assert source.trailers == {TRAILER: "x"}
    assert raw.read() == b""


def test_the_end_is_refused_before_the_payload_was_read() -> None:
    source = ChunkedSource(RawBody(encode(b"data", MIN)), 4)
    source.take(3)
    with pytest.raises(errors.IncompleteBody):
        source.finish()


def test_the_trailers_cannot_be_changed() -> None:
    source = ChunkedSource(RawBody(encode(b"", MIN, trailers=[(TRAILER, "x")])), 0, trailers=(TRAILER,))
    with pytest.raises(TypeError):
        source.finish()[TRAILER] = "y"  # type: ignore[index]


def test_a_full_disk_is_a_write_error() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with Stream(Digest.MD5, fd) as stream, pytest.raises(native_errors.WriteFailed, match="No space left"):
            ChunkedSource(RawBody(encode(b"data", MIN)), 4).feed(stream, 4)
    finally:
        os.close(fd)


def test_a_finished_stream_takes_nothing() -> None:
    with Stream(Digest.MD5) as stream:
        stream.digest(Digest.MD5)
        with pytest.raises(native_errors.StreamFinished):
            ChunkedSource(RawBody(encode(b"data", MIN)), 4).feed(stream, 4)


@pytest.mark.parametrize(
    "signing",
    [
        ChunkSigning(b"k" * 31, SIGNING.seed_signature, SIGNING.date_time, SIGNING.scope),
        ChunkSigning(SIGNING.key, "0" * 63, SIGNING.date_time, SIGNING.scope),
        ChunkSigning(SIGNING.key, SIGNING.seed_signature, SIGNING.date_time, "s" * 240),
    ],
    ids=["key", "seed", "scope"],
)
def test_what_c_relies_on_is_checked_before(signing: ChunkSigning) -> None:
    with pytest.raises(ValueError, match="bytes"):
        ChunkedSource(RawBody(b""), 0, signing=signing)


def test_a_payload_of_unsaid_length_is_refused() -> None:
    with pytest.raises(errors.MissingContentLength):
        ChunkedSource.of(RawBody(b""), Payload("chunked-unsigned-trailer"))


def test_nothing_is_read_before_it_is_asked_for() -> None:
    class Silent:
        def read(self, size: int, /) -> bytes:
            raise AssertionError

    ChunkedSource(Silent(), 10, signing=SIGNING)


def test_two_threads_in_one_body_are_an_error_and_do_no_harm() -> None:
    class Slow:
        """A body whose next piece comes when the test releases it."""

        def __init__(self) -> None:
            self.asked, self.told = threading.Event(), threading.Event()

        def read(self, size: int, /) -> bytes:
            self.asked.set()
            assert self.told.wait(30)
            return encode(b"data", MIN)

    raw = Slow()
    source = ChunkedSource(raw, 4)
    taken: list[bytes] = []
    thread = threading.Thread(target=lambda: taken.append(source.take(4)))
    thread.start()
    assert raw.asked.wait(30)
    with pytest.raises(RuntimeError, match="another thread"):
        source.take(1)
    raw.told.set()
    thread.join()
    assert taken == [b"data"]


def test_an_abandoned_decoder_is_collected() -> None:
    """A hundred thousand decoders of ten KiB each would take a gibibyte."""
    code = """if True:
        import io
        from engine.bodies.chunked import ChunkedSource
        for _ in range(100_000):
            ChunkedSource(io.BytesIO(b""), 0)
        print(peak_kib())
    """
    no_quarantine = "detect_leaks=0:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    assert int(python_output(PEAK_KIB + code, ASAN_OPTIONS=no_quarantine)) < 200_000
