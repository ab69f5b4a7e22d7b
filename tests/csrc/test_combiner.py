"""Streams that hash together, without Python in between: right at any sizes and ends, free of races and leaks, and unhurt by forks.

Races are looked for by ThreadSanitizer, which must find the one that is planted; the rest of the tests with Python's threads is in
tests/engine/bodies/test_streams_together.py.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.native import kernels
from tests.support.core_builds import CoreBuilds, Flavour

PINNED = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not any(row.usable for row in kernels.lanes()), reason="this processor has no lanes"),
]


def run(*command: str | Path, disabled: str = "") -> dict[str, int]:
    # A forked child has no thread but one, and TSan takes those that it has not for forgotten.
    environment = {"ENGINE_CPU_DISABLE": disabled, "TSAN_OPTIONS": "report_thread_leaks=0"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return {name: int(value) for name, value in (line.split(": ") for line in done.stdout.splitlines())}


def built(core_builds: CoreBuilds, place: Path, flavour: Flavour) -> Path:
    return core_builds.program(place / "combiner_driver", flavour, Path(__file__).with_name("combiner_driver.c"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    return built(core_builds, tmp_path_factory.mktemp("plain"), Flavour.PLAIN)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    return built(core_builds, tmp_path_factory.mktemp("watched"), Flavour.THREAD)


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 17, 40, 80])
@pytest.mark.parametrize("pinned", [False, True], ids=["all-processors", "one-processor"])
def test_every_digest_is_right_however_many_hash(plain: Path, threads: int, pinned: bool) -> None:
    """80 threads are more than there are seats."""
    counts = run(*(PINNED if pinned else []), plain, "crowd", str(threads), "8", str(threads))
    if threads == 1:
        assert counts["batches"] == 0
    assert counts["lanes"] >= 2 * counts["batches"]  # fewer never pay
    if threads >= (17 if pinned else 40):  # on several processors 17 of three kinds are hardly crowds
        assert counts["lanes"] >= 3 * counts["batches"] > 0


@pytest.mark.parametrize("pinned", [False, True], ids=["all-processors", "one-processor"])
def test_a_crowd_larger_than_a_row_is_served_to_the_last(plain: Path, pinned: bool) -> None:
    """40 streams for 16 lanes: whoever hashes must not be handed a turn, or have its own bytes taken, behind its back."""
    counts = run(*(PINNED if pinned else []), plain, "same", "40", "20", "1")
    assert counts["lanes"] >= 4 * counts["batches"] > 0


@pytest.mark.parametrize("disabled", ["avx512f", "avx512bw"])
def test_it_works_with_fewer_rows(plain: Path, disabled: str) -> None:
    assert run(plain, "crowd", "16", "4", "9", disabled=disabled)["batches"] > 0


def test_a_forked_child_inherits_no_lock_and_no_queue(plain: Path) -> None:
    assert run(plain, "fork", "16", "15", "5")["batches"] > 0


def test_thread_sanitizer_finds_nothing(watched: Path) -> None:
    assert run(watched, "crowd", "24", "3", "1")["batches"] > 0
    assert run(watched, "same", "40", "2", "3")["batches"] > 0
    assert run(watched, "fork", "24", "3", "2")["batches"] > 0


def test_thread_sanitizer_finds_the_planted_race(watched: Path) -> None:
    done = subprocess.run([watched, "race"], capture_output=True, text=True, timeout=300)
    assert "WARNING: ThreadSanitizer: data race" in done.stderr
    assert done.returncode != 0


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_valgrind_finds_no_error_and_no_leak(plain: Path) -> None:
    """It knows no AVX-512, and says so by CPUID: the rows of AVX2 run."""
    command = [*PINNED, "valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--fair-sched=yes", plain]
    assert run(*command, "crowd", "32", "5", "3")["batches"] > 0
