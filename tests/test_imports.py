"""Who may import whom: arrows point down only, nothing goes in a circle, and a foreign library has its stated importers."""

import ast
import graphlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.support.processes import python_output

ROOT = Path(__file__).resolve().parents[1]

FOLDERS = (
    ("cli",),
    ("",),
    ("server",),
    ("store",),
    ("multipart",),
    ("buckets", "upkeep"),
    ("objects",),
    ("core",),
    ("bodies",),
    ("directory", "encryption"),
    ("meta.lmdb",),
    ("meta",),
    ("blobs",),
    ("lifecycle", "s3", "checksums", "durable"),
    ("native",),
    ("shapes",),
    (
        "abandoning", "base_errors", "closing", "dates", "errors", "limits", "percent", "record", "refusals",
        "undisturbed",
    ),
)  # fmt: skip
"""The folders and lone modules of the engine from top to bottom, by their names below `engine`; "" is the package itself.

Each may import what stands below it, and itself; those that share a floor do not see each other, but for the ground.
"""
GROUND = FOLDERS[-1]
APART = {"s3": GROUND}
"""The wire knows no storage, and the storage no wire: what imports it is the server and the command line."""
WIRE_IMPORTERS = {"server", "cli"}

IMPORTERS: dict[str, set[str]] = {
    "_native": {"native.ffi"},
    "lmdb": {"meta.lmdb.environment"},
    "xxhash": {"native.xxhashes"},
    "msgspec": {
        "buckets.cors_rules", "buckets.public_access", "buckets.tagging", "directory.layout", "encryption.bucket_default",
        "encryption.upload_keys", "lifecycle.rules", "meta.records", "record", "shapes.cors", "shapes.encryption",
        "shapes.lifecycle", "shapes.public_access",
    },
    "boto3": {"encryption.aws_kms"},
    "tqdm": {"cli.progress"},
    "httptools": {"server.host.head"},
    "jmespath": {"cli.output", "cli.parser"},
    "multipart": {"s3.form_data"},
    "botocore": {
        "encryption.aws_kms", "s3.member_names", "s3.model", "server.attach",
        "cli.answer", "cli.arguments", "cli.model", "cli.operation", "cli.options", "cli.values",
    },
}  # fmt: skip
"""Who may import what is not ours (and the compiled module); everything else is of the standard library."""

Modules = Mapping[str, str]
"""Source by module name below `engine`."""


def imported_by(name: str, source: str, modules: Iterable[str]) -> set[str]:
    """The full names of the modules a module imports; those below `engine` are told from names in a package."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            module = node.module or ""
            for alias in node.names:
                below = f"{module}.{alias.name}".removeprefix("engine.")
                is_module = module.split(".")[0] == "engine" and (below in modules or below == "_native")
                found.add(f"engine.{below}" if is_module else module)
    return found


def folder_of(name: str) -> str:
    """The folder that a module lies in, or its own name if it lies in none."""
    known = {folder for floor in FOLDERS for folder in floor}
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (folder := ".".join(parts[:length])) in known:
            return folder
    raise AssertionError(f"engine.{name} lies in no folder that FOLDERS names: say where it stands")


def floor_of(folder: str) -> int:
    """How far below the top a folder stands."""
    return next(at for at, floor in enumerate(FOLDERS) if folder in floor)


def may_import(upper: str, lower: str) -> bool:
    """Whether a file of one folder may import a file of another."""
    if upper == lower or (upper in GROUND and lower in GROUND):
        return True
    if lower == "s3":
        return upper in WIRE_IMPORTERS
    if upper in APART:
        return lower in APART[upper]
    return floor_of(upper) < floor_of(lower)


def violations(modules: Modules) -> list[str]:
    """Every import that points up or sideways, or is of a library by a module that IMPORTERS does not name."""
    found = []
    for name, source in modules.items():
        for imported in sorted(imported_by(name, source, modules)):
            root, _, below = imported.partition(".")
            library = below if below == "_native" else root
            if library == "engine":
                upper, lower = folder_of(name), folder_of(below)
                if not may_import(upper, lower):
                    found.append(f"{name} imports {below or 'engine'}")
            elif library not in sys.stdlib_module_names and name not in IMPORTERS.get(library, set()):
                found.append(f"{name} imports {library}")
    return found


def cycle_in(modules: Modules) -> list[str]:
    """The modules of a circle of imports, if there is one; what a function imports for itself does not count."""
    graph = {}
    for name, source in modules.items():
        tree = ast.parse(source)
        tree.body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        names = {imported.removeprefix("engine.") for imported in imported_by(name, ast.unparse(tree), modules)}
        graph[name] = {each for each in names if each in modules and each != name}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def engine_modules() -> Modules:
    paths = sorted((ROOT / "engine").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT / "engine").with_suffix("").parts) for path in paths]
    sources = [path.read_text(encoding="utf-8") for path in paths]
    return {name.removesuffix("__init__").rstrip("."): text for name, text in zip(names, sources, strict=True)}


def test_imports_point_down_and_libraries_have_their_importers(engine_modules: Modules) -> None:
    assert len(engine_modules) > 50
    assert violations(engine_modules) == []


def test_no_imports_go_in_a_circle(engine_modules: Modules) -> None:
    assert cycle_in(engine_modules) == []


RARELY_NEEDED = {
    "asyncio", "dataclasses", "email", "importlib.metadata", "inspect", "json", "logging", "socket", "ssl", "subprocess",
}  # fmt: skip
"""Each would cost whoever imports the engine from 1 to 10 ms, and few calls need them."""
ADDED = """if True:
    import sys
    sys.modules["typing_extensions"] = None  # what msgspec takes from it, if it happens to be there, brings `inspect`
    before = set(sys.modules)
    import engine
    print(*(set(sys.modules) - before))
