"""Every kernel row against an implementation that is not ours, at awkward lengths and places, with guard pages."""

import random
import signal

import pytest

from engine.native import errors as native_errors
from engine.native import kernels
from engine.native.ffi import cpu_features_detected
from engine.native.kernels import KernelRow
from tests.support.guarded import Guarded
from tests.support.oracles import ORACLES
from tests.support.processes import run_python

pytestmark = pytest.mark.kernels

BLOCK = {"SHA512": 128, "CRC32": 512, "CRC32C": 512, "CRC64NVME": 512}
"""The most that a row takes at once; 64 of others."""

AWKWARD = [0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 55, 56, 57, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 1000, 4095]

# "Catalogue of parametrised CRC algorithms" (CRC-32/ISO-HDLC, CRC-32/ISCSI, CRC-64/NVME), and the digests of coreutils.
PUBLISHED_OF_NINE = {
    "MD5": "25f9e794323b453885f5181f1b624d0b",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "SHA512": "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
    "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
}


def row_id(row: KernelRow) -> str:
    return f"{row.algorithm}-{row.name}"


@pytest.fixture(params=kernels.kernels(), ids=row_id)
def row(request: pytest.FixtureRequest) -> KernelRow:
    row: KernelRow = request.param
    if not row.usable:
        pytest.skip(f"needs {', '.join(row.needs)}")
    return row


def test_row_gives_the_published_check_value(row: KernelRow) -> None:
    assert kernels.run_kernel(row.algorithm, row.name, b"123456789").hex() == PUBLISHED_OF_NINE[row.algorithm]


def test_row_reads_not_one_byte_past_its_input(row: KernelRow) -> None:
    data = random.Random(1).randbytes(4 * BLOCK.get(row.algorithm, 64))
    with Guarded(len(data)) as memory:
        for length in range(len(data) + 1):
            expected = ORACLES[row.algorithm](data[:length])
            assert kernels.run_kernel(row.algorithm, row.name, memory.at_end(data[:length])) == expected, length


def test_row_reads_not_one_byte_before_its_input(row: KernelRow) -> None:
    data = random.Random(2).randbytes(4 * BLOCK.get(row.algorithm, 64))
    with Guarded(len(data)) as memory:
        for length in range(len(data) + 1):
            expected = ORACLES[row.algorithm](data[:length])
            assert kernels.run_kernel(row.algorithm, row.name, memory.at_start(data[:length])) == expected, length


def test_row_is_right_at_every_alignment(row: KernelRow) -> None:
    data = random.Random(3).randbytes(AWKWARD[-1])
    expected = {length: ORACLES[row.algorithm](data[:length]) for length in AWKWARD}
    with Guarded(len(data) + 64) as memory:
        for offset in range(64):
            for length in AWKWARD:
                found = kernels.run_kernel(row.algorithm, row.name, memory.at_start(data[:length], offset))
                assert found == expected[length], (offset, length)


def test_row_is_right_for_a_long_input(row: KernelRow) -> None:
    data = random.Random(4).randbytes(3 * 1024 * 1024 + 5)
    assert kernels.run_kernel(row.algorithm, row.name, data) == ORACLES[row.algorithm](data)


@pytest.mark.parametrize("data", [b"\0" * 1000, b"\xff" * 1000], ids=["zeros", "ones"])
def test_row_is_right_for_uniform_bytes(row: KernelRow, data: bytes) -> None:
    assert kernels.run_kernel(row.algorithm, row.name, data) == ORACLES[row.algorithm](data)


def test_every_algorithm_ends_with_a_row_that_needs_nothing_and_has_one_chosen() -> None:
    for algorithm in PUBLISHED_OF_NINE:
        rows = [row for row in kernels.kernels() if row.algorithm == algorithm]
        assert rows[-1].needs == ()
        assert [row.chosen for row in rows].count(True) == 1
        assert next(row for row in rows if row.usable).chosen


def test_an_unknown_row_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no kernel row MD5 fast"):
        kernels.run_kernel("MD5", "fast", b"")
    with pytest.raises(ValueError, match="no kernel row MD4 libcrypto"):
        kernels.run_kernel("MD4", "libcrypto", b"")


@pytest.mark.features
def test_a_row_that_cannot_run_here_is_refused() -> None:
    assert issubclass(native_errors.KernelUnusable, native_errors.NativeError)
    code = """if True:
        from engine.native import kernels, errors as native_errors
        for row in kernels.kernels():
            try:
                kernels.run_kernel(row.algorithm, row.name, b"x")
            except native_errors.KernelUnusable:
                assert row.needs and not row.usable, row
            else:
                assert row.usable, row
    """
    result = run_python(code, ENGINE_CPU_DISABLE=",".join(cpu_features_detected()))
    assert result.returncode == 0, result.stderr


def test_the_guard_page_bites() -> None:
    """The canary: without it, a broken Guarded would let every test above pass."""
    code = """if True:
        import ctypes
        from tests.support.guarded import Guarded
        memory = Guarded(100)
        view = memory.at_end(b"x" * 10)
        ctypes.string_at(memory.start + memory.room - 10, 11)
    """
    result = run_python(code, ASAN_OPTIONS="detect_leaks=0:handle_segv=0")
    assert result.returncode == -signal.SIGSEGV
