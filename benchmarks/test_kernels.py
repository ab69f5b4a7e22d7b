"""Rates of every kernel row, hashlib and zlib beside them. Run: pytest benchmarks/test_kernels.py --benchmark-enable

The buffer starts at a random offset in its page in every round, so that a fluke of alignment is not what is measured.
"""

import hashlib
import os
import random
import zlib
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engine.native import kernels
from engine.native.kernels import KernelRow
from engine.native.sealed import seal, unseal
from engine.native.secret import PartKey, Secret
from engine.native.stream import Digest, Stream

PAGE = 4096
KIB, MIB = 1024, 1024 * 1024
SIZES = {"16KiB": 16 * KIB, "256KiB": 256 * KIB, "16MiB": 16 * MIB}

Function = Callable[[memoryview], object]

YARDSTICKS: dict[str, Function] = {
    "MD5-hashlib": hashlib.md5,
    "SHA1-hashlib": hashlib.sha1,
    "SHA256-hashlib": hashlib.sha256,
    "SHA512-hashlib": hashlib.sha512,
    "CRC32-zlib": zlib.crc32,
}


def measure(benchmark: BenchmarkFixture, function: Function, size: int) -> None:
    """Time `function` over `size` bytes at a new random offset a round, and note the rate."""
    memory = memoryview(random.Random(6).randbytes(size + PAGE))
    offsets = random.Random(7)

    def arguments() -> tuple[tuple[memoryview], dict[str, object]]:
        start = offsets.randrange(PAGE)
        return (memory[start : start + size],), {}

    pedantic: Callable[..., object] = benchmark.pedantic
    pedantic(function, setup=arguments, rounds=max(20, 64 * MIB // size), warmup_rounds=3)
    if benchmark.stats is not None:
        benchmark.extra_info["GB/s"] = round(size / benchmark.stats.stats.min / 1e9, 3)


def row_function(row: KernelRow) -> Function:
    return lambda data: kernels.run_kernel(row.algorithm, row.name, data)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("row", kernels.kernels(), ids=lambda row: f"{row.algorithm}-{row.name}")
def test_row(benchmark: BenchmarkFixture, row: KernelRow, size: int) -> None:
    if not row.usable:
        pytest.skip(f"needs {', '.join(row.needs)}")
    benchmark.group = f"{row.algorithm} {size // KIB} KiB"
    measure(benchmark, row_function(row), size)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", YARDSTICKS)
def test_yardstick(benchmark: BenchmarkFixture, name: str, size: int) -> None:
    benchmark.group = f"{name.split('-')[0]} {size // KIB} KiB"
    measure(benchmark, YARDSTICKS[name], size)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(
    "digests", [Digest.MD5, Digest.MD5 | Digest.SHA256, Digest.MD5 | Digest.SHA256 | Digest.CRC64NVME], ids=repr
)
def test_stream_update(benchmark: BenchmarkFixture, digests: Digest, size: int) -> None:
    """What a part pays, without a file: opening, one update, the MD5."""

    def run(data: memoryview) -> bytes:
        with Stream(digests) as stream:
            stream.update(data)
            return stream.digest(Digest.MD5)

    benchmark.group = f"MD5 {size // KIB} KiB" if digests == Digest.MD5 else f"{digests!r} {size // KIB} KiB"
    measure(benchmark, run, size)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_sealing_stream_update(benchmark: BenchmarkFixture, size: int) -> None:
    """The same sealed, into a file that keeps nothing: beside MD5 alone."""
    nowhere = os.open("/dev/null", os.O_WRONLY)
    with Secret.random() as key:

        def run(data: memoryview) -> bytes:
            with Stream(Digest.MD5, nowhere, PartKey(key, 1)) as stream:
                stream.update(data)
                return stream.digest(Digest.MD5)

        benchmark.group = f"MD5 {size // KIB} KiB"
        measure(benchmark, run, size)
    os.close(nowhere)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_unsealing(benchmark: BenchmarkFixture, size: int) -> None:
    """A sealed part in memory, opened."""
    with Secret.random() as key:
        sealed = seal(bytes(size), PartKey(key, 1))
        benchmark.group = f"opening {size // KIB} KiB"
        measure(benchmark, lambda _: unseal(sealed, PartKey(key, 1)), size)
