"""No file of the core calls one that calls it, over others or directly: so there is an order in which the core can be read."""

import subprocess
from pathlib import Path

from tests.support.core_builds import CoreBuilds, Fault, Flavour, Objects

CIRCLE = Fault(
    "stream/stream.c", "    free(stream);\n", "    free(stream);\n    engine_stream_pump(NULL, -1, -1, 0, NULL);\n"
)
"""The pump calls the stream."""


def symbols(path: Path, of: str) -> set[str]:
    """The names that an object defines for others, or takes from them."""
    listed = subprocess.run(
        ["nm", "--format=posix", "--extern-only", of, path], capture_output=True, text=True, check=True
    ).stdout
    return {line.split()[0] for line in listed.splitlines()}


def circles(objects: Objects) -> set[frozenset[str]]:
    defined_in = {name: file for file, path in objects.items() for name in symbols(path, "--defined-only")}
    calls = {
        file: {defined_in[name] for name in symbols(path, "--undefined-only") & defined_in.keys()}
        for file, path in objects.items()
    }
    reached = {file: reachable(file, calls) for file in calls}
    together = {file: frozenset(other for other in reached[file] if file in reached[other]) for file in calls}
    return set(together.values()) - {frozenset()}


def reachable(start: str, calls: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = calls[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def test_no_files_call_each_other_in_a_circle(core_builds: CoreBuilds) -> None:
    assert circles(core_builds.objects(Flavour.PLAIN)) == set()


def test_a_circle_is_found(tmp_path: Path, core_builds: CoreBuilds) -> None:
    """The canary."""
    found = circles(core_builds.spoilt(tmp_path, Flavour.PLAIN, CIRCLE))
    assert frozenset({"pump/pump.c", "stream/stream.c"}) in found
