"""Blobs as files: what is left after each way in which an attempt can end, the collector, and the fallback without O_TMPFILE."""

import errno
import fcntl
import os
import resource
from contextlib import suppress
from hashlib import md5
from pathlib import Path

import pytest

from engine.blobs.files import FileBlobs, create_layout, storage_failure
from engine.errors import BadDigest, CommitUnknown, InternalError, SlowDown, StoreFull
from engine.native.stream import Digest, Stream
from tests.support.blob_files import DATA, NOBODY, files_below, read_blob, store_blob

pytestmark = pytest.mark.usefixtures("nothing_left_open")


@pytest.fixture(params=[True, False], ids=["nameless", "named"])
def blobs(request: pytest.FixtureRequest, root: Path) -> FileBlobs:
    return FileBlobs(str(root), nameless=request.param)


def test_a_layout_has_256_shards_for_the_owner_alone(root: Path) -> None:
    names = sorted(path.name for path in root.iterdir())
    assert names == [f"{shard:02x}" for shard in range(256)]
    assert all(path.stat().st_mode & 0o777 == 0o700 for path in root.iterdir())
    create_layout(str(root))


def test_a_blob_is_one_file_named_by_128_random_bits(blobs: FileBlobs, root: Path) -> None:
    ids = [store_blob(blobs) for _ in range(20)]
    assert len(set(ids)) == 20
    assert files_below(root) == sorted(root / name[:2] / name[2:] for name in map(bytes.hex, ids))
    assert all(len(blob_id) == 16 and read_blob(blobs, blob_id) == DATA for blob_id in ids)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files_below(root))
    assert sorted(blobs.walk()) == sorted((blob_id, len(DATA)) for blob_id in ids)


def test_a_blob_reads_from_any_offset_and_is_short_at_its_end_only(blobs: FileBlobs) -> None:
    reader = blobs.open(store_blob(blobs, b"0123456789"))
    buffer = bytearray(4)
    assert (reader.size, reader.read_into(memoryview(buffer), 3), bytes(buffer)) == (10, 4, b"3456")
    assert reader.read_into(memoryview(buffer), 8) == 2
    assert reader.read_into(memoryview(buffer), 10) == 0
    reader.close()
    reader.close()


def test_a_blob_feeds_a_stream_from_any_offset(blobs: FileBlobs) -> None:
    reader = blobs.open(store_blob(blobs))
    with Stream(Digest.MD5) as stream:
        assert (reader.feed(stream, 5, 10), reader.feed(stream, 15, len(DATA))) == (10, len(DATA) - 15)
        assert reader.feed(stream, len(DATA), 1) == 0
        assert stream.digest(Digest.MD5) == md5(DATA[5:]).digest()
    reader.close()
    with Stream(Digest.MD5) as stream, pytest.raises(InternalError, match="Bad file descriptor, while reading a part"):
        reader.feed(stream, 0, 1)


def test_a_blob_that_is_not_there_is_an_internal_error(blobs: FileBlobs) -> None:
    with pytest.raises(InternalError, match=f"No such file or directory, while opening blob {bytes(16).hex()}"):
        blobs.open(bytes(16))


def test_a_link_in_place_of_a_blob_is_not_followed(blobs: FileBlobs, root: Path, place: Path) -> None:
    (place / "secret").write_bytes(b"secret")
    (root / "00" / ("0" * 30)).symlink_to(place / "secret")
    with pytest.raises(InternalError):
        blobs.open(bytes(16))


def test_a_pipe_in_place_of_a_blob_is_not_waited_for(blobs: FileBlobs, root: Path) -> None:
    os.mkfifo(root / "00" / ("0" * 30))
    with pytest.raises(InternalError, match="Invalid argument"):
        blobs.open(bytes(16))
    with pytest.raises(InternalError, match="Invalid argument"):
        blobs.link(bytes(16))


