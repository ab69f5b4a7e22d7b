"""Copies the metadata of one moment, while other work goes on, by LMDB's compacting copy."""

import os
import threading
from io import FileIO
from typing import Any

from engine.errors import InternalError, StoreError
from engine.meta.lmdb.environment import Environment, LmdbError
from engine.undisturbed import shielded

GROWTH_BYTES_MAX = 256 * 1024 * 1024
"""The metadata may grow by this while it is copied, or to twice its size if it is larger."""
PIECE_SIZE = 1024 * 1024


def write_snapshot(environment: Environment, path: str) -> int:
    """Write a compacted copy to a new file, and make it durable; return its size in bytes.

    LMDB copies inside one read transaction. Until that ends it reuses no page that a commit has freed, so the file grows with every
    commit. Therefore LMDB writes into a pipe, and its reader gives up when the file has grown too much, or when it is interrupted.

    Raises:
        StoreError: the destination is too slow for the commits that go on meanwhile.
        InternalError: LMDB failed.
        OSError: writing to the destination failed.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb", buffering=0) as file:
        size = _copy_through_pipe(environment, file)
        os.fsync(fd)
    return size


def _copy_through_pipe(environment: Environment, file: Any) -> int:
    size, copied, failures = environment.file_bytes(), 0, list[Exception]()
    size_max = size + max(size, GROWTH_BYTES_MAX)
    pipe, copying = _begin(environment, failures)
    with pipe:  # closing it ends the copying thread
        try:
            while piece := pipe.read(PIECE_SIZE):
                _write_all(file, piece)
                copied += len(piece)
                _check_growth(environment.file_bytes(), size_max)
        finally:
            pipe.close()
            copying.join()
    if failures:
        raise InternalError(reason=f"copying the metadata: {failures[0]}") from failures[0]
    return copied


@shielded
def _begin(environment: Environment, failures: list[Exception]) -> tuple[FileIO, threading.Thread]:
    """Begin to copy; return the reading end of the pipe, and the thread, which ends when that is closed or dropped.

    The thread alone closes the writing end: another thread could close it a second time, when its number belongs to another file.
    """
    reading, writing = os.pipe()
    pipe, end = FileIO(reading), FileIO(writing, "wb")
    copying = threading.Thread(target=_copy_into, args=(environment, end, failures), name="partwright-backup")
    copying.start()
    return pipe, copying


def _copy_into(environment: Environment, end: FileIO, failures: list[Exception]) -> None:
    """Copy on this thread, since the main thread must not be inside the gate of the environment."""
    with end:
        try:
            with environment.opened() as env:
                env.copyfd(end.fileno(), compact=True)
        except (LmdbError, OSError, InternalError) as error:
            failures.append(error)


def _write_all(file: Any, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[file.write(view) :]


def _check_growth(size: int, size_max: int) -> None:
    if size > size_max:
        raise StoreError(
            f"the metadata has grown to {size} bytes while it was copied: the place of the backup is too slow for what is being "
            "written; back up to a faster disk, or when less is written"
        )
