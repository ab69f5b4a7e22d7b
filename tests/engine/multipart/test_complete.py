"""CompleteMultipartUpload on a store: ETags, gaps, subsets, freed parts, repetition, two at once; and it copies no bytes."""

from collections.abc import Callable
from functools import partial
from hashlib import md5
from pathlib import Path

import pytest

import engine
from engine import Limits, Store
from engine.errors import S3Error
from tests.support.processes import python_output
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of, files_of, in_one_batch
from tests.support.uploads import OpenUpload, begin, etag_of, part_etag_of, read

OTHER_BODY = FILE_BODY[::-1]
MIN = 5 * 1024 * 1024


def test_complete_publishes_the_parts_in_order_under_the_etag_of_their_md5s(tiny: Store, bucket: str) -> None:
    bodies = [b"one", FILE_BODY, b"three", b""]
    upload = begin(tiny, bucket, "a key/ä")
    answer = upload.complete(upload.parts(dict(enumerate(bodies, 1))))
    assert answer.etag == etag_of(*bodies)
    assert (answer.bucket, answer.key, answer.location) == (bucket, "a key/ä", "/bucket/a%20key/%C3%A4")
    assert read(tiny, bucket, "a key/ä") == b"".join(bodies)
    head = tiny.head_object(bucket, "a key/ä")
    assert (head.etag, head.content_length) == (answer.etag, sum(map(len, bodies)))


def test_complete_gives_the_etags_that_aws_was_seen_to_give(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket, "test-list-parts")
    part = upload.part(1, b"upload-part-1" * 5)
    assert part.etag == '"3237c18681adb6a9d843c733ce249480"'
    assert upload.complete([part]).etag == '"e747540af6911dbc890f8d3e0b48549b-1"'


def test_complete_needs_the_listed_parts_only(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    bodies = {1: b"one", 5: FILE_BODY, 7: b"seven", 9: OTHER_BODY, 10_000: b"last"}
    parts = {part.part_number: part for part in upload.parts(bodies)}
    answer = upload.complete([parts[5], parts[7], parts[10_000]])
    assert answer.etag == etag_of(FILE_BODY, b"seven", b"last")
    assert read(tiny, bucket, "key") == FILE_BODY + b"seven" + b"last"


def test_complete_frees_the_parts_that_are_not_listed(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: b"one", 2: FILE_BODY, 3: b"three", 4: OTHER_BODY, 5: FILE_BODY})
    upload.complete(parts[2:4])
    held = contents_of(tiny)
    assert sorted(held.files.values()) == [len(OTHER_BODY)]
    assert (held.count("inline"), held.count("blobs"), held.count("parts_8"), held.count("trash")) == (1, 1, 0, 0)
    assert (tiny.stat().object_bytes, tiny.stat().open_bytes) == (len(b"three" + OTHER_BODY), 0)


@pytest.mark.parametrize("key", ["key", "k" * 1024])
def test_complete_leaves_no_row_of_the_upload(tiny: Store, bucket: str, key: str) -> None:
    upload = begin(tiny, bucket, key)
    upload.complete(upload.parts({1: FILE_BODY, 2: b"inline"}))
    held = contents_of(tiny)
    assert (held.count("uploads"), held.count("parts_8"), held.count("trash")) == (0, 0, 0)
    tiny.delete_object(bucket, key)
    held = contents_of(tiny)
    empty = {"objects", "manifests", "inline", "blobs", "uploads", "parts_8", "trash"}
    assert {table for table in empty if held.rows[table]} == set()


def test_complete_frees_the_object_it_replaces(tiny: Store, bucket: str) -> None:
    tiny.put_object(bucket, "key", FILE_BODY)
    upload = begin(tiny, bucket)
    upload.complete([upload.part(1, OTHER_BODY)])
    held = contents_of(tiny)
    assert list(held.files.values()) == [len(OTHER_BODY)]
    assert (held.count("manifests"), held.count("objects"), held.count("trash")) == (1, 1, 0)
    assert tiny.stat().object_bytes == len(OTHER_BODY)


