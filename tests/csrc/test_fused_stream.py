"""Streams of every combination of digests, sealed or not, however the bytes are cut: the fused pass and the rows apart, by turns."""

import itertools
import os
import random

import pytest

from engine.native.sealed import SEGMENT_SIZE, SealedReader
from engine.native.secret import PartKey, Secret
from engine.native.stream import Digest, Stream
from tests.support.oracles import ORACLES
from tests.support.processes import run_python

pytestmark = pytest.mark.kernels

FUSED = [Digest.MD5, Digest.SHA256, Digest.CRC64NVME]
SETS = [Digest(sum(chosen)) for count in range(4) for chosen in itertools.combinations(FUSED, count)]
SETS += [chosen | Digest.SHA1 | Digest.CRC32C for chosen in SETS]
"""What the fused pass knows, in all combinations, alone and beside what it does not."""

SIZES = [0, 1, 63, 64, 65, 4096, SEGMENT_SIZE - 1, SEGMENT_SIZE, SEGMENT_SIZE + 1, 3 * SEGMENT_SIZE, 300001]


def cut(rng: random.Random, data: bytes, pieces: int) -> list[bytes]:
    """Cut `data` at random places, half of them multiples of 64."""
    places = sorted(
        rng.randrange(len(data) + 1) // step * step for _ in range(pieces) for step in [rng.choice((1, 64))]
    )
    return [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]


def assert_digests(stream: Stream, digests: Digest, data: bytes) -> None:
    for digest in digests:
        assert digest.name is not None
        assert stream.digest(digest) == ORACLES[digest.name](data), digest


def read_back(fd: int, part: PartKey) -> bytes:
    with SealedReader(fd, part) as reader:
        out = bytearray(reader.size)
        reader.read_into(memoryview(out), 0)
        return bytes(out)


@pytest.mark.parametrize("digests", SETS, ids=repr)
def test_digests_are_right_in_every_combination(digests: Digest) -> None:
    rng = random.Random(1)
    for size, pieces in itertools.product(SIZES, (0, 1, 5)):
        data = rng.randbytes(size)
        with Stream(digests) as stream:
            for piece in cut(rng, data, pieces):
                stream.update(piece)
            assert_digests(stream, digests, data)


@pytest.mark.parametrize("digests", SETS, ids=repr)
def test_digests_and_sealed_bytes_are_right_in_every_combination(digests: Digest) -> None:
    rng = random.Random(2)
    with Secret.random() as key:
        for size, pieces in itertools.product(SIZES, (0, 1, 5)):
            data, part, fd = rng.randbytes(size), PartKey(key, 7), os.memfd_create("sealed")
            with Stream(digests, fd, part) as stream:
                for piece in cut(rng, data, pieces):
                    stream.update(piece)
                stream.finish()
                assert_digests(stream, digests, data)
            assert read_back(fd, part) == data
            os.close(fd)


@pytest.mark.features
@pytest.mark.parametrize(
    "disabled",
    ["sha_ni", "vaes", "avx512f", "avx512f,sha_ni", "bmi1", "bmi1,sha_ni", "pclmulqdq", "aes", "one_cycle_vectors"],
)
def test_streams_are_right_without_a_feature_too(disabled: str) -> None:
    """Then some rows are fused and others not, or none is."""
    code = """if True:
        from tests.csrc import test_fused_stream as streams
        for digests in streams.SETS[::3]:
            streams.test_digests_are_right_in_every_combination(digests)
            streams.test_digests_and_sealed_bytes_are_right_in_every_combination(digests)
    """
    result = run_python(code, ENGINE_CPU_DISABLE=disabled)
    assert result.returncode == 0, result.stderr
