"""A directory for blobs, and the count of descriptors that each test must leave as it was."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.blobs.files import create_layout


@pytest.fixture
def root(place: Path) -> Path:
    """Make a directory for blobs, which has none yet."""
    create_layout(str(place / "blobs"))
    return place / "blobs"


@pytest.fixture
def nothing_left_open() -> Iterator[None]:
    """Check that a test leaves no descriptor open. Others may be closed meanwhile, as LMDB's are before a fork."""
    before = descriptors()
    yield
    assert not descriptors() - before


def descriptors() -> Counter[str]:
    """Count how often this process has each file open."""
    found: Counter[str] = Counter()
    for entry in os.scandir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the descriptor that lists them is closed again
            found[os.readlink(entry.path)] += 1
    return found
