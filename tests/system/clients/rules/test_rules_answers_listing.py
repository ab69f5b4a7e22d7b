"""What AWS answered to listings, reads and copies of parts, asked here again."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from tests.system.clients.rules.play import Play
from tests.system.clients.rules.stage import Stage

semantics = partial(pytest.mark.rule, "semantics")
DIGITS = b"0123456789"
LARGE = b"a" * 5_242_881


def plays(*cases: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("play", cases, indirect=True)


def begin(stage: Stage, play: Play, key: str) -> str:
    upload_id: str = stage.boto.create_multipart_upload(Bucket=play.bucket, Key=key)["UploadId"]
    return upload_id


@semantics("order-and-markers-of-ListParts")
@plays("list_parts_pagination", "list_parts_empty_part_number_marker")
def test_list_parts(stage: Stage, play: Play) -> None:
    s3, pages = stage.boto, play.case.endswith("pagination")
    key = "test-list-part-pagination" if pages else "test-list-part-empty-marker"
    upload = {"Key": key, "UploadId": begin(stage, play, key)}
    show = partial(stage.s3.list_parts, **upload)
    if pages:
        play("list-parts-empty", show)
    for number in (2, 1) if pages else (1,):
        s3.upload_part(Bucket=play.bucket, **upload, PartNumber=number, Body=b"data")
    if pages:
        play("list-parts-all", show)
        play("list-parts-1", show, MaxParts=1)
        play("list-parts-next", show, MaxParts=1, PartNumberMarker=1)
        play("list-parts-wrong-part", show, MaxParts=1, PartNumberMarker=10)
    else:
        play("list-parts-empty-marker", show, PartNumberMarker="")
        play("list-parts-empty-max-parts", show, MaxParts="")
    play.finish()


@semantics("order-and-markers-of-ListMultipartUploads")
@plays("list_multiparts_next_marker")
def test_list_uploads_from_markers(stage: Stage, play: Play) -> None:
    show = stage.boto.list_multipart_uploads
    play("list-multiparts-empty", show)
    keys = ["c", "b", "a", "a", "a"]
    ids = {number: begin(stage, play, key) for number, key in enumerate(keys, 1)}
    play("list-multiparts-all", show)
    one = partial(show, MaxUploads=1)
    play("list-multiparts-max-1", one)
    play("list-multiparts-next-key-empty", one, KeyMarker="")
    play("list-multiparts-next-upload-only", one, UploadIdMarker=ids[3])
    play("list-multiparts-next-key-only", one, KeyMarker="a")
    play("list-multiparts-both-markers", one, KeyMarker="a", UploadIdMarker=ids[3])
    play("list-multiparts-both-markers-2", one, KeyMarker="a", UploadIdMarker=ids[5])
    play("list-multiparts-get-last-upload-no-truncate", one, KeyMarker="b", UploadIdMarker=ids[2])
    play("list-multiparts-next-key-last", one, KeyMarker="c")
    play("list-multiparts-wrong-id-for-key", one, KeyMarker="a", UploadIdMarker=ids[2])
    play.finish()


@semantics("order-and-markers-of-ListMultipartUploads")
@plays("list_multiparts_with_prefix_and_delimiter")
def test_list_uploads_rolled_up(stage: Stage, play: Play) -> None:
    """Where a page ends on a common prefix we say so in NextKeyMarker, which AWS leaves empty there."""
    for key in ("test/foo/bar/123", "test/foo/bar/456", "test/bar/foo/123"):
        begin(stage, play, key)
    show = partial(stage.boto.list_multipart_uploads, Delimiter="/", EncodingType="url")
    for number, (prefix, last) in enumerate(
        (("test/", "test/foo/"), ("test/foo/", "test/foo/bar/"), ("test/foo/bar", "test/foo/bar/")), 1
    ):
        play(f"list-multiparts-{number}", show, Prefix=prefix, differs={"NextKeyMarker": last})
    play.finish()


@semantics("order-and-markers-of-ListMultipartUploads")
@plays("list_multipart_uploads_marker_common_prefixes")
def test_list_uploads_beyond_a_common_prefix(stage: Stage, play: Play) -> None:
    for key in ("folder/aSubfolder/subFile1", "folder/aSubfolder/subFile2", "folder/file1", "folder/file2"):
        begin(stage, play, key)
    show = partial(stage.boto.list_multipart_uploads, Prefix="folder/", Delimiter="/", MaxUploads=1)
    start = play("list-multiparts-start", show, differs={"NextKeyMarker": "folder/aSubfolder/"})
    play("list-multiparts-manual-first-file", show, KeyMarker="folder/aSubfolder/subFile1")
    play("list-multiparts-manual-prefix", show, KeyMarker=start["NextKeyMarker"])
    play.finish()


@semantics("order-and-markers-of-ListParts")
@semantics("open-uploads-are-invisible")
@plays("multipart_and_list_parts")
def test_an_upload_in_the_listings(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-list-parts"}
    upload = key | {"UploadId": play("create-multipart", s3.create_multipart_upload, **key)["UploadId"]}
    play("list-part-after-created", s3.list_parts, **upload)
    play("list-all-uploads", s3.list_multipart_uploads)
    part = play("upload-part", s3.upload_part, **upload, PartNumber=1, Body=b"upload-part-1" * 5)
    play("list-part-after-upload", s3.list_parts, **upload)
    play("list-all-uploads-after", s3.list_multipart_uploads)
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    play("complete-multipart", s3.complete_multipart_upload, **upload, MultipartUpload=listed)
    play("list-part-after-complete-exc", s3.list_parts, **upload)
    play("list-all-uploads-completed", s3.list_multipart_uploads)
    play("get-multipart-checksum", s3.get_object, **key, ChecksumMode="ENABLED")
    play("head-multipart-checksum", s3.head_object, **key, ChecksumMode="ENABLED")
    play.finish()


@semantics("gaps-and-subsets-in-the-list")
@plays("complete_multipart_parts_order")
def test_the_order_of_parts(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-order-parts"}
    for step, numbers, name in (
        ("ordered", (1, 2, 3), "test-order-parts"), ("with-step-2", (1, 3, 5), "key-sequence-with-step-2"),
    ):  # fmt: skip
        key = {"Key": name}
        upload = key | {"UploadId": begin(stage, play, name)}
        if step == "ordered":
            play("upload-part-negative-part-number", s3.upload_part, **upload, PartNumber=-1, Body=b"")
        etags = {
            number: s3.upload_part(Bucket=play.bucket, **upload, PartNumber=number, Body=LARGE)["ETag"]
            for number in numbers
        }
        listed = [{"PartNumber": number, "ETag": etags[number]} for number in numbers]
        complete = partial(s3.complete_multipart_upload, **upload)
        if step == "ordered":
            play("complete-multipart-unordered", complete, MultipartUpload={"Parts": listed[::-1]})
        play(f"complete-multipart-{step}", complete, MultipartUpload={"Parts": listed})
    play.finish()


@plays("multipart_with_unicode_character_location")
def test_the_location_of_a_key_beyond_ascii(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-unicode_\N{EM DASH}_file"}
    upload = key | {"UploadId": play("create-multipart", s3.create_multipart_upload, **key)["UploadId"]}
    part = s3.upload_part(Bucket=play.bucket, **upload, PartNumber=1, Body=b"upload-part-1")
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    play("complete-multipart", s3.complete_multipart_upload, **upload, MultipartUpload=listed)
    play.finish()


@pytest.mark.rule("uploads", "InvalidRequest-another-x-amz-mp-object-size")
@plays("multipart_size_validation")
def test_the_size_of_an_upload(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-multipart-size"}
    upload = key | {"UploadId": play("create-mpu", s3.create_multipart_upload, **key)["UploadId"]}
    part = play("upload-part", s3.upload_part, **upload, PartNumber=1, Body=b"aaaa")
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    complete = partial(s3.complete_multipart_upload, **upload, MultipartUpload=listed)
    play("complete-multipart-wrong-size", complete, MpuObjectSize=5)
    play("complete-multipart-good-size", complete, MpuObjectSize=4)
    play("get-object-attrs", s3.get_object_attributes, **key, ObjectAttributes=["ETag", "Checksum"])
    play.finish()


RANGES = ("-", "-0", "-1-", "-15", "-2", "-9", "0--1", "0-0", "0-100", "0-8", "1-", "1-0", "1-1", "100-200")


@pytest.mark.rule("listing and copy", "InvalidRange")
@plays("get_object_range")
def test_ranges_of_a_read(stage: Stage, play: Play) -> None:
    s3 = stage.boto
    s3.put_object(Bucket=play.bucket, Key="key", Body=DIGITS)
    for text in RANGES:
        play(f"get-{text}", s3.get_object, Key="key", Range=f"bytes={text}")
    play("get-0-8-checksum", s3.get_object, Key="key", Range="bytes=0-8", ChecksumMode="ENABLED")
    play("get-multiple-ranges", s3.get_object, Key="key", Range="bytes=0-1,3-4,7-9")
    play("get-wrong-format", s3.get_object, Key="key", Range="0-8")
    play.finish()


@semantics("GetObjectAttributes")
@plays("get_object_attributes")
def test_attributes(stage: Stage, play: Play) -> None:
    s3, every = stage.boto, ["StorageClass", "ETag", "ObjectSize", "ObjectParts", "Checksum"]
    s3.put_object(Bucket=play.bucket, Key="plain", Body=b"7 bytes")
    play("object-attrs", s3.get_object_attributes, Key="plain", ObjectAttributes=every)
    for count, bodies in ((1, [b"upload-part-1" * 5]), (2, [b"upload-part-1" * 403_300, b"upload-part-1" * 5])):
        upload = {"Bucket": play.bucket, "Key": "parts", "UploadId": begin(stage, play, "parts")}
        listed = [
            {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
            for number, body in enumerate(bodies, 1)
        ]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
        step = f"object-attrs-multiparts-{count}-part" + "s" * (count > 1)
        play(step, s3.get_object_attributes, Key="parts", ObjectAttributes=every[:-1])
    others = [name for name in every if name != "ObjectParts"]
    step = "object-attrs-multiparts-2-parts-checksum"
    play(step, s3.get_object_attributes, Key="parts", ObjectAttributes=others)
    play.finish()


@semantics("GetObjectAttributes")
@plays("get_object_attributes_versioned")
def test_attributes_of_versions(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "key-attrs-versioned"}
    s3.put_bucket_versioning(Bucket=play.bucket, VersioningConfiguration={"Status": "Enabled"})
    first = play("put-obj-v1", s3.put_object, **key, Body=b"7 bytes")
    play("put-obj-v2", s3.put_object, **key, Body=b"now of 9.")
    every = {"ObjectAttributes": ["StorageClass", "ETag", "ObjectSize", "ObjectParts", "Checksum"]}
    play("object-attrs", s3.get_object_attributes, **key, **every)
    others = {"ObjectAttributes": ["StorageClass", "ETag", "ObjectSize"]}
    play("get-object-attrs-v1", s3.get_object_attributes, **key, VersionId=first["VersionId"], **others)
    play("delete-key", s3.delete_object, **key)
    play("deleted-object-attrs", s3.get_object_attributes, **key, **every)
    play.finish()


@semantics("GetObjectAttributes")
@plays("list_parts_via_object_attrs_pagination")
def test_attributes_page_by_page(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-object-attrs-pagination"}
    created = s3.create_multipart_upload(Bucket=play.bucket, **key, ChecksumAlgorithm="SHA256")
    upload, listed = key | {"UploadId": created["UploadId"]}, []
    for number in (1, 2):
        body = {"PartNumber": number, "Body": LARGE, "ChecksumAlgorithm": "SHA256"}
        part = s3.upload_part(Bucket=play.bucket, **upload, **body)
        listed.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    play("list-parts", s3.list_parts, **upload)
    play("complete-mpu", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": listed})
    show = partial(s3.get_object_attributes, **key, ObjectAttributes=["ObjectParts"])
    play("get-object-attrs-all", show)
    play("get-object-attrs-1", show)
    play("get-object-attrs-next", show, MaxParts=1, PartNumberMarker=1)
    play("get-object-attrs-wrong-part", show, MaxParts=1, PartNumberMarker=10)
    play.finish()


@semantics("ranges-of-UploadPartCopy")
@plays("upload_part_copy_no_copy_source_range", "upload_part_copy_range")
def test_copies_of_parts(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-upload-part-copy"}
    play("put-src-object", s3.put_object, Key="source", Body=DIGITS)
    upload = key | {"UploadId": play("create-multipart", s3.create_multipart_upload, **key)["UploadId"]}
    copy = partial(s3.upload_part_copy, **upload, CopySource={"Bucket": play.bucket, "Key": "source"})
    if play.case.endswith("no_copy_source_range"):
        play("upload-part-copy", copy, PartNumber=1)
    else:
        for number, text in ((1, "0-8"), (2, "1-1"), (3, "0-0")):
            play(f"upload-part-copy-{number}", copy, PartNumber=number, CopySourceRange=f"bytes={text}")
    play("list-parts", s3.list_parts, **upload)
    play.finish()


NOW = datetime.now(UTC)
PAST, FUTURE = NOW - timedelta(days=1), NOW + timedelta(days=1)
CONDITIONS = {
    "copy_source_if_match_and_if_unmodified_since_match": {"Match": "{etag}", "UnmodifiedSince": PAST},
    "copy_source_if_match_failed": {"Match": "other"},
    "copy_source_if_match_none_success": {"NoneMatch": "other"},
    "copy_source_if_match_success": {"Match": "{etag}"},
    "copy_source_if_modified_since_in_future_success": {"ModifiedSince": FUTURE},
    "copy_source_if_modified_since_success": {"ModifiedSince": PAST},
    "copy_source_if_none_match_and_if_unmodified_since_match_failed": {"NoneMatch": "other", "UnmodifiedSince": PAST},
    "copy_source_if_none_match_failed": {"NoneMatch": "{etag}"},
    "copy_source_if_unmodified_since_match_failed": {"UnmodifiedSince": PAST},
    "copy_source_if_unmodified_since_success": {"UnmodifiedSince": FUTURE},
    "if_modified_since_failed": {"ModifiedSince": NOW},
}
"""The conditions of each case; NOW stands for the moment of the source."""


@semantics("conditions-of-UploadPartCopy")
@plays(*(f"upload_part_copy_with_{name}" for name in CONDITIONS))
def test_copies_of_parts_if(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "destination_file.txt"}
    etag = s3.put_object(Bucket=play.bucket, Key="source", Body=DIGITS)["ETag"]
    modified = s3.head_object(Bucket=play.bucket, Key="source")["LastModified"]
    upload = key | {"UploadId": begin(stage, play, key["Key"])}
    given = {
        f"CopySourceIf{name}": etag if value == "{etag}" else modified if value == NOW else value
        for name, value in CONDITIONS[play.case.removeprefix("upload_part_copy_with_")].items()
    }
    source = {"Bucket": play.bucket, "Key": "source"}
    step = next(step for step in play.steps if step != "list-parts")
    play(step, s3.upload_part_copy, **upload, PartNumber=1, CopySource=source, **given)
    if "list-parts" in play.steps:
        play("list-parts", s3.list_parts, **upload)
    play.finish()
