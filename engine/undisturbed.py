"""Runs what must not be left half done where no exception of a signal handler can come: on a thread that is not the main one.

Python runs signal handlers between two instructions of the main thread, and only there. A handler that raises, as that of Ctrl-C does,
may therefore leave any function of the main thread between any two instructions: also after a lock was taken and before the `try` or
`with` that would give it back, and inside the `finally` that does. So the main thread holds no lock and counts nothing here: it hands
the whole step over, and waits. An interruption ends the wait; the step goes on to its end, and what it returns is dropped. So whatever
is returned must give itself back when it is dropped (`__del__`).

Library reference, `signal`: "Python signal handlers are always executed in the main Python thread of the main interpreter".
"""

import _thread
import functools
import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, ParamSpec, TypeVar, cast

Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


class Task(Generic[Result]):
    """A step that one thread runs and another one waits for."""

    __slots__ = ("_error", "_is_done", "_result", "_step", "_waker")

    def __init__(self, step: Callable[[], Result]) -> None:
        self._step: Callable[[], Result] | None = step
        self._waker = _thread.allocate_lock()  # an Event would take three
        self._waker.acquire()
        self._is_done = False
        self._error: BaseException | None = None
        self._result: Result | None = None

    def run(self) -> None:
        """Run the step; whatever it raises is the waiter's."""
        step, self._step = self._step, None
        assert step is not None, "a task is run once"
        try:
            self._result = step()
        except BaseException as error:
            self._error = error
        del step  # what it holds must not live until the next task comes
        self._is_done = True
        self._waker.release()

    def wait(self) -> Result:
        """The result, or the error, of the step."""
        while not self._is_done:
            self._waker.acquire()
        result, error = self._result, self._error
        self._result = self._error = None
        if error is not None:
            try:
                raise error
            finally:
                del error  # else the error and this frame keep each other
        return cast(Result, result)


class _Helper:
    """The thread that works for the main one."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin without a thread: as new, and in a forked child, where the parent's is not."""
        self._tasks: SimpleQueue[Task[object]] = SimpleQueue()
        self._is_started = False
        self._place = _thread.allocate_lock()

    def put(self, task: Task[Result]) -> None:
        """Have a task run; an interruption at any point loses it or does no harm."""
        if not self._is_started:
            # Interrupted between these two lines, there will be a second thread, which waits for ever.
            _thread.start_new_thread(self._work, ())
            self._is_started = True
        self._tasks.put(cast("Task[object]", task))

    def _work(self) -> None:
        """One task after the other: what comes after an abandoned one may rely on its end."""
        with self._place:
            while True:
                task = self._tasks.get()
                task.run()
                del task


_helper = _Helper()  # state of the module: there is one main thread
os.register_at_fork(after_in_child=_helper.begin)


def is_disturbed() -> bool:
    """Whether this is the thread in which signal handlers run."""
    return threading.get_ident() == threading.main_thread().ident and not sys.is_finalizing()


def undisturbed(step: Callable[[], Result]) -> Result:
    """Run a step to its end, whatever signal handlers raise meanwhile; it must not wait for anything that only its caller can do."""
    if not is_disturbed():
        return step()
    task = Task(step)
    _helper.put(task)
    return task.wait()


def later(step: Callable[[], object]) -> None:
    """Have a step run soon, by the same thread, without waiting for it: for `__del__`, which may come amid anything."""
    if not sys.is_finalizing():
        _helper.put(Task(step))


def shielded(step: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Have every call of a function run undisturbed."""

    @functools.wraps(step)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return undisturbed(lambda: step(*args, **kwargs))

    return run
