"""What the operations on buckets and their settings answer; see `engine.results`."""

from dataclasses import dataclass
from datetime import datetime

from engine.bucket_encryption import ServerSideEncryptionConfiguration
from engine.lifecycle import LifecycleRule
from engine.results import Owner


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket in ListBuckets."""

    name: str
    creation_date: datetime


@dataclass(frozen=True, slots=True)
class CreateBucketOutput:
    """Answer of CreateBucket."""

    location: str


@dataclass(frozen=True, slots=True)
class HeadBucketOutput:
    """Answer of HeadBucket."""

    bucket_region: str


@dataclass(frozen=True, slots=True)
class GetBucketLocationOutput:
    """Answer of GetBucketLocation; None stands for us-east-1, as S3 has it."""

    location_constraint: str | None


@dataclass(frozen=True, slots=True)
class ListBucketsOutput:
    """Answer of ListBuckets."""

    buckets: tuple[Bucket, ...]
    owner: Owner
    continuation_token: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class PutBucketLifecycleConfigurationOutput:
    """Answer of PutBucketLifecycleConfiguration."""

    transition_default_minimum_object_size: str = "all_storage_classes_128K"


@dataclass(frozen=True, slots=True)
class GetBucketLifecycleConfigurationOutput:
    """Answer of GetBucketLifecycleConfiguration."""

    rules: tuple[LifecycleRule, ...]
    transition_default_minimum_object_size: str = "all_storage_classes_128K"


@dataclass(frozen=True, slots=True)
class GetBucketEncryptionOutput:
    """Answer of GetBucketEncryption."""

    server_side_encryption_configuration: ServerSideEncryptionConfiguration


@dataclass(frozen=True, slots=True)
class GetBucketRequestPaymentOutput:
    """Answer of GetBucketRequestPayment: `Requester` or `BucketOwner`."""

    payer: str


@dataclass(frozen=True, slots=True)
class GetBucketVersioningOutput:
    """Answer of GetBucketVersioning; None for a bucket that was never versioned."""

    status: str | None
