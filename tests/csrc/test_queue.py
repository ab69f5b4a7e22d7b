"""Threads that queue to hash together: as many hash at once as there are processors, first come first, and nobody gathers for ever."""

import subprocess
from pathlib import Path

import pytest

from engine import native
from tests.support.core_builds import CoreBuilds, Flavour, Objects, linked

pytestmark = pytest.mark.skipif(not any(row.usable for row in native.lanes()), reason="this processor has no lanes")


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


def test_a_crowd_does_not_gather_for_ever(driver: Path) -> None:
    assert run(driver, "bound") == {"may start": 1, "may start at once": 0, "few blocks wait less": 1}
