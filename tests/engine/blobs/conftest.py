"""A directory for blobs, and the count of descriptors that each test must leave as it was."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.blobs.files import create_layout


@pytest.fixture
def root(place: Path) -> Path:
    """A layout without blobs."""
    create_layout(str(place / "blobs"))
    return place / "blobs"


@pytest.fixture
def nothing_left_open() -> Iterator[None]:
    """See that no descriptor stays open."""
    gc.collect()  # else what earlier tests left to the collector goes meanwhile
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before
