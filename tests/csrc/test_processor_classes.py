"""The classes of processors that `make test` plays: each lacks more than the one before, and what fails on one of them is seen."""

import itertools
import json
import platform
from pathlib import Path

import pytest

from engine.native.ffi import cpu_features_detected
from tests.support.processes import python_output
from tests.support.processor_classes import CLASSES, play, same_here

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="features are known on x86-64 only")

PRINT_USABLE = """if True:
    import json
    from engine.native import kernels
    tables = kernels.kernels(), kernels.ciphers(), kernels.fused_passes(), kernels.lanes()
    print(json.dumps([row.needs for table in tables for row in table if row.usable]))
"""
PRINT_CHOSEN = """if True:
    import json
    from engine.native import kernels
    rows = *kernels.kernels(), *kernels.ciphers(), *kernels.fused_passes()
    print(json.dumps({row.algorithm: row.name for row in rows if row.chosen}))
"""
DETECTED = set(cpu_features_detected())

CRCS = ("CRC32", "CRC32C", "CRC64NVME")
NARROW = {"aes", "pclmulqdq", "ssse3", "sse4_1"}
WIDE = NARROW | {"vaes", "vpclmulqdq"}
CHOSEN = {
    "nothing disabled": (
        WIDE | {"avx512f", "avx512bw", "avx512vl"},
        {"AES-256-GCM": "x86-vaes-avx512", "CRC64NVME+AES-256-GCM": "x86-avx512"}
        | dict.fromkeys(CRCS, "x86-vpclmul-avx512"),
    ),
    "no AVX-512": (
        WIDE | {"avx2"},
        {"AES-256-GCM": "x86-vaes-avx2", "CRC64NVME+AES-256-GCM": "x86-avx2"} | dict.fromkeys(CRCS, "x86-vpclmul-avx2"),
    ),
    "no AVX-512, VAES or VPCLMULQDQ": (NARROW, dict.fromkeys(CRCS, "x86-pclmul")),
    "no AVX2": (NARROW, dict.fromkeys(CRCS, "x86-pclmul")),
    "libcrypto and portable rows alone": (
        set[str](),
        {"AES-256-GCM": "libcrypto"} | dict.fromkeys(CRCS, "portable"),
    ),
}
"""The rows that each class chooses, on a processor that has at least these features. With AES-NI alone a clock chooses the cipher."""


@pytest.mark.parametrize("name", CLASSES)
def test_no_row_of_a_class_needs_what_the_class_lacks(name: str) -> None:
    usable = json.loads(python_output(PRINT_USABLE, ENGINE_CPU_DISABLE=",".join(CLASSES[name])))
    lacking = set(CLASSES[name])
    assert [needs for needs in usable if lacking & set(needs)] == []
    if lacking >= DETECTED:
        assert not any(usable), "the rows of libcrypto and the portable ones need nothing"


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_chooses_its_rows(name: str) -> None:
    needed, rows = CHOSEN[name]
    if not needed <= DETECTED:
        pytest.skip(f"needs {', '.join(sorted(needed))}")
    chosen = json.loads(python_output(PRINT_CHOSEN, ENGINE_CPU_DISABLE=",".join(CLASSES[name])))
    assert {algorithm: chosen[algorithm] for algorithm in rows} == rows


def test_each_class_lacks_more_than_the_one_before_and_the_last_everything() -> None:
    *others, everything = (set(disabled) for disabled in CLASSES.values())
    assert others[0] == set()
    assert all(one < more for one, more in itertools.pairwise(others))
    assert everything == DETECTED


def test_a_class_that_is_another_here_is_named_with_it() -> None:
    missing = sorted({"avx512f", "sha_ni", "avx2"} - DETECTED)
    present = sorted(DETECTED)[0]
    assert dict(same_here({"all": (), "less": (present,), "as all": missing, "as less": (*missing, present)})) == {
        "all": "all", "less": "less", "as all": "all", "as less": "less",
    }  # fmt: skip


@pytest.mark.slow
def test_what_fails_on_one_class_alone_is_seen(tmp_path: Path) -> None:
    """The canary."""
    feature = sorted(DETECTED)[0]
    test = tmp_path / "test_feature.py"
    test.write_text(f"from engine.native import ffi\ndef test_it():\n    assert {feature!r} in ffi.cpu_features()\n")
    here, lacking = play((), str(test)), play((feature,), str(test))
    assert (here.status, lacking.status) == (0, 1)
    assert here.closing_line.startswith("1 passed in")
    assert lacking.closing_line.startswith("1 failed in")
