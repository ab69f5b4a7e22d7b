"""UploadPart of a durable 16 MiB part, on disk and in memory, beside the least that must be done: hashlib.md5, write, fsync.

Run: pytest benchmarks/test_upload_part.py --benchmark-enable. For the overhead as a ratio see benchmarks/overhead.py.
"""

import hashlib
import itertools
import os
import random
from collections.abc import Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.harness import MIB
from benchmarks.places import PLACES, scratch, store_at

SIZE = 16 * MIB
ROUNDS = 12
BODY = random.Random(6).randbytes(SIZE)

Work = Callable[[], object]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    with scratch(request.param) as path:
        yield path


def measure(benchmark: BenchmarkFixture, path: str, work: Work) -> None:
    benchmark.group = f"16 MiB durable, {'tmpfs' if path.startswith('/dev/shm') else 'disk'}"
    benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=2)
    if benchmark.enabled:
        benchmark.extra_info["GB/s"] = round(SIZE / benchmark.stats.stats.median / 1e9, 3)


def pieces() -> Iterator[bytes]:
    view = memoryview(BODY)
    return (bytes(view[at : at + MIB]) for at in range(0, SIZE, MIB))


@pytest.mark.parametrize("kind", ["bytes", "pump", "iterable"])
def test_upload_part(benchmark: BenchmarkFixture, place: str, kind: str) -> None:
    source = os.path.join(place, "source")
    with open(source, "wb") as file:
        file.write(BODY)
    with store_at(place) as store, open(source, "rb") as file:
        upload_id = store.create_multipart_upload("bench", "key").upload_id
        numbers = itertools.count(1)

        def work() -> None:
            file.seek(0)
            body = {"bytes": BODY, "pump": file, "iterable": pieces()}[kind]
            store.upload_part("bench", "key", upload_id, next(numbers), body)

        measure(benchmark, place, work)


def test_yardstick(benchmark: BenchmarkFixture, place: str) -> None:
    """What a script would do that only wants the MD5 and the bytes on disk."""
    numbers = itertools.count()

    def work() -> None:
        fd = os.open(os.path.join(place, str(next(numbers))), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        hashlib.md5(BODY).hexdigest()
        assert os.write(fd, BODY) == SIZE
        os.fsync(fd)
        os.close(fd)

    measure(benchmark, place, work)
