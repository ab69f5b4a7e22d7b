"""Runs Python in a process of its own: for the environment, for limits, and for what may crash."""

import os
import subprocess
import sys
from collections.abc import Sequence

PEAK_KIB = """
def peak_kib():
    # Not ru_maxrss: that one remembers, across exec, how big the parent was.
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""


def _environment(**changes: str) -> dict[str, str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path, **changes}


def run_python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` with this interpreter and module path; `environment` comes on top of ours."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=_environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
    )


def start_python(code: str, *arguments: str, wrapper: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start `code` to talk with over its pipes; `wrapper` is a command that runs the rest of its line, such as strace."""
    return subprocess.Popen(
        [*wrapper, sys.executable, "-c", code, *arguments],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def python_output(code: str, *arguments: str, **environment: str) -> str:
    """Run `code`, which must succeed, and return what it printed."""
    result = run_python(code, *arguments, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout
