"""The tests of what depends on the processor, played as on other classes of processors: python -m tests.support.processor_classes.

Each class is this processor with features switched off by ENGINE_CPU_DISABLE. The classes are played beside each other, one on each
processor of the machine, and each tells its closing line and its seconds. A class that is the same here as one before it, since this
processor lacks what it switches off, is not played twice, and that is said.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from engine.native.ffi import cpu_features_detected

ROOT = Path(__file__).parents[2]

AVX512 = ("avx512f", "avx512bw", "avx512vl", "one_cycle_vectors")
WIDE_AES = ("vaes", "vpclmulqdq")

CLASSES: Mapping[str, tuple[str, ...]] = {
    "nothing disabled": (),
    "no AVX-512": AVX512,
    "no AVX-512, VAES or VPCLMULQDQ": (*AVX512, *WIDE_AES),
    "no AVX2": (*AVX512, *WIDE_AES, "avx2"),
    "libcrypto and portable rows alone": cpu_features_detected(),
}
"""What each class of processors lacks; whoever reads this has all that is detected."""

TESTS = (
    "tests/csrc",
    "tests/engine/native/test_ffi.py",
    "tests/engine/native/test_sealed.py",
    "tests/engine/bodies/test_streams_together.py",
)
MARKED = "kernels and not features"
"""The tests of the core and of streams that depend on its rows, but for those that switch features off by themselves."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tests went on one class of processors."""

    status: int
    seconds: float
    printed: str

    @property
    def closing_line(self) -> str:
        """pytest's own, which has its seconds too; those of the class have the start in them."""
        return (self.printed.splitlines() or ["nothing was printed"])[-1]


def play(disabled: Sequence[str], *arguments: str) -> Outcome:
    """Run pytest with these features switched off."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"ENGINE_CPU_DISABLE": ",".join(disabled)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return Outcome(done.returncode, time.monotonic() - begun, done.stdout)


def same_here(classes: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Each class with the first that is the same on this processor, mostly itself."""
    detected, first = set(cpu_features_detected()), dict[frozenset[str], str]()
    for name, disabled in classes.items():
        yield name, first.setdefault(frozenset(detected - set(disabled)), name)


def main() -> int:
    """Play all classes.

    Returns: 0 if every test passed on each
    """
    failed = 0
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        same = dict(same_here(CLASSES))
        played = {name: pool.submit(play, CLASSES[name], "-m", MARKED, *TESTS) for name in set(same.values())}
        for name, first in same.items():
            if name != first:
                print(f"{name}: the same as '{first}' on this processor", flush=True)
                continue
            outcome = played[name].result()
            failed += outcome.status != 0
            if outcome.status != 0:
                print(outcome.printed)
            print(f"{name}: {outcome.closing_line} ({outcome.seconds:.0f} s with the start)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
