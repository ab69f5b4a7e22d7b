"""The copy of the metadata that a backup is made of, when it is interrupted."""

import threading
from pathlib import Path

import pytest

import engine


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
