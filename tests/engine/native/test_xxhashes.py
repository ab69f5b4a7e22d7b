"""The digests that C does not compute: with C's digests over the same bytes, in pieces; and on a machine without the package."""

import os
from pathlib import Path

import pytest

from engine.bodies.chunked import ChunkedSource
from engine.native import errors as native_errors
from engine.native.stream import IN_PYTHON, PIECE_SIZE, Digest, Stream, available
from tests.support.chunks import RawBody, encode
from tests.support.oracles import ORACLES
from tests.support.processes import PEAK_KIB, python_output

# As xxhsum prints them.
OF_ABC = {
    "XXHASH64": "44bc2cf5ad770999",
    "XXHASH3": "78af5f94892f3950",
    "XXHASH128": "06b05ab6733a618578af5f94892f3950",
}
NAMES = sorted(OF_ABC)


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_the_published_one(name: str) -> None:
    with Stream(Digest[name]) as stream:
        stream.update(b"abc")
        assert stream.digest(Digest[name]).hex() == OF_ABC[name]


@pytest.mark.parametrize("size", [0, 1, PIECE_SIZE, PIECE_SIZE + 1, 3 * PIECE_SIZE + 7])
def test_a_chunked_body_goes_through_both_ways(size: int) -> None:
    data = os.urandom(size)
    source = ChunkedSource(RawBody(encode(data, 65536)), size)
    fd = os.memfd_create("out")
    try:
        with Stream(Digest.MD5 | IN_PYTHON, fd) as stream:
            assert source.feed(stream, size + 1) == size
            for digest in (Digest.MD5, *IN_PYTHON):
                assert stream.digest(digest) == ORACLES[str(digest.name)](data)
        assert os.pread(fd, size + 1, 0) == data
    finally:
        os.close(fd)


def test_no_more_than_wanted_is_fed() -> None:
    data = os.urandom(PIECE_SIZE + 5)
    source = ChunkedSource(RawBody(encode(data, 65536)), len(data))
    with Stream(Digest.XXHASH3) as stream:
        assert source.feed(stream, 10) == 10
        assert source.feed(stream, PIECE_SIZE) == PIECE_SIZE - 5
        assert source.take(9) == b""
        assert stream.digest(Digest.XXHASH3) == ORACLES["XXHASH3"](data)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_gave_its_digest_takes_no_more(name: str) -> None:
    with Stream(Digest[name]) as stream:
        stream.update(b"abc")
        first = stream.digest(Digest[name])
        with pytest.raises(native_errors.StreamFinished):
            stream.update(b"d")
        assert stream.digest(Digest[name]) == first


def test_a_stream_that_could_not_write_gives_no_digest() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with Stream(Digest.XXHASH3, full) as stream:
            with pytest.raises(native_errors.WriteFailed):
                stream.update(b"abc")
            with pytest.raises(native_errors.StreamBroken):
                stream.digest(Digest.XXHASH3)
    finally:
        os.close(full)


def test_an_input_that_cannot_be_read_says_why_and_the_stream_goes_on(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with Stream(Digest.XXHASH3) as stream:
            stream.update(b"abc")
            for offset in (-1, 0):
                with pytest.raises(
                    native_errors.ReadFailed, match=f"pumping from descriptor {directory}, at byte 3"
                ) as caught:
                    stream.pump(directory, 10, offset)
                assert caught.value.errno is not None
            stream.update(b"d")
            assert stream.digest(Digest.XXHASH3) == ORACLES["XXHASH3"](b"abcd")
    finally:
        os.close(directory)


def test_c_is_not_lent_a_stream_that_it_would_feed_by_half() -> None:
    with Stream(Digest.MD5 | Digest.XXHASH3) as stream, pytest.raises(AssertionError), stream.lent():
        pass


def test_memory_is_flat_in_the_length(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(256 << 20)
    code = """if True:
        import os, sys
        from engine.native.stream import Digest, Stream
        fd = os.open(sys.argv[1], os.O_RDONLY)
        with Stream(Digest.XXHASH3) as stream:
            stream.pump(fd, 1, 0)
            before = peak_kib()
            assert stream.pump(fd, 1 << 62, 0) == 256 << 20
            print(peak_kib() - before)
    """
    assert int(python_output(PEAK_KIB + code, str(path))) < 2048


WITHOUT = "import sys; sys.modules['xxhash'] = None\n"


def test_without_the_package_they_are_no_digests_and_the_others_are() -> None:
    code = """if True:
        from engine.native.stream import Digest, IN_PYTHON, Stream, available
        print(available(Digest.XXHASH3), available(~IN_PYTHON), available(Digest(0)))
        try:
            Stream(Digest.XXHASH128)
        except ValueError as error:
            print(error)
    """
    assert python_output(WITHOUT + code) == "False True True\nthere are no such digests: <Digest.XXHASH128: 512>\n"
    assert available(IN_PYTHON)


def test_the_package_is_not_imported_until_it_is_needed() -> None:
    code = "from engine.native.stream import Digest, Stream\nimport sys\nStream(Digest.MD5)\nprint('xxhash' in sys.modules)"
    assert python_output(code) == "False\n"
