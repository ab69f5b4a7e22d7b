"""PutObject, GetObject, HeadObject and DeleteObject: storing, replacing, deleting; a reader's object stays whole meanwhile."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import engine
from engine import Limits, Store
from engine.directory.leases import Lease, Leases
from tests.support.processes import start_python
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of, files_of
from tests.support.uploads import begin, part_etag_of, put_multipart, read

OTHER_BODY = FILE_BODY[::-1]
BODIES = [b"", b"data", FILE_BODY, FILE_BODY * 60]


OVERRIDDEN = ("cache_control", "content_disposition", "content_encoding", "content_language", "content_type", "expires")


def test_a_read_has_the_headers_its_caller_wants(store: Store, bucket: str) -> None:
    own = dict.fromkeys(OVERRIDDEN, "own")
    store.put_object(bucket, "key", b"data", **own)
    for wanted in (*({name: "wanted"} for name in OVERRIDDEN), dict.fromkeys(OVERRIDDEN, "wanted"), {}):
        asked = {f"response_{name}": wanted.get(name, "") for name in OVERRIDDEN}
        for answer in (store.get_object(bucket, "key", **asked), store.head_object(bucket, "key", **asked)):
            assert {name: getattr(answer, name) for name in OVERRIDDEN} == own | wanted
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert store.head_object(bucket, "key", response_expires=moment).expires == "Tue, 01 Jan 2030 00:00:00 GMT"


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_an_object_reads_back_under_the_md5_of_its_bytes(store: Store, bucket: str, body: bytes) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    answer = store.put_object(bucket, "key", body)
    assert answer.etag == part_etag_of(body)
    got, head = store.get_object(bucket, "key"), store.head_object(bucket, "key")
    assert got.body.read() == body
    got.body.close()
    for described in (got, head):
        assert (described.etag, described.content_length) == (answer.etag, len(body))
        assert (described.content_range, described.parts_count, described.accept_ranges) == (None, None, "bytes")
        assert before <= described.last_modified <= datetime.now(UTC)


@pytest.mark.parametrize("old", BODIES[:3], ids=len)
@pytest.mark.parametrize("new", BODIES[:3], ids=len)
def test_put_replaces_what_the_key_held_and_frees_it(store: Store, bucket: str, old: bytes, new: bytes) -> None:
    store.put_object(bucket, "key", old, metadata={"old": "1"}, content_type="text/old")
    store.put_object(bucket, "key", new)
    assert read(store, bucket, "key") == new
    head = store.head_object(bucket, "key")
    assert (head.metadata, head.content_type) == ({}, "binary/octet-stream")
    held = contents_of(store)
    assert len(held.files) + held.count("inline") == held.count("objects") == held.count("manifests") == 1
    assert (held.count("trash"), store.stat().object_bytes) == (0, len(new))


def test_delete_frees_the_object_and_is_no_error_again(tiny: Store, bucket: str) -> None:
    before = contents_of(tiny)
    tiny.put_object(bucket, "plain", FILE_BODY)
    put_multipart(tiny, bucket, "multi" + "x" * 1019, [FILE_BODY, b"inline", OTHER_BODY])
    for key in ("plain", "multi" + "x" * 1019):
        tiny.delete_object(bucket, key)
        with refused("NoSuchKey", Key=key):
            tiny.head_object(bucket, key)
        tiny.delete_object(bucket, key)
    after = contents_of(tiny)
    assert after.files == {}
    assert {table for table in after.rows if after.rows[table] != before.rows[table]} <= {
        "store", "usage", "tombstones", "tombstone_times",
    }  # fmt: skip
    assert (tiny.stat().objects, tiny.stat().object_bytes) == (0, 0)


def test_an_object_that_is_not_there_is_named(store: Store, bucket: str) -> None:
    for key in ("key", "ü", "k" * 1024):
        with refused("NoSuchKey", Key=key):
            store.get_object(bucket, key)
        with refused("NoSuchKey", Key=key):
            store.head_object(bucket, key)


def test_metadata_and_headers_travel_with_a_plain_object(store: Store, bucket: str) -> None:
    headers = {
        "cache_control": "max-age=1",
        "content_disposition": 'attachment; filename="ü"',
        "content_encoding": "gzip",
        "content_language": "de, en",
        "content_type": "text/plain; charset=utf-8",
        "expires": "Wed, 21 Oct 2026 07:28:00 GMT",
    }
    store.put_object(bucket, "key", b"data", metadata={"X-Colour": "grün", "empty": ""}, **headers)
    for answer in (store.get_object(bucket, "key"), store.head_object(bucket, "key")):
        assert answer.metadata == {"x-colour": "grün", "empty": ""}
        assert {name: getattr(answer, name) for name in headers} == headers


def test_a_put_of_the_limit_is_taken_and_one_byte_more_is_not(place: Path) -> None:
    limits = Limits(put_size_bytes_max=30_000, part_size_bytes_max=20_000)
    with engine.open(place / "store", limits=limits) as store:
        store.create_bucket("bucket")
        store.put_object("bucket", "key", b"x" * 30_000)
        with refused("EntityTooLarge", ProposedSize=30_001, MaxSizeAllowed=30_000):
            store.put_object("bucket", "key", b"y" * 30_001)
        assert read(store, "bucket", "key") == b"x" * 30_000


def test_part_number_1_of_a_plain_object_is_the_whole_of_it(store: Store, bucket: str) -> None:
    store.put_object(bucket, "key", b"0123456789")
    for answer in (store.get_object(bucket, "key", part_number=1), store.head_object(bucket, "key", part_number=1)):
        assert (answer.content_range, answer.parts_count) == ("bytes 0-9/10", None)
    assert read(store, bucket, "key", part_number=1) == b"0123456789"
    with refused("InvalidPartNumber", ActualPartCount=1, PartNumberRequested=2):
        store.get_object(bucket, "key", part_number=2)


@pytest.mark.parametrize("number", [0, -1, 10_001, "1", True])
def test_a_part_number_to_read_must_be_one(store: Store, bucket: str, number: int) -> None:
    store.put_object(bucket, "key", b"data")
    text = "Part number must be an integer between 1 and 10000, inclusive"
    for call in (store.get_object, store.head_object):
        with refused("InvalidArgument", text, ArgumentName="partNumber", ArgumentValue=number):
            call(bucket, "key", part_number=number)


@pytest.mark.parametrize("new", [b"", b"inline", OTHER_BODY], ids=["empty", "inline", "file"])
@pytest.mark.parametrize(
    "old", [[b"old"], [FILE_BODY], [FILE_BODY, b"mid", OTHER_BODY]], ids=["inline", "file", "parts"]
)
def test_an_object_reads_on_to_its_end_while_it_is_replaced(
    tiny: Store, bucket: str, old: list[bytes], new: bytes
) -> None:
    put_multipart(tiny, bucket, "key", old)
    with tiny.get_object(bucket, "key").body as body:
        assert body.read(2) == b"".join(old)[:2]
        tiny.put_object(bucket, "key", new)
        assert tiny.stat().trash == 1
        assert read(tiny, bucket, "key") == new
        assert body.read() == b"".join(old)[2:]
    tiny.reap(timedelta(hours=1))
    assert tiny.stat().trash == 0
    assert list(contents_of(tiny).files.values()) == [len(new)] * (len(new) > 100)


def test_an_object_reads_on_to_its_end_while_it_is_deleted_and_its_bucket_with_it(tiny: Store, bucket: str) -> None:
    put_multipart(tiny, bucket, "key", [FILE_BODY, b"mid", OTHER_BODY])
    with tiny.get_object(bucket, "key").body as body:
        tiny.delete_object(bucket, "key")
        tiny.delete_bucket(bucket)
        tiny.reap(timedelta(0))
        assert body.read() == FILE_BODY + b"mid" + OTHER_BODY
    tiny.reap(timedelta(0))
    assert contents_of(tiny).files == {}


def test_trash_that_readers_held_goes_with_later_writes(store: Store, bucket: str) -> None:
    for _ in range(6):
        store.put_object(bucket, "key", FILE_BODY)
        with store.get_object(bucket, "key").body:
            store.delete_object(bucket, "key")
    assert store.stat().trash == 1, "the last one"
    held = []
    for _ in range(6):
        store.put_object(bucket, "key", FILE_BODY)
        held.append(store.get_object(bucket, "key").body)
    for _ in range(3):
        store.put_object(bucket, "key", OTHER_BODY)
    assert store.stat().trash == 6
    for body in held:
        assert body.read() == FILE_BODY
        body.close()
    for _ in range(2):
        store.put_object(bucket, "another", b"data")
    assert store.stat().trash == 0
    assert list(contents_of(store).files.values()) == [len(OTHER_BODY)]


def test_trash_that_a_reader_held_goes_when_the_store_is_opened_again(store_path: Path, bucket: str) -> None:
    with engine.open(store_path) as store:
        store.put_object(bucket, "key", FILE_BODY)
        with store.get_object(bucket, "key").body:
            store.delete_object(bucket, "key")
    assert len(files_of(store_path)) == 1
    with engine.open(store_path) as store:
        assert (files_of(store_path), store.stat().trash) == ({}, 0)


class IntrudedLeases(Leases):
    """Leases that call each of the given functions once, between the look-up of an object and the lease on it."""

    def __init__(self, root: str, things: list[Callable[[], object]]) -> None:
        super().__init__(root)
        self.things = things

    def hold(self, lease_id: bytes) -> Lease | None:
        if self.things:
            self.things.pop()()
        return super().hold(lease_id)


def test_an_object_replaced_between_its_look_up_and_its_lease_is_looked_up_again(store: Store, bucket: str) -> None:
    store.put_object(bucket, "key", FILE_BODY)
    things: list[Callable[[], object]] = [lambda: store.put_object(bucket, "key", OTHER_BODY)]
    store._context.leases = IntrudedLeases(store._layout.root, things)
    with store.get_object(bucket, "key").body as body:
        assert things == []
        store.put_object(bucket, "key", FILE_BODY)
        assert body.read() == OTHER_BODY


def test_an_object_deleted_between_its_look_up_and_its_lease_is_not_there(store: Store, bucket: str) -> None:
    store.put_object(bucket, "key", FILE_BODY)
    store._context.leases = IntrudedLeases(store._layout.root, [lambda: store.delete_object(bucket, "key")])
    with refused("NoSuchKey", Key="key"):
        store.get_object(bucket, "key")


READER = """
import sys, engine
with engine.open(sys.argv[1]) as store, store.get_object(sys.argv[2], "key").body as body:
    print(len(body.read(10)), flush=True)
    sys.stdin.readline()
    sys.stdout.write(body.read().hex())
