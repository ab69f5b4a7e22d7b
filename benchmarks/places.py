"""Where benchmarks put their stores: a disk, memory, or a file system of their own on a loop device; all is removed afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import engine
from engine import Limits, Store
from engine.native.ffi import file_system_type

MEMORY = "/dev/shm"
TMPFS_MAGIC = 0x01021994
LOOP_SIZE = 20 << 30
"""Sparse; large enough that mkfs gives it the journal of a real disk."""
FLUSHES_FIELD = 15
"""Counted from 0; Source: the kernel's Documentation/block/stat.rst."""

TINY = Limits(part_size_bytes_min=1)
TINY_FILES = Limits(part_size_bytes_min=1, inline_size_bytes_max=0)
PLACES = ("disk", "tmpfs")


def is_memory(path: str) -> bool:
    """Whether a directory lies on tmpfs."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return file_system_type(fd) == TMPFS_MAGIC
    finally:
        os.close(fd)


def parent_of(place: str) -> str:
    """The directory to work below for "disk" or "tmpfs"; TMPDIR or PARTWRIGHT_BENCH_DISK chooses the disk."""
    path = MEMORY if place == "tmpfs" else os.environ.get("PARTWRIGHT_BENCH_DISK", tempfile.gettempdir())
    if is_memory(path) != (place == "tmpfs"):
        raise SystemExit(f"{path} is no {place}: set PARTWRIGHT_BENCH_DISK to a directory on a disk")
    return path


@contextmanager
def scratch(place: str) -> Iterator[str]:
    """A directory of our own."""
    path = tempfile.mkdtemp(prefix="partwright-bench-", dir=parent_of(place))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def store_on(place: str, limits: Limits = TINY) -> Iterator[Store]:
    """A new store with the bucket `bench`."""
    with scratch(place) as path, store_at(path, limits) as store:
        yield store


@contextmanager
def store_at(path: str, limits: Limits = TINY) -> Iterator[Store]:
    """A new store in a directory, with the bucket `bench`."""
    with engine.open(os.path.join(path, "store"), limits=limits) as store:
        store.create_bucket("bench")
        yield store


@dataclass(frozen=True, slots=True)
class LoopDisk:
    """A mounted file system on a loop device that counts what it is asked."""

    mount: str
    device: str

    def flushes(self) -> int:
        """Flush requests that the device has completed."""
        with open(f"/sys/block/{os.path.basename(self.device)}/stat") as file:
            return int(file.read().split()[FLUSHES_FIELD])


@contextmanager
def loop_disk(file_system: str, image_place: str = "tmpfs") -> Iterator[LoopDisk]:
    """A new file system on a loop device over an image in memory or on the disk; needs root."""
    with scratch(image_place) as path:
        image, mount = os.path.join(path, "image"), os.path.join(path, "mount")
        with open(image, "wb") as file:
            file.truncate(LOOP_SIZE)
        os.mkdir(mount)
        _run("mkfs." + file_system, "-q", image)
        device = _run("losetup", "--find", "--show", image).strip()
        try:
            _run("mount", device, mount)
            yield LoopDisk(mount, device)
        finally:
            with suppress(subprocess.CalledProcessError):  # not mounted: the device still has to go
                _run("umount", mount)
            _run("losetup", "--detach", device)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
