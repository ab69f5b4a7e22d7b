"""Group commit on a real environment: what gathers is committed at once, and the trouble of one write is its own."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InternalError, NoSuchKey, SlowDown, StoreClosed, StoreFull
from engine.meta.lmdb.environment import Environment, create
from engine.meta.lmdb.writer import BATCH_SIZE_MAX, Writer, _Job
from tests.support.stores import busy

TABLE = "table"


class Bench:
    """An environment with one table and its writer; `busy` gathers what is submitted into one batch."""

    def __init__(self, path: Path, depth_max: int = 4096, map_size_bytes: int = 1 << 30) -> None:
        path.mkdir()
        create(str(path), {TABLE: {}}, lambda txn, tables: None)
        self.environment = Environment(str(path), {TABLE: {}}, map_size_bytes, False)
        self.writer = Writer(self.environment, depth_max)
        self.outcomes: dict[object, object] = {}
        self._threads: list[threading.Thread] = []

    def put(self, key: bytes, value: bytes = b"value") -> Callable[[Any], bytes]:
        def step(txn: Any) -> bytes:
            txn.put(key, value, db=self.environment.table[TABLE])
            return key

        return step

    def rows(self) -> set[bytes]:
        def keys(txn: Any) -> set[bytes]:
            with txn.cursor(self.environment.table[TABLE]) as cursor:
                return {bytes(key) for key in cursor.iternext(values=False)}

        return self.environment.read(keys)

    def transactions(self) -> int:
        with self.environment.opened() as env:
            return int(env.info()["last_txnid"])

    def start(self, name: object, step: Callable[[Any], Any]) -> None:
        """Submit in a thread of its own; its result or error becomes `outcomes[name]`."""

        def submit() -> None:
            try:
                self.outcomes[name] = self.writer.submit(step)
            except BaseException as error:
                self.outcomes[name] = error

        waiting = self.writer.waiting()
        self._threads.append(threading.Thread(target=submit))
        self._threads[-1].start()
        while self.writer.waiting() == waiting and name not in self.outcomes:
            pass

    @contextmanager
    def busy(self) -> Iterator[None]:
        try:
            with busy(self.writer):
                yield
        finally:
            for thread in self._threads:
                thread.join()


@pytest.fixture
def bench(place: Path) -> Iterator[Bench]:
    made = Bench(place / "meta")
    yield made
    made.writer.close()
    made.environment.close()


def test_a_write_is_committed_when_submit_returns_its_result(bench: Bench) -> None:
    before = bench.transactions()
    assert bench.writer.submit(bench.put(b"key")) == b"key"
    assert bench.transactions() == before + 1
    assert bench.rows() == {b"key"}


def test_what_gathers_behind_a_commit_is_committed_at_once(bench: Bench) -> None:
    with bench.busy():
        before = bench.transactions()
        for number in range(50):
            bench.start(number, bench.put(b"%d" % number))
    assert bench.transactions() == before + 1
    assert bench.rows() == {b"%d" % number for number in range(50)}
    assert bench.outcomes == {number: b"%d" % number for number in range(50)}


def test_a_batch_has_a_bound(bench: Bench) -> None:
    with bench.busy():
        before = bench.transactions()
        for number in range(BATCH_SIZE_MAX + 1):
            bench.start(number, bench.put(b"%d" % number))
    assert bench.transactions() == before + 2
    assert len(bench.rows()) == BATCH_SIZE_MAX + 1


def test_steps_of_a_batch_run_in_the_order_of_their_submission_and_see_each_other(bench: Bench) -> None:
    def append(txn: Any) -> bytes:
        before: bytes = txn.get(b"log", db=bench.environment.table[TABLE]) or b""
        txn.put(b"log", before + b".", db=bench.environment.table[TABLE])
        return before

    with bench.busy():
        for number in range(5):
            bench.start(number, append)
    assert bench.outcomes == {number: b"." * number for number in range(5)}


@pytest.mark.parametrize("refusal", [NoSuchKey(Key="key"), ValueError("a fault of the step")])
def test_a_refused_step_leaves_nothing_and_the_others_of_its_batch_alone(bench: Bench, refusal: Exception) -> None:
    def refuse(txn: Any) -> None:
        bench.put(b"refused")(txn)
        raise refusal

    with bench.busy():
        before = bench.transactions()
        bench.start("first", bench.put(b"first"))
        bench.start("refused", refuse)
        bench.start("last", bench.put(b"last"))
    assert bench.outcomes["refused"] is refusal
    assert bench.rows() == {b"first", b"last"}
    assert bench.transactions() == before + 1


def test_a_refusal_is_told_once_what_it_rests_on_is_durable(bench: Bench) -> None:
    """Else a crash could take back the very row for which somebody was refused."""
    told: list[bool] = []

    def create(txn: Any) -> None:
        if txn.get(b"bucket", db=bench.environment.table[TABLE]):
            raise NoSuchKey(Key="already there")
        bench.put(b"bucket")(txn)

    with bench.busy():
        bench.start("first", create)
        second: Any = _Job(create)
        bench.writer._queue.put(second)
        bench.start("observer", lambda txn: told.append(second._is_done))
    with pytest.raises(NoSuchKey):
        second.wait()
    assert told == [False]


def test_a_step_that_lmdb_refuses_spoils_only_itself(bench: Bench) -> None:
    with bench.busy():
        bench.start("first", bench.put(b"first"))
        bench.start("spoilt", bench.put(b"k" * 1000))
        bench.start("last", bench.put(b"last"))
    assert bench.rows() == {b"first", b"last"}
    assert (bench.outcomes["first"], bench.outcomes["last"]) == (b"first", b"last")
    error = bench.outcomes["spoilt"]
    assert type(error) is InternalError
    assert "committing metadata" in str(error)


def test_a_refusal_stays_one_when_its_batch_is_tried_again(bench: Bench) -> None:
    refusal = NoSuchKey(Key="key")

    def refuse(txn: Any) -> None:
        raise refusal

    with bench.busy():
        bench.start("refused", refuse)
        bench.start("spoilt", bench.put(b"k" * 1000))
        bench.start("last", bench.put(b"last"))
    assert bench.outcomes["refused"] is refusal
    assert isinstance(bench.outcomes["spoilt"], InternalError)
    assert bench.rows() == {b"last"}


def test_a_write_that_does_not_fit_the_map_is_refused_as_full_and_the_others_are_kept(place: Path) -> None:
    bench = Bench(place / "meta", map_size_bytes=1 << 20)
    with bench.busy():
        bench.start("small", bench.put(b"small"))
        bench.start("large", bench.put(b"large", bytes(2 << 20)))
    error = bench.outcomes["large"]
    assert isinstance(error, StoreFull)
    assert "the metadata map is full: open the store with a larger map_size_bytes" in str(error)
    assert bench.rows() == {b"small"}
    bench.writer.submit(bench.put(b"after"))
    bench.writer.close()
    bench.environment.close()


def test_more_writers_than_the_bound_are_told_to_slow_down(place: Path) -> None:
    bench = Bench(place / "meta", depth_max=3)
    with bench.busy():
        for number in range(3):
            bench.start(number, bench.put(b"%d" % number))
        with pytest.raises(SlowDown, match="3 metadata writes are waiting already"):
            bench.writer.submit(bench.put(b"too many"))
    assert bench.rows() == {b"0", b"1", b"2"}
    bench.writer.submit(bench.put(b"later"))
    bench.writer.close()
    bench.environment.close()


def test_close_commits_what_waits_and_then_takes_nothing(bench: Bench) -> None:
    with bench.busy():
        for number in range(5):
            bench.start(number, bench.put(b"%d" % number))
        closing = threading.Thread(target=bench.writer.close)
        closing.start()
        while not bench.writer._closing:
            pass
        with pytest.raises(StoreClosed):
            bench.writer.submit(bench.put(b"late"))
    closing.join()
    assert bench.rows() == {b"%d" % number for number in range(5)}


def test_a_writer_that_never_wrote_has_no_thread_and_closes(bench: Bench) -> None:
    before = threading.active_count()
    idle = Writer(bench.environment, 10)
    idle.close()
    assert threading.active_count() == before


def test_a_closed_environment_fails_the_writes_that_wait(bench: Bench) -> None:
    bench.writer.submit(bench.put(b"key"))
    bench.environment.close()
    with pytest.raises(StoreClosed):
        bench.writer.submit(bench.put(b"late"))


def test_an_interruption_is_heard_only_after_the_commit(bench: Bench) -> None:
    """Who submits holds its file locked only until the call ends: a collector must not come between that and the commit."""

    class Interrupted(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    def step(txn: Any) -> bytes:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        time.sleep(0.1)
        return bench.put(b"key")(txn)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(Interrupted):
            bench.writer.submit(step)
        assert bench.rows() == {b"key"}
    finally:
        signal.signal(signal.SIGUSR1, before)
