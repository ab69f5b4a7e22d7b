"""Backup of a live store: what it holds, what it holds off, what it refuses, and what a failure leaves."""

import os
import signal
import stat
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.directory import leases
from engine.directory.leases import Leases
from engine.errors import NotAStore, StoreError, StoreInUse
from engine.meta.lmdb import snapshots
from tests.support.customers import KEY, put_sealed, some_bytes
from tests.support.processes import python_output, start_python
from tests.support.requirements import need
from tests.support.stores import meta_of
from tests.support.uploads import begin

LARGE = 70_000


def read(store: engine.Store, key: str, **said: Any) -> bytes:
    with store.get_object("bucket", key, **said).body as body:
        return body.read()


def fill(store: engine.Store) -> dict[str, bytes]:
    """Objects of every kind, and an open upload; the bytes of those that are read without a key."""
    kept = {f"plain-{number}": some_bytes(LARGE + number) for number in range(5)} | {"small": b"small"}
    for key, data in kept.items():
        store.put_object("bucket", key, data)
    parts = [some_bytes(LARGE), some_bytes(10)]
    upload = begin(store, "bucket", key="parts")
    upload.complete([upload.part(number, part) for number, part in enumerate(parts, 1)])
    store.copy_object("bucket", "copy", "bucket/plain-0")
    store.put_object("bucket", "ring", kept["plain-1"], server_side_encryption="AES256")
    put_sealed(store)
    begin(store, "bucket", key="open").part(1, some_bytes(LARGE))
    return kept | {"parts": b"".join(parts), "copy": kept["plain-0"], "ring": kept["plain-1"]}


def check_backup(place: Path, kept: dict[str, bytes]) -> engine.CheckReport:
    """Open a backup, and compare."""
    with engine.open(place, create=False) as backup:
        report = backup.check(deep=True)
        assert report.ok, report
        for key, data in kept.items():
            assert read(backup, key) == data
        assert read(backup, "key", **KEY)
        (upload,) = backup.list_multipart_uploads("bucket").uploads or ()
        (part,) = backup.list_parts("bucket", "open", upload.upload_id).parts or ()
        backup.complete_multipart_upload("bucket", "open", upload.upload_id, [(1, part.etag)])
        assert read(backup, "open") == some_bytes(LARGE)
    return report


def test_a_backup_on_the_same_disk_links_every_file_and_is_a_store(
    tiny: engine.Store, bucket: str, place: Path
) -> None:
    kept = fill(tiny)
    told: list[int] = []
    report = tiny.backup(place / "new" / "backup", advance=told.append)
    files = list((place / "new" / "backup" / "blobs").glob("*/*"))
    assert report.ok
    assert (report.linked_files, report.copied_files) == (len(files), 0)
    assert report.linked_bytes == sum(told) == sum(path.stat().st_size for path in files)
    assert all(path.stat().st_nlink > 1 for path in files)
    checked = check_backup(place / "new" / "backup", kept)
    assert (checked.parts, checked.files, checked.unnamed_files) == (report.parts, report.linked_files, 0)
    assert tiny.check(deep=True).ok


