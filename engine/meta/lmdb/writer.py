"""Group commit: one thread of a process commits all waiting writes in one LMDB transaction.

Callers submit a write only after its files are durable. There is no timer: an idle writer commits at once, a busy one takes all writes
that have gathered meanwhile. A refused step does not affect the others of its batch; a failed commit fails them all.

Submitting takes no lock that an exception of a signal handler could leave locked: the queue is implemented in C, and takes a write
wholly or not at all.
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
        self._waker = threading.Lock()  # an Event would allocate three
        self._waker.acquire()
        self._is_done = False
        self._error: BaseException | None = None
        self._result: Result | None = None

    def run(self, txn: Transaction) -> None:
        self._error, self._result = None, self.step(txn)

    def refuse(self, error: Exception) -> None:
        self._error = error

    def finish(self, failure: BaseException | None = None) -> None:
        """Wake the waiting thread, once, with the outcome of the step, or with the failure of its whole batch."""
        if not self._is_done:
            self._error = failure or self._error
            self._is_done = True
            self._waker.release()

    def wait(self) -> Result:
        """Wait for the outcome. An interruption (Ctrl-C) is raised only then, since the caller must keep its file locked until then."""
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
        """Return how many writes wait for the next batch."""
        return self._queue.qsize()

    def submit(self, step: Callable[[Transaction], Result]) -> Result:
        """Run `step(txn)` in the next batch; return its result once the batch is durable.

        `step` must not have side effects outside the transaction, since it may run twice.

        Raises:
            S3Error: the step raised it; nothing that it wrote is kept.
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
        """Commit the waiting writes, and end the thread."""
        with self._starting:
            self._closing = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()

    def _refuse_rest(self) -> None:
        """Refuse the writes queued behind the end. Both the ending thread and later submitters call this."""
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
        """Wait for a write, and return all that wait; return nothing once the writer is closed and has no more."""
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
            self._queue.put(None)  # the end marker is read again, after this batch
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
            else:  # one step may have failed the whole batch: commit each on its own
                for job in batch:
                    self._commit([job], last_try=True)
        else:
            for job in batch:
                job.finish()


def _apply(env: Any, txn: Transaction, batch: list[_Job[Any]]) -> None:
    """Run each step in a transaction of its own inside `txn`.

    A refusal is returned only after the commit, too, since it may depend on rows of this batch.
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
