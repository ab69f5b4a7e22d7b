"""Keys and sealed parts in C, watched from outside: keys left behind, memory running out, and bytes that may be a sealed part."""

import subprocess
from pathlib import Path

import pytest

from tests.support.core_builds import CoreBuilds, Fault, Flavour, Objects, linked

WRAPPED = ("calloc", "free", "mmap", "munmap", "RAND_bytes", "RAND_priv_bytes")

pytestmark = pytest.mark.kernels


def driver_of(place: Path, objects: Objects) -> Path:
    wrap = "-Wl," + ",".join(f"--wrap={name}" for name in WRAPPED)
    source = Path(__file__).with_name("keys_driver.c")
    return linked(place / "keys_driver", Flavour.PLAIN, objects, source, link=[wrap])


def run(program: Path, *mode: str) -> dict[str, int]:
    done = subprocess.run([program, *mode], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return {name: int(value) for name, value in (line.split(": ") for line in done.stdout.splitlines())}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    return driver_of(tmp_path_factory.mktemp("keys"), core_builds.objects(Flavour.PLAIN))


@pytest.mark.slow
def test_nothing_given_back_holds_any_key(driver: Path) -> None:
    """Root, derived, wrapping, data, upload and part keys, in blocks of ours and libcrypto's and in mappings."""
    counted = run(driver, "keys")
    assert counted["keys"] >= 7
    assert counted["searched"] > 100
    assert counted["found when not wiped"] > 0  # the search finds keys where they are
    assert counted["found"] == 0


@pytest.mark.slow
def test_without_memory_a_call_fails_and_neither_leaks_nor_leaves_a_key(driver: Path) -> None:
    counted = run(driver, "memory")
    assert counted["failures"] >= 50
    assert (counted["lost blocks"], counted["lost mappings"], counted["found"]) == (0, 0, 0)


@pytest.mark.slow
def test_a_planted_forgetfulness_is_found(tmp_path: Path, core_builds: CoreBuilds) -> None:
    """The canary: pages that are not wiped must not get through."""
    fault = Fault("keys/pages.c", "    OPENSSL_cleanse(pages", "    if (size == 0) OPENSSL_cleanse(pages")
    objects = core_builds.spoilt(tmp_path, Flavour.PLAIN, fault)
    assert run(driver_of(tmp_path, objects), "keys")["found"] > 0


def left_on_the_stack(place: Path, objects: Objects) -> dict[str, int]:
    driver = linked(place / "stack_driver", Flavour.PLAIN, objects, Path(__file__).with_name("stack_driver.c"))
    return run(driver)


def test_no_call_leaves_a_key_on_the_stack(tmp_path: Path, core_builds: CoreBuilds) -> None:
    left = left_on_the_stack(tmp_path, core_builds.objects(Flavour.PLAIN))
    assert left.pop("forgotten") == 1  # the search finds a key where it is
    assert len(left) == 6
    assert set(left.values()) == {0}


@pytest.mark.parametrize("what", ["text", "block", "key"])
def test_a_key_forgotten_on_the_stack_is_found(what: str, tmp_path: Path, core_builds: CoreBuilds) -> None:
    """The canaries: each of HKDF's copies, not wiped."""
    fault = Fault("keys/hkdf.c", f"    OPENSSL_cleanse({what}, sizeof {what});\n", "")
    left = left_on_the_stack(tmp_path, core_builds.spoilt(tmp_path, Flavour.PLAIN, fault))
    assert left["expand"] + left["extract and expand"] > 0
