"""What the compiler makes of the core: the functions that it writes, which of them reach which, and what an assembler says of them."""

import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path

from tests.support.core_builds import Objects

ASSEMBLER_NAMES = {"pclmulqdq": "pclmul", "sse4_1": "sse4.1", "sse4_2": "sse4.2", "sha_ni": "sha", "bmi1": "bmi"}
"""Of those features that it does not call as Linux does."""

FUNCTION = re.compile(r"^\t\.type\t(\S+), @function\n(.*?)^\t\.size\t\1,", re.MULTILINE | re.DOTALL)
GLOBAL = re.compile(r"^\t\.globl\t(\S+)", re.MULTILINE)
NAME = re.compile(r"[A-Za-z_][\w.]*")
UNHEEDED = re.compile(r"^\t\.(cfi_|file|loc|type|size|globl|hidden)")

Place = tuple[str, str]
"""A function: the name of its file, without a directory, and its own."""


class Assembly:
    """The functions of a core."""

    def __init__(self, objects: Objects) -> None:
        self.texts = {Path(name).name: path.with_suffix(".s").read_text() for name, path in objects.items()}

    @cached_property
    def functions(self) -> dict[str, dict[str, str]]:
        """By file and name."""
        return {file: dict(FUNCTION.findall(text)) for file, text in self.texts.items()}

    @cached_property
    def files_of_globals(self) -> dict[str, str]:
        """Where those are that other files see."""
        return {name: file for file, text in self.texts.items() for name in GLOBAL.findall(text)}

    def addresses(self, program: Path) -> Iterator[tuple[int, Place]]:
        """Where a program that was linked to fixed addresses has its functions; the file is empty if it is none of these."""
        listed = subprocess.run(["readelf", "-sW", program], capture_output=True, text=True, check=True).stdout
        file = ""
        for fields in map(str.split, listed.splitlines()):
            if fields[3:4] == ["FILE"]:  # and the local symbols of that file follow
                file = fields[-1]
            elif fields[3:4] == ["FUNC"]:
                of = file if fields[4] == "LOCAL" else self.files_of_globals.get(fields[-1], "")
                yield int(fields[1], 16), (of, fields[-1])

    def reached(self, starts: Iterable[Place]) -> set[Place]:
        """These functions, those that they name, and so on; of these files."""
        found: set[Place] = set()
        ahead = list(starts)
        while ahead:
            file, name = ahead.pop()
            if (file, name) in found or name not in self.functions.get(file, {}):
                continue
            found.add((file, name))
            for named in NAME.findall(self.functions[file][name]):
                ahead.append((file if named in self.functions[file] else self.files_of_globals.get(named, ""), named))
        return found

    def code(self, starts: Iterable[Place]) -> str:
        """All that runs; labels bear the names of their files, which have the same ones."""
        code = []
        for file, name in sorted(self.reached(starts)):
            lines = self.functions[file][name].replace(".L", f".L{file}").splitlines()
            code += [line for line in lines if not UNHEEDED.match(line)]
        return "\n".join([*code, ""])


def refused(code: str, features: Iterable[str]) -> set[str]:
    """What an assembler says of code that is for a processor of 64 bits with these features, and nothing newer."""
    return set(re.findall(r"[Ee]rror: (.*)", _assembled(code, filter(_is_of_instructions, features))))


@cache
def _is_of_instructions(feature: str) -> bool:
    """Whether a feature brings any; another says how fast a processor is, and no assembler knows it."""
    return not _assembled("", [feature])


def _assembled(code: str, features: Iterable[str]) -> str:
    """What the assembler says, nothing if all is well."""
    march = "+".join(["generic64", *(ASSEMBLER_NAMES.get(name, name) for name in features)])
    command = ["as", f"-march={march}", "-o", "/dev/null", "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True).stderr
