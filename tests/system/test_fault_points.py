"""Every system call fails once: the reduced walk; the full one is `python -m tests.system.fault_points --all`."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.inspection import Difference
from tests.support.nursery import Nursery
from tests.support.requirements import need_strace
from tests.system.fault_points import Faults, walk, walk_all
from tests.system.stage import (
    COMMITTING_THREAD,
    CREATION,
    MAIN_THREAD,
    NAMED_FILES,
    UNDISTURBED_THREAD,
    Stage,
    Variation,
)

FAULTS_MIN = 300
FIRST_THREAD: Faults = (
    ("openat", "EMFILE"), ("linkat", "EIO"), ("linkat", "ENOSPC"), ("fsync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC"),
    ("pwrite64", "EINTR"), ("flock", "EIO"), ("fcntl", "EIO"), ("unlink", "EIO"), ("newfstatat", "EIO"), ("statfs", "EIO"),
    ("preadv2", "EIO"), ("sync_file_range", "EIO"),
)  # fmt: skip
UNDISTURBED: Faults = (
    ("openat", "EMFILE"), ("flock", "EIO"), ("fcntl", "EIO"), ("unlink", "EIO"), ("newfstatat", "EIO"), ("fdatasync", "EIO"),
    ("pread64", "EIO"),
)  # fmt: skip
COMMITS: Faults = (("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("writev", "EIO"))
FALLBACK: Faults = (("openat", "EMFILE"), ("fsync", "EIO"), ("flock", "EIO"), ("newfstatat", "EIO"))
MAKING: Faults = (
    ("mkdir", "ENOSPC"),
    ("fsync", "EIO"),
    ("fallocate", "ENOSPC"),
    ("rename", "EIO"),
    ("ftruncate", "EIO"),
)


@pytest.mark.slow
def test_a_failing_call_gives_no_false_answer_and_leaves_nothing_behind(memory_place: Path) -> None:
    need_strace()
    walks = [
        (COMMITTING_THREAD, COMMITS), (MAIN_THREAD, FIRST_THREAD), (UNDISTURBED_THREAD, UNDISTURBED),
        (NAMED_FILES, FALLBACK), (replace(CREATION, stride=100), MAKING),
    ]  # fmt: skip
    figures = walk_all(memory_place, walks)
    for one in figures:
        print(one)
    assert sum(one.points for one in figures) >= FAULTS_MIN


@pytest.mark.parametrize(
    ("fault", "variation", "call"),
    [
        ("acknowledge-before-commit", COMMITTING_THREAD, "fdatasync"),
        ("try-a-failed-sync-again", MAIN_THREAD, "fsync"),
    ],
)
def test_a_planted_fault_is_caught_by_failing_calls(
    fault: str, variation: Variation, call: str, memory_place: Path
) -> None:
    need_strace()
    with pytest.raises(Difference):
        walk(memory_place / "walk", replace(variation, fault=fault), ((call, "EIO"),))


def test_a_store_whose_format_cannot_be_looked_at_is_not_made_anew(memory_place: Path) -> None:
    need_strace()
    with Nursery() as nursery:
        stage = Stage(memory_place, UNDISTURBED_THREAD, nursery, tolerant=True)
        mark = memory_place / "store" / "FORMAT"
        stored = mark.read_bytes()
        played = stage.play(inject="error=EIO", calls="newfstatat", only=mark)
    assert played.calls != []
    assert all(call.was_injected for call in played.calls)
    assert played.code != 0, "opening must have been refused, twice"
    assert mark.read_bytes() == stored
