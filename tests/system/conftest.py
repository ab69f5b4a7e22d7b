"""Places for the system tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def memory_place() -> Iterator[Path]:
    """A directory in memory where there is one: kill -9 spares the page cache, so that a disk would only cost time."""
    shared = "/dev/shm"
    place = tempfile.mkdtemp(prefix="partwright-", dir=shared if os.access(shared, os.W_OK) else None)
    yield Path(place)
    shutil.rmtree(place)


@pytest.fixture
def disk_place() -> Iterator[Path]:
    """A directory where temporary files are, gone after the test, for what is large."""
    with tempfile.TemporaryDirectory(prefix="partwright-") as place:
        yield Path(place)
