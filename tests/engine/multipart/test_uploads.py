"""CreateMultipartUpload, UploadPart and AbortMultipartUpload: part numbers, overwriting, the binding of upload ids, freed space."""

import threading
from collections.abc import Iterator
from hashlib import md5

import pytest

from engine import Store
from engine.errors import NoSuchBucket, NoSuchUpload
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of
from tests.support.uploads import begin, etag_of, part_etag_of, read

OTHER_BODY = FILE_BODY[::-1]
NUMBER_TEXT = "Part number must be an integer between 1 and 10000, inclusive"


@pytest.mark.parametrize("number", [1, 2, 9_999, 10_000])
def test_upload_part_takes_the_numbers_from_1_to_10000(tiny: Store, bucket: str, number: int) -> None:
    upload = begin(tiny, bucket)
    upload.part(number, b"data")
    parts = upload.list().parts
    assert parts is not None
    assert [part.part_number for part in parts] == [number]


@pytest.mark.parametrize("number", [0, 10_001, -1, 2**31, "x", "1", 1.0, True, None])
def test_upload_part_refuses_other_numbers(tiny: Store, bucket: str, number: int) -> None:
    upload = begin(tiny, bucket)
    before = contents_of(tiny)
    with refused("InvalidArgument", NUMBER_TEXT, ArgumentName="partNumber", ArgumentValue=number):
        upload.part(number, b"data")
    assert contents_of(tiny) == before


@pytest.mark.parametrize("body", [b"", b"data", FILE_BODY], ids=["empty", "inline", "file"])
def test_upload_part_answers_the_md5_in_quotes(tiny: Store, bucket: str, body: bytes) -> None:
    upload = begin(tiny, bucket)
    answer = tiny.upload_part(bucket, upload.key, upload.upload_id, 1, body)
    assert answer.etag == f'"{md5(body).hexdigest()}"'
    [part] = upload.list().parts or ()
    assert (part.part_number, part.etag, part.size) == (1, answer.etag, len(body))


@pytest.mark.parametrize("first", [b"old", FILE_BODY], ids=["inline", "file"])
@pytest.mark.parametrize("second", [b"new!", OTHER_BODY], ids=["inline", "file"])
def test_upload_part_replaces_the_part_of_its_number(tiny: Store, bucket: str, first: bytes, second: bytes) -> None:
    upload = begin(tiny, bucket)
    upload.part(1, first)
    part = upload.part(1, second)
    [listed] = upload.list().parts or ()
    assert (listed.etag, listed.size) == (part_etag_of(second), len(second))
    held = contents_of(tiny)
    assert len(held.files) + held.count("inline") == 1
    assert held.count("trash") == 0
    upload.complete([part])
    assert read(tiny, bucket, "key") == second


def test_the_attempt_that_finishes_last_wins(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)

    def slow() -> Iterator[bytes]:
        yield FILE_BODY
        upload.part(1, OTHER_BODY)
        yield b"end"

    slow_part = upload.part(1, slow())
    [listed] = upload.list().parts or ()
    assert listed.etag == slow_part.etag == part_etag_of(FILE_BODY + b"end")
    assert tiny.stat().open_bytes == len(FILE_BODY) + 3
    assert list(contents_of(tiny).files.values()) == [len(FILE_BODY) + 3]


