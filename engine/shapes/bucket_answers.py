"""The answers of the operations on buckets and their settings; see `engine.shapes.answers`."""

from datetime import datetime

from engine.record import Record
from engine.shapes.answers import Owner
from engine.shapes.cors import CORSRules
from engine.shapes.encryption import ServerSideEncryptionConfiguration
from engine.shapes.lifecycle import LifecycleRule


class Bucket(Record, frozen=True):
    """A bucket in ListBuckets; region and ARN are set only if the request has a parameter."""

    name: str
    creation_date: datetime
    bucket_region: str | None = None
    bucket_arn: str | None = None


class CreateBucketOutput(Record, frozen=True):
    """Answer of CreateBucket."""

    location: str
    bucket_arn: str


class HeadBucketOutput(Record, frozen=True):
    """Answer of HeadBucket."""

    bucket_region: str
    bucket_arn: str
    access_point_alias: bool = False


class GetBucketLocationOutput(Record, frozen=True):
    """Answer of GetBucketLocation; None stands for us-east-1, as in S3."""

    location_constraint: str | None


class ListBucketsOutput(Record, frozen=True):
    """Answer of ListBuckets."""

    buckets: tuple[Bucket, ...]
    owner: Owner
    continuation_token: str | None = None
    prefix: str | None = None


class PutBucketLifecycleConfigurationOutput(Record, frozen=True):
    """Answer of PutBucketLifecycleConfiguration."""

    transition_default_minimum_object_size: str = "all_storage_classes_128K"


class GetBucketLifecycleConfigurationOutput(Record, frozen=True):
    """Answer of GetBucketLifecycleConfiguration."""

    rules: tuple[LifecycleRule, ...]
    transition_default_minimum_object_size: str = "all_storage_classes_128K"


class GetBucketCorsOutput(Record, frozen=True):
    """Answer of GetBucketCors."""

    cors_rules: CORSRules


class GetBucketEncryptionOutput(Record, frozen=True):
    """Answer of GetBucketEncryption."""

    server_side_encryption_configuration: ServerSideEncryptionConfiguration


class GetBucketRequestPaymentOutput(Record, frozen=True):
    """Answer of GetBucketRequestPayment: `Requester` or `BucketOwner`."""

    payer: str


class GetBucketVersioningOutput(Record, frozen=True):
    """Answer of GetBucketVersioning; None for a bucket that was never versioned."""

    status: str | None


class GetBucketPolicyOutput(Record, frozen=True):
    """Answer of GetBucketPolicy: the document, in JSON."""

    policy: str
