"""The tags, the ownership and the ACLs of a bucket, answered as AWS answered (`tests/vectors/aws-bucket-settings.json`)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import engine
from engine import Store
from tests.support.calls import client_of
from tests.support.refusals import refused
from tests.support.stores import contents_of

AWS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "aws-bucket-settings.json").read_text())
TWO, THREE = [{"Key": "tag1", "Value": "tag1"}, {"Key": "tag2", "Value": ""}], [{"Key": "tag3", "Value": "tag3"}]
POLICY = {"AccessControlPolicy": {"Grants": [], "Owner": {"ID": "x"}}}


def tags(*items: dict[str, str]) -> dict[str, Any]:
    return {"Tagging": {"TagSet": list(items)}}


def ownership(*values: str) -> dict[str, Any]:
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": value} for value in values]}}


ABSENT, KEY = {"Bucket": "absent"}, {"Key": "key"}
PUT, GET, DELETE = "put_bucket_tagging", "get_bucket_tagging", "delete_bucket_tagging"
CONTROLS = "bucket_ownership_controls"
ASKED: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "bucket_tagging_crud": [
        ("get-bucket-tags-empty", GET, {}),
        ("put-bucket-tags", PUT, tags(*TWO)),
        ("get-bucket-tags", GET, {}),
        ("put-bucket-tags-overwrite", PUT, tags(*THREE)),
        ("get-bucket-tags-overwritten", GET, {}),
        ("put-bucket-tags-empty", PUT, tags()),
        ("get-bucket-tags-empty", GET, {}),
        ("delete-bucket-tags", DELETE, {}),
    ],
    "bucket_tagging_exc": [
        ("get-no-bucket-tags", GET, ABSENT),
        ("put-no-bucket-tags", PUT, ABSENT | tags(*TWO)),
        ("delete-no-bucket-tags", DELETE, ABSENT),
    ],
    "put_bucket_tagging_none_value": [
        ("put-bucket-tags-origin", PUT, tags(*TWO)),
        ("put-none-tag-set", PUT, tags()),
        ("no-such-tag-set", GET, {}),
    ],
    "tagging_validation": [
        ("put-bucket-tags-aws-prefixed", PUT, tags({"Key": "aws:prefixed", "Value": "Val1"})),
        ("put-bucket-tags-duplicate-keys", PUT, tags({"Key": "Key1", "Value": "1"}, {"Key": "Key1", "Value": "2"})),
        ("put-bucket-tags-invalid-key", PUT, tags({"Key": "Key1,Key2", "Value": "Val1"})),
        ("put-bucket-tags-invalid-value", PUT, tags({"Key": "Key1", "Value": "Val1,Val2"})),
        ("put-bucket-tags-none-key", PUT, tags({"Value": "Val1"})),
        ("put-bucket-tags-none-value", PUT, tags({"Key": "Key1"})),
    ],
    "bucket_ownership_controls_exc": [
        ("default-ownership", f"get_{CONTROLS}", {}),
        ("ownership-wrong-value-at-creation", "create_bucket", ABSENT | {"ObjectOwnership": "RandomValue"}),
        ("ownership-non-value-at-creation", "create_bucket", ABSENT | {"ObjectOwnership": ""}),
        ("put-ownership-empty-rule", f"put_{CONTROLS}", ownership()),
        ("put-ownership-multiple-rules", f"put_{CONTROLS}", ownership("BucketOwnerEnforced", "ObjectWriter")),
        ("put-ownership-wrong-value", f"put_{CONTROLS}", ownership("RandomValue")),
    ],
    "crud_bucket_ownership_controls": [
        ("default-ownership", f"get_{CONTROLS}", {}),
        ("delete-ownership", f"delete_{CONTROLS}", {}),
        ("get-ownership-after-delete", f"get_{CONTROLS}", {}),
        ("delete-ownership-after-delete", f"delete_{CONTROLS}", {}),
    ],
    "crud_website_configuration": [
        ("get-no-such-website-config", "get_bucket_website", {}),
        ("del-no-such-website-config", "delete_bucket_website", {}),
    ],
    "put_bucket_logging": [
        ("get-bucket-logging-default", "get_bucket_logging", {}),
        ("put-bucket-logging-delete", "put_bucket_logging", {"BucketLoggingStatus": {}}),
    ],
    "s3_bucket_acl_exceptions": [
        ("put-bucket-canned-acl", "put_bucket_acl", {"ACL": "fake-acl"}),
        ("put-bucket-empty", "put_bucket_acl", {}),
        ("put-bucket-two-type-acl", "put_bucket_acl", {"ACL": "public-read", "GrantRead": "id=x"}),
        ("put-bucket-two-type-acl-acp", "put_bucket_acl", {"ACL": "public-read", **POLICY}),
    ],
    "s3_object_acl_exceptions": [
        ("put-object-acl-canned-acl", "put_object_acl", KEY | {"ACL": "fake-acl"}),
        ("put-object-acl-empty", "put_object_acl", KEY),
        ("put-object-two-type-acl", "put_object_acl", KEY | {"ACL": "public-read", "GrantRead": "id=x"}),
        ("put-object-two-type-acl-acp", "put_object_acl", KEY | {"ACL": "public-read", **POLICY}),
    ],
}


@pytest.fixture
def s3(tiny: Store, bucket: str) -> Iterator[Any]:
    client = client_of(tiny, lambda *_: True, parameter_validation=False)
    yield client
    client.close()


def asked(s3: Any, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What a call is answered, in the form of the vectors."""
    try:
        answer = getattr(s3, name)(**{"Bucket": "bucket"} | given)
    except ClientError as error:
        answer = {"Error": error.response["Error"], "ResponseMetadata": error.response["ResponseMetadata"]}
    return {"Status": answer.pop("ResponseMetadata")["HTTPStatusCode"]} | answer


