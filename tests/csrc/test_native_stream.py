"""The stream fed with buffers: digests, the file it writes, its states and its guard against two threads."""

import array
import itertools
import os
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.native import errors as native_errors
from engine.native.stream import Digest, Stream
from tests.support.oracles import ORACLES
from tests.support.processes import PEAK_KIB, python_output

ALL = Digest(sum(Digest))

pytestmark = pytest.mark.kernels


def pieces_of(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Cut `data` at the given places, which may repeat (empty pieces) and lie outside."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        yield data[start:end]


def assert_all_digests(stream: Stream, data: bytes) -> None:
    for digest in Digest:
        assert digest.name is not None
        assert stream.digest(digest) == ORACLES[digest.name](data), digest


@settings(deadline=None, max_examples=300, print_blob=True)
@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=8))
def test_digests_do_not_depend_on_how_the_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    with Stream(ALL) as stream:
        for piece in pieces_of(data, cuts):
            stream.update(piece)
        assert stream.size == len(data)
        assert_all_digests(stream, data)


@settings(deadline=None, max_examples=20, print_blob=True)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 5 << 20), max_size=5))
def test_the_file_holds_the_bytes_however_they_are_cut(seed: int, cuts: list[int]) -> None:
    data = (seed.to_bytes(5, "big") + bytes(range(256))) * 12000
    fd = os.memfd_create("out")
    try:
        with Stream(ALL, fd) as stream:
            for piece in pieces_of(data, cuts):
                stream.update(piece)
            assert_all_digests(stream, data)
        assert os.pread(fd, len(data) + 1, 0) == data
        assert os.lseek(fd, 0, os.SEEK_CUR) == 0
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "wrap",
    [bytes, bytearray, memoryview, lambda data: memoryview(bytearray(data)), lambda data: array.array("I", data)],
    ids=["bytes", "bytearray", "memoryview", "writable view", "array of words"],
)
def test_any_contiguous_buffer_is_taken(wrap) -> None:  # type: ignore[no-untyped-def]
    data = os.urandom(1000)
    with Stream(ALL) as stream:
        stream.update(wrap(data))
        assert_all_digests(stream, data)


def test_a_buffer_with_gaps_is_refused_and_nothing_taken() -> None:
    with Stream(Digest.MD5) as stream:
        with pytest.raises(ValueError, match="must be contiguous"):
            stream.update(memoryview(b"abcdef")[::2])
        assert stream.size == 0
        assert stream.digest(Digest.MD5) == ORACLES["MD5"](b"")


@pytest.mark.parametrize("data", ["text", 5, None, [1, 2]], ids=repr)
def test_what_is_no_buffer_is_a_type_error(data: object) -> None:
    with Stream(Digest.MD5) as stream, pytest.raises(TypeError):
        stream.update(data)  # type: ignore[arg-type]


def test_a_bytearray_can_grow_again_after_update() -> None:
    data = bytearray(b"abc")
    with Stream(Digest.MD5) as stream:
        stream.update(data)
        data.append(0)


def test_every_subset_of_digests_gives_its_members_and_no_others() -> None:
    data = os.urandom(777)
    for bits in range(int(ALL) + 1):
        with Stream(Digest(bits)) as stream:
            stream.update(data)
            for digest in Digest:
                if bits & digest:
                    assert stream.digest(digest) == ORACLES[str(digest.name)](data)
                else:
                    with pytest.raises(ValueError, match="the stream computes"):
                        stream.digest(digest)


def test_only_one_digest_at_a_time_can_be_asked_for() -> None:
    with Stream(ALL) as stream:
        for which in (Digest(0), Digest.MD5 | Digest.SHA1):
            with pytest.raises(ValueError, match="the stream computes"):
                stream.digest(which)


@pytest.mark.parametrize("bits", [1 << 10, 1 << 31, 1 << 40, -1], ids=hex)
def test_an_unknown_digest_is_a_value_error(bits: int) -> None:
    with pytest.raises(ValueError, match="no such digests"):
        Stream(bits)  # type: ignore[arg-type]


def test_an_impossible_descriptor_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no descriptor -2"):
        Stream(Digest.MD5, -2)


def test_a_digest_ends_the_stream() -> None:
    with Stream(Digest.MD5) as stream:
        stream.update(b"abc")
        assert stream.digest(Digest.MD5) == stream.digest(Digest.MD5) == ORACLES["MD5"](b"abc")
        with pytest.raises(native_errors.StreamFinished, match="taking bytes: a digest was already taken"):
            stream.update(b"d")
        with pytest.raises(native_errors.StreamFinished, match="already taken"):
            stream.pump(0, 1)
        assert stream.size == 3
        assert stream.digest(Digest.MD5) == ORACLES["MD5"](b"abc")


def test_a_closed_stream_says_so_and_leaves_its_file_open() -> None:
    fd = os.memfd_create("out")
    stream = Stream(Digest.MD5, fd)
    stream.update(b"abc")
    stream.close()
    stream.close()
    for use in (lambda: stream.update(b""), lambda: stream.digest(Digest.MD5), lambda: stream.pump(0, 1)):
        with pytest.raises(ValueError, match="the stream is closed"):
            use()
    assert stream.size == 3
    os.close(fd)


def test_a_full_disk_is_a_write_error_with_its_errno_and_breaks_the_stream() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with Stream(Digest.MD5, fd) as stream:
            with pytest.raises(
                native_errors.WriteFailed, match="taking bytes, at byte 0: No space left on device"
            ) as caught:
                stream.update(b"abc")
            assert isinstance(caught.value, OSError)
            assert caught.value.errno == 28
            with pytest.raises(native_errors.StreamBroken):
                stream.update(b"abc")
            with pytest.raises(native_errors.StreamBroken):
                stream.digest(Digest.MD5)
    finally:
        os.close(fd)


