"""CreateBucket, HeadBucket, GetBucketLocation, ListBuckets and DeleteBucket."""

from typing import Unpack

from engine.buckets.names import check_bucket_name
from engine.core import REGION, Context
from engine.dates import to_datetime
from engine.encryption.bucket_default import blocking
from engine.errors import BucketAlreadyOwnedByYou
from engine.meta import BucketEntry, Page
from engine.meta.records import BucketRecord, LockRule, replace
from engine.objects.keys import encode_text
from engine.objects.listing import check_page_size, format_token, parse_token
from engine.shapes.answers import Owner
from engine.shapes.bucket_answers import (
    Bucket,
    CreateBucketOutput,
    GetBucketLocationOutput,
    HeadBucketOutput,
    ListBucketsOutput,
)
from engine.shapes.requests import BucketOwnerCondition, reject_unknown_members


class Buckets:
    """CreateBucket, HeadBucket, GetBucketLocation, ListBuckets and DeleteBucket."""

    _context: Context

    def create_bucket(
        self,
        bucket: str,
        *,
        object_lock_enabled_for_bucket: bool = False,
        blocked_encryption_types: tuple[str, ...] = (),
    ) -> CreateBucketOutput:
        """Create a bucket; with object lock its versioning is enabled.

        In us-east-1 its owner may repeat the request, unless the bucket would get object lock by it. `blocked_encryption_types` is
        this library's own parameter: `("SSE-C",)` makes a bucket as S3 does since 2026, until PutBucketEncryption changes it.

        Raises:
            MalformedXML: S3 can't block an encryption of that type.
            InvalidBucketName, BucketAlreadyOwnedByYou, BucketAlreadyExists.

        Source: API page CreateBucket; AWS's answers to repeated ones (200 in us-east-1, 409 elsewhere, and if it adds object lock).
        """
        self._context.check_writable()
        record = BucketRecord(
            self._context.now_ns(), self._context.caller, encryption=blocking(blocked_encryption_types)
        )
        if object_lock_enabled_for_bucket:
            record = replace(record, versioning="Enabled", lock=LockRule())
        try:
            self._context.meta.create_bucket(check_bucket_name(bucket), record)
        except BucketAlreadyOwnedByYou:
            adds_lock = object_lock_enabled_for_bucket and self._context.meta.find_bucket(bucket).lock is None
            if self._context.region != REGION or adds_lock:
                raise
        return CreateBucketOutput(location=f"/{bucket}", bucket_arn=_arn(bucket))

    @reject_unknown_members
    def head_bucket(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> HeadBucketOutput:
        """Return the region and the ARN of a bucket.

        Raises:
            NoSuchBucket: it does not exist.

        Source: API page HeadBucket.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        return HeadBucketOutput(bucket_region=self._context.region, bucket_arn=_arn(bucket))

    @reject_unknown_members
    def get_bucket_location(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> GetBucketLocationOutput:
        """Return the region of a bucket.

        Raises:
            NoSuchBucket.

        Source: API page GetBucketLocation.
        """
        self._context.check_open()
        self._context.authorized_bucket(bucket, request)
        return GetBucketLocationOutput(None if self._context.region == REGION else self._context.region)

    def list_buckets(
        self,
        *,
        prefix: str | None = None,
        max_buckets: int | None = None,
        continuation_token: str | None = None,
        bucket_region: str | None = None,
    ) -> ListBucketsOutput:
        """List the caller's buckets by name, a page of at most 10,000; with any parameter each has its region and ARN as well.

        Raises:
            InvalidArgument: max_buckets is not within 1..10000, or the token or the prefix is not valid.

        Source: API page ListBuckets; AWS's answers.
        """
        self._context.check_open()
        most = self._context.limits.bucket_page_size_max
        limit = check_page_size("max-buckets", max_buckets, most, self._context.limits, bounds=(1, most))
        after = parse_token(continuation_token).decode(errors="replace") if continuation_token else ""
        encode_text(prefix or "", "prefix")
        if bucket_region not in (None, self._context.region):
            page: Page[BucketEntry] = Page((), (), False)
        else:
            page = self._context.meta.list_buckets(self._context.caller, prefix or "", after, limit)
        parameters = (prefix, max_buckets, continuation_token, bucket_region)
        names_region = any(each is not None for each in parameters)
        return ListBucketsOutput(
            buckets=tuple(self._listed_bucket(entry, names_region) for entry in page.items),
            owner=Owner(self._context.canonical_id(self._context.caller)),
            continuation_token=format_token(page.items[-1].name.encode()) if page.is_truncated else None,
            prefix=prefix,
        )

    def _listed_bucket(self, entry: BucketEntry, names_region: bool) -> Bucket:
        created = to_datetime(entry.record.created_ns)
        if not names_region:
            return Bucket(entry.name, created)
        return Bucket(entry.name, created, bucket_region=self._context.region, bucket_arn=_arn(entry.name))

    @reject_unknown_members
    def delete_bucket(self, bucket: str, **request: Unpack[BucketOwnerCondition]) -> None:
        """Delete a bucket without objects. Its open uploads are aborted, and the parts of many are removed step by step later.

        Raises:
            NoSuchBucket.
            BucketNotEmpty: it holds an object, a version or a delete marker.

        Source: API page DeleteBucket.
        """
        self._context.check_writable()
        self._context.authorized_bucket(bucket, request)
        self._context.freeing(lambda: self._context.meta.delete_bucket(bucket))
        self._context.sweeper.sweep_backlog()


def _arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"
