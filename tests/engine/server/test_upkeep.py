"""The thread that reaps while a store is served: one of all who serve it, again and again, and not once it is told to stop."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import ReapReport, Store
from engine.server.upkeep import Upkeep
from tests.support.stores import FILE_BODY

SIGNALS = (signal.SIGTERM, signal.SIGINT)
OVERDUE = {"status": "Enabled", "filter": {}, "expiration": {"date": datetime(2020, 1, 1, tzinfo=UTC)}}
WAIT_S_MAX = 30.0
OFTEN_S = 0.01


@pytest.fixture(autouse=True)
def same_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def overdue(tiny: Store, bucket: str) -> str:
    """A bucket in which whatever is put expires at once."""
    tiny.put_bucket_lifecycle_configuration(bucket, lifecycle_configuration={"rules": [OVERDUE]})
    return bucket


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_empty(store: Store, bucket: str) -> bool:
    return store.list_objects_v2(bucket).contents is None


def test_rules_are_executed_at_once_and_then_again_and_again(tiny: Store, overdue: str) -> None:
    tiny.put_object(overdue, "before", FILE_BODY)
    with Upkeep(tiny, OFTEN_S):
        wait_until(lambda: is_empty(tiny, overdue))
        tiny.put_object(overdue, "later", FILE_BODY)
        wait_until(lambda: is_empty(tiny, overdue))
    tiny.put_object(overdue, "after", b"")
    time.sleep(20 * OFTEN_S)
    assert not is_empty(tiny, overdue)


def test_only_one_reaps_and_another_takes_over_when_it_leaves(tiny: Store, overdue: str, store_path: Path) -> None:
    with engine.open(store_path) as other, Upkeep(other, 3600) as second:
        wait_until(lambda: second._lease is not None)
        with Upkeep(tiny, OFTEN_S) as first:
            tiny.put_object(overdue, "key", b"")
            time.sleep(20 * OFTEN_S)
            assert first._lease is None
            assert not is_empty(tiny, overdue)
            second.__exit__(None, None, None)
            wait_until(lambda: is_empty(tiny, overdue))


def test_garbage_is_collected_by_who_takes_over_and_not_every_time(tiny: Store, store_path: Path) -> None:
    def make_orphan() -> Path:
        name = os.urandom(16).hex()
        path = store_path / "blobs" / name[:2] / name[2:]
        path.write_bytes(b"x")
        return path

    orphan = make_orphan()
    with Upkeep(tiny, OFTEN_S):
        wait_until(lambda: not orphan.exists())
        second = make_orphan()
        time.sleep(20 * OFTEN_S)
        assert second.exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_it_between_two_steps_and_goes_on_to_whom_it_was_for(
    tiny: Store, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[int] = []
    signal.signal(number, lambda got, _: received.append(got))
    begun = threading.Event()
    steps: list[int] = []

    def endless(**_: Any) -> Iterator[ReapReport]:
        while True:
            steps.append(len(steps))
            begun.set()
            time.sleep(0.001)
            yield ReapReport()

    monkeypatch.setattr(tiny, "reap_in_steps", endless)
    with Upkeep(tiny, OFTEN_S) as upkeep:
        assert begun.wait(WAIT_S_MAX)
        os.kill(os.getpid(), number)
        wait_until(lambda: not upkeep._thread.is_alive())
        done = len(steps)
        time.sleep(0.01)
        assert len(steps) == done
    assert received == [number]


def test_a_failure_is_logged_and_does_not_end_it(
    tiny: Store, overdue: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reap_in_steps, failed = tiny.reap_in_steps, threading.Event()

    def failing_once(**options: Any) -> Iterator[ReapReport]:
        if not failed.is_set():
            failed.set()
            raise engine.errors.InternalError(reason="for once")
        return reap_in_steps(**options)

    monkeypatch.setattr(tiny, "reap_in_steps", failing_once)
    tiny.put_object(overdue, "key", b"")
    with caplog.at_level(logging.ERROR, "partwright.server"), Upkeep(tiny, OFTEN_S):
        wait_until(lambda: is_empty(tiny, overdue))
    assert failed.is_set()
    assert "reaping failed, and is tried again" in caplog.text
    assert "for once" in caplog.text
