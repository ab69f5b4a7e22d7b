"""Versions, tags and locks from the command line."""

import base64
import hashlib
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

BUCKET = ("--bucket", "photos")
KEY = (*BUCKET, "--key", "cat.raw")


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body"
    path.write_bytes(b"first")
    return path


def test_versions_are_kept_listed_read_and_deleted(partwright: CommandLine, body: Path, tmp_path: Path) -> None:
    assert partwright.output("get-bucket-versioning", *BUCKET).split() in ([], ["{}"])
    partwright.output("put-bucket-versioning", *BUCKET, "--versioning-configuration", "Status=Enabled")
    assert partwright.json("get-bucket-versioning", *BUCKET) == {"Status": "Enabled"}
    first = partwright.json("put-object", *KEY, "--body", body)["VersionId"]
    body.write_bytes(b"second")
    second = partwright.json("put-object", *KEY, "--body", body)["VersionId"]
    marker = partwright.json("delete-object", *KEY)
    assert marker["DeleteMarker"]
    listed = partwright.json("list-object-versions", *BUCKET)
    assert [each["VersionId"] for each in listed["Versions"]] == [second, first]
    assert [each["VersionId"] for each in listed["DeleteMarkers"]] == [marker["VersionId"]]
    copy = tmp_path / "copy"
    assert partwright.json("get-object", *KEY, "--version-id", first, copy)["VersionId"] == first
    assert copy.read_bytes() == b"first"
    delete = f"Objects=[{{Key=cat.raw,VersionId={first}}},{{Key=cat.raw,VersionId=nonsense}}]"
    answer = partwright.json("delete-objects", *BUCKET, "--delete", delete)
    assert answer["Deleted"] == [{"Key": "cat.raw", "VersionId": first}]
    assert [each["Code"] for each in answer["Errors"]] == ["InvalidArgument"]


def test_pages_of_versions_are_turned(partwright: CommandLine, body: Path) -> None:
    partwright.output("put-bucket-versioning", *BUCKET, "--versioning-configuration", "Status=Enabled")
    ids = [partwright.json("put-object", *KEY, "--body", body)["VersionId"] for _ in range(3)]
    listed = partwright.json("list-object-versions", *BUCKET, "--page-size", 1)
    assert [each["VersionId"] for each in listed["Versions"]] == ids[::-1]


def test_tags_are_set_and_told(partwright: CommandLine, body: Path) -> None:
    partwright.output("put-object", *KEY, "--body", body, "--tagging", "a=1", "--storage-class", "STANDARD_IA")
    assert partwright.json("head-object", *KEY)["TagCount"] == 1
    assert partwright.json("head-object", *KEY)["StorageClass"] == "STANDARD_IA"
    partwright.output("put-object-tagging", *KEY, "--tagging", "TagSet=[{Key=b,Value=2},{Key=c,Value=3}]")
    tags = [{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}]
    assert partwright.json("get-object-tagging", *KEY) == {"TagSet": tags}
    partwright.output("delete-object-tagging", *KEY)
    assert partwright.json("get-object-tagging", *KEY) == {"TagSet": []}


def test_a_version_is_locked_and_let_go(partwright: CommandLine, body: Path) -> None:
    bucket = ("--bucket", "locked")
    key = (*bucket, "--key", "cat.raw")
    partwright.output("create-bucket", *bucket, "--object-lock-enabled-for-bucket")
    rule = '{"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}'
    partwright.output("put-object-lock-configuration", *bucket, "--object-lock-configuration", rule)
    told = partwright.json("get-object-lock-configuration", *bucket)["ObjectLockConfiguration"]
    assert told["Rule"] == {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    md5 = base64.b64encode(hashlib.md5(b"first").digest()).decode()
    body.write_bytes(b"first")
    version = ("--version-id", partwright.json("put-object", *key, "--body", body, "--content-md5", md5)["VersionId"])
    retention = "Mode=GOVERNANCE,RetainUntilDate=2100-01-01T00:00:00Z"
    partwright.output("put-object-retention", *key, "--retention", retention)
    assert partwright.json("get-object-retention", *key)["Retention"]["RetainUntilDate"].startswith("2100-01-01")
    partwright.output("put-object-legal-hold", *key, "--legal-hold", "Status=ON")
    assert partwright.json("get-object-legal-hold", *key) == {"LegalHold": {"Status": "ON"}}
    refused = partwright("delete-object", *key, *version, "--bypass-governance-retention")
    assert "(AccessDenied)" in refused.err
    partwright.output("put-object-legal-hold", *key, "--legal-hold", "Status=OFF")
    assert "(AccessDenied)" in partwright("delete-object", *key, *version).err
    partwright.output("delete-object", *key, *version, "--bypass-governance-retention")
