"""Cuts the power of a disk under a store at random moments, and compares what is left with what had been acknowledged by then.

By hand, in mounts of its own:  unshare -m python -m tests.system.power_cut --states 1000 [--seed N] [--fault NAME]
"""

import argparse
import json
import random
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import engine
from tests.support.inspection import check_bytes, check_counters, check_whole, expect, settle
from tests.support.ledger import Journal, Ledger, Outcome
from tests.support.nursery import Nursery
from tests.support.power import logged_disk, mounted, position, read_log, states
from tests.support.workload import BUCKET, FAULTS, LIMITS, Lane, remove_scrap, repeat_in_threads

DISK_SIZE = 48 * 1024 * 1024
LANES = 3
SECONDS = 1.5


class DatedJournal(Journal):
    """A journal whose acknowledgements tell how long the log of the disk was by then."""

    def __init__(self, path: Path, log: Path) -> None:
        super().__init__(path)
        self._log = log

    def acknowledge(self, result: str | None) -> None:
        self._write({"done": result, "at": position(self._log)})


def work(store: str, journals: list[str], log: str, seed: int, fault: str | None) -> None:
    """In a child: make a store, and work on it."""
    if fault is not None:
        FAULTS[fault]()
    with engine.open(store, limits=LIMITS) as opened:
        opened.create_bucket(BUCKET)
        lanes = [
            Lane(
                opened,
                Ledger(f"lane-{number}/"),
                DatedJournal(Path(path), Path(log)),
                random.Random(f"{seed}/{number}"),
            )
            for number, path in enumerate(journals)
        ]
        end = time.monotonic() + SECONDS
        repeat_in_threads([lane.step for lane in lanes], lambda: time.monotonic() >= end)


def outcome_at(journal: Path, number: int, cut: int) -> Outcome:
    """What a lane had been told when the log had `cut` entries, and the operation that may have been under way."""
    ledger, acknowledged = Ledger(f"lane-{number}/"), 0
    entries: list[dict[str, Any]] = [json.loads(line) for line in journal.read_text().splitlines()]
    for begun, ended in zip(entries[::2], entries[1::2], strict=False):
        if ended["at"] > cut:
            return Outcome(ledger, acknowledged, (), begun["begin"])
        ledger.apply(begun["begin"], ended["done"])
        acknowledged += 1
    return Outcome(ledger, acknowledged, (), None)


def inspect(root: Path, journals: list[Path], cut: int) -> int:
    """Compare a store after the cut with the journals; the operations that had been acknowledged."""
    outcomes = [outcome_at(journal, number, cut) for number, journal in enumerate(journals)]
    acknowledged = sum(outcome.acknowledged for outcome in outcomes)
    with engine.open(root, limits=LIMITS) as store:
        if not store.list_buckets(prefix=BUCKET).buckets:
            expect(not acknowledged, "the bucket is gone")
            return 0
        remove_scrap(store)
        for outcome in outcomes:
            check_bytes(store, settle(store, outcome))
        check_whole(store)
        check_counters(store)
        store.put_object(BUCKET, "after-the-cut", b"x" * 100_000)
    return acknowledged


def cut_power(place: Path, count: int, seed: int, fault: str | None = None) -> str:
    """Work, then look at `count` moments.

    Raises:
        Difference: something acknowledged was lost, or something else is wrong.
    """
    rng = random.Random(seed)
    journals = [place / f"journal-{number}" for number in range(LANES)]
    with logged_disk(place, DISK_SIZE) as (disk, log):
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=0", disk], check=True)
        first = position(log)
        with mounted(disk, place / "mount"), Nursery() as nursery:
            code = nursery.run(
                "tests.system.power_cut:work", store=str(place / "mount" / "store"), log=str(log), seed=seed, fault=fault,
                journals=[str(journal) for journal in journals],
            )  # fmt: skip
            assert code == 0
    writes = read_log(log)
    cuts = sorted(rng.randrange(first, len(writes)) for _ in range(count))
    begun, most, modes = time.monotonic(), 0, dict[str, int]()
    image = place / "state.img"
    for cut, mode, state in states(writes, DISK_SIZE, cuts, rng):
        image.write_bytes(state)
        modes[mode.value] = modes.get(mode.value, 0) + 1
        with mounted(image, place / "mount"):
            try:
                most = max(most, inspect(place / "mount" / "store", journals, cut))
            except Exception as error:
                error.add_note(
                    f"power cut after entry {cut} of {len(writes)}, what was not flushed {mode.value}; seed {seed}"
                )
                raise
    rate = count / (time.monotonic() - begun)
    flushes = sum(write.is_flush for write in writes)
    return (
        f"seed {seed}: {count} power cuts among {len(writes)} writes and {flushes} flushes of {most} acknowledged operations: "
        f"0 lost, 0 wrong; {modes}; {rate:.0f} states/s"
    )


def main() -> int:
    """Cut the power from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--fault", choices=FAULTS)
    arguments = parser.parse_args()
    print(f"power cut: seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="partwright-", dir="/dev/shm") as place:
        print(cut_power(Path(place), arguments.states, arguments.seed, arguments.fault))
    return 0


if __name__ == "__main__":
    sys.exit(main())
