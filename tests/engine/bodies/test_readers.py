"""The body of an object as a file: seeks and reads compared with plain bytes, over parts in rows and in files."""

import hashlib
import io
import os
import shutil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Store
from engine.bodies.readers import ObjectBody, StoredSource
from engine.native.stream import Digest, Stream
from tests.support.stores import FILE_BODY
from tests.support.uploads import put_multipart

PARTS = [b"0123", FILE_BODY, b"x", FILE_BODY[:17_000], b"end"]
WHOLE = b"".join(PARTS)


@pytest.fixture
def body(tiny: Store, bucket: str) -> ObjectBody:
    put_multipart(tiny, bucket, "key", PARTS)
    return tiny.get_object(bucket, "key").body


def test_a_body_is_a_binary_file(body: ObjectBody) -> None:
    assert isinstance(body, io.RawIOBase)
    assert (body.readable(), body.seekable(), body.writable(), body.tell()) == (True, True, False, 0)
    assert len(body) == len(WHOLE)
    copied = io.BytesIO()
    shutil.copyfileobj(body, copied)
    assert copied.getvalue() == WHOLE
    assert body.read(10) == b""


def test_a_read_is_as_long_as_was_asked_over_any_number_of_parts(body: ObjectBody) -> None:
    assert body.read(len(WHOLE) - 1) == WHOLE[:-1]
    assert body.read(100) == WHOLE[-1:]
    body.seek(0)
    assert body.read() == WHOLE
    body.seek(2)
    assert io.BufferedReader(body).read() == WHOLE[2:]


def test_a_body_of_a_range_is_a_file_of_its_own(tiny: Store, bucket: str, body: ObjectBody) -> None:
    start, end = 2, len(PARTS[0] + FILE_BODY) + 1
    with tiny.get_object(bucket, "key", range=f"bytes={start}-{end - 1}").body as part:
        assert (len(part), part.read(), part.read()) == (end - start, WHOLE[start:end], b"")
        assert part.seek(-3, os.SEEK_END) == end - start - 3
        assert part.read() == WHOLE[end - 3 : end]


@given(st.integers(0, len(WHOLE)), st.lists(st.integers(0, 60_000), max_size=4))
def test_any_stretch_feeds_a_stream_as_it_would_be_read(body: ObjectBody, start: int, sizes: list[int]) -> None:
    body.seek(start)
    end = min(start + sum(sizes), len(WHOLE))
    with Stream(Digest.MD5) as stream:
        assert sum(body.feed(stream, size) for size in sizes) == stream.size == end - start
        assert stream.digest(Digest.MD5) == hashlib.md5(WHOLE[start:end]).digest()
    assert body.tell() == end


def test_a_stored_source_has_the_length_of_its_range_and_no_more(tiny: Store, bucket: str, body: ObjectBody) -> None:
    with tiny.get_object(bucket, "key", range="bytes=2-30000").body as part, Stream(Digest.MD5) as stream:
        source = StoredSource(part)
        assert (source.length, source.has_more()) == (29_999, True)
        assert source.take(5) == WHOLE[2:7]
        assert source.feed(stream, 100_000) == 29_994
        assert stream.digest(Digest.MD5) == hashlib.md5(WHOLE[7:30_001]).digest()
        assert (source.take(1), source.has_more(), source.finish()) == (b"", False, {})


OFFSET = st.integers(-100, len(WHOLE) + 100)
STEP = st.tuples(st.just("seek"), OFFSET, st.sampled_from([0, 1, 2])) | st.tuples(
    st.just("read"), st.integers(-1, 60_000)
)


@settings(max_examples=60)
@given(st.lists(STEP, max_size=12))
def test_any_seeks_and_reads_are_those_of_a_file(body: ObjectBody, steps: list[Any]) -> None:
    body.seek(0)
    position = 0
    for name, *arguments in steps:
        if name == "read":
            [size] = arguments
            wanted = WHOLE[position:] if size < 0 else WHOLE[position : position + size]
            assert body.read(size) == wanted
            position += len(wanted)
            continue
        offset, whence = arguments
        target = offset + [0, position, len(WHOLE)][whence]
        if target < 0:
            with pytest.raises(ValueError, match="seek"):
                body.seek(offset, whence)
        else:
            assert body.seek(offset, whence) == target
            position = target
        assert body.tell() == position


def test_a_seek_before_the_start_or_from_nowhere_is_a_value_error(body: ObjectBody) -> None:
    body.seek(5)
    for offset, whence in ((-1, os.SEEK_SET), (-6, os.SEEK_CUR), (-len(WHOLE) - 1, os.SEEK_END), (0, 7)):
        with pytest.raises(ValueError, match="seek"):
            body.seek(offset, whence)
    assert body.tell() == 5


def test_a_closed_body_gives_nothing_and_may_be_closed_again(body: ObjectBody) -> None:
    body.read(10)
    body.close()
    body.close()
    assert body.closed
    for call in (body.read, lambda: body.readinto(bytearray(1)), lambda: body.read(1), lambda: body.seek(0), body.tell):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_a_body_holds_one_part_open_at_most_and_nothing_after_close(body: ObjectBody) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    start = descriptors()
    for _ in range(3):
        body.read(len(PARTS[0] + FILE_BODY) // 2)
        assert descriptors() <= start + 1
    body.seek(0)
    body.read()
    body.close()
    assert descriptors() < start


def test_reading_into_a_buffer_fills_it_and_says_how_much(body: ObjectBody) -> None:
    buffer = bytearray(len(WHOLE) + 10)
    assert body.readinto(buffer) == len(WHOLE)
    assert buffer == WHOLE + bytes(10)
    assert body.readinto(buffer) == 0


def test_lines_can_be_read(tiny: Store, bucket: str) -> None:
    put_multipart(tiny, bucket, "text", [b"one\ntw", b"o\nthree"])
    with tiny.get_object(bucket, "text").body as body:
        assert list(io.BufferedReader(body)) == [b"one\n", b"two\n", b"three"]
