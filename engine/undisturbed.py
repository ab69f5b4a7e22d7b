"""Runs steps that must not stop half-way on a thread other than the main one, where no signal handler can raise.

Python runs signal handlers between two instructions of the main thread, and only there. A handler that raises, such as that of Ctrl-C,
may therefore abort any function of the main thread between any two instructions: even after a lock was taken but before the `try` or
`with` that would release it, and inside the `finally` that does. So the main thread takes no locks and changes no counts here: it hands
the whole step to another thread, and waits. An interruption ends the wait; the step runs to its end, and its result is dropped. So a
result that owns something must release it when it is dropped (`__del__`).

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
    """A step that one thread runs while another one waits for it."""

    __slots__ = ("_error", "_is_done", "_result", "_step", "_waker")

    def __init__(self, step: Callable[[], Result]) -> None:
        self._step: Callable[[], Result] | None = step
        self._waker = _thread.allocate_lock()  # an Event would take three
        self._waker.acquire()
        self._is_done = False
        self._error: BaseException | None = None
        self._result: Result | None = None

    def run(self) -> None:
        """Run the step; an exception that it raises is passed to the waiting thread."""
        step, self._step = self._step, None
        assert step is not None, "a task is run once"
        try:
            self._result = step()
        except BaseException as error:
            self._error = error
        del step  # its objects must not live until the next task comes
        self._is_done = True
        self._waker.release()

    def wait(self) -> Result:
        """Wait for the step; return its result, or raise its error."""
        while not self._is_done:
            self._waker.acquire()
        result, error = self._result, self._error
        self._result = self._error = None
        if error is not None:
            try:
                raise error
            finally:
                del error  # else the error and this frame keep each other alive
        return cast(Result, result)


class _Helper:
    """The thread that runs the main thread's tasks."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Reset to a state without a thread: at first, and in a forked child, which has no copy of the parent's thread."""
        self._tasks: SimpleQueue[Task[object]] = SimpleQueue()
        self._is_started = False
        self._work_lock = _thread.allocate_lock()

    def put(self, task: Task[Result]) -> None:
        """Queue a task. An interruption at any point may lose the task, but does no other harm."""
        if not self._is_started:
            # An interruption between these two lines leads to a second thread, which waits for ever.
            _thread.start_new_thread(self._work, ())
            self._is_started = True
        self._tasks.put(cast("Task[object]", task))

    def _work(self) -> None:
        """Run one task after the other, so that a task may rely on the end of an abandoned one before it."""
        with self._work_lock:
            while True:
                task = self._tasks.get()
                task.run()
                del task


_helper = _Helper()  # state of the module: there is one main thread
os.register_at_fork(after_in_child=_helper.begin)


def is_disturbed() -> bool:
    """Tell whether this is the thread in which signal handlers run."""
    return threading.get_ident() == threading.main_thread().ident and not sys.is_finalizing()


def undisturbed(step: Callable[[], Result]) -> Result:
    """Run a step to its end, whatever signal handlers raise meanwhile. It must not wait for anything that only its caller does."""
    if not is_disturbed():
        return step()
    task = Task(step)
    _helper.put(task)
    return task.wait()


def later(step: Callable[[], object]) -> None:
    """Queue a step on the same thread without waiting for it: for `__del__`, which may run between any two instructions."""
    if not sys.is_finalizing():
        _helper.put(Task(step))


def shielded(step: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a function so that each of its calls runs undisturbed."""

    @functools.wraps(step)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return undisturbed(lambda: step(*args, **kwargs))

    return run
