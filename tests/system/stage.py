"""Plays the scenario in a child with strace on one of its threads: what the walks over kill points and fault points share."""

import itertools
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import engine
from tests.support.nursery import Nursery
from tests.support.strace import Call, Gate, attached, calls_in
from tests.support.workload import BUCKET, LIMITS, remove_scrap
from tests.system.scenario import COMMITTING, FIRST, UNDISTURBED

Result = TypeVar("Result")
MANY = 100
LAST_FEW = 16


@dataclass(frozen=True, slots=True)
class Variation:
    """What is played, and which of its threads is attacked; `fresh` makes a new store each time, to be attacked while it is made."""

    name: str
    thread: str = FIRST
    nameless: bool = True
    fresh: bool = False
    fault: str | None = None
    stride: int = 1
    """Of a call that comes more than a hundred times, as in making the shards: take each n-th point, and all of the last few."""

    def points(self, count: int) -> Iterator[int]:
        """Which calls of a name to attack, if it comes about `count` times: the first, the second ... without end."""
        last_few = count - LAST_FEW if count > MANY else 1
        yield from range(1, last_few, self.stride)
        yield from itertools.count(last_few)


MAIN_THREAD = Variation("first thread")
UNDISTURBED_THREAD = Variation("undisturbed thread", thread=UNDISTURBED)
COMMITTING_THREAD = Variation("committing thread", thread=COMMITTING)
NAMED_FILES = Variation("first thread, without O_TMPFILE", nameless=False)
COMMON_STORE = "store"
CREATION = Variation("making the store", thread=UNDISTURBED, fresh=True)


@dataclass(frozen=True, slots=True)
class Performance:
    """One playing of the scenario: the child's exit code, the calls of the attacked thread, and where its files are."""

    code: int
    calls: list[Call]
    store: Path
    prefix: str
    journal: Path
    report: Path

    def count(self, name: str) -> int:
        """How often a call was made."""
        return sum(call.name == name for call in self.calls)

    def clear_away(self) -> None:
        """Remove journal and report, and a store made for this performance alone: thousands of them would fill the memory."""
        self.journal.unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)
        if self.store.name != COMMON_STORE:
            shutil.rmtree(self.store, ignore_errors=True)


class Stage:
    """One variation, played again and again: on one store, or on a new one each time."""

    def __init__(self, place: Path, variation: Variation, nursery: Nursery, *, tolerant: bool = False) -> None:
        self.variation = variation
        self._place = place
        self._nursery = nursery
        self._tolerant = tolerant
        self._numbers = itertools.count()
        if not variation.fresh:
            with engine.open(place / COMMON_STORE, limits=LIMITS) as store:
                store.create_bucket(BUCKET)

    def play(
        self, inject: str | None = None, calls: str = "all", only: Path | None = None, follow: bool = False
    ) -> Performance:
        """Play the scenario once, in a child that the tracer holds before it begins."""
        number = next(self._numbers)
        store = self._place / (f"store-{number}" if self.variation.fresh else COMMON_STORE)
        prefix, journal, report = f"run-{number}/", self._place / f"journal-{number}", self._place / f"report-{number}"
        gate, trace = Gate(self._place / "gate"), self._place / "trace"
        child = self._nursery.start(
            "tests.system.scenario:run", store=str(store), prefix=prefix, journal=str(journal), report=str(report),
            gate=str(gate.path), thread=self.variation.thread, nameless=self.variation.nameless,
            fault=self.variation.fault, tolerant=self._tolerant,
        )  # fmt: skip
        key = gate.await_child()
        with attached(gate.thread_id(), trace, calls=calls, inject=inject, only=only, follow=follow):
            os.write(key, b"x")
            os.close(key)
            code = child.wait()
        gate.remove()
        return Performance(code, calls_in(trace), store, prefix, journal, report)


def two_at_a_time(walk: Callable[..., Result], arguments: list[tuple[Any, ...]]) -> list[Result]:
    """Run walks in two processes.

    Not in threads: starting a tracer forks, and between fork and exec the child holds the locks of the stores that others compare.
    """
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        return [each.result() for each in [pool.submit(walk, *some) for some in arguments]]


@contextmanager
def naming(point: str) -> Iterator[None]:
    """Add to an error where it happened."""
    try:
        yield
    except BaseException as error:
        error.add_note(point)
        raise


def clean(store: engine.Store, prefix: str) -> None:
    """Abort and delete everything under a prefix, and the buckets that a cut-off scenario left."""
    remove_scrap(store)
    for upload in store.list_multipart_uploads(BUCKET, prefix=prefix).uploads or ():
        store.abort_multipart_upload(BUCKET, upload.key, upload.upload_id)
    for item in store.list_objects_v2(BUCKET, prefix=prefix).contents or ():
        store.delete_object(BUCKET, item.key)
