"""boto3 puts, reads and deletes policies and what is blocked of public access; `test_client_boto3_operations.py` runs these calls."""

import json
from typing import Any

import pytest

from tests.system.clients.place import Place, calls

BLOCK = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def policy(at: Place, effect: str = "Deny") -> str:
    statement = {
        "Effect": effect,
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{at.bucket}/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def status(answer: dict[str, Any]) -> int:
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


@calls("DeleteBucketPolicy")
def delete_bucket_policy(at: Place) -> None:
    for _ in range(2):
        assert status(at.s3.delete_bucket_policy(**at.named)) == 204
    with pytest.raises(at.s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        at.s3.get_bucket_policy(**at.named)


@calls("GetBucketPolicy")
def get_bucket_policy(at: Place) -> None:
    at.s3.put_bucket_policy(**at.named, Policy=policy(at))
    assert at.s3.get_bucket_policy(**at.named)["Policy"] == policy(at)


@calls("GetBucketPolicyStatus")
def get_bucket_policy_status(at: Place) -> None:
    with pytest.raises(at.s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        at.s3.get_bucket_policy_status(**at.named)
    at.s3.put_bucket_policy(**at.named, Policy=policy(at))
    assert at.s3.get_bucket_policy_status(**at.named)["PolicyStatus"] == {"IsPublic": False}


@calls("PutBucketPolicy")
def put_bucket_policy(at: Place) -> None:
    with pytest.raises(at.s3.exceptions.ClientError, match="AccessDenied"):  # public policies are blocked
        at.s3.put_bucket_policy(**at.named, Policy=policy(at, "Allow"))
    assert status(at.s3.put_bucket_policy(**at.named, Policy=policy(at))) == 204


@calls("DeletePublicAccessBlock")
def delete_public_access_block(at: Place) -> None:
    for _ in range(2):
        assert status(at.s3.delete_public_access_block(**at.named)) == 204
    with pytest.raises(at.s3.exceptions.ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        at.s3.get_public_access_block(**at.named)


@calls("GetPublicAccessBlock")
def get_public_access_block(at: Place) -> None:
    assert at.s3.get_public_access_block(**at.named)["PublicAccessBlockConfiguration"] == dict.fromkeys(BLOCK, True)


@calls("PutPublicAccessBlock")
def put_public_access_block(at: Place) -> None:
    block = dict.fromkeys(BLOCK, False) | {"RestrictPublicBuckets": True}
    assert status(at.s3.put_public_access_block(**at.named, PublicAccessBlockConfiguration=block)) == 200
    assert at.s3.get_public_access_block(**at.named)["PublicAccessBlockConfiguration"] == block
