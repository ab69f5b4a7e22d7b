"""boto3 reads and writes tags, and the settings that no request can change; `test_client_boto3_operations.py` runs these calls."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.calls import NEVER_SET
from tests.system.clients.place import Place, calls

TAG = {"Key": "team", "Value": "a b/ü"}
ENFORCED = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what every answer has."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def refused_as_never_set(at: Place, name: str) -> None:
    with pytest.raises(at.s3.exceptions.ClientError) as caught:
        getattr(at.s3, name)(**at.named)
    assert caught.value.response["Error"]["Code"] == NEVER_SET[name]
    assert caught.value.response["Error"]["BucketName"] == at.bucket


def refused(at: Place, code: str, call: Callable[..., Any], **given: Any) -> None:
    with pytest.raises(at.s3.exceptions.ClientError) as caught:
        call(**given)
    assert caught.value.response["Error"]["Code"] == code


def is_the_owners_alone(at: Place, acl: dict[str, Any]) -> None:
    owner = at.s3.list_buckets()["Owner"]
    assert acl["Owner"] == owner
    assert acl["Grants"] == [{"Grantee": {"ID": owner["ID"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]


@calls("DeleteBucketOwnershipControls")
def delete_bucket_ownership_controls(at: Place) -> None:
    assert at.s3.delete_bucket_ownership_controls(**at.named)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused(at, "OwnershipControlsNotFoundError", at.s3.get_bucket_ownership_controls, **at.named)


@calls("DeleteBucketReplication")
def delete_bucket_replication(at: Place) -> None:
    assert at.s3.delete_bucket_replication(**at.named)["ResponseMetadata"]["HTTPStatusCode"] == 204


@calls("DeleteBucketTagging")
def delete_bucket_tagging(at: Place) -> None:
    at.s3.put_bucket_tagging(**at.named, Tagging={"TagSet": [TAG]})
    assert at.s3.delete_bucket_tagging(**at.named)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused_as_never_set(at, "get_bucket_tagging")


@calls("DeleteBucketWebsite")
def delete_bucket_website(at: Place) -> None:
    assert at.s3.delete_bucket_website(**at.named)["ResponseMetadata"]["HTTPStatusCode"] == 204


@calls("GetBucketAccelerateConfiguration")
def get_bucket_accelerate_configuration(at: Place) -> None:
    assert told(at.s3.get_bucket_accelerate_configuration(**at.named)) == {}


@calls("GetBucketAcl")
def get_bucket_acl(at: Place) -> None:
    is_the_owners_alone(at, at.s3.get_bucket_acl(**at.named))


@calls("GetBucketLogging")
def get_bucket_logging(at: Place) -> None:
    assert told(at.s3.get_bucket_logging(**at.named)) == {}


@calls("GetBucketNotificationConfiguration")
def get_bucket_notification_configuration(at: Place) -> None:
    assert told(at.s3.get_bucket_notification_configuration(**at.named)) == {}


@calls("GetBucketOwnershipControls")
def get_bucket_ownership_controls(at: Place) -> None:
    controls = at.s3.get_bucket_ownership_controls(**at.named)["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@calls("GetBucketReplication")
def get_bucket_replication(at: Place) -> None:
    refused_as_never_set(at, "get_bucket_replication")


@calls("GetBucketTagging")
def get_bucket_tagging(at: Place) -> None:
    refused_as_never_set(at, "get_bucket_tagging")


@calls("GetBucketWebsite")
def get_bucket_website(at: Place) -> None:
    refused_as_never_set(at, "get_bucket_website")


@calls("GetObjectAcl")
def get_object_acl(at: Place) -> None:
    is_the_owners_alone(at, at.s3.get_object_acl(**at.key))
    is_the_owners_alone(at, at.s3.get_object_acl(**at.key, VersionId=at.versions[0]))


@calls("PutBucketAcl")
def put_bucket_acl(at: Place) -> None:
    refused(at, "AccessControlListNotSupported", at.s3.put_bucket_acl, **at.named, ACL="public-read")
    is_the_owners_alone(at, at.s3.get_bucket_acl(**at.named))


@calls("PutBucketLogging")
def put_bucket_logging(at: Place) -> None:
    at.s3.put_bucket_logging(**at.named, BucketLoggingStatus={})
    target = {"LoggingEnabled": {"TargetBucket": at.bucket, "TargetPrefix": ""}}
    refused(at, "NotImplemented", at.s3.put_bucket_logging, **at.named, BucketLoggingStatus=target)


@calls("PutBucketNotificationConfiguration")
def put_bucket_notification_configuration(at: Place) -> None:
    put = at.s3.put_bucket_notification_configuration
    put(**at.named, NotificationConfiguration={}, SkipDestinationValidation=True)
    refused(at, "NotImplemented", put, **at.named, NotificationConfiguration={"EventBridgeConfiguration": {}})


@calls("PutBucketOwnershipControls")
def put_bucket_ownership_controls(at: Place) -> None:
    at.s3.delete_bucket_ownership_controls(**at.named)
    at.s3.put_bucket_ownership_controls(**at.named, OwnershipControls=ENFORCED)
    assert at.s3.get_bucket_ownership_controls(**at.named)["OwnershipControls"] == ENFORCED


@calls("PutBucketTagging")
def put_bucket_tagging(at: Place) -> None:
    put = at.s3.put_bucket_tagging(**at.named, Tagging={"TagSet": [TAG]})
    assert put["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert at.s3.get_bucket_tagging(**at.named)["TagSet"] == [TAG]


@calls("PutObjectAcl")
def put_object_acl(at: Place) -> None:
    named = at.key | {"VersionId": at.versions[0]}
    refused(at, "AccessControlListNotSupported", at.s3.put_object_acl, **named, GrantRead="id=x")
    is_the_owners_alone(at, at.s3.get_object_acl(**named))
