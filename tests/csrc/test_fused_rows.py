"""Every row of the fused pass against implementations that are not ours, and against the rows it stands for."""

import json
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.native import errors as native_errors
from engine.native import kernels
from engine.native.ffi import check, cpu_features_detected, ffi, lib
from tests.support.guarded import Guarded
from tests.support.oracles import ORACLES
from tests.support.processes import python_output, run_python

pytestmark = pytest.mark.kernels

ROWS = kernels.fused_passes()
KEY, NONCE, AAD = bytes(range(32)), b"twelve bytes", b"associated data!"
AWKWARD = [*range(0, 257), 319, 320, 321, 1000, 1023, 1024, 1025, 4095, 65535, 65536, 65537]
SSE = {"ssse3", "sse4_1"}
MD5 = SSE | {"bmi1"}
VECTORS = MD5 | {"avx512f", "avx512vl", "one_cycle_vectors"}
SHA = {"sha_ni"}
WIDE_CRC = {"avx512f", "avx512vl", "vpclmulqdq"}
WIDE_GCM = WIDE_CRC | {"avx512bw", "vaes", "aes", "pclmulqdq"}
CRC = {"pclmulqdq"}
GCM = {"aes", "pclmulqdq"}
NEEDED = {
    ("MD5+SHA256+CRC64NVME+AES-256-GCM", "x86-avx512-vectors"): VECTORS | SHA | WIDE_GCM,
    ("MD5+SHA256+CRC64NVME+AES-256-GCM", "x86-avx512"): MD5 | SHA | WIDE_GCM,
    ("MD5+SHA256+CRC64NVME+AES-256-GCM", "x86-aesni"): MD5 | SHA | GCM,
    ("MD5+SHA256+AES-256-GCM", "x86-avx512-vectors"): VECTORS | SHA | WIDE_GCM,
    ("MD5+SHA256+AES-256-GCM", "x86-avx512"): MD5 | SHA | WIDE_GCM,
    ("MD5+SHA256+AES-256-GCM", "x86-aesni-vectors"): VECTORS | SHA | GCM,
    ("MD5+SHA256+AES-256-GCM", "x86-aesni"): MD5 | SHA | GCM,
    ("MD5+CRC64NVME+AES-256-GCM", "x86-avx512-vectors"): VECTORS | WIDE_GCM,
    ("MD5+CRC64NVME+AES-256-GCM", "x86-avx512"): MD5 | WIDE_GCM,
    ("MD5+CRC64NVME+AES-256-GCM", "x86-aesni-vectors"): VECTORS | GCM,
    ("MD5+CRC64NVME+AES-256-GCM", "x86-aesni"): MD5 | GCM,
    ("MD5+AES-256-GCM", "x86-avx512-vectors"): VECTORS | WIDE_GCM,
    ("MD5+AES-256-GCM", "x86-avx512"): MD5 | WIDE_GCM,
    ("MD5+AES-256-GCM", "x86-aesni-vectors"): VECTORS | GCM,
    ("MD5+AES-256-GCM", "x86-aesni"): MD5 | GCM,
    ("MD5+SHA256+CRC64NVME", "x86-avx512-vectors"): VECTORS | SHA | WIDE_CRC,
    ("MD5+SHA256+CRC64NVME", "x86-avx512"): MD5 | SHA | WIDE_CRC,
    ("MD5+SHA256+CRC64NVME", "x86-pclmul-vectors"): VECTORS | SHA | CRC,
    ("MD5+SHA256+CRC64NVME", "x86-pclmul"): MD5 | SHA | CRC,
    ("MD5+CRC64NVME", "x86-avx512-vectors"): VECTORS | WIDE_CRC,
    ("MD5+CRC64NVME", "x86-avx512"): MD5 | WIDE_CRC,
    ("MD5+CRC64NVME", "x86-pclmul-vectors"): VECTORS | CRC,
    ("MD5+CRC64NVME", "x86-pclmul"): MD5 | CRC,
    ("MD5+SHA256", "x86-sha-vectors"): VECTORS | SHA,
    ("MD5+SHA256", "x86-sha"): MD5 | SHA,
    ("CRC64NVME+AES-256-GCM", "x86-avx512"): SSE | WIDE_GCM,
    ("CRC64NVME+AES-256-GCM", "x86-avx2"): SSE | GCM | {"avx2", "vaes", "vpclmulqdq"},
}
"""What the rows need of the processor, better ones of a combination first. The last two are for bytes that were hashed in lanes."""

OLDER = {
    "without AVX-512, with VAES": {"avx512f"},
    "without AVX-512": {"avx512f", "vaes", "vpclmulqdq"},
    "without VAES": {"vaes", "vpclmulqdq"},
    "without SHA": {"avx512f", "vaes", "vpclmulqdq", "sha_ni"},
    "without AES": {"avx512f", "vaes", "vpclmulqdq", "aes"},
    "without PCLMULQDQ": {"avx512f", "vaes", "vpclmulqdq", "pclmulqdq"},
}
"""Processors by what they lack: most of AMD's before Zen 4 and Intel's for clients, Intel's servers before Ice Lake, and odd ones."""


@pytest.fixture(params=range(len(ROWS)), ids=[f"{row.algorithm}-{row.name}" for row in ROWS])
def row(request: pytest.FixtureRequest) -> int:
    if not ROWS[request.param].usable:
        pytest.skip(f"needs {', '.join(ROWS[request.param].needs)}")
    return int(request.param)


