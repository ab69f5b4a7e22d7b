"""A row of AES-256-GCM gets the messages that it seals no later than libcrypto: by a clock that a driver pretends."""

import subprocess
from pathlib import Path

import pytest

from engine.native import kernels
from tests.support.core_builds import CoreBuilds, Flavour, linked

pytestmark = pytest.mark.kernels

BEST = next(row.name for row in kernels.ciphers() if row.usable)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    """It has a measurement of its own, to look into."""
    others = {name: path for name, path in core_builds.objects(Flavour.PLAIN).items() if name != "gcm/gcm_worth.c"}
    place = tmp_path_factory.mktemp("gcm_worth") / "driver"
    return linked(place, Flavour.PLAIN, others, Path(__file__).with_name("gcm_worth_driver.c"))


def rows(driver: Path, *, own: int, libcrypto: int, undisturbed: int = 1) -> tuple[str, ...]:
    """Those for messages by themselves, and for streams."""
    command = [driver, *map(str, (own, libcrypto, undisturbed))]
    return tuple(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())


@pytest.mark.parametrize(("own", "libcrypto"), [(500, 1000), (999, 1000), (1000, 1000)])
def test_a_row_that_is_no_later_than_libcrypto_gets_all_messages(driver: Path, own: int, libcrypto: int) -> None:
    assert rows(driver, own=own, libcrypto=libcrypto) == (BEST, BEST)


def test_a_row_that_is_later_than_libcrypto_gets_streams_alone(driver: Path) -> None:
    assert rows(driver, own=1001, libcrypto=1000) == ("libcrypto", BEST)
    assert rows(driver, own=3380, libcrypto=3040) == ("libcrypto", BEST), "as x86-aesni once was on Zen 3"


@pytest.mark.parametrize("undisturbed", [2, 5, 8])
def test_samples_that_were_disturbed_tell_nothing(driver: Path, undisturbed: int) -> None:
    assert rows(driver, own=900, libcrypto=1000, undisturbed=undisturbed) == (BEST, BEST)
    assert rows(driver, own=1100, libcrypto=1000, undisturbed=undisturbed) == ("libcrypto", BEST)
