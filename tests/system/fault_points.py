"""Makes each system call of the scenario fail once: no false acknowledgement, nothing lost or left behind, and the next try works.

By hand, every call with every error:  python -m tests.system.fault_points --all
"""

import argparse
import itertools
import json
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import engine
from tests.support.inspection import check_bytes, check_counters, check_nothing_left, check_whole, expect, settle
from tests.support.ledger import Ledger, replay
from tests.support.nursery import Nursery
from tests.support.strace import Call
from tests.support.workload import LIMITS
from tests.system.scenario import COMMITTING
from tests.system.stage import (
    COMMITTING_THREAD,
    CREATION,
    MAIN_THREAD,
    NAMED_FILES,
    UNDISTURBED_THREAD,
    Performance,
    Stage,
    Variation,
    clean,
    naming,
    two_at_a_time,
)

MUST_REFUSE = ("linkat", "fsync", "pwrite64", "pwritev2")
"""Where one of these fails in the first thread, a request must be refused. (A commit may be tried again, and succeed.)"""
FULL = ("ENOSPC", "EDQUOT")
TAKING_ROOM = ("linkat", "fsync", "fdatasync", "pwrite64", "pwritev2", "writev", "mkdir")
CALLS = (
    "openat", "linkat", "fsync", "fdatasync", "pwrite64", "pwritev2", "writev", "flock", "fcntl", "unlink", "ftruncate", "rename",
    "mkdir", "fallocate", "sync_file_range", "statfs", "fstatfs", "newfstatat", "pread64", "preadv2", "lseek",
)  # fmt: skip
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EINTR", "EMFILE")
Faults = tuple[tuple[str, str], ...]
ALL: Faults = tuple(itertools.product(CALLS, ERRORS))


@dataclass(slots=True)
class Figures:
    """What a walk over fault points came to."""

    variation: str
    points: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    tolerated: int = 0

    def __str__(self) -> str:
        return f"{self.variation}: {self.points} faults, {self.tolerated} without effect on any request, refusals: {self.refused}"


class FaultWalk:
    """A walk over the fault points of one variation."""

    def __init__(self, place: Path, variation: Variation, nursery: Nursery) -> None:
        self.figures = Figures(variation.name)
        self._stage = Stage(place, variation, nursery, tolerant=True)

    def rehearse(self) -> Performance:
        """Play without a fault."""
        played = self._stage.play()
        assert played.code == 0, "the scenario fails by itself"
        self._compare(played, None, "")
        return played

    def walk(self, name: str, error: str, expected: int) -> None:
        """Let the first, second, third ... call of a name fail, until a playing has no more of them."""
        for nth in self._stage.variation.points(expected):
            with naming(f"{self.figures.variation}, {error} at {name}#{nth}"):
                played = self._stage.play(inject=f"error={error}:when={nth}", calls=name)
                hit = next((call for call in played.calls if call.was_injected), None)
                if hit is None and played.code == 0:
                    assert played.count(name) < nth, f"strace saw {played.count(name)} calls and let none fail"
                    return
                expect(
                    played.code == 0,
                    f"an error of no kind of ours, or one without end: the child exited with {played.code}",
                )
                self._compare(played, hit, error)
            self.figures.points += 1

    def _compare(self, played: Performance, hit: Call | None, error: str) -> None:
        report = json.loads(played.report.read_text())
        self._judge_answers(report, hit, error)
        if hit is not None and hit.name == "fsync" and error != "EINTR" and not self._stage.variation.fresh:
            _judge_no_second_sync(played.calls, hit)
        with engine.open(played.store, limits=LIMITS) as store:
            outcome = replay(Ledger(played.prefix), played.journal)
            assert outcome.in_doubt is None
            strays = {answer["doing"] for answer in report["errors"] if answer["kind"] == "CommitUnknown"} & {"create"}
            ledger = settle(store, outcome, empty_uploads_allowed=bool(strays))
            check_bytes(store, ledger)
            files = check_whole(store).unnamed_files
            expect(files == 0 or (hit is not None and hit.name == "unlink"), f"{files} files are left behind")
            check_counters(store)
            clean(store, played.prefix)
            if self._stage.variation.fresh or self.figures.points % 50 == 0:
                check_nothing_left(store)
        played.clear_away()

    def _judge_answers(self, report: dict[str, Any], hit: Call | None, error: str) -> None:
        answers = report["errors"]
        expect(not report["files_left_open"], f"left open: {report['files_left_open']}")
        for answer in answers:
            self.figures.refused[answer["kind"]] = self.figures.refused.get(answer["kind"], 0) + 1
            asks_for_patience = answer["kind"] == "SlowDown" and error == "EMFILE"
            expect(answer.get("status", 500) == (503 if asks_for_patience else 500), f"no server error: {answer}")
            if hit is not None and hit.name in TAKING_ROOM and error in FULL:
                is_told = any(word in answer["text"] for word in ("full", "No space left", "quota"))
                expect(is_told, f"the answer does not say that the disk is full: {answer}")
        if hit is None:
            return
        self.figures.tolerated += not answers
        must_refuse = hit.name in MUST_REFUSE and self._stage.variation.thread != COMMITTING and error != "EINTR"
        expect(answers or not must_refuse, f"{hit} failed, and nobody was told")


def _judge_no_second_sync(calls: list[Call], failed: Call) -> None:
    """After a failed fsync the kernel may have dropped the bytes, and a second one would say "ok"; directories serve many parts."""
    file = failed.text.partition(")")[0]
    if not re.search("/blobs/../", file):
        return
    after = calls[calls.index(failed) + 1 :]
    expect(not any(call.text.startswith(file) for call in after), f"fsync({file}) was tried again after it had failed")


def walk(place: Path, variation: Variation, faults: Faults) -> Figures:
    """Let each call fail with each of its errors.

    Raises:
        Difference: something acknowledged was lost, or something else is wrong; its note names the point.
    """
    place.mkdir()
    with Nursery() as nursery:
        walker = FaultWalk(place, variation, nursery)
        rehearsal = walker.rehearse()
        for name, error in faults:
            if rehearsal.count(name):
                walker.walk(name, error, rehearsal.count(name))
    return walker.figures


def walk_all(place: Path, walks: list[tuple[Variation, Faults]]) -> list[Figures]:
    """Walk several variations, two at a time."""
    places = [place / f"walk-{number}" for number in range(len(walks))]
    return two_at_a_time(walk, [(each, *pair) for each, pair in zip(places, walks, strict=True)])


def main() -> int:
    """Walk from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every call with every error, not EIO alone")
    arguments = parser.parse_args()
    faults = ALL if arguments.all else tuple((name, "EIO") for name in CALLS)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        begun = time.monotonic()
        figures = walk_all(
            Path(place),
            [(each, faults) for each in (MAIN_THREAD, UNDISTURBED_THREAD, COMMITTING_THREAD, NAMED_FILES, CREATION)],
        )
    for one in figures:
        print(one)
    print(f"{sum(one.points for one in figures)} faults in {time.monotonic() - begun:.0f} s, 0 false acknowledgements")
    return 0


if __name__ == "__main__":
    sys.exit(main())