@pytest.mark.parametrize("bodies", [[b""], [b"data", b""]], ids=["only", "last"])
def test_a_part_of_no_bytes_may_be_the_only_or_the_last_one(store: Store, bucket: str, bodies: list[bytes]) -> None:
    whole = [body * (MIN // 4) if body else body for body in bodies]
    upload = begin(store, bucket)
    answer = upload.complete(upload.parts(dict(enumerate(whole, 1))))
    assert answer.etag == etag_of(*whole)
    assert read(store, bucket, "key") == b"".join(whole)


def test_the_etag_of_an_object_of_one_empty_part_is_the_md5_of_the_md5_of_nothing(store: Store, bucket: str) -> None:
    upload = begin(store, bucket)
    raw = md5(md5(b"").digest()).hexdigest()
    assert upload.complete([upload.part(1, b"")]).etag == f'"{raw}-1"'


def test_listed_parts_but_the_last_need_5_mib(store: Store, bucket: str) -> None:
    upload = begin(store, bucket)
    exact, small = upload.part(1, b"x" * MIN), upload.part(2, b"x" * (MIN - 1))
    last = upload.part(3, b"x")
    before = contents_of(store)
    with refused(
        "EntityTooSmall",
        ProposedSize=MIN - 1,
        MinSizeAllowed=MIN,
        PartNumber=2,
        ETag=small.etag.strip('"'),
    ):
        upload.complete([exact, small, last])
    assert contents_of(store) == before
    assert upload.complete([exact, small]).etag == etag_of(b"x" * MIN, b"x" * (MIN - 1))


def test_a_small_part_that_is_not_listed_does_no_harm(store: Store, bucket: str) -> None:
    upload = begin(store, bucket)
    parts = upload.parts({1: b"x" * MIN, 3: b"small", 7: b"last"})
    assert upload.complete([parts[0], parts[2]]).etag == etag_of(b"x" * MIN, b"last")


def test_an_object_larger_than_the_limit_is_refused_and_one_of_the_limit_is_not(place: Path) -> None:
    limits = Limits(part_size_bytes_min=1, object_size_bytes_max=10)
    with engine.open(place / "store", limits=limits) as store:
        store.create_bucket("bucket")
        upload = begin(store, "bucket")
        parts = upload.parts({1: b"12345", 2: b"67890", 3: b"1"})
        with refused("EntityTooLarge", ProposedSize=11, MaxSizeAllowed=10):
            upload.complete(parts)
        upload.complete(parts[:2])
        assert read(store, "bucket", "key") == b"1234567890"


@pytest.mark.parametrize("spell", [str, lambda etag: etag.strip('"'), str.upper], ids=["quoted", "bare", "upper"])
def test_etags_in_the_list_may_be_quoted_or_bare_in_either_case(
    tiny: Store, bucket: str, spell: Callable[[str], str]
) -> None:
    upload = begin(tiny, bucket)
    part = upload.part(1, b"data")
    upload.complete([(1, spell(part.etag))])


def test_the_first_part_that_is_not_there_is_named(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: b"data", 3: b"data"})
    etag = part_etag_of(b"data")
    before = contents_of(tiny)
    with refused("InvalidPart", UploadId=upload.upload_id, PartNumber=2, ETag=etag.strip('"')):
        upload.complete([parts[0], (2, etag), parts[1], (4, etag)])
    assert contents_of(tiny) == before
    wrong = "d41d8cd98f00b204e9800998ecf8427e"
    with refused("InvalidPart", UploadId=upload.upload_id, PartNumber=1, ETag=wrong):
        upload.complete([(1, wrong), parts[1]])
    assert contents_of(tiny) == before


def test_a_refused_list_leaves_the_upload_open(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: b"one", 2: b"two"})
    before = contents_of(tiny)
    with refused("InvalidPartOrder", UploadId=upload.upload_id):
        upload.complete(parts[::-1])
    assert contents_of(tiny) == before
    upload.complete(parts)


def test_complete_again_with_the_same_list_gives_the_same_answer(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: b"one", 2: FILE_BODY, 3: b"unlisted"})
    first = upload.complete(parts[:2])
    held = contents_of(tiny)
    assert upload.complete(parts[:2]) == first
    assert upload.complete((part.part_number, part.etag.strip('"').upper()) for part in parts[:2]) == first
    assert contents_of(tiny) == held


