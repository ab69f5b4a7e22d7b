"""Power cuts by a log of the disk's writes; by hand, longer:  unshare -m python -m tests.system.power_cut --states 1000."""

import subprocess
import sys

import pytest

from tests.support.nursery import ROOT
from tests.support.requirements import need_logged_disk, need_mounts, unshare_command

pytestmark = pytest.mark.slow

STATES = 40
STATES_TO_CATCH_A_FAULT = 200


def cut_power(*options: str) -> subprocess.CompletedProcess[str]:
    """Cut the power in mounts of our own."""
    command = [*unshare_command(), sys.executable, "-m", "tests.system.power_cut", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=ROOT)


def test_power_cuts_lose_nothing_acknowledged() -> None:
    need_mounts()
    need_logged_disk()
    ended = cut_power("--states", str(STATES))
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 lost, 0 wrong" in ended.stdout


@pytest.mark.parametrize("fault", ["skip-the-sync", "commit-without-sync"])
def test_a_forgotten_sync_is_caught_by_power_cuts(fault: str) -> None:
    need_mounts()
    need_logged_disk()
    ended = cut_power("--states", str(STATES_TO_CATCH_A_FAULT), "--fault", fault)
    assert ended.returncode != 0, ended.stdout
    assert "power cut after entry" in ended.stderr, ended.stderr
