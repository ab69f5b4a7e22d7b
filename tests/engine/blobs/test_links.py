"""Links to stored files: what is left after each end, kill and fork, and the cases in which only a copy can be made."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from engine.blobs.files import FileBlobs
from engine.errors import BadDigest, CommitUnknown, InternalError
from engine.native.stream import Digest
from tests.support.blob_files import DATA, NOBODY, files_below, read_blob, store_blob
from tests.support.processes import start_python
from tests.support.requirements import need_strace

pytestmark = pytest.mark.usefixtures("nothing_left_open")


@pytest.fixture
def blobs(root: Path) -> FileBlobs:
    return FileBlobs(str(root))


def link(blobs: FileBlobs, blob_id: bytes) -> bytes:
    """Link a stored blob; return the new id."""
    new = blobs.link(blob_id)
    assert new is not None
    with new:
        new.persist()
        new.keep()
        return new.blob_id


def test_a_link_is_a_blob_of_its_own_over_the_same_bytes(blobs: FileBlobs, root: Path) -> None:
    first = store_blob(blobs)
    second = link(blobs, first)
    third = link(blobs, second)
    assert len({first, second, third}) == 3
    assert len({path.stat().st_ino for path in files_below(root)}) == 1
    assert sorted(blobs.walk()) == sorted((blob_id, len(DATA)) for blob_id in (first, second, third))
    assert (blobs.remove(first), blobs.collect(second, NOBODY["unnamed"])) == (0, 0), (
        "no byte is free before the last name"
    )
    assert read_blob(blobs, third) == DATA
    assert blobs.remove(third) == len(DATA)
    assert files_below(root) == []


@pytest.mark.parametrize(
    ("error", "persisted", "stays"),
    [
        (None, False, False),
        (None, True, False),
        (BadDigest(), True, False),
        (KeyboardInterrupt(), False, False),
        (CommitUnknown(), True, True),
        (KeyboardInterrupt(), True, True),
    ],
)
def test_a_link_that_is_not_kept_leaves_only_the_blob_itself_unless_its_commit_is_in_doubt(
    blobs: FileBlobs, root: Path, error: BaseException | None, persisted: bool, stays: bool
) -> None:
    blob_id = store_blob(blobs)
    new = blobs.link(blob_id)
    assert new is not None
    with suppress(BaseException), new:
        if persisted:
            new.persist()
        if error is not None:
            raise error
    if new.is_undecided:
        assert blobs.collect(new.blob_id, lambda _: False) is None, "a commit may still be under way"
        new.release()
    assert len(files_below(root)) == 1 + stays
    assert read_blob(blobs, blob_id) == DATA


def test_a_link_to_a_blob_that_is_not_there_is_an_internal_error(blobs: FileBlobs, root: Path) -> None:
    with pytest.raises(
        InternalError, match=f"No such file or directory, while naming blob {bytes(16).hex()} once more"
    ):
        blobs.link(bytes(16))
    assert files_below(root) == []


# The collector: the lock belongs to the file, so all of its names are judged together.


def test_the_collector_leaves_every_name_of_a_file_while_a_link_to_it_is_in_flight(
    blobs: FileBlobs, root: Path
) -> None:
    blob_id = store_blob(blobs)
    garbage = link(blobs, blob_id)
    first, second = blobs.link(blob_id), blobs.link(blob_id)
    assert first is not None
    assert second is not None
    with first:
        with second:
            assert [blobs.collect(name, NOBODY["unnamed"]) for name, _ in list(blobs.walk())] == [None] * 4
            second.persist()
            second.keep()
        assert blobs.collect(second.blob_id, NOBODY["unnamed"]) is None, "the first link is still in flight"
        assert blobs.collect(garbage, NOBODY["unnamed"]) is None
    assert blobs.collect(second.blob_id, NOBODY["named"]) is None
    assert blobs.collect(garbage, NOBODY["unnamed"]) == 0
    assert read_blob(blobs, blob_id) == read_blob(blobs, second.blob_id) == DATA
    assert len(files_below(root)) == 2


def test_beside_a_collector_that_judges_another_name_of_the_file_only_a_copy_can_be_made(
    blobs: FileBlobs, root: Path
) -> None:
    blob_id = store_blob(blobs)
    garbage = link(blobs, blob_id)

    def is_named(_: bytes) -> bool:
        assert blobs.link(blob_id) is None
        assert len(files_below(root)) == 2, "a name that is not locked is there"
        return False

    assert blobs.collect(garbage, is_named) == 0
    assert read_blob(blobs, link(blobs, blob_id)) == DATA


def test_beside_the_attempt_that_made_the_blob_only_a_copy_can_be_made(blobs: FileBlobs) -> None:
    """A row may be visible a moment before the lock of its file is released."""
    with blobs.attempt(Digest.MD5, None) as attempt:
        attempt.stream.update(DATA)
        attempt.persist()
        assert blobs.link(attempt.blob_id) is None
        attempt.keep()
    assert read_blob(blobs, link(blobs, attempt.blob_id)) == DATA


@contextmanager
def forked() -> Iterator[None]:
    """Keep a forked child alive inside the `with`, which has inherited all open files."""
    told, tell = os.pipe()
    child = os.fork()
    try:
        if not child:
            os.close(tell)
            os.read(told, 1)
            os._exit(0)
        yield
    finally:
        os.close(told)
        os.close(tell)
        os.waitpid(child, 0)


def test_a_process_forked_while_a_lock_is_held_keeps_nothing_locked(blobs: FileBlobs, root: Path) -> None:
    with ExitStack() as stack:
        with blobs.attempt(Digest.MD5, None) as attempt:
            attempt.stream.update(DATA)
            attempt.persist()
            stack.enter_context(forked())
            attempt.keep()
        new = blobs.link(attempt.blob_id)
        assert new is not None, "the child of the attempt locks nothing"
        with new:
            stack.enter_context(forked())
        assert blobs.collect(link(blobs, attempt.blob_id), NOBODY["unnamed"]) == 0, "nor does the child of the link"

        def is_named(_: bytes) -> bool:
            stack.enter_context(forked())
            return True

        assert blobs.collect(attempt.blob_id, is_named) is None
        assert read_blob(blobs, link(blobs, attempt.blob_id)) == DATA, "nor that of the collector"


@pytest.mark.parametrize("nameless", [True, False], ids=["nameless", "named"])
def test_a_forked_child_that_leaves_the_attempt_takes_neither_its_file_nor_its_lock(root: Path, nameless: bool) -> None:
    blobs = FileBlobs(str(root), nameless=nameless)
    with blobs.attempt(Digest.MD5, None) as attempt:
        attempt.stream.update(DATA)
        if nameless:
            attempt.persist()
        child = os.fork()
        if not child:
            with suppress(SystemExit), attempt:
                raise SystemExit
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert blobs.collect(attempt.blob_id, NOBODY["unnamed"]) is None
        if not nameless:
            attempt.persist()
        attempt.keep()
    assert read_blob(blobs, attempt.blob_id) == DATA


# Kills, and systems that refuse

LINK = """
import sys
from engine.blobs.files import FileBlobs
new = FileBlobs(sys.argv[1]).link(bytes.fromhex(sys.argv[2]))
print("no link" if new is None else "linked", flush=True)
if new:
    with new:
        new.persist()
        new.keep()
        print("durable", flush=True)
