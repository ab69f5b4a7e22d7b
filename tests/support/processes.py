"""Runs Python in a process of its own: for the environment, for limits, and for what may crash."""

import os
import subprocess
import sys

PEAK_KIB = """
def peak_kib():
    # Not ru_maxrss: that one remembers, across exec, how big the parent was.
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""


def run_python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` with this interpreter and module path; `environment` comes on top of ours."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def python_output(code: str, *arguments: str, **environment: str) -> str:
    """Run `code`, which must succeed, and return what it printed."""
    result = run_python(code, *arguments, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout
