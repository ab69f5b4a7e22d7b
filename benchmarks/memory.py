"""Peak memory of a process that stores a part of 64 MiB, and of one that stores a part of 5 GiB: it must be the same.

Run: python -m benchmarks.memory [disk|tmpfs]
"""

import os
import sys

from benchmarks.harness import GIB, MIB, Report, elapsed, in_fresh_process, peak_rss_bytes
from benchmarks.load import in_flight
from benchmarks.places import scratch, store_at

SIZES = {"64 MiB": 64 * MIB, "1 GiB": GIB, "5 GiB": 5 * GIB}
UPLOADS_AT_ONCE = 64
GROWTH_MIB_MAX = 1.0
UPLOAD_MIB_MAX = 2.0
"""Resident memory for each upload in flight; Source: budgets of the design."""


def store_sparse_part(place: str, size: int) -> tuple[int, int, float]:
    """Peak resident bytes before and after one part from a sparse file, and the seconds it took."""
    with scratch(place) as path, store_at(path) as store:
        source = os.path.join(path, "sparse")
        with open(source, "wb") as file:
            file.truncate(size)
        upload_id = store.create_multipart_upload("bench", "key").upload_id
        store.upload_part("bench", "key", upload_id, 1, b"first")
        before = peak_rss_bytes()
        with open(source, "rb") as file, elapsed() as seconds:
            store.upload_part("bench", "key", upload_id, 2, file)
        return before, peak_rss_bytes(), seconds()


def store_at_once(place: str, count: int) -> tuple[int, int]:
    """Peak resident bytes before and after so many parts of 8 MiB in flight at once."""
    with scratch(place) as path, store_at(path) as store:
        source = os.path.join(path, "sparse")
        with open(source, "wb") as file:
            file.truncate(8 * MIB)
        upload_id = store.create_multipart_upload("bench", "key").upload_id
        store.upload_part("bench", "key", upload_id, 1, b"first")

        def put(number: int) -> None:
            with open(source, "rb") as body:
                store.upload_part("bench", "key", upload_id, number + 2, body)

        before = peak_rss_bytes()
        in_flight(count, count, put)
        return before, peak_rss_bytes()


def main(places: list[str]) -> None:
    """Store each size in a process of its own."""
    report = Report("memory", "peak resident memory of a process that stores one part from a sparse file")
    for place in places:
        growth = {}
        for name, size in SIZES.items():
            before, peak, seconds = in_fresh_process(store_sparse_part, place, size)
            growth[name] = (peak - before) / MIB
            report.row(
                f"{place}: {name}",
                before_mib=before / MIB,
                peak_mib=peak / MIB,
                growth_mib=growth[name],
                seconds=seconds,
            )
        report.goal(f"{place}: 5 GiB over 64 MiB, MiB", growth["5 GiB"] - growth["64 MiB"], at_most=GROWTH_MIB_MAX)
        before, peak = in_fresh_process(store_at_once, place, UPLOADS_AT_ONCE)
        report.row(f"{place}: {UPLOADS_AT_ONCE} at once", before_mib=before / MIB, peak_mib=peak / MIB)
        each = (peak - before) / MIB / UPLOADS_AT_ONCE
        report.goal(f"{place}: MiB for each upload in flight", each, at_most=UPLOAD_MIB_MAX)
    report.finish()


if __name__ == "__main__":
    main(sys.argv[1:] or ["disk"])