def test_a_backup_on_another_disk_copies_every_file(
    tiny: engine.Store, bucket: str, place: Path, tmp_path: Path
) -> None:
    need(os.stat(place).st_dev != os.stat(tmp_path).st_dev, "/dev/shm with 4 GiB free, and temporary files elsewhere")
    kept = fill(tiny)
    told: list[int] = []
    report = tiny.backup(tmp_path / "backup", advance=told.append)
    files = list((tmp_path / "backup" / "blobs").glob("*/*"))
    assert (report.linked_files, report.copied_files) == (0, len(files))
    assert report.copied_bytes == sum(told) == sum(path.stat().st_size for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    check_backup(tmp_path / "backup", kept)


def test_what_is_done_to_a_linked_backup_leaves_the_store_alone_and_the_other_way_round(
    tiny: engine.Store, bucket: str, place: Path
) -> None:
    kept = fill(tiny)
    tiny.backup(place / "backup")
    with engine.open(place / "backup", limits=tiny.limits) as backup:
        for one, other in ((tiny, backup), (backup, tiny)):
            one.put_object("bucket", "plain-2", b"overwritten")
            one.delete_object("bucket", "plain-3")
            one.copy_object("bucket", "again", "bucket/plain-4")
            one.reap()
            if one is tiny:
                assert (read(other, "plain-2"), read(other, "plain-3")) == (kept["plain-2"], kept["plain-3"])
            assert read(other, "plain-4") == kept["plain-4"]
            assert other.check(deep=True).ok


def test_a_backup_is_moved_back_and_backed_up_again(tiny: engine.Store, bucket: str, place: Path) -> None:
    kept = fill(tiny)
    tiny.backup(place / "backup")
    tiny.close()
    (place / "store").rename(place / "lost")
    (place / "backup").rename(place / "store")
    with engine.open(place / "store", read_only=True) as restored:
        assert restored.backup(place / "again").ok
    check_backup(place / "again", kept)


REMOVE_ALL = """
import sys
from datetime import timedelta
import engine
with engine.open(sys.argv[1]) as store:
    for item in store.list_objects_v2("bucket").contents:
        store.delete_object("bucket", item.key)
    print(store.reap(timedelta(0)).aborted_uploads, store.stat().trash)
"""


def remove_all_meanwhile(
    store: engine.Store, place: Path, moment: str, patch: pytest.MonkeyPatch
) -> tuple[engine.BackupReport, int]:
    """Back up, and have another process throw everything away at some moment; also the trash that it left."""
    told: list[str] = []

    def throw_away(*_: Any) -> None:
        if not told:
            told.append(python_output(REMOVE_ALL, store._layout.root))

    def advance(_: int) -> None:
        if moment == "once the first file was taken over":
            throw_away()

    if moment == "while the metadata are copied":
        write_all = snapshots._write_all
        patch.setattr(snapshots, "_write_all", lambda *arguments: (throw_away(), write_all(*arguments)))
    report = store.backup(place / "backup", advance=advance)
    aborted, trash = map(int, told[0].split())
    assert aborted == 1
    return report, trash


MOMENTS = ["while the metadata are copied", "once the first file was taken over"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_thrown_away_meanwhile_is_missing_and_it_is_removed_afterwards(
    moment: str, tiny: engine.Store, bucket: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = fill(tiny)
    report, trash = remove_all_meanwhile(tiny, place, moment, monkeypatch)
    assert (report.ok, trash) == (True, len(kept) + 2)
    assert tiny.stat().trash == 0
    assert not list((place / "store" / "blobs").glob("*/*"))
    check_backup(place / "backup", kept)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_fault_that_files_are_removed_meanwhile_is_caught(
    moment: str, tiny: engine.Store, bucket: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tiny)
    monkeypatch.setattr(Leases, "holding_off_removal", contextmanager(lambda self: iter([None])))
    report, trash = remove_all_meanwhile(tiny, place, moment, monkeypatch)
    assert trash == 0
    assert not report.ok
    assert len(report.missing) > 5


def test_a_backup_waits_for_a_removal_under_way_and_gives_up_in_the_end(
    tiny: engine.Store, bucket: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "REMOVAL_WAIT_S_MAX", 0.05)
    with tiny._context.leases.removing() as may_remove:
        assert may_remove
        with pytest.raises(StoreInUse, match="files have been under removal"):
            tiny.backup(place / "backup")
    assert not list((place / "backup").iterdir())
    assert tiny.backup(place / "backup").ok


def test_two_backups_at_once_hold_removals_off_until_the_last_has_ended(
    tiny: engine.Store, bucket: str, place: Path
) -> None:
    kept = fill(tiny)
    reports: list[engine.BackupReport] = []

    def advance(_: int) -> None:
        if not reports:
            reports.append(tiny.backup(place / "inner"))
            with tiny._context.leases.removing() as may_remove:
                assert not may_remove

    reports.append(tiny.backup(place / "outer", advance=advance))
    with tiny._context.leases.removing() as may_remove:
        assert may_remove
    for name in ("inner", "outer"):
        check_backup(place / name, kept)


def test_a_child_forked_meanwhile_does_not_hold_removals_off(tiny: engine.Store, bucket: str) -> None:
    reading, writing = os.pipe()
    with tiny._context.leases.holding_off_removal():
        child = os.fork()
        if not child:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        os.close(reading)
    with tiny._context.leases.removing() as may_remove:
        assert may_remove
    os.close(writing)
    os.waitpid(child, 0)


BACK_UP_AND_WAIT = """
import sys
import engine
with engine.open(sys.argv[1], read_only=True) as store:
    store.backup(sys.argv[2], advance=lambda _: (print("taken", flush=True), sys.stdin.readline()))
"""


def test_a_killed_backup_is_no_store_and_holds_nothing_off(tiny: engine.Store, bucket: str, place: Path) -> None:
    fill(tiny)
    with start_python(BACK_UP_AND_WAIT, str(place / "store"), str(place / "backup")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        tiny.delete_object("bucket", "plain-0")
        assert tiny.stat().trash == 1
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    tiny.reap()
    assert tiny.stat().trash == 0
    for create in (False, True):
        with pytest.raises(NotAStore, match="a backup was begun here and has not ended; remove it and make another"):
            engine.open(place / "backup", create=create)
    with pytest.raises(StoreError, match="not empty"):
        tiny.backup(place / "backup")
    assert tiny.backup(place / "another").ok
    assert tiny.check(deep=True).ok


def test_where_a_backup_can_not_be_made_is_said_and_nothing_is_touched(
    tiny: engine.Store, bucket: str, place: Path
) -> None:
    full, file, open_to_all = place / "full", place / "file", place / "open"
    full.mkdir()
    (full / "letter").touch()
    file.touch()
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    refused = {
        full: "not empty; a backup is made in an empty directory or a new one",
        file: "not a directory",
        file / "below": "not a directory",
        place / "store": "not empty",
        place / "store" / "backup": "lies inside the store",
        open_to_all: "others may write there",
    }
    before = sorted(place.rglob("*"))
    for target, text in refused.items():
        with pytest.raises(StoreError, match=text):
            tiny.backup(target)
    assert sorted(place.rglob("*")) == before


def test_damage_of_the_store_is_told_and_the_rest_is_backed_up(tiny: engine.Store, bucket: str, place: Path) -> None:
    for number in range(3):
        tiny.put_object("bucket", f"key-{number}", some_bytes(LARGE + number))
    lost = next((place / "store" / "blobs").glob("*/*"))
    lost.unlink()
    report = tiny.backup(place / "backup")
    assert (report.ok, report.missing) == (False, (lost.parent.name + lost.name,))
    assert (report.parts, report.linked_files) == (3, 2)
    with engine.open(place / "backup", create=False) as backup:
        assert backup.check(deep=True).missing == report.missing


def test_trash_whose_file_is_gone_already_is_no_damage(tiny: engine.Store, bucket: str, place: Path) -> None:
    upload = begin(tiny, "bucket", key="aborted")
    upload.part(1, some_bytes(LARGE))
    with tiny._context.leases.holding_off_removal():
        tiny.abort_multipart_upload("bucket", "aborted", upload.upload_id)
    for path in (place / "store" / "blobs").glob("*/*"):
        path.unlink()  # as somebody does who is killed before the row goes
    assert meta_of(tiny).count_trash() == 1
    assert tiny.backup(place / "backup").ok
    with engine.open(place / "backup", create=False) as backup:
        assert backup.stat().trash == 0
        assert backup.check(deep=True).ok


def test_a_file_with_too_many_names_is_copied_and_the_next_ones_are_linked(
    tiny: engine.Store, bucket: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = fill(tiny)
    link: Callable[..., None] = os.link
    refused: list[str] = []

    def full_once(source: str, target: str, **options: Any) -> None:
        if not refused:
            refused.append(source)
            raise OSError(31, "Too many links", source, None, target)
        link(source, target, **options)

    monkeypatch.setattr(os, "link", full_once)
    report = tiny.backup(place / "backup")
    monkeypatch.undo()
    assert report.copied_files == 1
    assert report.linked_files > 5
    check_backup(place / "backup", kept)


def test_the_ring_is_in_the_backup_only_if_it_lies_in_the_store(bucket: str, place: Path) -> None:
    for name, ring in (("inside", None), ("outside", place / "ring")):
        root = place / name
        with engine.open(root, key_ring=ring) as store:
            store.create_bucket("bucket")
            store.put_object("bucket", "key", some_bytes(LARGE), server_side_encryption="AES256")
            report = store.backup(place / f"{name}-backup")
        assert report.has_key_ring is (ring is None)
        copied = place / f"{name}-backup" / "keys"
        assert copied.exists() is (ring is None)
        if ring is None:
            assert stat.S_IMODE(copied.stat().st_mode) == 0o600
        with engine.open(place / f"{name}-backup", key_ring=ring, create=False) as backup:
            assert read(backup, "key") == some_bytes(LARGE)
            backup.put_object("bucket", "new", b"x", server_side_encryption="AES256")


def test_metadata_that_grow_without_end_while_they_are_copied_end_the_backup(
    tiny: engine.Store, bucket: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(400):
        tiny.put_object("bucket", f"key-{number}", some_bytes(16_000))
    monkeypatch.setattr(snapshots, "GROWTH_BYTES_MAX", 1)
    write_all = snapshots._write_all
    commits: list[int] = []

    def slowly(file: Any, piece: bytes) -> None:
        """A place so slow that the store takes as much again before the first piece is written."""
        for number in range(0 if commits else 800):
            tiny.put_object("bucket", f"key-{number % 400}", some_bytes(16_000))
            commits.append(number)
        write_all(file, piece)

    monkeypatch.setattr(snapshots, "_write_all", slowly)
    with pytest.raises(StoreError, match="the place of the backup is too slow for what is being written"):
        tiny.backup(place / "backup")
    assert not list((place / "backup").iterdir())
    monkeypatch.undo()
    assert tiny.backup(place / "backup").ok
    tiny.put_object("bucket", "after", b"after")


def test_an_interruption_ends_the_backup_and_leaves_an_empty_directory(
    tiny: engine.Store, bucket: str, place: Path
) -> None:
    fill(tiny)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.backup(place / "backup", advance=interrupt)
    assert not list((place / "backup").iterdir())
    with tiny._context.leases.removing() as may_remove:
        assert may_remove


def test_a_closed_store_is_not_backed_up(tiny: engine.Store, place: Path) -> None:
    tiny.close()
    with pytest.raises(StoreError, match="the store is closed"):
        tiny.backup(place / "backup")
    assert not (place / "backup").exists()
