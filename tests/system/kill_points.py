"""Kills a process before each system call of a fixed scenario, one after the other, and compares store and journal after each kill.

By hand, every call of every variation:  python -m tests.system.kill_points --all
"""

import argparse
import itertools
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import engine
from engine.ballast import BALLAST_SIZE
from tests.support.inspection import check_counters, check_nothing_left, check_whole, expect, settle
from tests.support.ledger import Ledger, Outcome, replay
from tests.support.nursery import Nursery
from tests.support.strace import Call, Gate, attached, calls_in, other_threads
from tests.support.workload import BUCKET, LIMITS

OPEN_AND_WRITE_S_MAX = 1.0
CHANGING = (
    "openat", "pwrite64", "writev", "linkat", "fsync", "fdatasync", "unlink", "flock", "fcntl", "close", "ftruncate",
    "rename", "mkdir", "fallocate", "sync_file_range",
)  # fmt: skip
READING = ("newfstatat", "read", "pread64", "lseek", "statfs", "fstatfs", "getdents64", "getrandom", "write", "ioctl")
"""Before these nothing on the disk differs from before the changing call that follows; for the full run. `write` is the journal's."""


@dataclass(frozen=True, slots=True)
class Variation:
    """What is run, and which of its threads is attacked; `fresh` makes a new store each time, to be killed while it is made."""

    name: str
    task: str = "run_whole"
    nameless: bool = True
    fresh: bool = False
    fault: str | None = None
    stride: int = 1
    """Take each n-th point only of calls that come more than a hundred times."""


MAIN_THREAD = Variation("first thread")
COMMITTING_THREAD = Variation("committing thread", task="run_committed")
NAMED_FILES = Variation("first thread, without O_TMPFILE", nameless=False)
CREATION = Variation("making the store", fresh=True)


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
        self._place = place
        self._variation = variation
        self._nursery = nursery
        self._runs = itertools.count()
        self._run = 0
        self._store = place / "store"
        if not variation.fresh:
            with engine.open(self._store, limits=LIMITS) as store:
                store.create_bucket(BUCKET)

    def calls(self, follow: bool = False) -> list[Call]:
        """The calls of an undisturbed run, of the one thread or of all that it begins."""
        code, calls = self._play(inject=None, follow=follow)
        assert code == 0
        self._compare()
        return calls

    def walk(self, name: str, expected: int) -> None:
        """Kill before the first, second, third ... call of a name, until a run has no more of them."""
        stride = self._variation.stride if expected > 100 else 1
        for nth in itertools.count(1, stride):
            code, calls = self._play(inject=f"signal=SIGKILL:when={nth}", calls=name)
            made = sum(call.name == name for call in calls)
            if code == 0:
                assert made < nth, f"strace saw {made} times {name} and did not kill at {nth}"
                return
            assert code == -signal.SIGKILL, f"the scenario failed with {code} at {name}#{nth}"
            assert made == nth, f"killed at {name}#{made}, not at {nth}"
            with _naming(f"{self._variation.name}, killed before {name}#{nth}"):
                self._compare()
            self.figures.points += 1
            self.figures.by_call[name] = nth

    def _play(self, inject: str | None, calls: str = "all", follow: bool = False) -> tuple[int, list[Call]]:
        """Run the scenario under strace; its exit code and trace."""
        self._run = next(self._runs)
        if self._variation.fresh:
            self._store = self._place / f"store-{self._run}"
        gate, trace = Gate(self._place / "gate"), self._place / "trace"
        child = self._nursery.start(
            f"tests.system.scenario:{self._variation.task}", store=str(self._store), prefix=f"run-{self._run}/",
            journal=str(self._journal), gate=str(gate.path), nameless=self._variation.nameless, fault=self._variation.fault,
        )  # fmt: skip
        key = gate.await_child()
        thread = child.pid if self._variation.task == "run_whole" else other_threads(child.pid)[0]
        with attached(thread, trace, calls=calls, inject=inject, follow=follow):
            os.write(key, b"x")
            os.close(key)
            code = child.wait()
        gate.remove()
        return code, calls_in(trace)

    @property
    def _journal(self) -> Path:
        return self._place / f"journal-{self._run}"

    def _compare(self) -> None:
        outcome = replay(Ledger(f"run-{self._run}/"), self._journal)
        begun = time.perf_counter()
        with engine.open(self._store, limits=LIMITS) as store:
            if not store.list_buckets(prefix=BUCKET).buckets:
                expect(not outcome.acknowledged, "the bucket is gone")
                store.create_bucket(BUCKET)
            store.put_object(BUCKET, "after-the-kill", b"x" * 100_000)
            took = time.perf_counter() - begun
            self.figures.open_and_write_s = max(self.figures.open_and_write_s, took)
            expect(took < OPEN_AND_WRITE_S_MAX or self._variation.fresh, f"reopening took {took} s")
            self._inspect(store, outcome)
        self._journal.unlink(missing_ok=True)

    def _inspect(self, store: engine.Store, outcome: Outcome) -> None:
        ledger = settle(store, outcome)
        check_whole(store)
        check_counters(store)
        for upload_id, upload in ledger.uploads.items():
            store.abort_multipart_upload(BUCKET, upload.key, upload_id)
        for key in ledger.objects:
            store.delete_object(BUCKET, key)
        check_counters(store)
        self.figures.acknowledged += outcome.acknowledged
        self.figures.in_doubt += outcome.in_doubt is not None
        self.figures.in_doubt_happened += ledger is not outcome.ledger
        if self._variation.fresh or self._run % 50 == 0:
            report = check_nothing_left(store)
            expect(report.files == 1, f"{report.files} files are left of one object")
            expect((self._store / "ballast").stat().st_size == BALLAST_SIZE, "the ballast is not whole")


@contextmanager
def _naming(point: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(point)
        raise


def walk(place: Path, variation: Variation, names: tuple[str, ...]) -> Figures:
    """Kill before each call of these names.

    Raises:
        Difference: something acknowledged was lost, or something else is wrong; its note names the point.
    """
    place.mkdir()
    with Nursery() as nursery:
        walker = Walk(place, variation, nursery)
        made = [call.name for call in walker.calls()]
        for name in names:
            if name in made:
                walker.walk(name, made.count(name))
    return walker.figures


def walk_all(place: Path, variations: list[Variation], names: tuple[str, ...]) -> list[Figures]:
    """Walk several variations, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        places = [place / f"walk-{number}" for number in range(len(variations))]
        return list(pool.map(lambda pair: walk(*pair, names), zip(places, variations, strict=True)))


def main() -> int:
    """Walk from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--all", action="store_true", help="also the calls that only read, and every call of making a store"
    )
    arguments = parser.parse_args()
    variations = [CREATION, MAIN_THREAD, COMMITTING_THREAD, NAMED_FILES]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        begun = time.monotonic()
        figures = walk_all(Path(place), variations, CHANGING + READING if arguments.all else CHANGING)
    for one in figures:
        print(one)
    total = sum(one.points for one in figures)
    print(f"{total} kill points in {time.monotonic() - begun:.0f} s, 0 acknowledged operations lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
