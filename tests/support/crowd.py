"""Many threads of many processes on the same few keys and uploads; what they are told goes to a log, and every object read is verified.

A piece of content says itself where it ends and what it must be, so that an object mixed of two can't pass.
"""

import contextlib
import hashlib
import json
import os
import random
import struct
import time
from pathlib import Path
from typing import Any

import engine
from engine.errors import InvalidPart, NoSuchKey, NoSuchUpload
from tests.support.workload import A_DAY, BUCKET, FAULTS, LIMITS, repeat_in_threads, scrap_bucket

KEYS = ("shared/a", "shared/b", "shared/c")
UPLOADS_MAX = 8
PART_NUMBERS = 4
SIZES = (0, 100, 5_000, 20_000, 60_000)
_HEAD = struct.Struct(">QQ")


def make_piece(seed: int, size: int) -> bytes:
    """Content that describes itself."""
    return _HEAD.pack(seed, size) + random.Random(seed).randbytes(size)


def etag_of(content: bytes, multipart: bool = True) -> str:
    """The ETag that content of whole pieces must have.

    Raises:
        AssertionError: it is not made of whole pieces.
    """
    digests, at = [], 0
    while at < len(content):
        seed, size = _HEAD.unpack_from(content, at)
        piece = content[at : at + _HEAD.size + size]
        assert piece == make_piece(seed, size), "an object is not made of whole pieces"
        digests.append(hashlib.md5(piece, usedforsecurity=False).digest())
        at += len(piece)
    if not multipart:
        assert len(digests) == 1
        return f'"{digests[0].hex()}"'
    return f'"{hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"'


class Member:
    """One thread of the crowd."""

    def __init__(self, store: engine.Store, log: int, rng: random.Random) -> None:
        self._store = store
        self._log = log
        self._rng = rng

    def step(self) -> None:
        """Do something; that somebody else was faster is no error."""
        steps = (
            [self._upload] * 6
            + [self._complete] * 2
            + [self._read] * 2
            + [self._abort, self._put, self._delete, self._scrap]
        )
        begun = time.monotonic()
        try:
            told = self._rng.choice(steps)()
        except (NoSuchUpload, InvalidPart, NoSuchKey):
            return
        entry = {**told, "begin": begun, "end": time.monotonic()}
        os.write(self._log, json.dumps(entry).encode() + b"\n")

    def _piece(self) -> bytes:
        return make_piece(self._rng.getrandbits(60), self._rng.choice(SIZES))

    def _any_upload(self) -> tuple[str, str]:
        uploads = self._store.list_multipart_uploads(BUCKET).uploads or ()
        if len(uploads) < UPLOADS_MAX:
            key = self._rng.choice(KEYS)
            return key, self._store.create_multipart_upload(BUCKET, key).upload_id
        chosen = self._rng.choice(uploads)
        return chosen.key, chosen.upload_id

    def _upload(self) -> dict[str, Any]:
        key, upload_id = self._any_upload()
        self._store.upload_part(BUCKET, key, upload_id, self._rng.randint(1, PART_NUMBERS), self._piece())
        return {"do": "upload", "id": upload_id}

    def _complete(self) -> dict[str, Any]:
        key, upload_id = self._any_upload()
        parts = self._store.list_parts(BUCKET, key, upload_id).parts
        if not parts:
            return {"do": "nothing"}
        listed = [(part.part_number, part.etag) for part in parts]
        etag = self._store.complete_multipart_upload(BUCKET, key, upload_id, listed).etag
        again = self._store.complete_multipart_upload(BUCKET, key, upload_id, listed).etag
        assert again == etag, "a Complete answered differently the second time"
        return {"do": "complete", "id": upload_id, "etag": etag}

    def _abort(self) -> dict[str, Any]:
        key, upload_id = self._any_upload()
        self._store.abort_multipart_upload(BUCKET, key, upload_id)
        return {"do": "abort", "id": upload_id}

    def _put(self) -> dict[str, Any]:
        self._store.put_object(BUCKET, self._rng.choice(KEYS), self._piece())
        return {"do": "put"}

    def _delete(self) -> dict[str, Any]:
        self._store.delete_object(BUCKET, self._rng.choice(KEYS))
        return {"do": "delete"}

    def _scrap(self) -> dict[str, Any]:
        scrap_bucket(self._store)
        return {"do": "scrap"}

    def _read(self) -> dict[str, Any]:
        answer = self._store.get_object(BUCKET, self._rng.choice(KEYS))
        with answer.body as body:
            content = body.read()
        assert etag_of(content, "-" in answer.etag) == answer.etag, "an object was mixed of two"
        return {"do": "read"}


def run(
    store: str, log: str, seed: int, seconds: float, threads: int, checking: bool, until: str, fault: str | None = None
) -> None:
    """One process of the crowd, with one thread more that collects, or one that checks, all the time.

    It works for `seconds` at least, and then until there is a file `until`.
    """
    end = time.monotonic() + seconds
    if fault is not None:
        FAULTS[fault]()
    with engine.open(store, limits=LIMITS) as opened:
        descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        members = [Member(opened, descriptor, random.Random(f"{seed}/{number}")) for number in range(threads)]
        upkeep = (lambda: _check(opened)) if checking else (lambda: opened.reap(A_DAY))
        repeat_in_threads(
            [*(member.step for member in members), upkeep], lambda: time.monotonic() >= end and os.path.exists(until)
        )


def watch(store: str, until: str) -> None:
    """A process that only reads: it lists, reads and checks as long as the others work."""
    with engine.open(store, read_only=True) as opened:
        while not os.path.exists(until):
            _check(opened)
            for item in opened.list_objects_v2(BUCKET).contents or ():
                with contextlib.suppress(NoSuchKey), opened.get_object(BUCKET, item.key).body as body:
                    etag_of(body.read())


def make(store: str, name: str) -> None:
    """Open a store that may not be there yet, and put something into it."""
    with engine.open(store, limits=LIMITS) as opened:
        opened.create_bucket(name)
        opened.put_object(name, "key", make_piece(1, 60_000))


def _check(store: engine.Store) -> None:
    report = store.check(deep=True)
    assert report.ok, f"beside others at work: {report}"


def read_logs(logs: list[Path]) -> list[dict[str, Any]]:
    """All entries that are complete, each with the number of its process."""
    return [
        {**json.loads(line), "process": number}
        for number, log in enumerate(logs)
        for line in (log.read_text().rpartition("\n")[0].splitlines() if log.exists() else ())
    ]
