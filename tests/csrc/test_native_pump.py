"""The stream fed by descriptors: files, pipes, sockets, offsets, limits, signals and failures."""

import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.native import errors as native_errors
from engine.native.stream import IN_PYTHON, Digest, Stream
from tests.support.oracles import ORACLES
from tests.support.processes import python_output

MIB = 1 << 20
ALL = Digest(sum(Digest))

pytestmark = pytest.mark.kernels


def md5(data: bytes) -> bytes:
    return ORACLES["MD5"](data)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[tuple[int, bytes]]:
    """An open file of an awkward size, at position 0, and its bytes."""
    data = random.Random(5).randbytes(3 * MIB + 12345)
    path = tmp_path / "source"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    yield fd, data
    os.close(fd)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read_end, write_end = os.pipe()
    yield read_end, write_end
    for fd in (read_end, write_end):
        try:
            os.close(fd)
        except OSError:
            continue


def write_all_and_close(fd: int, pieces: list[bytes]) -> threading.Thread:
    def run() -> None:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
        os.close(fd)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("digests", [ALL & ~IN_PYTHON, ALL, IN_PYTHON], ids=["in C", "all", "in Python"])
def test_a_file_goes_through_whole(source: tuple[int, bytes], tmp_path: Path, digests: Digest) -> None:
    fd, data = source
    out = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    with Stream(digests, out) as stream:
        assert stream.pump(fd, 1 << 62) == len(data) == stream.size
        for digest in digests:
            assert stream.digest(digest) == ORACLES[str(digest.name)](data)
    assert (tmp_path / "out").read_bytes() == data
    assert os.lseek(fd, 0, os.SEEK_CUR) == len(data)
    assert os.lseek(out, 0, os.SEEK_CUR) == 0
    os.close(out)


@pytest.mark.parametrize("more", [Digest(0), Digest.XXHASH3], ids=["in C", "in Python"])
@pytest.mark.parametrize(
    "length", [0, 1, 4096, MIB - 1, MIB, MIB + 1, 3 * MIB + 12344, 3 * MIB + 12345, 3 * MIB + 12346]
)
def test_not_one_byte_more_than_asked_for_is_taken(source: tuple[int, bytes], length: int, more: Digest) -> None:
    fd, data = source
    with Stream(Digest.MD5 | more) as stream:
        assert stream.pump(fd, length) == min(length, len(data))
        assert os.lseek(fd, 0, os.SEEK_CUR) == min(length, len(data))
        assert stream.digest(Digest.MD5) == md5(data[:length])


@pytest.mark.parametrize("more", [Digest(0), Digest.XXHASH3], ids=["in C", "in Python"])
@pytest.mark.parametrize("offset", [0, 1, 4097, 3 * MIB + 12345, 1 << 40])
def test_an_offset_reads_from_there_and_leaves_the_position_alone(
    source: tuple[int, bytes], offset: int, more: Digest
) -> None:
    fd, data = source
    os.lseek(fd, 17, os.SEEK_SET)
    with Stream(Digest.MD5 | more) as stream:
        assert stream.pump(fd, 2 * MIB, offset) == len(data[offset : offset + 2 * MIB])
        assert os.lseek(fd, 0, os.SEEK_CUR) == 17
        assert stream.digest(Digest.MD5) == md5(data[offset : offset + 2 * MIB])


def test_pump_and_update_take_turns(source: tuple[int, bytes]) -> None:
    fd, data = source
    out = os.memfd_create("out")
    with Stream(Digest.MD5, out) as stream:
        stream.update(b"head")
        assert stream.pump(fd, 1000) == 1000
        stream.update(b"middle")
        assert stream.pump(fd, 1000, 5000) == 1000
        expected = b"head" + data[:1000] + b"middle" + data[5000:6000]
        assert stream.size == len(expected)
        assert stream.digest(Digest.MD5) == md5(expected)
    assert os.pread(out, 5000, 0) == expected
    os.close(out)


def test_more_than_one_call_into_c_is_needed_and_made(tmp_path: Path) -> None:
    """A sparse file longer than a call takes; the mark stands where the second call begins."""
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.seek(64 * MIB - 1)
        file.write(b"mark")
        file.truncate(65 * MIB)
    fd = os.open(path, os.O_RDONLY)
    try:
        for offset in (-1, 0):
            with Stream(Digest.CRC64NVME) as stream:
                assert stream.pump(fd, 1 << 62, offset) == 65 * MIB
                assert stream.digest(Digest.CRC64NVME) == ORACLES["CRC64NVME"](path.read_bytes())
    finally:
        os.close(fd)


def test_a_pipe_that_dribbles_is_taken_to_its_end(pipe: tuple[int, int]) -> None:
    pieces = [os.urandom(random.Random(i).randrange(1, 9000)) for i in range(200)]
    writer = write_all_and_close(pipe[1], pieces)
    out = os.memfd_create("out")
    with Stream(Digest.MD5, out) as stream:
        assert stream.pump(pipe[0], 1 << 40) == sum(map(len, pieces))
        assert stream.digest(Digest.MD5) == md5(b"".join(pieces))
    writer.join()
    assert os.pread(out, 4 * MIB, 0) == b"".join(pieces)
    os.close(out)


def test_a_pipe_is_not_read_past_the_length(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"abcdef")
    with Stream(Digest.MD5) as stream:
        assert stream.pump(pipe[0], 4) == 4
    assert os.read(pipe[0], 10) == b"ef"


