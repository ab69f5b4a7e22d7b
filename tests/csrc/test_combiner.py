"""Streams that hash together, without Python in between: right at any sizes and ends, free of races and leaks, and unhurt by forks.

Races are looked for by ThreadSanitizer, which must find the one that is planted; the rest of the tests with Python's threads is in
tests/engine/bodies/test_streams_together.py.
"""

import os
import shutil
import subprocess
from collections.abc import Set
from pathlib import Path

import pytest

from engine.native import kernels
from tests.support.core_builds import CoreBuilds, Flavour, linked
from tests.support.requirements import need

PINNED = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]

A_GROUP = 16
"""So many hash together, though there may be more, or as many as the widest row takes."""

WIDTHS = {
    row.algorithm.split("-x")[0]: min(A_GROUP, int(row.algorithm.split("-x")[1]))
    for row in kernels.lanes() if row.usable
}  # fmt: skip
LANES = WIDTHS.keys()
"""What digests lanes can take on this processor; the others are hashed by the rows that are chosen, each stream for itself."""

PAYS = {"MD5": 2, "SHA256": 8, "MD5+SHA256": 6}
"""Fewer do not hash together; combiner_driver.c pretends so, since what lanes are worth differs from processor to processor."""

pytestmark = pytest.mark.kernels


def run(program: Path, mode: str, threads: int, rounds: int, seed: int, digests: str, *wrapper: str) -> dict[str, int]:
    # A forked child has no thread but one, and TSan takes those that it has not for forgotten.
    environment = {
        "TSAN_OPTIONS": "report_thread_leaks=0",
        "ENGINE_CPU_DISABLE": os.environ.get("ENGINE_CPU_DISABLE", ""),
    }
    command = [*wrapper, str(program), mode, str(threads), str(rounds), str(seed), digests]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return {name: int(value) for name, value in (line.split(": ") for line in done.stdout.splitlines())}


def assert_met(counts: dict[str, int], threads: int, digests: str, lanes: Set[str] = LANES) -> None:
    """Those of the first messages hashed together, if lanes take what they want and they are enough for that."""
    if not lanes:
        assert not any(counts.values()), "nobody queues where there are no lanes"
    elif digests in lanes and threads >= PAYS[digests]:
        assert counts["widest"] >= min(threads, WIDTHS[digests])
    assert counts["lanes"] >= 2 * counts["batches"]  # fewer never pay


def assert_met_or_apart(counts: dict[str, int], threads: int, digests: str) -> None:
    """The same where all want these digests and no others."""
    assert_met(counts, threads, digests)
    if digests not in LANES:
        assert not any(counts.values()), "nobody queues for lanes that there are not, or for a part of what it computes"
    elif threads < PAYS[digests]:
        assert counts["batches"] == 0 < counts["alone"]


def built(core_builds: CoreBuilds, place: Path, flavour: Flavour) -> Path:
    """The driver has a combiner of its own, to look into."""
    others = {name: path for name, path in core_builds.objects(flavour).items() if name != "lanes/combiner.c"}
    return linked(place / "combiner_driver", flavour, others, Path(__file__).with_name("combiner_driver.c"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    return built(core_builds, tmp_path_factory.mktemp("plain"), Flavour.PLAIN)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, core_builds: CoreBuilds) -> Path:
    return built(core_builds, tmp_path_factory.mktemp("watched"), Flavour.THREAD)


on_all_and_on_one = pytest.mark.parametrize("pinned", [[], PINNED], ids=["all-processors", "one-processor"])


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 17, 40, 80])
@on_all_and_on_one
def test_every_digest_is_right_however_many_hash(plain: Path, threads: int, pinned: list[str]) -> None:
    """80 threads are more than there are seats. Those of the first messages are of one crowd, all others of any."""
    counts = run(plain, "crowd", threads, 8, threads, "MD5", *pinned)
    if threads == 1:
        assert counts["batches"] == 0
    assert_met(counts, threads, "MD5")


@pytest.mark.parametrize("digests", PAYS)
@on_all_and_on_one
def test_a_crowd_larger_than_a_row_is_served_to_the_last(plain: Path, pinned: list[str], digests: str) -> None:
    """40 streams for 16 lanes: whoever hashes must not be handed a turn, or have its own bytes taken, behind its back."""
    assert_met_or_apart(run(plain, "same", 40, 20, 1, digests, *pinned), 40, digests)


@pytest.mark.parametrize("digests", PAYS)
def test_fewer_than_pays_are_hashed_each_for_itself(plain: Path, digests: str) -> None:
    threads = PAYS[digests] - 1
    assert_met_or_apart(run(plain, "same", threads, 4, 1, digests), threads, digests)


@pytest.mark.parametrize("digests", PAYS)
def test_a_forked_child_inherits_no_lock_and_no_queue(plain: Path, digests: str) -> None:
    assert_met(run(plain, "fork", 16, 15, 5, digests), 16, digests)


@pytest.mark.slow
def test_thread_sanitizer_finds_nothing(watched: Path) -> None:
    assert_met(run(watched, "crowd", 24, 3, 1, "MD5"), 24, "MD5")
    assert_met(run(watched, "fork", 24, 3, 2, "MD5"), 24, "MD5")
    for digests in PAYS:
        assert_met_or_apart(run(watched, "same", 40, 2, 3, digests), 40, digests)


@pytest.mark.slow
def test_thread_sanitizer_finds_the_planted_race(watched: Path) -> None:
    done = subprocess.run([watched, "race"], capture_output=True, text=True, timeout=600)
    assert "WARNING: ThreadSanitizer: data race" in done.stderr
    assert done.returncode != 0


@pytest.mark.slow
@pytest.mark.features
def test_valgrind_finds_no_error_and_no_leak(plain: Path) -> None:
    """It knows no AVX-512, and says so by CPUID: the rows of AVX2 run, which are of MD5 alone."""
    need(shutil.which("valgrind") is not None, "valgrind (Debian package valgrind)")
    wrapper = [*PINNED, "valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--fair-sched=yes"]
    assert_met(run(plain, "crowd", 32, 5, 3, "MD5", *wrapper), 32, "MD5", LANES & {"MD5"})
