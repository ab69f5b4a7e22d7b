"""What SSE-C costs: uploads by the pump and reads of ranges, with and without, taking turns on one core; and bytes on the disk.

In memory, so that no disk blurs it, by this thread's processor time. Run: python -m benchmarks.encryption
"""

import functools
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import MIB, Report, Samples, take_turns
from benchmarks.places import scratch, store_at
from engine import Store

PART_SIZE = 64 * MIB
ROUNDS = 12
RANGES = {"1 byte": (1, 400), "64 KiB": (64 * 1024, 400), "8 MiB": (8 * MIB, 8)}
"""Size of a range, and how many are read in one go."""

CLEAR: dict[str, Any] = {}
SEALED: dict[str, Any] = {"sse_customer_algorithm": "AES256", "sse_customer_key": bytes(range(32))}
KINDS = {"clear": CLEAR, "SSE-C": SEALED}


def main() -> None:
    """Uploads without a named checksum (a clear one keeps CRC64NVME all the same, a sealed one can't) and with one; then reads."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report = Report(
        "encryption", "SSE-C against clear: uploads by the pump and ranged reads on tmpfs, one core, CPU time"
    )
    with scratch("tmpfs") as path, store_at(path) as store:
        source = Path(path, "source")
        source.write_bytes(random.Random(6).randbytes(PART_SIZE))
        for label, named in (("upload, MD5", {}), ("upload, MD5 and CRC64NVME", {"checksum_algorithm": "CRC64NVME"})):
            ratio = compare(report, label, uploads(store, source, named), PART_SIZE)
        report.goal("SSE-C / clear, upload with the same checksum", ratio, at_most=1.2)
        for kind, said in KINDS.items():
            with source.open("rb") as file:
                store.put_object("bench", kind, file, **said)
        for label, (size, count) in RANGES.items():
            compare(report, f"read of {label}", reads(store, size, count), size * count, count)
        sealed = size_of_file(path, store, SEALED, source) / PART_SIZE - 1
        report.row("bytes on disk, SSE-C over clear", percent=sealed * 100)
    report.finish()


def uploads(store: Store, source: Path, named: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """One part, again and again in its own place."""

    def upload(upload_id: str, said: dict[str, Any]) -> None:
        with source.open("rb") as file:
            store.upload_part("bench", "upload", upload_id, 1, file, **said)

    return {
        kind: functools.partial(
            upload, store.create_multipart_upload("bench", "upload", **named, **said).upload_id, said
        )
        for kind, said in KINDS.items()
    }


def reads(store: Store, size: int, count: int) -> dict[str, Callable[[], object]]:
    """Ranges of one size that begin anywhere, the same of each object."""
    starts = random.Random(size).choices(range(PART_SIZE - size), k=count)

    def read(key: str, said: dict[str, Any]) -> None:
        for start in starts:
            with store.get_object("bench", key, range=f"bytes={start}-{start + size - 1}", **said).body as body:
                assert sum(map(len, iter(lambda: body.read(MIB), b""))) == size

    return {kind: functools.partial(read, kind, said) for kind, said in KINDS.items()}


def compare(
    report: Report, label: str, functions: dict[str, Callable[[], object]], amount: int, count: int = 1
) -> float:
    """Rows of each kind by its best round, and their ratio."""
    taken = take_turns(functions, ROUNDS, clock=time.thread_time)
    for kind, samples in taken.items():
        best = samples.quantile(0)
        report.row(f"{label}: {kind}", **{"best us": best / count * 1e6, "GB/s": amount / best / 1e9})
    ratio = taken["SSE-C"].quantile(0) / taken["clear"].quantile(0)
    report.row(f"{label}: SSE-C / clear", ratio=ratio, **{"of medians": median_ratio(taken)})
    return ratio


def median_ratio(taken: dict[str, Samples]) -> float:
    return taken["SSE-C"].median / taken["clear"].median


def size_of_file(path: str, store: Store, said: dict[str, Any], source: Path) -> int:
    """How large the one new file of a part is."""
    blobs = Path(path, "store", "blobs")
    before = set(blobs.rglob("*"))
    with source.open("rb") as file:
        store.put_object("bench", "one more", file, **said)
    (new,) = (found for found in set(blobs.rglob("*")) - before if found.is_file())
    return new.stat().st_size


if __name__ == "__main__":
    main()
