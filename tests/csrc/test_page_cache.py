"""What stays in the page cache of a part that is written: little of a large one, all of a small one; and it reads back the same."""

import errno
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.secret import PartKey, Secret
from engine.stream import Digest, Stream

MIB = 1 << 20
SIZE = 32 * MIB
RWF_DONTCACHE = 0x80
DATA = random.Random(9).randbytes(SIZE + 1234)


@pytest.fixture
def out(tmp_path: Path) -> Iterator[int]:
    """A file on a file system that lets go of pages when it is asked to: Linux 6.14, and ext4, XFS or Btrfs."""
    fd = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    try:
        os.pwritev(fd, [b"x"], 0, RWF_DONTCACHE)
    except OSError as error:
        os.close(fd)
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
        pytest.skip("no writes that leave the page cache here")
    yield fd
    os.close(fd)


def cached_mebibytes(fd: int, size: int) -> int:
    """How many mebibytes of the file begin in the page cache; a reader that does not wait finds nothing else."""
    count = 0
    for offset in range(0, size, MIB):
        try:
            count += os.preadv(fd, [bytearray(4096)], offset, os.RWF_NOWAIT) > 0
        except BlockingIOError:
            continue
    return count


def little_stays(fd: int, size: int) -> bool:
    """Whether that comes true: a worker of the kernel's lets go of pages after they were written, and others may keep it busy."""
    deadline = time.monotonic() + 20
    while cached_mebibytes(fd, size) > 4:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("piece", [MIB, MIB // 4, 300_001], ids=["1 MiB", "256 KiB", "unaligned"])
def test_of_a_large_part_little_stays_and_all_reads_back(piece: int, out: int) -> None:
    with Stream(Digest.MD5, out) as stream:
        for offset in range(0, len(DATA), piece):
            stream.update(DATA[offset : offset + piece])
        stream.finish()
    os.fsync(out)
    assert little_stays(out, len(DATA))
    assert os.pread(out, len(DATA) + 1, 0) == DATA


def test_of_a_sealed_part_little_stays(out: int) -> None:
    source = os.memfd_create("source")
    os.pwrite(source, DATA, 0)
    with Secret.random() as secret, Stream(Digest.MD5, out, PartKey(secret, 1)) as stream:
        assert stream.pump(source, len(DATA), 0) == len(DATA)
        stream.finish()
    os.close(source)
    os.fsync(out)
    assert little_stays(out, SIZE)


def test_a_small_part_stays_for_its_first_reader(out: int) -> None:
    with Stream(Digest.MD5, out) as stream:
        stream.update(DATA[: MIB - 1])
        stream.finish()
    os.fsync(out)
    assert cached_mebibytes(out, MIB - 1) == 1
