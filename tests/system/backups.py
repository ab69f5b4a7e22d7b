"""Backs up a live store under load, and kills a backup before each of its system calls: what both are compared with.

By hand, every call:  python -m tests.system.backups --all
"""

import argparse
import contextlib
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import engine
from engine.directory.layout import FORMAT
from engine.errors import NoSuchKey, NotAStore
from tests.support.customers import KEY
from tests.support.inspection import check_whole, expect
from tests.support.ledger import Piece
from tests.support.nursery import Nursery
from tests.support.strace import Call, Gate, attached, calls_in, wait_at
from tests.support.workload import BUCKET, LIMITS, repeat_in_threads
from tests.system.stage import LAST_FEW, MANY, naming

SIZE = 70_000
VERSIONED = "versioned"
CHANGING = (
    "openat", "mkdir", "linkat", "write", "copy_file_range", "sendfile", "fsync", "unlink", "unlinkat", "rename", "fcntl", "flock",
    "ftruncate", "close",
)  # fmt: skip
READING = ("newfstatat", "read", "lseek", "getdents64", "pipe2", "mmap")


def put_kept(store: engine.Store) -> dict[str, bytes]:
    """Objects of every kind that nobody touches while a backup is made; their bytes by key."""
    kept = {f"kept/{number}": Piece(number, SIZE + number).data() for number in range(4)} | {"kept/small": b"small"}
    for key, data in kept.items():
        store.put_object(BUCKET, key, data)
    pieces = [Piece(10, SIZE).data(), Piece(11, 10).data(), Piece(12, SIZE).data()]
    for key, said in (("kept/parts", {}), ("kept/customer", KEY), ("kept/ring", {"server_side_encryption": "AES256"})):
        upload_id = store.create_multipart_upload(BUCKET, key, **said).upload_id
        keyed = KEY if said is KEY else {}
        parts = [
            (number, store.upload_part(BUCKET, key, upload_id, number, piece, **keyed).etag)
            for number, piece in enumerate(pieces, 1)
        ]
        store.complete_multipart_upload(BUCKET, key, upload_id, parts)
        kept[key] = b"".join(pieces)
    store.copy_object(BUCKET, "kept/copy", f"{BUCKET}/kept/0")
    return kept | {"kept/copy": kept["kept/0"]}


def check_kept(store: engine.Store, kept: dict[str, bytes]) -> None:
    """Read all of them.

    Raises:
        Difference: one is not there, or reads otherwise.
    """
    listed = {item.key for item in store.list_objects_v2(BUCKET, prefix="kept/").contents or ()}
    expect(listed == kept.keys(), f"{kept.keys() - listed} are not in the backup")
    for key, data in kept.items():
        with store.get_object(BUCKET, key, **(KEY if key == "kept/customer" else {})).body as body:
            expect(body.read() == data, f"{key} reads otherwise than it was written")


