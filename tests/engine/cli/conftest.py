"""A store of its own for each test of the command line, found whole after it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on a store that does not exist."""
    monkeypatch.setenv("PARTWRIGHT_STORE", str(tmp_path / "store"))
    return CommandLine(tmp_path / "store")


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the bucket `photos`, to be copied: making one durably takes longer than most tests."""
    path = tmp_path_factory.mktemp("new") / "store"
    CommandLine(path).output("--store", path, "create-bucket", "--bucket", "photos")
    return path


@pytest.fixture
def partwright(no_store: CommandLine, new_store: Path) -> Iterator[CommandLine]:
    """The command line on a store that has the bucket `photos`."""
    shutil.copytree(new_store, no_store.store)
    yield no_store
    found = no_store.json("check")
    assert found["ok"], found
