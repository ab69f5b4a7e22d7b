"""Rows that seal leave nothing of a key or a text in the vector registers that no return clears."""

import subprocess
from pathlib import Path

import pytest

from engine import native
from tests.support.core_builds import CoreBuilds, Fault, Flavour, Objects, linked

FORGETFUL = {
    "gcm": Fault("gcm/gcm_x86_vaes_avx512.c", "    wipe_registers();\n", ""),
    "fused": Fault("fused/fused_x86.c", "        wide_wipe();\n", ""),
}

pytestmark = pytest.mark.skipif(
    not any(row.usable for row in native.ciphers() if "avx512f" in row.needs),
    reason="no row uses these registers on this processor",
)


def left_by(kind: str, place: Path, objects: Objects) -> dict[str, int]:
    driver = linked(place / "driver", Flavour.PLAIN, objects, Path(__file__).with_name("registers_driver.c"))
    printed = subprocess.run([driver, kind], capture_output=True, text=True, check=True, timeout=60).stdout
    return {name: int(value) for name, value in (line.split(": ") for line in printed.splitlines())}


@pytest.mark.parametrize("kind", FORGETFUL)
def test_no_register_tells_of_a_key_or_a_text(kind: str, tmp_path: Path, core_builds: CoreBuilds) -> None:
    left = left_by(kind, tmp_path, core_builds.objects(Flavour.PLAIN))
    assert left["rows"] > 0
    assert left["telling"] == 0


@pytest.mark.parametrize("kind", FORGETFUL)
def test_a_row_that_does_not_wipe_is_found(kind: str, tmp_path: Path, core_builds: CoreBuilds) -> None:
    """The canaries."""
    objects = core_builds.spoilt(tmp_path, Flavour.PLAIN, FORGETFUL[kind])
    assert left_by(kind, tmp_path, objects)["telling"] > 0
