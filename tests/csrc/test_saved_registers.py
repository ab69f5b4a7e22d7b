"""A processor may have registers that the system does not save when threads change: what uses them is not detected then."""

import platform
import subprocess
from pathlib import Path

import pytest

from tests.support.core_builds import CSRC

ON_XMM = {"ssse3", "sse4_1", "sse4_2", "pclmulqdq", "aes", "sha_ni", "bmi1", "bmi2"}
"""Or on no vector register."""

ON_YMM = {"avx2", "vaes", "vpclmulqdq"}
ON_ZMM = {"avx512f", "avx512bw", "avx512vl"}

X87, XMM, YMM, MASKS, UPPER_HALVES, UPPER_SIXTEEN = (1 << bit for bit in (0, 1, 2, 5, 6, 7))
"""Of XCR0. Source: Intel SDM volume 1, 13.3."""

EXPECTED = {
    "none": ON_XMM,
    X87: ON_XMM,
    X87 | XMM: ON_XMM,
    X87 | YMM: ON_XMM,
    X87 | XMM | YMM: ON_XMM | ON_YMM,
    X87 | XMM | YMM | UPPER_HALVES | UPPER_SIXTEEN: ON_XMM | ON_YMM,
    X87 | XMM | YMM | MASKS | UPPER_SIXTEEN: ON_XMM | ON_YMM,
    X87 | XMM | YMM | MASKS | UPPER_HALVES: ON_XMM | ON_YMM,
    X87 | XMM | YMM | MASKS | UPPER_HALVES | UPPER_SIXTEEN: ON_XMM | ON_YMM | ON_ZMM,
}

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the register is of x86-64")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, source = tmp_path_factory.mktemp("driver") / "xcr0_driver", Path(__file__).with_name("xcr0_driver.c")
    command = ["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{CSRC}"]
    subprocess.run([*command, str(source), "-o", str(path)], check=True)
    return path


@pytest.mark.parametrize("xcr0", EXPECTED, ids=lambda xcr0: xcr0 if isinstance(xcr0, str) else f"{xcr0:#x}")
def test_only_what_the_system_saves_is_used(driver: Path, xcr0: int | str) -> None:
    argument = xcr0 if isinstance(xcr0, str) else f"{xcr0:x}"
    printed = subprocess.run([driver, argument], capture_output=True, text=True, check=True).stdout
    assert set(printed.split()) == EXPECTED[xcr0]
