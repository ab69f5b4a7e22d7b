"""Stores for the tests: made once by the library, then copied for each test.

The rules do not depend on the disk, so these stores lie in memory where there is room; the tests of crashes and syncs (tests/system)
make their own, on disk.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import engine
from tests.support.stores import copy_store
from tests.system.clients.matrix import OperationTable
from tests.system.clients.rules.tally import RuleTally
from tests.system.clients.table import ClientTable

MEMORY = Path("/dev/shm")
MEMORY_FREE_BYTES_MIN = 4 * 1024**3
NAME = "partwright-tests-"

# print_blob: a failure prints what repeats it. The function-scoped fixtures are directories that the examples share on purpose.
settings.register_profile(
    "here", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("here")


def pytest_configure(config: pytest.Config) -> None:
    """Register what prints tables; here, since pytest-xdist's controller reads no other conftest."""
    config.pluginmanager.register(ClientTable(), "client-table")
    config.pluginmanager.register(OperationTable(), "operation-table")
    config.pluginmanager.register(RuleTally(), "rule-tally")


@pytest.fixture(scope="session")
def session_place() -> Iterator[Path]:
    """A directory in memory, or where temporary files are."""
    remove_what_killed_runs_left()
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_FREE_BYTES_MIN
    with tempfile.TemporaryDirectory(prefix=f"{NAME}{os.getpid()}-", dir=MEMORY if in_memory else None) as path:
        yield Path(path)


def remove_what_killed_runs_left() -> None:
    """Else it would take up memory until the machine is restarted."""
    for path in MEMORY.glob(f"{NAME}*"):
        pid = path.name.removeprefix(NAME).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_store(session_place: Path) -> Path:
    """A store that holds nothing; never opened again, only copied."""
    path = session_place / "empty"
    engine.open(path).close()
    return path


@pytest.fixture
def place(session_place: Path) -> Iterator[Path]:
    """An empty directory for one test; faster than `tmp_path`."""
    with tempfile.TemporaryDirectory(dir=session_place) as path:
        yield Path(path)


@pytest.fixture
def store_path(empty_store: Path, place: Path) -> Path:
    """The directory of a store that holds nothing; `store` and `tiny` are both open on it."""
    path = place / "store"
    copy_store(empty_store, path)
    return path


@pytest.fixture
def store(store_path: Path) -> Iterator[engine.Store]:
    """A store with S3's own limits."""
    with engine.open(store_path) as opened:
        yield opened


@pytest.fixture
def tiny(store_path: Path) -> Iterator[engine.Store]:
    """A store that takes parts of any size."""
    with engine.open(store_path, limits=engine.Limits(part_size_bytes_min=1)) as opened:
        yield opened


@pytest.fixture
def bucket(store_path: Path) -> str:
    """The name of a bucket that exists, in `store` and `tiny` alike."""
    with engine.open(store_path) as opened:
        opened.create_bucket("bucket")
    return "bucket"
