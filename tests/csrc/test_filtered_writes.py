"""Where a filter of system calls forbids writes past the page cache, as containers' older ones do, parts are written all the same."""

import errno
import random
from pathlib import Path

import pytest

from tests.support.filters import PWRITEV2
from tests.support.oracles import ORACLES
from tests.support.processes import python_output

WRITE = """if True:
    import os, sys
    from engine.native import errors as native_errors
    from engine.native.stream import Digest, Stream
    from tests.support.filters import refuse_flagged_writes
    source, out, error = sys.argv[1], os.open(sys.argv[2], os.O_RDWR | os.O_CREAT), int(sys.argv[3])
    refuse_flagged_writes(error)
    try:
        os.pwritev(out, [b"x"], 0, os.RWF_DSYNC)
    except OSError:
        print("refused")
    with Stream(Digest.MD5, out) as stream, open(source, "rb") as file:
        try:
            stream.pump(file.fileno(), 1 << 40, 0)
            print(stream.size, stream.digest(Digest.MD5).hex())
        except native_errors.WriteFailed as failure:
            print(failure.errno)
"""

pytestmark = pytest.mark.skipif(PWRITEV2 is None, reason="the number of the call is not known for this processor")


def written(data: bytes, error: int, place: Path) -> list[str]:
    source, out = place / "source", place / "out"
    source.write_bytes(data)
    said = python_output(WRITE, str(source), str(out), str(error)).split()
    assert said[0] == "refused"
    return said[1:]


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL], ids=errno.errorcode.get)
def test_a_forbidden_way_to_write_is_left(error: int, tmp_path: Path) -> None:
    data = random.Random(error).randbytes((4 << 20) + 4321)
    assert written(data, error, tmp_path) == [str(len(data)), ORACLES["MD5"](data).hex()]
    assert (tmp_path / "out").read_bytes() == data


def test_any_other_error_is_one_of_the_write(tmp_path: Path) -> None:
    assert written(bytes(4 << 20), errno.EIO, tmp_path) == [str(errno.EIO)]
