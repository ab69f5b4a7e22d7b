"""The order of system calls that makes a part durable, as strace sees it; and a collector that runs beside writers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import engine
from engine.blobs.files import FileBlobs
from tests.support.processes import start_python
from tests.support.requirements import need_strace
from tests.support.stores import FILE_BODY, files_of
from tests.support.uploads import begin, read

CALLS = "openat,flock,linkat,unlink,unlinkat,fsync,fdatasync,pwrite64,pwritev,write,close,rename,sync_file_range"

SCRIPT = """
import os, sys, engine
from tests.support.stores import FILE_BODY
from tests.support.uploads import begin
store = engine.open(sys.argv[1], limits=engine.Limits(part_size_bytes_min=1))
store._context.blobs._nameless = sys.argv[2] == "nameless"
store.create_bucket("bucket")
store.put_object("bucket", "source", FILE_BODY)
upload = begin(store, "bucket", "key")
small, old = upload.part(1, b"small"), upload.part(2, FILE_BODY)
os.write(2, b"begin")
STEP
os.write(2, b"end")
"""


@dataclass(frozen=True)
class Call:
    """One system call: its name, all of its text, the descriptor it is about and the path of that."""

    name: str
    text: str
    fd: str
    path: str


LINE = re.compile(r"\d+ +(\w+)\((.*)")
SUBJECT = re.compile(r"(\d+)<([^>]*)>")


def strace(log: Path, *options: str) -> list[str]:
    """Return the strace command to put before a command that is to be traced."""
    need_strace()
    return ["strace", "-f", "-y", "-qq", "-s", "16", "-o", str(log), "-e", "signal=none", *options]


def traced(store_path: Path, place: Path, step: str, mode: str = "nameless") -> list[Call]:
    """Return the calls of one step of the script, in the order in which they began."""
    log = place / "trace"
    wrapper = strace(log, "-e", f"trace={CALLS}")
    with start_python(SCRIPT.replace("STEP", step), str(store_path), mode, wrapper=wrapper) as process:
        assert process.communicate(timeout=60) == ("", "beginend")
    calls = []
    for line in log.read_text().splitlines():
        if found := LINE.match(line):
            subject = SUBJECT.search(found[2])
            calls.append(Call(found[1], found[2], *(subject.groups() if subject else ("", ""))))
    marks = [index for index, call in enumerate(calls) if call.name == "write" and '"begin"' in call.text]
    ends = [index for index, call in enumerate(calls) if call.name == "write" and '"end"' in call.text]
    return calls[marks[0] + 1 : ends[0]]


def indices(calls: Sequence[Call], name: str, text: str) -> list[int]:
    return [index for index, call in enumerate(calls) if call.name == name and text in call.text]


def index_of(calls: Sequence[Call], name: str, text: str) -> int:
    """Return the index of the only call with this name and text."""
    found = indices(calls, name, text)
    assert len(found) == 1, f"{len(found)} calls {name} with {text!r}"
    return found[0]


def commits(calls: Sequence[Call]) -> list[int]:
    """Return the indices of LMDB's writes and syncs."""
    written = ("pwrite64", "pwritev", "write", "fdatasync")
    return [index for index, call in enumerate(calls) if call.name in written and "data.mdb" in call.path]


BODIES = {
    "upload_part": "upload.part(3, FILE_BODY)",
    "put_object": 'store.put_object("bucket", "plain", FILE_BODY)',
}


@pytest.mark.parametrize("step", BODIES)
def test_a_part_is_locked_linked_synced_and_committed_in_this_order(store_path: Path, place: Path, step: str) -> None:
    calls = traced(store_path, place, BODIES[step])
    created = index_of(calls, "openat", "O_TMPFILE")
    linked = index_of(calls, "linkat", "/proc/self/fd/")
    fd = re.search(r"/proc/self/fd/(\d+)", calls[linked].text)
    assert fd is not None
    about_file = [index for index, call in enumerate(calls) if call.fd == fd[1] and index > created]
    named = [calls[index].name for index in about_file if calls[index].name != "sync_file_range"]
    assert named == ["pwrite64", "flock", "fsync", "flock", "close"]
    written, locked, synced, unlocked, _ = [index for index in about_file if calls[index].name in named]
    assert "LOCK_EX" in calls[locked].text
    assert "LOCK_UN" in calls[unlocked].text
    [directory_synced] = [index for index in indices(calls, "fsync", "/blobs/") if index > synced]
    committed = commits(calls)
    assert written < locked < linked < synced < directory_synced < committed[0]
    assert committed[-1] < unlocked
    assert "fdatasync" in {calls[index].name for index in committed}
    assert indices(calls, "rename", "") == []


