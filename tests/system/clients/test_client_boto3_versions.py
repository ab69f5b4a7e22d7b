"""boto3 on versions, tags and object lock, over every host."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.system.clients.conftest import bucket_name
from tests.system.clients.test_client_boto3_objects import refused

ENABLED = {"Status": "Enabled"}


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    """A bucket that keeps versions."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=ENABLED)
    return bucket


@pytest.fixture
def locked(s3: Any) -> str:
    """A bucket with object lock."""
    name = bucket_name()
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def test_versions_come_and_go(s3: Any, versioned: str) -> None:
    named = {"Bucket": versioned, "Key": "a key"}
    ids = [s3.put_object(**named, Body=body)["VersionId"] for body in (b"1", b"2")]
    assert [s3.get_object(**named, VersionId=version_id)["Body"].read() for version_id in ids] == [b"1", b"2"]
    marker = s3.delete_object(**named)
    assert marker["DeleteMarker"]
    listed = s3.list_object_versions(Bucket=versioned)
    assert [(each["VersionId"], each["IsLatest"]) for each in listed["Versions"]] == [(ids[1], False), (ids[0], False)]
    assert [(each["VersionId"], each["IsLatest"]) for each in listed["DeleteMarkers"]] == [(marker["VersionId"], True)]
    assert {each["Key"] for each in listed["Versions"] + listed["DeleteMarkers"]} == {"a key"}
    assert s3.delete_object(**named, VersionId=marker["VersionId"])["DeleteMarker"]
    assert s3.head_object(**named)["VersionId"] == ids[1]
    error = refused("NoSuchVersion", s3.get_object, **named, VersionId=marker["VersionId"])["Error"]
    assert (error["Key"], error["VersionId"]) == ("a key", marker["VersionId"])


def test_a_delete_marker_says_what_it_is(s3: Any, versioned: str) -> None:
    named = {"Bucket": versioned, "Key": "key"}
    marker = s3.delete_object(**named)["VersionId"]
    for code, read in (("NoSuchKey", s3.get_object), ("404", s3.head_object)):
        headers = refused(code, read, **named)["ResponseMetadata"]["HTTPHeaders"]
        assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
    for code, read in (("MethodNotAllowed", s3.get_object), ("405", s3.head_object)):
        answer = refused(code, read, **named, VersionId=marker)["ResponseMetadata"]
        headers = answer["HTTPHeaders"]
        assert (answer["HTTPStatusCode"], headers["allow"], headers["x-amz-delete-marker"]) == (405, "DELETE", "true")
        assert headers["last-modified"].endswith(" GMT")


def test_version_ids_and_markers_that_are_none_are_refused(s3: Any, versioned: str) -> None:
    s3.put_object(Bucket=versioned, Key="key", Body=b"1")
    for version_id, message in (
        ("", "Version id cannot be the empty string"), ("nonsense", "Invalid version id specified"),
    ):  # fmt: skip
        error = refused("InvalidArgument", s3.get_object, Bucket=versioned, Key="key", VersionId=version_id)["Error"]
        assert (error["Message"], error["ArgumentName"]) == (message, "versionId")
        assert (error["ArgumentValue"] or "") == version_id
    for marker, message in (
        ("", "A version-id marker cannot be empty."),
        ("null", "A version-id marker cannot be specified without a key marker."),
    ):
        error = refused("InvalidArgument", s3.list_object_versions, Bucket=versioned, VersionIdMarker=marker)["Error"]
        assert (error["Message"], error["ArgumentName"]) == (message, "version-id-marker")


def test_a_bucket_is_emptied_page_by_page(s3: Any, versioned: str) -> None:
    for number in range(5):
        for _ in range(2):
            s3.put_object(Bucket=versioned, Key=f"key {number}", Body=b"")
        s3.delete_object(Bucket=versioned, Key=f"key {number}")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 4})
    for page in pages:
        listed = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in listed]
        answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})
        assert len(answer["Deleted"]) == len(objects)
        assert "Errors" not in answer
    s3.delete_bucket(Bucket=versioned)


def test_of_many_what_cannot_be_deleted_is_named(s3: Any, locked: str) -> None:
    held = s3.put_object(Bucket=locked, Key="held", Body=b"1", ObjectLockLegalHoldStatus="ON")["VersionId"]
    objects = [{"Key": "held", "VersionId": held}, {"Key": "held", "VersionId": "nonsense"}, {"Key": "held"}]
    answer = s3.delete_objects(Bucket=locked, Delete={"Objects": objects})
    assert [(each["Key"], each["VersionId"], each["Code"]) for each in answer["Errors"]] == [
        ("held", held, "AccessDenied"), ("held", "nonsense", "InvalidArgument"),
    ]  # fmt: skip
    [made] = answer["Deleted"]
    assert made["DeleteMarker"]
    assert made["DeleteMarkerVersionId"] == s3.list_object_versions(Bucket=locked)["DeleteMarkers"][0]["VersionId"]


def test_tags_travel_and_are_set(s3: Any, versioned: str) -> None:
    named = {"Bucket": versioned, "Key": "key"}
    first = s3.put_object(**named, Body=b"1", Tagging="a=1&b%20c=%C3%A9")["VersionId"]
    s3.put_object(**named, Body=b"2")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b c", "Value": "é"}]
    assert s3.get_object_tagging(**named, VersionId=first)["TagSet"] == tags
    assert s3.get_object(**named, VersionId=first)["TagCount"] == 2
    assert s3.put_object_tagging(**named, VersionId=first, Tagging={"TagSet": tags[:1]})["VersionId"] == first
    assert s3.get_object_tagging(**named, VersionId=first)["TagSet"] == tags[:1]
    assert s3.delete_object_tagging(**named, VersionId=first)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_object_tagging(**named, VersionId=first)["TagSet"] == []
    assert "TagCount" not in s3.head_object(**named)


def test_a_lock_is_set_and_told(s3: Any, locked: str) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == configuration
    named = {"Bucket": locked, "Key": "key"}
    version_id = s3.put_object(**named, Body=b"1")["VersionId"]
    assert s3.get_object_retention(**named)["Retention"]["Mode"] == "GOVERNANCE"
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until + timedelta(days=1)}
    s3.put_object_retention(**named, Retention=retention)
    assert s3.get_object_retention(**named)["Retention"] == retention
    s3.put_object_legal_hold(**named, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**named)["LegalHold"] == {"Status": "ON"}
    head = s3.head_object(**named)
    assert (head["ObjectLockMode"], head["ObjectLockLegalHoldStatus"]) == ("GOVERNANCE", "ON")
    assert head["ObjectLockRetainUntilDate"] == retention["RetainUntilDate"]
    s3.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})
    refused("AccessDenied", s3.delete_object, **named, VersionId=version_id)
    s3.delete_object(**named, VersionId=version_id, BypassGovernanceRetention=True)
    refused("NoSuchKey", s3.get_object, **named)


def test_class_and_redirect_travel(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "key"}
    s3.put_object(**named, Body=b"1", StorageClass="STANDARD_IA", WebsiteRedirectLocation="/a", ACL="private")
    head = s3.head_object(**named)
    assert (head["StorageClass"], head["WebsiteRedirectLocation"]) == ("STANDARD_IA", "/a")
    assert [each["StorageClass"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["STANDARD_IA"]
    refused("AccessControlListNotSupported", s3.put_object, **named, Body=b"2", ACL="public-read")
    refused("InvalidRedirectLocation", s3.put_object, **named, Body=b"2", WebsiteRedirectLocation="a")
