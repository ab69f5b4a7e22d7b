"""Streams of gibibytes: what is counted in 32 bits would begin anew, and what grows with the length would be seen."""

from pathlib import Path

import pytest
from awscrt import checksums

from engine.native.stream import Digest, Stream
from tests.support.processes import PEAK_KIB, python_output

MIB = 1 << 20

pytestmark = pytest.mark.slow


def test_a_stream_of_more_than_4_gib_has_its_digests() -> None:
    """Bytes are counted in 64 bits: at 2^32 nothing begins anew. What is expected was said by md5sum and sha256sum."""
    piece, times = bytes(range(256)) * (1 << 16), (1 << 8) + 1
    with Stream(Digest.MD5 | Digest.SHA256) as stream:
        for _ in range(times):
            stream.update(piece)
        assert stream.size == (1 << 32) + (1 << 24)
        assert stream.digest(Digest.MD5).hex() == "950c541979d48f25670a6e9fe7933445"
        assert stream.digest(Digest.SHA256).hex() == "aac6433f78e76a3c3e41665fe39cf43c2a82aad8c836439fe01675b62b84227a"


def test_memory_is_flat_in_the_length(tmp_path: Path) -> None:
    code = """if True:
        import os, sys
        from engine.native.stream import Digest, Stream
        fd = os.open(sys.argv[1], os.O_RDONLY)
        before = peak_kib()
        with Stream(Digest.CRC32C) as stream:
            assert stream.pump(fd, 1 << 62, 0) == 2 << 30
            print(peak_kib() - before, stream.digest(Digest.CRC32C).hex())
    """
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(2 << 30)
    grown_kib, crc = python_output(PEAK_KIB + code, str(path)).split()
    assert int(grown_kib) < 4096
    assert crc == crc32c_of_zeros(2 << 30)


def crc32c_of_zeros(length: int) -> str:
    crc, zeros = 0, bytes(64 * MIB)
    for _ in range(length // len(zeros)):
        crc = checksums.crc32c(zeros, crc)
    return f"{crc:08x}"
