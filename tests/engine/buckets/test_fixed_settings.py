"""Settings that no request can change: told as AWS tells them of a bucket that never had them, and not to be set."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import engine
from engine import Store
from tests.support.calls import NEVER_SET, client_of
from tests.support.refusals import refused
from tests.support.stores import contents_of

EMPTY = ("get_bucket_accelerate_configuration", "get_bucket_logging", "get_bucket_notification_configuration")
TOLD = ("get_bucket_acl", "get_bucket_ownership_controls", "get_public_access_block")


@pytest.fixture
def s3(tiny: Store, bucket: str) -> Iterator[Any]:
    client = client_of(tiny, lambda *_: True)
    yield client
    client.close()


@pytest.mark.parametrize("name", NEVER_SET)
def test_what_was_never_set_is_said_to_be_absent(store: Store, bucket: str, name: str) -> None:
    with refused(NEVER_SET[name], BucketName=bucket):
        getattr(store, name)(bucket)


@pytest.mark.parametrize("name", EMPTY)
def test_what_is_off_is_told_by_an_empty_answer(store: Store, bucket: str, s3: Any, name: str) -> None:
    getattr(store, name)(bucket)
    answer = getattr(s3, name)(Bucket=bucket)
    assert (answer.keys(), answer["ResponseMetadata"]["HTTPStatusCode"]) == ({"ResponseMetadata"}, 200)


@pytest.mark.parametrize("name", [*NEVER_SET, *EMPTY, *TOLD])
def test_a_bucket_that_is_not_there_has_no_settings(store: Store, name: str) -> None:
    with refused("NoSuchBucket", BucketName="absent"):
        getattr(store, name)("absent")


def test_the_owner_of_a_bucket_may_do_everything_and_nobody_else_anything(store: Store, bucket: str) -> None:
    store.put_object(bucket, "key", b"")
    acl = store.get_bucket_acl(bucket)
    [grant] = acl.grants
    assert (grant.permission, grant.grantee.type) == ("FULL_CONTROL", "CanonicalUser")
    assert acl.owner.id == grant.grantee.id == store.list_buckets().owner.id
    found = store.acting_as("123456789012").get_object_acl(bucket, "key")
    assert (found.owner, found.grants) == (acl.owner, acl.grants)
    assert store.get_public_access_block(bucket).public_access_block_configuration.block_public_policy
    assert store.get_bucket_ownership_controls(bucket).ownership_controls.rules[0].object_ownership == (
        "BucketOwnerEnforced"
    )


def test_the_access_to_an_object_is_told_only_where_there_is_one(store: Store, bucket: str) -> None:
    """Source: AWS's answers in `put_object_acl_on_delete_marker`."""
    with refused("NoSuchKey", Key="absent"):
        store.get_object_acl(bucket, "absent")
    store.put_bucket_versioning(bucket, versioning_configuration={"status": "Enabled"})
    version = store.put_object(bucket, "key", b"").version_id
    marker = store.delete_object(bucket, "key").version_id
    with refused("NoSuchKey", Key="key"):
        store.get_object_acl(bucket, "key")
    with refused("MethodNotAllowed", Method="GET", ResourceType="DeleteMarker"):
        store.get_object_acl(bucket, "key", version_id=marker)
    assert store.get_object_acl(bucket, "key", version_id=version).grants == store.get_bucket_acl(bucket).grants


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("put_bucket_accelerate_configuration", {"AccelerateConfiguration": {"Status": "Enabled"}}),
        (
            "put_bucket_logging",
            {"BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "bucket", "TargetPrefix": ""}}},
        ),
        ("put_bucket_notification_configuration", {"NotificationConfiguration": {"EventBridgeConfiguration": {}}}),
        ("put_bucket_ownership_controls", {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}),
        ("put_bucket_website", {"WebsiteConfiguration": {}}),
    ],
)
def test_what_sets_one_of_them_is_refused_by_name(tiny: Store, s3: Any, bucket: str, name: str, given: Any) -> None:
    before = contents_of(tiny)
    with pytest.raises(ClientError, match="NotImplemented"):
        getattr(s3, name)(Bucket=bucket, **given)
    assert contents_of(tiny) == before


def test_a_closed_store_tells_nothing(store: Store, bucket: str) -> None:
    store.close()
    with pytest.raises(engine.errors.StoreClosed):
        store.get_bucket_acl(bucket)
