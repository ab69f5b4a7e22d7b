"""Runs every script, one after the other; a script that fails is named at the end."""

import argparse
import subprocess
import sys

SCRIPTS = (
    "import_time", "kernels", "overhead", "small_parts", "part_copies", "encryption", "flushes", "complete_strace",
    "pump_against_openssl", "memory", "writing",
)  # fmt: skip


def main() -> int:
    """Each in a process of its own."""
    failed = [name for name in SCRIPTS if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode]
    for name in failed:
        print(f"failed: benchmarks.{name}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__).parse_args()
    sys.exit(main())
