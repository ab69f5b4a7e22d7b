"""What a test needs of the machine: where it is missing, a run in CI fails with the reason, any other run skips it visibly."""

import os
import shutil
import subprocess
from functools import cache

import pytest

from tests.support import strace


def need(is_there: bool, what: str) -> None:
    """Go on only if something is there."""
    if is_there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"this machine lacks what the test needs: {what}")
    pytest.skip(f"needs {what}")


def need_strace() -> None:
    """Go on only if strace can attach to a process."""
    need(strace.is_installed(), "strace (Debian package strace)")


def need_mounts() -> None:
    """Go on only if file systems can be mounted in a namespace of one's own."""
    need(can_mount(), "mount namespaces: root, or unprivileged user namespaces (unshare -m)")


def need_loop_devices() -> None:
    """Go on only if a file can be mounted as a disk."""
    loop = "losetup --find && command -v mkfs.ext4"
    found = subprocess.run(["sh", "-c", loop], capture_output=True)
    need(
        found.returncode == 0 and os.geteuid() == 0,
        "root, loop devices and mkfs.ext4 (Debian packages mount, e2fsprogs)",
    )


def need_logged_disk() -> None:
    """Go on only if the writes to a disk can be logged."""
    need_loop_devices()
    is_there = shutil.which("qemu-storage-daemon") is not None and os.access("/dev/fuse", os.W_OK)
    need(is_there, "qemu-storage-daemon and /dev/fuse (Debian package qemu-system-common)")


def unshare_command() -> list[str]:
    """The command before one that is to have mounts of its own."""
    return ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]


@cache
def can_mount() -> bool:
    """Whether a tmpfs can be mounted in a namespace."""
    trial = [*unshare_command(), "sh", "-c", "mount -t tmpfs none /mnt"]
    try:
        return subprocess.run(trial, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
