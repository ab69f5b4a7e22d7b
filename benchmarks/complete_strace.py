"""Complete of 10,000 parts that lie in 10,000 files: every system call it makes, counted by strace, and no blob opened.

Run: python -m benchmarks.complete_strace
"""

import argparse
import os
import re
import subprocess
import sys
from collections import Counter

import engine
from benchmarks.harness import Report
from benchmarks.load import upload_of_parts
from benchmarks.places import TINY_FILES, scratch, store_at
from engine.directory.layout import META

PARTS = 10_000
BEGIN, END = "/benchmark/complete/begins", "/benchmark/complete/ends"
BLOB = re.compile(r'"[^"]*(?:^|/)?[0-9a-f]{30}"|/blobs/')
OPEN = re.compile(r"\b(?:open|openat|openat2|creat)\(")
METADATA = f"/{META}/"
CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


def complete(path: str) -> None:
    """What is traced: Complete, between two marks that show up in the trace. The part list comes on standard input."""
    upload_id, *etags = sys.stdin.read().split()
    with engine.open(os.path.join(path, "store"), limits=TINY_FILES) as store:
        parts = list(enumerate(etags, start=1))
        os.path.exists(BEGIN)
        store.complete_multipart_upload("bench", "key", upload_id, parts)
        os.path.exists(END)


def traced(path: str, upload_id: str, etags: list[str]) -> list[str]:
    """The lines of the trace between the two marks."""
    trace = os.path.join(path, "trace")
    command = ["strace", "-f", "-o", trace, sys.executable, "-m", "benchmarks.complete_strace", path]
    subprocess.run(command, check=True, input=" ".join([upload_id, *etags]), text=True)
    with open(trace) as file:
        lines = file.read().splitlines()
    begin = next(i for i, line in enumerate(lines) if BEGIN in line)
    end = next(i for i, line in enumerate(lines) if END in line)
    return lines[begin + 1 : end]


def main() -> None:
    """Prepare, trace, count."""
    report = Report("complete_strace", f"system calls of one Complete of {PARTS:,} parts that lie in files")
    with scratch("tmpfs") as path:
        with store_at(path, TINY_FILES) as store:
            upload_id, parts = upload_of_parts(store, "key", PARTS)
            files = sum(len(names) for _, _, names in os.walk(os.path.join(path, "store", "blobs")))
        lines = traced(path, upload_id, [part.etag for part in parts])
    calls = Counter(match.group(1) for line in lines if (match := CALL.match(line)))
    for name, count in calls.most_common():
        report.row(name, calls=count)
    report.goal("blob files in the store", files, at_least=PARTS)
    report.goal("calls that name a blob file", sum(bool(BLOB.search(line)) for line in lines), at_most=0)
    opened = [line for line in lines if OPEN.search(line) and METADATA not in line]
    report.goal("files opened beside the metadata's own", len(opened), at_most=0)
    report.goal("system calls in all", sum(calls.values()), at_most=1000)
    report.finish()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.complete_strace", description=__doc__)
    parser.add_argument("store", nargs="?", help="used by the script itself: complete the upload in this store")
    store = parser.parse_args().store
    complete(store) if store is not None else main()
