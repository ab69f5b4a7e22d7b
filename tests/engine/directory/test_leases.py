"""Leases: shared by readers, exclusive for the collector, told apart by id, and dropped with their holder, whatever kills it."""

import os
import signal
from pathlib import Path

import pytest

from engine.directory.leases import LEASE_FILE, Leases
from engine.errors import InternalError
from tests.support.processes import start_python

ONE, OTHER = bytes(16), b"\x01" + bytes(15)


@pytest.fixture
def leases(place: Path) -> Leases:
    (place / LEASE_FILE).touch()
    return Leases(str(place))


def test_many_readers_hold_a_lease_and_the_collector_waits_for_the_last(leases: Leases) -> None:
    held = [leases.hold(ONE) for _ in range(3)]
    for lease in held:
        assert leases.exclude(ONE) is None
        assert lease is not None
        lease.close()
        lease.close()
    alone = leases.exclude(ONE)
    assert alone is not None
    alone.close()


def test_no_reader_gets_a_lease_while_the_collector_has_it(leases: Leases) -> None:
    alone = leases.exclude(ONE)
    assert alone is not None
    assert leases.hold(ONE) is None
    assert leases.exclude(ONE) is None
    alone.close()
    lease = leases.hold(ONE)
    assert lease is not None
    lease.close()


@pytest.mark.parametrize("other", [OTHER, b"\xff" * 16, b"\x80" + bytes(15), bytes(7) + b"\x04" + bytes(8)])
def test_the_leases_of_two_objects_are_apart(leases: Leases, other: bytes) -> None:
    lease, alone = leases.hold(ONE), leases.exclude(other)
    assert lease is not None
    assert alone is not None
    lease.close()
    alone.close()


def test_ids_that_meet_only_delay_each_other(leases: Leases) -> None:
    lease = leases.hold(ONE)
    assert lease is not None
    assert leases.exclude(bytes(8) + b"\xff" * 8) is None
    lease.close()


HOLDER = """
import sys
from engine.directory.leases import Leases
lease = Leases(sys.argv[1]).hold(bytes(16))
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_lease_holds_across_processes_and_goes_with_a_killed_one(leases: Leases, place: Path) -> None:
    with start_python(HOLDER, str(place)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert leases.exclude(ONE) is None
        holder.kill()
        holder.wait()
    assert holder.returncode == -signal.SIGKILL
    alone = leases.exclude(ONE)
    assert alone is not None
    alone.close()


def test_a_lease_takes_one_descriptor_and_gives_it_back(leases: Leases) -> None:
    before = len(os.listdir("/proc/self/fd"))
    lease = leases.hold(ONE)
    assert lease is not None
    assert len(os.listdir("/proc/self/fd")) == before + 1
    assert leases.exclude(ONE) is None
    lease.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_lease_file_that_is_gone_is_an_internal_error(leases: Leases, place: Path) -> None:
    (place / LEASE_FILE).unlink()
    with pytest.raises(InternalError, match="No such file or directory, while taking a lease"):
        leases.hold(ONE)
