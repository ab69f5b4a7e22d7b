"""kill -9 at random instants: what was acknowledged is there, what was not is whole or absent, and the harness bites."""

from pathlib import Path

import pytest

from tests.support.inspection import Difference
from tests.system.kill_storm import storm

KILLS = 200
KILLS_TO_CATCH_A_FAULT = 500
"""One kill in 27 catches the rarest (24 storms): a hundred would miss it in two runs of a hundred, so many in one of 10^8."""


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    figures = storm(tmp_path, KILLS)
    print(figures)
    assert figures.kills >= KILLS
    assert figures.acknowledged > KILLS


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", ["acknowledge-before-commit", "commit-before-the-file-is-named", "unlink-before-commit"]
)
def test_a_planted_fault_is_caught_by_kills(fault: str, tmp_path: Path) -> None:
    with pytest.raises(Difference):
        storm(tmp_path, KILLS_TO_CATCH_A_FAULT, fault=fault)
