"""UploadPartCopy: bytes, ETags and errors are S3's, whether a file is shared, a row is copied or the bytes are read again."""

import base64
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import CompletedPart, Limits, Store, errors
from engine import open as open_store
from engine.blobs.files import FileBlobs
from engine.checksums import BY_NAME
from tests.support.oracles import ORACLES
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of, files_of, in_one_batch
from tests.support.uploads import OpenUpload, begin, etag_of, part_etag_of, put_multipart, read

PARTS = [FILE_BODY, b"inline", FILE_BODY[::-1] * 2, b"end"]
WHOLE = b"".join(PARTS)
FIRST, SECOND = len(FILE_BODY), len(FILE_BODY) + len(b"inline")
PARTWRIGHT = "000000000000"


@pytest.fixture
def upload(tiny: Store, bucket: str) -> OpenUpload:
    """An open upload in a bucket with plain objects and a multipart one."""
    tiny.put_object(bucket, "plain", FILE_BODY)
    tiny.put_object(bucket, "small", b"0123456789")
    tiny.put_object(bucket, "empty", b"")
    put_multipart(tiny, bucket, "parts", PARTS)
    put_multipart(tiny, bucket, "single", [FILE_BODY])
    return begin(tiny, bucket)


def copy(upload: OpenUpload, number: int, key: str, **options: Any) -> tuple[int, str]:
    """Copy a part from a key of the upload's bucket, and return its pair for Complete."""
    return upload.copy(number, f"{upload.bucket}/{key}", **options)


def links_of(store: Store) -> list[int]:
    """The number of names of each blob's file."""
    root = Path(store._layout.root, "blobs")
    return sorted(path.stat().st_nlink for path in root.rglob("*") if path.is_file())


class NoLinks(FileBlobs):
    """Blobs on a file system without hard links."""

    def link(self, blob_id: bytes) -> None:
        return None


# What a copy takes over: the source, the range, the bytes, and whether a file is shared and a new one is made.
SOURCES: list[tuple[str, str | None, bytes, tuple[bool, bool]]] = [
    ("plain", None, FILE_BODY, (True, False)),
    ("single", None, FILE_BODY, (True, False)),
    ("plain", f"bytes=0-{FIRST - 1}", FILE_BODY, (True, False)),
    ("parts", f"bytes=0-{FIRST - 1}", FILE_BODY, (True, False)),
    ("parts", f"bytes={SECOND}-{SECOND + 2 * FIRST - 1}", PARTS[2], (True, False)),
    ("small", None, b"0123456789", (False, False)),
    ("empty", None, b"", (False, False)),
    ("parts", f"bytes={FIRST}-{SECOND - 1}", b"inline", (False, False)),
    ("small", "bytes=0-8", b"012345678", (False, False)),
    ("plain", "bytes=5-9", FILE_BODY[5:10], (False, False)),
    ("plain", f"bytes=1-{FIRST - 1}", FILE_BODY[1:], (False, True)),
    ("plain", f"bytes=0-{FIRST - 2}", FILE_BODY[:-1], (False, True)),
    ("parts", None, WHOLE, (False, True)),
    ("parts", f"bytes={FIRST - 1}-{SECOND}", WHOLE[FIRST - 1 : SECOND + 1], (False, False)),
]


@pytest.mark.parametrize(("source", "wanted", "body", "made"), SOURCES)
def test_a_copied_part_has_the_bytes_asked_for_and_shares_a_file_where_it_can(
    upload: OpenUpload, source: str, wanted: str | None, body: bytes, made: tuple[bool, bool]
) -> None:
    before, links = len(files_of(Path(upload.store._layout.root))), links_of(upload.store)
    pair = copy(upload, 7, source, copy_source_range=wanted)
    assert pair == CompletedPart(7, part_etag_of(body))
    shared, is_new = made
    assert sum(links_of(upload.store)) - sum(links) == (3 if shared else is_new), "two names of one file count two each"
    assert len(files_of(Path(upload.store._layout.root))) == before + (shared or is_new)
    [listed] = upload.list().parts or ()
    assert (listed.part_number, listed.etag, listed.size) == (7, part_etag_of(body), len(body))
    assert upload.complete([pair]).etag == etag_of(body)
    assert read(upload.store, upload.bucket, upload.key) == body
    assert upload.store.check(deep=True).ok


