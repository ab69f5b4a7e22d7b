"""Cuts the power of a disk at random moments while backups are made on it, and looks at what is left of each.

By hand, in mounts of its own:  unshare -m python -m tests.system.backup_power_cut --states 1000 [--seed N] [--fault NAME]
"""

import argparse
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine
from engine import durable
from engine.blobs import copies
from engine.directory import layout
from engine.upkeep import backup
from tests.support.inspection import check_whole, expect
from tests.support.nursery import Nursery
from tests.support.power import logged_disk, mounted, position, read_log, states
from tests.support.workload import BUCKET, LIMITS
from tests.system.backups import is_whole, put_kept

DISK_SIZE = 48 * 1024 * 1024
NAMES = ("linked", "copied", "linked-again")


def _skip(module: Any, name: str) -> Callable[[], None]:
    """Leave a step out."""
    return lambda: setattr(module, name, lambda *_: None)


FAULTS = {
    "skip-the-sync-of-files": _skip(copies.FileCopies, "sync"),
    "skip-the-sync-of-directories": _skip(layout, "sync_directory"),
    "skip-the-mark": lambda: setattr(layout, "UNFINISHED", "ballast"),
    "format-first": lambda: setattr(backup, "begin_backup", _begin_with_format),
}
"""Each breaks one rule of the order in this process."""


def _begin_with_format(root: str, place: str) -> None:
    layout.begin_backup(root, place)
    durable.write_synced(os.path.join(place, "FORMAT"), Path(root, "FORMAT").read_bytes())
    layout.sync_directory(place)


def work(stores: dict[str, str], targets: str, log: str, journal: str, fault: str | None) -> None:
    """In a child: make the backups, and write down how long the log of the disk was after each."""
    if fault is not None:
        FAULTS[fault]()
    ended = {}
    for name in NAMES:
        with engine.open(stores[name], limits=LIMITS, read_only=True) as store:
            assert store.backup(Path(targets, name)).ok
            ended[name] = position(Path(log))
    Path(journal).write_text(json.dumps(ended))


def cut_power(place: Path, count: int, seed: int, fault: str | None = None) -> str:
    """Make backups, of a store on the disk and of one elsewhere, then look at `count` moments.

    Raises:
        Difference: a backup is half a store, or one that had ended is none.
    """
    rng = random.Random(seed)
    mount, image, journal = place / "mount", place / "state.img", place / "journal"
    with logged_disk(place, DISK_SIZE) as (disk, log):
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=0", disk], check=True)
        with mounted(disk, mount), Nursery() as nursery:
            here, elsewhere = mount / "store", place / "store"
            kept, reports = {}, {}
            for path in (here, elsewhere):
                with engine.open(path, limits=LIMITS) as store:
                    store.create_bucket(BUCKET)
                    kept[path], reports[path] = put_kept(store), check_whole(store)
            stores = {"linked": here, "copied": elsewhere, "linked-again": here}
            first = position(log)
            code = nursery.run(
                "tests.system.backup_power_cut:work", stores={name: str(path) for name, path in stores.items()},
                targets=str(mount), log=str(log), journal=str(journal), fault=fault,
            )  # fmt: skip
            assert code == 0
    ended: dict[str, int] = json.loads(journal.read_text())
    writes, whole = read_log(log), 0
    edges = [cut for end in ended.values() for cut in range(end - 12, end + 2) if cut < len(writes)]
    cuts = sorted(edges + [rng.randrange(first, len(writes)) for _ in range(count)])
    for cut, mode, state in states(writes, DISK_SIZE, cuts, rng):
        image.write_bytes(state)
        with mounted(image, mount):
            try:
                for name, path in stores.items():
                    found = is_whole(mount / name, kept[path], reports[path])
                    expect(found or cut < ended[name], f"{name}: a backup that had ended is no store")
                    whole += found
            except Exception as error:
                error.add_note(f"power cut after entry {cut}; not flushed: {mode.value}; {ended}; seed {seed}")
                raise
    looked = len(cuts) * len(NAMES)
    return f"seed {seed}: {len(cuts)} power cuts, {looked} backups looked at: {whole} whole, {looked - whole} refused, 0 half"


def main() -> int:
    """Cut the power from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--fault", choices=FAULTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="partwright-", dir="/dev/shm") as place:
        print(cut_power(Path(place), arguments.states, arguments.seed, arguments.fault))
    return 0


if __name__ == "__main__":
    sys.exit(main())