def test_a_socket_is_taken_to_its_shutdown() -> None:
    ours, theirs = socket.socketpair()
    data = os.urandom(2 * MIB + 3)
    with ours, theirs, Stream(Digest.MD5) as stream:
        sender = write_all_and_close(theirs.detach(), [data])
        assert stream.pump(ours.fileno(), 1 << 40) == len(data)
        sender.join()
        assert stream.digest(Digest.MD5) == md5(data)


def test_the_end_of_a_file_is_not_the_end_of_the_stream(pipe: tuple[int, int]) -> None:
    fd = os.memfd_create("growing")
    with Stream(Digest.MD5) as stream:
        os.pwrite(fd, b"abc", 0)
        assert stream.pump(fd, 10) == 3
        assert stream.pump(fd, 10) == 0
        os.pwrite(fd, b"def", 3)
        assert stream.pump(fd, 10) == 3
        assert stream.digest(Digest.MD5) == md5(b"abcdef")
    os.close(fd)


@pytest.mark.parametrize("flags", [0, os.O_NONBLOCK], ids=["bad descriptor", "dry non-blocking pipe"])
def test_a_read_error_keeps_what_came_before_it(flags: int, pipe: tuple[int, int]) -> None:
    with Stream(Digest.MD5) as stream:
        if flags:
            os.set_blocking(pipe[0], False)
            os.write(pipe[1], b"abc")
            with pytest.raises(native_errors.ReadFailed, match="at byte 3") as caught:
                stream.pump(pipe[0], 10)
            assert caught.value.errno == 11
            assert stream.size == 3
            os.write(pipe[1], b"def")
            assert stream.pump(pipe[0], 3) == 3
            assert stream.digest(Digest.MD5) == md5(b"abcdef")
        else:
            with pytest.raises(native_errors.ReadFailed, match="pumping from descriptor 987654, at byte 0") as caught:
                stream.pump(987654, 10)
            assert caught.value.errno == 9
            assert stream.digest(Digest.MD5) == md5(b"")


def test_a_directory_cannot_be_pumped(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        with Stream(Digest.MD5) as stream, pytest.raises(native_errors.ReadFailed, match="directory") as caught:
            stream.pump(fd, 10)
        assert caught.value.errno == 21
    finally:
        os.close(fd)


def test_a_pipe_has_no_offsets(pipe: tuple[int, int]) -> None:
    with Stream(Digest.MD5) as stream, pytest.raises(native_errors.ReadFailed) as caught:
        stream.pump(pipe[0], 10, 0)
    assert caught.value.errno == 29


@pytest.mark.parametrize(("length", "offset"), [(-1, -1), (1, -2)])
def test_negative_numbers_are_refused(length: int, offset: int) -> None:
    with Stream(Digest.MD5) as stream, pytest.raises(ValueError, match="negative"):
        stream.pump(0, length, offset)


def test_a_full_disk_breaks_the_stream(source: tuple[int, bytes]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with Stream(Digest.MD5, full) as stream:
            with pytest.raises(native_errors.WriteFailed) as caught:
                stream.pump(source[0], 10)
            assert caught.value.errno == 28
            with pytest.raises(native_errors.StreamBroken, match="an earlier call on this stream failed"):
                stream.pump(source[0], 10)
    finally:
        os.close(full)


def test_a_signal_handler_runs_while_a_pump_waits(pipe: tuple[int, int]) -> None:
    """The pump returns to Python on EINTR and then goes on: nothing is lost, nothing ends. Each piece comes after some more signals."""
    heard, pieces = [0], [b"abc", b"def", b"ghi"]

    def hear(number: int, frame: object) -> None:
        heard[0] += 1
        if heard[0] % 3 == 0 and pieces:
            os.write(pipe[1], pieces.pop(0))
        elif heard[0] % 3 == 0:
            signal.setitimer(signal.ITIMER_REAL, 0)
            os.close(pipe[1])

    before = signal.signal(signal.SIGALRM, hear)
    try:
        with Stream(Digest.MD5) as stream:
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            assert stream.pump(pipe[0], 1 << 40) == 9
            assert stream.digest(Digest.MD5) == md5(b"abcdefghi")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard[0] == 12


class Interruption(Exception):
    pass


def test_an_exception_in_a_signal_handler_ends_a_waiting_pump(pipe: tuple[int, int]) -> None:
    def interrupt(number: int, frame: object) -> None:
        if stream.size == 3:  # what there is was taken: it waits for more
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise Interruption

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        os.write(pipe[1], b"abc")
        with Stream(Digest.MD5) as stream:
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            with pytest.raises(Interruption):
                stream.pump(pipe[0], 10)
            assert stream.size == 3
            assert stream.digest(Digest.MD5) == md5(b"abc")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_exception_in_a_signal_handler_ends_an_endless_pump() -> None:
    code = """if True:
        import os, signal, time
        from engine.native.stream import Digest, Stream
        def stop(number, frame):
            if stream.size > 0:
                signal.setitimer(signal.ITIMER_REAL, 0)
                raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, stop)
        fd = os.open("/dev/zero", os.O_RDONLY)
        try:
            with Stream(Digest.CRC32C) as stream:
                signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
                stream.pump(fd, 1 << 62)
        except KeyboardInterrupt:
            print("stopped", stream.size % (64 << 20))
    """
    assert python_output(code) == "stopped 0\n"
