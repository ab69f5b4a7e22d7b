"""boto3 calls every operation we serve, over every host, and looks at what is answered: a test fails for one that is not called so."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.s3.member_names import snake
from engine.server.operations import SERVED
from tests.support.calls import NEVER_SET, REFUSED
from tests.system.clients import calls_on_buckets as calls_on_buckets
from tests.system.clients import calls_on_fixed_settings as calls_on_fixed_settings
from tests.system.clients import calls_on_policies as calls_on_policies
from tests.system.clients.conftest import bucket_name
from tests.system.clients.place import BODY, CALLED, ETAG, Place, calls

TAGS = [{"Key": "colour", "Value": "red"}]
HOLD = {"Status": "ON"}
UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
RETENTION = {"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL}
LOCK = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}}


@pytest.fixture
def place(s3: Any) -> Place:
    bucket = bucket_name()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    first, second = (s3.put_object(Bucket=bucket, Key="key", Body=body)["VersionId"] for body in (b"old", BODY))
    return Place(s3, bucket, (first, second))


@pytest.fixture
def answered(s3: Any) -> Iterator[set[str]]:
    """The operations that are answered from here on with a success, or with their own word that a bucket has no such setting,
    or can't have it.
    """
    names: set[str] = set()
    own_words = NEVER_SET | REFUSED

    def note(model: Any, http_response: Any, parsed: Any, **_: Any) -> None:
        code = parsed.get("Error", {}).get("Code")
        if http_response.status_code < 300 or (code is not None and code == own_words.get(snake(model.name))):
            names.add(model.name)

    s3.meta.events.register("after-call.s3", note)
    yield names
    s3.meta.events.unregister("after-call.s3", note)


def test_every_operation_we_serve_is_called() -> None:
    assert set(CALLED) == set(SERVED)


@pytest.mark.parametrize("operation", sorted(SERVED))
def test_operation(operation: str, place: Place, answered: set[str]) -> None:
    CALLED[operation](place)
    assert operation in answered


@calls("AbortMultipartUpload")
def abort_multipart_upload(at: Place) -> None:
    at.s3.abort_multipart_upload(**at.begin())
    assert "Uploads" not in at.s3.list_multipart_uploads(**at.named)


@calls("CompleteMultipartUpload")
def complete_multipart_upload(at: Place) -> None:
    done = at.s3.complete_multipart_upload(**at.begin(), MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": ETAG}]})
    assert (done["Bucket"], done["Key"], done["ETag"][-3:]) == (at.bucket, "key", '-1"')
    assert done["Location"].endswith(f"/{at.bucket}/key")
    assert at.s3.head_object(**at.key)["VersionId"] == done["VersionId"] not in at.versions


@calls("CopyObject")
def copy_object(at: Place) -> None:
    source = at.key | {"VersionId": at.versions[0]}
    copied = at.s3.copy_object(Bucket=at.bucket, Key="copy", CopySource=source)
    assert copied["CopySourceVersionId"] == at.versions[0]
    got = at.s3.get_object(Bucket=at.bucket, Key="copy")
    assert (got["Body"].read(), got["VersionId"]) == (b"old", copied["VersionId"])
    assert got["ETag"] == copied["CopyObjectResult"]["ETag"]


@calls("CreateMultipartUpload")
def create_multipart_upload(at: Place) -> None:
    made = at.s3.create_multipart_upload(**at.key, ChecksumAlgorithm="CRC32")
    assert (made["Bucket"], made["Key"], made["ChecksumAlgorithm"]) == (at.bucket, "key", "CRC32")
    assert at.s3.list_parts(**at.key, UploadId=made["UploadId"])["ChecksumAlgorithm"] == "CRC32"


@calls("DeleteObject")
def delete_object(at: Place) -> None:
    marker = at.s3.delete_object(**at.key)
    assert marker["DeleteMarker"] is True
    removed = at.s3.delete_object(**at.key, VersionId=marker["VersionId"])
    assert (removed["DeleteMarker"], removed["VersionId"]) == (True, marker["VersionId"])


@calls("DeleteObjectTagging")
def delete_object_tagging(at: Place) -> None:
    at.s3.put_object_tagging(**at.key, Tagging={"TagSet": TAGS})
    assert at.s3.delete_object_tagging(**at.key)["VersionId"] == at.versions[1]
    assert at.s3.get_object_tagging(**at.key)["TagSet"] == []


@calls("DeleteObjects")
def delete_objects(at: Place) -> None:
    objects = [{"Key": "key", "VersionId": at.versions[0]}, {"Key": "key"}, {"Key": "key", "VersionId": "none"}]
    answer = at.s3.delete_objects(**at.named, Delete={"Objects": objects})
    version, marker = answer["Deleted"]
    assert version == {"Key": "key", "VersionId": at.versions[0]}
    assert (marker["Key"], marker["DeleteMarker"]) == ("key", True)
    [error] = answer["Errors"]
    assert (error["Key"], error["VersionId"], error["Code"]) == ("key", "none", "InvalidArgument")


@calls("GetObject")
def get_object(at: Place) -> None:
    for asked, body, version_id in (
        ({}, BODY, at.versions[1]),
        ({"VersionId": at.versions[0]}, b"old", at.versions[0]),
    ):
        got = at.s3.get_object(**at.key, **asked)
        assert (got["Body"].read(), got["VersionId"]) == (body, version_id)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    got = at.s3.get_object(**at.key, Range="bytes=2-4")
    assert (got["Body"].read(), got["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


@calls("GetObjectAttributes")
def get_object_attributes(at: Place) -> None:
    told = at.s3.get_object_attributes(**at.key, ObjectAttributes=["ETag", "ObjectSize", "StorageClass"])
    assert (told["ETag"], told["ObjectSize"], told["StorageClass"]) == (ETAG.strip('"'), len(BODY), "STANDARD")
    assert told["VersionId"] == at.versions[1]


@calls("GetObjectLegalHold")
def get_object_legal_hold(at: Place) -> None:
    at.s3.put_object_legal_hold(**at.key, LegalHold=HOLD)
    assert at.s3.get_object_legal_hold(**at.key)["LegalHold"] == HOLD


@calls("GetObjectLockConfiguration")
def get_object_lock_configuration(at: Place) -> None:
    assert at.s3.get_object_lock_configuration(**at.named)["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled"
    }


@calls("GetObjectRetention")
def get_object_retention(at: Place) -> None:
    at.s3.put_object_retention(**at.key, Retention=RETENTION)
    assert at.s3.get_object_retention(**at.key)["Retention"] == RETENTION


@calls("GetObjectTagging")
def get_object_tagging(at: Place) -> None:
    at.s3.put_object_tagging(**at.key, Tagging={"TagSet": TAGS})
    told = at.s3.get_object_tagging(**at.key)
    assert (told["TagSet"], told["VersionId"]) == (TAGS, at.versions[1])


@calls("HeadObject")
def head_object(at: Place) -> None:
    head = at.s3.head_object(**at.key)
    assert (head["ETag"], head["ContentLength"], head["VersionId"]) == (ETAG, len(BODY), at.versions[1])
    assert at.s3.head_object(**at.key, VersionId=at.versions[0])["ContentLength"] == 3
    head = at.s3.head_object(**at.key, Range="bytes=2-4")
    assert (head["ContentLength"], head["ResponseMetadata"]["HTTPStatusCode"]) == (3, 206)


@calls("ListMultipartUploads")
def list_multipart_uploads(at: Place) -> None:
    upload = at.begin()
    [found] = at.s3.list_multipart_uploads(**at.named)["Uploads"]
    assert (found["Key"], found["UploadId"], found["StorageClass"]) == ("key", upload["UploadId"], "STANDARD")


@calls("ListObjectVersions")
def list_object_versions(at: Place) -> None:
    marker = at.s3.delete_object(**at.key)["VersionId"]
    listed = at.s3.list_object_versions(**at.named)
    new, old = ((each["VersionId"], each["IsLatest"], each["Size"]) for each in listed["Versions"])
    assert (new, old) == ((at.versions[1], False, 10), (at.versions[0], False, 3))
    assert [(each["VersionId"], each["IsLatest"]) for each in listed["DeleteMarkers"]] == [(marker, True)]


@calls("ListObjects")
def list_objects(at: Place) -> None:
    listed = at.s3.list_objects(**at.named, Prefix="k")
    [found] = listed["Contents"]
    assert (listed["Name"], found["Key"], found["ETag"], found["Size"]) == (at.bucket, "key", ETAG, len(BODY))


@calls("ListObjectsV2")
def list_objects_v2(at: Place) -> None:
    listed = at.s3.list_objects_v2(**at.named, FetchOwner=True)
    [found] = listed["Contents"]
    assert (listed["KeyCount"], found["Key"], found["ETag"], len(found["Owner"]["ID"])) == (1, "key", ETAG, 64)


@calls("ListParts")
def list_parts(at: Place) -> None:
    upload = at.begin()
    listed = at.s3.list_parts(**upload)
    assert (listed["UploadId"], listed["IsTruncated"]) == (upload["UploadId"], False)
    assert [(each["PartNumber"], each["ETag"], each["Size"]) for each in listed["Parts"]] == [(1, ETAG, len(BODY))]


@calls("PutObject")
def put_object(at: Place) -> None:
    put = at.s3.put_object(**at.key, Body=BODY, Metadata={"colour": "red"}, ChecksumAlgorithm="SHA256")
    assert (put["ETag"], put["ChecksumType"]) == (ETAG, "FULL_OBJECT")
    head = at.s3.head_object(**at.key, ChecksumMode="ENABLED")
    assert (head["Metadata"], head["VersionId"]) == ({"colour": "red"}, put["VersionId"])
    assert head["ChecksumSHA256"] == put["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(BODY).digest()).decode()


@calls("PutObjectLegalHold")
def put_object_legal_hold(at: Place) -> None:
    at.s3.put_object_legal_hold(**at.key, LegalHold=HOLD)
    assert at.s3.head_object(**at.key)["ObjectLockLegalHoldStatus"] == "ON"


@calls("PutObjectLockConfiguration")
def put_object_lock_configuration(at: Place) -> None:
    at.s3.put_object_lock_configuration(**at.named, ObjectLockConfiguration=LOCK)
    assert at.s3.get_object_lock_configuration(**at.named)["ObjectLockConfiguration"] == LOCK
    at.s3.put_object(**at.key, Body=BODY)
    assert at.s3.head_object(**at.key)["ObjectLockMode"] == "GOVERNANCE"


@calls("PutObjectRetention")
def put_object_retention(at: Place) -> None:
    at.s3.put_object_retention(**at.key, Retention=RETENTION)
    head = at.s3.head_object(**at.key)
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", UNTIL)


@calls("PutObjectTagging")
def put_object_tagging(at: Place) -> None:
    assert at.s3.put_object_tagging(**at.key, Tagging={"TagSet": TAGS})["VersionId"] == at.versions[1]
    assert at.s3.head_object(**at.key).get("TagCount") == 1


@calls("UploadPart")
def upload_part(at: Place) -> None:
    upload = at.begin()
    assert at.s3.upload_part(**upload, PartNumber=2, Body=BODY)["ETag"] == ETAG
    assert [each["PartNumber"] for each in at.s3.list_parts(**upload)["Parts"]] == [1, 2]


@calls("UploadPartCopy")
def upload_part_copy(at: Place) -> None:
    upload, source = at.begin(), at.key | {"VersionId": at.versions[0]}
    copied = at.s3.upload_part_copy(**upload, PartNumber=2, CopySource=source, CopySourceRange="bytes=0-1")
    assert copied["CopySourceVersionId"] == at.versions[0]
    part = at.s3.list_parts(**upload)["Parts"][1]
    assert (part["ETag"], part["Size"]) == (copied["CopyPartResult"]["ETag"], 2)