"""


def inject(root: Path, blob_id: bytes, fault: str) -> tuple[int, str, str]:
    """Link in a child while strace injects faults; return the exit code, stdout and stderr."""
    need_strace()
    wrapper = ["strace", "-qq", "-o", os.devnull, "-e", "signal=none", "-e", f"inject={fault}"]
    with start_python(LINK, str(root), blob_id.hex(), wrapper=wrapper) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    ("point", "said", "files"),
    [
        ("flock:when=1", "", 1),
        ("linkat:when=1", "", 1),
        ("fsync:when=1", "linked\n", 2),
    ],
)
def test_a_kill_before_any_step_leaves_at_most_a_name_that_the_collector_takes(
    blobs: FileBlobs, root: Path, point: str, said: str, files: int
) -> None:
    blob_id = store_blob(blobs)
    code, out, _ = inject(root, blob_id, f"{point}:signal=KILL")
    assert (code, out) == (-signal.SIGKILL, said)
    assert len(files_below(root)) == files
    for name, _ in list(blobs.walk()):
        assert blobs.collect(name, lambda asked: asked == blob_id) == (None if name == blob_id else 0)
    assert read_blob(blobs, blob_id) == DATA
    assert len(files_below(root)) == 1


@pytest.mark.parametrize("number", ["EMLINK", "EXDEV", "EPERM", "EOPNOTSUPP"])
def test_where_a_file_can_have_no_further_name_only_a_copy_can_be_made(
    blobs: FileBlobs, root: Path, number: str
) -> None:
    blob_id = store_blob(blobs)
    assert inject(root, blob_id, f"linkat:error={number}") == (0, "no link\n", "")
    assert len(files_below(root)) == 1


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("linkat:error=EIO", "Input/output error, while naming blob"),
        ("linkat:error=ENOSPC", "the store's disk is full, while naming blob"),
        ("fsync:error=EIO", "Input/output error, while making a part durable"),
    ],
)
def test_a_disk_that_fails_at_a_link_is_an_internal_error_and_leaves_the_blob_alone(
    blobs: FileBlobs, root: Path, fault: str, complaint: str
) -> None:
    blob_id = store_blob(blobs)
    code, _, error = inject(root, blob_id, fault)
    assert (code, complaint in error) == (1, True), error
    assert [path.name for path in files_below(root)] == [blob_id.hex()[2:]]
