"""One fixed run through everything that writes, small enough to be interrupted at each of its system calls."""

from pathlib import Path
from typing import Any

import engine
from tests.support.ledger import Journal, Ledger, Operation
from tests.support.strace import wait_at
from tests.support.workload import BUCKET, FAULTS, LIMITS, perform

SMALL, MIDDLE, LARGE = 100, 70_000, 1_200_000
WARM_UP = "warm-up"


def scenario(prefix: str) -> list[Operation]:
    """The operations: two uploads with parts of three sizes, parts put again, a subset completed, one aborted, overwriting."""
    first, second = f"{prefix}first", f"{prefix}second"
    sizes = (SMALL, MIDDLE, LARGE, SMALL, MIDDLE, MIDDLE)
    return [
        {"do": "create", "key": first},
        *(_upload(first, number, number, size) for number, size in enumerate(sizes, 1)),
        _upload(first, 2, 20, MIDDLE),
        _upload(first, 4, 40, MIDDLE),
        {"do": "complete", "key": first, "numbers": [1, 2, 3, 4, 6]},
        {"do": "create", "key": second},
        _upload(second, 1, 60, MIDDLE),
        _upload(second, 9, 61, SMALL),
        {"do": "abort", "key": second},
        {"do": "put", "key": second, "seed": 70, "size": MIDDLE},
        {"do": "put", "key": first, "seed": 71, "size": SMALL},
        {"do": "delete", "key": second},
    ]


def _upload(key: str, number: int, seed: int, size: int) -> Operation:
    return {"do": "upload", "key": key, "number": number, "seed": seed, "size": size}


def play(store: engine.Store, prefix: str, journal: Journal) -> None:
    """Do the scenario; each operation is journaled before and after its call."""
    ledger = Ledger(prefix)
    ids: dict[str, str] = {}
    for step in scenario(prefix):
        operation = dict(step)
        if operation["do"] in ("upload", "complete", "abort"):
            operation["id"] = ids[operation["key"]]
        journal.begin(operation)
        result = perform(store, operation, ledger)
        journal.acknowledge(result)
        ledger.apply(operation, result)
        if result is not None:
            ids[operation["key"]] = result


def run_whole(store: str, prefix: str, journal: str, gate: str, nameless: bool, fault: str | None) -> None:
    """For a tracer of the first thread: open the store (and make it, if it is not there), play, close."""
    wait_at(gate)
    with engine.open(store, limits=LIMITS) as opened:
        _arrange(opened, nameless, fault)
        if not opened.list_buckets(prefix=BUCKET).buckets:
            opened.create_bucket(BUCKET)
        play(opened, prefix, Journal(Path(journal)))


def run_committed(store: str, prefix: str, journal: str, gate: str, nameless: bool, fault: str | None) -> None:
    """For a tracer of the thread that commits: it is begun before the gate, and ends behind it."""
    with engine.open(store, limits=LIMITS) as opened:
        _arrange(opened, nameless, fault)
        opened.put_object(BUCKET, WARM_UP, b"")
        wait_at(gate)
        play(opened, prefix, Journal(Path(journal)))


def _arrange(store: engine.Store, nameless: bool, fault: str | None) -> None:
    """Choose between nameless files and the fallback for file systems without them, and plant a fault."""
    if fault is not None:
        FAULTS[fault]()
    blobs: Any = store._blobs
    blobs._nameless = nameless
