"""The C core compiled for the tests, once for each set of flags; drivers and fuzz targets are linked with its objects.

The objects stay in `build` for later runs, of which `make test` makes several, under a name that tells what they were made of.
"""

import fcntl
import functools
import hashlib
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

CSRC = Path(__file__).parents[2] / "csrc"
# Where variables live from one instrumented load to the next, in a thousand lines of steps, takes gcc most of its time to say.
COMMON = ("-std=c11", "-D_GNU_SOURCE", "-g", "-fno-var-tracking", "-Wall", "-Wextra", "-Werror")
WARNINGS = ("-Wshadow", "-Wvla", "-Wstrict-prototypes")
"""For the core; the programs of tests are linked without."""

Objects = dict[str, Path]
"""By the names of their sources below csrc."""


class Flavour(Enum):
    """How a core is compiled."""

    PLAIN = ("-O2",)
    ADDRESS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    """AddressSanitizer, leaks too, and UBSan."""
    THREAD = ("-O1", "-fsanitize=thread")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is right in a file of the core, and stands there once; and what shall be there in its place."""

    file: str
    right: str
    wrong: str
    source: str = ""
    """Which file to compile, if it is another."""


@functools.cache
def made_of(core: Path = CSRC) -> str:
    """A digest of all that decides what the objects are: the files of the core, the compiler and its flags."""
    compiler = subprocess.run(["cc", "-v"], capture_output=True, check=True).stderr
    digest = hashlib.sha256(repr((compiler, COMMON, WARNINGS, [flavour.value for flavour in Flavour])).encode())
    for path in sorted(path for path in core.rglob("*.[ch]")):
        digest.update(f"{path.relative_to(core)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class CoreBuilds:
    """The objects of this core, in a directory that all runs share."""

    def __init__(self, builds: Path) -> None:
        self.place = builds / made_of()

    def objects(self, flavour: Flavour) -> Objects:
        """Compile the core unless that has been done; processes that want the same wait for each other."""
        place = self.place / flavour.name
        place.mkdir(parents=True, exist_ok=True)
        sources, is_there = core_sources(), place / "is-there"
        with (place / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_there.exists():
                compile_objects(place, flavour, sources)
                is_there.touch()
        return names_of(sources, place, CSRC)

    def program(self, path: Path, flavour: Flavour, *sources: Path, link: Sequence[str] = ()) -> Path:
        """Link a program of some more sources."""
        return linked(path, flavour, self.objects(flavour), *sources, link=link)

    def spoilt(self, place: Path, flavour: Flavour, fault: Fault) -> Objects:
        """The objects of a core with a fault; all but one are shared."""
        core = place / "spoilt"
        shutil.copytree(CSRC, core)
        text = (core / fault.file).read_text()
        assert text.count(fault.right) == 1
        (core / fault.file).write_text(text.replace(fault.right, fault.wrong))
        source = core / (fault.source or fault.file)
        compile_objects(place, flavour, [source], core)
        return self.objects(flavour) | names_of([source], place, core)


def core_sources(core: Path = CSRC) -> list[Path]:
    """The files of the core."""
    return sorted(path for path in core.rglob("*.c") if "fuzz" not in path.parts)


def names_of(sources: Iterable[Path], place: Path, core: Path) -> Objects:
    """Where the compiler puts objects that it is not told a name of."""
    objects = {str(path.relative_to(core)): place / f"{path.stem}.o" for path in sources}
    assert len(set(objects.values())) == len(objects)
    return objects


def compile_objects(place: Path, flavour: Flavour, sources: Sequence[Path], core: Path = CSRC) -> None:
    """Without any build system; the assembly stays beside the objects."""
    command = ["cc", *COMMON, *WARNINGS, *flavour.value, f"-I{core}", "-S", *map(str, sources)]
    subprocess.run(command, check=True, cwd=place)
    subprocess.run(["cc", "-c", *(f"{path.stem}.s" for path in sources)], check=True, cwd=place)


def linked(path: Path, flavour: Flavour, objects: Objects, *sources: Path, link: Sequence[str] = ()) -> Path:
    """Link objects and some more sources."""
    inputs = map(str, [*sources, *objects.values()])
    command = ["cc", *COMMON, *flavour.value, f"-I{CSRC}", *inputs, "-lcrypto", *link, "-o", str(path)]
    subprocess.run(command, check=True)
    return path
