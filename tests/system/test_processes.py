"""Four processes of four threads on the same keys and uploads, three with a busy collector, one checking; and one of them killed."""

import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

import engine
from tests.support.crowd import etag_of, read_logs
from tests.support.inspection import Difference, check_counters, check_nothing_left, check_whole
from tests.support.nursery import Nursery
from tests.support.workload import BUCKET, LIMITS, remove_scrap

PROCESSES = 4
THREADS = 4
MAKERS = 8
CROWDS_TO_CATCH_A_FAULT = 10
SECONDS = 4.0
KILL_AFTER_S = 1.5
ANSWERS_AFTER_A_KILL = 20
"""Of each process that lives on."""
STALL_S_MAX = 30.0
"""Half of the time after which the dead readers of LMDB are looked for anyway: whoever waits for the dead at all waits longer."""


class Crowd:
    """Processes at work on one store."""

    def __init__(self, nursery: Nursery, place: Path, seconds: float, fault: str | None = None) -> None:
        seed = secrets.randbits(32)
        print(f"crowd: seed {seed}")
        self.store = place / "store"
        self.enough = place / "enough"
        with engine.open(self.store, limits=LIMITS) as store:
            store.create_bucket(BUCKET)
        self._logs = [place / f"log-{number}" for number in range(PROCESSES)]
        self.children = [
            nursery.start(
                "tests.support.crowd:run", store=str(self.store), log=str(log), seed=seed + number, seconds=seconds,
                threads=THREADS, checking=number == 1 and fault is None, until=str(self.enough), fault=fault,
            )
            for number, log in enumerate(self._logs)
        ]  # fmt: skip

    def entries(self) -> list[dict[str, Any]]:
        """What all of them were told, in the order of the answers."""
        return sorted(read_logs(self._logs), key=lambda entry: entry["end"])

    def go_on_until(self, is_enough: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Let them work until that is so of what they were told."""
        deadline = time.monotonic() + SECONDS + STALL_S_MAX
        while not is_enough(entries := self.entries()):
            assert time.monotonic() < deadline, f"they do not go on: {kinds_of(entries)}"
            time.sleep(0.1)
        self.enough.touch()

    def inspect(self) -> None:
        """Check the store they left behind."""
        with engine.open(self.store, limits=LIMITS) as store:
            remove_scrap(store)
            check_whole(store)
            check_counters(store)
            for item in store.list_objects_v2(BUCKET).contents or ():
                with store.get_object(BUCKET, item.key).body as body:
                    assert etag_of(body.read(), "-" in item.etag) == item.etag
            check_nothing_left(store)


def kinds_of(entries: list[dict[str, Any]]) -> dict[str, int]:
    """How many there are of each kind that must be there."""
    return {
        name: sum(entry["do"] == name for entry in entries) for name in ("upload", "complete", "abort", "read", "put")
    }


def check_story(entries: list[dict[str, Any]]) -> None:
    """See that no upload had two ends, and none lived on after its end."""
    of_upload = sorted((entry for entry in entries if "id" in entry), key=lambda entry: entry["id"])
    for upload_id, group in groupby(of_upload, key=lambda entry: entry["id"]):
        story = list(group)
        completed = {entry["etag"] for entry in story if entry["do"] == "complete"}
        aborts = [entry for entry in story if entry["do"] == "abort"]
        assert len(completed) <= 1, f"{upload_id} was completed as {completed}"
        assert len(aborts) <= 1, f"{upload_id} was aborted twice"
        assert not (completed and aborts), f"{upload_id} was both completed and aborted"
        ended = min((entry["end"] for entry in story if entry["do"] in ("abort", "complete")), default=float("inf"))
        late = [entry for entry in story if entry["do"] == "upload" and entry["begin"] > ended]
        assert not late, f"{upload_id} took a part after its end"


@pytest.mark.slow
def test_processes_and_threads_at_once_leave_a_whole_store(memory_place: Path) -> None:
    with Nursery() as nursery:
        crowd = Crowd(nursery, memory_place, SECONDS)
        watcher = nursery.start("tests.support.crowd:watch", store=str(crowd.store), until=str(crowd.enough))
        crowd.go_on_until(lambda entries: all(kinds_of(entries).values()))
        assert [child.wait() for child in (*crowd.children, watcher)] == [0] * (PROCESSES + 1)
    entries = crowd.entries()
    crowd.inspect()
    check_story(entries)
    print(f"{PROCESSES} processes of {THREADS} threads: {kinds_of(entries)}")


@pytest.mark.slow
def test_the_others_go_on_when_one_process_is_killed(memory_place: Path) -> None:
    with Nursery() as nursery:
        crowd = Crowd(nursery, memory_place, SECONDS)
        time.sleep(KILL_AFTER_S)
        killed_at = time.monotonic()
        crowd.children[0].kill()

        def all_go_on(entries: list[dict[str, Any]]) -> bool:
            later = Counter(entry["process"] for entry in entries if entry["begin"] > killed_at)
            return all(later[number] >= ANSWERS_AFTER_A_KILL for number in range(1, PROCESSES))

        crowd.go_on_until(all_go_on)
        assert [child.wait() for child in crowd.children] == [-signal.SIGKILL] + [0] * (PROCESSES - 1)
    entries = crowd.entries()
    crowd.inspect()
    check_story(entries)
    after = [entry["end"] for entry in entries if entry["process"] and entry["end"] > killed_at]
    gap = max(later - sooner for sooner, later in zip([killed_at, *after], after, strict=False))
    print(f"{len(after)} answers after the kill, the longest time without one {1000 * gap:.1f} ms")
    assert gap < STALL_S_MAX


def test_a_store_made_by_many_processes_at_once_is_one_store(memory_place: Path) -> None:
    names = [f"bucket-{number}" for number in range(MAKERS)]
    with Nursery() as nursery:
        store = str(memory_place / "store")
        children = [nursery.start("tests.support.crowd:make", store=store, name=name) for name in names]
        assert [child.wait() for child in children] == [0] * MAKERS
    with engine.open(store, create=False) as opened:
        assert [bucket.name for bucket in opened.list_buckets().buckets] == names
        assert check_whole(opened).parts == MAKERS
        assert check_nothing_left(opened).files == MAKERS


def bites(place: Path) -> bool:
    """Whether a crowd without the lock is caught: by one of its own reads or checks, or afterwards."""
    place.mkdir()
    with Nursery() as nursery:
        crowd = Crowd(nursery, place, SECONDS, fault="name-without-a-lock")
        crowd.enough.touch()
        codes = [child.wait() for child in crowd.children]
    if any(codes):
        return True
    try:
        crowd.inspect()
    except Difference:
        return True
    return False


@pytest.mark.slow
def test_without_the_lock_on_new_files_the_collector_takes_live_ones(memory_place: Path) -> None:
    """The canary; one crowd may be lucky."""
    assert any(bites(memory_place / str(number)) for number in range(CROWDS_TO_CATCH_A_FAULT))
