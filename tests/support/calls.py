"""A call of every operation that the server serves, by boto3's names, and what must be allowed for it."""

import io
import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from engine import Store
from engine.s3.http import Request
from engine.s3.sigv4 import Verifier
from engine.server.application import Application
from engine.server.credentials import Authorize
from engine.server.options import ServerOptions
from tests.support.uploads import begin
from tests.support.wire import client

BUCKET = "arn:aws:s3:::bucket"
KEY = BUCKET + "/key"
RULE = {"ID": "tidy", "Status": "Enabled", "Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
CORS = {"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["https://app.example.com"]}]}
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/secret/*"}
        ],
    }
)
DEFAULT_ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
LOCKED = "arn:aws:s3:::locked"
LOCKED_KEY = LOCKED + "/key"
LOCK = {
    "ObjectLockMode": "GOVERNANCE",
    "ObjectLockRetainUntilDate": datetime(2100, 1, 1, tzinfo=UTC),
    "ObjectLockLegalHoldStatus": "ON",
}
CALLS: list[tuple[str, dict[str, Any], set[tuple[str, str]]]] = [
    ("abort_multipart_upload", {"UploadId": "UPLOAD"}, {("s3:AbortMultipartUpload", KEY)}),
    (
        "complete_multipart_upload",
        {"UploadId": "UPLOAD", "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": "PART"}]}},
        {("s3:PutObject", KEY)},
    ),
    ("copy_object", {"CopySource": "bucket/key"}, {("s3:PutObject", BUCKET + "/other"), ("s3:GetObject", KEY)}),
    ("create_bucket", {"Bucket": "another"}, {("s3:CreateBucket", "arn:aws:s3:::another")}),
    (
        "create_bucket",
        {"Bucket": "locking", "ObjectLockEnabledForBucket": True},
        {
            (action, "arn:aws:s3:::locking")
            for action in ("s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning")
        },
    ),
    ("create_multipart_upload", {}, {("s3:PutObject", KEY)}),
    (
        "create_multipart_upload",
        {"Bucket": "locked", **LOCK, "Tagging": "a=b", "ACL": "private"},
        {(f"s3:PutObject{what}", LOCKED_KEY) for what in ("", "Acl", "LegalHold", "Retention", "Tagging")},
    ),
    ("delete_bucket", {"Bucket": "empty"}, {("s3:DeleteBucket", "arn:aws:s3:::empty")}),
    ("delete_bucket_cors", {}, {("s3:PutBucketCORS", BUCKET)}),
    ("delete_bucket_encryption", {}, {("s3:PutEncryptionConfiguration", BUCKET)}),
    ("delete_bucket_lifecycle", {}, {("s3:PutLifecycleConfiguration", BUCKET)}),
    ("delete_bucket_ownership_controls", {}, {("s3:PutBucketOwnershipControls", BUCKET)}),
    ("delete_bucket_replication", {}, {("s3:PutReplicationConfiguration", BUCKET)}),
    ("delete_bucket_tagging", {}, {("s3:PutBucketTagging", BUCKET)}),
    ("delete_bucket_website", {}, {("s3:DeleteBucketWebsite", BUCKET)}),
    ("delete_bucket_policy", {}, {("s3:DeleteBucketPolicy", BUCKET)}),
    ("delete_public_access_block", {}, {("s3:PutBucketPublicAccessBlock", BUCKET)}),
    ("delete_object", {}, {("s3:DeleteObject", KEY)}),
    ("delete_object", {"VersionId": "null"}, {("s3:DeleteObjectVersion", KEY)}),
    ("delete_object_tagging", {}, {("s3:DeleteObjectTagging", KEY)}),
    ("delete_object_tagging", {"VersionId": "null"}, {("s3:DeleteObjectVersionTagging", KEY)}),
    ("get_bucket_accelerate_configuration", {}, {("s3:GetAccelerateConfiguration", BUCKET)}),
    ("get_bucket_acl", {}, {("s3:GetBucketAcl", BUCKET)}),
    ("get_bucket_logging", {}, {("s3:GetBucketLogging", BUCKET)}),
    ("get_bucket_notification_configuration", {}, {("s3:GetBucketNotification", BUCKET)}),
    ("get_bucket_ownership_controls", {}, {("s3:GetBucketOwnershipControls", BUCKET)}),
    ("get_bucket_policy", {}, {("s3:GetBucketPolicy", BUCKET)}),
    ("get_bucket_policy_status", {}, {("s3:GetBucketPolicyStatus", BUCKET)}),
    ("get_bucket_replication", {}, {("s3:GetReplicationConfiguration", BUCKET)}),
    ("get_bucket_tagging", {}, {("s3:GetBucketTagging", BUCKET)}),
    ("get_bucket_website", {}, {("s3:GetBucketWebsite", BUCKET)}),
    ("get_public_access_block", {}, {("s3:GetBucketPublicAccessBlock", BUCKET)}),
    ("get_object_acl", {}, {("s3:GetObjectAcl", KEY)}),
    ("get_object_acl", {"VersionId": "null"}, {("s3:GetObjectVersionAcl", KEY)}),
    ("get_bucket_cors", {}, {("s3:GetBucketCORS", BUCKET)}),
    ("get_bucket_encryption", {}, {("s3:GetEncryptionConfiguration", BUCKET)}),
    ("get_bucket_lifecycle_configuration", {}, {("s3:GetLifecycleConfiguration", BUCKET)}),
    ("get_bucket_location", {}, {("s3:GetBucketLocation", BUCKET)}),
    ("get_bucket_request_payment", {}, {("s3:GetBucketRequestPayment", BUCKET)}),
    ("get_bucket_versioning", {}, {("s3:GetBucketVersioning", BUCKET)}),
    ("get_object", {}, {("s3:GetObject", KEY)}),
    ("get_object", {"VersionId": "null"}, {("s3:GetObjectVersion", KEY)}),
    (
        "get_object_attributes",
        {"ObjectAttributes": ["ETag"]},
        {("s3:GetObject", KEY), ("s3:GetObjectAttributes", KEY)},
    ),
    (
        "get_object_attributes",
        {"ObjectAttributes": ["ETag"], "VersionId": "null"},
        {("s3:GetObjectVersion", KEY), ("s3:GetObjectVersionAttributes", KEY)},
    ),
    ("get_object_legal_hold", {"Bucket": "locked"}, {("s3:GetObjectLegalHold", LOCKED_KEY)}),
    ("get_object_lock_configuration", {"Bucket": "locked"}, {("s3:GetBucketObjectLockConfiguration", LOCKED)}),
    ("get_object_retention", {"Bucket": "locked"}, {("s3:GetObjectRetention", LOCKED_KEY)}),
    ("get_object_tagging", {}, {("s3:GetObjectTagging", KEY)}),
    ("get_object_tagging", {"VersionId": "null"}, {("s3:GetObjectVersionTagging", KEY)}),
    ("head_bucket", {}, {("s3:ListBucket", BUCKET)}),
    ("head_object", {}, {("s3:GetObject", KEY)}),
    ("head_object", {"VersionId": "null"}, {("s3:GetObjectVersion", KEY)}),
    ("list_buckets", {}, {("s3:ListAllMyBuckets", "arn:aws:s3:::*")}),
    ("list_multipart_uploads", {}, {("s3:ListBucketMultipartUploads", BUCKET)}),
    ("list_object_versions", {}, {("s3:ListBucketVersions", BUCKET)}),
    ("list_objects", {}, {("s3:ListBucket", BUCKET)}),
    ("list_objects_v2", {}, {("s3:ListBucket", BUCKET)}),
    ("list_parts", {"UploadId": "UPLOAD"}, {("s3:ListMultipartUploadParts", KEY)}),
    ("put_bucket_acl", {"ACL": "private"}, {("s3:PutBucketAcl", BUCKET)}),
    ("put_bucket_cors", {"CORSConfiguration": CORS}, {("s3:PutBucketCORS", BUCKET)}),
    (
        "put_bucket_encryption",
        {"ServerSideEncryptionConfiguration": DEFAULT_ENCRYPTION},
        {("s3:PutEncryptionConfiguration", BUCKET)},
    ),
    (
        "put_bucket_lifecycle_configuration",
        {"LifecycleConfiguration": {"Rules": [RULE]}},
        {("s3:PutLifecycleConfiguration", BUCKET)},
    ),
    ("put_bucket_logging", {"BucketLoggingStatus": {}}, {("s3:PutBucketLogging", BUCKET)}),
    (
        "put_bucket_notification_configuration",
        {"NotificationConfiguration": {}},
        {("s3:PutBucketNotification", BUCKET)},
    ),
    (
        "put_bucket_ownership_controls",
        {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
        {("s3:PutBucketOwnershipControls", BUCKET)},
    ),
    ("put_bucket_policy", {"Policy": POLICY}, {("s3:PutBucketPolicy", BUCKET)}),
    (
        "put_public_access_block",
        {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
        {("s3:PutBucketPublicAccessBlock", BUCKET)},
    ),
    (
        "put_bucket_request_payment",
        {"RequestPaymentConfiguration": {"Payer": "Requester"}},
        {("s3:PutBucketRequestPayment", BUCKET)},
    ),
    ("put_bucket_tagging", {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}, {("s3:PutBucketTagging", BUCKET)}),
    (
        "put_bucket_versioning",
        {"VersioningConfiguration": {"Status": "Enabled"}},
        {("s3:PutBucketVersioning", BUCKET)},
    ),
    ("put_object", {"Body": b"new"}, {("s3:PutObject", KEY)}),
    (
        "put_object",
        {"Bucket": "locked", "Body": b"new", **LOCK, "Tagging": "a=b", "ACL": "bucket-owner-full-control"},
        {(f"s3:PutObject{what}", LOCKED_KEY) for what in ("", "Acl", "LegalHold", "Retention", "Tagging")},
    ),
    ("put_object_acl", {"ACL": "private"}, {("s3:PutObjectAcl", KEY)}),
    ("put_object_acl", {"ACL": "private", "VersionId": "null"}, {("s3:PutObjectVersionAcl", KEY)}),
    (
        "put_object_legal_hold",
        {"Bucket": "locked", "LegalHold": {"Status": "OFF"}},
        {("s3:PutObjectLegalHold", LOCKED_KEY)},
    ),
    (
        "put_object_lock_configuration",
        {"Bucket": "locked", "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
        {("s3:PutBucketObjectLockConfiguration", LOCKED)},
    ),
    (
        "put_object_retention",
        {"Bucket": "locked", "Retention": {}, "BypassGovernanceRetention": True},
        {("s3:PutObjectRetention", LOCKED_KEY), ("s3:BypassGovernanceRetention", LOCKED_KEY)},
    ),
    ("put_object_tagging", {"Tagging": {"TagSet": []}}, {("s3:PutObjectTagging", KEY)}),
    ("put_object_tagging", {"Tagging": {"TagSet": []}, "VersionId": "null"}, {("s3:PutObjectVersionTagging", KEY)}),
    ("upload_part", {"UploadId": "UPLOAD", "PartNumber": 2, "Body": b"x"}, {("s3:PutObject", KEY)}),
    (
        "upload_part_copy",
        {"UploadId": "UPLOAD", "PartNumber": 2, "CopySource": "bucket/key?versionId=null"},
        {("s3:PutObject", KEY), ("s3:GetObjectVersion", KEY)},
    ),
]
"""Source: "Permissions" on the operations' API pages."""
WITHOUT_KEY = {
    name
    for name, *_ in CALLS
    if "bucket" in name
    or name.endswith(("_configuration", "_access_block"))
    or (name.startswith("list_") and name != "list_parts")
}


NEVER_SET = {
    "get_bucket_policy": "NoSuchBucketPolicy",
    "get_bucket_policy_status": "NoSuchBucketPolicy",
    "get_bucket_replication": "ReplicationConfigurationNotFoundError",
    "get_bucket_tagging": "NoSuchTagSet",
    "get_bucket_website": "NoSuchWebsiteConfiguration",
}
"""The operations whose only answer, when all else is right, is that the bucket has no such setting."""


REFUSED = dict.fromkeys(("put_bucket_acl", "put_object_acl"), "AccessControlListNotSupported")
"""The operations that are refused whoever asks, when all else is right."""


def made(s3: Any, name: str, **given: Any) -> dict[str, Any]:
    """The answer of a call that is allowed; that a bucket has no such setting, or can't have it, is one too."""
    try:
        answer: dict[str, Any] = getattr(s3, name)(**given)
    except ClientError as error:
        answer = error.response
        if answer["Error"]["Code"] != (NEVER_SET | REFUSED).get(name):
            raise
    return answer


def arguments(name: str, given: dict[str, Any], store: Store) -> dict[str, Any]:
    """A call's arguments, with an upload of one part made for it where it names one."""
    found = {"Bucket": "bucket"} | given
    if name in ("list_buckets",):
        del found["Bucket"]
    if name == "copy_object":
        found["Key"] = "other"
    elif name not in WITHOUT_KEY:
        found.setdefault("Key", "key")
    if given.get("Bucket") == "locked":
        make_locked(store)
    if "UploadId" in given:
        upload = begin(store, "bucket")
        found["UploadId"] = upload.upload_id
        etag = upload.part(1, b"part").etag
        if "MultipartUpload" in given:
            found["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    return found


def make_locked(store: Store) -> None:
    """A bucket with object lock, and a version in it that is locked in both ways."""
    store.create_bucket("locked", object_lock_enabled_for_bucket=True)
    lock = {
        "object_lock_mode": "GOVERNANCE",
        "object_lock_retain_until_date": datetime(2100, 1, 1, tzinfo=UTC),
        "object_lock_legal_hold_status": "ON",
    }
    store.put_object("locked", "key", b"", content_md5="1B2M2Y8AsgTpgAmY7PhCfg==", **lock)  # type: ignore[arg-type]


class Body(io.BytesIO):
    """A request's body."""

    length: int | None = None
    at_end = True

    def has_client_left(self) -> bool:
        return False


def client_of(
    store: Store, authorize: Authorize, scheme: str = "http", *, parameter_validation: bool = True, **options: Any
) -> Any:
    """A client of botocore's that sends to a server over the store, in this process and without a signature."""
    verifier = Verifier(lambda _: None, "us-east-1", allow_anonymous=True)
    application = Application(store, verifier, authorize, ServerOptions(**{"region": None} | options))

    def answer(request: Request, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        unsigned = {"authorization", "x-amz-date", "x-amz-content-sha256"}
        headers = tuple((name, value) for name, value in request.headers if name not in unsigned)
        raw = Body(body)
        raw.length = len(body)
        request = Request(request.method, request.raw_path, request.raw_query, headers, scheme, "127.0.0.1")
        response = application.handle(request, raw)
        whole = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        return response.status, response.headers, whole

    return client(answer, parameter_validation=parameter_validation)
