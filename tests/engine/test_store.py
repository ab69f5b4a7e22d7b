"""An open store: read-only, shared by several Stores and processes, closed; and the counts of `stat`."""

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

import engine
from engine import Store
from engine.errors import ReadOnlyStore, StoreClosed, StoreInUse
from tests.support.processes import python_output, start_python
from tests.support.refusals import refused
from tests.support.requirements import need_mounts, unshare_command
from tests.support.stores import FILE_BODY, snapshot
from tests.support.uploads import begin, put_multipart, read

# Read-only

WRITES = [
    lambda store: store.create_bucket("another-bucket"),
    lambda store: store.delete_bucket("bucket"),
    lambda store: store.put_object("bucket", "key", b"data"),
    lambda store: store.delete_object("bucket", "key"),
    lambda store: store.create_multipart_upload("bucket", "key"),
    lambda store: store.upload_part("bucket", "key", "id", 1, b"data"),
    lambda store: store.complete_multipart_upload("bucket", "key", "id", [(1, "etag")]),
    lambda store: store.abort_multipart_upload("bucket", "key", "id"),
    lambda store: store.reap(timedelta(0)),
    lambda store: store.check(repair=True),
]


def test_a_store_opened_read_only_reads_and_refuses_every_write(store_path: Path, bucket: str) -> None:
    with engine.open(store_path) as writing:
        writing.put_object(bucket, "key", FILE_BODY)
        upload = begin(writing, bucket)
        upload.part(1, b"data")
    before = snapshot(store_path / "blobs")
    with engine.open(store_path, read_only=True) as store:
        assert read(store, bucket, "key") == FILE_BODY
        assert [part.size for part in store.list_parts(bucket, "key", upload.upload_id).parts or ()] == [4]
        assert (store.stat().objects, store.check(deep=True).ok) == (1, True)
        for write in WRITES:
            with pytest.raises(ReadOnlyStore, match="the store was opened read-only"):
                write(store)
    assert snapshot(store_path / "blobs") == before


def test_a_store_is_read_only_and_writable_in_one_process_if_the_writable_one_comes_first(
    store_path: Path, bucket: str
) -> None:
    with engine.open(store_path) as writing, engine.open(store_path, read_only=True) as reading:
        writing.put_object(bucket, "key", b"data")
        assert read(reading, bucket, "key") == b"data"
        with pytest.raises(ReadOnlyStore):
            reading.put_object(bucket, "key", b"data")
    with engine.open(store_path, read_only=True) as reading:
        with pytest.raises(StoreInUse, match="this process has the store open read-only; close that first"):
            engine.open(store_path)
        assert read(reading, bucket, "key") == b"data"
    engine.open(store_path).close()


READ_ONLY_MEDIUM = """
import sys, engine
from engine.errors import ReadOnlyStore
path = sys.argv[1]
try:
    engine.open(path)
except ReadOnlyStore as error:
    print(error)
with engine.open(path, read_only=True) as store, store.get_object("bucket", "key").body as body:
    print(body.read().decode())
"""


def test_a_store_on_a_read_only_medium_opens_read_only_only(tmp_path: Path) -> None:
    need_mounts()
    with engine.open(tmp_path / "store") as store:
        store.create_bucket("bucket")
        store.put_object("bucket", "key", b"data")
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    wrapper = [*unshare_command(), "sh", "-c", mount, "sh", str(tmp_path)]
    with start_python(READ_ONLY_MEDIUM, str(tmp_path / "store"), wrapper=wrapper) as process:
        out, err = process.communicate(timeout=60)
    assert err == ""
    refusal, data = out.splitlines()
    assert refusal.endswith("Read-only file system; open it with read_only=True to read")
    assert data == "data"


# Several Stores and processes


def test_repair_needs_the_store_alone(store: Store, store_path: Path) -> None:
    with (
        engine.open(store_path),
        pytest.raises(StoreInUse, match="others have the store open; a repair needs it alone"),
    ):
        store.check(repair=True)
    assert store.check(repair=True).ok


