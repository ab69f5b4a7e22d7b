"""From how many streams on lanes pay: measured by a clock that a driver pretends, so that nothing here depends on speed."""

import subprocess
from pathlib import Path

import pytest

from tests.support.core_builds import CoreBuilds, Flavour, linked


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    """It has a measurement of its own, to look into."""
    others = {name: path for name, path in core_builds.objects(Flavour.PLAIN).items() if name != "lanes/worth.c"}
    place = tmp_path_factory.mktemp("worth") / "worth_driver"
    return linked(place, Flavour.PLAIN, others, Path(__file__).with_name("worth_driver.c"))


def pays_from(driver: Path, *, alone: int, rest: int, row: int, each: int = 0, undisturbed: int = 1) -> int:
    command = [driver, *map(str, (alone, rest, row, each, undisturbed))]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


@pytest.mark.parametrize(
    ("row", "expected"), [(1000, 2), (2000, 3), (3000, 4), (4000, 6), (8000, 12), (11_000, 16), (16_000, 0), (1, 2)]
)
def test_lanes_pay_from_where_they_win_more_than_waking_costs(driver: Path, row: int, expected: int) -> None:
    """A row beside streams of 1000 ns: n of them pay if the row takes less than 900 n, in the steps that are tried."""
    assert pays_from(driver, alone=1000, rest=0, row=row) == expected


def test_what_is_left_beside_lanes_counts_for_each_stream(driver: Path) -> None:
    pays = [pays_from(driver, alone=1000, rest=rest, row=2000) for rest in (0, 250, 600, 700, 800)]
    assert pays == [3, 4, 8, 12, 0]


def test_what_a_row_takes_for_each_stream_counts(driver: Path) -> None:
    assert [pays_from(driver, alone=1000, rest=0, row=1000, each=each) for each in (0, 400, 700, 900)] == [2, 3, 6, 0]


def test_lanes_that_win_nothing_are_never_entered(driver: Path) -> None:
    """A pass of its own for the rest may take all that the fused pass took."""
    assert pays_from(driver, alone=1000, rest=1000, row=1) == 0


def test_samples_that_another_process_disturbs_do_not_count(driver: Path) -> None:
    assert pays_from(driver, alone=1000, rest=250, row=2000, undisturbed=5) == 4
