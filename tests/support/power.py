"""A disk whose power can be cut after the fact: qemu-storage-daemon logs every write and flush, and any moment is rebuilt from the log.

What was written before the last flush is kept; of what came after it, each write is kept, dropped or torn at random, as a disk with
a write-back cache may do. A write in flight during a flush counts as flushed.
"""

import contextlib
import os
import random
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

SECTOR_SIZE = 512
SUPERBLOCK, SUPERBLOCK_SIZE = 1024, 1024
"""Where ext4 has its superblock, which its checksum covers as a whole: half of one can't be mounted ("probably corrupted"), and no
store is to blame for that. Disks whose sectors have 4 KiB write it at once.
"""
MOUNT_TRIES_MAX = 5
WAIT_S = 60
_SUPER = struct.Struct("<QQQ")  # dm-log-writes: magic, version, number of entries
_ENTRY = struct.Struct("<QQQQ")  # sector, number of sectors, flags, length of data
_FLUSH, _FUA, _DISCARD = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Write:
    """One entry of the log; a pure flush has no data."""

    offset: int
    data: bytes
    is_flush: bool
    is_durable: bool


class Mode(Enum):
    """What becomes of the writes that no flush followed."""

    DROP = "dropped"
    KEEP = "kept"
    MIX = "each kept or dropped"
    TEAR = "each sector kept or dropped"


def position(log: Path) -> int:
    """How many entries the log has just now."""
    with open(log, "rb") as file:
        return int(_SUPER.unpack(file.read(_SUPER.size))[2])


def read_log(log: Path) -> list[Write]:
    """Every entry, in order."""
    writes = []
    with open(log, "rb") as file:
        for _ in range(position(log)):
            file.seek(-(-max(file.tell(), SECTOR_SIZE) // SECTOR_SIZE) * SECTOR_SIZE)
            sector, count, flags, _ = _ENTRY.unpack(file.read(_ENTRY.size))
            file.seek(SECTOR_SIZE - _ENTRY.size, os.SEEK_CUR)
            data = b"" if flags & _DISCARD else file.read(count * SECTOR_SIZE)
            writes.append(Write(sector * SECTOR_SIZE, data, bool(flags & _FLUSH), bool(flags & _FUA)))
    return writes


def states(
    writes: list[Write], size: int, cuts: list[int], rng: random.Random
) -> Iterator[tuple[int, Mode, bytearray]]:
    """The disk after a cut of the power behind each of these (ascending) numbers of entries."""
    durable = bytearray(size)
    done = 0
    for cut in cuts:
        flushed = max((place + 1 for place in range(done, cut) if writes[place].is_flush), default=done)
        for write in writes[done:flushed]:
            durable[write.offset : write.offset + len(write.data)] = write.data
        done = flushed
        mode = rng.choice(list(Mode))
        disk = bytearray(durable)
        for write in writes[done:cut]:
            _write_perhaps(disk, write, mode, rng)
        yield cut, mode, disk


def _write_perhaps(disk: bytearray, write: Write, mode: Mode, rng: random.Random) -> None:
    for start, piece in _pieces(write, mode):
        kept = mode is Mode.KEEP or (mode is not Mode.DROP and rng.random() < 0.5)
        if kept or write.is_durable:
            part = write.data[start : start + piece]
            disk[write.offset + start : write.offset + start + len(part)] = part


def _pieces(write: Write, mode: Mode) -> Iterator[tuple[int, int]]:
    """Where in a write the pieces begin that are kept or dropped on their own, and their sizes."""
    start = 0
    while start < len(write.data):
        is_superblock = write.offset + start == SUPERBLOCK
        torn_size = SUPERBLOCK_SIZE if is_superblock else SECTOR_SIZE
        size = torn_size if mode is Mode.TEAR else len(write.data)
        yield start, size
        start += size


@contextlib.contextmanager
def logged_disk(place: Path, size: int) -> Iterator[tuple[Path, Path]]:
    """A disk as a file, and the log of what is written to it."""
    image, log, disk = place / "disk.img", place / "log.img", place / "disk"
    for path in (image, log, disk):
        path.touch()
    os.truncate(image, size)
    command = [
        "qemu-storage-daemon",
        *("--blockdev", f"driver=file,node-name=file,filename={image}"),
        *("--blockdev", f"driver=file,node-name=log,filename={log}"),
        *("--blockdev", "driver=blklogwrites,node-name=logged,file=file,log=log,log-super-update-interval=1"),
        *("--export", f"type=fuse,id=export,node-name=logged,mountpoint={disk},writable=on"),
    ]
    with subprocess.Popen(command) as daemon:
        try:
            deadline = time.monotonic() + WAIT_S
            while disk.stat().st_size != size:
                assert daemon.poll() is None, "qemu-storage-daemon ended"
                assert time.monotonic() < deadline, "qemu-storage-daemon does not export the disk"
            yield disk, log
        finally:
            daemon.terminate()


@contextlib.contextmanager
def mounted(image: Path, directory: Path) -> Iterator[None]:
    """A file system in a file, mounted on a directory."""
    directory.mkdir(exist_ok=True)
    _mount(image, directory)
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


def _mount(image: Path, directory: Path) -> None:
    """Mount an image; tried again, since another process may detach the loop device that mount has just chosen."""
    for _ in range(MOUNT_TRIES_MAX - 1):
        if subprocess.run(["mount", "-o", "loop", image, directory], check=False).returncode == 0:
            return
        time.sleep(0.2)
    subprocess.run(["mount", "-o", "loop", image, directory], check=True)
