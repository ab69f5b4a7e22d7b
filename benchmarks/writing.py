"""How the bytes of a part reach a file: buffered, hinted, dropped by the page cache or past it, by one thread or two; time and CPU.

Every way reads the same source from memory, hashes it as the engine does, writes nameless files and flushes each. The files of a turn
stay until its end, as they do in a store, so that a page cache that grows is paid for. Processor time is that of the process and
beside it that of the kernel's threads, where write-back runs (whoever caused it: let nothing else write). The ways take turns, in
another order each round: pages that one has just given back are cheaper for the next than pages that the host has to find.

Run: python -m benchmarks.writing [disk|tmpfs]
"""

import argparse
import ctypes
import errno
import fcntl
import mmap
import os
import random
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import GIB, MIB, Report
from benchmarks.load import in_flight
from benchmarks.places import MEMORY, scratch
from engine.native.stream import Digest, Stream

DIGESTS = Digest.MD5 | Digest.CRC64NVME
SIZES = {"5 MiB": 5 * MIB, "64 MiB": 64 * MIB, "1 GiB": GIB}
CASES = (("5 MiB", 1), ("64 MiB", 1), ("64 MiB", 4), ("1 GiB", 1))
"""Sizes of parts, and how many are written at once."""
BYTES_A_TURN = GIB // 4
SOURCE_SIZE = 64 * MIB
PLACES = ("disk", "tmpfs")
ROUNDS = 3
SYNC_FILE_RANGE_WRITE = 2
RWF_DONTCACHE = 0x80
REFUSALS = (errno.EOPNOTSUPP, errno.EINVAL)
KEPT_BEHIND = 8 * MIB
KERNEL = 2
"""The parent of the kernel's threads."""
C_LIBRARY = ctypes.CDLL(None, use_errno=True)
Write = Callable[[int, memoryview, int], None]
"""To a descriptor, some bytes, at an offset."""
Way = Callable[[int, int, int], None]
"""From a source, to a descriptor, so many bytes."""


def buffered(out: int, data: memoryview, offset: int) -> None:
    """Into the page cache."""
    while data:
        count = os.pwrite(out, data, offset)
        data, offset = data[count:], offset + count


def hinted(out: int, data: memoryview, offset: int) -> None:
    """The same, and ask for write-back at once."""
    buffered(out, data, offset)
    C_LIBRARY.sync_file_range(
        out, ctypes.c_int64(offset), ctypes.c_int64(len(data)), ctypes.c_uint(SYNC_FILE_RANGE_WRITE)
    )


def dropped_behind(out: int, data: memoryview, offset: int) -> None:
    """The same, and drop what was written eight mebibytes before."""
    hinted(out, data, offset)
    if offset >= KEPT_BEHIND:
        os.posix_fadvise(out, offset - KEPT_BEHIND, len(data), os.POSIX_FADV_DONTNEED)


def uncached(out: int, data: memoryview, offset: int) -> None:
    """Through the page cache, which writes back at once and lets go."""
    while data:
        count = os.pwritev(out, [data], offset, RWF_DONTCACHE)
        data, offset = data[count:], offset + count


def direct(out: int, data: memoryview, offset: int) -> None:
    """Past the page cache; all sizes here are multiples of a block."""
    if offset == 0:
        fcntl.fcntl(out, fcntl.F_SETFL, fcntl.fcntl(out, fcntl.F_GETFL) | os.O_DIRECT)
    buffered(out, data, offset)


def one_thread(write: Write, block: int) -> Way:
    """Read, hash and write a block, and then the next."""

    def run(source: int, out: int, size: int) -> None:
        room = memoryview(mmap.mmap(-1, block))
        with Stream(DIGESTS) as stream:
            for offset in range(0, size, block):
                piece = room[: size - offset]
                _read(source, piece, offset)
                stream.update(piece)
                write(out, piece, offset)

    return run


def two_threads(write: Write, block: int) -> Way:
    """One reads and hashes the next block while another writes the last: two buffers of `block` bytes."""

    def run(source: int, out: int, size: int) -> None:
        room = memoryview(mmap.mmap(-1, 2 * block))
        writing: Future[None] | None = None
        with ThreadPoolExecutor(1) as writer, Stream(DIGESTS) as stream:
            for number, offset in enumerate(range(0, size, block)):
                start = number % 2 * block
                piece = room[start : start + min(block, size - offset)]
                _read(source, piece, offset)
                stream.update(piece)
                if writing is not None:
                    writing.result()
                writing = writer.submit(write, out, piece, offset)
            if writing is not None:
                writing.result()

    return run


def _read(source: int, piece: memoryview, offset: int) -> None:
    count = os.preadv(source, [piece], offset % SOURCE_SIZE)
    assert count == len(piece)


def by_pump(source: int, out: int, size: int) -> None:
    """The engine's pump."""
    with Stream(DIGESTS, out) as stream:
        for offset in range(0, size, SOURCE_SIZE):
            stream.pump(source, min(SOURCE_SIZE, size - offset), 0)
        stream.finish()


