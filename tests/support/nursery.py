"""Processes made cheaply: a server that has the engine imported forks one child a task, in a millisecond instead of 200.

A task is "module:function" and keyword arguments that JSON can carry. The child knows nothing of the test's own process.
"""

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


class Child:
    """One forked child; its end is awaited with `wait`, which gives the wait status."""

    def __init__(self, pid: int, server: "Nursery") -> None:
        self.pid = pid
        self._server = server

    def kill(self) -> None:
        """Kill it at once; harmless if it has ended and is not yet waited for by the server."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """The exit code, negative for a signal."""
        return os.waitstatus_to_exitcode(int(self._server.ask("wait", pid=self.pid)))


class Nursery:
    """A fork server; use it in a `with`, which ends the server and all that it bore."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def start(self, task: str, **arguments: Any) -> Child:
        """Fork a child that runs a task."""
        return Child(int(self.ask("start", task=task, arguments=arguments)), self)

    def run(self, task: str, **arguments: Any) -> int:
        """Fork a child, and wait for its exit code."""
        return self.start(task, **arguments).wait()

    def ask(self, verb: str, **details: Any) -> str:
        """Send the server one command and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"verb": verb, **details}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery died"
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def _bear(answers: int, task: str, arguments: dict[str, Any]) -> int:
    module, _, function = task.partition(":")
    work = getattr(importlib.import_module(module), function)  # imported once, for all children
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.close(answers)
        _die_with_the_server()
        work(**arguments)
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _die_with_the_server() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def serve() -> None:
    """Take commands from stdin until it ends; answers go to what was stdout, which children do not get."""
    import lmdb._envid  # noqa: F401  lmdb imports it when it first opens something

    import engine  # noqa: F401  imported once, for all children
    from tests.support import workload  # noqa: F401

    answers = os.dup(1)
    os.dup2(2, 1)
    for line in sys.stdin:
        command = json.loads(line)
        if command["verb"] == "start":
            answer = _bear(answers, command["task"], command["arguments"])
        else:
            _, answer = os.waitpid(command["pid"], 0)
        os.write(answers, b"%d\n" % answer)


if __name__ == "__main__":
    serve()