@pytest.mark.parametrize(("source", "wanted", "body", "_made"), SOURCES)
def test_where_no_file_can_be_shared_the_bytes_are_read_and_compared(
    upload: OpenUpload, source: str, wanted: str | None, body: bytes, _made: object
) -> None:
    store: Any = upload.store
    store._context.blobs = NoLinks(str(Path(store._layout.root, "blobs")))
    assert copy(upload, 1, source, copy_source_range=wanted) == CompletedPart(1, part_etag_of(body))
    assert set(links_of(store)) == {1}


@pytest.mark.parametrize(
    ("algorithm", "links"),
    [(None, [1, 2, 2]), ("CRC64NVME", [1, 1, 1]), ("CRC32C", [3, 3, 3]), ("SHA512", [1, 1, 1])],
)
@pytest.mark.parametrize("of_parts", [False, True])
def test_a_file_is_shared_only_where_the_upload_keeps_the_kind_of_checksum_that_the_source_has(
    tiny: Store, bucket: str, algorithm: str | None, links: list[int], of_parts: bool
) -> None:
    checksum = base64.b64encode(ORACLES["CRC32C"](FILE_BODY)).decode()
    if of_parts:
        source = begin(tiny, bucket, "source", checksum_algorithm="CRC32C", checksum_type="COMPOSITE")
        etag = source.part(1, FILE_BODY, checksum_crc32_c=checksum).etag
        source.complete([CompletedPart(1, etag, checksum_crc32_c=checksum)])
    else:
        tiny.put_object(bucket, "source", FILE_BODY, checksum_crc32_c=checksum)
    upload = begin(tiny, bucket, checksum_algorithm=algorithm)
    result = tiny.upload_part_copy(bucket, "key", upload.upload_id, 1, f"{bucket}/source").copy_part_result
    if algorithm is not None:
        told = getattr(result, BY_NAME[algorithm].member)
        assert told == base64.b64encode(ORACLES[algorithm](FILE_BODY)).decode()
    copied = tiny.copy_object(bucket, "copy", f"{bucket}/source", checksum_algorithm=algorithm).copy_object_result
    kept = algorithm or "CRC32C"
    assert copied.checksum_type == "FULL_OBJECT"
    assert getattr(copied, BY_NAME[kept].member) == base64.b64encode(ORACLES[kept](FILE_BODY)).decode()
    assert links_of(tiny) == links, "of the source, the part and the copy"
    assert tiny.check(deep=True).ok


@given(first=st.integers(0, len(WHOLE) - 1), length=st.integers(1, len(WHOLE)))
def test_any_range_is_copied_as_python_slices_it(upload: OpenUpload, first: int, length: int) -> None:
    last = min(first + length, len(WHOLE)) - 1
    body = WHOLE[first : last + 1]
    assert copy(upload, 1, "parts", copy_source_range=f"bytes={first}-{last}") == CompletedPart(1, part_etag_of(body))
    [listed] = upload.list().parts or ()
    assert listed.size == len(body)


def test_copied_and_sent_parts_make_one_object_whatever_becomes_of_the_source(upload: OpenUpload) -> None:
    listed = [copy(upload, 1, "plain"), upload.part(2, b"sent"), copy(upload, 3, "parts"), copy(upload, 4, "plain")]
    for key in ("plain", "parts"):
        upload.store.delete_object(upload.bucket, key)
    upload.complete(listed)
    assert read(upload.store, upload.bucket, upload.key) == FILE_BODY + b"sent" + WHOLE + FILE_BODY
    assert upload.store.check(deep=True).ok
    upload.store.delete_object(upload.bucket, upload.key)
    assert read(upload.store, upload.bucket, "single") == FILE_BODY


