"""UploadPartCopy of 8 MiB parts by reference, by bytes, and UploadPart of the same bytes: requests a second, taking turns.

By bytes means a range that is one byte short of the stored part, so that it must be read and digested anew.

Run: python -m benchmarks.part_copies [disk|tmpfs]
"""

import random
import sys
from collections.abc import Callable

from benchmarks.harness import MIB, Report
from benchmarks.load import Outcome, in_flight
from benchmarks.places import store_on
from engine import Store

SIZE = 8 * MIB
COUNTS = {"by reference": 500, "by bytes": 32, "sent": 32}
IN_FLIGHT = (1, 4)
RUNS = 3
BODY = random.Random(7).randbytes(SIZE)
RATIO_MIN = 10


def requests(store: Store, upload_id: str) -> dict[str, Callable[[int], object]]:
    """Each kind of request, for the part of a number."""
    short = f"bytes=0-{SIZE - 2}"
    return {
        "by reference": lambda i: store.upload_part_copy("bench", "key", upload_id, i + 1, "bench/source"),
        "by bytes": lambda i: store.upload_part_copy(
            "bench", "key", upload_id, i + 1, "bench/source", copy_source_range=short
        ),
        "sent": lambda i: store.upload_part("bench", "key", upload_id, i + 1, BODY),
    }


def run(store: Store, name: str, threads: int) -> Outcome:
    """Some requests of one kind into an upload of their own, which is aborted again."""
    upload_id = store.create_multipart_upload("bench", "key").upload_id
    outcome = in_flight(threads, COUNTS[name], requests(store, upload_id)[name])
    store.abort_multipart_upload("bench", "key", upload_id)
    return outcome


def main(places: list[str]) -> None:
    """Several runs of each, taking turns; the best run is kept, for others only slow it down."""
    report = Report("part_copies", "a part of 8 MiB copied within the store, by library call")
    for place in places:
        with store_on(place) as store:
            store.put_object("bench", "source", BODY)
            for threads in IN_FLIGHT:
                runs: dict[str, list[Outcome]] = {name: [] for name in COUNTS}
                for _ in range(RUNS):
                    for name, taken in runs.items():
                        taken.append(run(store, name, threads))
                best = {name: max(taken, key=lambda one: one.rate) for name, taken in runs.items()}
                for name, one in best.items():
                    report.row(
                        f"{place}: {name}, {threads} in flight", per_s=one.rate, p50_ms=one.latencies.median * 1e3,
                        p99_ms=one.latencies.quantile(0.99) * 1e3, mib_per_s=one.rate * SIZE / MIB, cpu_us_each=one.cpu_us,
                        slowest_run_per_s=min(each.rate for each in runs[name]),
                    )  # fmt: skip
                ratio = best["by reference"].rate / best["by bytes"].rate
                report.goal(f"{place}: by reference / by bytes, {threads} in flight", ratio, at_least=RATIO_MIN)
    report.finish()


if __name__ == "__main__":
    main(sys.argv[1:] or ["disk", "tmpfs"])
