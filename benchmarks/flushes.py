"""How many flushes a durable part costs at 1, 8 and 32 in flight, counted by the loop device below a file system of its own.

Needs root. Run: python -m benchmarks.flushes [ext4 xfs ...]
"""

import random
import sys

from benchmarks.harness import Report
from benchmarks.load import in_flight
from benchmarks.places import TINY, TINY_FILES, LoopDisk, loop_disk, store_at
from engine import Limits

GOALS = {1: 4.1, 8: 1.2, 32: 0.5}
"""Flushes a part; Source: budgets of the design, and what the bare protocol took."""
PARTS = 600
RUNS = 3
KINDS: dict[str, tuple[Limits, int]] = {"64 KiB in a file": (TINY_FILES, 65536), "4 KiB in a row": (TINY, 4096)}


def count_flushes(disk: LoopDisk, limits: Limits, size: int, threads: int, name: str) -> tuple[float, float]:
    """Flushes a part, and parts a second."""
    body = random.Random(threads).randbytes(size)
    with store_at(f"{disk.mount}/{name}", limits) as store:
        upload_id = store.create_multipart_upload("bench", "key").upload_id
        before = disk.flushes()
        outcome = in_flight(threads, PARTS, lambda i: store.upload_part("bench", "key", upload_id, i + 1, body))
        return (disk.flushes() - before) / PARTS, outcome.rate


def main(file_systems: list[str]) -> None:
    """Count for each file system, kind of part and number in flight."""
    report = Report("flushes", "flushes a durable part, by the loop device's own count")
    for file_system in file_systems:
        for kind, (limits, size) in KINDS.items():
            for threads, goal in GOALS.items():
                with loop_disk(file_system) as disk:
                    runs = [
                        count_flushes(disk, limits, size, threads, f"{threads}-{run}") for run in range(RUNS)
                    ]  # fmt: skip
                counts = sorted(flushes for flushes, _ in runs)
                label = f"{file_system}, {kind}, {threads} in flight"
                rate = sorted(rate for _, rate in runs)[RUNS // 2]
                report.row(label, least=counts[0], median=counts[RUNS // 2], most=counts[-1], parts_per_s=rate)
                report.goal(label, counts[RUNS // 2], at_most=goal)
    report.finish()


if __name__ == "__main__":
    main(sys.argv[1:] or ["ext4"])
