"""Kills a process at random instants of an upload loop, again and again on one store, and compares store and journal after each kill.

By hand:  python -m tests.system.kill_storm --kills 1000 [--seed N] [--fault NAME]
"""

import argparse
import random
import secrets
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import engine
from tests.support.inspection import check_bytes, check_counters, check_nothing_left, check_whole, expect, settle
from tests.support.ledger import Ledger, replay
from tests.support.nursery import Nursery
from tests.support.workload import BUCKET, LIMITS, remove_scrap

LANES = 4
DELAY_S_MAX = 0.1
OPEN_AND_WRITE_S_MAX = 60.0
"""Longer is a hang. How long it takes is told, and depends on what else the machine does."""


@dataclass(slots=True)
class Figures:
    """What a storm came to."""

    seed: int
    kills: int = 0
    acknowledged: int = 0
    in_doubt: int = 0
    in_doubt_happened: int = 0
    garbage_files: int = 0
    open_and_write_s: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        times = sorted(self.open_and_write_s)
        middle, last = (1000 * times[len(times) // 2], 1000 * times[-1]) if times else (0.0, 0.0)
        return (
            f"seed {self.seed}: {self.kills} kills, {self.acknowledged} operations acknowledged, 0 lost; {self.in_doubt} in doubt, "
            f"of which {self.in_doubt_happened} had happened; {self.garbage_files} files of killed attempts; "
            f"reopen + one write: median {middle:.1f} ms, longest {last:.1f} ms"
        )


class Storm:
    """One store under repeated kills; `strike` raises Difference when the store and the journal disagree."""

    def __init__(self, place: Path, seed: int, fault: str | None = None) -> None:
        self.figures = Figures(seed)
        self._place = place
        self._store = place / "store"
        self._rng = random.Random(seed)
        self._fault = fault
        self._ledgers = [Ledger(f"lane-{lane}/") for lane in range(LANES)]
        with engine.open(self._store, limits=LIMITS) as store:
            store.create_bucket(BUCKET)

    def strike(self, nursery: Nursery) -> None:
        """Let a child work for a random time, kill it, reopen and compare."""
        journals = [self._place / f"journal-{self.figures.kills}-{lane}" for lane in range(LANES)]
        child = nursery.start(
            "tests.support.workload:run",
            store=str(self._store),
            journals=[str(journal) for journal in journals],
            ledgers=[ledger.to_json() for ledger in self._ledgers],
            seed=self._rng.getrandbits(32),
            fault=self._fault,
        )
        time.sleep(self._rng.uniform(0, DELAY_S_MAX))
        child.kill()
        code = child.wait()
        assert code == -signal.SIGKILL, f"the child ended by itself with {code} before it was killed"
        self.figures.kills += 1
        self._compare(journals)

    def _compare(self, journals: list[Path]) -> None:
        outcomes = [replay(ledger, journal) for ledger, journal in zip(self._ledgers, journals, strict=True)]
        if self._fault is None:
            assert not any(outcome.refused for outcome in outcomes), [outcome.refused for outcome in outcomes]
        begun = time.perf_counter()
        with engine.open(self._store, limits=LIMITS) as store:
            store.put_object(BUCKET, "after-the-kill", b"x" * 100_000)
            self.figures.open_and_write_s.append(time.perf_counter() - begun)
            expect(self.figures.open_and_write_s[-1] < OPEN_AND_WRITE_S_MAX, "reopening took too long")
            remove_scrap(store)
            self._ledgers = [settle(store, outcome) for outcome in outcomes]
            report = check_whole(store)
            check_counters(store)
        self.figures.garbage_files = report.unnamed_files
        for outcome, journal in zip(outcomes, journals, strict=True):
            self.figures.acknowledged += outcome.acknowledged
            if outcome.in_doubt is not None:
                self.figures.in_doubt += 1
            journal.unlink(missing_ok=True)
        happened = zip(outcomes, self._ledgers, strict=True)
        self.figures.in_doubt_happened += sum(outcome.ledger is not ledger for outcome, ledger in happened)

    def finish(self) -> None:
        """Read every object, collect, and see that nothing is left over."""
        with engine.open(self._store, limits=LIMITS) as store:
            for ledger in self._ledgers:
                check_bytes(store, ledger)
            check_nothing_left(store)
            check_counters(store)


def storm(place: Path, kills: int, seed: int | None = None, fault: str | None = None) -> Figures:
    """Kill `kills` times, and on until as many operations were acknowledged, then inspect the store as a whole.

    Raises:
        Difference: something acknowledged was lost, or something else is wrong.
    """
    seed = secrets.randbits(32) if seed is None else seed
    print(f"kill storm: seed {seed}", flush=True)
    with Nursery() as nursery:
        stormy = Storm(place, seed, fault)
        while stormy.figures.kills < kills or stormy.figures.acknowledged <= kills:
            stormy.strike(nursery)
        stormy.finish()
    return stormy.figures


def main() -> int:
    """Run a storm from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--fault")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        print(storm(Path(place), arguments.kills, arguments.seed, arguments.fault))
    return 0


if __name__ == "__main__":
    sys.exit(main())
