"""The fuzz targets by gcc alone, under sanitizers: their seeds and blind mutations; their own assertions are in csrc/fuzz/*/fuzz.c."""

from pathlib import Path

import pytest

from tests.support.core_builds import CSRC, CoreBuilds, Fault, Flavour
from tests.support.fuzzing import SEED, SEEDS, replay

RUNS = {"chunked": 60_000, "crc": 2_000, "gcm": 10_000, "sealed": 20_000, "stream": 300}
ON_ROWS = {"crc", "gcm", "stream"}
"""Which of them are about the rows that are chosen."""


def test_every_target_has_seeds_and_runs() -> None:
    assert {path.parent.name for path in CSRC.glob("fuzz/*/fuzz.c")} == SEEDS.keys() == RUNS.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    "target", [pytest.param(target, marks=[pytest.mark.kernels] * (target in ON_ROWS)) for target in RUNS]
)
def test_a_target_holds_under_mutations(target: str, tmp_path: Path, core_builds: CoreBuilds) -> None:
    done = replay(target, tmp_path, RUNS[target], core_builds.objects(Flavour.ADDRESS))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(SEEDS[target]())} files and {RUNS[target]} mutations, seed {SEED}\n"


PLANTED = {
    "chunked": Fault(
        "chunked/chunked.c",
        "if (decoder->line_size == size_max) {",
        "if (decoder->line_size == size_max << 12) {",
    ),
    "stream": Fault(
        "sealed/sealer.c",
        "seal_held(sealer, true, digests, sink, report)",
        "seal_held(sealer, false, digests, sink, report)",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("target", PLANTED)
def test_a_planted_fault_is_found(target: str, tmp_path: Path, core_builds: CoreBuilds) -> None:
    """The canaries: a chunk's header without a bound, a last segment that does not say so."""
    long = tmp_path / "long"
    long.write_bytes(b"\0\0\0\0\0" + b"0" * 20_000)
    objects = core_builds.spoilt(tmp_path, Flavour.ADDRESS, PLANTED[target])
    done = replay(target, tmp_path, 0, objects, long)
    assert done.returncode != 0
    assert (
        "ERROR: AddressSanitizer" in done.stderr or "runtime error" in done.stderr or "assertion" in done.stderr.lower()
    )
