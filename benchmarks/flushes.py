"""How many flushes a durable part costs at 1, 8 and 32 in flight, counted by the loop device below a file system of its own.

Beside it the bare protocol, which shows what this device and file system give. Parts up to 16 KiB lie in a row, larger ones in a file.
Needs root. Run: python -m benchmarks.flushes [--image disk|tmpfs] [ext4 xfs ...]
"""

import argparse
import random
from collections.abc import Callable

from benchmarks.bare_protocol import bare_protocol
from benchmarks.harness import Report
from benchmarks.load import in_flight
from benchmarks.places import PLACES, TINY, TINY_FILES, LoopDisk, loop_disk, store_at
from engine import Limits

GOALS = {1: 4.1, 8: 1.2, 32: 0.5}
"""Flushes a part; Source: budgets of the design."""
PARTS = 600
RUNS = 3
KINDS: dict[str, tuple[Limits, int]] = {"4 KiB in a row": (TINY, 4096), "64 KiB in a file": (TINY_FILES, 65536)}

Counts = list[tuple[float, float]]


def count(disk: LoopDisk, threads: int, part: Callable[[int], object]) -> tuple[float, float]:
    """Flushes a part, and parts a second."""
    before = disk.flushes()
    outcome = in_flight(threads, PARTS, part)
    return (disk.flushes() - before) / PARTS, outcome.rate


def count_ours(disk: LoopDisk, limits: Limits, size: int, threads: int) -> Counts:
    body = random.Random(threads).randbytes(size)
    with store_at(f"{disk.mount}/ours", limits) as store:
        uploads = [store.create_multipart_upload("bench", "key").upload_id for _ in range(RUNS)]
        return [
            count(disk, threads, lambda i, to=to: store.upload_part("bench", "key", to, i + 1, body)) for to in uploads
        ]


def count_bare(disk: LoopDisk, limits: Limits, size: int, threads: int) -> Counts:
    body = random.Random(threads).randbytes(size)
    with bare_protocol(f"{disk.mount}/bare", in_files=size > limits.inline_size_bytes_max) as bare:
        return [count(disk, threads, lambda _: bare.part(body)) for _ in range(RUNS)]


def main() -> None:
    """Count for each file system, kind of part and number in flight."""
    parser = argparse.ArgumentParser(description="flushes a durable part")
    parser.add_argument("--image", choices=PLACES, default="tmpfs", help="where the device's image lies")
    parser.add_argument("file_systems", nargs="*", default=["ext4"])
    options = parser.parse_args()
    report = Report(
        f"flushes_{options.image}", f"flushes a durable part, by the loop device (image on {options.image})"
    )
    for file_system in options.file_systems:
        for kind, (limits, size) in KINDS.items():
            for threads, goal in GOALS.items():
                with loop_disk(file_system, options.image) as disk:
                    ours, bare = (counter(disk, limits, size, threads) for counter in (count_ours, count_bare))
                label = f"{file_system}, {kind}, {threads} in flight"
                add(report, label, ours, bare)
                report.goal(label, sorted(ours)[RUNS // 2][0], at_most=goal)
    report.finish()


def add(report: Report, label: str, ours: Counts, bare: Counts) -> None:
    """One row: the spread of our flushes, the bare protocol's, and both rates."""
    (least, _), (median, rate), (most, _) = sorted(ours)
    bare_median, bare_rate = sorted(bare)[RUNS // 2]
    report.row(
        label, least=least, median=median, most=most, bare=bare_median, ratio=median / bare_median,
        parts_per_s=rate, bare_per_s=bare_rate,
    )  # fmt: skip


if __name__ == "__main__":
    main()