@pytest.mark.parametrize("step", BODIES)
def test_without_nameless_files_a_part_has_its_final_name_and_its_lock_from_the_start(
    store_path: Path, place: Path, step: str
) -> None:
    calls = traced(store_path, place, BODIES[step], "named")
    created = index_of(calls, "openat", "O_EXCL")
    fd = re.search(r"= (\d+)", calls[created].text)
    assert fd is not None
    about_file = [index for index, call in enumerate(calls) if call.fd == fd[1] and index > created]
    named = [calls[index].name for index in about_file if calls[index].name != "sync_file_range"]
    assert named == ["flock", "pwrite64", "fsync", "flock", "close"]
    synced, unlocked = [index for index in about_file if calls[index].name in ("fsync", "flock")][1:]
    [directory_synced] = [index for index in indices(calls, "fsync", "/blobs/") if index > synced]
    committed = commits(calls)
    assert synced < directory_synced < committed[0]
    assert committed[-1] < unlocked
    assert indices(calls, "linkat", "") == indices(calls, "rename", "") == []


COPIES = {
    "upload_part_copy": 'upload.copy(3, "bucket/source")',
    "copy_object": 'store.copy_object("bucket", "copy", "bucket/source")',
}


@pytest.mark.parametrize("step", COPIES)
def test_a_shared_file_is_locked_linked_synced_and_committed_in_this_order_and_never_read(
    store_path: Path, place: Path, step: str
) -> None:
    calls = traced(store_path, place, COPIES[step])
    linked = index_of(calls, "linkat", "/proc/self/fd/")
    fd = re.search(r"/proc/self/fd/(\d+)", calls[linked].text)
    assert fd is not None
    locked = index_of(calls, "flock", "LOCK_SH")
    [directory_synced] = indices(calls, "fsync", "")
    [unlocked] = [index for index in indices(calls, "flock", "LOCK_UN") if calls[index].fd == fd[1] and index > linked]
    assert calls[locked].fd == fd[1]
    assert calls[directory_synced].path.rpartition("/")[0].endswith("/blobs")
    committed = commits(calls)
    assert locked < linked < directory_synced < committed[0]
    assert committed[-1] < unlocked
    assert indices(calls, "openat", "O_TMPFILE") == indices(calls, "pwrite64", "/blobs/") == []


def test_a_part_that_is_replaced_is_removed_after_the_commit(store_path: Path, place: Path) -> None:
    calls = traced(store_path, place, "upload.part(2, FILE_BODY[::-1])")
    [removed] = indices(calls, "unlink", "/blobs/")
    before = [index for index in commits(calls) if index < removed]
    after = [index for index in commits(calls) if index > removed]
    assert "fdatasync" in {calls[index].name for index in before}
    assert after, "the trash row goes once the file has gone"


def test_a_refused_part_is_never_linked_and_never_committed(store_path: Path, place: Path) -> None:
    step = 'try:\n    upload.part(3, FILE_BODY, content_md5="A" * 22 + "==")\nexcept engine.errors.BadDigest:\n    pass'
    calls = traced(store_path, place, step)
    assert index_of(calls, "openat", "O_TMPFILE") >= 0
    assert indices(calls, "linkat", "") == indices(calls, "fsync", "") == commits(calls) == []


def test_a_small_part_needs_no_file(store_path: Path, place: Path) -> None:
    calls = traced(store_path, place, 'upload.part(3, b"small")')
    assert [call.text for call in calls if "/blobs" in call.text] == []
    assert commits(calls)


@pytest.mark.parametrize(
    "step", ["upload.complete([small, old])", "upload.list()", "store.list_multipart_uploads('bucket')"]
)
def test_complete_and_listings_open_no_blob(store_path: Path, place: Path, step: str) -> None:
    calls = traced(store_path, place, step)
    assert [call.text for call in calls if "/blobs" in call.text] == []


PUT = """
import sys, engine
from tests.support.stores import FILE_BODY
store = engine.open(sys.argv[1])
store._context.blobs._nameless = sys.argv[2] == "nameless"
for key in ("first", "second"):
    store.put_object("bucket", key, FILE_BODY)
store.close()
"""


