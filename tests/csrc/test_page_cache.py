"""What stays in the page cache of a part that is written: little of a large one, all of a small one; and it reads back the same."""

import errno
import mmap
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.native.stream import Digest, Stream
from tests.support.page_cache import cached_pages

MIB = 1 << 20
ROOT = Path(__file__).parents[2]
RWF_DONTCACHE = 0x80
DATA = random.Random(9).randbytes(32 * MIB)


@pytest.fixture
def out(tmp_path: Path) -> Iterator[int]:
    """A file on a file system that lets go of pages when it is asked to: Linux 6.14, and ext4, XFS or Btrfs."""
    with open(tmp_path / "trial", "wb") as trial:
        try:
            os.pwritev(trial.fileno(), [b"x"], 0, RWF_DONTCACHE)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
            pytest.skip("no writes that leave the page cache here")
    fd = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def no_more_stays(fd: int, pages: int) -> bool:
    """Whether that comes true past the first mebibyte: fsync returns a moment before the kernel lets go of what it waited for."""
    deadline = time.monotonic() + 60
    while cached_pages(fd, MIB) > pages:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("piece", [MIB, MIB // 4, 300_001], ids=["1 MiB", "256 KiB", "unaligned"])
def test_past_its_first_mebibyte_only_pages_stay_in_which_one_write_ends_and_another_begins(
    piece: int, out: int
) -> None:
    ends = range(piece, len(DATA) + 1, piece)
    with Stream(Digest.MD5, out) as stream:
        for end in ends:
            stream.update(DATA[end - piece : end])
        stream.finish()
    os.fsync(out)
    assert no_more_stays(out, sum(end > MIB and end % mmap.PAGESIZE != 0 for end in ends))
    assert os.pread(out, len(DATA) + 1, 0) == DATA[: ends[-1]]


SEAL = """if True:
    import os, sys
    from engine.native.secret import PartKey, Secret
    from engine.native.stream import Digest, Stream
    source, out = os.memfd_create("source"), os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
    os.pwrite(source, os.urandom(32 << 20), 0)
    with Secret.random() as secret, Stream(Digest.MD5, out, PartKey(secret, 1)) as stream:
        stream.pump(source, 32 << 20, 0)
        stream.finish()
"""


def test_each_mebibyte_of_a_sealed_part_is_written_back_early_and_dropped_once_eight_more_came(tmp_path: Path) -> None:
    """Its segments are written one by one, too small for the flag that small writes do not carry."""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-e", "trace=sync_file_range,fadvise64", "-o", str(trace), sys.executable, "-c", SEAL]
    subprocess.run([*command, str(tmp_path / "out")], check=True, cwd=ROOT)
    calls = trace.read_text()
    begun = re.findall(r"sync_file_range\(\d+, (\d+), 1048576, SYNC_FILE_RANGE_WRITE\)", calls)
    dropped = re.findall(r"fadvise64\(\d+, (\d+), 1048576, POSIX_FADV_DONTNEED\)", calls)
    assert [int(at) for at in begun] == [at * MIB for at in range(32)]
    assert [int(at) for at in dropped] == [at * MIB for at in range(32 - 8)]


def test_a_small_part_stays_for_its_first_reader(out: int) -> None:
    with Stream(Digest.MD5, out) as stream:
        stream.update(DATA[: MIB - 1])
        stream.finish()
    os.fsync(out)
    assert cached_pages(out) == MIB // mmap.PAGESIZE
