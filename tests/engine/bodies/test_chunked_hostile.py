"""aws-chunked bodies that someone has tampered with: every one is refused with S3's error, and nothing is stored.

Examples cover MinIO's CVE-2021-21390 (chunk signatures not checked), CVE-2025-31489 and CVE-2026-40344 (unsigned trailers).
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Store
from engine.bodies.chunked import ChunkedSource
from engine.errors import S3Error
from engine.s3.payload import ChunkSigning
from tests.support.chunks import SIGNING, Chunk, Encoded, RawBody, encode, encoded, sign_chunk, sign_trailers
from tests.support.oracles import ORACLES
from tests.support.refusals import refused
from tests.support.stores import contents_of
from tests.support.uploads import begin

TRAILER = "x-amz-checksum-sha1"
MIN = 8192
PIECES = [bytes([65 + i]) * size for i, size in enumerate((MIN, 9000, MIN, 100))]
SMALL = [b"inline"]
OTHER = replace(SIGNING, seed_signature=hashlib.sha256(b"another request").hexdigest())

ENDED = "The request body terminated unexpectedly"
SHORT = "You did not provide the number of bytes specified by the Content-Length HTTP header"
FORGED = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
TRAILING = "The request contained trailing data that was not well-formed or did not conform to our published schema."
TOO_SMALL = "Only the last chunk is allowed to have a size less than 8192 bytes"


def sha1_of(pieces: list[bytes]) -> tuple[str, str]:
    return TRAILER, base64.b64encode(ORACLES["SHA1"](b"".join(pieces))).decode()


@dataclass(frozen=True)
class Sent:
    """A body, and its request's headers about it."""

    body: Encoded
    size: int
    signing: ChunkSigning | None = None
    trailers: tuple[str, ...] | None = None

    @staticmethod
    def of(pieces: list[bytes], *, signed: bool = True, trailer: bool = True) -> "Sent":
        signing = SIGNING if signed else None
        body = encoded(pieces, signing=signing, trailers=[sha1_of(pieces)] if trailer else None)
        return Sent(body, sum(map(len, pieces)), signing, (TRAILER,) if trailer else None)

    def source(self, raw: bytes | None = None) -> ChunkedSource:
        data = RawBody(bytes(self.body) if raw is None else raw)
        return ChunkedSource(data, self.size, trailers=self.trailers, signing=self.signing)

    def with_chunks(self, *chunks: Chunk) -> "Sent":
        return replace(self, body=replace(self.body, chunks=chunks))

    def with_trailers(self, *trailers: tuple[str, str]) -> "Sent":
        return replace(self, body=replace(self.body, trailers=trailers))


KINDS = [
    pytest.param(
        signed, trailer, pieces, id=f"{'signed' if signed else 'unsigned'}{'-trailer' * trailer}-{len(pieces)}"
    )
    for signed in (True, False)
    for trailer in (True, False)
    for pieces in (PIECES, SMALL)
]
Store_ = Callable[[ChunkedSource], Any]


@pytest.fixture
def send(tiny: Store, bucket: str) -> Iterator[Store_]:
    """Upload a part, and check after the test that nothing was stored."""
    upload = begin(tiny, bucket)
    upload.part(1, b"before")
    before = contents_of(tiny)
    yield lambda source: tiny.upload_part(bucket, "key", upload.upload_id, 1, source)
    assert contents_of(tiny) == before


def assert_refused(send: Store_, source: ChunkedSource, what: object, codes: set[str]) -> None:
    with pytest.raises(S3Error) as caught:
        send(source)
    assert caught.value.code in codes, (what, caught.value)


