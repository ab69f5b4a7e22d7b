"""A store of its own for each test of the command line, found whole after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on a store that does not exist."""
    monkeypatch.setenv("PARTWRIGHT_STORE", str(tmp_path / "store"))
    return CommandLine(tmp_path / "store")


@pytest.fixture
def partwright(no_store: CommandLine) -> Iterator[CommandLine]:
    """The command line on a store that has the bucket `photos`."""
    no_store.output("create-bucket", "--bucket", "photos")
    yield no_store
    found = no_store.json("check")
    assert found["ok"], found
