"""Load on a store: work done by many threads, with the time each piece took, and stores filled with uploads, parts and objects."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import Samples
from engine import CompletedPart, Store
from engine.checksums import BY_NAME, show

FILLERS = 64
"""Threads that fill a store: more of them share each commit."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What doing a piece of work many times took."""

    latencies: Samples
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Pieces of work a second."""
        return len(self.latencies.values) / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of this process for one piece, in microseconds."""
        return self.cpu_seconds / len(self.latencies.values) * 1e6


def in_flight(threads: int, count: int, work: Callable[[int], object]) -> Outcome:
    """Call work(0) ... work(count - 1) with so many calls under way at once; the first failure is raised here."""
    numbers = itertools.count()
    taken: list[float] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            while not failures and (number := next(numbers)) < count:
                start = time.perf_counter()
                work(number)
                taken.append(time.perf_counter() - start)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    start, cpu = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]
    return Outcome(Samples.of(taken), time.perf_counter() - start, time.process_time() - cpu)


def open_uploads(store: Store, count: int) -> None:
    """Fill the bucket `bench` with open uploads of as many keys."""
    in_flight(FILLERS, count, lambda i: store.create_multipart_upload("bench", f"year/month/key-{i:09d}"))


def upload_of_parts(
    store: Store, key: str, count: int, body: bytes = b"x", *, checksum_algorithm: str | None = None
) -> tuple[str, list[CompletedPart]]:
    """An upload that holds so many parts of the same bytes: its id, and the list for Complete, with checksums if it names a kind."""
    upload_id = store.create_multipart_upload("bench", key, checksum_algorithm=checksum_algorithm).upload_id
    algorithm = BY_NAME[checksum_algorithm] if checksum_algorithm else None
    said: Any = {algorithm.member: show(algorithm.of(body))} if algorithm else {}
    parts: dict[int, CompletedPart] = {}

    def put(i: int) -> None:
        etag = store.upload_part("bench", key, upload_id, i + 1, body, **said).etag
        parts[i + 1] = CompletedPart(i + 1, etag, **said)

    in_flight(FILLERS, count, put)
    return upload_id, [parts[number] for number in sorted(parts)]


def objects(store: Store, count: int) -> None:
    """Fill the bucket `bench` with small objects."""
    in_flight(FILLERS, count, lambda i: store.put_object("bench", f"year/month/key-{i:09d}", b"x"))
