"""Sealed parts are read by an independent decoder, and at any range."""

import hashlib
import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.native import errors as native_errors
from engine.native.sealed import SealedReader, sealed_size, unseal
from engine.native.secret import PartKey, Secret
from engine.native.stream import Digest, Stream
from tests.support import decoder
from tests.support.processes import python_output
from tests.support.sealed_parts import (
    PLAIN,
    RAW,
    SEALED,
    SEGMENT,
    Sealed,
    Write,
    by_chunks,
    by_pump,
    by_seal,
    by_small_updates,
    by_update,
)

pytestmark = pytest.mark.kernels

EDGES = sorted({0, 1, *(n * SEGMENT + d for n in (1, 2, 4, 5, 16, 17, 33) for d in (-1, 0, 1))})


@pytest.fixture(scope="module")
def key() -> Iterator[Secret]:
    with Secret.of_bytes(RAW) as secret:
        yield secret


@pytest.fixture
def fd() -> Iterator[int]:
    opened = os.memfd_create("sealed")
    yield opened
    os.close(opened)


WAYS = pytest.mark.parametrize(
    "write", [by_update, by_small_updates, by_pump, by_chunks, by_seal], ids=lambda way: way.__name__
)


@WAYS
@pytest.mark.parametrize("size", EDGES)
def test_what_is_sealed_is_read_by_the_independent_decoder_and_by_us(
    write: Write, size: int, key: Secret, fd: int
) -> None:
    data = random.Random(size).randbytes(size)
    sealed = Sealed(fd, PartKey(key, 7))
    write(data, sealed.part, fd)
    assert len(sealed.data()) == sealed_size(size) == 80 + size + 16 * max(1, -(-size // SEGMENT))
    assert decoder.part(RAW, 7, sealed.data()) == data
    assert sealed.read() == data
    assert unseal(sealed.data(), sealed.part) == data


@settings(deadline=None, max_examples=60, print_blob=True)
@given(st.integers(0, 5 * SEGMENT), st.lists(st.integers(0, 5 * SEGMENT), max_size=6))
def test_the_file_does_not_depend_on_how_the_bytes_are_cut(size: int, cuts: list[int]) -> None:
    data, fd = random.Random(size).randbytes(size), os.memfd_create("sealed")
    edges = sorted({0, size, *(min(cut, size) for cut in cuts)})
    with Secret.of_bytes(RAW) as key:
        with Stream(Digest.MD5, fd, PartKey(key, 1)) as stream:
            for start, end in itertools.pairwise(edges):
                stream.update(data[start:end])
            stream.finish()
        assert decoder.part(RAW, 1, Sealed(fd, PartKey(key, 1)).data()) == data
    os.close(fd)


@pytest.fixture(scope="module")
def written(key: Secret) -> Iterator[SealedReader]:
    opened = os.memfd_create("ranges")
    by_update(PLAIN, PartKey(key, 3), opened)
    with SealedReader(opened, PartKey(key, 3)) as reader:
        yield reader
    os.close(opened)


def near_edges(size: int) -> st.SearchStrategy[int]:
    around = [n * SEGMENT + d for n in range(6) for d in (-2, -1, 0, 1, 2)]
    return st.one_of(st.sampled_from([n for n in around if 0 <= n <= size]), st.integers(0, size + 10))


@settings(deadline=None, max_examples=600, print_blob=True)
@given(near_edges(len(PLAIN)), near_edges(len(PLAIN)))
def test_any_range_is_that_of_the_plaintext(written: SealedReader, start: int, end: int) -> None:
    room = bytearray(max(0, end - start))
    count = written.read_into(memoryview(room), start)
    assert room[:count] == PLAIN[start:end]
    assert count == len(PLAIN[start:end])


@settings(deadline=None, max_examples=200, print_blob=True)
@given(near_edges(len(PLAIN)), near_edges(len(PLAIN)), st.booleans())
def test_any_range_is_fed_into_a_stream(written: SealedReader, start: int, length: int, in_python: bool) -> None:
    digests = Digest.MD5 | Digest.XXHASH64 if in_python else Digest.MD5
    with Stream(digests) as stream:
        count = written.feed(stream, start, length)
        assert count == len(PLAIN[start : start + length]) == stream.size
        assert stream.digest(Digest.MD5) == hashlib.md5(PLAIN[start : start + length]).digest()


def test_small_steps_read_what_one_does(written: SealedReader) -> None:
    room, offset, found = bytearray(8191), 0, b""
    while count := written.read_into(memoryview(room), offset):
        found, offset = found + room[:count], offset + count
    assert found == PLAIN


def test_a_range_touches_only_its_segments(key: Secret, fd: int) -> None:
    """All other segments are destroyed, so that opening one would fail; and the bytes read from the file are counted."""
    sealed = Sealed(fd, PartKey(key, 1))
    by_update(PLAIN, sealed.part, fd)
    data = bytearray(sealed.data())
    for index in (0, 1, 3, 4):
        data[80 + index * SEALED] ^= 1
    sealed.replace(bytes(data))
    room = bytearray(10)
    with SealedReader(fd, sealed.part) as reader:
        before = bytes_read()
        assert reader.read_into(memoryview(room), 2 * SEGMENT + 5) == 10
        assert bytes_read() - before <= SEALED + 500
        assert room == PLAIN[2 * SEGMENT + 5 : 2 * SEGMENT + 15]
        before = bytes_read()
        reader.read_into(memoryview(room), 2 * SEGMENT + 15)
        assert bytes_read() - before <= 500  # the counter's own file
        with pytest.raises(native_errors.SealedDamaged):
            reader.read_into(memoryview(room), 3 * SEGMENT - 5)


def bytes_read() -> int:
    return int(Path("/proc/thread-self/io").read_text().split()[1])


def test_nothing_of_a_damaged_segment_is_handed_out(key: Secret, fd: int) -> None:
    sealed = Sealed(fd, PartKey(key, 1))
    by_update(PLAIN, sealed.part, fd)
    data = bytearray(sealed.data())
    data[80 + SEALED + 40000] ^= 0x10
    sealed.replace(bytes(data))
    room = bytearray(b"\xaa" * len(PLAIN))
    with SealedReader(fd, sealed.part) as reader, pytest.raises(native_errors.SealedDamaged):
        reader.read_into(memoryview(room), 0)
    assert room[:SEGMENT] == PLAIN[:SEGMENT]
    assert not any(room[SEGMENT : 2 * SEGMENT])
    assert room[2 * SEGMENT :] == b"\xaa" * (len(PLAIN) - 2 * SEGMENT)


def test_a_file_cut_while_it_is_read_is_refused(key: Secret, fd: int) -> None:
    by_update(PLAIN, PartKey(key, 1), fd)
    with SealedReader(fd, PartKey(key, 1)) as reader:
        os.ftruncate(fd, 80 + SEALED)
        with pytest.raises(native_errors.SealedDamaged):
            reader.read_into(memoryview(bytearray(10)), SEGMENT)


def test_what_is_held_back_and_cannot_be_written_breaks_the_stream(key: Secret) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    with Stream(Digest.MD5, full, PartKey(key, 1)) as stream:
        stream.update(b"held back")
        with pytest.raises(native_errors.WriteFailed, match="No space left"):
            stream.digest(Digest.MD5)
        with pytest.raises(native_errors.StreamBroken):
            stream.finish()
    os.close(full)


def test_a_write_that_fails_under_way_breaks_the_stream(key: Secret) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    with Stream(Digest.MD5, full, PartKey(key, 1)) as stream:
        with pytest.raises(native_errors.WriteFailed, match="No space left"):
            stream.update(bytes(10 * SEGMENT))
        for act in (stream.finish, lambda: stream.update(b"x"), lambda: stream.digest(Digest.MD5)):
            with pytest.raises(native_errors.StreamBroken):
                act()
    os.close(full)


def test_a_reader_that_is_closed_or_has_no_file_says_so(key: Secret, fd: int) -> None:
    by_update(b"x", PartKey(key, 1), fd)
    reader = SealedReader(fd, PartKey(key, 1))
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="the reader is closed"):
        reader.read_into(memoryview(bytearray(1)), 0)
    with pytest.raises(native_errors.ReadFailed, match="Bad file descriptor"):
        SealedReader(1 << 20, PartKey(key, 1))


def test_the_plaintext_is_nowhere_in_the_file(key: Secret, fd: int) -> None:
    marked = b"a sentence that is easy to find." * 8192
    for write in (by_update, by_pump, by_seal):
        os.ftruncate(fd, 0)
        write(marked, PartKey(key, 1), fd)
        assert b"easy to find" not in Sealed(fd, PartKey(key, 1)).data()


def test_an_upload_under_way_needs_two_mebibytes_at_most_however_long_it_is() -> None:
    code = """if True:
        import os
        from engine.native.secret import PartKey, Secret
        from engine.native.stream import Digest, Stream
        key, source = Secret.random(), os.memfd_create("source")
        os.ftruncate(source, 64 << 20)
        outs = [os.open("/dev/null", os.O_WRONLY) for _ in range(20)]
        def resident_kib():
            with open("/proc/self/status") as status:
                return int(next(line for line in status if line.startswith("VmRSS")).split()[1])
        before = resident_kib()
        streams = [Stream(Digest.MD5, out, PartKey(key, 1)) for out in outs]
        for length in (2 << 20, 20 << 20):
            for stream in streams:
                stream.pump(source, length, 0)
            print((resident_kib() - before) // len(streams))
    """
    short, long = map(int, python_output(code).split())
    assert short <= 2048
    assert long <= short + 64
