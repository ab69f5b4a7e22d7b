"""Reap: the uploads that are too old, their parts, and the garbage of crashes; nothing else."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import engine
from engine import ReapReport, Store
from tests.support.clock import DAY, clocked
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of, files_of
from tests.support.uploads import begin, read


def make_orphan(path: Path, size: int = 10) -> None:
    """A blob that no row names, as a kill between linkat and the commit leaves it."""
    name = os.urandom(16).hex()
    (path / "blobs" / name[:2] / name[2:]).write_bytes(b"x" * size)


def test_reap_aborts_the_uploads_older_than_asked(tiny: Store, bucket: str) -> None:
    tiny.create_bucket("another-bucket")
    old = [begin(tiny, bucket), begin(tiny, "another-bucket"), begin(tiny, bucket, "k" * 1024)]
    for upload in old:
        upload.parts({1: FILE_BODY, 2: b"inline"})
    report = tiny.reap(timedelta(0))
    assert (report.aborted_uploads, report.aborted_bytes) == (3, 3 * (len(FILE_BODY) + 6))
    for upload in old:
        with refused("NoSuchUpload", UploadId=upload.upload_id):
            upload.list()
    held = contents_of(tiny)
    assert held.files == {}
    assert (held.count("uploads"), held.count("parts_8"), held.count("inline"), held.count("trash")) == (0, 0, 0, 0)


def test_reap_leaves_the_uploads_that_are_younger(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    part = upload.part(1, FILE_BODY)
    before = contents_of(tiny)
    report = tiny.reap(timedelta(hours=1))
    assert (report.aborted_uploads, report.aborted_bytes, report.collected_files) == (0, 0, 0)
    assert contents_of(tiny) == before
    upload.complete([part])


def test_reap_leaves_objects_alone(tiny: Store, bucket: str) -> None:
    tiny.put_object(bucket, "plain", FILE_BODY)
    upload = begin(tiny, bucket, "multipart")
    upload.complete(upload.parts({1: FILE_BODY, 2: b"end"}))
    before = contents_of(tiny)
    tiny.reap(timedelta(0))
    assert contents_of(tiny) == before
    assert read(tiny, bucket, "multipart") == FILE_BODY + b"end"


def test_reap_goes_through_more_than_a_page_of_uploads(tiny: Store, bucket: str) -> None:
    for number in range(1100):
        tiny.create_multipart_upload(bucket, f"key-{number % 7}")
    assert tiny.reap(timedelta(0)).aborted_uploads == 1100
    assert tiny.stat().open_uploads == 0


def test_reap_collects_what_crashes_left(tiny: Store, store_path: Path, bucket: str) -> None:
    tiny.put_object(bucket, "key", FILE_BODY)
    for size in (10, 20):
        make_orphan(store_path, size)
    assert (tiny.check().unnamed_files, tiny.check().unnamed_bytes) == (2, 30)
    report = tiny.reap(timedelta(hours=1))
    assert (report.collected_files, report.collected_bytes) == (2, 30)
    assert list(files_of(store_path).values()) == [len(FILE_BODY)]


def test_reap_leaves_files_in_the_shards_that_are_none_of_ours(tiny: Store, store_path: Path) -> None:
    foreign = store_path / "blobs" / "00" / "README"
    foreign.write_bytes(b"hands off")
    tiny.reap(timedelta(0))
    assert foreign.read_bytes() == b"hands off"


def test_reap_refuses_a_negative_age(tiny: Store) -> None:
    with pytest.raises(ValueError, match="older_than must not be negative"):
        tiny.reap(timedelta(seconds=-1))


def test_an_upload_that_is_reaped_while_a_part_arrives_takes_the_part_with_it(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)

    def body() -> Iterator[bytes]:
        yield FILE_BODY
        tiny.reap(timedelta(0))
        yield FILE_BODY

    with refused("NoSuchUpload", UploadId=upload.upload_id):
        upload.part(1, body())
    assert contents_of(tiny).files == {}


def test_reap_does_not_take_a_part_that_is_arriving_in_a_younger_upload(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)

    def body() -> Iterator[bytes]:
        yield FILE_BODY
        assert tiny.reap(timedelta(hours=1)).collected_files == 0
        yield FILE_BODY

    upload.complete([upload.part(1, body())])
    assert read(tiny, bucket, "key") == FILE_BODY * 2


def set_rules(store: Store, bucket: str, *rules: tuple[str, int]) -> None:
    said = [
        {
            "status": "Enabled",
            "filter": {"prefix": prefix},
            "abort_incomplete_multipart_upload": {"days_after_initiation": days},
        }
        for prefix, days in rules
    ]
    store.put_bucket_lifecycle_configuration(bucket, lifecycle_configuration={"rules": said})


def test_a_rule_aborts_an_upload_at_the_date_that_create_said(tiny: Store, bucket: str) -> None:
    clock = clocked(tiny)
    set_rules(tiny, bucket, ("", 7), ("logs/", 2))
    begin(tiny, bucket, "logs/cat").part(1, FILE_BODY)
    upload = begin(tiny, bucket, "cat")
    kept = upload.part(1, b"kept")
    date = upload.list().abort_date
    assert date is not None
    clock.now = date - timedelta(microseconds=1)
    assert tiny.reap() == ReapReport(aborted_uploads=1, aborted_bytes=len(FILE_BODY))
    assert [part.etag for part in upload.list().parts or ()] == [kept.etag]
    clock.now = date
    assert tiny.reap() == ReapReport(aborted_uploads=1, aborted_bytes=4)
    with refused("NoSuchUpload", UploadId=upload.upload_id):
        upload.complete([kept])
    held = contents_of(tiny)
    assert (held.files, held.count("uploads"), held.count("inline"), held.count("trash")) == ({}, 0, 0, 0)


def test_without_a_rule_and_without_an_age_nothing_is_aborted(tiny: Store, bucket: str) -> None:
    clock = clocked(tiny)
    upload = begin(tiny, bucket)
    clock.go_on(1000 * DAY)
    assert tiny.reap() == ReapReport()
    set_rules(tiny, bucket, ("other/", 1))
    assert tiny.reap() == ReapReport()
    assert upload.list().parts is None


def test_an_age_and_rules_go_together(tiny: Store, bucket: str) -> None:
    clock = clocked(tiny)
    for key in ("a", "b", "c"):
        begin(tiny, bucket, key)
        clock.go_on(DAY)
    set_rules(tiny, bucket, ("b", 2))
    assert tiny.reap(3 * DAY).aborted_uploads == 1
    assert [upload.key for upload in tiny.list_multipart_uploads(bucket).uploads or ()] == ["b", "c"]
    clock.go_on(DAY)
    assert tiny.reap(9 * DAY).aborted_uploads == 1
    assert [upload.key for upload in tiny.list_multipart_uploads(bucket).uploads or ()] == ["c"]


def test_a_rule_goes_through_more_than_a_page_of_uploads(tiny: Store, bucket: str) -> None:
    clock = clocked(tiny)
    for number in range(1100):
        tiny.create_multipart_upload(bucket, f"key-{number % 7}")
    set_rules(tiny, bucket, ("key-0", 1), ("key-6", 1))
    clock.go_on(3 * DAY)
    assert [step.aborted_uploads for step in tiny.reap_in_steps(collect=False)] == [215, 100]
    assert tiny.stat().open_uploads == 1100 - 158 - 157


def test_one_looks_after_a_store_until_it_leaves(tiny: Store, store_path: Path) -> None:
    with engine.open(store_path) as other:
        right = tiny.acquire_upkeep_lease()
        assert right is not None
        assert other.acquire_upkeep_lease() is None
        right.close()
        again = other.acquire_upkeep_lease()
        assert again is not None
        assert tiny.acquire_upkeep_lease() is None
        again.close()
