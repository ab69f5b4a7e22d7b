"""Pages of 1,000: ListMultipartUploads among 1,000 and 200,000 open uploads, ListParts of 10,000 parts, ListObjectsV2.

Each page begins in the middle of the listing. Run: pytest benchmarks/test_listing.py --benchmark-enable.
"""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.load import objects, open_uploads, upload_of_parts
from benchmarks.places import store_on
from engine import Store

FEW, MANY = 1_000, 200_000
OBJECTS = 20_000
PARTS = 10_000
ROUNDS = 60


def store_of(count: int) -> Iterator[Store]:
    with store_on("tmpfs") as store:
        open_uploads(store, count)
        yield store


@pytest.fixture(scope="module")
def few() -> Iterator[Store]:
    yield from store_of(FEW)


@pytest.fixture(scope="module")
def many() -> Iterator[Store]:
    yield from store_of(MANY)


@pytest.fixture(scope="module")
def filled() -> Iterator[Store]:
    with store_on("tmpfs") as store:
        objects(store, OBJECTS)
        yield store


@pytest.mark.parametrize("name", ["few", "many"])
def test_list_multipart_uploads(benchmark: BenchmarkFixture, request: pytest.FixtureRequest, name: str) -> None:
    store: Store = request.getfixturevalue(name)
    marker = f"year/month/key-{(0 if name == 'few' else MANY // 2) - 1:09d}"
    benchmark.group = "ListMultipartUploads, 1,000 a page"
    benchmark.name = f"among {FEW if name == 'few' else MANY:,} uploads"
    page = benchmark.pedantic(
        store.list_multipart_uploads, ("bench",), {"key_marker": marker}, rounds=ROUNDS, warmup_rounds=3
    )
    assert len(page.uploads) == 1000


def test_list_multipart_uploads_rolled_up(benchmark: BenchmarkFixture, many: Store) -> None:
    """200,000 uploads below one common prefix: one step, however many there are."""
    page = benchmark.pedantic(
        many.list_multipart_uploads, ("bench",), {"delimiter": "/"}, rounds=ROUNDS, warmup_rounds=3
    )
    assert [prefix.prefix for prefix in page.common_prefixes] == ["year/"]


@pytest.mark.parametrize("place", ["first", "last"])
def test_list_parts(benchmark: BenchmarkFixture, place: str) -> None:
    benchmark.group = "ListParts, 1,000 a page of 10,000"
    with store_on("tmpfs") as store:
        upload_id, _ = upload_of_parts(store, "key", PARTS)
        options = {"part_number_marker": 0 if place == "first" else PARTS - 1000}
        page = benchmark.pedantic(
            store.list_parts, ("bench", "key", upload_id), options, rounds=ROUNDS, warmup_rounds=3
        )
    assert len(page.parts) == 1000


def test_list_objects_v2(benchmark: BenchmarkFixture, filled: Store) -> None:
    benchmark.group = "ListObjectsV2, 1,000 a page"
    options = {"start_after": f"year/month/key-{OBJECTS // 2:09d}"}
    page = benchmark.pedantic(filled.list_objects_v2, ("bench",), options, rounds=ROUNDS, warmup_rounds=3)
    assert len(page.contents) == 1000
