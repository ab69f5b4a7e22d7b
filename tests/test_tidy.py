"""The rules of the house, as tests: each is shown to bite by an example that breaks it."""

import ast
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = ["engine", "tests", "benchmarks", "csrc", "examples"]
GENERATED = {"engine/_native.c", "engine/_native.pyi"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 40
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "stuff", "tools", "base"}
MUTABLE_RECORDS = {"Response", "Exchange"}
"""What a request is as it passes through the server."""

NAMED_BY_A_CLIENT = "tests/system/clients/"
"""Scripts run by the test of one client: their functions are rows of its table."""

UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")
SOMEBODYS_HOME = re.compile("/" + r"(home|Users)/\w|(?<![\w.])/" + r"root/\w")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path from the root, and its text; `tree` is that of a Python file."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return parsed(self.text)

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    def starts(self, *places: str) -> bool:
        return self.path.startswith(places)


@functools.cache
def parsed(text: str) -> ast.Module:
    """Parse once for all rules."""
    return ast.parse(text)


Rule = Callable[[Source], Iterator[str]]


def files_are_short(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{lines} lines; past {FILE_LINES_MAX} a file asks to be two"


def functions_are_short(source: Source) -> Iterator[str]:
    for node in functions(source):
        body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
        lines = (body[-1].end_lineno or 0) - body[0].lineno + 1
        if source.starts("engine") and lines > FUNCTION_LINES_MAX:
            yield f"{node.name} has {lines} lines"


def modules_say_what_they_are_for(source: Source) -> Iterator[str]:
    if source.is_python and not ast.get_docstring(source.tree):
        yield "no docstring"


def nothing_is_imported_by_star(source: Source) -> Iterator[str]:
    for node in nodes(source, ast.ImportFrom):
        if any(alias.name == "*" for alias in node.names):
            yield f"line {node.lineno}: everything of {node.module}"


def the_library_does_not_print(source: Source) -> Iterator[str]:
    if source.starts("engine/") and not source.starts("engine/cli/"):
        for node in nodes(source, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "print":
                yield f"line {node.lineno}"


def no_path_of_this_machine(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if str(ROOT) + "/" in line or SOMEBODYS_HOME.search(line):
            yield f"line {number}: {line.strip()}"


def nothing_is_left_unfinished(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"line {number}: {line.strip()}"


def exceptions_are_named(source: Source) -> Iterator[str]:
    for node in nodes(source, ast.ExceptHandler):
        if node.type is None:
            yield f"line {node.lineno}: a bare except"


def records_are_frozen_and_slotted(source: Source) -> Iterator[str]:
    if not source.starts("engine/"):
        return
    for node in nodes(source, ast.ClassDef):
        for decorator in map(ast.unparse, node.decorator_list):
            if decorator.startswith(("dataclass", "dataclasses.dataclass")):
                frozen = "frozen=True" in decorator or node.name in MUTABLE_RECORDS
                if not (frozen and "slots=True" in decorator):
                    yield f"{node.name} is @{decorator}"


def nothing_is_global(source: Source) -> Iterator[str]:
    for node in nodes(source, ast.Global):
        yield f"line {node.lineno}: global {', '.join(node.names)}"


def files_have_names_that_say_something(source: Source) -> Iterator[str]:
    name = Path(source.path).stem.removeprefix("test_")
    if name in VAGUE_NAMES:
        yield f"what is in {name}?"


def every_test_is_a_claim(source: Source) -> Iterator[str]:
    if not source.starts("tests/") or source.starts(NAMED_BY_A_CLIENT):
        return
    for node in functions(source):
        if node.name.startswith("test_") and node.name.count("_") < 3:
            yield f"{node.name} claims nothing"


def nothing_is_mocked(source: Source) -> Iterator[str]:
    for node in nodes(source, ast.ImportFrom, ast.Import):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        if any("mock" in name for name in names):
            yield f"line {node.lineno}: {', '.join(names)}"


def nodes(source: Source, *kinds: type) -> Iterator[ast.AST]:
    if source.is_python:
        yield from (node for node in ast.walk(source.tree) if isinstance(node, kinds))


def functions(source: Source) -> Iterator[ast.FunctionDef]:
    yield from nodes(source, ast.FunctionDef, ast.AsyncFunctionDef)


RULES: dict[Rule, Source] = {
    files_are_short: Source("csrc/long.c", "\n" * (FILE_LINES_MAX + 1)),
    functions_are_short: Source("engine/long.py", "def long():\n" + "    pass\n" * (FUNCTION_LINES_MAX + 1)),
    modules_say_what_they_are_for: Source("tests/silent.py", "import os\n"),
    nothing_is_imported_by_star: Source("engine/star.py", "from os import *\n"),
    the_library_does_not_print: Source("engine/talk.py", "def talk():\n    print('hello')\n"),
    no_path_of_this_machine: Source("tests/here.py", f"PLACE = '{ROOT}/engine'\n"),
    nothing_is_left_unfinished: Source("engine/later.py", "# TO" + "DO: the rest\n"),
    exceptions_are_named: Source("engine/catch.py", "try:\n    pass\nexcept:\n    pass\n"),
    records_are_frozen_and_slotted: Source("engine/record.py", "@dataclass(frozen=True)\nclass Record:\n    x: int\n"),
    nothing_is_global: Source("engine/state.py", "def count():\n    global n\n    n += 1\n"),
    files_have_names_that_say_something: Source("engine/utils.py", '"""Utilities."""\n'),
    every_test_is_a_claim: Source("tests/test_part.py", "def test_part():\n    pass\n"),
    nothing_is_mocked: Source("tests/test_x.py", "from unittest.mock import Mock\n"),
}
"""Each rule with a file that breaks it."""


def sources() -> list[Source]:
    """The project's own text files; what the build makes is left out."""
    found = [path for place in PLACES for path in sorted((ROOT / place).rglob("*")) if path.is_file()]
    found += sorted(
        path for path in ROOT.iterdir() if path.suffix in {".py", ".md", ".toml"} or path.name == "Makefile"
    )
    names = {path: path.relative_to(ROOT).as_posix() for path in found}
    return [
        Source(name, path.read_text(encoding="utf-8"))
        for path, name in names.items()
        if path.suffix in {".py", ".c", ".h", ".md", ".toml", ""} and name not in GENERATED and "/__pycache__/" not in name
        and not re.search(r"/(vectors|corpus|results)/", name)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def all_sources() -> list[Source]:
    found = sources()
    assert len(found) > 100
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds_in_every_file(rule: Rule, all_sources: list[Source]) -> None:
    assert [f"{source.path}: {trouble}" for source in all_sources for trouble in rule(source)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_bites_its_example_and_no_tidy_file(rule: Rule) -> None:
    assert list(rule(RULES[rule])) != []
    tidy = Source("engine/tidy.py", '"""What it is for."""\n\n\ndef act() -> None:\n    """Act."""\n')
    assert list(rule(tidy)) == []