def tampered_chunks(sent: Sent) -> Iterator[tuple[str, Sent]]:
    """Make bodies in which a chunk, each in turn, is changed, dropped, repeated, moved, or taken from elsewhere."""
    chunks = sent.body.chunks
    for i, chunk in enumerate(chunks):
        before, after = chunks[:i], chunks[i + 1 :]
        foreign = encoded([c.data for c in chunks if c.data], signing=OTHER).chunks[i]
        yield f"drop {i}", sent.with_chunks(*before, *after)
        yield f"repeat {i}", sent.with_chunks(*before, chunk, chunk, *after)
        yield f"of another request {i}", sent.with_chunks(*before, foreign, *after)
        yield f"unsigned {i}", sent.with_chunks(*before, replace(chunk, signature=None), *after)
        yield f"no signature {i}", sent.with_chunks(*before, replace(chunk, signature="0" * 64), *after)
        yield f"longer {i}", sent.with_chunks(*before, replace(chunk, data=chunk.data + b"x"), *after)
        if after:
            yield f"swap {i}", sent.with_chunks(*before, after[0], chunk, *after[1:])
            yield (
                f"signatures swapped {i}",
                sent.with_chunks(
                    *before,
                    replace(chunk, signature=after[0].signature),
                    replace(after[0], signature=chunk.signature),
                    *after[1:],
                ),
            )
        if chunk.data:
            for at in (0, len(chunk.data) // 2, len(chunk.data) - 1):
                flipped = bytearray(chunk.data)
                flipped[at] ^= 1
                yield f"flip {i} at {at}", sent.with_chunks(*before, replace(chunk, data=bytes(flipped)), *after)
            yield f"shorter {i}", sent.with_chunks(*before, replace(chunk, data=chunk.data[:-1]), *after)
            half = len(chunk.data) // 2
            first, second = (Chunk(data, chunk.signature) for data in (chunk.data[:half], chunk.data[half:]))
            yield f"cut {i}", sent.with_chunks(*before, first, second, *after)


@pytest.mark.parametrize("trailer", [True, False])
@pytest.mark.parametrize("pieces", [PIECES, SMALL], ids=len)
def test_no_chunk_of_a_signed_body_can_be_changed(send: Store_, pieces: list[bytes], trailer: bool) -> None:
    sent = Sent.of(pieces, trailer=trailer)
    cases = list(tampered_chunks(sent))
    assert len(cases) == (58 if len(pieces) > 1 else 19)
    codes = {"SignatureDoesNotMatch", "IncompleteBody", "InvalidChunkSizeError", "MalformedTrailerError"}
    for what, changed in cases:
        assert bytes(changed.body) != bytes(sent.body), what
        assert_refused(send, changed.source(), what, codes)


def test_a_wrong_chunk_signature_is_told_as_s3_tells_it(send: Store_) -> None:
    sent = Sent.of(PIECES)
    chunk = sent.body.chunks[1]
    with refused("SignatureDoesNotMatch", FORGED, 403):
        send(replace(sent, body=sent.body.with_chunk(1, replace(chunk, data=b"x" * 9000))).source())


@pytest.mark.parametrize(("signed", "trailer", "pieces"), KINDS)
def test_a_body_cut_off_anywhere_is_refused(send: Store_, signed: bool, trailer: bool, pieces: list[bytes]) -> None:
    sent = Sent.of(pieces, signed=signed, trailer=trailer)
    whole = bytes(sent.body)
    starts = [(whole.index(piece), len(piece)) for piece in pieces]
    inside = {end for start, size in starts for end in range(start + 2, start + size - 1)}
    ends = [end for end in range(len(whole)) if end not in inside or end % 999 == 0]
    for end in ends:
        with refused("IncompleteBody", ENDED):
            send(sent.source(whole[:end]))


@pytest.mark.parametrize(("signed", "trailer", "pieces"), KINDS)
@pytest.mark.parametrize("more", [b"\r\n", b"x", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"\0" * 100_000], ids=len)
def test_nothing_may_follow_the_end(
    send: Store_, signed: bool, trailer: bool, pieces: list[bytes], more: bytes
) -> None:
    sent = Sent.of(pieces, signed=signed, trailer=trailer)
    with refused("IncompleteBody", SHORT):
        send(sent.source(bytes(sent.body) + more))
    whole = bytes(sent.body)
    for most in (1, len(whole)):  # what follows comes in a piece of its own
        raw = RawBody(whole + more, most)
        with refused("IncompleteBody", SHORT):
            send(ChunkedSource(raw, sent.size, trailers=sent.trailers, signing=sent.signing))


@pytest.mark.parametrize(("signed", "trailer", "pieces"), KINDS)
def test_the_payload_must_be_as_long_as_the_request_says(
    send: Store_, signed: bool, trailer: bool, pieces: list[bytes]
) -> None:
    sent = Sent.of(pieces, signed=signed, trailer=trailer)
    for size in {0, 1, sent.size - 1, sent.size + 1, sent.size * 2, sent.size - len(pieces[-1]), 1 << 32}:
        assert_refused(send, replace(sent, size=size).source(), size, {"IncompleteBody"})


@pytest.mark.parametrize("trailer", [True, False])
def test_a_small_chunk_before_another_is_refused_and_named(send: Store_, trailer: bool) -> None:
    for signed in (True, False):
        for index, size in ((0, MIN - 1), (2, 1)):
            pieces = list(PIECES)
            pieces[index] = b"x" * size
            with refused("InvalidChunkSizeError", TOO_SMALL, Chunk=index + 1, BadChunkSize=size):
                send(Sent.of(pieces, signed=signed, trailer=trailer).source())


def _retrailed(*trailers: tuple[str, str], signed_as: list[tuple[str, str]] | None = None, mark: bool = True) -> Sent:
    """Give the signed body other trailers; its valid signature covers `signed_as`, by default these trailers."""
    sent = Sent.of(PIECES)
    previous = sent.body.chunks[-1].signature or ""
    signature = sign_trailers(SIGNING, previous, list(trailers) if signed_as is None else signed_as)
    return sent.with_trailers(*trailers, *([("x-amz-trailer-signature", signature)] if mark else []))


RIGHT = sha1_of(PIECES)
WRONG = sha1_of(SMALL)
SIGNED_TRAILERS: dict[str, tuple[Sent, set[str]]] = {
    "no signature": (_retrailed(RIGHT, mark=False), {"SignatureDoesNotMatch"}),
    "nothing at all": (_retrailed(mark=False), {"SignatureDoesNotMatch"}),
    "value changed": (_retrailed(WRONG, signed_as=[RIGHT]), {"SignatureDoesNotMatch"}),
    "name changed": (_retrailed(("x-amz-checksum-sha2", RIGHT[1]), signed_as=[RIGHT]), {"SignatureDoesNotMatch"}),
    "dropped": (_retrailed(signed_as=[RIGHT]), {"SignatureDoesNotMatch"}),
    "repeated": (_retrailed(RIGHT, RIGHT, signed_as=[RIGHT]), {"SignatureDoesNotMatch"}),
    "another before": (_retrailed(("x-amz-meta-a", "b"), RIGHT, signed_as=[RIGHT]), {"SignatureDoesNotMatch"}),
    "repeated and signed": (_retrailed(RIGHT, RIGHT), {"MalformedTrailerError"}),
    "not announced and signed": (_retrailed(RIGHT, ("x-amz-meta-a", "b")), {"MalformedTrailerError"}),
    "left out and signed": (_retrailed(), {"MalformedTrailerError"}),
    "wrong and signed": (_retrailed(WRONG), {"BadDigest"}),
    "no value and signed": (_retrailed((TRAILER, "")), {"InvalidRequest"}),
}


@pytest.mark.parametrize("case", SIGNED_TRAILERS)
def test_no_signed_trailer_can_be_changed(send: Store_, case: str) -> None:
    sent, codes = SIGNED_TRAILERS[case]
    assert_refused(send, sent.source(), case, codes)


@pytest.mark.parametrize(
    "signature",
    ["", "0", "0" * 64, "g" * 64, "{right}0", "{upper}", " ", "{right} {right}", "{chunk}"],
)
def test_a_trailer_signature_of_any_wrong_form_is_refused(send: Store_, signature: str) -> None:
    sent = Sent.of(PIECES)
    (*trailers, (name, right)) = sent.body.trailers
    wrong = signature.format(right=right, upper=right.upper(), chunk=sent.body.chunks[-1].signature)
    codes = {"SignatureDoesNotMatch", "MalformedTrailerError"}
    assert_refused(send, sent.with_trailers(*trailers, (name, wrong)).source(), signature, codes)


def test_nothing_stands_behind_the_trailer_signature(send: Store_) -> None:
    sent = Sent.of(PIECES)
    for more in ((TRAILER, RIGHT[1]), sent.body.trailers[-1], ("x-amz-meta-a", "b")):
        with refused("MalformedTrailerError", TRAILING):
            send(sent.with_trailers(*sent.body.trailers, more).source())


@pytest.mark.parametrize("signed", [True, False])
def test_a_body_that_has_no_trailer_by_its_mode_can_bring_none(send: Store_, signed: bool) -> None:
    sent = Sent.of(PIECES, signed=signed, trailer=False)
    for trailers in ([RIGHT], [("x-amz-trailer-signature", "0" * 64)]):
        with refused("MalformedTrailerError", TRAILING):
            send(sent.with_trailers(*trailers).source())


UNSIGNED_TRAILERS = {
    "dropped": (),
    "repeated": (RIGHT, RIGHT),
    "another": (("x-amz-checksum-crc32", "AAAAAA=="),),
    "one more": (RIGHT, ("x-amz-meta-a", "b")),
    "one more before": (("x-amz-meta-a", "b"), RIGHT),
    "a signature": (RIGHT, ("x-amz-trailer-signature", "0" * 64)),
    "no name": (("", RIGHT[1]),),
    "name with a blank": ((f"{TRAILER} ", RIGHT[1]),),
    "name with a blank before": ((f" {TRAILER}", RIGHT[1]),),
    "CR in the value": ((TRAILER, f"{RIGHT[1]}\r"),),
    "LF in the value": ((TRAILER, f"\n{RIGHT[1]}"),),
    "NUL in the value": ((TRAILER, f"{RIGHT[1]}\0"),),
    "two lines by LF": ((TRAILER, f"{RIGHT[1]}\nx-amz-meta-a:b"),),
    "not ASCII": ((TRAILER, f"{RIGHT[1]}é"),),
}


@pytest.mark.parametrize("case", UNSIGNED_TRAILERS)
def test_an_unsigned_trailer_is_the_announced_one_and_well_formed(send: Store_, case: str) -> None:
    sent = Sent.of(PIECES, signed=False).with_trailers(*UNSIGNED_TRAILERS[case])
    with refused("MalformedTrailerError", TRAILING):
        send(sent.source())


@pytest.mark.parametrize(
    "header",
    [
        "", " a", "a ", "+a", "-a", "0xa", "a;", "a;x", "a; x=y", "a;chunk-signature=", "a;chunk-signature=" + "0" * 63,
        "a;chunk-signature=" + "0" * 65, "A;Chunk-Signature=" + "0" * 64, "g", "a\r", "a\n", "0" * 17, "f" * 16, "f" * 17,
        "1_0", "a.0", "a,a", "\0a", "a\0", "é", "٣", "a;chunk-signature={}x", "a ;chunk-signature={}",
        "a;chunk-signature ={}", "a;chunk-signature={};x=y", "a;x=y;chunk-signature={}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("signed", [True, False])
def test_a_chunk_header_of_any_other_form_is_refused(send: Store_, signed: bool, header: str) -> None:
    payload = b"0123456789"
    sent = Sent.of([payload], signed=signed, trailer=False)
    first, last = sent.body.chunks
    raw = header.format(first.signature).encode() + b"\r\n" + payload + b"\r\n" + bytes(last) + b"\r\n"
    assert_refused(send, sent.source(raw), header, {"IncompleteBody"})


@pytest.mark.parametrize("end", [b"\n", b"\r", b"", b"\n\r", b"xx", b"\r\r\n", b" \r\n", b"\0\0"])
@pytest.mark.parametrize("signed", [True, False])
def test_only_crlf_ends_a_line_or_a_chunk(send: Store_, signed: bool, end: bytes) -> None:
    sent = Sent.of(SMALL, signed=signed, trailer=False)
    whole = bytes(sent.body)
    places = [at for at in range(len(whole)) if whole[at : at + 2] == b"\r\n"]
    assert len(places) == 4
    for at in places:
        codes = {"IncompleteBody", "MalformedTrailerError"}
        assert_refused(send, sent.source(whole[:at] + end + whole[at + 2 :]), (at, end), codes)


def test_a_signed_body_cannot_pass_for_an_unsigned_one_nor_the_other_way_round(send: Store_) -> None:
    for trailer in (True, False):
        signed, unsigned = Sent.of(PIECES, trailer=trailer), Sent.of(PIECES, signed=False, trailer=trailer)
        with refused("IncompleteBody", ENDED):
            send(replace(signed, signing=None).source())
        with refused("IncompleteBody", ENDED):
            send(replace(unsigned, signing=SIGNING).source())


@pytest.mark.parametrize(
    "changed",
    [
        replace(SIGNING, key=b"k" * 32),
        OTHER,
        replace(SIGNING, date_time="20260401T101113Z"),
        replace(SIGNING, scope="20260401/eu-west-1/s3/aws4_request"),
    ],
    ids=["key", "request", "time", "scope"],
)
def test_chunks_are_good_for_one_request_only(send: Store_, changed: ChunkSigning) -> None:
    for pieces in (PIECES, SMALL, []):
        for trailer in (True, False):
            sent = replace(Sent.of(pieces, trailer=trailer), signing=changed)
            with refused("SignatureDoesNotMatch", FORGED, 403):
                send(sent.source())


def test_a_chunk_signature_is_checked_before_the_next_chunk_is_read(send: Store_) -> None:
    """Bytes after a forged chunk are not even read."""
    body = Sent.of(PIECES).body
    forged = bytes(replace(body.chunks[0], signature="0" * 64))
    raw = RawBody(forged + b"".join(map(bytes, body.chunks[1:])), len(forged))
    with refused("SignatureDoesNotMatch", FORGED, 403):
        send(ChunkedSource(raw, sum(map(len, PIECES)), trailers=(TRAILER,), signing=SIGNING))
    assert raw.tell() == len(forged)


def test_a_refusal_is_final() -> None:
    sent = Sent.of(PIECES)
    forged = sent.body.with_chunk(0, replace(sent.body.chunks[0], signature="0" * 64))
    source = replace(sent, body=forged).source()
    for _ in range(3):
        with refused("SignatureDoesNotMatch", FORGED, 403):
            source.take(1 << 20)


@pytest.mark.parametrize(("signed", "trailer"), [(True, True), (True, False), (False, True)])
@settings(deadline=None, max_examples=250, print_blob=True)
@given(data=st.data())
def test_whatever_is_done_to_a_body_no_other_payload_comes_out(
    signed: bool, trailer: bool, data: st.DataObject
) -> None:
    """Random damage is refused, unless it spells the same body in another way. The store's own check of the trailer takes part."""
    sent = Sent.of(PIECES, signed=signed, trailer=trailer)
    raw = bytearray(bytes(sent.body))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        size = data.draw(st.integers(0, 40))
        kind = data.draw(st.sampled_from(["replace", "insert", "delete", "move"]))
        if kind == "replace":
            raw[at : at + size] = data.draw(st.binary(min_size=size, max_size=size))
        elif kind == "insert":
            raw[at:at] = data.draw(st.binary(max_size=40))
        elif kind == "delete":
            del raw[at : at + size]
        else:
            piece = raw[at : at + size]
            del raw[at : at + size]
            to = data.draw(st.integers(0, len(raw)))
            raw[to:to] = piece
    source = sent.source(bytes(raw))
    try:
        payload = source.take(sent.size)
        trailers = source.finish()
    except S3Error:
        return
    if signed or trailers != dict([RIGHT]):
        assert payload == b"".join(PIECES)
    if signed and trailer:
        assert trailers == dict([RIGHT])


def test_a_signature_cannot_be_made_without_the_key() -> None:
    """This checks the tests' oracle: other keys give other signatures."""
    other = replace(SIGNING, key=b"k" * 32)
    assert sign_chunk(SIGNING, "0" * 64, b"") != sign_chunk(other, "0" * 64, b"")
    assert encode(b"x", 1, signing=SIGNING) != encode(b"x", 1, signing=other)
