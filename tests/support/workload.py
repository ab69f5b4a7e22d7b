"""Processes under test, run in children of the nursery: they use a store until they are killed, and keep a journal outside it."""

import contextlib
import fcntl
import os
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import lmdb

import engine
from engine.blobs import files
from engine.errors import StoreDamaged
from engine.meta.lmdb import environment
from engine.meta.lmdb.uploads import LmdbMetadata
from tests.support.ledger import Journal, Ledger, Operation, Piece, Stored

BUCKET = "workload"
LIMITS = engine.Limits(part_size_bytes_min=0)
UPLOADS_MAX = 5
KEYS = 6
PART_NUMBERS = 4
SIZES = (0, 1, 700, 16 * 1024, 16 * 1024 + 1, 70_000, 70_000, 300_000)
SIZE_LARGE = 1_500_000
A_DAY = timedelta(days=1)


class Lane:
    """One thread's share of the work: random operations on keys of its own."""

    def __init__(self, store: engine.Store, ledger: Ledger, journal: Journal, rng: random.Random) -> None:
        self._store = store
        self._ledger = ledger
        self._journal = journal
        self._rng = rng

    def step(self) -> None:
        """Choose one operation that S3 allows, and do it."""
        uploads = self._ledger.uploads
        choices = ["put", "delete", "scrap"]
        if self._ledger.objects:
            choices += ["read", "copy"]
        if len(uploads) < UPLOADS_MAX:
            choices += ["create"] * 2
        if uploads:
            choices += ["upload"] * 8 + ["abort"]
            choices += ["copy_part"] * 2 if self._copied_pieces() else []
        if any(upload.parts for upload in uploads.values()):
            choices += ["complete"] * 2
        self.do(getattr(self, "_" + self._rng.choice(choices))())

    def do(self, operation: Operation) -> None:
        """Journal, call, journal."""
        self._journal.begin(operation)
        try:
            result = perform(self._store, operation, self._ledger)
        except engine.S3Error as error:
            self._journal.refuse(error.code)
            return
        self._journal.acknowledge(result)
        self._ledger.apply(operation, result)

    def _key(self) -> str:
        return f"{self._ledger.prefix}key-{self._rng.randrange(KEYS)}"

    def _content(self) -> dict[str, int]:
        size = SIZE_LARGE if self._rng.random() < 0.02 else self._rng.choice(SIZES)
        return {"seed": self._rng.getrandbits(48), "size": size}

    def _create(self) -> Operation:
        return {"do": "create", "key": self._key()}

    def _put(self) -> Operation:
        return {"do": "put", "key": self._key(), **self._content()}

    def _delete(self) -> Operation:
        return {"do": "delete", "key": self._key()}

    def _scrap(self) -> Operation:
        return {"do": "scrap", "key": ""}

    def _read(self) -> Operation:
        return {"do": "read", "key": self._rng.choice(list(self._ledger.objects))}

    def _upload(self) -> Operation:
        upload_id = self._rng.choice(list(self._ledger.uploads))
        number = self._rng.randint(1, PART_NUMBERS)
        key = self._ledger.uploads[upload_id].key
        return {"do": "upload", "key": key, "id": upload_id, "number": number, **self._content()}

    def _copied_pieces(self) -> list[tuple[str, int]]:
        """Keys and places of the pieces that a range can name."""
        objects = self._ledger.objects.items()
        return [(key, index) for key, stored in objects for index, piece in enumerate(stored.pieces) if piece.size]

    def _copy_part(self) -> Operation:
        source, index = self._rng.choice(self._copied_pieces())
        return {**self._upload(), "do": "copy_part", "source": source, "index": index}

    def _copy(self) -> Operation:
        source = self._rng.choice(list(self._ledger.objects))
        key = f"{self._ledger.prefix}copy-{self._rng.randrange(KEYS)}"
        return {"do": "copy", "key": key, "source": source} if key != source else self._read()

    def _abort(self) -> Operation:
        upload_id = self._rng.choice(list(self._ledger.uploads))
        return {"do": "abort", "key": self._ledger.uploads[upload_id].key, "id": upload_id}

    def _complete(self) -> Operation:
        upload_id = self._rng.choice([name for name, upload in self._ledger.uploads.items() if upload.parts])
        upload = self._ledger.uploads[upload_id]
        numbers = sorted(upload.parts)
        if self._rng.random() < 0.3:  # a subset: the rest is freed
            numbers = sorted(self._rng.sample(numbers, self._rng.randint(1, len(numbers))))
        return {"do": "complete", "key": upload.key, "id": upload_id, "numbers": numbers}


