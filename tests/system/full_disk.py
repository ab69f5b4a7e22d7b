"""Fills the file system below a store to the last byte, and looks what still works; run by test_full_disk.py on a disk of its own.

python -m tests.system.full_disk DIRECTORY CYCLES files|rows        prints JSON
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import engine
from tests.support.inspection import check_counters, check_whole
from tests.support.workload import BUCKET, LIMITS

CHUNK = 64 * 1024
PART_SIZES = (4 * 1024 * 1024, 1024 * 1024, CHUNK, 20_000)
"""Of bodies whose length is known: these stop at the engine's reserve."""
STREAM_SIZES = (1024 * 1024, CHUNK, 20_000)
"""Of bodies whose length is not known: these go on to the last byte."""
ROW_SIZES = (16_000, 4_000, 1)
"""Of parts that live in the metadata."""
UPLOADS = 4


class Filling:
    """One store being filled; notes every refusal."""

    def __init__(self, store: engine.Store, root: Path) -> None:
        self._store = store
        self._root = root
        self._numbers = itertools.count(1)
        self.uploads: list[str] = []
        self.refusals: list[dict[str, Any]] = []
        self.stored_bytes = 0

    def begin(self) -> None:
        """Open some uploads, to be filled in turn."""
        self.uploads = [self._store.create_multipart_upload(BUCKET, f"key-{n}").upload_id for n in range(UPLOADS)]
        self._numbers = itertools.count(1)

    def fill(self, with_files: bool) -> None:
        """Store parts of falling size until each is refused: in files, in files of unknown length, in rows; or in rows alone."""
        if with_files:
            for size in PART_SIZES:
                self._until_refused(size, lambda size: b"p" * size)
            for size in STREAM_SIZES:
                self._until_refused(size, _stream)
        for size in ROW_SIZES:
            self._until_refused(size, lambda size: b"r" * size)

    def _until_refused(self, size: int, make_body: Callable[[int], Any]) -> None:
        for number in self._numbers:
            which = number % UPLOADS
            try:
                self._store.upload_part(BUCKET, f"key-{which}", self.uploads[which], number, make_body(size))
            except engine.S3Error as error:
                self.note(f"part of {size} bytes", error)
                return
            self.stored_bytes += size

    def note(self, doing: str, error: engine.S3Error) -> None:
        """Keep a refusal for the report."""
        kind, free = type(error).__name__, free_bytes(self._root)
        self.refusals.append(
            {"doing": doing, "kind": kind, "code": error.code, "status": error.status, "text": str(error), "free": free}
        )

    def try_everything_else(self) -> None:
        """Ask for what needs room and is not a part; each may succeed or be refused."""
        store = self._store
        for doing, step in (
            ("create", lambda: store.create_multipart_upload(BUCKET, "another")),
            ("put", lambda: store.put_object(BUCKET, "another", b"x" * 100_000)),
            ("small put", lambda: store.put_object(BUCKET, "another", b"x" * 10_000)),
            ("bucket", lambda: store.create_bucket(f"bucket-{time.time_ns()}")),
        ):
            try:
                step()
            except engine.S3Error as error:
                self.note(doing, error)

    def abort(self) -> None:
        """Abort all uploads, the first of them on a disk without a free byte."""
        for which, upload_id in enumerate(self.uploads):
            self._store.abort_multipart_upload(BUCKET, f"key-{which}", upload_id)


def _stream(size: int) -> Iterator[bytes]:
    for start in range(0, size, CHUNK):
        yield b"s" * min(CHUNK, size - start)


def free_bytes(root: Path) -> int:
    """What anybody may still write."""
    status = os.statvfs(root)
    return status.f_bavail * status.f_frsize


def blob_bytes(root: Path) -> int:
    """What the files of parts take up."""
    return sum(path.stat().st_size for path in (root / "blobs").glob("*/*"))


def run(root: Path, cycles: int, with_files: bool) -> dict[str, Any]:
    """Fill and free, `cycles` times over, without any upkeep in between; then open the store again."""
    report: dict[str, Any] = {"cycles": []}
    with engine.open(root, limits=LIMITS) as store:
        store.create_bucket(BUCKET)
        store.put_object(BUCKET, "kept", b"k" * 50_000)
        for _ in range(cycles):
            report["cycles"].append(_cycle(store, root, with_files))
    with engine.open(root, limits=LIMITS) as store:
        with store.get_object(BUCKET, "kept").body as body:
            report["kept"] = body.read() == b"k" * 50_000
        store.put_object(BUCKET, "after", b"a" * 10_000)
        report["trash"] = store.stat().trash
        report["check"] = check_whole(store).ok
        check_counters(store)
    return report


def _cycle(store: engine.Store, root: Path, with_files: bool) -> dict[str, Any]:
    filling = Filling(store, root)
    filling.begin()
    filling.fill(with_files)
    filling.try_everything_else()
    full = {"free": free_bytes(root), "held": blob_bytes(root), "ballast": (root / "ballast").exists()}
    unnamed = store.check().unnamed_files
    filling.abort()
    store.delete_object(BUCKET, "another")
    for upload in store.list_multipart_uploads(BUCKET, prefix="another").uploads or ():
        store.abort_multipart_upload(BUCKET, upload.key, upload.upload_id)
    return {
        "stored": filling.stored_bytes,
        "refusals": filling.refusals,
        "unnamed": unnamed,
        "trash": store.stat().trash,
        "full": full,
        "freed": {"free": free_bytes(root), "held": blob_bytes(root), "ballast": (root / "ballast").exists()},
    }


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "files")))
