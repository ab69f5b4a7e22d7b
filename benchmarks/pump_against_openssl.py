"""upload_part of a 1 GiB file by the pump, against `openssl dgst -md5` plus `-sha256` of the same file, and its peak memory.

openssl only reads and hashes; upload_part also writes the bytes and makes them durable.
Run: python -m benchmarks.pump_against_openssl [disk|tmpfs]
"""

import hashlib
import os
import random
import subprocess
import sys

from benchmarks.harness import GIB, MIB, Report, Samples, in_fresh_process, peak_rss_bytes, take_turns
from benchmarks.places import scratch, store_at, store_on
from engine import Store

SIZE = GIB
ROUNDS = 3
PLACES = ("tmpfs", "disk")


def make_source(path: str) -> str:
    """A file of random bytes; its SHA-256 in hex."""
    numbers, digest = random.Random(6), hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(SIZE // MIB):
            piece = numbers.randbytes(MIB)
            digest.update(piece)
            file.write(piece)
        os.fsync(file.fileno())
    return digest.hexdigest()


def upload(store: Store, source: str, sha256: str | None) -> None:
    """Put the file as the one part of a new upload."""
    with open(source, "rb") as file:
        upload_id = store.create_multipart_upload("bench", "key").upload_id
        store.upload_part("bench", "key", upload_id, 1, file, content_sha256=sha256)


def abort_all(store: Store) -> None:
    for upload in store.list_multipart_uploads("bench").uploads or ():
        store.abort_multipart_upload("bench", upload.key, upload.upload_id)


def upload_peak(place: str, source: str, sha256: str) -> tuple[int, int]:
    """Peak resident bytes before and after."""
    with store_on(place) as store:
        before = peak_rss_bytes()
        upload(store, source, sha256)
        return before, peak_rss_bytes()


def openssl(algorithm: str, source: str) -> None:
    subprocess.run(["openssl", "dgst", f"-{algorithm}", source], check=True, stdout=subprocess.DEVNULL)


def race(store: Store, source: str, sha256: str) -> dict[str, Samples]:
    """Let them take turns."""
    return take_turns(
        {
            "openssl dgst -md5": lambda: openssl("md5", source),
            "openssl dgst -sha256": lambda: openssl("sha256", source),
            "upload_part, MD5": lambda: upload(store, source, None),
            "upload_part, MD5 + SHA-256": lambda: upload(store, source, sha256),
        },
        ROUNDS,
        between=lambda: abort_all(store),
    )


def add_ratios(report: Report, place: str, best: dict[str, float]) -> None:
    """Ratios of the best runs: others on the machine only slow a run down."""
    md5, sha256 = best["openssl dgst -md5"], best["openssl dgst -sha256"]
    report.row(f"{place}: upload_part MD5 / openssl MD5", ratio=best["upload_part, MD5"] / md5)
    report.row(f"{place}: upload_part both / openssl both", ratio=best["upload_part, MD5 + SHA-256"] / (md5 + sha256))


def main(places: list[str]) -> None:
    """Race on each place; the memory is that of a process which does nothing else."""
    report = Report(
        "pump_against_openssl", "seconds for a 1 GiB file: one durable upload_part, and openssl's two digests"
    )
    for place in places:
        with scratch(place) as path:
            source = os.path.join(path, "source")
            sha256 = make_source(source)
            with store_at(path) as store:
                taken = race(store, source, sha256)
            before, peak = in_fresh_process(upload_peak, place, source, sha256)
        for name, samples in taken.items():
            report.row(f"{place}: {name}", **samples.columns("s"), gb_per_s=SIZE / samples.median / 1e9)
        add_ratios(report, place, {name: samples.values[0] for name, samples in taken.items()})
        report.row(f"{place}: peak RSS MiB, before and after", before=before / MIB, after=peak / MIB)
        report.goal(f"{place}: memory for the upload, MiB", (peak - before) / MIB, at_most=8)
    report.finish()


if __name__ == "__main__":
    main(sys.argv[1:] or list(PLACES))
