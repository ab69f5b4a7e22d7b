"""Power cuts while backups are made; by hand, longer:  unshare -m python -m tests.system.backup_power_cut --states 1000."""

import subprocess
import sys

import pytest

from tests.support.nursery import ROOT
from tests.support.requirements import need_logged_disk, need_mounts, unshare_command
from tests.system.backup_power_cut import FAULTS

STATES = 20
STATES_TO_CATCH_A_FAULT = 200


def cut_power(*options: str) -> subprocess.CompletedProcess[str]:
    """Cut the power in mounts of our own."""
    need_mounts()
    need_logged_disk()
    command = [*unshare_command(), sys.executable, "-m", "tests.system.backup_power_cut", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, cwd=ROOT)


@pytest.mark.slow
def test_a_backup_is_refused_or_whole_after_a_power_cut() -> None:
    ended = cut_power("--states", str(STATES))
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ", 0 half" in ended.stdout
    assert " 0 whole" not in ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_backup_made_in_the_wrong_order_is_caught_by_power_cuts(fault: str) -> None:
    ended = cut_power("--states", str(STATES_TO_CATCH_A_FAULT), "--fault", fault)
    assert ended.returncode != 0, ended.stdout
    assert "power cut after entry" in ended.stderr, ended.stderr
