"""The decoder as a C program: short of memory at every turn, and a search for keys left behind."""

import subprocess
from pathlib import Path

import pytest

from tests.support.core_builds import CoreBuilds, Flavour
from tests.support.fuzzing import chunked_seeds, write_seeds


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return list(map(str, write_seeds(tmp_path_factory.mktemp("seeds"), chunked_seeds())))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    source, wrap = Path(__file__).with_name("chunked_driver.c"), ["-Wl,--wrap=calloc,--wrap=free"]
    return core_builds.program(tmp_path_factory.mktemp("driver") / "driver", Flavour.PLAIN, source, link=wrap)


def run(driver: Path, mode: str, *arguments: str) -> dict[str, int]:
    done = subprocess.run([driver, mode, *arguments], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return {name: int(value) for name, value in (line.split(": ") for line in done.stdout.splitlines())}


@pytest.mark.slow
def test_no_freed_memory_holds_the_key(driver: Path, seeds: list[str]) -> None:
    """Every signed body, cut off at every length, decoded and closed: what is given back to malloc is searched for the key."""
    counted = run(driver, "keys", *(seed for seed in seeds if "-signed" in seed))
    assert counted["decoders"] > 3000
    assert counted["complete"] > 0
    assert counted["refused"] > 0
    assert counted["found when not wiped"] > 0  # the search finds keys where they are
    assert counted["found"] == 0


@pytest.mark.slow
def test_without_memory_a_call_fails_and_leaks_nothing(driver: Path, seeds: list[str]) -> None:
    """The n-th allocation fails, ours or libcrypto's, for n = 1, 2, 3 until nothing fails."""
    counted = run(driver, "memory", *seeds)
    assert counted["failures"] >= 2 * len(seeds)
    assert counted["lost blocks"] == 0
    assert counted["found"] == 0
