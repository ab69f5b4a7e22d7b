"""Keys and sealed parts in C, watched from outside: keys left behind, memory running out, and bytes that may be a sealed part."""

import subprocess
from pathlib import Path

import pytest

from tests.support.fuzzing import sealed_seeds, write_seeds

ROOT = Path(__file__).parents[2]
CSRC = ROOT / "csrc"
WRAPPED = ("calloc", "free", "mmap", "munmap", "RAND_bytes", "RAND_priv_bytes")


def build(place: Path, core: Path = CSRC) -> Path:
    program = place / "keys_driver"
    sources = [str(path) for path in core.rglob("*.c") if "fuzz" not in path.parts]
    flags = ["-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{core}"]
    wrap = "-Wl," + ",".join(f"--wrap={name}" for name in WRAPPED)
    driver = str(Path(__file__).with_name("keys_driver.c"))
    subprocess.run(["cc", *flags, *sources, driver, "-lcrypto", wrap, "-o", str(program)], check=True)
    return program


def run(program: Path, mode: str) -> dict[str, int]:
    done = subprocess.run([program, mode], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return {name: int(value) for name, value in (line.split(": ") for line in done.stdout.splitlines())}


@pytest.mark.slow
def test_damaged_parts_are_refused_alike_in_memory_and_in_files(tmp_path: Path) -> None:
    """The fuzz target by gcc alone, with AddressSanitizer and UBSan; its own assertions are in fuzz.c."""
    program = tmp_path / "fuzz"
    sources = [path for path in CSRC.rglob("*.c") if "fuzz" not in path.parts]
    sources += [CSRC / "fuzz" / "replay.c", CSRC / "fuzz" / "sealed" / "fuzz.c"]
    flags = ["-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{CSRC}"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["cc", *flags, *map(str, sources), "-lcrypto", "-o", str(program)], check=True)
    seeds = list(map(str, write_seeds(tmp_path / "seeds", sealed_seeds())))
    done = subprocess.run([program, "20000", "1", *seeds], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(seeds)} files and 20000 mutations, seed 1\n"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("keys"))


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
def test_a_planted_forgetfulness_is_found(tmp_path: Path) -> None:
    """The canary: pages that are not wiped must not get through."""
    core = tmp_path / "csrc"
    subprocess.run(["cp", "-r", str(CSRC), str(core)], check=True)
    pages = core / "keys" / "pages.c"
    source = pages.read_text()
    planted = source.replace("    OPENSSL_cleanse(pages", "    if (size == 0) OPENSSL_cleanse(pages")
    assert planted != source
    pages.write_text(planted)
    assert run(build(tmp_path, core), "keys")["found"] > 0
