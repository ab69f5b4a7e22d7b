"""boto3 on whose a bucket is and who pays, with two accounts on every server."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def share(owner: Any, bucket: str, account: str) -> None:
    """Let another account do everything in a bucket."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "s3:*", "Resource": resources}
    owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_the_requester_pays(any_server: Host, clients: Callable[..., Any]) -> None:
    owner, stranger = clients(any_server), clients(any_server, pair=any_server.pair.stranger)
    named = {"Bucket": new_bucket(owner), "Key": "key"}
    owner.put_object(**named, Body=b"abc")
    assert code_of(stranger.get_object, **named, RequestPayer="requester") == "AccessDenied"
    share(owner, named["Bucket"], any_server.pair.stranger.account_id)
    assert "RequestCharged" not in stranger.head_object(**named, RequestPayer="requester")
    bucket = {"Bucket": named["Bucket"]}
    owner.put_bucket_request_payment(**bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert owner.get_bucket_request_payment(**bucket)["Payer"] == "Requester"
    assert code_of(stranger.get_object, **named) == "AccessDenied"
    assert code_of(stranger.create_multipart_upload, **named) == "AccessDenied"
    got = stranger.get_object(**named, RequestPayer="requester")
    assert (got["Body"].read(), got["RequestCharged"]) == (b"abc", "requester")
    upload = named | {"RequestPayer": "requester"}
    upload["UploadId"] = stranger.create_multipart_upload(**upload)["UploadId"]
    part = stranger.upload_part(**upload, PartNumber=1, Body=b"abcdef")
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = stranger.complete_multipart_upload(**upload, MultipartUpload=listed)
    assert (part["RequestCharged"], done["RequestCharged"]) == ("requester", "requester")
    assert "RequestCharged" not in owner.head_object(**named)


def test_buckets_of_others_are_not_listed_and_their_names_are_taken(
    any_server: Host, clients: Callable[..., Any]
) -> None:
    owner, stranger = clients(any_server), clients(any_server, pair=any_server.pair.stranger)
    bucket = new_bucket(owner)
    assert bucket in [each["Name"] for each in owner.list_buckets()["Buckets"]]
    assert bucket not in [each["Name"] for each in stranger.list_buckets()["Buckets"]]
    assert code_of(stranger.create_bucket, Bucket=bucket) == "BucketAlreadyExists"
    assert owner.create_bucket(Bucket=bucket)["Location"] == f"/{bucket}"  # as in us-east-1
    adding_lock = {"Bucket": bucket, "ObjectLockEnabledForBucket": True}
    assert code_of(owner.create_bucket, **adding_lock) == "BucketAlreadyOwnedByYou"
    account = any_server.pair.account_id
    assert code_of(stranger.head_bucket, Bucket=bucket, ExpectedBucketOwner=account) == "403"
    share(owner, bucket, any_server.pair.stranger.account_id)
    stranger.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    assert code_of(owner.head_bucket, Bucket=bucket, ExpectedBucketOwner="999999999999") == "403"