def test_a_copied_part_replaces_an_earlier_one_and_goes_with_its_upload_while_the_source_stays(
    upload: OpenUpload,
) -> None:
    before = contents_of(upload.store).files
    for body in (FILE_BODY[::-1], b"small"):
        upload.part(1, body)
        copy(upload, 1, "plain")
        copy(upload, 1, "plain")
        assert len(contents_of(upload.store).files) == len(before) + 1
    upload.abort()
    assert contents_of(upload.store).files == before
    assert read(upload.store, upload.bucket, "plain") == FILE_BODY


def test_a_part_is_copied_from_the_very_key_it_is_for_and_from_other_buckets(upload: OpenUpload) -> None:
    store = upload.store
    store.create_bucket("other")
    store.put_object("other", "a b/ü+%", b"elsewhere")
    answer = store.upload_part_copy(upload.bucket, "key", upload.upload_id, 1, "/other/a%20b/%C3%BC%2B%25")
    store.put_object(upload.bucket, "key", b"own")
    listed = [(1, answer.copy_part_result.etag), copy(upload, 2, "key")]
    upload.complete(listed)
    assert read(store, upload.bucket, "key") == b"elsewhereown"


def test_an_upload_gone_before_the_copy_is_committed_is_refused_and_nothing_is_left(upload: OpenUpload) -> None:
    before = contents_of(upload.store).files
    refusals: list[str] = []

    def try_copy() -> None:
        try:
            copy(upload, 1, "plain")
        except errors.NoSuchUpload as error:
            refusals.append(error.extras["UploadId"])

    in_one_batch(upload.store, upload.abort, try_copy)
    assert refusals == [upload.upload_id]
    assert contents_of(upload.store).files == before


@pytest.mark.parametrize("source", ["plain", "parts"])
def test_a_source_deleted_while_it_is_copied_is_copied_whole(upload: OpenUpload, source: str) -> None:
    """The copy holds the source's lease until its commit; the deletion is committed first and cannot remove the file."""
    etags: list[tuple[int, str]] = []
    in_one_batch(
        upload.store,
        lambda: upload.store.delete_object(upload.bucket, source),
        lambda: etags.append(copy(upload, 1, source)),
    )
    upload.complete(etags)
    assert read(upload.store, upload.bucket, upload.key) == (FILE_BODY if source == "plain" else WHOLE)
    upload.store.reap(timedelta(days=1))
    assert upload.store.stat().trash == 0
    assert upload.store.check(deep=True).unnamed_files == 0


def test_many_copies_of_one_part_at_once_beside_a_collector_are_all_whole(upload: OpenUpload) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def work(thread: int) -> None:
        try:
            for number in range(1, 16):
                copy(upload, 20 * thread + number, "plain")
        except BaseException as error:
            failures.append(error)

    def collect() -> None:
        while not done.is_set():
            upload.store.reap(timedelta(days=1))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    collector = threading.Thread(target=collect)
    for each in (*threads, collector):
        each.start()
    for each in threads:
        each.join()
    done.set()
    collector.join()
    assert failures == []
    assert len(upload.list().parts or ()) == 90
    assert upload.store.check(deep=True).ok
    assert upload.store.check().unnamed_files == 0


# What is refused


def test_the_source_is_looked_up_after_the_upload_and_its_errors_are_those_of_a_read(upload: OpenUpload) -> None:
    with refused("NoSuchKey", Key="absent"):
        copy(upload, 1, "absent")
    with refused("NoSuchBucket", BucketName="nowhere"):
        upload.store.upload_part_copy(upload.bucket, "key", upload.upload_id, 1, "nowhere/key")
    with refused("NoSuchUpload", UploadId="unknown"):
        upload.store.upload_part_copy(upload.bucket, "key", "unknown", 1, f"{upload.bucket}/absent")