def test_an_etag_of_a_replaced_attempt_no_longer_counts(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    old = upload.part(1, b"old")
    upload.part(1, b"new")
    with refused("InvalidPart", UploadId=upload.upload_id, PartNumber=1, ETag=old.etag.strip('"')):
        upload.complete([old])


def test_parts_arrive_in_any_order_from_many_threads(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    bodies = {number: bytes([number]) * (number * 1000) for number in range(1, 41)}
    numbers = sorted(bodies, key=lambda number: md5(bytes([number])).digest())
    threads = [
        threading.Thread(target=upload.parts, args=({number: bodies[number] for number in numbers[start::8]},))
        for start in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = upload.list().parts or ()
    assert [part.part_number for part in listed] == sorted(bodies)
    answer = upload.complete([(part.part_number, part.etag) for part in listed])
    assert answer.etag == etag_of(*bodies.values())
    assert read(tiny, bucket, "key") == b"".join(bodies.values())


WRONG_PLACES = [("bucket", "other key"), ("other-bucket", "key")]


@pytest.mark.parametrize(("other_bucket", "other_key"), WRONG_PLACES)
def test_an_upload_id_is_bound_to_its_bucket_and_key(
    tiny: Store, bucket: str, other_bucket: str, other_key: str
) -> None:
    tiny.create_bucket("other-bucket")
    begin(tiny, other_bucket, other_key)
    upload_id = begin(tiny, bucket).upload_id
    before = contents_of(tiny)
    for call in (
        lambda: tiny.upload_part(other_bucket, other_key, upload_id, 1, b"data"),
        lambda: tiny.list_parts(other_bucket, other_key, upload_id),
        lambda: tiny.complete_multipart_upload(other_bucket, other_key, upload_id, [(1, part_etag_of(b"data"))]),
        lambda: tiny.abort_multipart_upload(other_bucket, other_key, upload_id),
    ):
        with refused("NoSuchUpload", UploadId=upload_id):
            call()
    assert contents_of(tiny) == before


@pytest.mark.parametrize("upload_id", ["fakeid", "", "a" * 40, "ü", "../../etc/passwd", "x" * 10_000])
def test_an_invented_upload_id_is_refused_everywhere(tiny: Store, bucket: str, upload_id: str) -> None:
    for call in (
        lambda: tiny.upload_part(bucket, "key", upload_id, 1, b"data"),
        lambda: tiny.list_parts(bucket, "key", upload_id),
        lambda: tiny.complete_multipart_upload(bucket, "key", upload_id, [(1, "etag")]),
        lambda: tiny.abort_multipart_upload(bucket, "key", upload_id),
    ):
        with refused("NoSuchUpload", UploadId=upload_id):
            call()


def test_a_missing_bucket_is_named_before_the_upload(tiny: Store, bucket: str) -> None:
    upload_id = begin(tiny, bucket).upload_id
    for call in (
        lambda: tiny.create_multipart_upload("nowhere", "key"),
        lambda: tiny.upload_part("nowhere", "key", upload_id, 1, b"data"),
        lambda: tiny.list_parts("nowhere", "key", upload_id),
        lambda: tiny.complete_multipart_upload("nowhere", "key", upload_id, [(1, "etag")]),
        lambda: tiny.abort_multipart_upload("nowhere", "key", upload_id),
        lambda: tiny.list_multipart_uploads("nowhere"),
    ):
        with refused("NoSuchBucket", BucketName="nowhere"):
            call()


def test_two_uploads_of_one_key_are_apart(tiny: Store, bucket: str) -> None:
    first, second = begin(tiny, bucket), begin(tiny, bucket)
    assert first.upload_id != second.upload_id
    first.part(1, b"first")
    part = second.part(1, b"second")
    second.complete([part])
    assert [part.size for part in first.list().parts or ()] == [5]
    assert read(tiny, bucket, "key") == b"second"


def test_abort_leaves_nothing_behind(tiny: Store, bucket: str) -> None:
    before = contents_of(tiny)
    upload = begin(tiny, bucket, "k" * 1024)
    upload.parts({1: FILE_BODY, 2: b"inline", 3: b"", 10_000: OTHER_BODY})
    upload.abort()
    after = contents_of(tiny)
    assert after.files == {}
    for table in set(before.rows) - {"store", "usage"}:
        assert after.rows[table] == before.rows[table], table
    assert tiny.stat().open_uploads == tiny.stat().open_parts == tiny.stat().open_bytes == tiny.stat().trash == 0


def test_abort_twice_is_refused(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    upload.abort()
    with refused("NoSuchUpload", UploadId=upload.upload_id):
        upload.abort()


def test_an_aborted_upload_takes_no_part_and_no_complete(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    part = upload.part(1, b"data")
    upload.abort()
    for call in (lambda: upload.part(2, b"data"), lambda: upload.complete([part]), upload.list):
        with refused("NoSuchUpload", UploadId=upload.upload_id):
            call()


@pytest.mark.parametrize("end", [b"", FILE_BODY], ids=["inline", "file"])
def test_a_part_in_flight_during_abort_neither_survives_nor_brings_the_upload_back(
    tiny: Store, bucket: str, end: bytes
) -> None:
    upload = begin(tiny, bucket)

    def body() -> Iterator[bytes]:
        yield b"start"
        upload.abort()
        yield end

    with refused("NoSuchUpload", UploadId=upload.upload_id):
        upload.part(1, body())
    held = contents_of(tiny)
    assert held.files == {}
    assert (held.count("uploads"), held.count("parts_8"), held.count("inline"), held.count("blobs")) == (0, 0, 0, 0)
    assert tiny.list_multipart_uploads(bucket).uploads is None


def test_a_part_in_flight_during_complete_is_refused_and_hurts_nothing(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    part = upload.part(1, FILE_BODY)

    def body() -> Iterator[bytes]:
        yield OTHER_BODY
        upload.complete([part])
        yield OTHER_BODY

    with refused("NoSuchUpload", UploadId=upload.upload_id):
        upload.part(1, body())
    assert read(tiny, bucket, "key") == FILE_BODY
    assert list(contents_of(tiny).files.values()) == [len(FILE_BODY)]


def test_a_part_in_flight_while_its_bucket_is_deleted_is_refused(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)

    def body() -> Iterator[bytes]:
        yield FILE_BODY
        tiny.delete_bucket(bucket)

    with refused("NoSuchBucket", BucketName=bucket):
        upload.part(1, body())
    assert contents_of(tiny).files == {}


def test_a_body_that_raises_leaves_nothing_and_the_part_before_it_stays(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    part = upload.part(1, b"whole")

    def body() -> Iterator[bytes]:
        yield FILE_BODY
        raise ConnectionResetError("the client went away")

    before = contents_of(tiny)
    with pytest.raises(ConnectionResetError, match="the client went away"):
        upload.part(1, body())
    assert contents_of(tiny) == before
    upload.complete([part])


def test_everything_that_needs_no_bytes_is_checked_before_the_first_is_taken(tiny: Store, bucket: str) -> None:
    def body() -> Iterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    upload = begin(tiny, bucket)
    upload.abort()
    with pytest.raises(NoSuchUpload):
        upload.part(1, body())
    with pytest.raises(NoSuchBucket):
        tiny.upload_part("nowhere", "key", upload.upload_id, 1, body())
    with pytest.raises(NoSuchBucket):
        tiny.put_object("nowhere", "key", body())


def test_an_open_upload_is_no_object(tiny: Store, bucket: str) -> None:
    begin(tiny, bucket).part(1, b"data")
    assert tiny.list_objects_v2(bucket).contents is None
    with refused("NoSuchKey", Key="key"):
        tiny.get_object(bucket, "key")
