"""Partwright, an embeddable S3 multipart-upload storage engine.

import engine

with engine.open("data") as store:
    store.create_bucket("photos")
    upload = store.create_multipart_upload("photos", "cat.raw")
    part = store.upload_part("photos", "cat.raw", upload.upload_id, 1, b"...")
    store.complete_multipart_upload("photos", "cat.raw", upload.upload_id, [(1, part.etag)])
    with store.get_object("photos", "cat.raw").body as body:
        body.read()
"""

from typing import TYPE_CHECKING, Any

from engine import errors
from engine.errors import EngineError, S3Error, StoreError
from engine.limits import Limits
from engine.shapes.answers import (
    AbortMultipartUploadOutput,
    Checksum,
    CompletedPart,
    CompleteMultipartUploadOutput,
    CopyObjectOutput,
    CopyObjectResult,
    CopyPartResult,
    CreateMultipartUploadOutput,
    DeletedObject,
    DeleteObjectOutput,
    DeleteObjectsOutput,
    Error,
    GetObjectAttributesOutput,
    GetObjectAttributesParts,
    GetObjectOutput,
    HeadObjectOutput,
    Initiator,
    ListPartsOutput,
    ObjectIdentifier,
    ObjectPart,
    Owner,
    Part,
    PutObjectOutput,
    UploadPartCopyOutput,
    UploadPartOutput,
)
from engine.shapes.bucket_answers import (
    Bucket,
    CreateBucketOutput,
    GetBucketCorsOutput,
    GetBucketEncryptionOutput,
    GetBucketLifecycleConfigurationOutput,
    GetBucketLocationOutput,
    GetBucketPolicyOutput,
    GetBucketRequestPaymentOutput,
    GetBucketVersioningOutput,
    HeadBucketOutput,
    ListBucketsOutput,
    PutBucketLifecycleConfigurationOutput,
)
from engine.shapes.fixed_setting_answers import (
    GetBucketAccelerateConfigurationOutput,
    GetBucketAclOutput,
    GetBucketOwnershipControlsOutput,
    GetBucketPolicyStatusOutput,
    GetBucketReplicationOutput,
    GetBucketTaggingOutput,
    GetObjectAclOutput,
    NothingSet,
    PutObjectAclOutput,
)
from engine.shapes.listing_answers import (
    CommonPrefix,
    DeleteMarkerEntry,
    ListMultipartUploadsOutput,
    ListObjectsOutput,
    ListObjectsV2Output,
    ListObjectVersionsOutput,
    MultipartUpload,
    Object,
    ObjectVersion,
)
from engine.shapes.public_access import GetPublicAccessBlockOutput
from engine.shapes.setting_answers import (
    DefaultRetention,
    DeleteObjectTaggingOutput,
    GetObjectLegalHoldOutput,
    GetObjectLockConfigurationOutput,
    GetObjectRetentionOutput,
    GetObjectTaggingOutput,
    ObjectLockConfiguration,
    ObjectLockLegalHold,
    ObjectLockRetention,
    ObjectLockRule,
    PutObjectLegalHoldOutput,
    PutObjectLockConfigurationOutput,
    PutObjectRetentionOutput,
    PutObjectTaggingOutput,
)
from engine.store import Store
from engine.store import open_store as open  # noqa: A004  the name is the API
from engine.upkeep.reports import BackupReport, CheckReport, ReapReport, RewrapReport, StoreStat

__all__ = [
    "AbortMultipartUploadOutput",
    "BackupReport",
    "Bucket",
    "CheckReport",
    "Checksum",
    "CommonPrefix",
    "CompleteMultipartUploadOutput",
    "CompletedPart",
    "CopyObjectOutput",
    "CopyObjectResult",
    "CopyPartResult",
    "CreateBucketOutput",
    "CreateMultipartUploadOutput",
    "DefaultRetention",
    "DeleteMarkerEntry",
    "DeleteObjectOutput",
    "DeleteObjectTaggingOutput",
    "DeleteObjectsOutput",
    "DeletedObject",
    "EngineError",
    "Error",
    "GetBucketAccelerateConfigurationOutput",
    "GetBucketAclOutput",
    "GetBucketCorsOutput",
    "GetBucketEncryptionOutput",
    "GetBucketLifecycleConfigurationOutput",
    "GetBucketLocationOutput",
    "GetBucketOwnershipControlsOutput",
    "GetBucketPolicyOutput",
    "GetBucketPolicyStatusOutput",
    "GetBucketReplicationOutput",
    "GetBucketRequestPaymentOutput",
    "GetBucketTaggingOutput",
    "GetBucketVersioningOutput",
    "GetObjectAclOutput",
    "GetObjectAttributesOutput",
    "GetObjectAttributesParts",
    "GetObjectLegalHoldOutput",
    "GetObjectLockConfigurationOutput",
    "GetObjectOutput",
    "GetObjectRetentionOutput",
    "GetObjectTaggingOutput",
    "GetPublicAccessBlockOutput",
    "HeadBucketOutput",
    "HeadObjectOutput",
    "Initiator",
    "Limits",
    "ListBucketsOutput",
    "ListMultipartUploadsOutput",
    "ListObjectVersionsOutput",
    "ListObjectsOutput",
    "ListObjectsV2Output",
    "ListPartsOutput",
    "MultipartUpload",
    "NothingSet",
    "Object",
    "ObjectIdentifier",
    "ObjectLockConfiguration",
    "ObjectLockLegalHold",
    "ObjectLockRetention",
    "ObjectLockRule",
    "ObjectPart",
    "ObjectVersion",
    "Owner",
    "Part",
    "PutBucketLifecycleConfigurationOutput",
    "PutObjectAclOutput",
    "PutObjectLegalHoldOutput",
    "PutObjectLockConfigurationOutput",
    "PutObjectOutput",
    "PutObjectRetentionOutput",
    "PutObjectTaggingOutput",
    "ReapReport",
    "RewrapReport",
    "S3Error",
    "Store",
    "StoreError",
    "StoreStat",
    "UploadPartCopyOutput",
    "UploadPartOutput",
    "attach",
    "errors",
    "open",
]


def attach(client_or_session: Any, store: Store, *, customer_keys_in_new_buckets: bool = False) -> None:
    """Connect a boto3 S3 client, or every S3 client that a session makes from now on, to a store in this process, without a socket.

    Buckets created this way block customers' keys (SSE-C), unless `customer_keys_in_new_buckets` is true or PutBucketEncryption
    allows them. This needs botocore (`pip install 'partwright[server]'`), but no credentials.

    Raises:
        TypeError: `client_or_session` is neither a client nor a session.
    """
    from engine.server.attach import attach

    attach(client_or_session, store, customer_keys_in_new_buckets=customer_keys_in_new_buckets)


__version__: str
"""The version of the installed package. It is looked up at each use, so that `import engine` does not load `importlib.metadata`."""

if not TYPE_CHECKING:  # a type checker would take every unknown name for one of this module

    def __getattr__(name: str) -> str:
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version

        return version("partwright")
