"""Writes small files so that they survive a power cut: write, fsync, rename, fsync of the directory.

The order of syncs of a part is that of `engine.blobs.files`.
"""

import contextlib
import os
from collections.abc import Callable

from engine.errors import StoreError
from engine.native.errors import WriteFailed
from engine.undisturbed import shielded


@shielded
def sync_directory(path: str) -> None:
    """Fsync a directory, which makes the names in it durable.

    It is shielded, since a backup calls it so often that an interruption would leave descriptors open.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(path: str, fill: Callable[[int], None]) -> None:
    """Write a new file by `fill`, and rename it durably over `path`.

    Raises:
        StoreError: the new file was removed; only if the directory could not be synced, it may have replaced the old one.
    """
    new = path + ".new"
    try:
        with contextlib.suppress(FileNotFoundError):  # left by a process that was killed while writing it
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
    """Write all bytes from the descriptor's position on; it stays open."""
    with open(fd, "wb", closefd=False) as file:
        file.write(data)


def write_synced(path: str, data: bytes) -> None:
    """Write a small file and fsync it; its name is durable only once its directory is synced."""
    fd = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
