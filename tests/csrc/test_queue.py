"""Threads that queue to hash together: as many hash at once as there are processors, first come first, and nobody gathers for ever."""

import subprocess
from pathlib import Path

import pytest

from tests.support.core_builds import CoreBuilds, Flavour, Objects, linked


def built(place: Path, objects: Objects) -> Path:
    """The driver has a combiner of its own, to look into."""
    others = {name: path for name, path in objects.items() if name != "lanes/combiner.c"}
    return linked(place / "queue_driver", Flavour.PLAIN, others, Path(__file__).with_name("queue_driver.c"))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    return built(tmp_path_factory.mktemp("queue"), core_builds.objects(Flavour.PLAIN))


def run(driver: Path, mode: str) -> dict[str, int]:
    printed = subprocess.run([driver, mode], capture_output=True, text=True, check=True, timeout=100).stdout
    return {name: int(value) for name, value in (line.split(": ") for line in printed.splitlines())}


def test_on_two_processors_two_batches_are_hashed_at_once(driver: Path) -> None:
    assert run(driver, "slots") == {"most": 2}


def test_who_came_first_is_hashed_first(driver: Path) -> None:
    seen = run(driver, "order")
    assert seen["early"] == seen["width"] >= 16


def test_who_waits_goes_on_when_the_one_that_hashed_alone_rests(driver: Path) -> None:
    assert run(driver, "turn") == {"went on": 1}


def test_a_crowd_gathers_for_so_long_and_no_longer(driver: Path) -> None:
    seen = run(driver, "crowd")
    assert (seen["may start at its limit"], seen["may start before"]) == (1, 0)
    assert 300 <= seen["limit of 1024 blocks"] <= 1000, "microseconds: some times the hundred that they take alone"
    assert 200 <= seen["patience"] <= 1000, "longer than an idle processor takes to wake, and no longer than need be"
    assert seen["hastiest"] == 1, "the one with the earliest limit"


def test_a_crowd_forgets_members_that_do_not_come(driver: Path) -> None:
    seen = run(driver, "crowd")
    ends = ("nobody came", "most are absent", "the only other is absent", "most are there")
    assert [seen[f"expected when {end}"] for end in ends] == [0, 0, 0, 8]


def test_batches_are_as_wide_as_leaves_work_for_all_processors(driver: Path) -> None:
    seen = run(driver, "crowd")
    assert [seen[f"share of {of}"] for of in ("16 on 1", "40 on 1", "32 on 2", "24 on 1")] == [16, 32, 16, 16]
