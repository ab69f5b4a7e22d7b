"""Which features are found, which can be switched off, and which row runs then."""

import json
import platform
import re
from pathlib import Path

import pytest

from engine.native.ffi import cpu_features_detected
from tests.support.processes import python_output, run_python

pytestmark = [pytest.mark.kernels, pytest.mark.features]

PRINT_KERNELS = """if True:
    import json
    from engine import record
    from engine.native import kernels
    print(json.dumps([record.asdict(row) for row in kernels.kernels()]))
"""

FOLDING = {
    "x86-vpclmul-avx512": {"pclmulqdq", "vpclmulqdq", "avx512f"},
    "x86-vpclmul-avx2": {"pclmulqdq", "vpclmulqdq", "avx2"},
    "x86-pclmul": {"pclmulqdq"},
}
EXPECTED_CHOICE_ON_X86_64 = {
    "MD5": {"x86-avx512vl": {"avx512f", "avx512vl", "one_cycle_vectors"}, "x86-bmi": {"bmi1"}},
    "SHA256": {"x86-sha": {"sha_ni", "ssse3", "sse4_1"}},
    "CRC32": FOLDING,
    "CRC32C": FOLDING,
    "CRC64NVME": FOLDING,
}
"""The rows of an algorithm that need something, best first, and what; without all of that, the last row runs."""

LAST_ROWS = {
    "MD5": "libcrypto",
    "SHA1": "libcrypto",
    "SHA256": "libcrypto",
    "SHA512": "libcrypto",
    "CRC32": "portable",
    "CRC32C": "portable",
    "CRC64NVME": "portable",
}

BY_MODEL = "one_cycle_vectors"
"""A feature that no bit of CPUID tells of."""

needs_x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="features are known on x86-64 only")


def chosen_rows(*disabled: str) -> dict[str, str]:
    rows = json.loads(python_output(PRINT_KERNELS, ENGINE_CPU_DISABLE=",".join(disabled)))
    return {row["algorithm"]: row["name"] for row in rows if row["chosen"]}


def allowed_names() -> list[str]:
    """The names the core knows, on any machine: taken from the message that refuses another."""
    result = run_python("import engine.native.ffi", ENGINE_CPU_DISABLE="no_such_feature")
    names = re.search(r"allowed names: ([^)]*)\)", result.stderr)
    assert names is not None, result.stderr
    return names[1].split(", ")


def cpuinfo(name: str) -> str:
    """A line of the first processor in /proc/cpuinfo."""
    with open("/proc/cpuinfo") as lines:
        return next(line for line in lines if line.split("\t")[0] == name).split(":")[1].strip()


@needs_x86_64
def test_detected_features_equal_those_of_the_kernel() -> None:
    known = set(allowed_names()) - {BY_MODEL}
    assert set(cpu_features_detected()) - {BY_MODEL} == set(cpuinfo("flags").split()) & known


@needs_x86_64
def test_vectors_of_one_cycle_are_known_by_the_model() -> None:
    is_known = cpuinfo("vendor_id") == "GenuineIntel"
    assert (BY_MODEL in cpu_features_detected()) == (is_known and "avx512vl" in cpuinfo("flags").split())


@needs_x86_64
@pytest.mark.parametrize(
    "disabled",
    ["", "avx512f", "avx512vl", BY_MODEL, "vpclmulqdq", "pclmulqdq", "bmi1", "sha_ni", "ssse3", "sse4_1"],
)
def test_the_row_that_runs_is_the_one_expected(disabled: str) -> None:
    usable = set(cpu_features_detected()) - {disabled}
    best = {
        name: next((row for row, needs in rows.items() if needs <= usable), LAST_ROWS[name])
        for name, rows in EXPECTED_CHOICE_ON_X86_64.items()
    }
    assert chosen_rows(disabled) == LAST_ROWS | best


@pytest.mark.parametrize("feature", allowed_names())
def test_a_disabled_feature_disables_exactly_the_rows_that_need_it(feature: str) -> None:
    rows = json.loads(python_output(PRINT_KERNELS, ENGINE_CPU_DISABLE=feature))
    detected = set(cpu_features_detected()) - {feature}
    for row in rows:
        assert row["usable"] == (set(row["needs"]) <= detected), row


def test_everything_disabled_leaves_the_last_rows() -> None:
    assert chosen_rows(*allowed_names()) == LAST_ROWS


def test_features_usable_are_those_detected_and_not_disabled() -> None:
    code = "from engine.native import ffi; print(*ffi.cpu_features()); print(*ffi.cpu_features_detected())"
    usable, detected = python_output(code, ENGINE_CPU_DISABLE="avx2,sse4_2").splitlines()
    assert detected.split() == list(cpu_features_detected())
    assert usable.split() == [name for name in cpu_features_detected() if name not in ("avx2", "sse4_2")]


@pytest.mark.parametrize("value", ["", ",", ",,avx2,"], ids=repr)
def test_empty_names_are_nothing(value: str) -> None:
    assert python_output("import engine.native.ffi; print('up')", ENGINE_CPU_DISABLE=value) == "up\n"


@pytest.mark.parametrize("value", ["sse4.2", "avx2,mmx", "SSE4_2", "avx", " avx2", "avx2;sse4_2"], ids=repr)
def test_an_unknown_feature_is_refused_and_the_allowed_ones_named(value: str) -> None:
    result = run_python("import engine.native.ffi", ENGINE_CPU_DISABLE=value)
    assert result.returncode == 1
    last_line = result.stderr.strip().splitlines()[-1]
    assert last_line.startswith("engine.native.errors.CpuFeatureUnknown: ")
    assert f"ENGINE_CPU_DISABLE={value!r}" in last_line
    assert "sse4_2, pclmulqdq" in last_line


def test_a_libcrypto_without_our_digests_is_refused_and_they_are_named(tmp_path: Path) -> None:
    """As a machine may be configured: here with no provider of digests at all, and without a row of ours."""
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(
        "openssl_conf = start\n[start]\nproviders = providers\n[providers]\nnull = on\n[on]\nactivate = 1\n"
    )
    code = "from engine.native import ffi"
    result = run_python(code, OPENSSL_CONF=str(configuration), ENGINE_CPU_DISABLE=",".join(allowed_names()))
    last_line = result.stderr.strip().splitlines()[-1]
    assert last_line.startswith("engine.native.errors.SelfTestFailed: starting the native core on OpenSSL ")
    assert ", MD5, SHA1, SHA256, SHA512, AES-256-GCM: no kernel row passes" in last_line