def test_too_many_open_files_are_slowed_down(blobs: FileBlobs) -> None:
    blob_id = store_blob(blobs)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(SlowDown, match="too many files"):
            blobs.open(blob_id)
        with pytest.raises(SlowDown, match="too many files"):
            blobs.attempt(Digest.MD5, None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_blob_is_removed_once(blobs: FileBlobs, root: Path) -> None:
    blob_id = store_blob(blobs)
    assert (blobs.remove(blob_id), blobs.remove(blob_id)) == (len(DATA), 0)
    assert files_below(root) == []


# The ways an attempt ends: the error inside its `with`, whether it had persisted, and whether the file stays.
ENDS = [
    (None, False, False),
    (None, True, False),
    (BadDigest(), False, False),
    (BadDigest(), True, False),
    (InternalError(), True, False),
    (OSError("the body broke"), False, False),
    (KeyboardInterrupt(), False, False),
    (CommitUnknown(), True, True),
    (KeyboardInterrupt(), True, True),
    (RuntimeError("a fault of ours"), True, True),
]


@pytest.mark.parametrize(("error", "persisted", "stays"), ENDS)
def test_an_attempt_that_is_not_kept_leaves_no_file_unless_its_commit_is_in_doubt(
    blobs: FileBlobs, root: Path, error: BaseException | None, persisted: bool, stays: bool
) -> None:
    with suppress(BaseException), blobs.attempt(Digest.MD5, None) as attempt:
        attempt.stream.update(DATA)
        if persisted:
            attempt.persist()
        if error is not None:
            raise error
    if attempt.is_undecided:
        assert blobs.collect(attempt.blob_id, lambda _: False) is None, "a commit may still be under way"
        attempt.release()
    assert len(files_below(root)) == stays


def test_a_nameless_attempt_has_no_name_before_it_persists(root: Path) -> None:
    with FileBlobs(str(root)).attempt(Digest.MD5, None) as attempt:
        attempt.stream.update(DATA)
        assert files_below(root) == []
        attempt.persist()
        assert len(files_below(root)) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_from_other_failures(number: int) -> None:
    full = storage_failure("writing a part", OSError(number, os.strerror(number)))
    assert isinstance(full, StoreFull)
    assert (full.code, full.reason) == ("InternalError", "the store's disk is full, while writing a part")
    broken = storage_failure("writing a part", OSError(errno.EIO, "Input/output error"))
    assert type(broken) is InternalError
    assert broken.reason == "Input/output error, while writing a part"


def test_a_blob_that_cannot_fit_is_refused_before_a_file_is_made(blobs: FileBlobs, root: Path) -> None:
    free = os.statvfs(root).f_bavail * os.statvfs(root).f_frsize
    with pytest.raises(StoreFull, match=f"bytes, the part has {free}"):
        blobs.attempt(Digest.MD5, free)
    assert files_below(root) == []


def test_a_shard_that_is_gone_is_an_internal_error(blobs: FileBlobs, root: Path) -> None:
    for shard in root.iterdir():
        shard.rmdir()
    with pytest.raises(InternalError, match="No such file or directory, while creating the file of a part"):
        blobs.attempt(Digest.MD5, None)


# The collector


def test_the_collector_takes_what_no_row_names_and_nothing_else(blobs: FileBlobs, root: Path) -> None:
    blob_id = store_blob(blobs)
    assert blobs.collect(blob_id, NOBODY["named"]) is None
    assert read_blob(blobs, blob_id) == DATA
    assert blobs.collect(blob_id, NOBODY["unnamed"]) == len(DATA)
    assert blobs.collect(blob_id, NOBODY["unnamed"]) is None
    assert files_below(root) == []


def test_the_collector_leaves_what_is_in_flight(blobs: FileBlobs) -> None:
    with blobs.attempt(Digest.MD5, None) as attempt:
        attempt.stream.update(DATA)
        assert blobs.collect(attempt.blob_id, NOBODY["unnamed"]) is None
        attempt.persist()
        assert blobs.collect(attempt.blob_id, NOBODY["unnamed"]) is None
        attempt.keep()
    assert read_blob(blobs, attempt.blob_id) == DATA
    assert blobs.collect(attempt.blob_id, NOBODY["unnamed"]) == len(DATA)


def test_the_collector_asks_for_the_row_once_it_holds_the_lock(blobs: FileBlobs, root: Path) -> None:
    blob_id = store_blob(blobs)
    [path] = files_below(root)
    asked = []

    def is_named(asked_for: bytes) -> bool:
        fd = os.open(path, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(fd)
        asked.append(asked_for)
        return True

    assert blobs.collect(blob_id, is_named) is None
    assert asked == [blob_id]


def test_the_walk_passes_over_what_is_no_blob(blobs: FileBlobs, root: Path) -> None:
    blob_id = store_blob(blobs)
    (root / "00" / "README").write_text("not a blob")
    (root / "00" / ("z" * 30)).write_text("not a blob")
    (root / "00" / ("0" * 29)).write_text("not a blob")
    assert list(blobs.walk()) == [(blob_id, len(DATA))]
