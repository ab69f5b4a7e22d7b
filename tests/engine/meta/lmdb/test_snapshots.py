"""The copy of the metadata that a backup is made of, when it is interrupted."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.meta.lmdb import snapshots


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # what an interruption drops closes itself
def test_an_interruption_as_the_copying_begins_closes_no_descriptor_twice(
    tiny: engine.Store, bucket: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens a file meanwhile has the number by then: a part of the live store was spoilt so."""
    tiny.put_object(bucket, "key", b"body")
    failures: list[object] = []
    copying: list[threading.Thread] = []
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        if thread.name == "partwright-backup":
            copying.append(thread)
            raise KeyboardInterrupt

    monkeypatch.setattr(threading, "excepthook", failures.append)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    for number in range(10):
        with pytest.raises(KeyboardInterrupt):
            tiny.backup(place / f"backup{number}")
    for thread in copying:
        thread.join(60)
    assert len(copying) == 10
    assert not failures


def test_a_fork_meanwhile_waits_for_the_copy_and_not_the_copy_for_it(
    tiny: engine.Store, bucket: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork closes the environment when nobody is inside; so do a close, and a commit that failed."""
    for number in range(100):
        tiny.put_object(bucket, f"key-{number}", bytes(16_000))  # more than a pipe holds
    environment = tiny._context.meta._shared.environment  # type: ignore[attr-defined]
    write_all, closing = snapshots._write_all, threading.Thread(target=environment.reopen, daemon=True)

    def as_it_closes(file: Any, piece: bytes) -> None:
        if closing.ident is None:
            closing.start()
            while not environment._gate._alone:
                time.sleep(0.001)
        write_all(file, piece)

    monkeypatch.setattr(snapshots, "_write_all", as_it_closes)
    backup = threading.Thread(target=tiny.backup, args=(place / "backup",), daemon=True)
    backup.start()
    for thread in (backup, closing):
        thread.join(60)
        assert not thread.is_alive()
    with engine.open(place / "backup", create=False) as copy:
        assert copy.check(deep=True).ok