"""


@pytest.mark.parametrize("action", ["put", "delete", "complete"])
def test_an_object_reads_on_to_its_end_in_another_process(
    tiny: Store, store_path: Path, bucket: str, action: str
) -> None:
    put_multipart(tiny, bucket, "key", [FILE_BODY, b"mid", OTHER_BODY])
    with start_python(READER, str(store_path), bucket) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "10\n"
        if action == "put":
            tiny.put_object(bucket, "key", b"new")
        elif action == "delete":
            tiny.delete_object(bucket, "key")
        else:
            put_multipart(tiny, bucket, "key", [OTHER_BODY])
        tiny.reap(timedelta(hours=1))
        rest, _ = reader.communicate("\n", timeout=60)
    assert bytes.fromhex(rest) == (FILE_BODY + b"mid" + OTHER_BODY)[10:]
    tiny.reap(timedelta(hours=1))
    assert tiny.stat().trash == 0


def test_every_read_beside_overwriting_writers_is_of_one_whole_object(store: Store, bucket: str) -> None:
    """Each body is one byte repeated, so that a mixture of two bodies is noticed."""
    store.put_object(bucket, "key", b"\x00" * 20_000)
    done = threading.Event()
    failures: list[str] = []

    def write(start: int) -> None:
        for number in range(start, start + 40):
            store.put_object(bucket, "key", bytes([number]) * (20_000 + number))

    def follow() -> None:
        while not done.is_set():
            got = store.get_object(bucket, "key")
            data = got.body.read()
            got.body.close()
            if len(set(data)) != 1 or len(data) != 20_000 + data[0] or got.etag != part_etag_of(data):
                failures.append(f"{len(data)} bytes of {sorted(set(data))} under {got.etag}")

    readers = [threading.Thread(target=follow) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(start,)) for start in (1, 101)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    store.reap(timedelta(hours=1))
    assert len(contents_of(store).files) == 1


def test_bytes_that_are_gone_from_the_disk_are_an_internal_error_before_the_answer_begins(
    store: Store, store_path: Path, bucket: str
) -> None:
    store.put_object(bucket, "key", FILE_BODY)
    [name] = files_of(store_path)
    (store_path / "blobs" / name[:2] / name[2:]).unlink()
    with refused("InternalError"):
        store.get_object(bucket, "key")
    with pytest.raises(engine.S3Error, match=f"No such file or directory, while opening blob {name}"):
        store.get_object(bucket, "key")


def test_bytes_cut_short_on_the_disk_are_an_internal_error_not_a_short_answer(
    tiny: Store, store_path: Path, bucket: str
) -> None:
    upload = begin(tiny, bucket)
    parts = [upload.part(1, FILE_BODY)]
    [first] = files_of(store_path)
    parts.append(upload.part(2, OTHER_BODY))
    [second] = set(files_of(store_path)) - {first}
    upload.complete(parts)
    with open(store_path / "blobs" / second[:2] / second[2:], "r+b") as file:
        file.truncate(100)
    body = tiny.get_object(bucket, "key").body
    with pytest.raises(engine.S3Error, match=f"blob {second} has 100 bytes, its row says 20480"):
        body.read()


def test_a_clock_before_1970_is_told_and_stores_nothing(tiny: Store, bucket: str) -> None:
    tiny._context._clock = lambda: -1
    with pytest.raises(engine.S3Error, match="before 1970"):
        tiny.put_object(bucket, "key", b"body")
    with pytest.raises(engine.S3Error, match="before 1970"):
        tiny.create_multipart_upload(bucket, "key")
    assert tiny.list_objects_v2(bucket).key_count == 0