def algorithms(row: int) -> list[str]:
    return [name for name in ROWS[row].algorithm.split("+") if name in ORACLES]


def seals(row: int) -> bool:
    return ROWS[row].algorithm.endswith("AES-256-GCM")


def run(row: int, data: Any, out: Any = None, key: bytes = KEY, nonce: bytes = NONCE, aad: bytes = AAD) -> bytes:
    """Everything the row gives: its digests one after the other, then, if it seals, what it sealed."""
    digests = ffi.new("uint8_t[]", 256)
    into = ffi.new("uint8_t[]", len(data) + 16) if out is None else ffi.from_buffer("uint8_t[]", out)
    source = ffi.from_buffer("uint8_t[]", data)
    check(lib.engine_fused_row_run(row, key, nonce, aad, len(aad), source, len(data), into, digests), "running fused")
    size = sum(len(ORACLES[name](b"")) for name in algorithms(row))
    sealed = bytes(ffi.buffer(into, len(data) + 16)) if seals(row) else b""
    return bytes(ffi.buffer(digests, size)) + sealed


def expected(row: int, data: bytes, key: bytes = KEY, nonce: bytes = NONCE, aad: bytes = AAD) -> bytes:
    """The same by hashlib, awscrt and cryptography."""
    sealed = AESGCM(key).encrypt(nonce, data, aad) if seals(row) else b""
    return b"".join(ORACLES[name](data) for name in algorithms(row)) + sealed


def test_row_touches_not_one_byte_around_its_buffers(row: int) -> None:
    data = random.Random(1).randbytes(AWKWARD[-1])
    with Guarded(len(data) + 16) as source, Guarded(len(data) + 16) as out:
        for length in AWKWARD:
            found = run(row, source.at_end(data[:length]), out.at_end(bytes(length + 16)))
            assert found == expected(row, data[:length]), length
            found = run(row, source.at_start(data[:length]), out.at_start(bytes(length + 16)))
            assert found == expected(row, data[:length]), length


def test_row_is_right_at_every_alignment(row: int) -> None:
    data = random.Random(2).randbytes(1000)
    with Guarded(1100) as source, Guarded(1100) as out:
        for offset in range(64):
            found = run(row, source.at_start(data, offset), out.at_start(bytes(1016), (7 * offset) % 64))
            assert found == expected(row, data), offset


def test_row_is_right_for_uniform_bytes(row: int) -> None:
    for byte in (b"\0", b"\xff"):
        assert run(row, byte * 1000) == expected(row, byte * 1000)


def test_row_is_right_for_random_keys_nonces_and_associated_data(row: int) -> None:
    rng = random.Random(3)
    for _ in range(200):
        key, nonce, aad, data = (rng.randbytes(size) for size in (32, 12, rng.randrange(40), rng.randrange(3000)))
        assert run(row, data, None, key, nonce, aad) == expected(row, data, key, nonce, aad)


def test_row_agrees_with_every_row_of_its_algorithms(row: int) -> None:
    data = random.Random(4).randbytes(70001)
    found = run(row, data)
    for name in algorithms(row):
        for kernel in (kernel for kernel in kernels.kernels() if kernel.algorithm == name and kernel.usable):
            assert kernels.run_kernel(name, kernel.name, data) in found, kernel


def test_the_counter_of_a_sealing_row_carries_within_its_word(row: int) -> None:
    data = random.Random(6).randbytes(70000 * 16 + 5)
    assert run(row, data) == expected(row, data)


def test_there_are_rows_for_each_combination_that_requests_need() -> None:
    assert [(row.algorithm, row.name) for row in ROWS] == list(NEEDED) or ROWS == ()


def passes(*disabled: str) -> list[kernels.KernelRow]:
    code = """if True:
        import json
        from engine import record
        from engine.native import kernels
        print(json.dumps([record.asdict(row) for row in kernels.fused_passes()]))
    """
    found = json.loads(python_output(code, ENGINE_CPU_DISABLE=",".join(disabled)))
    return [kernels.KernelRow(**row) for row in found]


@pytest.mark.features
@pytest.mark.parametrize(
    "disabled", [set(), {"sse4_2"}, *({feature} for feature in sorted(VECTORS | SHA | WIDE_GCM)), *OLDER.values()]
)
def test_the_rows_that_run_are_those_the_features_allow(disabled: set[str]) -> None:
    features = set(cpu_features_detected()) - disabled
    rows = passes(*disabled)
    usable = [row for row in NEEDED if NEEDED[row] <= features and ROWS]
    assert [(row.algorithm, row.name) for row in rows if row.usable] == usable, (
        "a row that does not run though it could is as wrong as the reverse"
    )
    assert {row.algorithm: row.name for row in rows if row.chosen} == dict(reversed(usable)), "the first is chosen"


@pytest.mark.features
def test_a_row_that_cannot_run_here_is_refused() -> None:
    code = """if True:
        from engine.native import errors as native_errors, kernels
        from tests.csrc.test_fused_rows import run
        for row in range(len(kernels.fused_passes())):
            try:
                run(row, b"x")
            except native_errors.KernelUnusable:
                continue
            raise AssertionError(row)
    """
    assert issubclass(native_errors.KernelUnusable, native_errors.NativeError)
    result = run_python(code, ENGINE_CPU_DISABLE=",".join(cpu_features_detected()))
    assert result.returncode == 0, result.stderr
