"""Writing small files so that they survive a power cut: write, fsync, rename, fsync of the directory."""

import contextlib
import os
from collections.abc import Callable

from engine.errors import StoreError
from engine.native.errors import WriteFailed


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(path: str, fill: Callable[[int], None]) -> None:
    """Have a file, durably, in place of the one there is.

    Raises: StoreError, and nothing is left of it; it may have taken the place all the same if the directory could not be synced
    """
    new = path + ".new"
    try:
        with contextlib.suppress(FileNotFoundError):  # of somebody killed while writing it
            os.unlink(new)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fill(fd)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(new, path)
        sync_directory(os.path.dirname(path))
    except (OSError, WriteFailed) as error:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise StoreError(f"{path}: can't be written: {error}") from error


def write_all(fd: int, data: bytes) -> None:
    with open(fd, "wb", closefd=False) as file:
        file.write(data)


def write_synced(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
