"""What a store holds, seen from below the library: every file and every row, so that "nothing was stored" can be said of both."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine
from engine.meta.lmdb.writer import Writer

INLINE_SIZE_MAX = engine.Limits().inline_size_bytes_max
FILE_BODY = bytes(range(256)) * 80
"""The body of a part that is kept in a file; smaller ones live in their row."""
assert len(FILE_BODY) > INLINE_SIZE_MAX


def copy_store(source: Path, target: Path) -> None:
    """Copy a closed store without its ballast, which only takes time."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("ballast"))
    target.chmod(0o700)


def snapshot(path: Path) -> dict[str, tuple[int, int]]:
    """Every file below a path with its size and the time of its last change."""
    found = {}
    for directory, _, names in os.walk(path):
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            found[os.path.relpath(os.path.join(directory, name), path)] = (status.st_size, status.st_mtime_ns)
    return found


@dataclass(frozen=True)
class Contents:
    """All files below `blobs/` with their sizes, and all rows of all tables."""

    files: dict[str, int]
    rows: dict[str, tuple[tuple[bytes, bytes], ...]]

    def count(self, table: str) -> int:
        return len(self.rows[table])


def files_of(path: Path) -> dict[str, int]:
    """The blobs of a store as files, with their sizes."""
    return {
        f"{Path(directory).name}{name}": os.lstat(os.path.join(directory, name)).st_size
        for directory, _, names in os.walk(path / "blobs")
        for name in names
    }


def contents_of(store: engine.Store) -> Contents:
    """Everything the store holds."""
    environment = meta_of(store)._shared.environment

    def rows(txn: Any) -> dict[str, tuple[tuple[bytes, bytes], ...]]:
        return {name: tuple(txn.cursor(table)) for name, table in environment.table.items()}

    return Contents(files_of(Path(store._layout.root)), environment.read(rows))


def meta_of(store: engine.Store) -> Any:
    """The metadata below a store."""
    return store._context.meta


@contextmanager
def busy(writer: Writer) -> Iterator[None]:
    """Keep a writer thread in a step, so that all that is submitted in the `with` block lands in one batch after it."""
    entered, leave = threading.Event(), threading.Event()

    def step(_: Any) -> None:
        entered.set()
        assert leave.wait(60)

    holder = threading.Thread(target=writer.submit, args=(step,))
    holder.start()
    assert entered.wait(60)
    try:
        yield
    finally:
        leave.set()
        holder.join()


def writer_busy(store: engine.Store) -> AbstractContextManager[None]:
    """Keep the writer thread of a store in a step; see `busy`."""
    return busy(meta_of(store)._shared.writer)


def waiting_writes(store: engine.Store) -> int:
    """How many writes wait behind the one under way."""
    return int(meta_of(store)._shared.writer.waiting())


def in_one_batch(store: engine.Store, *calls: Callable[[], object]) -> None:
    """Make each call in a thread of its own, so that the writes of all are committed in one transaction, in the order given."""
    threads = [threading.Thread(target=call) for call in calls]
    with writer_busy(store):
        for count, thread in enumerate(threads, 1):
            thread.start()
            while waiting_writes(store) < count:
                assert thread.is_alive(), "a call ended before its commit"
                time.sleep(0.001)  # else those that are awaited have no processor
    for thread in threads:
        thread.join()