def test_complete_again_with_another_list_is_refused(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: b"one", 2: b"two"})
    upload.complete(parts)
    for other in (parts[:1], parts[1:], [(1, parts[1].etag), parts[1]]):
        with refused("NoSuchUpload", UploadId=upload.upload_id):
            upload.complete(other)


def test_an_id_that_never_existed_is_refused_even_where_an_object_is(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = [upload.part(1, b"data")]
    upload.complete(parts)
    never = begin(tiny, bucket)
    never.abort()
    for invented in (never.upload_id, "fakeid"):
        with refused("NoSuchUpload", UploadId=invented):
            tiny.complete_multipart_upload(bucket, "key", invented, parts)


def test_complete_again_is_answered_after_the_object_was_replaced_and_does_not_bring_it_back(
    tiny: Store, bucket: str
) -> None:
    upload = begin(tiny, bucket)
    parts = [upload.part(1, b"old")]
    first = upload.complete(parts)
    tiny.put_object(bucket, "key", b"new")
    assert upload.complete(parts) == first
    assert read(tiny, bucket, "key") == b"new"


def test_complete_again_is_answered_by_another_process_after_reopening(store_path: Path, bucket: str) -> None:
    with engine.open(store_path) as store:
        upload = begin(store, bucket)
        part = upload.part(1, b"data")
        answer = upload.complete([part])
    code = (
        "import sys, engine\n"
        "with engine.open(sys.argv[1]) as store:\n"
        "    print(store.complete_multipart_upload(*sys.argv[2:5], [(1, sys.argv[5])]).etag)\n"
    )
    assert python_output(code, str(store_path), bucket, "key", upload.upload_id, part.etag) == f"{answer.etag}\n"


def test_complete_again_in_a_new_bucket_of_the_same_name_is_refused(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = [upload.part(1, b"data")]
    upload.complete(parts)
    tiny.delete_object(bucket, "key")
    tiny.delete_bucket(bucket)
    tiny.create_bucket(bucket)
    with refused("NoSuchUpload", UploadId=upload.upload_id):
        upload.complete(parts)


def test_an_earlier_complete_is_forgotten_after_its_lifetime(place: Path) -> None:
    limits = Limits(part_size_bytes_min=1, tombstone_lifetime_s=0)
    with engine.open(place / "store", limits=limits) as store:
        store.create_bucket("bucket")
        uploads = [begin(store, "bucket") for _ in range(8)]
        lists = [[upload.part(1, b"data")] for upload in uploads]
        for upload, parts in zip(uploads, lists, strict=True):
            upload.complete(parts)
        assert contents_of(store).count("tombstones") == contents_of(store).count("tombstone_times") == 1
        uploads[-1].complete(lists[-1])
        with refused("NoSuchUpload", UploadId=uploads[0].upload_id):
            uploads[0].complete(lists[0])


def _complete_together(store: Store, uploads: list[tuple[OpenUpload, list[engine.CompletedPart]]]) -> list[object]:
    """Complete each upload in its own thread, all in one batch; return the answers or errors."""
    outcomes: list[object] = [None] * len(uploads)

    def complete(index: int) -> None:
        upload, parts = uploads[index]
        try:
            outcomes[index] = upload.complete(parts)
        except S3Error as error:
            outcomes[index] = error

    in_one_batch(store, *(partial(complete, index) for index in range(len(uploads))))
    return outcomes


def test_of_two_completes_at_once_with_one_list_both_get_the_one_result(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: FILE_BODY, 2: b"two", 3: OTHER_BODY})
    first, second = _complete_together(tiny, [(upload, parts[:2])] * 2)
    assert isinstance(first, engine.CompleteMultipartUploadOutput)
    assert first == second
    assert read(tiny, bucket, "key") == FILE_BODY + b"two"
    held = contents_of(tiny)
    assert (held.count("manifests"), held.count("objects"), held.count("trash")) == (1, 1, 0)
    assert list(held.files.values()) == [len(FILE_BODY)]


def test_of_two_completes_at_once_with_two_lists_one_is_published(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: FILE_BODY, 2: OTHER_BODY})
    first, second = _complete_together(tiny, [(upload, parts[:1]), (upload, parts[1:])])
    assert isinstance(first, engine.CompleteMultipartUploadOutput)
    assert isinstance(second, S3Error)
    assert second.code == "NoSuchUpload"
    assert read(tiny, bucket, "key") == FILE_BODY
    assert list(contents_of(tiny).files.values()) == [len(FILE_BODY)]


