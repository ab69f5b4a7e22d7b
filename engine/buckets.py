"""CreateBucket, HeadBucket, GetBucketLocation, ListBuckets, DeleteBucket."""

from typing import Unpack

from engine.bucket_encryption import blocking
from engine.bucket_results import (
    Bucket,
    CreateBucketOutput,
    GetBucketLocationOutput,
    HeadBucketOutput,
    ListBucketsOutput,
)
from engine.core import REGION, Core, to_datetime
from engine.errors import BucketAlreadyOwnedByYou
from engine.listing import check_page_size
from engine.members import Owned, exact
from engine.meta import BucketEntry, Page
from engine.meta.records import BucketRecord, LockRule, replace
from engine.names import check_bucket_name, encode_text, format_token, parse_token
from engine.results import Owner


class Buckets(Core):
    """The operations on buckets."""

    def create_bucket(
        self,
        bucket: str,
        *,
        object_lock_enabled_for_bucket: bool = False,
        blocked_encryption_types: tuple[str, ...] = (),
    ) -> CreateBucketOutput:
        """Create a bucket; one with object lock keeps versions. In us-east-1 its owner may say it again, if it asks for nothing new.

        `blocked_encryption_types` is ours: `("SSE-C",)` makes a bucket as S3 does since 2026, until PutBucketEncryption says otherwise.

        Raises:
            MalformedXML: no encryption of that type can be blocked.
            InvalidBucketName, BucketAlreadyOwnedByYou, BucketAlreadyExists.

        Source: API page CreateBucket; AWS's answers (200 in us-east-1, 409 elsewhere, and to what asks for more).
        """
        self._check_writable()
        record = BucketRecord(self._now_ns(), self._caller, encryption=blocking(blocked_encryption_types))
        if object_lock_enabled_for_bucket:
            record = replace(record, versioning="Enabled", lock=LockRule())
        try:
            self._meta.create_bucket(check_bucket_name(bucket), record)
        except BucketAlreadyOwnedByYou:
            asks_for_a_lock = object_lock_enabled_for_bucket and self._meta.find_bucket(bucket).lock is None
            if self._region != REGION or asks_for_a_lock:
                raise
        return CreateBucketOutput(location=f"/{bucket}", bucket_arn=_arn(bucket))

    @exact
    def head_bucket(self, bucket: str, **said: Unpack[Owned]) -> HeadBucketOutput:
        """Tell whether a bucket exists.

        Raises:
            NoSuchBucket.

        Source: API page HeadBucket.
        """
        self._check_open()
        self._enter(bucket, said)
        return HeadBucketOutput(bucket_region=self._region, bucket_arn=_arn(bucket))

    @exact
    def get_bucket_location(self, bucket: str, **said: Unpack[Owned]) -> GetBucketLocationOutput:
        """Tell the region of a bucket.

        Raises:
            NoSuchBucket.

        Source: API page GetBucketLocation.
        """
        self._check_open()
        self._enter(bucket, said)
        return GetBucketLocationOutput(None if self._region == REGION else self._region)

    def list_buckets(
        self,
        *,
        prefix: str | None = None,
        max_buckets: int | None = None,
        continuation_token: str | None = None,
        bucket_region: str | None = None,
    ) -> ListBucketsOutput:
        """List the caller's buckets by name; where they are is told to those who ask for some of them only.

        Raises:
            InvalidArgument: max_buckets is not within 1..10000, the token is none, or the prefix no Unicode.

        Source: API page ListBuckets; AWS's answers.
        """
        self._check_open()
        most = self.limits.bucket_page_size_max
        limit = check_page_size("max-buckets", max_buckets, most, self.limits, bounds=(1, most))
        after = parse_token(continuation_token).decode(errors="replace") if continuation_token else ""
        encode_text(prefix or "", "prefix")
        if bucket_region not in (None, self._region):
            page: Page[BucketEntry] = Page((), (), False)
        else:
            page = self._meta.list_buckets(self._caller, prefix or "", after, limit)
        asked = (prefix, max_buckets, continuation_token, bucket_region)
        names_region = any(each is not None for each in asked)
        return ListBucketsOutput(
            buckets=tuple(self._listed_bucket(entry, names_region) for entry in page.items),
            owner=Owner(self._canonical_id(self._caller)),
            continuation_token=format_token(page.items[-1].name.encode()) if page.is_truncated else None,
            prefix=prefix,
        )

    def _listed_bucket(self, entry: BucketEntry, names_region: bool) -> Bucket:
        created = to_datetime(entry.record.created_ns)
        if not names_region:
            return Bucket(entry.name, created)
        return Bucket(entry.name, created, bucket_region=self._region, bucket_arn=_arn(entry.name))

    @exact
    def delete_bucket(self, bucket: str, **said: Unpack[Owned]) -> None:
        """Delete a bucket that holds no objects; open uploads do not keep it, and are freed: many of them bit by bit, later.

        Raises:
            NoSuchBucket, BucketNotEmpty.

        Source: API page DeleteBucket.
        """
        self._check_writable()
        self._enter(bucket, said)
        self._freeing(lambda: self._meta.delete_bucket(bucket))
        self._sweeper.sweep_backlog()


def _arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"
