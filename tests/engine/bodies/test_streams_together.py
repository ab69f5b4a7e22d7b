"""Streams of many threads, which share the lanes of vectors: right whatever the others do, and proof that they did share."""

import hashlib
import itertools
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from engine.native import kernels
from engine.native.ffi import ffi, lib
from engine.native.sealed import unseal
from engine.native.secret import PartKey, Secret
from engine.native.stream import Digest, Stream
from tests.support.processes import python_output

MIB = 1024 * 1024
HAS_LANES = any(row.usable for row in kernels.lanes())
KINDS = [
    Digest.MD5,
    Digest.SHA256,
    Digest.MD5 | Digest.SHA256,
    Digest.MD5 | Digest.CRC64NVME,
    Digest.MD5 | Digest.SHA256 | Digest.CRC64NVME | Digest.SHA1,
]

needs_lanes = pytest.mark.skipif(not HAS_LANES, reason="this processor has no lanes")


@contextmanager
def on_one_processor() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def stats() -> dict[str, int]:
    counted = ffi.new("struct engine_lanes_stats *")
    lib.engine_lanes_stats(counted)
    return {name: int(getattr(counted, name)) for name in ("batches", "lanes", "alone", "given_up")}


def together(count: int, work: Callable[[int], object]) -> list[BaseException]:
    """Run `work` in so many threads at once; what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(count)

    def run(index: int) -> None:
        try:
            start.wait()
            work(index)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a stream waits for ever"
    return raised


def upload(seed: int, key: Secret, size_max: int = 3 * MIB) -> None:
    """One stream of a random kind, in pieces of random sizes, some sealed; its digests and what it wrote must be right."""
    draw = random.Random(seed)
    data = draw.randbytes(draw.choice([0, 1, 63, 64, 40_000, draw.randrange(size_max)]))
    digests, part = draw.choice(KINDS), PartKey(key, 1) if draw.random() < 0.4 else None
    fd = os.memfd_create("written")
    try:
        with Stream(digests, fd, part) as stream:
            place = 0
            while place < len(data):
                piece = draw.choice([draw.randrange(1, 200), draw.randrange(1, 100_000), 65_536, 262_144, MIB])
                stream.update(memoryview(data)[place : place + piece])
                place += piece
            for digest in (Digest.MD5, Digest.SHA256, Digest.SHA1):
                if digest in digests:
                    expected = hashlib.new(str(digest.name).lower(), data, usedforsecurity=False).digest()
                    assert stream.digest(digest) == expected, (seed, digest)
            stream.finish()
        written = os.pread(fd, 2 * size_max, 0)
        assert (unseal(written, part) if part is not None else written) == data, seed
    finally:
        os.close(fd)


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 8, 16, 17, 33, 40])
def test_digests_are_right_however_many_streams_there_are(threads: int) -> None:
    with Secret.random() as key:
        assert together(threads, lambda index: upload(1000 * threads + index, key)) == []


@pytest.mark.parametrize("threads", [2, 16, 40])
def test_digests_are_right_on_one_processor(threads: int) -> None:
    with on_one_processor(), Secret.random() as key:
        assert together(threads, lambda index: upload(77_000 * threads + index, key)) == []


def steady_upload(data: bytes, digests: Digest, pieces: int) -> bytes:
    with Stream(digests) as stream:
        for _ in range(pieces):
            stream.update(data)
        return stream.digest(Digest.MD5)


@needs_lanes
@pytest.mark.parametrize("digests", [Digest.MD5, Digest.MD5 | Digest.SHA256], ids=repr)
def test_streams_of_one_processor_share_lanes(digests: Digest) -> None:
    if lib.engine_lanes_row_chosen(int(digests), 1) < 0:
        pytest.skip("this processor has no lanes for both digests")
    data, before = random.Random(1).randbytes(256 * 1024), stats()
    got: list[bytes] = []
    with on_one_processor():
        assert together(16, lambda _: got.append(steady_upload(data, digests, 40))) == []
    assert got == [hashlib.md5(data * 40, usedforsecurity=False).digest()] * 16
    shared = {name: count - before[name] for name, count in stats().items()}
    # A batch is a quantum of 64 KiB of each of its lanes; all there is to hash is 16 x 40 x 4 of them.
    assert shared["lanes"] > 16 * 40 * 4 / 2, shared
    assert shared["lanes"] / shared["batches"] > 8, shared


def test_a_lone_stream_waits_for_nobody() -> None:
    before = stats()
    steady_upload(random.Random(2).randbytes(MIB), Digest.MD5 | Digest.SHA256, 8)
    after = stats()
    assert (after["batches"], after["given_up"]) == (before["batches"], before["given_up"])


@contextmanager
def silent_streams(count: int, digests: Digest) -> Iterator[list[Stream]]:
    """Streams that have come once, and come again when they are told."""
    with ExitStack() as stack:
        yield [stack.enter_context(Stream(digests)) for _ in range(count)]


@needs_lanes
@pytest.mark.parametrize("size", [16 * 1024, 256 * 1024])
def test_streams_that_do_not_come_are_waited_for_once(size: int) -> None:
    data = bytes(size)
    with on_one_processor(), silent_streams(30, Digest.MD5) as silent, Stream(Digest.MD5) as stream:
        for _ in range(20):  # as many as it takes to see that there is one processor
            for other in silent:
                other.update(data)
        before = stats()["given_up"]
        for _ in range(50):
            stream.update(data)
        assert stats()["given_up"] - before == 1


@needs_lanes
def test_a_held_segment_is_digested_once_though_company_comes_and_goes() -> None:
    """Those that have just come make a company, without one thread more: what follows is digested ahead of its sealing, or is not."""
    data = random.Random(7).randbytes(MIB)
    pieces = [data, data[:100_000], data, data[:1], data, data[: MIB - 7], data[:65_536], data]
    with Secret.random() as key, silent_streams(30, Digest.MD5) as others:
        for comes in itertools.product((False, True), repeat=4):
            with Stream(Digest.MD5, -1, PartKey(key, 1)) as stream:
                for piece, there_are_others in zip(pieces, itertools.cycle(comes), strict=False):
                    for other in others if there_are_others else []:
                        other.update(data[:65_536])
                    stream.update(piece)
                assert stream.digest(Digest.MD5) == hashlib.md5(b"".join(pieces)).digest(), comes


def test_streams_that_end_early_or_fail_hold_nobody_up() -> None:
    """Closed half way, left open, or dead of an exception between two updates: the others go on."""
    data = random.Random(3).randbytes(200_000)
    left_open: list[Stream] = []

    def work(index: int) -> None:
        if index % 4 == 0:
            assert steady_upload(data, Digest.MD5, 30) == hashlib.md5(data * 30, usedforsecurity=False).digest()
            return
        stream = Stream(Digest.MD5)
        for _ in range(index):
            stream.update(data)
        if index % 4 == 1:
            stream.close()
        elif index % 4 == 2:
            left_open.append(stream)
        else:
            raise ZeroDivisionError

    with on_one_processor():
        raised = together(24, work)
    assert {type(error) for error in raised} == {ZeroDivisionError}
    assert len(raised) == 6


FORKS = """if True:
    import hashlib, os, threading
    from engine.native.stream import Digest, Stream
    data = os.urandom(300_000)
    expected = hashlib.md5(data * 4).digest()
    right, is_over = [], threading.Event()

    def digest():
        with Stream(Digest.MD5) as stream:
            for _ in range(4):
                stream.update(data)
            return stream.digest(Digest.MD5)

    def work():
        while not is_over.is_set():
            right.append(digest() == expected)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for _ in range(25):
        child = os.fork()
        if child == 0:
            os._exit(0 if digest() == expected else 1)
        assert os.waitpid(child, 0)[1] == 0
    is_over.set()
    for thread in threads:
        thread.join()
    print(all(right), len(right) > 25)
