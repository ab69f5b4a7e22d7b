"""Disks in trouble: LMDB's writes that fail, for real or by strace, and disks that are full to the last page."""

import json
from pathlib import Path

import pytest

from tests.support.processes import python_output, start_python
from tests.support.requirements import need_mounts, need_strace, unshare_command

FULL = """
import json, resource, sys, engine
from engine.errors import InternalError
from tests.support.uploads import begin

mode, path = sys.argv[1:]
store = engine.open(path, limits=engine.Limits(part_size_bytes_min=1))
store.create_bucket("bucket")
upload = begin(store, "bucket", "kept")
kept = [upload.part(1, b"kept")]
if mode == "limit":
    size = 1 << 20
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
body = bytes(16000)
filler, failure, number = begin(store, "bucket", "filler"), None, 0
while failure is None:
    number += 1
    try:
        filler.part(number, body)
    except InternalError as error:
        failure = error
stat = store.stat()
stored, held = stat.open_parts - 1, stat.open_bytes
if mode == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
filler.abort()
after = store.stat()
kept.append(upload.part(2, b"too"))
upload.complete(kept)
with store.get_object("bucket", "kept").body as got:
    data = got.read().decode()
report = store.check(deep=True)
again = 0
if mode == "disk":
    refill = begin(store, "bucket", "again")
    for again in range(1, (number - 1) // 2 + 1):
        refill.part(again, body)
print(json.dumps({
    "kind": type(failure).__name__, "reason": failure.reason, "acknowledged": number - 1,
    "stored": stored, "held": held,
    "after": [after.open_uploads, after.open_parts, after.open_bytes], "data": data, "ok": report.ok,
    "trash": store.stat().trash, "again": again,
}))
store.close()
"""


def check_full(told: dict[str, object]) -> None:
    acknowledged, stored = told["acknowledged"], told["stored"]
    assert isinstance(acknowledged, int)
    assert acknowledged > 10
    assert stored in (acknowledged, acknowledged + 1), "a commit that failed may have happened, one that succeeded has"
    assert told["held"] == 16_000 * int(str(stored)) + len("kept")
    assert told["after"] == [1, 1, len("kept")]
    assert (told["data"], told["ok"]) == ("kepttoo", True)


def test_metadata_that_cannot_grow_is_an_internal_error_and_nothing_acknowledged_is_lost(place: Path) -> None:
    """RLIMIT_FSIZE makes LMDB's own writes fail for real."""
    told = json.loads(python_output(FULL, "limit", str(place / "store")))
    check_full(told)
    assert "committing metadata" in told["reason"]


def on_a_disk_of(size: str, place: Path) -> list[str]:
    """The command before one that is to find a small disk mounted at a place."""
    need_mounts()
    mount = f'mount -t tmpfs -o size={size},mode=700 none "$1" && shift && exec "$@"'
    return [*unshare_command(), "sh", "-c", mount, "sh", str(place)]


def test_on_a_full_disk_abort_still_works_and_gives_the_room_back(tmp_path: Path) -> None:
    """Small parts fill LMDB's own file to the last page: their removal has to go through, or the store is stuck for good."""
    with start_python(FULL, "disk", str(tmp_path / "store"), wrapper=on_a_disk_of("66m", tmp_path)) as process:
        out, err = process.communicate(timeout=100)
    assert err == ""
    told = json.loads(out)
    check_full(told)
    assert "the store's disk is full, while committing metadata" in told["reason"]
    assert (told["trash"], told["again"]) == (0, told["acknowledged"] // 2)


TOO_LARGE = """
import sys, engine
from tests.support.stores import contents_of
from tests.support.uploads import begin

class Untouched:
    def read(self, size):
        raise SystemExit("the body was read")

with engine.open(sys.argv[1]) as store:
    store.create_bucket("bucket")
    upload = begin(store, "bucket")
    before = contents_of(store)
    try:
        upload.part(1, Untouched(), content_length=200 << 20)
    except engine.errors.StoreFull as error:
        print(error.code, error.status, error.reason)
    try:
        upload.part(1, iter([bytes(1 << 20)] * 200))
    except engine.errors.StoreFull as error:
        print(error.code, error.status, error.reason)
    assert contents_of(store) == before
    upload.part(1, bytes(1 << 20))
"""


def test_a_part_that_does_not_fit_the_disk_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with start_python(TOO_LARGE, str(tmp_path / "store"), wrapper=on_a_disk_of("60m", tmp_path)) as process:
        out, err = process.communicate(timeout=100)
    assert err == ""
    before, during = out.splitlines()
    assert before.startswith("InternalError 500 the store's disk has room for ")
    assert before.endswith(" bytes, the part has 209715200")
    assert during == "InternalError 500 the store's disk is full, while writing a part"


FAILING = """
import os, sys, engine
from engine.errors import InternalError
from tests.support.uploads import read
store = engine.open(sys.argv[1])
outcomes = []
for number in range(6):
    try:
        store.put_object("bucket", f"key-{number}", b"data-%d" % number)
        outcomes.append("stored")
    except InternalError as error:
        outcomes.append(type(error).__name__)
    store.list_objects_v2("bucket")
shown = [item.key for item in store.list_objects_v2("bucket").contents]
for number, outcome in enumerate(outcomes):
    if outcome == "stored":
        assert read(store, "bucket", f"key-{number}") == b"data-%d" % number
assert store.stat().objects == len(shown)
assert store.check(deep=True).ok
store.close()
print(*outcomes)
"""


@pytest.mark.parametrize(
    ("call", "nth"), [("pwrite64", 2), ("pwrite64", 3), ("pwrite64", 4), ("fdatasync", 3), ("fdatasync", 4)]
)
def test_a_failing_write_of_lmdb_fails_one_commit_and_the_store_works_on(
    store_path: Path, bucket: str, place: Path, call: str, nth: int
) -> None:
    """The n-th of the writer thread: among them is the meta page, after whose failure LMDB answers nothing but MDB_PANIC."""
    need_strace()
    log = place / "trace"
    fault = ["-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={nth}"]
    wrapper = ["strace", "-f", "-qq", "-o", str(log), *fault]
    with start_python(FAILING, str(store_path), wrapper=wrapper) as process:
        out, err = process.communicate(timeout=100)
    assert err == ""
    assert log.read_text().count("(INJECTED)") == 1
    outcomes = out.split()
    assert (outcomes.count("CommitUnknown"), outcomes.count("stored")) == (1, 5)
