"""Rows that seal leave nothing of a key or a text in the vector registers that no return clears, nor of a key on the stack."""

import subprocess
from pathlib import Path

import pytest

from engine.native import kernels
from tests.support.core_builds import CoreBuilds, Fault, Flavour, Objects, linked

LEAKY = """        wipe_stack();
    volatile uint8_t kept[64 * AES_BLOCK];
    for (size_t i = 0; row->seals && i < sizeof kept; i++)
        kept[i] = gcm->x86.hash[i % AES_BLOCK];
    (void)kept;
"""
IN_HALVES = """    gcm->size += done;
    __asm__ volatile("vbroadcasti128 %0, %%ymm7" ::"m"(gcm->round_keys[1]));
"""
FORGETFUL = {
    "registers_driver.c gcm": Fault("gcm/gcm_x86_vaes_avx512.c", "    gcm_wide_wipe();\n", ""),
    "registers_driver.c fused": Fault("fused/fused_x86.c", "        wide_wipe();\n", ""),
    "sealing_stack_driver.c": Fault("fused/fused.c", "        wipe_stack();\n", LEAKY),
}
"""Faults that the drivers must find; whether a row leaves something on the stack if nobody wipes that, its compiler decides."""

pytestmark = pytest.mark.kernels


@pytest.fixture(params=FORGETFUL)
def driver(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    rows, feature = (
        (kernels.fused_passes(), "aes") if name == "sealing_stack_driver.c" else (kernels.ciphers(), "avx512f")
    )
    if not any(row.usable and feature in row.needs for row in rows):
        pytest.skip("no row uses these registers, or is fused, on this processor")
    return name


def left_by(driver: str, place: Path, objects: Objects) -> dict[str, int]:
    source, *kind = driver.split()
    program = linked(place / "driver", Flavour.PLAIN, objects, Path(__file__).with_name(source))
    printed = subprocess.run([program, *kind], capture_output=True, text=True, check=True, timeout=60).stdout
    return {name: int(value) for name, value in (line.split(": ") for line in printed.splitlines())}


def test_nothing_tells_of_a_key_or_a_text(driver: str, tmp_path: Path, core_builds: CoreBuilds) -> None:
    left = left_by(driver, tmp_path, core_builds.objects(Flavour.PLAIN))
    assert left["rows"] > 0
    assert left["telling"] == 0


def test_a_row_that_does_not_wipe_is_found(driver: str, tmp_path: Path, core_builds: CoreBuilds) -> None:
    """The canaries."""
    objects = core_builds.spoilt(tmp_path, Flavour.PLAIN, FORGETFUL[driver])
    assert left_by(driver, tmp_path, objects)["telling"] > 0


def test_a_row_that_leaves_a_key_in_the_half_of_a_register_is_found(tmp_path: Path, core_builds: CoreBuilds) -> None:
    """The canary of registers that are wide by AVX2."""
    if not any(row.usable and "avx512f" in row.needs for row in kernels.ciphers()):
        pytest.skip("the driver reads all registers by AVX-512")
    fault = Fault("gcm/gcm_x86_vaes_avx2.c", "    gcm->size += done;\n", IN_HALVES)
    assert (
        left_by("registers_driver.c gcm", tmp_path, core_builds.spoilt(tmp_path, Flavour.PLAIN, fault))["telling"] > 0
    )
