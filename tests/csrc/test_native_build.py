"""What is generated is up to date, what is exported is what must be, and what is shipped can be built."""

import platform
import runpy
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from engine import _native
from tests.support.core_builds import COMMON, CSRC, WARNINGS, CoreBuilds, Flavour, core_sources

ROOT = CSRC.parent


def test_the_type_stub_is_what_the_module_says() -> None:
    generate = runpy.run_path(str(CSRC / "stubgen.py"))["generate"]
    assert (ROOT / "engine" / "_native.pyi").read_text() == generate()


def test_the_known_answers_are_what_the_oracles_say() -> None:
    generate = runpy.run_path(str(CSRC / "kernels" / "make_answers.py"))["generate"]
    assert (CSRC / "kernels" / "answers.h").read_text() == generate()


def test_the_module_exports_nothing_but_its_start() -> None:
    assert _native.__file__ is not None
    printed = subprocess.run(
        ["nm", "-D", "--defined-only", _native.__file__], capture_output=True, text=True, check=True
    ).stdout
    # What the tools themselves add (sanitizers, linkers) starts with an underscore.
    names = {line.split()[-1] for line in printed.splitlines()}
    assert {name for name in names if not name.startswith("_")} == {"PyInit__native"}


def test_the_module_uses_the_stable_abi() -> None:
    assert _native.__file__ is not None
    assert _native.__file__.endswith(".abi3.so")


@pytest.mark.slow
def test_every_source_is_plain_c11_without_warnings(core_builds: CoreBuilds) -> None:
    """Also without a build system, and for a processor we know nothing of: no hardware row is compiled then."""
    core_builds.objects(Flavour.PLAIN)
    for more in ([f"-I{CSRC}"], [f"-I{CSRC}", "-DTARGET_PORTABLE"]):
        sources = map(str, CSRC.rglob("*.c") if "-DTARGET_PORTABLE" in more else CSRC.rglob("fuzz/**/*.c"))
        subprocess.run(["cc", "-fsyntax-only", *COMMON, *WARNINGS, *more, *sources], check=True)


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the flag is of x86-64")
def test_every_source_compiles_for_a_stated_processor_too() -> None:
    """As somebody may build it: then the compiler may use AVX-512 anywhere, and what must not see that is left out."""
    for source in core_sources():
        flags = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-Werror", "-march=x86-64-v4", f"-I{CSRC}"]
        subprocess.run(["cc", "-c", *flags, "-o", "/dev/null", str(source)], check=True)


def test_no_file_has_target_flags_for_all_its_functions() -> None:
    build = (CSRC / "cffi_build.py").read_text()
    assert "-march" not in build
    assert "-msse" not in build
    assert "-mavx" not in build


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist, and a wheel built from that sdist: made from a copy, so that this tree stays as it is."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    if not (ROOT / ".git").exists():
        pytest.skip("needs the git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(copy)],
        check=True, capture_output=True,
    )  # fmt: skip
    return out


@pytest.mark.slow
def test_the_sdist_holds_every_c_file_and_what_builds_them(distributions: Path) -> None:
    (archive,) = distributions.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        shipped = {name.split("/", 1)[-1] for name in sdist.getnames()}
    needed = {str(path.relative_to(ROOT)) for pattern in ("*.c", "*.h", "*.py") for path in CSRC.rglob(pattern)}
    assert needed | {"setup.py", "pyproject.toml", "csrc/README.md"} <= shipped


@pytest.mark.slow
def test_the_wheel_is_for_every_python_from_3_11_and_typed(distributions: Path) -> None:
    (archive,) = distributions.glob("*.whl")
    assert "-cp311-abi3-" in archive.name
    names = set(zipfile.ZipFile(archive).namelist())
    assert {"engine/_native.abi3.so", "engine/_native.pyi", "engine/py.typed"} <= names