HOLDER = """
import sys, engine
with engine.open(sys.argv[1]) as store:
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_repair_is_refused_while_another_process_has_the_store_open(store: Store, store_path: Path) -> None:
    with start_python(HOLDER, str(store_path)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreInUse):
            store.check(repair=True)
        store.create_bucket("still-usable")
        holder.communicate("\n", timeout=60)
    assert store.check(repair=True).ok


LATECOMER = """
import sys, engine, engine.directory.layout
engine.directory.layout.LOCK_WAIT_S_MAX = 0.1
try:
    engine.open(sys.argv[1])
except engine.errors.StoreInUse as error:
    print(error)
"""


def test_a_store_is_not_opened_while_it_is_repaired(store: Store, store_path: Path) -> None:
    with store._layout.sole_use():
        assert python_output(LATECOMER, str(store_path)) == (
            "the store is being repaired, or created, by another process\n"
        )
    assert python_output(LATECOMER, str(store_path)) == ""


WRITER = """
import sys, engine
limits = engine.Limits(part_size_bytes_min=1)
with engine.open(sys.argv[1], limits=limits) as store:
    print("open", flush=True)
    sys.stdin.readline()
    upload = store.create_multipart_upload("bucket", sys.argv[2]).upload_id
    parts = [(n, store.upload_part("bucket", sys.argv[2], upload, n, bytes([n]) * 20000).etag) for n in range(1, 21)]
    store.complete_multipart_upload("bucket", sys.argv[2], upload, parts)
