"""Streams of many threads, which share the lanes of vectors: right whatever the others do, and proof that they did share."""

import hashlib
import itertools
import os
import random
import threading
import time
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
PLAIN = {row.algorithm for row in kernels.kernels() if row.chosen and row.name != "libcrypto"}
"""Digests whose states lanes can carry on: those that our own rows have."""

SHARED = {
    digests: lib.engine_lanes_pay_from(digests)
    for digests in (Digest.MD5, Digest.SHA256, Digest.MD5 | Digest.SHA256)
    if lib.engine_lanes_pay_from(digests) and {digest.name for digest in digests} <= PLAIN
}
"""What digests streams share on this processor, from so many of them on; without any, every stream is hashed by itself."""

PATIENCE_S = 120.0
"""So long is waited for what must happen some time, however busy the machine is."""

KINDS = [
    Digest.MD5,
    Digest.SHA256,
    Digest.MD5 | Digest.SHA256,
    Digest.MD5 | Digest.CRC64NVME,
    Digest.MD5 | Digest.SHA256 | Digest.CRC64NVME | Digest.SHA1,
]

pytestmark = pytest.mark.kernels


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
        thread.join(PATIENCE_S)
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


class Meeting:
    """Watches the counts until a few batches in a row were wide: rare on a busy machine, but it comes."""

    BATCHES = 8

    def __init__(self, digests: Digest) -> None:
        widths = [row.streams for row in kernels.rows(lib.ENGINE_ROW_LANES) if row.usable and row.digests == digests]
        self._wide = 10 if max(widths, default=0) >= 16 else 5
        self._lock = threading.Lock()
        self._last = stats()
        self.is_seen = False

    def look(self) -> None:
        with self._lock:
            now = stats()
            batches, lanes = (now[name] - self._last[name] for name in ("batches", "lanes"))
            if batches >= self.BATCHES:
                self.is_seen = self.is_seen or lanes > self._wide * batches
                self._last = now


@pytest.mark.parametrize("digests", [Digest.MD5, Digest.SHA256, Digest.MD5 | Digest.SHA256], ids=repr)
def test_streams_of_one_processor_share_lanes(digests: Digest) -> None:
    """They go on until that was seen, however the system shares the processor out; without lanes they never meet."""
    data, before, meeting = random.Random(1).randbytes(256 * 1024), stats(), Meeting(digests)
    can_meet = digests in SHARED
    gives_up_at, pieces_least = time.monotonic() + PATIENCE_S, 8

    def work(_: int) -> None:
        hashed, expected = 0, {digest: hashlib.new(str(digest.name).lower()) for digest in digests}
        with Stream(digests) as stream:
            while hashed < pieces_least or (can_meet and not meeting.is_seen):
                assert time.monotonic() < gives_up_at, stats()
                stream.update(data)
                hashed += 1
                meeting.look()
            for digest, oracle in expected.items():
                for _ in range(hashed):
                    oracle.update(data)
                assert stream.digest(digest) == oracle.digest()

    with on_one_processor():
        assert together(16, work) == []
    assert can_meet or stats() == before


@pytest.mark.parametrize("digests", KINDS[:3], ids=repr)
def test_fewer_streams_than_lanes_pay_for_never_meet(digests: Digest) -> None:
    data, before, pays = random.Random(8).randbytes(256 * 1024), stats(), SHARED.get(digests, 17)

    def work(_: int) -> None:
        with Stream(digests) as stream:
            for _ in range(20):
                stream.update(data)

    with on_one_processor(), silent_streams(1, Digest.MD5) as others:
        for _ in range(20):  # as many as it takes to see that there is one processor
            others[0].update(data)
        assert together(pays - 1, work) == []
    assert stats()["batches"] == before["batches"]


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


@pytest.mark.parametrize("size", [16 * 1024, 256 * 1024])
def test_streams_that_do_not_come_are_waited_for_once(size: int) -> None:
    """Soon or later: after waits in vain the next one is put off. Without lanes there is nothing to wait for."""
    data = bytes(size)
    with on_one_processor(), silent_streams(30, Digest.MD5) as silent, Stream(Digest.MD5) as stream:
        for _ in range(20):  # as many as it takes to see that there is one processor
            for other in silent:
                other.update(data)
        before = stats()["given_up"]
        for _ in range(50):
            stream.update(data)
        assert stats()["given_up"] - before == (Digest.MD5 in SHARED)


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


@pytest.mark.features
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
    lanes_need = {need for row in kernels.lanes() for need in row.needs}
    assert python_output(code, ENGINE_CPU_DISABLE=",".join(lanes_need)) == "True 0\n"


def test_nobody_starves_where_more_threads_come_than_can_queue() -> None:
    """Those beyond the seats hash by themselves, and must not keep the others from their turns: all go on until each has had many."""
    data, counts = random.Random(4).randbytes(256 * 1024), [0] * 72
    gives_up_at = time.monotonic() + PATIENCE_S

    def work(index: int) -> None:
        with Stream(Digest.MD5) as stream:
            while min(counts) < 20 and time.monotonic() < gives_up_at:
                stream.update(data)
                counts[index] += 1

    assert together(len(counts), work) == []
    assert min(counts) >= 20, counts