def by_update(piece: int) -> Way:
    """The engine, fed with bytes objects, as a host's event loop brings them."""

    def run(source: int, out: int, size: int) -> None:
        with Stream(DIGESTS, out) as stream:
            for offset in range(0, size, piece):
                stream.update(os.pread(source, min(piece, size - offset), offset % SOURCE_SIZE))
            stream.finish()

    return run


WAYS: dict[str, Way] = {
    "engine, pump": by_pump,
    "engine, update of 256 KiB": by_update(MIB // 4),
    "engine, update of 64 KiB": by_update(MIB // 16),
    "buffered 1 MiB": one_thread(buffered, MIB),
    "hinted 1 MiB": one_thread(hinted, MIB),
    "hinted 1 MiB, two threads": two_threads(hinted, MIB),
    "dropped behind 1 MiB": one_thread(dropped_behind, MIB),
    "uncached 256 KiB": one_thread(uncached, MIB // 4),
    "uncached 1 MiB": one_thread(uncached, MIB),
    "uncached 4 MiB": one_thread(uncached, 4 * MIB),
    "uncached 1 MiB, two threads": two_threads(uncached, MIB),
    "direct 256 KiB": one_thread(direct, MIB // 4),
    "direct 1 MiB": one_thread(direct, MIB),
    "direct 1 MiB, two threads": two_threads(direct, MIB),
}


@dataclass(slots=True)
class Cost:
    """What the turns of one way took, each in seconds a GiB; `cached` is the share left in the page cache."""

    wall: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    kernel: list[float] = field(default_factory=list)
    cached: float = 0.0


def own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def kernel_s() -> float:
    """Processor time of all threads of the kernel; it moves in steps of 10 ms."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == KERNEL:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cached_share(fd: int) -> float:
    """How much of a file is in the page cache."""
    size = os.fstat(fd).st_size
    pages = -(-size // mmap.PAGESIZE)
    with mmap.mmap(fd, size) as view:
        resident = (ctypes.c_ubyte * pages)()
        start = ctypes.c_char.from_buffer(view)
        C_LIBRARY.mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), resident)
        del start
        return sum(byte & 1 for byte in resident) / pages


def nameless(directory: str) -> int:
    return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)


def is_refused(way: Way, source: int, directory: str) -> bool:
    """Whether the file system, or the kernel, has no such writes."""
    out = nameless(directory)
    try:
        way(source, out, 4 * MIB)
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        return True
    finally:
        os.close(out)
    return False


def take_turn(way: Way, source: int, directory: str, size: int, at_once: int, cost: Cost) -> None:
    """Write files of `size` bytes, `at_once` together, until they are BYTES_A_TURN."""
    files = [nameless(directory) for _ in range(max(at_once, BYTES_A_TURN // size))]

    def put(number: int) -> None:
        way(source, files[number], size)
        os.fsync(files[number])

    before = time.perf_counter(), own_s(), kernel_s()
    in_flight(at_once, len(files), put)
    after = time.perf_counter(), own_s(), kernel_s()
    for taken, start, end in zip((cost.wall, cost.own, cost.kernel), before, after, strict=True):
        taken.append((end - start) * GIB / (len(files) * size))
    cost.cached = statistics.mean(map(cached_share, files))
    for fd in files:
        os.close(fd)


@contextmanager
def source_in_memory() -> Iterator[int]:
    with open(os.path.join(MEMORY, f"partwright-source-{os.getpid()}"), "w+b") as file:
        os.unlink(file.name)
        for _ in range(SOURCE_SIZE // MIB):
            file.write(os.urandom(MIB))
        file.flush()
        yield file.fileno()


def race(place: str, size: int, at_once: int) -> dict[str, Cost | None]:
    """What each way cost; None: it is refused there."""
    with scratch(place) as directory, source_in_memory() as source:
        costs = {name: None if is_refused(way, source, directory) else Cost() for name, way in WAYS.items()}
        for _ in range(ROUNDS):
            for name in random.sample(list(WAYS), len(WAYS)):
                cost = costs[name]
                if cost is not None:
                    take_turn(WAYS[name], source, directory, size, at_once, cost)
    return costs


def columns(cost: Cost) -> dict[str, float]:
    return {
        "wall": statistics.median(cost.wall),
        "own cpu": statistics.median(cost.own),
        "kernel cpu": statistics.median(cost.kernel),
        "least wall": min(cost.wall),
        "least own cpu": min(cost.own),
        "cached": cost.cached,
    }


def main(places: list[str]) -> None:
    """Each way on each place with each size of part."""
    for place in places:
        question = f"a part from memory to a flushed file on {place}, MD5 and CRC64NVME on the way; seconds a GiB"
        report = Report(f"writing_{place}", question)
        for name, at_once in CASES:
            for way, cost in race(place, SIZES[name], at_once).items():
                figures = {"refused": True} if cost is None else columns(cost)
                report.row(f"{name}, {at_once} at once: {way}", **figures)
        report.finish()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writing", description=__doc__)
    parser.add_argument("places", nargs="*", default=list(PLACES), help="disk or tmpfs; both if none is named")
    main(parser.parse_args().places)