def test_every_answer_is_asked_for() -> None:
    names = {(case, name) for case, steps in ASKED.items() for name, *_ in steps}
    assert {(case, name) for case, steps in AWS.items() for name in steps} - names == {
        ("put_object_acl_on_delete_marker", name) for name in AWS["put_object_acl_on_delete_marker"]
    }


@pytest.mark.parametrize("case", ASKED)
def test_a_conversation_goes_as_with_aws(s3: Any, tiny: Store, case: str) -> None:
    tiny.put_object("bucket", "key", b"")
    for name, operation, given in ASKED[case]:
        wanted, found = AWS[case][name], asked(s3, operation, given)
        if "Error" in wanted:
            wanted = wanted | {"Error": {k: v for k, v in wanted["Error"].items() if v is not None}}
            found["Error"] = {member: found["Error"].get(member) for member in wanted["Error"]}
            if wanted["Error"].get("BucketName"):
                wanted["Error"]["BucketName"] = given.get("Bucket", "bucket")
        assert found == wanted, name


def test_the_acl_of_a_delete_marker_cannot_be_set(s3: Any, tiny: Store, bucket: str) -> None:
    tiny.put_bucket_versioning(bucket, versioning_configuration={"status": "Enabled"})
    tiny.put_object(bucket, "key", b"")
    marker = tiny.delete_object(bucket, "key").version_id
    for name, version in (("put-acl-delete-marker", {}), ("put-acl-delete-marker-version-id", {"VersionId": marker})):
        found = asked(s3, "put_object_acl", KEY | {"ACL": "public-read"} | version)
        wanted = AWS["put_object_acl_on_delete_marker"][name]
        assert found["Status"] == wanted["Status"]
        assert found["Error"].items() >= wanted["Error"].items()


@pytest.mark.parametrize("given", [{"ACL": "private"}, {"ACL": "public-read"}, {"GrantWrite": "id=x"}, POLICY])
def test_no_acl_can_be_set(s3: Any, tiny: Store, given: dict[str, Any]) -> None:
    """Source: User Guide, "Disabling ACLs": requests to set ACLs fail with AccessControlListNotSupported."""
    tiny.put_object("bucket", "key", b"")
    before = contents_of(tiny)
    for name, key in (("put_bucket_acl", {}), ("put_object_acl", KEY)):
        found = asked(s3, name, key | given)
        assert (found["Status"], found["Error"]["Code"]) == (400, "AccessControlListNotSupported")
    assert contents_of(tiny) == before


