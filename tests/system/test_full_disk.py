"""A disk filled to the last byte or the last inode, one that is too small, one that may not be written; each in its own namespace."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import engine
from tests.support.inspection import check_nothing_left
from tests.support.nursery import ROOT
from tests.support.requirements import need_loop_devices, need_mounts, unshare_command
from tests.support.workload import BUCKET, LIMITS
from tests.system.full_disk import Filling

CYCLES = 3
MAP_SIZE = 4 * 1024 * 1024
DISK_SIZE = 64 * 1024 * 1024
FREED_SHARE_MIN = 0.99
TMPFS = 'mount -t tmpfs -o "size=64m,mode=700" disk "$PLACE"'
FEW_INODES = 'mount -t tmpfs -o "size=64m,mode=700,nr_inodes=400" disk "$PLACE"'
EXT4 = (
    'truncate -s "$SIZE" "$PLACE.image" && mkfs.ext4 -q -m 0 "$PLACE.image" && mount -o loop "$PLACE.image" "$PLACE" '
    '&& chmod 700 "$PLACE"'
)
TINY = 'mount -t tmpfs -o "size=16k,mode=700" disk "$PLACE"'
READ_ONLY = 'mount --bind "$PLACE" "$PLACE" && mount -o remount,bind,ro "$PLACE"'


def run_on(mount: str, place: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a mount namespace in which `mount` has put a disk on a directory."""
    place.mkdir(mode=0o700, exist_ok=True)
    script = f'{mount} && exec "$@"'
    return subprocess.run(
        [*unshare_command(), "sh", "-c", script, "sh", sys.executable, *command],
        env={**os.environ, "PLACE": str(place), "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def fill(mount: str, place: Path, way: str) -> dict[str, Any]:
    """Fill a disk and free it again, some times over; the report of tests.system.full_disk."""
    ended = run_on(mount, place, "-m", "tests.system.full_disk", str(place / "store"), str(CYCLES), way)
    assert ended.returncode == 0, ended.stderr  # -7 would be SIGBUS
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def check_report(report: dict[str, Any]) -> None:
    """See that every refusal was clean, and that a later cycle stored what the first one did."""
    assert report["kept"]
    assert report["check"]
    first = report["cycles"][0]["stored"]
    for cycle in report["cycles"]:
        assert cycle["stored"] >= FREED_SHARE_MIN * first
        assert cycle["unnamed"] == 0
        assert cycle["trash"] == 0
        for refusal in cycle["refusals"]:
            assert (refusal["code"], refusal["status"]) == ("InternalError", 500), refusal
            assert "full" in refusal["text"] or "has room for" in refusal["text"], refusal
    assert report["trash"] == 0


@pytest.mark.parametrize("way", ["files", "rows"])
def test_a_full_tmpfs_refuses_cleanly_and_still_aborts(way: str, tmp_path: Path) -> None:
    need_mounts()
    report = fill(TMPFS, tmp_path / "disk", way)
    check_report(report)
    for cycle in report["cycles"]:
        assert cycle["full"]["free"] == 0
        assert cycle["freed"]["held"] == 50_000
        assert cycle["stored"] > 0.75 * DISK_SIZE


@pytest.mark.parametrize(("way", "size"), [("files", "64m"), ("rows", "24m")])
def test_a_full_ext4_refuses_cleanly_and_still_aborts(way: str, size: str, memory_place: Path) -> None:
    need_mounts()
    need_loop_devices()
    report = fill(f"SIZE={size}; {EXT4}", memory_place / "disk", way)
    check_report(report)
    assert all(cycle["freed"]["held"] == 50_000 for cycle in report["cycles"])


def test_a_disk_without_a_free_inode_refuses_cleanly_and_still_aborts(tmp_path: Path) -> None:
    need_mounts()
    report = fill(FEW_INODES, tmp_path / "disk", "files")
    check_report(report)
    assert all(cycle["freed"]["held"] == 50_000 for cycle in report["cycles"])


def test_a_full_map_refuses_cleanly_and_a_larger_one_goes_on(place: Path) -> None:
    with engine.open(place / "store", limits=LIMITS, map_size_bytes=MAP_SIZE) as store:
        store.create_bucket(BUCKET)
        filling = Filling(store, place / "store")
        filling.begin()
        filling.fill(with_files=False)
        filling.try_everything_else()
    assert filling.stored_bytes > 0.75 * MAP_SIZE
    for refusal in filling.refusals:
        assert (refusal["code"], refusal["status"]) == ("InternalError", 500)
        assert "open the store with a larger map_size_bytes" in refusal["text"]
    with engine.open(place / "store", limits=LIMITS, map_size_bytes=2 * MAP_SIZE) as store:
        assert store.stat().open_bytes >= filling.stored_bytes
        for upload in store.list_multipart_uploads(BUCKET).uploads or ():
            store.abort_multipart_upload(BUCKET, upload.key, upload.upload_id)
        check_nothing_left(store)


def test_a_store_that_does_not_fit_is_refused_with_the_reason(tmp_path: Path) -> None:
    need_mounts()
    code = "import sys, engine\ntry: engine.open(sys.argv[1])\nexcept engine.StoreError as error: print(error)"
    ended = run_on(TINY, tmp_path / "disk", "-c", code, str(tmp_path / "disk" / "store"))
    assert ended.returncode == 0, ended.stderr
    assert "No space left on device" in ended.stdout


READ = """
import sys, engine
from engine.errors import ReadOnlyStore

def refused(step):
    try:
        step()
    except ReadOnlyStore as error:
        return str(error)

path = sys.argv[1]
told = refused(lambda: engine.open(path))
assert "read_only=True" in told, told
with engine.open(path, read_only=True) as store:
    with store.get_object("bucket", "large").body as body:
        assert body.read() == b"l" * 100_000
    with store.get_object("bucket", "small").body as body:
        assert body.read() == b"s"
    assert len(store.list_multipart_uploads("bucket").uploads) == 1
    assert store.check(deep=True).ok
    assert store.stat().objects == 2
    assert refused(lambda: store.put_object("bucket", "key", b""))
    assert refused(lambda: store.reap(__import__("datetime").timedelta(0)))
    assert refused(lambda: store.check(repair=True))
"""


def test_a_store_on_a_read_only_mount_reads_and_says_why_it_does_not_write(tmp_path: Path) -> None:
    need_mounts()
    with engine.open(tmp_path / "store") as store:
        store.create_bucket("bucket")
        store.put_object("bucket", "large", b"l" * 100_000)
        store.put_object("bucket", "small", b"s")
        store.create_multipart_upload("bucket", "open")
    ended = run_on(READ_ONLY, tmp_path / "store", "-c", READ, str(tmp_path / "store"))
    assert ended.returncode == 0, ended.stderr