def test_a_write_cut_short_by_a_limit_is_continued_and_then_fails(tmp_path: Path) -> None:
    """RLIMIT_FSIZE lets the first pwrite end early; the second gets EFBIG."""
    code = """if True:
        import os, resource, sys
        from engine.native import errors as native_errors
        from engine.native.stream import Digest, Stream
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
        with Stream(Digest.MD5, fd) as stream:
            try:
                stream.update(b"x" * 150_000)
            except native_errors.WriteFailed as error:
                print(error.errno, os.fstat(fd).st_size, "at byte 100000" in str(error))
    """
    assert python_output(code, str(tmp_path / "out")) == "27 100000 True\n"


@pytest.mark.parametrize("flags", [os.O_RDONLY], ids=["read-only"])
def test_a_descriptor_that_cannot_be_written_is_a_write_error(flags: int, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.touch()
    fd = os.open(path, flags)
    try:
        with Stream(Digest(0), fd) as stream, pytest.raises(native_errors.WriteFailed) as caught:
            stream.update(b"abc")
        assert caught.value.errno == 9
    finally:
        os.close(fd)


def test_a_pipe_cannot_be_written_at_an_offset() -> None:
    read_end, write_end = os.pipe()
    try:
        with Stream(Digest(0), write_end) as stream, pytest.raises(native_errors.WriteFailed) as caught:
            stream.update(b"abc")
        assert caught.value.errno == 29
    finally:
        os.close(read_end)
        os.close(write_end)


def test_two_threads_in_one_stream_are_an_error_and_do_no_harm() -> None:
    read_end, write_end = os.pipe()
    with Stream(Digest.MD5) as stream:
        pumping = threading.Thread(target=stream.pump, args=(read_end, 10))
        pumping.start()
        os.write(write_end, b"abc")
        deadline = time.monotonic() + 10
        while stream._claim._slot and time.monotonic() < deadline:
            pass
        for use in (lambda: stream.update(b""), lambda: stream.digest(Digest.MD5), lambda: stream.pump(read_end, 1)):
            with pytest.raises(RuntimeError, match="another thread"):
                use()
        os.close(write_end)
        pumping.join()
        assert stream.digest(Digest.MD5) == ORACLES["MD5"](b"abc")
    os.close(read_end)


def test_a_stream_closed_while_another_thread_is_in_it_is_freed_when_that_is_done() -> None:
    read_end, write_end = os.pipe()
    stream = Stream(Digest.MD5)
    freed = threading.Event()
    weakref.finalize(stream._claim._slot[0], freed.set)
    pumping = threading.Thread(target=stream.pump, args=(read_end, 10))
    pumping.start()
    while stream._claim._slot:
        pass
    stream.close()
    assert not freed.is_set()
    with pytest.raises(ValueError, match="the stream is closed"):
        stream.update(b"")
    os.close(write_end)
    pumping.join()
    assert not stream._claim._slot
    assert freed.wait(30)
    os.close(read_end)


def test_streams_in_different_threads_do_not_meet() -> None:
    data = [os.urandom(3_000_000 + i) for i in range(4)]
    found: dict[int, bytes] = {}

    def run(i: int) -> None:
        with Stream(ALL) as stream:
            stream.update(data[i])
            found[i] = stream.digest(Digest.CRC64NVME) + stream.digest(Digest.MD5)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: ORACLES["CRC64NVME"](data[i]) + ORACLES["MD5"](data[i]) for i in range(4)}


def test_a_stream_goes_on_in_a_forked_child() -> None:
    code = """if True:
        import os
        from engine.native.stream import Digest, Stream
        stream = Stream(Digest.MD5)
        stream.update(b"abc")
        if os.fork() == 0:
            stream.update(b"child")
            print(stream.digest(Digest.MD5).hex(), flush=True)
            os._exit(0)
        os.wait()
        stream.update(b"parent")
        print(stream.digest(Digest.MD5).hex())
    """
    assert python_output(code).split() == [ORACLES["MD5"](b"abcchild").hex(), ORACLES["MD5"](b"abcparent").hex()]


def test_an_abandoned_stream_is_collected() -> None:
    """A thousand streams with their pump buffers, never closed: they would hold a gibibyte."""
    code = """if True:
        import os
        from engine.native.stream import Digest, Stream
        fd = os.open("/dev/zero", os.O_RDONLY)
        for _ in range(1000):
            Stream(Digest.MD5).pump(fd, 1 << 20)
        print(peak_kib())
    """
    no_quarantine = "detect_leaks=0:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    assert int(python_output(PEAK_KIB + code, ASAN_OPTIONS=no_quarantine)) < 200_000


def test_a_closed_stream_leaves_nothing_behind() -> None:
    """Twenty thousand streams with all digests: a lost context of libcrypto each would be seen."""
    code = """if True:
        from engine.native.stream import Digest, Stream
        def run(times):
            for _ in range(times):
                with Stream(Digest(sum(Digest))) as stream:
                    stream.update(b"abc")
        run(1000)
        before = peak_kib()
        run(20_000)
        print(peak_kib() - before)
    """
    no_quarantine = "detect_leaks=0:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    assert int(python_output(PEAK_KIB + code, ASAN_OPTIONS=no_quarantine)) < 2000
