"""boto3 calls every operation on buckets that we serve; `test_client_boto3_operations.py` runs them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.system.clients.conftest import bucket_name, new_bucket
from tests.system.clients.place import BODY, Place, calls

ABORT = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}}
RULE = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": "a/"}, **ABORT}
ENCRYPTION = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
ORIGIN = "https://app.example.com"
CORS_RULE = {
    "AllowedMethods": ["GET", "HEAD"],
    "AllowedOrigins": [ORIGIN],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 60,
}


@calls("CreateBucket")
def create_bucket(at: Place) -> None:
    name = bucket_name()
    made = at.s3.create_bucket(Bucket=name)
    assert (made["Location"], made["BucketArn"]) == (f"/{name}", f"arn:aws:s3:::{name}")


@calls("DeleteBucket")
def delete_bucket(at: Place) -> None:
    name = new_bucket(at.s3)
    assert at.s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert name not in [each["Name"] for each in at.s3.list_buckets()["Buckets"]]


@calls("DeleteBucketCors")
def delete_bucket_cors(at: Place) -> None:
    at.s3.put_bucket_cors(**at.named, CORSConfiguration={"CORSRules": [CORS_RULE]})
    assert at.s3.delete_bucket_cors(**at.named)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(at.s3.exceptions.ClientError, match="NoSuchCORSConfiguration"):
        at.s3.get_bucket_cors(**at.named)


@calls("DeleteBucketEncryption")
def delete_bucket_encryption(at: Place) -> None:
    at.s3.put_bucket_encryption(**at.named, ServerSideEncryptionConfiguration={"Rules": [ENCRYPTION]})
    assert at.s3.delete_bucket_encryption(**at.named)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "ServerSideEncryption" not in at.s3.put_object(**at.key, Body=BODY)


@calls("DeleteBucketLifecycle")
def delete_bucket_lifecycle(at: Place) -> None:
    at.s3.put_bucket_lifecycle_configuration(**at.named, LifecycleConfiguration={"Rules": [RULE]})
    assert at.s3.delete_bucket_lifecycle(**at.named)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(at.s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        at.s3.get_bucket_lifecycle_configuration(**at.named)


@calls("GetBucketCors")
def get_bucket_cors(at: Place) -> None:
    at.s3.put_bucket_cors(**at.named, CORSConfiguration={"CORSRules": [CORS_RULE]})
    assert at.s3.get_bucket_cors(**at.named)["CORSRules"] == [CORS_RULE]


@calls("GetBucketEncryption")
def get_bucket_encryption(at: Place) -> None:
    at.s3.put_bucket_encryption(**at.named, ServerSideEncryptionConfiguration={"Rules": [ENCRYPTION]})
    [rule] = at.s3.get_bucket_encryption(**at.named)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@calls("GetBucketLifecycleConfiguration")
def get_bucket_lifecycle_configuration(at: Place) -> None:
    at.s3.put_bucket_lifecycle_configuration(**at.named, LifecycleConfiguration={"Rules": [RULE]})
    assert at.s3.get_bucket_lifecycle_configuration(**at.named)["Rules"] == [RULE]


@calls("GetBucketLocation")
def get_bucket_location(at: Place) -> None:
    assert at.s3.get_bucket_location(**at.named)["LocationConstraint"] is None


@calls("GetBucketRequestPayment")
def get_bucket_request_payment(at: Place) -> None:
    assert at.s3.get_bucket_request_payment(**at.named)["Payer"] == "BucketOwner"


@calls("GetBucketVersioning")
def get_bucket_versioning(at: Place) -> None:
    assert at.s3.get_bucket_versioning(**at.named)["Status"] == "Enabled"
    plain = {"Bucket": new_bucket(at.s3)}
    assert "Status" not in at.s3.get_bucket_versioning(**plain)
    for status in ("Enabled", "Suspended", "Enabled"):
        at.s3.put_bucket_versioning(**plain, VersioningConfiguration={"Status": status})
        assert at.s3.get_bucket_versioning(**plain)["Status"] == status


@calls("HeadBucket")
def head_bucket(at: Place) -> None:
    head = at.s3.head_bucket(**at.named)
    assert (head["BucketRegion"], head["AccessPointAlias"]) == ("us-east-1", False)
    assert head["BucketArn"] == f"arn:aws:s3:::{at.bucket}"


@calls("ListBuckets")
def list_buckets(at: Place) -> None:
    [found] = at.s3.list_buckets(Prefix=at.bucket, MaxBuckets=10, BucketRegion="us-east-1")["Buckets"]
    assert (found["Name"], found["BucketRegion"]) == (at.bucket, "us-east-1")
    assert abs(found["CreationDate"] - datetime.now(UTC)) < timedelta(minutes=5)


@calls("PutBucketCors")
def put_bucket_cors(at: Place) -> None:
    at.s3.put_bucket_cors(**at.named, CORSConfiguration={"CORSRules": [CORS_RULE]})

    def from_a_page(request: Any, **_: Any) -> None:
        request.headers["Origin"] = ORIGIN

    at.s3.meta.events.register("before-sign.s3.HeadObject", from_a_page)
    try:
        headers = at.s3.head_object(**at.key)["ResponseMetadata"]["HTTPHeaders"]
    finally:
        at.s3.meta.events.unregister("before-sign.s3.HeadObject", from_a_page)
    assert (headers["access-control-allow-origin"], headers["access-control-expose-headers"]) == (ORIGIN, "ETag")


@calls("PutBucketEncryption")
def put_bucket_encryption(at: Place) -> None:
    at.s3.put_bucket_encryption(**at.named, ServerSideEncryptionConfiguration={"Rules": [ENCRYPTION]})
    assert at.s3.put_object(**at.key, Body=BODY)["ServerSideEncryption"] == "AES256"


@calls("PutBucketLifecycleConfiguration")
def put_bucket_lifecycle_configuration(at: Place) -> None:
    put = at.s3.put_bucket_lifecycle_configuration(**at.named, LifecycleConfiguration={"Rules": [RULE]})
    assert put["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    assert at.s3.create_multipart_upload(Bucket=at.bucket, Key="a/b")["AbortRuleId"] == "tidy"


@calls("PutBucketRequestPayment")
def put_bucket_request_payment(at: Place) -> None:
    at.s3.put_bucket_request_payment(**at.named, RequestPaymentConfiguration={"Payer": "Requester"})
    assert at.s3.get_bucket_request_payment(**at.named)["Payer"] == "Requester"


@calls("PutBucketVersioning")
def put_bucket_versioning(at: Place) -> None:
    plain = {"Bucket": new_bucket(at.s3), "Key": "key"}
    at.s3.put_bucket_versioning(Bucket=plain["Bucket"], VersioningConfiguration={"Status": "Enabled"})
    assert len({at.s3.put_object(**plain, Body=BODY)["VersionId"] for _ in range(2)}) == 2
