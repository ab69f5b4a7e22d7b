"""The ballast: room that is given up for steps that free room, and for nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import engine
from engine.directory.ballast import BALLAST_SIZE, Ballast
from engine.errors import CommitUnknown, NoSuchKey, StoreFull


@pytest.fixture
def ballast(place: Path) -> Ballast:
    made = Ballast(str(place))
    made.restore()
    return made


def failing(*errors: Exception) -> Callable[[], str]:
    """A step that fails so often, then succeeds."""
    left = list(errors)

    def step() -> str:
        if left:
            raise left.pop(0)
        return "freed"

    return step


def test_a_new_store_has_a_ballast_that_takes_real_room(place: Path) -> None:
    engine.open(place / "store").close()
    status = os.stat(place / "store" / "ballast")
    assert status.st_size == BALLAST_SIZE
    assert status.st_blocks * 512 >= BALLAST_SIZE


def test_a_step_that_succeeds_keeps_the_ballast(ballast: Ballast, place: Path) -> None:
    assert ballast.freeing(failing()) == "freed"
    assert (place / "ballast").exists()


@pytest.mark.parametrize("error", [StoreFull(), CommitUnknown()])
def test_a_step_that_finds_no_room_gets_that_of_the_ballast(ballast: Ballast, place: Path, error: Exception) -> None:
    assert ballast.freeing(failing(error)) == "freed"
    assert not (place / "ballast").exists()


def test_a_step_that_finds_no_room_even_so_fails(ballast: Ballast) -> None:
    with pytest.raises(StoreFull):
        ballast.freeing(failing(StoreFull(), StoreFull()))
    with pytest.raises(StoreFull):
        ballast.freeing(failing(StoreFull()))


def test_a_refused_step_keeps_the_ballast(ballast: Ballast, place: Path) -> None:
    with pytest.raises(NoSuchKey):
        ballast.freeing(failing(NoSuchKey()))
    assert (place / "ballast").exists()


def test_a_ballast_is_made_whole_again_and_only_once(ballast: Ballast, place: Path) -> None:
    assert (ballast.drop(), ballast.drop()) == (True, False)
    ballast.restore()
    stamp = os.stat(place / "ballast").st_ino
    ballast.restore()
    assert os.stat(place / "ballast").st_ino == stamp
    os.truncate(place / "ballast", 10)
    ballast.restore()
    assert os.stat(place / "ballast").st_size == BALLAST_SIZE