"""


def test_several_processes_make_and_use_one_store_at_once(place: Path) -> None:
    path = place / "store"
    writers = [start_python(WRITER, str(path), f"key-{number}") for number in range(4)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
    with engine.open(path, create=False) as store:
        store.create_bucket("bucket")
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
        for writer in writers:
            assert writer.communicate(timeout=60) == ("", "")
        wanted = b"".join(bytes([number]) * 20_000 for number in range(1, 21))
        for number in range(4):
            assert read(store, "bucket", f"key-{number}") == wanted
        assert (store.stat().objects, store.stat().object_bytes) == (4, 4 * len(wanted))
        assert store.check(deep=True).ok


# Closing


def test_a_closed_store_refuses_everything_and_may_be_closed_again(store_path: Path, bucket: str) -> None:
    store = engine.open(store_path)
    store.close()
    store.close()
    calls = [lambda: store.get_object(bucket, "key"), store.list_buckets, store.stat, store.check]
    for call in [*calls, *(lambda write=write: write(store) for write in WRITES)]:
        with pytest.raises(StoreClosed, match="the store is closed"):
            call()


def test_closing_one_of_two_stores_of_a_process_leaves_the_other_open(store_path: Path, bucket: str) -> None:
    first, second = engine.open(store_path), engine.open(str(store_path) + "/../store/.")
    first.close()
    first.close()
    second.put_object(bucket, "key", b"data")
    assert read(second, bucket, "key") == b"data"
    second.close()


def test_a_store_leaves_no_descriptor_and_no_thread_behind(store_path: Path, bucket: str) -> None:
    before, threads = descriptors(), threading.active_count()
    with engine.open(store_path) as store:
        store.put_object(bucket, "key", FILE_BODY)
        read(store, bucket, "key")
        with pytest.raises(engine.S3Error):
            begin(store, bucket).part(0, FILE_BODY)
        with pytest.raises(TypeError):
            begin(store, bucket).part(1, iter([FILE_BODY, "text"]))
        assert descriptors() > before
    assert descriptors() == before
    assert threading.active_count() == threads


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


# What `stat` counts


def figures(store: Store, bucket: str | None = None) -> dict[str, int]:
    stat = store.stat(bucket)
    names = ("objects", "object_bytes", "open_uploads", "open_parts", "open_bytes")
    return {name: value for name in names if (value := getattr(stat, name))}


def test_stat_counts_what_open_uploads_hold_until_complete_or_abort(tiny: Store, bucket: str) -> None:
    assert figures(tiny) == {}
    upload = begin(tiny, bucket)
    assert figures(tiny) == {"open_uploads": 1}
    first = upload.part(1, b"12345")
    assert figures(tiny) == {"open_uploads": 1, "open_parts": 1, "open_bytes": 5}
    upload.part(1, FILE_BODY)
    assert figures(tiny) == {"open_uploads": 1, "open_parts": 1, "open_bytes": len(FILE_BODY)}
    first = upload.part(1, b"1")
    assert figures(tiny) == {"open_uploads": 1, "open_parts": 1, "open_bytes": 1}
    upload.parts({2: FILE_BODY, 9: b""})
    assert figures(tiny) == {"open_uploads": 1, "open_parts": 3, "open_bytes": 1 + len(FILE_BODY)}
    with pytest.raises(engine.S3Error):
        upload.part(3, b"data", content_md5="MTIz")
    assert figures(tiny) == {"open_uploads": 1, "open_parts": 3, "open_bytes": 1 + len(FILE_BODY)}
    upload.complete([first])
    assert figures(tiny) == {"objects": 1, "object_bytes": 1}
    other = begin(tiny, bucket)
    other.part(1, FILE_BODY)
    other.abort()
    assert figures(tiny) == {"objects": 1, "object_bytes": 1}


def test_stat_counts_objects_through_overwriting_and_deleting(tiny: Store, bucket: str) -> None:
    for body in (b"123", FILE_BODY, b""):
        tiny.put_object(bucket, "key", body)
        assert tiny.stat().objects == 1
        assert tiny.stat().object_bytes == len(body)
    put_multipart(tiny, bucket, "key", [b"12", b"34"])
    assert figures(tiny) == {"objects": 1, "object_bytes": 4}
    tiny.put_object(bucket, "other", b"12345")
    assert figures(tiny) == {"objects": 2, "object_bytes": 9}
    tiny.delete_object(bucket, "key")
    tiny.delete_object(bucket, "key")
    assert figures(tiny) == {"objects": 1, "object_bytes": 5}


def test_stat_counts_each_bucket_by_itself_and_all_together(tiny: Store, bucket: str) -> None:
    tiny.create_bucket("another-bucket")
    tiny.put_object(bucket, "key", b"123")
    begin(tiny, "another-bucket").part(1, b"12345")
    assert figures(tiny, bucket) == {"objects": 1, "object_bytes": 3}
    assert figures(tiny, "another-bucket") == {"open_uploads": 1, "open_parts": 1, "open_bytes": 5}
    assert figures(tiny) == figures(tiny, bucket) | figures(tiny, "another-bucket")
    assert (tiny.stat().buckets, tiny.stat(bucket).buckets) == (2, 1)
    assert (tiny.stat().trash, tiny.stat(bucket).trash) == (0, None)
    tiny.delete_bucket("another-bucket")
    assert figures(tiny) == {"objects": 1, "object_bytes": 3}
    with refused("NoSuchBucket", BucketName="another-bucket"):
        tiny.stat("another-bucket")


def test_stat_of_a_bucket_that_goes_meanwhile_is_that_of_no_bucket(store: Store) -> None:
    done, surprises = threading.Event(), []

    def come_and_go() -> None:
        while not done.is_set():
            store.create_bucket("fleeting")
            store.delete_bucket("fleeting")

    thread = threading.Thread(target=come_and_go)
    thread.start()
    for _ in range(3000):
        try:
            store.stat("fleeting")
        except engine.errors.NoSuchBucket:
            pass
        except Exception as error:
            surprises.append(error)
    done.set()
    thread.join()
    assert surprises == []


def test_stat_counts_alike_after_reopening(store_path: Path, bucket: str) -> None:
    limits = engine.Limits(part_size_bytes_min=1)
    with engine.open(store_path, limits=limits) as store:
        begin(store, bucket).parts({1: b"12345", 2: FILE_BODY})
        put_multipart(store, bucket, "key", [b"12", b"34"])
        before = store.stat()
    with engine.open(store_path) as store:
        assert store.stat() == before
