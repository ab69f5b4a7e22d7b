"""The core as objects, for the tests that link programs of their own."""

import pytest

from tests.support.core_builds import CSRC, CoreBuilds


@pytest.fixture(scope="session")
def core_builds() -> CoreBuilds:
    """In a directory that all processes of a run share, and the runs after it."""
    return CoreBuilds(CSRC.parent / "build" / "core")
