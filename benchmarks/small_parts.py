"""A durable 4 KiB part: latency alone, and rate with many in flight, beside bare synchronous LMDB commits of the same bytes.

Run: python -m benchmarks.small_parts [disk|tmpfs]
"""

import os
import random
import sys

import lmdb

from benchmarks.harness import Report
from benchmarks.load import Outcome, in_flight
from benchmarks.places import TINY, scratch, store_at

SIZE = 4096
ALONE = 1000
TOGETHER = 8000
RUNS = 3
BODY = random.Random(6).randbytes(SIZE)


def bare_commits(path: str, count: int) -> Outcome:
    """One synchronous commit for each 4 KiB value, by one thread, nothing else."""
    with lmdb.open(os.path.join(path, "bare"), map_size=1 << 30, subdir=True) as env:

        def commit(number: int) -> None:
            with env.begin(write=True) as txn:
                txn.put(number.to_bytes(8, "big"), BODY)

        return in_flight(1, count, commit)


def parts(path: str, threads: int, count: int) -> Outcome:
    """Parts through the library."""
    with store_at(path, TINY) as store:
        upload_id = store.create_multipart_upload("bench", f"key-{threads}").upload_id
        return in_flight(
            threads, count, lambda i: store.upload_part("bench", f"key-{threads}", upload_id, i % 10_000 + 1, BODY)
        )


def main(places: list[str]) -> None:
    """Several runs of each, taking turns; the best run is kept, for others only slow it down."""
    report = Report("small_parts", "a durable 4 KiB part by library call")
    for place in places:
        alone, together, bare = [], [], []
        for _ in range(RUNS):
            with scratch(place) as path:
                bare.append(bare_commits(path, ALONE))
                alone.append(parts(path + "/1", 1, ALONE))
                together.append(parts(path + "/16", 16, TOGETHER))
        for name, runs in {"bare commit": bare, "part, alone": alone, "part, 16 in flight": together}.items():
            rates = sorted(run.rate for run in runs)
            best = max(runs, key=lambda run: run.rate)
            report.row(
                f"{place}: {name}", p50_ms=best.latencies.median * 1e3, p99_ms=best.latencies.quantile(0.99) * 1e3,
                per_s=rates[-1], slowest_run_per_s=rates[0], cpu_us_each=best.cpu_us,
            )  # fmt: skip
        report.goal(f"{place}: p50 alone, ms", min(run.latencies.median for run in alone) * 1e3, at_most=1.0)
        report.goal(f"{place}: p99 alone, ms", min(run.latencies.quantile(0.99) for run in alone) * 1e3, at_most=2.0)
        report.goal(f"{place}: parts/s at 16 in flight", max(run.rate for run in together), at_least=4000)
    report.finish()


if __name__ == "__main__":
    main(sys.argv[1:] or ["disk", "tmpfs"])
