"""Errors about who asks, buckets, keys, metadata and locks, by number."""

from typing import Any

from tests.system.clients.raw import Call
from tests.system.clients.rules.rows import (
    Ask,
    Case,
    Expected,
    Rows,
    argument,
    ask,
    denied,
    get,
    invalid,
    invalid_request,
    known,
    put,
)
from tests.system.clients.rules.rows_uploads import BODY, complete, list_parts, upload_part

NOBODY = "999999999999"
TAGGING = "x-amz-tagging"
TAGGING_FORM = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
MODE, UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
BOTH = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
FUTURE, PAST = "2100-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
MD5 = "eB5eJF1ptWaXm4bijSPyxw=="
OF_NOBODY = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "of nobody"}


def put_object(**arguments: Any) -> Ask:
    return ask("put_object", "new", **({"Body": BODY} | arguments))


def create(**arguments: Any) -> Ask:
    return ask("create_multipart_upload", "new", **arguments)


def on_version(operation: str, version: str, key: str = "object", **arguments: Any) -> Ask:
    return Ask(operation, {"Bucket": "{versioned}", "Key": key, "VersionId": version} | arguments)


def in_locked(operation: str = "put_object", **arguments: Any) -> Ask:
    body = {"Body": BODY, "ContentMD5": MD5} if operation == "put_object" else {}
    headers = {name.replace("_", "-"): arguments.pop(name) for name in list(arguments) if name.islower()}
    return Ask(operation, {"Bucket": "{locked}", "Key": "key"} | body | arguments, headers)


def put_tags(*pairs: tuple[str, str]) -> Ask:
    tags = [{"Key": key, "Value": value} for key, value in pairs]
    return ask("put_object_tagging", "object", Tagging={"TagSet": tags})


def invalid_tag(message: str, **extras: str) -> Expected:
    return Expected("InvalidTag", 400, message, extras)


OF_OWNER: tuple[Any, ...] = (
    lambda **given: put_object(**given),
    lambda **given: create(**given),
    lambda **given: upload_part(**given),
    lambda **given: complete(**given),
    lambda **given: ask("abort_multipart_upload", UploadId="{upload}", **given),
    lambda **given: list_parts(**given),
    lambda **given: ask("list_multipart_uploads", None, **given),
    lambda **given: ask("get_object", "object", **given),
    lambda **given: ask("delete_object", "absent", **given),
    lambda **given: ask("list_objects_v2", None, **given),
    lambda **given: ask("get_bucket_location", None, **given),
)
"""Calls that may say whose bucket it is expected to be."""
CREATE_IN = b"<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"

