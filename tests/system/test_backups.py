"""Backups of a store that many processes are changing, backups that are killed, and disks that are too small for one."""

import os
import signal
import time
from pathlib import Path

import pytest

import engine
from tests.support.inspection import Difference, check_whole, expect, observe
from tests.support.ledger import Ledger, replay
from tests.support.nursery import Nursery
from tests.support.requirements import need, need_mounts, need_strace
from tests.support.workload import BUCKET, LIMITS
from tests.system.backups import CHANGING, VERSIONED, check_kept, put_kept, walk
from tests.system.test_full_disk import READ_ONLY, TINY, TMPFS, run_on

WRITERS, LANES = 2, 3
BACKUPS = 6
POINTS_MIN = 100


def lines_in(journal: Path) -> list[str]:
    """The whole lines written by now."""
    return journal.read_text().splitlines() if journal.exists() else []


def check_lane(store: engine.Store, prefix: str, lines: list[str], acknowledged: int, scrap: Path) -> None:
    """See that a lane is as it was at one moment: after what had been acknowledged before the backup, and maybe some of what followed.

    Raises:
        Difference: it never was so.
    """
    seen = observe(store, prefix)
    for count in range(acknowledged, len(lines) + 1):
        scrap.write_text("".join(line + "\n" for line in lines[:count]))
        outcome = replay(Ledger(prefix), scrap)
        candidates = [outcome.ledger]
        if outcome.in_doubt is not None and outcome.in_doubt["do"] != "create":
            candidates.append(outcome.ledger.after(outcome.in_doubt, None))
        if seen in [candidate.fingerprint() for candidate in candidates]:
            return
    raise Difference(f"{prefix} never was as it is in the backup: {seen}")


@pytest.mark.slow
def test_backups_under_load_have_every_object_acknowledged_before_as_of_one_moment(
    memory_place: Path, disk_place: Path
) -> None:
    need(os.stat(memory_place).st_dev != os.stat(disk_place).st_dev, "temporary files elsewhere than in /dev/shm")
    with engine.open(memory_place / "store", limits=LIMITS) as store:
        store.create_bucket(BUCKET)
        store.create_bucket(VERSIONED)
        store.put_bucket_versioning(VERSIONED, versioning_configuration={"status": "Enabled"})
        kept = put_kept(store)
    names = [f"writer-{writer}-lane-{lane}" for writer in range(WRITERS) for lane in range(LANES)]
    journals = {f"{name}/": memory_place / name for name in names}
    with Nursery() as nursery:
        load = [
            nursery.start(
                "tests.support.workload:run", store=str(memory_place / "store"), seed=writer,
                journals=[str(memory_place / name) for name in names[writer * LANES :][:LANES]],
                ledgers=[Ledger(f"{name}/").to_json() for name in names[writer * LANES :][:LANES]],
            )
            for writer in range(WRITERS)
        ]  # fmt: skip
        load.append(nursery.start("tests.system.backups:change", store=str(memory_place / "store"), seed=7))
        made = [_make_one(memory_place, disk_place, journals, number) for number in range(BACKUPS)]
        for child in load:
            child.kill()
        codes = {child.wait() for child in load}
    assert codes == {-signal.SIGKILL}, "the load has ended by itself"
    for target, before in made:
        with engine.open(target, create=False, limits=LIMITS) as backup:
            check_whole(backup)
            check_kept(backup, kept)
            for prefix, journal in journals.items():
                check_lane(backup, prefix, lines_in(journal), before[prefix], memory_place / "scrap")
            expect(check_whole(backup).ok, "the backup was harmed by its own use")
    with engine.open(memory_place / "store", limits=LIMITS) as store:
        store.reap()
        assert store.stat().trash == 0
        check_whole(store)


def _make_one(memory: Path, disk: Path, journals: dict[str, Path], number: int) -> tuple[Path, dict[str, int]]:
    """A backup, to each disk in turn; and how long each journal was before: its last line may be of an operation under way."""
    time.sleep(0.3)
    target = (memory if number % 2 else disk) / f"backup-{number}"
    before = {prefix: max(len(lines_in(journal)) - 1, 0) for prefix, journal in journals.items()}
    with engine.open(memory / "store", limits=LIMITS, read_only=True) as store:
        report = store.backup(target)
    print(report)
    assert report.ok
    assert (report.linked_files > 0, report.copied_files > 0) == (bool(number % 2), not number % 2)
    return target, before


@pytest.mark.slow
@pytest.mark.parametrize("is_copied", [False, True])
def test_a_backup_killed_before_any_changing_call_is_refused_or_whole_and_harms_nothing(
    is_copied: bool, memory_place: Path, disk_place: Path
) -> None:
    need_strace()
    need(os.stat(memory_place).st_dev != os.stat(disk_place).st_dev, "temporary files elsewhere than in /dev/shm")
    figures = walk(disk_place if is_copied else memory_place, memory_place, CHANGING)
    print(figures)
    assert figures.points >= POINTS_MIN
    assert 0 < figures.whole < figures.points


BACK_UP = """
import os, sys
import engine
with engine.open(sys.argv[1], read_only=True) as store:
    try:
        store.backup(sys.argv[2])
    except engine.StoreError as error:
        print(error, os.listdir(sys.argv[2]))
"""


@pytest.mark.parametrize("mount", [TMPFS, TINY])
def test_a_disk_too_small_for_the_backup_is_told_and_is_empty_again(mount: str, tmp_path: Path) -> None:
    need_mounts()
    with engine.open(tmp_path / "store", limits=LIMITS) as store:
        store.create_bucket(BUCKET)
        for number in range(9):
            store.put_object(BUCKET, f"key-{number}", os.urandom(8 * 1024 * 1024))
        report = check_whole(store)
        ended = run_on(mount, tmp_path / "disk", "-c", BACK_UP, str(tmp_path / "store"), str(tmp_path / "disk"))
        assert ended.returncode == 0, ended.stderr
        assert "the backup failed: " in ended.stdout
        assert "No space left on device" in ended.stdout
        assert ended.stdout.endswith("[]\n")
        assert check_whole(store) == report


def test_a_store_on_a_disk_that_may_not_be_written_is_backed_up(tmp_path: Path) -> None:
    need_mounts()
    with engine.open(tmp_path / "disk" / "store", limits=LIMITS) as store:
        store.create_bucket(BUCKET)
        kept = put_kept(store)
    ended = run_on(
        READ_ONLY, tmp_path / "disk", "-c", BACK_UP, str(tmp_path / "disk" / "store"), str(tmp_path / "backup")
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    with engine.open(tmp_path / "backup", create=False, limits=LIMITS) as backup:
        check_whole(backup)
        check_kept(backup, kept)