def perform(store: engine.Store, operation: Operation, ledger: Ledger) -> str | None:
    """Call the store; the id of a created upload. What it answers must be what the bytes say."""
    key = operation["key"]
    match operation["do"]:
        case "create":
            return store.create_multipart_upload(BUCKET, key).upload_id
        case "upload":
            piece = Piece(operation["seed"], operation["size"])
            answer = store.upload_part(BUCKET, key, operation["id"], operation["number"], piece.data())
            assert answer.etag == f'"{piece.md5.hex()}"'
        case "copy_part":
            _copy_part(store, operation, ledger)
        case "copy":
            copied = store.copy_object(BUCKET, key, f"{BUCKET}/{operation['source']}").copy_object_result
            assert copied.etag == Stored(ledger.objects[operation["source"]].pieces, multipart=False).etag
        case "complete":
            held = ledger.uploads[operation["id"]].parts
            listed = [(number, held[number].md5.hex()) for number in operation["numbers"]]
            store.complete_multipart_upload(BUCKET, key, operation["id"], listed)
        case "abort":
            store.abort_multipart_upload(BUCKET, key, operation["id"])
        case "put":
            store.put_object(BUCKET, key, Piece(operation["seed"], operation["size"]).data())
        case "delete":
            store.delete_object(BUCKET, key)
        case "scrap":
            scrap_bucket(store)
        case "list":
            store.list_parts(BUCKET, key, operation["id"])
        case "read":
            with store.get_object(BUCKET, key).body as body:
                assert body.read() == b"".join(piece.data() for piece in ledger.objects[key].pieces)
    return None


def _copy_part(store: engine.Store, operation: Operation, ledger: Ledger) -> None:
    pieces = ledger.objects[operation["source"]].pieces
    piece = pieces[operation["index"]]
    first = sum(each.size for each in pieces[: operation["index"]])
    answer = store.upload_part_copy(
        BUCKET, operation["key"], operation["id"], operation["number"], f"{BUCKET}/{operation['source']}",
        copy_source_range=f"bytes={first}-{first + piece.size - 1}",
    )  # fmt: skip
    assert answer.copy_part_result.etag == f'"{piece.md5.hex()}"'


def scrap_bucket(store: engine.Store) -> None:
    """Make a bucket and delete it together with an open upload, which is aborted after the answer or by whoever comes next."""
    name = f"scrap-{time.time_ns()}-{threading.get_ident() % 1000}"
    store.create_bucket(name)
    upload_id = store.create_multipart_upload(name, "key").upload_id
    store.upload_part(name, "key", upload_id, 1, bytes(70_000))
    store.upload_part(name, "key", upload_id, 2, b"small")
    store.delete_bucket(name)


def remove_scrap(store: engine.Store) -> None:
    """Delete the buckets that a killed `scrap_bucket` left."""
    for bucket in store.list_buckets(prefix="scrap-").buckets:
        store.delete_bucket(bucket.name)


def run(
    store: str, journals: list[str], ledgers: list[dict[str, Any]], seed: int, fault: str | None = None,
    seconds: float | None = None,
) -> None:  # fmt: skip
    """Work in one thread a lane, and collect in one more, until killed or for some seconds."""
    if fault is not None:
        FAULTS[fault]()
    end = time.monotonic() + seconds if seconds is not None else float("inf")
    with engine.open(store, limits=LIMITS) as opened:
        lanes = [
            Lane(opened, Ledger.from_json(ledger), Journal(Path(journal)), random.Random(f"{seed}/{journal}"))
            for ledger, journal in zip(ledgers, journals, strict=True)
        ]
        steps = [*(lane.step for lane in lanes), lambda: _collect(opened, may_be_damaged=fault is not None)]
        repeat_in_threads(steps, lambda: time.monotonic() >= end)


