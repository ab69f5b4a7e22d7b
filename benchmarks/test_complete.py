"""Complete of 10,000 tiny parts, in rows and in files, with each kind of checksum, beside one bare LMDB commit of the manifest's size.

Run: pytest benchmarks/test_complete.py --benchmark-enable. That no blob is opened: benchmarks/complete_strace.py.
"""

import hashlib
import os

import lmdb
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.load import upload_of_parts
from benchmarks.places import PLACES, TINY, TINY_FILES, scratch, store_on
from engine import Limits

PARTS = 10_000
ROUNDS = 5
MANIFEST_SIZE = PARTS * 64
LIMITS = {"rows": TINY, "files": TINY_FILES}


@pytest.mark.parametrize(
    "checksum", [None, "CRC64NVME", "SHA256"], ids=["unnamed", "FULL_OBJECT-CRC64NVME", "COMPOSITE-SHA256"]
)
@pytest.mark.parametrize(("place", "kept"), [("tmpfs", "rows"), ("tmpfs", "files"), ("disk", "rows")])
def test_complete(benchmark: BenchmarkFixture, place: str, kept: str, checksum: str | None) -> None:
    limits: Limits = LIMITS[kept]
    rounds = ROUNDS if benchmark.enabled else 1
    with store_on(place, limits) as store:
        keys = map(str, range(rounds + 1))
        uploads = [(key, *upload_of_parts(store, key, PARTS, checksum_algorithm=checksum)) for key in keys]

        def prepare() -> tuple[tuple[object, ...], dict[str, object]]:
            key, upload_id, parts = uploads.pop()
            return ("bench", key, upload_id, parts), {}

        benchmark.group = f"Complete of 10,000 parts, {place}"
        benchmark.pedantic(
            store.complete_multipart_upload, setup=prepare, rounds=rounds, warmup_rounds=1 if benchmark.enabled else 0
        )


@pytest.mark.parametrize("place", PLACES)
def test_yardstick(benchmark: BenchmarkFixture, place: str) -> None:
    """The MD5 of 10,000 MD5s, and one synchronous commit."""
    with scratch(place) as path, lmdb.open(path, map_size=1 << 30) as env:

        def work() -> None:
            hashlib.md5(b"x" * 16 * PARTS).hexdigest()
            with env.begin(write=True) as txn:
                txn.put(os.urandom(16), b"x" * MANIFEST_SIZE)

        benchmark.group = f"Complete of 10,000 parts, {place}"
        benchmark.pedantic(work, rounds=20, warmup_rounds=2)
