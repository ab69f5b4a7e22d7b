"""ListParts and ListMultipartUploads."""

import functools
from collections.abc import Iterable
from typing import Any, Unpack

from engine.core import Context
from engine.dates import to_datetime
from engine.encryption.customer_keys import requested_customer_key
from engine.errors import InvalidArgument, NoSuchUpload
from engine.lifecycle.deadlines import Lifecycle
from engine.meta import UploadEntry, UploadId
from engine.meta.parts import PartRecord
from engine.meta.records import BucketRecord, ChecksumPlan
from engine.multipart.checksum_rules import checksum_members, plan_members
from engine.multipart.lookup import UploadLookup, naming_upload
from engine.multipart.upload_ids import format_upload_id, parse_upload_id
from engine.objects.keys import encode_key, encode_text
from engine.objects.listing import Encoding, check_page_size, encoded_prefixes, last_of
from engine.objects.metadata import storage_class_of
from engine.shapes.answers import (
    Initiator,
    ListPartsOutput,
    Owner,
    Part,
    quoted,
)
from engine.shapes.listing_answers import ListMultipartUploadsOutput, MultipartUpload
from engine.shapes.requests import (
    ListPartsRequest,
    Request,
    reject_unknown_members,
)


class UploadListings:
    """ListParts and ListMultipartUploads."""

    _context: Context
    _uploads: UploadLookup

    @reject_unknown_members
    def list_parts(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        max_parts: int | None = None,
        part_number_marker: int | None = None,
        **request: Unpack[ListPartsRequest],
    ) -> ListPartsOutput:
        """List the parts of an open upload by number: a page of at most 1,000 after the marker.

        Raises:
            NoSuchBucket, NoSuchUpload.
            InvalidArgument: a number is not within 0..2147483647.
            InvalidRequest: the upload has checksums under a customer's key, and the request does not have that key.

        Source: API page ListParts.
        """
        self._context.check_open()
        limit = check_page_size("max-parts", max_parts, self._context.limits.page_size_max, self._context.limits)
        marker = check_page_size("part-number-marker", part_number_marker, 0, self._context.limits, clamp=False)
        bucket_record = self._context.authorized_bucket(bucket, request)
        name = encode_key(key, self._context.limits)
        identity = parse_upload_id(bucket, name, upload_id)
        with naming_upload(upload_id):
            upload, stored = self._context.meta.list_parts(bucket, name, identity, marker, limit + 1)
        names_algorithm = upload.checksum.algorithm is not None
        with (
            requested_customer_key(request) as customer,
            self._uploads.seal_for_checksums(
                upload.encryption, bucket, key, customer, has_checksums=names_algorithm
            ) as seal,
        ):
            page = seal.reveal_parts(stored[:limit])
        return ListPartsOutput(
            bucket=bucket,
            key=key,
            upload_id=upload_id,
            part_number_marker=marker,
            next_part_number_marker=page[-1].number if page else 0,
            max_parts=limit,
            is_truncated=0 < limit < len(stored),
            initiator=Initiator(self._context.canonical_id(upload.initiator)),
            owner=Owner(self._context.canonical_id(bucket_record.owner)),
            storage_class=storage_class_of(upload.headers),
            parts=tuple(_listed_part(upload.checksum, part) for part in page) or None,
            **abort_members(self._context.lifecycle(bucket), name, identity),
            **plan_members(upload.checksum),
            request_charged=self._context.request_charged(bucket_record),
        )

    @reject_unknown_members
    def list_multipart_uploads(
        self,
        bucket: str,
        *,
        prefix: str | None = None,
        delimiter: str | None = None,
        key_marker: str | None = None,
        upload_id_marker: str | None = None,
        max_uploads: int | None = None,
        encoding_type: str | None = None,
        **request: Unpack[Request],
    ) -> ListMultipartUploadsOutput:
        """List open uploads by key, and within a key by time of initiation: a page of at most 1,000 after the markers.

        After a page that ends on a common prefix, the next one begins at `next_key_marker`, which AWS leaves empty there.

        Raises:
            NoSuchBucket.
            InvalidArgument: max_uploads or encoding_type is not valid, or upload_id_marker is not of the key.

        Source: API page ListMultipartUploads; the captured answers for the markers.
        """
        self._context.check_open()
        limit = check_page_size("max-uploads", max_uploads, self._context.limits.page_size_max, self._context.limits)
        encoding = Encoding.of(encoding_type)
        marker = encode_text(key_marker or "", "key-marker")
        bucket_record = self._context.authorized_bucket(bucket, request)
        upload_marker = _parse_marker(bucket, marker, upload_id_marker)
        page = self._context.meta.list_uploads(
            bucket,
            encode_text(prefix or "", "prefix"),
            encode_text(delimiter or "", "delimiter"),
            marker,
            upload_marker,
            limit,
        )
        last = last_of(page)
        ends_on_upload = bool(page.items) and page.items[-1].key == last
        return ListMultipartUploadsOutput(
            bucket=bucket,
            key_marker=encoding.show(key_marker or ""),
            upload_id_marker=upload_id_marker or "" if key_marker else "",
            next_key_marker=encoding.show(last.decode()),
            next_upload_id_marker=format_upload_id(bucket, last, page.items[-1].upload_id) if ends_on_upload else "",
            max_uploads=limit,
            is_truncated=page.is_truncated,
            prefix=encoding.show(prefix) if prefix else None,
            delimiter=encoding.show(delimiter) if delimiter else None,
            encoding_type=encoding_type,
            uploads=self._listed_uploads(bucket, bucket_record, page.items, encoding) or None,
            common_prefixes=encoded_prefixes(page.common_prefixes, encoding),
            request_charged=self._context.request_charged(bucket_record),
        )

    def _listed_uploads(
        self, bucket: str, bucket_record: BucketRecord, entries: Iterable[UploadEntry], encoding: Encoding
    ) -> tuple[MultipartUpload, ...]:
        owner, initiator = Owner(self._context.canonical_id(bucket_record.owner)), functools.cache(self._initiator)
        return tuple(
            MultipartUpload(
                format_upload_id(bucket, entry.key, entry.upload_id),
                encoding.show(entry.key.decode()),
                to_datetime(entry.upload_id.initiated_ns),
                storage_class_of(entry.record.headers),
                owner,
                initiator(entry.record.initiator),
                *plan_members(entry.record.checksum).values(),
            )
            for entry in entries
        )

    def _initiator(self, account_id: str) -> Initiator:
        return Initiator(self._context.canonical_id(account_id))


def _listed_part(plan: ChecksumPlan, part: PartRecord) -> Part:
    return Part(
        part.number,
        to_datetime(part.modified_ns),
        quoted(part.etag.hex()),
        part.size,
        **checksum_members(plan, part.algorithm, part.checksum),
    )


def _parse_marker(bucket: str, key_marker: bytes, text: str | None) -> UploadId | None:
    if not text or not key_marker:
        return None
    try:
        return parse_upload_id(bucket, key_marker, text)
    except NoSuchUpload:
        raise InvalidArgument("Invalid uploadId marker", ArgumentName="upload-id-marker", ArgumentValue=text) from None


def abort_members(lifecycle: Lifecycle, key: bytes, upload_id: UploadId) -> dict[str, Any]:
    """Return the members of an answer for x-amz-abort-date and x-amz-abort-rule-id."""
    deadline = lifecycle.abort_of(key, upload_id.initiated_ns)
    return {"abort_date": deadline.moment, "abort_rule_id": deadline.rule_id} if deadline is not None else {}