def test_the_three_errors_of_a_range_are_told_apart(upload: OpenUpload) -> None:
    with pytest.raises(errors.InvalidArgument, match="must be of the form bytes=first-last"):
        copy(upload, 1, "absent", copy_source_range="bytes=1-0")
    with pytest.raises(errors.InvalidArgument, match="Range specified is not valid for source object of size: 10"):
        copy(upload, 1, "small", copy_source_range="bytes=0-100")
    with refused("InvalidRequest", "The specified copy range is invalid for the source object size"):
        copy(upload, 1, "small", copy_source_range="bytes=100-200")


def test_a_condition_on_the_source_is_a_412_before_any_byte(upload: OpenUpload) -> None:
    before = contents_of(upload.store)
    with refused("PreconditionFailed", Condition="x-amz-copy-source-If-Match"):
        copy(upload, 1, "plain", copy_source_if_match="other")
    with refused("PreconditionFailed", Condition="x-amz-copy-source-If-None-Match"):
        copy(upload, 1, "plain", copy_source_if_none_match=part_etag_of(FILE_BODY))
    assert contents_of(upload.store) == before
    copy(upload, 1, "plain", copy_source_if_match=part_etag_of(FILE_BODY))


def test_the_owner_of_the_source_is_checked_apart_from_the_owner_of_the_upload(upload: OpenUpload) -> None:
    copy(upload, 1, "plain", expected_source_bucket_owner=PARTWRIGHT, expected_bucket_owner=PARTWRIGHT)
    for member in ("expected_source_bucket_owner", "expected_bucket_owner"):
        with pytest.raises(errors.AccessDenied):
            copy(upload, 1, "plain", **{member: "111111111111"})
        with pytest.raises(errors.InvalidBucketOwnerAWSAccountID):
            copy(upload, 1, "plain", **{member: "0000"})


def test_more_than_a_part_may_have_is_copied_in_ranges_only(store_path: Path, bucket: str) -> None:
    with open_store(store_path, limits=Limits(part_size_bytes_min=1, part_size_bytes_max=30_000)) as store:
        upload = begin(store, bucket)
        store.put_object(bucket, "large", FILE_BODY * 2)
        message = "The specified copy source is larger than the maximum allowable size for a copy source: 30000"
        with refused("InvalidRequest", message):
            copy(upload, 1, "large")
        with refused("EntityTooLarge", ProposedSize=30_001, MaxSizeAllowed=30_000):
            copy(upload, 1, "large", copy_source_range="bytes=0-30000")
        assert copy(upload, 1, "large", copy_source_range="bytes=1-30000") == CompletedPart(
            1, part_etag_of((FILE_BODY * 2)[1:30_001])
        )


@pytest.mark.parametrize("wanted", [None, "bytes=1-20000"], ids=["shared", "read"])
@pytest.mark.parametrize("damage", ["gone", "short"])
def test_a_source_whose_file_is_gone_or_short_is_not_copied(
    upload: OpenUpload, damage: str, wanted: str | None
) -> None:
    for path in Path(upload.store._layout.root, "blobs").rglob("*"):
        if path.is_file() and path.stat().st_size == len(FILE_BODY):
            if damage == "gone":
                path.unlink()
            else:
                path.write_bytes(FILE_BODY[:-1])
    with pytest.raises(errors.InternalError):
        copy(upload, 1, "plain", copy_source_range=wanted)
    assert upload.list().parts is None


def test_bytes_that_are_not_what_was_stored_are_not_copied_under_a_new_digest(upload: OpenUpload) -> None:
    store: Any = upload.store
    store._context.blobs = NoLinks(str(Path(store._layout.root, "blobs")))
    for path in Path(store._layout.root, "blobs").rglob("*"):
        if path.is_file():
            path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(errors.InternalError) as caught:
        copy(upload, 1, "plain")
    assert "does not match its checksum" in caught.value.reason
    assert upload.list().parts is None
