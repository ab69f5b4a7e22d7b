"""How long `import engine` takes in a fresh interpreter, beside an empty program and the libraries it needs, and in which modules.

Run: python -m benchmarks.import_time
"""

import os
import resource
import subprocess
import sys
import tempfile

from benchmarks.harness import Report, take_turns

ROUNDS = 25
SHOWN = 15
GOAL_MS = 60.0
LIBRARIES = "import msgspec, lmdb, _cffi_backend"


class Interpreter:
    """Starts Python with compiled modules kept in a directory of ours, whatever the caller's environment says."""

    def __init__(self, compiled: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._environment = {**kept, "PYTHONPYCACHEPREFIX": compiled}

    def run(self, *arguments: str) -> str:
        """What it prints on standard error."""
        command = [sys.executable, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=self._environment)
        return done.stderr


def processor_s() -> float:
    """Processor time of all children so far: a busy machine hardly changes it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def modules(python: Interpreter) -> list[tuple[int, int, str]]:
    """(own microseconds, with what it imports, name) of every module that `import engine` brings in, slowest first."""
    known = {row[2] for row in _import_times(python, "pass")}
    return sorted((row for row in _import_times(python, "import engine") if row[2] not in known), reverse=True)


def _import_times(python: Interpreter, code: str) -> list[tuple[int, int, str]]:
    lines = python.run("-X", "importtime", "-c", code).splitlines()[1:]
    rows = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")]
    return [(int(own), int(whole), name.strip()) for own, whole, name in rows if own.strip().isdigit()]


def main() -> None:
    """Time all in turn, then ask the interpreter for the modules."""
    report = Report("import_time", "import engine in a fresh interpreter, its modules compiled before")
    with tempfile.TemporaryDirectory() as compiled:
        python = Interpreter(compiled)
        programs = {
            "empty program": lambda: python.run("-c", "pass"),
            "its libraries alone": lambda: python.run("-c", LIBRARIES),
            "import engine": lambda: python.run("-c", "import engine"),
        }
        taken = take_turns(programs, ROUNDS)
        processor = take_turns(programs, ROUNDS, clock=processor_s)
        slowest = modules(python)[:SHOWN]
    for name in programs:
        report.row(f"{name}, wall", **taken[name].columns())
        report.row(f"{name}, cpu", **processor[name].columns())
    for own, whole, name in slowest:
        report.row(f"module {name}", own_ms=own / 1e3, with_imports_ms=whole / 1e3)
    for clock, samples in {"wall": taken, "cpu": processor}.items():
        added = (samples["import engine"].median - samples["empty program"].median) * 1e3
        report.goal(f"import engine, {clock} ms", added, at_most=GOAL_MS)
    report.finish()


if __name__ == "__main__":
    main()
