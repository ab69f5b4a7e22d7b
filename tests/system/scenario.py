"""One fixed run through everything that writes, small enough to be interrupted at each of its system calls; played in a child."""

import contextlib
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import engine
from engine.errors import CommitUnknown, NoSuchUpload
from engine.undisturbed import undisturbed
from tests.support.ledger import Journal, Ledger, Operation
from tests.support.strace import wait_at
from tests.support.workload import BUCKET, FAULTS, LIMITS, perform

SMALL, MIDDLE, LARGE = 100, 70_000, 1_200_000
WARM_UP = "warm-up"
FIRST, UNDISTURBED, COMMITTING = "first", "undisturbed", "committing"
"""The threads that may be attacked. The second one opens the store, syncs directories, reads rows and sweeps for the first one."""
TRIES_MAX = 2


def scenario(prefix: str) -> list[Operation]:
    """The operations: two uploads with parts of three sizes, parts put again, a subset completed, one aborted, copies, overwriting."""
    first, second, third = f"{prefix}first", f"{prefix}second", f"{prefix}third"
    sizes = (SMALL, MIDDLE, LARGE, SMALL, MIDDLE, MIDDLE)
    return [
        {"do": "create", "key": first},
        *(_upload(first, number, number, size) for number, size in enumerate(sizes, 1)),
        _upload(first, 2, 20, MIDDLE),
        _upload(first, 4, 40, MIDDLE),
        {"do": "list", "key": first},
        {"do": "complete", "key": first, "numbers": [1, 2, 3, 4, 6]},
        {"do": "read", "key": first},
        {"do": "create", "key": second},
        _upload(second, 1, 60, MIDDLE),
        _upload(second, 9, 61, SMALL),
        {"do": "abort", "key": second},
        {"do": "create", "key": third},
        {"do": "copy_part", "key": third, "number": 1, "source": first, "index": 1},
        {"do": "copy_part", "key": third, "number": 2, "source": first, "index": 0},
        {"do": "complete", "key": third, "numbers": [1, 2]},
        {"do": "put", "key": second, "seed": 70, "size": MIDDLE},
        {"do": "copy", "key": first, "source": second},
        {"do": "delete", "key": second},
        {"do": "put", "key": first, "seed": 71, "size": SMALL},
        {"do": "delete", "key": third},
        {"do": "scrap", "key": ""},
    ]


def _upload(key: str, number: int, seed: int, size: int) -> Operation:
    return {"do": "upload", "key": key, "number": number, "seed": seed, "size": size}


class Player:
    """Plays the scenario; each operation is journaled before and after its call.

    A tolerant player takes any error the engine raises on purpose for an answer, notes it, and tries again.
    """

    def __init__(self, prefix: str, journal: Journal, tolerant: bool) -> None:
        self.errors: list[dict[str, Any]] = []
        self._ledger = Ledger(prefix)
        self._journal = journal
        self._tolerant = tolerant
        self._ids: dict[str, str] = {}

    def open(self, path: str) -> engine.Store:
        """Open the store and see to its bucket."""
        try:
            return engine.open(path, limits=LIMITS)
        except engine.EngineError as error:
            self._note("open", error)
            return engine.open(path, limits=LIMITS)

    def ensure_bucket(self, store: engine.Store) -> None:
        """Make the bucket, if the store is new."""
        for _ in range(TRIES_MAX):
            try:
                if not store.list_buckets(prefix=BUCKET).buckets:
                    store.create_bucket(BUCKET)
            except engine.EngineError as error:
                self._note("create bucket", error)

    def play(self, store: engine.Store) -> None:
        """Do every operation."""
        for step in scenario(self._ledger.prefix):
            operation = dict(step)
            if operation["do"] in ("upload", "copy_part", "list", "complete", "abort"):
                operation["id"] = self._ids[operation["key"]]
            self._do(store, operation)

    def _do(self, store: engine.Store, operation: Operation) -> None:
        unknown = False
        for _ in range(TRIES_MAX):
            self._journal.begin(operation)
            try:
                result = perform(store, operation, self._ledger)
            except engine.EngineError as error:
                if not (unknown and operation["do"] == "abort" and isinstance(error, NoSuchUpload)):
                    unknown = isinstance(error, CommitUnknown)
                    self._note(operation["do"], error)
                    self._journal.refuse(type(error).__name__)
                    continue
                result = None  # the first try had happened after all
            self._journal.acknowledge(result)
            self._ledger.apply(operation, result)
            if result is not None:
                self._ids[operation["key"]] = result
            return
        raise AssertionError(f"{operation} fails again after the fault is over: {self.errors}")

    def _note(self, doing: str, error: engine.EngineError) -> None:
        if not self._tolerant:
            raise error
        details = {"code": error.code, "status": error.status} if isinstance(error, engine.S3Error) else {}
        self.errors.append({"doing": doing, "kind": type(error).__name__, "text": str(error), **details})


def run(
    store: str, prefix: str, journal: str, report: str, gate: str, thread: str, nameless: bool, fault: str | None, tolerant: bool,
) -> None:  # fmt: skip
    """Open the store (and make it, if it is not there), play, close.

    The tracer takes hold at the gate: before the store is opened, or, of the thread that commits, once that is there.
    """
    warnings = _Warnings()
    logging.getLogger("partwright").addHandler(warnings)
    with open(report, "w") as paper:
        player = Player(prefix, Journal(Path(journal)), tolerant)
        before = _open_files()
        if thread != COMMITTING:
            wait_at(gate, undisturbed(threading.get_native_id) if thread == UNDISTURBED else None)
        with player.open(store) as opened:
            _arrange(opened, nameless, fault)
            if thread == COMMITTING:
                opened.put_object(BUCKET, WARM_UP, b"")
                writer_id = _writer_id()
                wait_at(gate, writer_id)
            player.ensure_bucket(opened)
            player.play(opened)
        while thread == COMMITTING and os.path.exists(f"/proc/self/task/{writer_id}"):
            time.sleep(0.001)  # its last calls come after the join, and a kill there must not meet the process's end
        left = sorted(_open_files() - before)
        json.dump({"errors": player.errors, "warnings": warnings.texts, "files_left_open": left}, paper)


def _arrange(store: engine.Store, nameless: bool, fault: str | None) -> None:
    """Choose between nameless files and the fallback for file systems without them, and plant a fault."""
    blobs: Any = store._context.blobs
    blobs._nameless = nameless
    if fault is not None:
        FAULTS[fault]()


def _writer_id() -> int:
    (writer,) = (each for each in threading.enumerate() if each.name == "partwright-writer")
    assert writer.native_id is not None
    return writer.native_id


def _open_files() -> set[str]:
    for _ in range(TRIES_MAX):  # the fault may hit our own listing
        with contextlib.suppress(OSError):
            names = {f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")}
            found = {f"{name} {os.readlink(name)}" for name in names if os.path.lexists(name)}
            return {name for name in found if " /proc/" not in name}  # malloc's, and the listing's own
    raise AssertionError("the open files can't be listed")


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