def _collect(store: engine.Store, may_be_damaged: bool) -> None:
    """Reap; with a fault planted, rows may be without files for a moment, which is left for the comparison after the kill to find."""
    with contextlib.suppress(*([StoreDamaged] if may_be_damaged else [])):
        store.reap(A_DAY)


def repeat_in_threads(steps: list[Callable[[], Any]], is_over: Callable[[], bool]) -> None:
    """Run each step again and again in a thread of its own until it is over; the first failure ends all."""
    failures: list[BaseException] = []

    def repeat(step: Callable[[], Any]) -> None:
        try:
            while not is_over() and not failures:
                step()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=repeat, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


# Faults planted to see the harness bite: each breaks one rule of the protocol in this process.


def _acknowledge_before_commit() -> None:
    record_part = LmdbMetadata.record_part

    def early(self: LmdbMetadata, *arguments: Any) -> None:
        threading.Thread(target=record_part, args=(self, *arguments), daemon=True).start()

    LmdbMetadata.record_part = early  # type: ignore[method-assign, assignment]


def _commit_before_the_file_is_named() -> None:
    persist, keep = files.FileAttempt.persist, files.FileAttempt.keep

    def late(self: files.FileAttempt) -> None:
        persist(self)
        keep(self)

    files.FileAttempt.persist = lambda self: None  # type: ignore[method-assign, assignment]
    files.FileAttempt.keep = late  # type: ignore[method-assign]


def _unlink_before_commit() -> None:
    from engine.meta import Trash, TrashKind, UploadId

    abort = LmdbMetadata.abort

    def early(self: LmdbMetadata, bucket: str, key: bytes, upload_id: UploadId, *basis: Any) -> Any:
        blobs = _root_of(self)
        for blob_id in self.trash_blobs(Trash(TrashKind.UPLOAD, upload_id.nonce)):
            (blobs / blob_id.hex()[:2] / blob_id.hex()[2:]).unlink()
        return abort(self, bucket, key, upload_id, *basis)

    LmdbMetadata.abort = early  # type: ignore[method-assign, assignment]


def _try_a_failed_sync_again() -> None:
    persist = files.FileAttempt.persist

    def twice(self: files.FileAttempt) -> None:
        try:
            persist(self)
        except engine.S3Error:
            persist(self)

    files.FileAttempt.persist = twice  # type: ignore[method-assign]


class _Instead:
    """A module with some of its functions replaced."""

    def __init__(self, module: Any, **functions: Callable[..., Any]) -> None:
        self._module = module
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _name_without_a_lock() -> None:
    files.fcntl = _Instead(fcntl, flock=lambda *_: None)  # type: ignore[attr-defined]


def _skip_the_sync() -> None:
    files.os = _Instead(os, fsync=lambda _: None)  # type: ignore[attr-defined]


def _sync_before_the_name() -> None:
    def persist(self: files.FileAttempt) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.fsync(self._fd)
        os.link(f"/proc/self/fd/{self._fd}", self._name, dst_dir_fd=self._directory, follow_symlinks=True)
        self._linked = self._durable = True

    files.FileAttempt.persist = persist  # type: ignore[method-assign]


def _open_lmdb_with(**options: bool) -> Callable[[], None]:
    def plant() -> None:
        opened = lmdb.open
        environment.lmdb = _Instead(lmdb, open=lambda *args, **kwargs: opened(*args, **{**kwargs, **options}))  # type: ignore[attr-defined]

    return plant


def _root_of(meta: LmdbMetadata) -> Path:
    return Path(meta._shared.environment.path).parent / "blobs"


FAULTS: dict[str, Callable[[], None]] = {
    "acknowledge-before-commit": _acknowledge_before_commit,
    "commit-before-the-file-is-named": _commit_before_the_file_is_named,
    "unlink-before-commit": _unlink_before_commit,
    "try-a-failed-sync-again": _try_a_failed_sync_again,
    "name-without-a-lock": _name_without_a_lock,
    "skip-the-sync": _skip_the_sync,
    "sync-before-the-name": _sync_before_the_name,
    "commit-without-sync": _open_lmdb_with(sync=False),
    "commit-without-metasync": _open_lmdb_with(metasync=False),
}
