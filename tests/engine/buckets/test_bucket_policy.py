"""AWS's answers about policies and public access, case by case; each test names the case."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from engine import Store
from tests.support.calls import client_of

NO_POLICY = ("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
NO_BLOCK = ("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", 404)
NO_JSON = ("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'", 400)
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
    ],
}
OWNER = "000000000000"


@pytest.fixture
def s3(tiny: Store, bucket: str) -> Any:
    return client_of(tiny, lambda *_: True)


def status(answer: dict[str, Any]) -> int:
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def refusal(call: Any, **given: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    if answer["Error"]["Code"].startswith("NoSuch"):
        assert answer["Error"]["BucketName"] == "bucket"
    return answer["Error"]["Code"], answer["Error"]["Message"], status(answer)


def test_a_policy_is_put_read_and_deleted(s3: Any) -> None:
    """`bucket_policy_crud`, `get_bucket_policy`, `put_bucket_policy`, `delete_bucket_policy`."""
    s3.delete_public_access_block(Bucket="bucket")
    assert refusal(s3.get_bucket_policy, Bucket="bucket") == NO_POLICY
    assert status(s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps(POLICY))) == 204
    found = s3.get_bucket_policy(Bucket="bucket")
    assert (json.loads(found["Policy"]), status(found)) == (POLICY, 200)
    assert s3.get_bucket_policy_status(Bucket="bucket")["PolicyStatus"] == {"IsPublic": True}
    for _ in range(2):
        assert status(s3.delete_bucket_policy(Bucket="bucket")) == 204
    assert refusal(s3.get_bucket_policy, Bucket="bucket") == NO_POLICY
    assert refusal(s3.get_bucket_policy_status, Bucket="bucket") == NO_POLICY


@pytest.mark.parametrize(
    ("text", "answer"),
    [("", NO_JSON), ("random-string", NO_JSON), ("{}", ("MalformedPolicy", "Missing required field Statement", 400))],
)
def test_what_is_no_policy_is_refused(s3: Any, text: str, answer: tuple[str, str, int]) -> None:
    """`bucket_policy_exc`."""
    assert refusal(s3.put_bucket_policy, Bucket="bucket", Policy=text) == answer
    assert refusal(s3.get_bucket_policy, Bucket="bucket") == NO_POLICY


@pytest.mark.parametrize("account", ["0000000000020", "0000", "aa000000000$", "abcd", "invalid"])
def test_an_owner_that_is_no_account_is_refused(s3: Any, account: str) -> None:
    """`get_bucket_policy_invalid_account_id`, `put_...`, `delete_bucket_policy_expected_bucket_owner`."""
    text = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{account}]"
    for call, given in (
        (s3.get_bucket_policy, {}),
        (s3.put_bucket_policy, {"Policy": "{}"}),
        (s3.delete_bucket_policy, {}),
    ):
        answer = refusal(call, Bucket="bucket", ExpectedBucketOwner=account, **given)
        assert answer == ("InvalidBucketOwnerAWSAccountID", text, 400)


def test_an_expected_owner_is_compared(s3: Any) -> None:
    """`put_bucket_policy_expected_bucket_owner`, `delete_bucket_policy_expected_bucket_owner`, `get_bucket_policy`."""
    s3.delete_public_access_block(Bucket="bucket")
    named, denied = {"Bucket": "bucket", "ExpectedBucketOwner": OWNER}, ("AccessDenied", "Access Denied", 403)
    other = named | {"ExpectedBucketOwner": "111122223333"}
    assert refusal(s3.put_bucket_policy, **other, Policy=json.dumps(POLICY)) == denied
    assert status(s3.put_bucket_policy(**named, Policy=json.dumps(POLICY))) == 204
    assert refusal(s3.get_bucket_policy, **other) == denied
    assert json.loads(s3.get_bucket_policy(**named)["Policy"]) == POLICY
    assert refusal(s3.delete_bucket_policy, **other) == denied
    assert status(s3.delete_bucket_policy(**named)) == 204


def test_public_access_is_blocked_until_it_is_set(s3: Any) -> None:
    """`crud_public_access_block`."""
    names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    for value in (True, False):
        found = s3.get_public_access_block(Bucket="bucket")
        assert (found["PublicAccessBlockConfiguration"], status(found)) == (dict.fromkeys(names, value), 200)
        put = s3.put_public_access_block(Bucket="bucket", PublicAccessBlockConfiguration=dict.fromkeys(names, False))
        assert status(put) == 200
    for _ in range(2):
        assert status(s3.delete_public_access_block(Bucket="bucket")) == 204
        assert refusal(s3.get_public_access_block, Bucket="bucket") == NO_BLOCK
