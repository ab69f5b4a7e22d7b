"""Streams in threads: what n of them take a second together, on one pinned core or on all, and how long one waits among others.

A second is one in which a core worked for us or was idle: that others used it meanwhile is not ours, that all of us waited is.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.harness import MIB, Samples
from engine.native.secret import PartKey, Secret
from engine.native.stream import Digest, Stream

PAGE = 4096


@dataclass(frozen=True, slots=True)
class Feature:
    """What the streams of a measurement compute."""

    name: str
    digests: Digest
    is_sealed: bool = False


MD5 = Feature("MD5", Digest.MD5)
SHA256 = Feature("SHA-256", Digest.SHA256)
BOTH = Feature("MD5+SHA-256", Digest.MD5 | Digest.SHA256)
GCM = Feature("AES-256-GCM, segments of 64 KiB", Digest(0), True)
ALL = Feature("MD5+SHA-256+CRC64NVME+AES-256-GCM", Digest.MD5 | Digest.SHA256 | Digest.CRC64NVME, True)


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Let this thread, and those it starts, run on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def buffers(count: int, size: int) -> list[memoryview]:
    """Memory for each stream, at random offsets in their pages."""
    draw = random.Random(count)
    memories = [memoryview(draw.randbytes(size + PAGE)) for _ in range(count)]
    return [memory[start : start + size] for memory in memories for start in [draw.randrange(PAGE)]]


def seconds_ours(cores: set[int]) -> float:
    """Of these cores, on average: our processor time and their idle time so far."""
    idle = 0.0
    with open("/proc/stat") as statistics:
        for line in statistics:
            name, *ticks = line.split()
            if name.removeprefix("cpu").isdecimal() and int(name[3:]) in cores:
                idle += (int(ticks[3]) + int(ticks[4])) / os.sysconf("SC_CLK_TCK")
    return (time.process_time() + idle) / len(cores)


class Crowd:
    """Threads with a stream each, which take the same bytes again and again; a window opens when each has taken them once."""

    def __init__(self, feature: Feature, streams: int, piece: int) -> None:
        self.feature = feature
        self.pieces = buffers(streams, piece)
        self.taken = [0] * streams
        self.is_open = True

    def rate(self, seconds: float, beside: Callable[[], None] | None = None) -> float:
        """Bytes a second of all together; `beside` is run meanwhile, else the window is open for so many seconds."""
        start = threading.Barrier(len(self.pieces) + 1)
        threads = [threading.Thread(target=self._upload, args=(i, start)) for i in range(len(self.pieces))]
        for thread in threads:
            thread.start()
        start.wait()
        while not all(self.taken):
            time.sleep(0.001)
        cores = os.sched_getaffinity(0)
        before, began = sum(self.taken), seconds_ours(cores)
        if beside is None:
            time.sleep(seconds)
        else:
            beside()
        taken, seconds = sum(self.taken) - before, seconds_ours(cores) - began
        self.is_open = False
        for thread in threads:
            thread.join()
        return taken / seconds

    def _upload(self, index: int, start: threading.Barrier) -> None:
        data = self.pieces[index]
        with opened(self.feature) as stream:
            start.wait()
            while self.is_open:
                stream.update(data)
                self.taken[index] += len(data)


@contextmanager
def opened(feature: Feature) -> Iterator[Stream]:
    """A stream that computes everything and writes nowhere."""
    with Secret.random() as key, Stream(feature.digests, -1, PartKey(key, 1) if feature.is_sealed else None) as stream:
        yield stream


def rate(feature: Feature, streams: int, cores: set[int], seconds: float, piece: int = MIB) -> float:
    """Bytes a second of so many streams together."""
    with pinned(cores):
        return Crowd(feature, streams, piece).rate(seconds)


def latencies(feature: Feature, others: int, cores: set[int], updates: int, piece: int) -> Samples:
    """Seconds that updates of one stream took while so many others uploaded."""
    taken: list[float] = []
    (data,) = buffers(1, piece)

    def measure() -> None:
        with opened(feature) as stream:
            for _ in range(updates):
                began = time.perf_counter()
                stream.update(data)
                taken.append(time.perf_counter() - began)

    with pinned(cores):
        if others:
            Crowd(feature, others, piece).rate(0, measure)
        else:
            measure()
    return Samples.of(taken)
