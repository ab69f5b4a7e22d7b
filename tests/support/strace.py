"""Attaches strace to one thread of a child, to list its system calls, to kill it before one of them, or to make one of them fail.

strace counts `when=` for each call name and thread by itself, so one thread is attached at a time. --seccomp-bpf must stay away: with
it the injection of signals silently does nothing. Whoever injects asserts that the fault really fired.
"""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

_CALL = re.compile(r"(\d+ +)?(\w+)\((.*)$")
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"(\d+ +)?<\.\.\. \w+ resumed>(.*)$")
_INJECTED = "(INJECTED)"


def is_installed() -> bool:
    """Whether there is an strace to attach."""
    return shutil.which("strace") is not None


@dataclass(frozen=True, slots=True)
class Call:
    """One system call in a trace: the n-th of its name in its thread, counted from 1; `text` is its arguments and result."""

    name: str
    nth: int
    text: str

    @property
    def was_injected(self) -> bool:
        """Whether strace made it fail."""
        return _INJECTED in self.text

    def __str__(self) -> str:
        return f"{self.name}#{self.nth}"


def calls_in(trace: Path) -> list[Call]:
    """The calls of a trace, in the order in which they began; one that another thread's interrupted has its end put to it."""
    counts: dict[str, int] = {}
    calls: list[Call] = []
    unfinished: dict[str | None, int] = {}
    for line in trace.read_text(errors="replace").splitlines():
        if found := _CALL.match(line):
            thread, name, text = found.groups()
            counts[name] = counts.get(name, 0) + 1
            if text.endswith(_UNFINISHED):
                unfinished[thread], text = len(calls), text.removesuffix(_UNFINISHED)
            calls.append(Call(name, counts[name], text))
        elif (found := _RESUMED.match(line)) and found[1] in unfinished:
            place = unfinished.pop(found[1])
            calls[place] = replace(calls[place], text=calls[place].text + found[2])
    return calls


@contextmanager
def attached(
    thread_id: int,
    trace: Path,
    *,
    calls: str = "all",
    inject: str | None = None,
    only: Path | None = None,
    follow: bool = False,
) -> Iterator[None]:
    """Trace one thread into a file until it ends (or the `with` is left); entered once strace holds the thread.

    `inject` is strace's own expression without the calls, e.g. "signal=SIGKILL:when=3"; `only` leaves out calls that are
    not about that path; `follow` traces the threads to come as well.
    """
    command = ["strace", "-y", "-o", str(trace), "-p", str(thread_id), "-e", f"trace={calls}", "-e", "signal=none"]
    command += ["-f"] if follow else []
    command += [] if only is None else ["-P", str(only)]
    if inject is not None:
        command += ["-e", f"inject={calls}:{inject}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            answer = process.stderr.readline()
            assert f"Process {thread_id} attached" in answer, f"strace did not attach: {answer}"
            yield
            process.wait(timeout=60)
        finally:
            process.terminate()


class Gate:
    """A named pipe at which a child waits until its tracer is in place; a file beside it names the thread to be traced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def await_child(self) -> int:
        """Wait until the child stands at the gate; the descriptor to let it through with."""
        return os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)

    def thread_id(self) -> int:
        """The thread that the child at the gate wants to be traced."""
        return int(_thread_file(self.path).read_text())

    def remove(self) -> None:
        """Take the pipe away."""
        self.path.unlink()
        _thread_file(self.path).unlink()


def wait_at(gate: str, thread_id: int | None = None) -> None:
    """In the child: wait at a gate for a tracer of this thread, or of the calling one."""
    _thread_file(Path(gate)).write_text(str(thread_id or threading.get_native_id()))
    with open(gate, "rb", buffering=0) as pipe:
        pipe.read(1)


def _thread_file(gate: Path) -> Path:
    return gate.with_name(f"{gate.name}-thread")
