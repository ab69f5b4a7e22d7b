"""The core as objects, for the tests that link programs of their own."""

import os

import pytest

from tests.support.core_builds import CoreBuilds


@pytest.fixture(scope="session")
def core_builds(tmp_path_factory: pytest.TempPathFactory) -> CoreBuilds:
    """In a directory that all processes of a run share."""
    base = tmp_path_factory.getbasetemp()
    return CoreBuilds((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "core")