def test_of_two_uploads_of_one_key_completed_at_once_the_later_stays_and_the_earlier_is_freed(
    tiny: Store, bucket: str
) -> None:
    uploads = [begin(tiny, bucket), begin(tiny, bucket)]
    lists = [uploads[0].parts({1: FILE_BODY}), uploads[1].parts({1: OTHER_BODY})]
    outcomes = _complete_together(tiny, list(zip(uploads, lists, strict=True)))
    assert all(isinstance(outcome, engine.CompleteMultipartUploadOutput) for outcome in outcomes)
    assert read(tiny, bucket, "key") == OTHER_BODY
    assert list(contents_of(tiny).files.values()) == [len(OTHER_BODY)]
    assert tiny.stat().object_bytes == len(OTHER_BODY)


def test_complete_moves_no_byte(tiny: Store, store_path: Path, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({1: FILE_BODY, 2: OTHER_BODY})
    before = files_of(store_path)
    stamps = {name: (store_path / "blobs" / name[:2] / name[2:]).stat() for name in before}
    upload.complete(parts)
    assert files_of(store_path) == before
    for name, old in stamps.items():
        new = (store_path / "blobs" / name[:2] / name[2:]).stat()
        assert (new.st_ino, new.st_mtime_ns, new.st_atime_ns) == (old.st_ino, old.st_mtime_ns, old.st_atime_ns)


HEADERS = {
    "cache_control": "no-cache",
    "content_disposition": "attachment",
    "content_encoding": "gzip",
    "content_language": "de",
    "content_type": "text/plain",
    "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
}


def test_metadata_and_headers_are_those_of_create(tiny: Store, bucket: str) -> None:
    tiny.put_object(bucket, "key", b"old", metadata={"old": "1"}, content_type="image/png")
    upload = begin(tiny, bucket, metadata={"Colour": "grün"}, **HEADERS)
    upload.complete([upload.part(1, b"data")])
    for answer in (tiny.head_object(bucket, "key"), tiny.get_object(bucket, "key")):
        assert answer.metadata == {"colour": "grün"}
        assert {name: getattr(answer, name) for name in HEADERS} == HEADERS


def test_an_upload_created_without_headers_gives_an_object_with_the_default_type_and_none_else(
    tiny: Store, bucket: str
) -> None:
    upload = begin(tiny, bucket)
    upload.complete([upload.part(1, b"data")])
    head = tiny.head_object(bucket, "key")
    assert head.content_type == "binary/octet-stream"
    assert head.metadata == {}
    assert {getattr(head, name) for name in HEADERS if name != "content_type"} == {None}


def test_get_object_counts_parts_by_their_position_in_the_list(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    parts = upload.parts({5: b"five", 70: FILE_BODY, 9_000: b"nine", 10_000: b"last"})
    upload.complete([parts[0], parts[1], parts[3]])
    size = len(b"five" + FILE_BODY + b"last")
    wanted = [(b"five", 0), (FILE_BODY, 4), (b"last", size - 4)]
    for position, (body, start) in enumerate(wanted, 1):
        answer = tiny.get_object(bucket, "key", part_number=position)
        assert (answer.parts_count, answer.content_length) == (3, len(body))
        assert answer.content_range == f"bytes {start}-{start + len(body) - 1}/{size}"
        assert answer.body.read() == body
    for beyond in (4, 5, 10_000):
        with refused("InvalidPartNumber", ActualPartCount=3, PartNumberRequested=beyond):
            tiny.get_object(bucket, "key", part_number=beyond)