def change(store: str, seed: int) -> None:
    """In a child, until it is killed: versions, copies by reference, encryption, deletions, rotations of the ring, reaping."""
    rng = random.Random(seed)
    with engine.open(store, limits=LIMITS) as opened:

        def version() -> None:
            kind, said = rng.choice([("plain", {}), ("customer", KEY), ("ring", {"server_side_encryption": "AES256"})])
            key = f"{seed}/{kind}-{rng.randrange(4)}"
            opened.put_object(VERSIONED, key, rng.randbytes(rng.choice((100, SIZE))), **said)
            if not said:
                with contextlib.suppress(NoSuchKey):  # removed already
                    opened.copy_object(VERSIONED, f"{key}-copy", f"{VERSIONED}/{key}")

        def remove() -> None:
            listed = opened.list_object_versions(VERSIONED, prefix=f"{seed}/").versions or ()
            for item in rng.sample(listed, len(listed) // 2):
                opened.delete_object(VERSIONED, item.key, version_id=item.version_id)

        def look_after() -> None:
            opened.rotate_keys()
            opened.reap(timedelta(days=1))
            time.sleep(0.1)

        repeat_in_threads([version, remove, look_after], lambda: False)


def back_up(store: str, target: str, gate: str) -> None:
    """In a child that is to be killed: make a backup on one thread, which is traced; the main one would hand steps over."""

    def work() -> None:
        wait_at(gate)
        with engine.open(store, limits=LIMITS, read_only=True) as opened:
            opened.backup(target)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def is_whole(target: Path, kept: dict[str, bytes], of_store: engine.CheckReport) -> bool:
    """Whether a backup is a store, and then a whole one; what is none stays none.

    Raises:
        Difference: it is neither.
    """
    if not target.exists() or not any(target.iterdir()):
        return False
    if not (target / FORMAT).exists():
        for create in (False, True):
            try:
                engine.open(target, create=create).close()
            except NotAStore:
                continue
            expect(False, f"half a backup was opened as a store: {sorted(os.listdir(target))}")
        return False
    with engine.open(target, create=False, limits=LIMITS) as backup:
        report = check_whole(backup)
        seen, wanted = (report.parts, report.files), (of_store.parts, of_store.files)
        expect(seen == wanted, f"the backup has {seen} parts and files of {wanted}")
        check_kept(backup, kept)
    return True


@dataclass(slots=True)
class Figures:
    """What a walk over kill points came to."""

    points: int = 0
    whole: int = 0
    by_call: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        refused = self.points - self.whole
        return (
            f"killed at {self.points} points: {refused} backups refused as stores, {self.whole} whole; {self.by_call}"
        )


class Walk:
    """Kills backups of one store into new directories; each raises Difference when store or backup are not as they must be."""

    def __init__(self, place: Path, targets: Path, nursery: Nursery, stride: int) -> None:
        self.figures = Figures()
        self._place = place
        self._targets = targets
        self._nursery = nursery
        self._stride = stride
        self._numbers = itertools.count()
        with engine.open(place / "store", limits=LIMITS) as store:
            store.create_bucket(BUCKET)
            self._kept = put_kept(store)
            self._store_report = check_whole(store)

    def rehearse(self) -> list[Call]:
        """Make one without a kill."""
        code, calls, target = self._make("all", None)
        assert code == 0, "the backup fails by itself"
        expect(is_whole(target, self._kept, self._store_report), "a backup that was made to its end is no store")
        shutil.rmtree(target)
        return calls

    def walk(self, name: str, expected: int) -> None:
        """Kill before the first, second, third ... call of a name; of very many, each n-th and all of the last few."""
        last_few = expected - LAST_FEW if expected > MANY else 1
        for nth in itertools.chain(range(1, last_few, self._stride), itertools.count(last_few)):
            with naming(f"killed before {name}#{nth}"):
                code, calls, target = self._make(name, f"signal=SIGKILL:when={nth}")
                if code == 0:
                    assert len(calls) < nth, f"strace saw {len(calls)} calls and did not kill"
                    shutil.rmtree(target)
                    return
                assert code == -signal.SIGKILL, f"the backup failed with {code}"
                self.figures.whole += is_whole(target, self._kept, self._store_report)
                self._check_source()
            self.figures.points += 1
            self.figures.by_call[name] = nth
            shutil.rmtree(target, ignore_errors=True)

    def _make(self, calls: str, inject: str | None) -> tuple[int, list[Call], Path]:
        target, gate, trace = (
            self._targets / f"backup-{next(self._numbers)}",
            Gate(self._place / "gate"),
            self._place / "trace",
        )
        child = self._nursery.start(
            "tests.system.backups:back_up", store=str(self._place / "store"), target=str(target), gate=str(gate.path)
        )
        key = gate.await_child()
        with attached(gate.thread_id(), trace, calls=calls, inject=inject):
            os.write(key, b"x")
            os.close(key)
            code = child.wait()
        gate.remove()
        return code, calls_in(trace), target

    def _check_source(self) -> None:
        """See that the store is as it was, and that what is thrown away is removed again."""
        with engine.open(self._place / "store", limits=LIMITS) as store:
            check_kept(store, self._kept)
            store.put_object(BUCKET, "after-the-kill", bytes(SIZE))
            store.delete_object(BUCKET, "after-the-kill")
            expect(store.stat().trash == 0, "removals are held off though the backup is dead")
            expect(check_whole(store) == self._store_report, "the store is another than before")


def walk(place: Path, targets: Path, names: tuple[str, ...], stride: int = 100) -> Figures:
    """Kill before each call of these names.

    Raises:
        Difference: a store or a backup is not as it must be; its note names the point.
    """
    with Nursery() as nursery:
        walker = Walk(place, targets, nursery, stride)
        calls = walker.rehearse()
        for name in names:
            if made := sum(call.name == name for call in calls):
                walker.walk(name, made)
    return walker.figures


def main() -> int:
    """Walk from the command line: a backup that links, and one that copies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--all", action="store_true", help="each of very many calls, and also before calls that only read"
    )
    arguments = parser.parse_args()
    names, stride = (CHANGING + READING, 1) if arguments.all else (CHANGING, 100)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, tempfile.TemporaryDirectory() as disk:
        for source in (memory, disk):
            place = Path(source, "source")
            place.mkdir()
            print(walk(place, Path(memory), names, stride))
    return 0


if __name__ == "__main__":
    sys.exit(main())
