"""What AWS answered about conditions, asked here again: on Complete, PutObject, CopyObject, with versions and without, on reads."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.system.clients.rules.play import Play
from tests.system.clients.rules.stage import Stage

semantics = partial(pytest.mark.rule, "semantics")
KEY = "test-precondition"


def plays(*cases: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("play", cases, indirect=True)


def with_versions(stage: Stage, play: Play) -> None:
    stage.s3.put_bucket_versioning(Bucket=play.bucket, VersioningConfiguration={"Status": "Enabled"})


def completing(stage: Stage, play: Play, upload_id: str) -> Any:
    """Give an upload its only part; what completes it."""
    named = {"Bucket": play.bucket, "Key": KEY, "UploadId": upload_id}
    etag = stage.boto.upload_part(**named, PartNumber=1, Body=b"test")["ETag"]
    listed = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    return partial(stage.boto.complete_multipart_upload, **named, MultipartUpload=listed)


@semantics("conditions-of-Complete")
@plays("multipart_if_match_etag")
def test_complete_if_the_etag_is_still_there(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": KEY}
    put = play("put-obj", s3.put_object, **key, Body=b"test")
    complete = completing(stage, play, play("create-multipart", s3.create_multipart_upload, **key)["UploadId"])
    made = play("complete-multipart-if-match", complete, IfMatch=put["ETag"])
    complete = completing(
        stage, play, play("create-multipart-overwrite", s3.create_multipart_upload, **key)["UploadId"]
    )
    play("complete-multipart-if-match-true-etag", complete, IfMatch=put["ETag"])
    play("complete-multipart-if-match-overwrite-multipart", complete, IfMatch=made["ETag"])
    play.finish()


@semantics("conditions-of-Complete")
@plays("multipart_if_match_with_delete")
def test_complete_after_a_delete(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": KEY}
    put = play("put-obj", s3.put_object, **key, Body=b"test")
    complete = completing(stage, play, play("create-multipart", s3.create_multipart_upload, **key)["UploadId"])
    play("del-obj", s3.delete_object, **key)
    play("complete-multipart-after-del", complete, IfMatch=put["ETag"])
    play("put-obj-2", s3.put_object, **key, Body=b"test")
    play("complete-multipart-if-match-after-put", complete, IfMatch=put["ETag"])
    play.finish()


@semantics("conditions-of-Complete")
@plays("multipart_if_match_with_put", "multipart_if_match_with_put_identical")
def test_complete_after_a_put(stage: Stage, play: Play) -> None:
    s3, key, identical = stage.boto, {"Key": KEY}, play.case.endswith("identical")
    before = play("put-obj", s3.put_object, **key, Body=b"test")
    complete = completing(stage, play, play("create-multipart", s3.create_multipart_upload, **key)["UploadId"])
    during = play("put-obj-during", s3.put_object, **key, Body=b"test" if identical else b"test2")
    if not identical:
        play("complete-multipart-if-match-put-before", complete, IfMatch=before["ETag"])
    play("complete-multipart-if-match-put-during", complete, IfMatch=during["ETag"])
    complete = completing(stage, play, play("create-multipart-again", s3.create_multipart_upload, **key)["UploadId"])
    play("complete-multipart-if-match-put-before-restart", complete, IfMatch=during["ETag"])
    play.finish()


@semantics("conditions-of-Complete")
@plays("multipart_if_none_match_with_delete", "multipart_if_none_match_with_put")
def test_complete_if_nothing_is_there(stage: Stage, play: Play) -> None:
    s3, key, deletes = stage.boto, {"Key": KEY}, play.case.endswith("delete")
    complete = completing(stage, play, play("create-multipart", s3.create_multipart_upload, **key)["UploadId"])
    play("put-obj", s3.put_object, **key)
    play("complete-multipart-if-none-match" + ("" if deletes else "-put-during"), complete, IfNoneMatch="*")
    if deletes:
        play("del-obj", s3.delete_object, **key)
        play("complete-multipart-after-del", complete, IfNoneMatch="*")
        complete = completing(stage, play, s3.create_multipart_upload(Bucket=play.bucket, **key)["UploadId"])
        play("complete-multipart-after-del-restart", complete, IfNoneMatch="*")
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("put_object_if_match")
def test_put_if_the_etag_is_still_there(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": KEY}
    play("put-obj-if-match-key-not-exists", s3.put_object, **key, IfMatch="etag")
    put = play("put-obj", s3.put_object, **key, Body=b"test")
    play("put-obj-if-match-wrong-etag", s3.put_object, **key, IfMatch="etag")
    play("put-obj-overwrite", s3.put_object, **key, IfMatch=put["ETag"])
    play("del-obj", s3.delete_object, **key)
    play("put-obj-after-del", s3.put_object, **key)
    play.finish()


@pytest.mark.rule("uploads", "NoSuchKey-If-Match")
@plays("put_object_if_match_validation")
def test_put_if_what_cannot_be(stage: Stage, play: Play) -> None:
    put = partial(stage.boto.put_object, Key="test-precondition-validation")
    play("put-obj-if-match-star-value", put, IfMatch="*")
    play("put-obj-if-match-bad-value", put, IfMatch="abcdef")
    play("put-obj-if-match-bad-value-2", put, IfMatch="bad-char_/")
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("put_object_if_none_match")
def test_put_if_nothing_is_there(stage: Stage, play: Play) -> None:
    put = partial(stage.boto.put_object, Key=KEY, IfNoneMatch="*")
    play("put-obj", put)
    play("put-obj-if-none-match", put)
    play("del-obj", stage.boto.delete_object, Key=KEY)
    play("put-obj-after-del", put)
    play.finish()


@pytest.mark.rule("uploads", "NotImplemented-conditions")
@plays("put_object_if_none_match_validation")
def test_put_if_another_is_there(stage: Stage, play: Play) -> None:
    put = partial(stage.boto.put_object, Key="test-precondition-validation")
    play("put-obj", put)
    play("put-obj-if-none-match-bad-value", put, IfNoneMatch="abcdef")
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("put_object_if_match_versioned_bucket")
def test_put_if_the_newest_version_is_still_there(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": KEY}
    with_versions(stage, play)
    first = play("put-obj", s3.put_object, **key, Body=b"test")
    play("del-obj", s3.delete_object, **key)
    play("put-obj-after-del-exc", s3.put_object, **key, IfMatch=first["ETag"])
    newest = play("put-obj-after-del", s3.put_object, **key, Body=b"test-after-del")
    play("put-obj-if-none-match-bad-value", s3.put_object, **key, IfMatch=first["ETag"])
    play("put-obj-if-match", s3.put_object, **key, Body=b"13 bytes here", IfMatch=newest["ETag"])
    play("list-object-versions", s3.list_object_versions)
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("put_object_if_none_match_versioned_bucket")
def test_put_if_no_version_is_in_sight(stage: Stage, play: Play) -> None:
    put = partial(stage.boto.put_object, Key=KEY, IfNoneMatch="*")
    with_versions(stage, play)
    play("put-obj", put)
    play("put-obj-if-none-match", put)
    play("del-obj", stage.boto.delete_object, Key=KEY)
    play("put-obj-after-del", put)
    play("list-object-versions", stage.boto.list_object_versions)
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("copy_object_if_match_in_place", "copy_object_if_none_match")
def test_copy_if(stage: Stage, play: Play) -> None:
    s3 = stage.boto
    etag = s3.put_object(Bucket=play.bucket, Key="source", Body=b"source content")["ETag"]
    copy = partial(s3.copy_object, CopySource={"Bucket": play.bucket, "Key": "source"})
    if play.case == "copy_object_if_match_in_place":
        play("copy-obj-if-match-in-place", copy, Key="source", MetadataDirective="REPLACE", IfMatch=etag)
    else:
        play("copy-obj", copy, Key="dest", IfNoneMatch="*")
        play("copy-obj-if-none-match-fail", copy, Key="dest", IfNoneMatch="*")
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("copy_object_if_none_match_in_place")
def test_copy_in_place_if_nothing_is_there(stage: Stage, play: Play) -> None:
    stage.boto.put_object(Bucket=play.bucket, Key="source", Body=b"source content")
    source = {"Bucket": play.bucket, "Key": "source"}
    copy = partial(stage.boto.copy_object, CopySource=source, MetadataDirective="REPLACE")
    play("copy-obj-if-none-match-fail", copy, Key="source", IfNoneMatch="*")
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("copy_object_if_match_versioned_bucket")
def test_copy_if_the_newest_version_is_still_there(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "dest-object"}
    with_versions(stage, play)
    s3.put_object(Bucket=play.bucket, Key="source-object", Body=b"source content")
    copy = partial(s3.copy_object, **key, CopySource={"Bucket": play.bucket, "Key": "source-object"})
    first = play("put-obj", s3.put_object, **key, Body=b"initial content")
    play("del-obj", s3.delete_object, **key)
    play("copy-obj-after-del-exc", copy, IfMatch=first["ETag"])
    newest = play("put-obj-after-del", s3.put_object, **key, Body=b"24 bytes, and no more...")
    play("copy-obj-if-match-wrong-etag", copy, IfMatch=first["ETag"])
    play("copy-obj-if-match", copy, IfMatch=newest["ETag"])
    play("list-object-versions", s3.list_object_versions)
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("copy_object_if_none_match_versioned_bucket")
def test_copy_if_no_version_is_in_sight(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "dest-object"}
    with_versions(stage, play)
    s3.put_object(Bucket=play.bucket, Key="source-object", Body=b"source content")
    copy = partial(s3.copy_object, **key, CopySource={"Bucket": play.bucket, "Key": "source-object"}, IfNoneMatch="*")
    play("copy-obj", copy)
    play("copy-obj-if-none-match-fail", copy)
    play("del-obj", s3.delete_object, **key)
    play("copy-obj-after-del", copy)
    play("list-object-versions", s3.list_object_versions)
    play.finish()


FUTURE, PAST = datetime.now(UTC) + timedelta(days=1), datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.rule("uploads", "PreconditionFailed")
@pytest.mark.parametrize(
    "play",
    [
        pytest.param("s3_get_object_preconditions[get_object]"),
        "s3_get_object_preconditions[head_object]",
    ],
    indirect=True,
)
def test_reads_if(stage: Stage, play: Play) -> None:
    s3 = stage.boto
    call = s3.get_object if play.case.endswith("[get_object]") else s3.head_object
    etag = s3.put_object(Bucket=play.bucket, Key="key", Body=b"data")["ETag"]
    modified = s3.head_object(Bucket=play.bucket, Key="key")["LastModified"]
    read = partial(call, Key="key")
    play("precondition-if-match", read, IfMatch="etag")
    play("precondition-if-unmodified-since", read, IfUnmodifiedSince=PAST)
    play("precondition-if-none-match", read, IfNoneMatch=etag)
    play("etag-missing-quotes", read, IfNoneMatch=etag.strip('"'))
    play("copy-precondition-if-modified-since", read, IfModifiedSince=modified)
    play("precondition-if-modified-since-is-object", read, IfModifiedSince=modified)
    play("precondition-if-unmodified-since-is-object", read, IfUnmodifiedSince=modified)
    play("obj-ignore-future-modified-since", read, IfModifiedSince=FUTURE)
    both = {"IfMatch": etag, "IfNoneMatch": "etag", "IfModifiedSince": PAST, "IfUnmodifiedSince": FUTURE}
    play("obj-success", read, **both)
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("s3_copy_object_preconditions")
def test_copy_if_the_source_is(stage: Stage, play: Play) -> None:
    s3 = stage.boto
    etag = s3.put_object(Bucket=play.bucket, Key="source", Body=b"data")["ETag"]
    modified = play("head-object", s3.head_object, Key="source")["LastModified"]
    copy = partial(s3.copy_object, Key="dest", CopySource={"Bucket": play.bucket, "Key": "source"})
    play("copy-precondition-if-match", copy, CopySourceIfMatch="etag")
    play("copy-precondition-if-unmodified-since", copy, CopySourceIfUnmodifiedSince=PAST)
    play("copy-precondition-if-none-match", copy, CopySourceIfNoneMatch=etag)
    play("copy-etag-missing-quotes", copy, CopySourceIfNoneMatch=etag.strip('"'))
    play("copy-precondition-if-modified-since", copy, CopySourceIfModifiedSince=modified)
    play("copy-ignore-future-modified-since", copy, CopySourceIfModifiedSince=FUTURE)
    both = {"CopySourceIfMatch": etag, "CopySourceIfNoneMatch": "etag"}
    play("copy-success", copy, **both, CopySourceIfModifiedSince=PAST, CopySourceIfUnmodifiedSince=FUTURE)
    play.finish()


@pytest.mark.rule("uploads", "PreconditionFailed")
@plays("s3_copy_object_if_source_modified_since_versioned", "s3_copy_object_if_source_unmodified_since_versioned")
def test_copy_if_the_newest_version_of_the_source_is(stage: Stage, play: Play) -> None:
    s3, unmodified = stage.boto, "unmodified" in play.case
    with_versions(stage, play)
    s3.put_object(Bucket=play.bucket, Key="source", Body=b"data")
    modified = play("head-object", s3.head_object, Key="source")["LastModified"]
    copy = partial(s3.copy_object, Key="dest", CopySource={"Bucket": play.bucket, "Key": "source"})
    if unmodified:
        play("copy-if-unmodified-since", copy, CopySourceIfUnmodifiedSince=modified)
        play("copy-past-if-unmodified-since", copy, CopySourceIfUnmodifiedSince=PAST)
    else:
        play("copy-if-modified-since", copy, CopySourceIfModifiedSince=PAST)
        play("copy-if-modified-since-last-modified", copy, CopySourceIfModifiedSince=modified)
    play.finish()
