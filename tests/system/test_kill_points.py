"""kill -9 before each system call that changes something; the full walk is `python -m tests.system.kill_points --all`."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.inspection import Difference
from tests.support.nursery import Nursery
from tests.support.requirements import need_strace
from tests.support.strace import Call
from tests.system.kill_points import CHANGING, walk, walk_all
from tests.system.stage import (
    COMMITTING_THREAD,
    CREATION,
    MAIN_THREAD,
    NAMED_FILES,
    UNDISTURBED_THREAD,
    Stage,
    Variation,
)

POINTS_MIN = 400
WHILE_MAKING = tuple(name for name in CHANGING if name != "close")
WITHOUT_TMPFILE = ("openat", "flock", "pwrite64", "fsync", "unlink")
"""Where the fallback differs."""
PARTS_IN_FILES = 9


@pytest.mark.slow
def test_a_kill_before_any_changing_call_loses_nothing_acknowledged(memory_place: Path) -> None:
    need_strace()
    walks = [
        (replace(CREATION, stride=100), WHILE_MAKING), (MAIN_THREAD, CHANGING), (UNDISTURBED_THREAD, CHANGING),
        (COMMITTING_THREAD, CHANGING), (NAMED_FILES, WITHOUT_TMPFILE),
    ]  # fmt: skip
    figures = walk_all(memory_place, walks)
    for one in figures:
        print(one)
    assert sum(one.points for one in figures) >= POINTS_MIN
    assert all(one.in_doubt_happened for one in figures), "no kill came between a commit and its answer"


@pytest.mark.parametrize(
    ("fault", "variation", "call"),
    [
        ("acknowledge-before-commit", COMMITTING_THREAD, "pwrite64"),
        ("commit-before-the-file-is-named", MAIN_THREAD, "linkat"),
        ("unlink-before-commit", COMMITTING_THREAD, "fdatasync"),
    ],
)
def test_a_planted_fault_is_caught_at_a_kill_point(
    fault: str, variation: Variation, call: str, memory_place: Path
) -> None:
    need_strace()
    with pytest.raises(Difference):
        walk(memory_place / "walk", replace(variation, fault=fault), (call,))


def test_a_part_is_locked_named_and_synced_before_its_commit_and_released_after_it(memory_place: Path) -> None:
    need_strace()
    with Nursery() as nursery:
        calls = Stage(memory_place, MAIN_THREAD, nursery).play(follow=True).calls
    files = [place for place, call in enumerate(calls) if "O_TMPFILE" in call.text]
    assert len(files) == PARTS_IN_FILES
    for start in files[:-1]:  # the last one is of a bucket that goes at once
        fd = calls[start].text.rpartition("= ")[2].partition("<")[0]
        end = next(place for place in range(start, len(calls)) if r"{\"done" in calls[place].text)
        steps = list(filter(None, (_step(call, fd) for call in calls[start:end])))
        assert steps[:7] == ["open", "lock", "link", "sync file", "sync directory", "commit", "unlock"]
        assert steps[7:] in ([], ["commit"]), "after a superseded file was removed, its row is forgotten"


def _step(call: Call, fd: str) -> str | None:
    """What a call means for the file open as `fd`; None if nothing."""
    is_own = re.match(r"\d+", call.text)
    is_own = bool(is_own) and is_own[0] == fd
    match call.name:
        case "openat" if "O_TMPFILE" in call.text:
            return "open"
        case "linkat":
            return "link" if f"/proc/self/fd/{fd}" in call.text else None
        case "fsync":
            return "sync file" if is_own else "sync directory"
        case "fdatasync":
            return "commit"
        case "flock":
            kind = "unlock" if "LOCK_UN" in call.text else "lock"
            return kind if is_own else None
    return None
