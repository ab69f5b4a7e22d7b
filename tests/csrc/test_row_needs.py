"""A row needs of the processor whatever its instructions are of: an assembler that knows no more than that takes its code.

So this is found out on any machine, whether it has those instructions or not.
"""

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.native import kernels
from tests.support.assembly import Assembly, refused
from tests.support.core_builds import CoreBuilds, Flavour, linked

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="features are known on x86-64 only")


@dataclass(frozen=True, slots=True)
class Row:
    """One of a table, what it says that it needs, and all its code."""

    name: str
    needs: set[str]
    code: str


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> list[Row]:
    objects = core_builds.objects(Flavour.PLAIN)
    assembly, driver = Assembly(objects), Path(__file__).with_name("rows_driver.c")
    others = {name: path for name, path in objects.items() if name != "lanes/lanes.c"}
    program = linked(tmp_path_factory.mktemp("rows") / "driver", Flavour.PLAIN, others, driver, link=["-no-pie"])
    places = dict(assembly.addresses(program))
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    found = []
    for table, name, needs, *addresses in map(str.split, filter(None, printed.splitlines())):
        code = assembly.code(places[int(address, 16)] for address in addresses)
        found.append(Row(f"{table} {name}", set(needs.split(",")) - {"-"}, code))
    return found


def test_no_row_has_an_instruction_that_it_does_not_say_it_needs(rows: list[Row]) -> None:
    assert {row.name: said for row in rows if (said := refused(row.code, row.needs))} == {}


def test_no_row_is_forgotten(rows: list[Row]) -> None:
    tables = (kernels.kernels(), kernels.ciphers(), kernels.fused_passes(), kernels.lanes())
    assert [row.needs for row in rows] == [set(row.needs) for table in tables for row in table]
    assert all("ret" in row.code for row in rows if row.needs)


@pytest.mark.parametrize("feature", ["bmi1", "sha_ni", "pclmulqdq", "vpclmulqdq", "vaes", "avx512bw"])
def test_a_need_that_is_not_stated_is_found(feature: str, rows: list[Row]) -> None:
    """The canaries; features that another of a row's brings along would not be missed, by no processor either."""
    needing = [row for row in rows if feature in row.needs]
    assert needing != []
    assert all(refused(row.code, row.needs - {feature}) for row in needing)