ACCESS: Rows = {
    "AccessDenied": [
        *(Case(sent(ExpectedBucketOwner=NOBODY), denied()) for sent in OF_OWNER),
        Case(ask("copy_object", "copy", CopySource="{bucket}/object", ExpectedSourceBucketOwner=NOBODY), denied()),
        Case(
            ask("upload_part_copy", "key", UploadId="{upload}", PartNumber=1, CopySource="{bucket}/object",
                ExpectedSourceBucketOwner=NOBODY),
            denied(),
        ),
    ],
    "InvalidBucketOwnerAWSAccountID": [
        Case(
            sent(ExpectedBucketOwner=value),
            Expected(
                "InvalidBucketOwnerAWSAccountID", 400,
                f"The value of the expected bucket owner parameter must be an AWS Account ID... [{value}]",
            ),
        )
        for sent, value in ((OF_OWNER[0], "0000"), (OF_OWNER[4], "12345678901x"), (OF_OWNER[7], "1234567890123"))
    ],
    "AuthorizationHeaderMalformed": [
        Case(
            Call("GET", "/{bucket}/object", region="eu-west-1"),
            Expected(
                "AuthorizationHeaderMalformed", 400,
                "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'",
                {"Region": "us-east-1"},
            ),
        ),
    ],
    "NoSuchBucket": [
        Case(Ask(operation, {"Bucket": "absent-bucket-of-errors"} | given), known("NoSuchBucket", BucketName="absent-bucket-of-errors"))
        for operation, given in (
            ("get_object", {"Key": "key"}), ("put_object", {"Key": "key"}), ("create_multipart_upload", {"Key": "key"}),
            ("upload_part", {"Key": "key", "UploadId": "nonsense", "PartNumber": 1}), ("list_objects_v2", {}),
            ("list_multipart_uploads", {}), ("list_parts", {"Key": "key", "UploadId": "nonsense"}),
            ("abort_multipart_upload", {"Key": "key", "UploadId": "nonsense"}), ("delete_object", {"Key": "key"}),
            ("delete_bucket", {}),
        )
    ],
    "BucketAlreadyOwnedByYou": [
        Case(
            put("/{bucket}", body=b"", x_amz_bucket_object_lock_enabled="true"),
            known("BucketAlreadyOwnedByYou", BucketName="{bucket}"),
        ),
        Case(
            Ask("create_bucket", {"Bucket": "{bucket}", "ObjectLockEnabledForBucket": True}),
            known("BucketAlreadyOwnedByYou", BucketName="{bucket}"),
        ),
    ],
    "BucketAlreadyExists": [Case(Ask("create_bucket", {"Bucket": "{foreign}"}), known("BucketAlreadyExists", BucketName="{foreign}"))],
    "BucketNotEmpty": [
        Case(Ask("delete_bucket", {"Bucket": "{bucket}"}), known("BucketNotEmpty", BucketName="{bucket}")),
        Case(
            Ask("delete_bucket", {"Bucket": "{versioned}"}),
            Expected(
                "BucketNotEmpty", 409, "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
                {"BucketName": "{versioned}"},
            ),
        ),
    ],
    "IllegalLocationConstraintException": [
        Case(
            put("/another-bucket-of-errors", body=CREATE_IN % region.encode()),
            Expected(
                "IllegalLocationConstraintException", 400,
                f"The {region} location constraint is incompatible for the region specific endpoint this request was sent to.",
            ),
        )
        for region in ("eu-west-1", "EU")
    ],
    "InvalidLocationConstraint": [
        Case(
            put("/another-bucket-of-errors", body=CREATE_IN % region.encode()),
            Expected(
                "InvalidLocationConstraint", 400, "The specified location-constraint is not valid",
                {"LocationConstraint": region},
            ),
        )
        for region in ("us-east-0", "nowhere")
    ],
    "NoSuchVersion": [
        *(
            Case(on_version(operation, version), Expected(
                "NoSuchVersion", 404, "The specified version does not exist.", {"Key": "object", "VersionId": version},
            ))
            for operation, version in (("get_object", "{old_version}"), ("get_object_tagging", "{old_version}"))
        ),
        Case(
            ask("copy_object", "copy", CopySource={"Bucket": "{versioned}", "Key": "object", "VersionId": "{old_version}"}),
            Expected(
                "NoSuchVersion", 404, "The specified version does not exist.", {"Key": "object", "VersionId": "{old_version}"},
            ),
        ),
    ],
    "InvalidArgument-version-id": [
        *(
            Case(on_version(operation, version), invalid("Invalid version id specified", "versionId", version))
            for operation, version in (("get_object", "nonsense"), ("delete_object", "nonsense"), ("get_object", "x" * 32))
        ),
        Case(ask("copy_object", "copy", x_amz_copy_source="{bucket}/object?versionId=nonsense", CopySource="set/by-header"),
             invalid("Invalid version id specified", "versionId", "nonsense")),
    ],
    "KeyTooLongError": [
        *(
            Case(Ask(operation, {"Bucket": "{bucket}", "Key": "k" * 1025}),
                 known("KeyTooLongError", Size="1025", MaxSizeAllowed="1024"))
            for operation in ("put_object", "create_multipart_upload", "get_object")
        ),
        Case(Ask("put_object", {"Bucket": "{bucket}", "Key": "é" * 513}), known("KeyTooLongError", Size="1026", MaxSizeAllowed="1024")),
    ],
    "MetadataTooLarge": [
        Case(sent(Metadata={"a": "v" * 2048}), known("MetadataTooLarge", Size="2049", MaxSizeAllowed="2048"))
        for sent in (put_object, create)
    ],
    "InvalidStorageClass": [
        *(
            Case(sent(StorageClass=name),
                 Expected("InvalidStorageClass", 400, "The storage class you specified is not valid", {"StorageClassRequested": name}))
            for sent in (put_object, create)
            for name in ("COLD", "standard")
        ),
        Case(
            ask("copy_object", "copy", CopySource="{bucket}/object", StorageClass="COLD"),
            Expected("InvalidStorageClass", 400, "The storage class you specified is not valid", {"StorageClassRequested": "COLD"}),
        ),
    ],
    "InvalidTag": [
        Case(put_tags(("k" * 129, "v")), invalid_tag("The TagKey you have provided is invalid", TagKey="k" * 129)),
        Case(put_tags(("a?", "v")), invalid_tag("The TagKey you have provided is invalid", TagKey="a?")),
        Case(put_tags(("", "v")), invalid_tag("The TagKey you have provided is invalid", TagKey="")),
        Case(put_tags(("k", "v" * 257)),
             invalid_tag("The TagValue you have provided is invalid", TagKey="k", TagValue="v" * 257)),
        Case(put_tags(("k", "1"), ("k", "2")),
             invalid_tag("Cannot provide multiple Tags with the same key", TagKey="k")),
        Case(put_tags(("aws:k", "v")), invalid_tag("Your TagKey cannot be prefixed with aws:", TagKey="aws:k")),
    ],
    "InvalidArgument-x-amz-tagging": [
        Case(sent(Tagging=text), invalid(TAGGING_FORM, TAGGING, text))
        for sent in (put_object, create)
        for text in ("a=1&a=2", "a=%ff", "=v")
    ],
    "InvalidRequest-bucket-without-object-lock": [
        Case(sent(**given), invalid_request("Bucket is missing Object Lock Configuration"))
        for sent, given in (
            (put_object, {"ObjectLockLegalHoldStatus": "ON"}), (create, {"ObjectLockLegalHoldStatus": "ON"}),
            (create, {"ObjectLockMode": "GOVERNANCE", "x_amz_object_lock_retain_until_date": FUTURE}),
        )
    ],
    "InvalidArgument-object-lock": [
        *(
            Case(in_locked(operation, **given), expected)
            for operation in ("put_object", "create_multipart_upload")
            for given, expected in (
                ({"ObjectLockMode": "GOVERNANCE"}, Expected("InvalidArgument", 400, BOTH, argument(UNTIL, ""))),
                ({"x_amz_object_lock_retain_until_date": FUTURE}, Expected("InvalidArgument", 400, BOTH, argument(MODE, ""))),
                ({"ObjectLockMode": "NEVER", "x_amz_object_lock_retain_until_date": FUTURE},
                 invalid("Unknown wormMode directive.", MODE, "NEVER")),
                ({"ObjectLockMode": "COMPLIANCE", "x_amz_object_lock_retain_until_date": PAST},
                 invalid("The retain until date must be in the future!", UNTIL, PAST)),
            )
        ),
    ],
    "AccessDenied-object-lock": [
        Case(
            Ask("delete_object", {"Bucket": "{locked}", "Key": "held", "VersionId": "{held}"}),
            denied("Access Denied because object protected by object lock."),
        ),
    ],
    "InvalidRequest-two-kinds-of-ACL": [
        Case(sent(ACL="private", GrantRead="id=1"),
             invalid_request("Specifying both Canned ACLs and Header Grants is not allowed"))
        for sent in (put_object, create)
    ],
    "InvalidObjectState": [
        Case(ask("get_object", "{frozen}"),
             Expected("InvalidObjectState", 403, "The operation is not valid for the object's storage class",
                      {"StorageClass": "GLACIER"})),
    ],
    "KMS": [
        Case(sent, Expected("KMS.NotFoundException", 400, "Key 'of nobody' does not exist"))
        for sent in (
            put_object(**OF_NOBODY), create(**OF_NOBODY), ask("copy_object", "new", CopySource="{bucket}/object", **OF_NOBODY),
            Ask("put_object", {"Bucket": "{by_default_of_nobody}", "Key": "new", "Body": BODY}),
        )
    ],
}  # fmt: skip

ANONYMOUS: dict[str, tuple[Call, Expected]] = {
    "AccessDenied": (get("", "/{bucket}/object"), denied()),
    "AccessDenied-anonymous-uploads": (
        Call("POST", "/{bucket}/key", "uploads"),
        denied("Anonymous users cannot initiate multipart uploads. Please authenticate."),
    ),
}
"""Requests without any signature, and their answers."""
