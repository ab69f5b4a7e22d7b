"""Kills a process before each system call of a fixed scenario, one after the other, and compares store and journal after each kill.

By hand, every call of every variation:  python -m tests.system.kill_points --all
"""

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import engine
from engine.directory.ballast import BALLAST_SIZE
from tests.support.inspection import check_counters, check_nothing_left, check_whole, expect, settle
from tests.support.ledger import Ledger, Outcome, replay
from tests.support.nursery import Nursery
from tests.support.workload import BUCKET, LIMITS
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

OPEN_AND_WRITE_S_MAX = 60.0
"""Longer is a hang."""
COLLECTED_EACH = 50
CHANGING = (
    "openat", "pwrite64", "pwritev2", "writev", "linkat", "fsync", "fdatasync", "unlink", "flock", "fcntl", "close", "ftruncate",
    "rename", "mkdir", "fallocate", "sync_file_range",
)  # fmt: skip
READING = ("newfstatat", "read", "pread64", "lseek", "statfs", "fstatfs", "getdents64", "getrandom", "write", "ioctl")
"""Before these nothing on the disk differs from before the changing call that follows; for the full run. `write` is the journal's."""


@dataclass(slots=True)
class Figures:
    """What a walk over kill points came to."""

    variation: str
    points: int = 0
    acknowledged: int = 0
    in_doubt: int = 0
    in_doubt_happened: int = 0
    by_call: dict[str, int] = field(default_factory=dict)
    open_and_write_s: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.variation}: killed at {self.points} points, {self.acknowledged} operations acknowledged, 0 lost; "
            f"{self.in_doubt} in doubt, of which {self.in_doubt_happened} had happened; longest reopen + one write "
            f"{1000 * self.open_and_write_s:.1f} ms; {self.by_call}"
        )


class Walk:
    """A walk over the kill points of one variation; each raises Difference when store and journal disagree."""

    def __init__(self, place: Path, variation: Variation, nursery: Nursery) -> None:
        self.figures = Figures(variation.name)
        self._stage = Stage(place, variation, nursery)

    def rehearse(self) -> Performance:
        """Play without a kill."""
        performance = self._stage.play()
        assert performance.code == 0, "the scenario fails by itself"
        self._compare(performance)
        return performance

    def walk(self, name: str, expected: int) -> None:
        """Kill before the first, second, third ... call of a name, until a playing has no more of them."""
        for nth in self._stage.variation.points(expected):
            with naming(f"{self.figures.variation}, killed before {name}#{nth}"):
                played = self._stage.play(inject=f"signal=SIGKILL:when={nth}", calls=name)
                made = played.count(name)
                if played.code == 0:
                    assert made < nth, f"strace saw {made} calls and did not kill"
                    return
                assert played.code == -signal.SIGKILL, f"the scenario failed with {played.code}"
                assert made == nth, f"killed at call {made}"
                self._compare(played)
            self.figures.points += 1
            self.figures.by_call[name] = nth

    def _compare(self, played: Performance) -> None:
        outcome = replay(Ledger(played.prefix), played.journal)
        begun = time.perf_counter()
        with engine.open(played.store, limits=LIMITS) as store:
            if not store.list_buckets(prefix=BUCKET).buckets:
                expect(not outcome.acknowledged, "the bucket is gone")
                store.create_bucket(BUCKET)
            store.put_object(BUCKET, "after-the-kill", b"x" * 100_000)
            took = time.perf_counter() - begun
            self.figures.open_and_write_s = max(self.figures.open_and_write_s, took)
            expect(took < OPEN_AND_WRITE_S_MAX, f"reopening took {took} s")
            self._inspect(store, outcome, played)
        played.clear_away()

    def _inspect(self, store: engine.Store, outcome: Outcome, played: Performance) -> None:
        ledger = settle(store, outcome)
        check_whole(store)
        check_counters(store)
        clean(store, played.prefix)
        check_counters(store)
        self.figures.acknowledged += outcome.acknowledged
        self.figures.in_doubt += outcome.in_doubt is not None
        self.figures.in_doubt_happened += ledger is not outcome.ledger
        if self._stage.variation.fresh or self.figures.points % COLLECTED_EACH == 0:
            report = check_nothing_left(store)
            expect(report.files == 1, f"{report.files} files are left of one object")
            ballast = (played.store / "ballast").stat().st_size
            expect(ballast == BALLAST_SIZE, f"the ballast has {ballast} bytes")


def walk(place: Path, variation: Variation, names: tuple[str, ...]) -> Figures:
    """Kill before each call of these names.

    Raises:
        Difference: something acknowledged was lost, or something else is wrong; its note names the point.
    """
    place.mkdir()
    with Nursery() as nursery:
        walker = Walk(place, variation, nursery)
        rehearsal = walker.rehearse()
        for name in names:
            if rehearsal.count(name):
                walker.walk(name, rehearsal.count(name))
    return walker.figures


def walk_all(place: Path, walks: list[tuple[Variation, tuple[str, ...]]]) -> list[Figures]:
    """Walk several variations, two at a time."""
    places = [place / f"walk-{number}" for number in range(len(walks))]
    return two_at_a_time(walk, [(each, *pair) for each, pair in zip(places, walks, strict=True)])


def main() -> int:
    """Walk from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="also before calls that only read")
    arguments = parser.parse_args()
    names = CHANGING + READING if arguments.all else CHANGING
    variations = (CREATION, MAIN_THREAD, UNDISTURBED_THREAD, COMMITTING_THREAD, NAMED_FILES)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        begun = time.monotonic()
        figures = walk_all(Path(place), [(variation, names) for variation in variations])
    for one in figures:
        print(one)
    total = sum(one.points for one in figures)
    print(f"{total} kill points in {time.monotonic() - begun:.0f} s, 0 acknowledged operations lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
