"""The decoder as a C program: damaged bodies under sanitizers, short of memory at every turn, and a search for keys left behind."""

import subprocess
from pathlib import Path

import pytest

from tests.support.fuzzing import chunked_seeds, write_seeds

ROOT = Path(__file__).parents[2]
CSRC = ROOT / "csrc"
RUNS = 60_000
SEED = 1


def build(place: Path, *sources: Path, link: str = "-lcrypto", sanitize: str = "") -> Path:
    """Compile the core with these sources, without any build system."""
    program = place / sources[0].stem
    core = [path for path in CSRC.rglob("*.c") if "fuzz" not in path.parts]
    flags = ["-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{CSRC}"]
    if sanitize:
        flags += [f"-fsanitize={sanitize}", "-fno-sanitize-recover=all"]
    files = map(str, [*core, *sources])
    subprocess.run(["cc", *flags, *files, "-lcrypto", link, "-o", str(program)], check=True)
    return program


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return list(map(str, write_seeds(tmp_path_factory.mktemp("seeds"), chunked_seeds())))


@pytest.mark.slow
def test_damaged_bodies_are_decoded_alike_however_they_are_cut(tmp_path: Path, seeds: list[str]) -> None:
    """The fuzz target by gcc alone, with AddressSanitizer (leaks too) and UBSan; its own assertions are in fuzz.c."""
    program = build(
        tmp_path, CSRC / "fuzz" / "replay.c", CSRC / "fuzz" / "chunked" / "fuzz.c", sanitize="address,undefined"
    )
    done = subprocess.run([program, str(RUNS), str(SEED), *seeds], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(seeds)} files and {RUNS} mutations, seed {SEED}\n"


@pytest.mark.slow
def test_a_planted_fault_is_found(tmp_path: Path, seeds: list[str]) -> None:
    """The canary: a decoder that forgets to bound the chunk header must not get through."""
    place = tmp_path / "csrc"
    subprocess.run(["cp", "-r", str(CSRC), str(place)], check=True)
    chunked = place / "chunked" / "chunked.c"
    source = chunked.read_text()
    planted = source.replace("if (decoder->line_size == size_max) {", "if (decoder->line_size == 1u << 20) {")
    assert planted != source
    chunked.write_text(planted)
    core = [str(path) for path in place.rglob("*.c") if "fuzz" not in path.parts]
    target = [str(place / "fuzz" / "replay.c"), str(place / "fuzz" / "chunked" / "fuzz.c")]
    program = tmp_path / "planted"
    flags = ["-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["cc", *flags, f"-I{place}", *core, *target, "-lcrypto", "-o", str(program)], check=True)
    long = tmp_path / "long"
    long.write_bytes(b"\0\0\0\0\0" + b"0" * 20_000)
    done = subprocess.run([program, "0", "1", *seeds, str(long)], capture_output=True, text=True, timeout=100)
    assert done.returncode != 0
    assert "ERROR: AddressSanitizer" in done.stderr or "runtime error" in done.stderr


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, wrap = Path(__file__).with_name("chunked_driver.c"), "-Wl,--wrap=calloc,--wrap=free"
    return build(tmp_path_factory.mktemp("driver"), source, link=wrap)


def run(driver: Path, mode: str, *arguments: str) -> dict[str, int]:
    done = subprocess.run([driver, mode, *arguments], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return {name: int(value) for name, value in (line.split(": ") for line in done.stdout.splitlines())}


@pytest.mark.slow
def test_no_freed_memory_holds_the_key(driver: Path, seeds: list[str]) -> None:
    """Every signed body, cut off at every length, decoded and closed: what is given back to malloc is searched for the key."""
    counted = run(driver, "keys", *(seed for seed in seeds if "-signed" in seed))
    assert counted["decoders"] > 3000
    assert counted["complete"] > 0
    assert counted["refused"] > 0
    assert counted["found when not wiped"] > 0  # the search finds keys where they are
    assert counted["found"] == 0


@pytest.mark.slow
def test_without_memory_a_call_fails_and_leaks_nothing(driver: Path, seeds: list[str]) -> None:
    """The n-th allocation fails, ours or libcrypto's, for n = 1, 2, 3 until nothing fails."""
    counted = run(driver, "memory", *seeds)
    assert counted["failures"] >= 2 * len(seeds)
    assert counted["lost blocks"] == 0
    assert counted["found"] == 0