"""


def test_importing_the_engine_loads_nothing_that_only_rare_calls_need() -> None:
    added = set(python_output(ADDED).split())
    assert "engine.store" in added
    assert added & RARELY_NEEDED == set()
    assert {name for name in added if name.startswith(("engine.s3", "engine.server", "engine.cli", "boto"))} == set()


def test_every_stated_importer_still_imports_its_library(engine_modules: Modules) -> None:
    for library, importers in IMPORTERS.items():
        for name in importers:
            imported = imported_by(name, engine_modules[name], engine_modules)
            found = {each.partition(".")[2] if "_native" in each else each.partition(".")[0] for each in imported}
            assert library in found, f"engine.{name} does not import {library} any more"


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "a rule that reaches for the server": (
        {"multipart.rules": "from engine.server.application import Application", "server.application": ""},
        "multipart.rules imports server.application",
    ),
    "a wire that sees the storage": (
        {"s3.parsing": "import engine.store", "store": ""},
        "s3.parsing imports store",
    ),
    "a storage that sees the wire": (
        {"objects.tags": "from engine.s3 import xml", "s3": "", "s3.xml": ""},
        "objects.tags imports s3.xml",
    ),
    "blobs that look at metadata": (
        {"blobs.files": "from engine import meta", "meta": ""},
        "blobs.files imports meta",
    ),
    "a contract that knows who serves it": (
        {"meta.walks": "from engine.meta.lmdb import steps", "meta.lmdb": "", "meta.lmdb.steps": ""},
        "meta.walks imports meta.lmdb.steps",
    ),
    "two folders of one floor": (
        {"buckets.names": "from engine.upkeep import reap", "upkeep": "", "upkeep.reap": ""},
        "buckets.names imports upkeep.reap",
    ),
    "an error that knows the store": (
        {"errors": "def late():\n    from engine.store import Store", "store": ""},
        "errors imports store",
    ),
    "a module that imports the package it is in": (
        {"objects.tags": "import engine", "": ""},
        "objects.tags imports engine",
    ),
    "a second importer of lmdb": ({"objects.tags": "import lmdb"}, "objects.tags imports lmdb"),
    "a second importer of the C core": (
        {"bodies.sources": "from engine._native import lib"},
        "bodies.sources imports _native",
    ),
    "the C core by its package": ({"bodies.sources": "from engine import _native"}, "bodies.sources imports _native"),
    "a library nobody may import": ({"core": "import requests.adapters"}, "core imports requests"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_import_that_is_wrong_is_found(case: str) -> None:
    modules, wanted = WRONG[case]
    assert violations(modules) == [wanted]


def test_a_module_of_no_folder_is_found() -> None:
    with pytest.raises(AssertionError, match=r"engine\.novelty lies in no folder"):
        violations({"objects.tags": "import engine.novelty", "novelty": ""})


def test_a_relative_import_is_found() -> None:
    with pytest.raises(AssertionError, match="imports are absolute"):
        violations({"objects.tags": "from . import keys"})


def test_a_circle_of_imports_is_found_and_one_that_waits_for_a_call_is_none() -> None:
    circle = {"objects": "import engine.core", "core": "from engine import objects"}
    assert set(cycle_in(circle)) == {"objects", "core"}
    assert cycle_in({**circle, "core": "def late():\n    from engine import objects"}) == []
