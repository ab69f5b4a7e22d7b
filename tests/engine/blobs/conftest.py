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
    """A layout without blobs."""
    create_layout(str(place / "blobs"))
    return place / "blobs"


@pytest.fixture
def nothing_left_open() -> Iterator[None]:
    """See that no descriptor stays open; others may go meanwhile, as those of LMDB do before a fork."""
    before = descriptors()
    yield
    assert not descriptors() - before


def descriptors() -> Counter[str]:
    """What this process has open, and how often."""
    found: Counter[str] = Counter()
    for entry in os.scandir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that lists them
            found[os.readlink(entry.path)] += 1
    return found
