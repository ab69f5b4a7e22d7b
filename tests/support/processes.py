"""Runs Python in a process of its own: for the environment, for limits, and for what may crash."""

import os
import subprocess
import sys


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