"""


def test_a_fork_amid_uploads_hurts_neither_side() -> None:
    assert python_output(FORKS, PYTHONWARNINGS="ignore") == "True True\n"


@needs_lanes
def test_without_the_features_nothing_is_shared_and_all_is_right() -> None:
    code = """if True:
        import hashlib
        from tests.engine.bodies.test_streams_together import stats, steady_upload, together
        from engine.native.stream import Digest
        data = bytes(range(256)) * 1000
        expected = hashlib.md5(data * 5).digest()
        found = []
        assert together(8, lambda _: found.append(steady_upload(data, Digest.MD5, 5))) == []
        print(found == [expected] * 8, stats()["batches"])
    """
    assert python_output(code, ENGINE_CPU_DISABLE="avx512f,avx2") == "True 0\n"


def test_nobody_starves_where_more_threads_come_than_can_queue() -> None:
    """Those beyond the seats hash by themselves, and must not keep the others from their turns."""
    data, counts, is_over = random.Random(4).randbytes(256 * 1024), [0] * 72, threading.Event()

    def work(index: int) -> None:
        with Stream(Digest.MD5) as stream:
            while not is_over.is_set():
                stream.update(data)
                counts[index] += 1

    timer = threading.Timer(2, is_over.set)
    timer.start()
    assert together(len(counts), work) == []
    timer.join()
    assert min(counts) * 4 >= sorted(counts)[len(counts) // 2] > 0, counts