def test_the_acl_of_what_is_not_there_cannot_be_set_either(store: Store, bucket: str) -> None:
    with refused("NoSuchBucket", BucketName="absent"):
        store.put_bucket_acl("absent", acl="private")
    with refused("NoSuchKey", Key="absent"):
        store.put_object_acl(bucket, "absent", acl="private")
    store.put_object(bucket, "key", b"")
    store.put_bucket_versioning(bucket, versioning_configuration={"status": "Enabled"})
    version = store.put_object(bucket, "key", b"").version_id
    assert version is not None
    store.delete_object(bucket, "key", version_id=version)
    with refused("NoSuchVersion", Key="key", VersionId=version):
        store.put_object_acl(bucket, "key", version_id=version, acl="private")


@pytest.mark.parametrize("value", ["ObjectWriter", "BucketOwnerPreferred"])
def test_an_ownership_that_gives_effect_to_acls_is_refused(store: Store, bucket: str, value: str) -> None:
    store.delete_bucket_ownership_controls(bucket)
    with pytest.raises(engine.errors.NotImplementedYet, match="not implemented"):
        store.put_bucket_ownership_controls(bucket, ownership_controls={"rules": [{"object_ownership": value}]})
    with refused("OwnershipControlsNotFoundError", BucketName=bucket):
        store.get_bucket_ownership_controls(bucket)


def test_tags_have_bounds(store: Store, bucket: str) -> None:
    many = [{"key": str(number), "value": "x" * 256} for number in range(51)]
    store.put_bucket_tagging(bucket, tagging={"tag_set": many[:50]})
    with refused("BadRequest", "Bucket tags cannot be greater than 50"):
        store.put_bucket_tagging(bucket, tagging={"tag_set": many})
    for wrong in ({"key": "k" * 129, "value": ""}, {"key": "k", "value": "x" * 257}, {"key": "", "value": ""}):
        with pytest.raises(engine.errors.InvalidTag):
            store.put_bucket_tagging(bucket, tagging={"tag_set": [wrong]})
    assert len(store.get_bucket_tagging(bucket).tag_set) == 50


def test_the_settings_end_with_their_bucket(store: Store, bucket: str) -> None:
    store.put_bucket_tagging(bucket, tagging={"tag_set": [{"key": "a", "value": "b"}]})
    store.delete_bucket_ownership_controls(bucket)
    store.delete_bucket(bucket)
    store.create_bucket(bucket)
    with refused("NoSuchTagSet", BucketName=bucket):
        store.get_bucket_tagging(bucket)
    assert store.get_bucket_ownership_controls(bucket).ownership_controls.rules


@pytest.mark.parametrize("rows", [None, {}, {"rules": []}, {"rules": [{}]}])
def test_controls_without_a_rule_are_malformed(store: Store, bucket: str, rows: Any) -> None:
    with pytest.raises(engine.errors.MalformedXML):
        store.put_bucket_ownership_controls(bucket, ownership_controls=rows)


def test_the_acl_that_is_in_force_can_be_set_and_no_other(s3: Any, tiny: Store, bucket: str) -> None:
    """s3cmd gives a copy the ACL of its source."""
    tiny.put_object(bucket, "key", b"")
    for of, key in (("bucket", {}), ("object", KEY)):
        get, put = getattr(s3, f"get_{of}_acl"), getattr(s3, f"put_{of}_acl")
        given = get(Bucket=bucket, **key)
        in_force = {"Owner": given["Owner"], "Grants": given["Grants"]}
        assert put(Bucket=bucket, **key, AccessControlPolicy=in_force)["ResponseMetadata"]["HTTPStatusCode"] == 200
        (grant,) = given["Grants"]
        for grants in (
            [grant, grant],
            [grant | {"Permission": "READ"}],
            [grant | {"Grantee": grant["Grantee"] | {"ID": "0" * 64}}],
        ):
            with pytest.raises(ClientError, match="AccessControlListNotSupported"):
                put(Bucket=bucket, **key, AccessControlPolicy=in_force | {"Grants": grants})
        assert get(Bucket=bucket, **key)["Grants"] == [grant]