def openings(log: Path) -> list[str]:
    """Return the openat calls of the first thread."""
    lines = [line.split(maxsplit=1) for line in log.read_text().splitlines() if " openat(" in line]
    return [text for pid, text in lines if pid == lines[0][0]]


def test_a_file_system_without_nameless_files_is_found_out(store_path: Path, bucket: str, place: Path) -> None:
    """strace refuses O_TMPFILE as such a file system does; a run before it finds out which call that is."""
    log = place / "trace"
    nth = 0
    for fault in ([], ["-e", "inject=openat:error=EOPNOTSUPP:when={nth}"]):
        options = [option.format(nth=nth) for option in fault]
        with start_python(
            PUT, str(store_path), "nameless", wrapper=strace(log, "-e", "trace=openat", *options)
        ) as process:
            assert process.communicate(timeout=60) == ("", "")
        nameless = [nth for nth, call in enumerate(openings(log), 1) if "O_TMPFILE" in call]
        assert len(nameless) == (1 if fault else 2)
        nth = nameless[0]
    assert "(INJECTED)" in openings(log)[nth - 1]
    with engine.open(store_path) as store:
        assert read(store, bucket, "first") == read(store, bucket, "second") == FILE_BODY
        assert store.check(deep=True).unnamed_files == 0


def test_a_named_part_begins_again_if_the_collector_took_its_file_before_the_lock(
    store_path: Path, bucket: str, place: Path
) -> None:
    """strace holds every flock back for a while, so that the collector finds the file without its lock."""
    log = place / "trace"
    delay = ["-e", "trace=flock", "-e", "inject=flock:delay_enter=100000:when=1+"]
    blobs = FileBlobs(str(store_path / "blobs"))
    with start_python(PUT, str(store_path), "named", wrapper=strace(log, *delay)) as process:
        collected = None
        while collected is None and process.poll() is None:
            for name in [name for name, size in files_of(store_path).items() if not size]:
                collected = blobs.collect(bytes.fromhex(name), lambda blob_id: False)
        assert process.communicate(timeout=60) == ("", "")
    assert collected == 0
    with engine.open(store_path) as store:
        assert read(store, bucket, "first") == read(store, bucket, "second") == FILE_BODY
        assert store.check(deep=True).ok


COLLECTOR = """
import sys, threading, datetime, engine
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
with engine.open(sys.argv[1]) as store:
    print("open", flush=True)
    rounds = 0
    while not stop.is_set():
        store.reap(datetime.timedelta(hours=1))
        rounds += 1
    print(rounds)
"""
PARTS = 150


@pytest.mark.parametrize("nameless", [True, False], ids=["nameless", "named"])
def test_a_collector_in_another_process_takes_no_part_of_a_writer(store_path: Path, nameless: bool) -> None:
    with start_python(COLLECTOR, str(store_path)) as collector:
        assert collector.stdout is not None
        assert collector.stdout.readline() == "open\n"
        with engine.open(store_path, limits=engine.Limits(part_size_bytes_min=1)) as store:
            store._context.blobs._nameless = nameless  # type: ignore[attr-defined]
            store.create_bucket("bucket")
            upload = begin(store, "bucket")
            parts = [upload.part(number, FILE_BODY[number:]) for number in range(1, PARTS + 1)]
            out, err = collector.communicate("\n", timeout=60)
            assert (err, int(out) > 3) == ("", True)
            assert len(files_of(store_path)) == PARTS
            upload.complete(parts)
            assert read(store, "bucket", "key") == b"".join(FILE_BODY[number:] for number in range(1, PARTS + 1))


def test_a_collector_in_another_process_takes_no_name_of_a_file_that_is_copied(store_path: Path) -> None:
    with start_python(COLLECTOR, str(store_path)) as collector:
        assert collector.stdout is not None
        assert collector.stdout.readline() == "open\n"
        with engine.open(store_path, limits=engine.Limits(part_size_bytes_min=1)) as store:
            store.create_bucket("bucket")
            store.put_object("bucket", "source", FILE_BODY)
            upload = begin(store, "bucket")
            parts = [upload.copy(number % 20 + 1, "bucket/source") for number in range(PARTS)][-20:]
            out, err = collector.communicate("\n", timeout=60)
            assert (err, int(out) > 3) == ("", True)
            assert len(files_of(store_path)) == 21
            store.delete_object("bucket", "source")
            upload.complete(sorted(parts))
            assert read(store, "bucket", "key") == FILE_BODY * 20
            assert store.check(deep=True).unnamed_files == 0
