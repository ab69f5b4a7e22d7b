"""The documents, held to the code: their examples run and print what they say; the files, names and operations they name exist."""

import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.server.operations import SERVED
from tests.support.command_line import CommandLine
from tests.test_imports import FOLDERS, floor_of

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("[ce]*/README.md"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_in(page: Path) -> str:
    """The examples in Python, one after the other."""
    return "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))


EXAMPLES = [page for page in DOCUMENTS if code_in(page)]


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_the_examples_of_a_page_run_as_they_stand(page: Path, tmp_path: Path) -> None:
    """Pasted one after the other, beside the files that the page shows; each `print` says in a comment what it prints."""
    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", page.read_text(), re.DOTALL):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
    code = code_in(page)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = re.findall(r"^ *print\(.*\)  # (.*)$", code, re.MULTILINE)
    printed = done.stdout.splitlines()
    assert len(printed) == len(said) == code.count("print(")
    for line, comment in zip(printed, said, strict=True):
        beginning, dots, _ = comment.partition(" ...")
        assert line.startswith(beginning) if dots else line == comment


def test_the_readme_has_an_example_and_so_have_the_pages_about_library_server_and_encryption() -> None:
    names = {name_of(page) for page in EXAMPLES}
    assert {"README.md", "docs/library.md", "docs/server.md", "docs/encryption.md"} <= names


def missing_files(page: Path, text: str) -> Iterator[str]:
    """The targets of links, from where the page is; and the paths of the tree, also in the page's own folder if that is one of code."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not (page.parent / target).exists():
            yield target
    for path in re.findall(r"(?<![\w/.-])(?:engine|csrc|tests|benchmarks|examples|docs)/[\w.*/-]*[\w*/]", text):
        if not list(ROOT.glob(path.rstrip("/"))):
            yield path
    for path in re.findall(r"`([a-z0-9_]+/[a-z0-9_]+\.[chpy]+)`", text):
        if not (page.parent / path).exists() and not (ROOT / path).exists():
            yield path


def missing_names(text: str) -> Iterator[str]:
    for name in re.findall(r"(?<![\w/.-])engine(?:\.[A-Za-z_]\w*)+(?!\w)", text):
        if name != "engine.h":
            try:
                pkgutil.resolve_name(name)
            except (AttributeError, ImportError):
                yield name


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_every_file_and_name_that_a_document_mentions_is_there(page: Path) -> None:
    text = page.read_text()
    assert [*missing_files(page, text), *missing_names(text)] == []


def test_what_is_not_there_is_found() -> None:
    text = (
        "`engine/sse.py`, `lanes/none.c`, [a page](docs/none.md), `engine.none.None_`, `engine/store.py`, engine.open"
    )
    assert {*missing_files(README, text)} == {"engine/sse.py", "lanes/none.c", "docs/none.md"}
    assert [*missing_names(text)] == ["engine.none.None_"]


def test_the_architecture_lists_all_folders_from_top_to_bottom() -> None:
    rows = re.findall(r"^\| (`engine/.*?`) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    listed = [
        path.strip("`")
        .removeprefix("engine/")
        .removesuffix(".py")
        .removesuffix("__init__")
        .rstrip("/")
        .replace("/", ".")
        for row in rows
        for path in row.split(", ")
    ]
    assert sorted(listed) == sorted(folder for floor in FOLDERS for folder in floor)
    floors = [floor_of(folder) for folder in listed]
    assert floors == sorted(floors)


def test_the_differences_name_just_the_operations_that_are_served() -> None:
    _, _, table = (ROOT / "docs" / "differences.md").read_text().partition("| group | operations |")
    assert sorted(re.findall(r"\b[A-Z][a-z]+[A-Z]\w+", table)) == sorted(SERVED)


def test_the_page_about_the_server_has_every_option_of_it(tmp_path: Path) -> None:
    _, _, table = (ROOT / "docs" / "server.md").read_text().partition("| option |")
    listed = re.findall(r"`(--[a-z0-9-]+)", "".join(re.findall(r"^\| `--.*?\|", table, re.MULTILINE)))
    offered = set(re.findall(r"--[a-z][a-z0-9-]+", CommandLine(tmp_path).output("serve", "--help"))) - {"--help"}
    assert sorted(listed) == sorted(offered)


def packages_of_the_readme() -> set[str]:
    """As .ci/run reads them."""
    command = r"sed -n 's/^ *apt-get install -y \([^#]*\).*/\1/p' README.md"
    assert command in (README.parent / ".ci" / "run").read_text()
    return set(subprocess.run(command, shell=True, cwd=README.parent, capture_output=True, text=True).stdout.split())


def test_the_readme_names_every_package_that_a_test_says_it_needs() -> None:
    said = {
        (name, path.name)
        for path in Path(__file__).parent.rglob("*.py")
        for names in re.findall(r"Debian packages? ([a-z0-9+., -]+)\)", path.read_text())
        for name in names.split(", ")
    }
    packages = packages_of_the_readme()
    assert len(said) > 4
    assert {(name, path) for name, path in said if name not in packages} == set()
    assert {"gcc", "git", "libssl-dev", "make", "python3-dev", "python3-venv", "binutils"} <= packages
