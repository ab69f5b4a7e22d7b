"""What the library costs over the bare kernel pass, for a durable 16 MiB part in memory: the two take turns.

The bare pass hashes 16 MiB and writes them into a nameless file, by one call into C. Run: python -m benchmarks.overhead
"""

import itertools
import os
import random
import time
from contextlib import closing

from benchmarks.harness import MIB, Report, take_turns
from benchmarks.places import scratch, store_at
from engine.native.stream import Digest, Stream

SIZE = 16 * MIB
ROUNDS = 40
RUNS = 3
BODY = random.Random(6).randbytes(SIZE)


class BareFiles:
    """Nameless files of bare passes, kept open to the end: giving their memory back is no part of the pass."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fds: list[int] = []

    def add(self) -> None:
        """Hash and write, no more."""
        fd = os.open(self._path, os.O_TMPFILE | os.O_RDWR, 0o600)
        self._fds.append(fd)
        with Stream(Digest.MD5, fd) as stream:
            stream.update(BODY)
            stream.digest(Digest.MD5)

    def close(self) -> None:
        """Give everything back."""
        for fd in self._fds:
            os.close(fd)


def hash_only() -> None:
    with Stream(Digest.MD5) as stream:
        stream.update(BODY)
        stream.digest(Digest.MD5)


def main() -> None:
    """Several runs, by the wall clock and by the processor's."""
    report = Report("overhead", "library call over bare kernel pass, 16 MiB durable part on tmpfs")
    ratios = []
    for run, clock in itertools.product(range(RUNS), (time.perf_counter, time.thread_time)):
        with scratch("tmpfs") as path, store_at(path) as store, closing(BareFiles(path)) as bare:
            upload_id = store.create_multipart_upload("bench", "key").upload_id
            numbers = itertools.count(1)
            taken = take_turns(
                {
                    "hash only": hash_only,
                    "bare pass": bare.add,
                    "upload_part": lambda store=store, upload_id=upload_id, numbers=numbers: store.upload_part(
                        "bench", "key", upload_id, next(numbers), BODY
                    ),
                },
                ROUNDS,
                clock=clock,
            )
        ratio = taken["upload_part"].median / taken["bare pass"].median
        ratios.append(ratio)
        kind = "wall" if clock is time.perf_counter else "cpu"
        for name, samples in taken.items():
            report.row(f"run {run + 1}, {kind}: {name}", **samples.columns())
        report.row(f"run {run + 1}, {kind}: upload_part / bare pass", ratio=ratio)
    report.goal("overhead, median of the runs, %", (sorted(ratios)[len(ratios) // 2] - 1) * 100, at_most=10)
    report.finish()


if __name__ == "__main__":
    main()
