"""Group commit: one thread a process commits every write that is waiting, in one LMDB transaction.

A write joins a batch only after its files are durable (its caller sees to that). There is no timer: an idle writer commits at once,
a busy one takes what has gathered meanwhile. A refused step leaves the others of its batch alone; a failed commit fails them all.

Those who submit hold no lock that an exception of a signal handler could leave held: the queue is C's, and a write is in it or not.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar, cast

from engine.errors import S3Error, SlowDown, StoreClosed
from engine.meta.lmdb.environment import Environment, LmdbError, Panic, Transaction, write_failure
from engine.meta.lmdb.headroom import Headroom
from engine.undisturbed import shielded

Result = TypeVar("Result")
BATCH_SIZE_MAX = 512


class _Job(Generic[Result]):
    __slots__ = ("_error", "_is_done", "_result", "_waker", "step")

    def __init__(self, step: Callable[[Transaction], Result]) -> None:
        self.step = step
        self._waker = threading.Lock()  # an Event would take three
        self._waker.acquire()
        self._is_done = False
        self._error: BaseException | None = None
        self._result: Result | None = None

    def run(self, txn: Transaction) -> None:
        self._error, self._result = None, self.step(txn)

    def refuse(self, error: Exception) -> None:
        self._error = error

    def finish(self, failure: BaseException | None = None) -> None:
        """Tell the outcome, once: that of the step, unless all of its batch failed."""
        if not self._is_done:
            self._error = failure or self._error
            self._is_done = True
            self._waker.release()

    def wait(self) -> Result:
        """The outcome. An interruption (Ctrl-C) is raised only after it: until then the caller must keep its file locked."""
        interruption: BaseException | None = None
        while not self._is_done:
            try:
                self._waker.acquire()
            except BaseException as error:
                interruption = error
        if interruption is not None:
            raise interruption
        if self._error is not None:
            raise self._error
        return cast(Result, self._result)


class Writer:
    """The write queue of one environment."""

    def __init__(self, environment: Environment, depth_max: int) -> None:
        self._environment = environment
        self._headroom = Headroom(environment.path)
        self._depth_max = depth_max
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = self._ended = False

    def waiting(self) -> int:
        """How many writes wait for the next batch."""
        return self._queue.qsize()

    def submit(self, step: Callable[[Transaction], Result]) -> Result:
        """Run `step(txn)` in the next batch; return its result once the batch is durable.

        `step` must not have side effects outside the transaction, for it may run twice.

        Raises:
            S3Error: the step refused; nothing of it is kept.
            SlowDown: too many writes wait.
            StoreFull, CommitUnknown, InternalError: the transaction or its commit failed.
            StoreClosed: the store is being closed.
        """
        job: _Job[Result] = _Job(step)
        if self._closing:
            raise StoreClosed("the store is closed")
        if self.waiting() >= self._depth_max:
            raise SlowDown(reason=f"{self._depth_max} metadata writes are waiting already")
        if self._thread is None:
            self._start()
        self._queue.put(job)
        if self._ended:
            self._refuse_rest()
        return job.wait()

    @shielded
    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="partwright-writer", daemon=True)
                self._thread.start()
            self._ended |= self._thread is None

    @shielded
    def close(self) -> None:
        """Commit what waits, and end the thread."""
        with self._starting:
            self._closing = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    def _refuse_rest(self) -> None:
        """Refuse what came behind the end: the thread does so when it ends, and whoever submits then."""
        while True:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return
            if job is not None:
                job.finish(StoreClosed("the store is closed"))

    def _work(self) -> None:
        while batch := self._next_batch():
            try:
                self._commit(batch)
            except BaseException as error:
                for job in batch:
                    job.finish(error)
            del batch
        self._ended = True
        self._refuse_rest()

    def _next_batch(self) -> list[_Job[Any]]:
        """What waits, at least one; nothing once the writer is closed and all before that is committed."""
        batch: list[_Job[Any]] = []
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == BATCH_SIZE_MAX:
                return batch
            try:
                job = self._queue.get_nowait()
            except Empty:
                return batch
        if batch:
            self._queue.put(None)  # the end was in sight: it comes again
        return batch

    def _commit(self, batch: list[_Job[Any]], *, last_try: bool = False) -> None:
        committing = False
        try:
            with self._environment.opened() as env, env.begin(write=True) as txn:
                self._headroom.ensure(env)
                _apply(env, txn, batch)
                committing = True
        except LmdbError as error:
            if committing or isinstance(error, Panic):
                self._environment.reopen()
            if committing or last_try:
                _fail(batch, write_failure(self._environment, error, committing=committing), error)
            else:  # one step may have spoilt it for all: each on its own
                for job in batch:
                    self._commit([job], last_try=True)
        else:
            for job in batch:
                job.finish()


def _apply(env: Any, txn: Transaction, batch: list[_Job[Any]]) -> None:
    """Run each step in a transaction of its own inside `txn`.

    A refusal is told after the commit as well: it may rest on rows of this very batch.
    """
    for job in batch:
        try:
            with env.begin(write=True, parent=txn) as step_txn:
                job.run(step_txn)
        except LmdbError:
            raise
        except Exception as error:
            job.refuse(error)


def _fail(batch: list[_Job[Any]], failure: S3Error, cause: Exception) -> None:
    failure.__cause__ = cause
    for job in batch:
        job.finish(failure)
