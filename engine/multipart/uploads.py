"""CreateMultipartUpload, UploadPart, AbortMultipartUpload and the two listings."""

import contextlib
import functools
import secrets
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Unpack

from engine.arrival import Promise, in_base64
from engine.bodies import Body, trailers_of
from engine.checksums import promised_checksum
from engine.core import quoted, to_datetime
from engine.customer_keys import CustomerKey, customer_key_said
from engine.errors import InvalidArgument, NoSuchUpload
from engine.listing import Encoding, check_page_size, encoded_prefixes, last_of
from engine.listing_results import ListMultipartUploadsOutput, MultipartUpload
from engine.locks import check_digest, lock_in
from engine.members import (
    CreateMultipartUploadRequest,
    ListPartsRequest,
    Request,
    UploadPartRequest,
    exact,
)
from engine.meta import UPLOAD_NONCE_SIZE, UploadEntry, UploadId
from engine.meta.records import BucketRecord, UploadRecord
from engine.multipart.checksum_rules import check_part, kept_of_part, named, plan_of, told
from engine.multipart.rules import check_part_number
from engine.names import encode_key, encode_text, format_upload_id, parse_upload_id
from engine.objects import Objects
from engine.results import (
    AbortMultipartUploadOutput,
    CreateMultipartUploadOutput,
    Initiator,
    ListPartsOutput,
    Owner,
    Part,
    UploadPartOutput,
)
from engine.seals import CLEAR, Seal
from engine.seals import told as of_encryption
from engine.sse import Encryption, Place
from engine.traits import Traits, storage_class_of


class Uploads(Objects):
    """The operations on open uploads."""

    @exact
    def create_multipart_upload(
        self,
        bucket: str,
        key: str,
        **said: Unpack[CreateMultipartUploadRequest],
    ) -> CreateMultipartUploadOutput:
        """Begin a multipart upload; all that travels with the object is said here, not at Complete.

        Raises:
            NoSuchBucket, KeyTooLongError.
            MetadataTooLarge, InvalidStorageClass, InvalidTag, …: what `Traits` refuses.
            InvalidRequest: a lock in a bucket without object lock.
            InvalidRequest: checksum_algorithm and checksum_type are unknown, or do not go together.
            InvalidArgument, AccessDenied, KMSNotFound, …: no such encryption, one whose key can't be used, or that the bucket blocks.

        A customer's key (`sse_customer_*`) is needed again for each part and each read; for ListParts and Complete only where
        a checksum algorithm is named. Any other encryption (`server_side_encryption`, or the bucket's default) is said here alone.

        Source: API page CreateMultipartUpload.
        """
        self._check_writable()
        plan = plan_of(said.get("checksum_algorithm"), said.get("checksum_type"))
        name, now = encode_key(key, self.limits), self._now_ns()
        traits = Traits.of(said, self.limits, now)
        upload_id = UploadId(now, secrets.token_bytes(UPLOAD_NONCE_SIZE))
        with customer_key_said(said) as customer:
            place = self._enter(bucket, said)
            self._check_customer(place, bucket, key, customer)
            asked = self._asked(place, said, customer)
            lock = lock_in(place, traits.lock, now)
            with self._begin_seal(Place(bucket, key, upload_id.nonce), asked) as seal:
                encryption = seal.encryption
            record = UploadRecord(traits.headers, self._caller, traits.tags, lock, plan, encryption=encryption)
        self._meta.begin_upload(bucket, name, upload_id, record)
        return CreateMultipartUploadOutput(
            bucket=bucket,
            key=key,
            upload_id=format_upload_id(bucket, name, upload_id),
            **self._abort_rule(bucket, name, upload_id),
            **named(plan),
            request_charged=self._charged(place),
            **of_encryption(encryption, customer),
            ssekms_encryption_context=said.get("ssekms_encryption_context"),
        )

    @exact
    def upload_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        part_number: int,
        body: Body,
        **said: Unpack[UploadPartRequest],
    ) -> UploadPartOutput:
        """Store a part durably, in place of an earlier one of its number; of two attempts the one that finishes last wins.

        `body` is bytes, a buffer, a binary file, a file descriptor, an iterable of bytes, or a source (`engine.bodies.Source`).
        `content_length` bounds what is read from a descriptor or an unseekable file; any other body must have just that many bytes.
        `content_md5` is base64 (RFC 1864), `content_sha256` 64 hex digits; one checksum may be given, in base64, and is echoed.
        `presigned_checksum_algorithm` is the algorithm that a presigned URL names, in upper case: nothing is compared with its value.
        Everything that needs no bytes is checked before the first one is taken.

        Raises:
            InvalidArgument: the part number is not within 1..10000.
            NoSuchBucket, NoSuchUpload: also if the upload is aborted or completed meanwhile.
            EntityTooLarge, IncompleteBody, InvalidDigest, BadDigest, XAmzContentSHA256Mismatch: see the messages.
            InvalidRequest: more than one checksum, none that is valid, or of another algorithm than the upload's; a customer's key
                where the upload has none, or not the upload's.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        Source: API page UploadPart.
        """
        self._check_writable()
        check_part_number(part_number, self.limits)
        checksum = promised_checksum(said, trailers_of(body), must_agree=False)
        promise = Promise.of(said, checksum)
        size_max = self.limits.part_size_bytes_max
        with contextlib.ExitStack() as held:
            customer = held.enter_context(customer_key_said(said))
            place = self._enter(bucket, said)
            self._check_customer(place, bucket, key, customer)
            name, identity, upload = self._find_upload(bucket, key, upload_id)
            seal = held.enter_context(self._seal_for_part(upload.encryption, bucket, key, customer))
            check_part(upload.checksum, checksum, said.get("presigned_checksum_algorithm"))
            check_digest(upload.lock, "Put Part", has_digest=checksum is not None or promise.md5 is not None)
            promise = promise.keeping(kept_of_part(upload))
            receive = partial(self._reception.receive, size_max=size_max, shown_as=in_base64)
            held.enter_context(self._naming(upload_id))
            arrival = held.enter_context(receive(body, promise, seal=seal, part_number=part_number))
            part = arrival.as_part(part_number, self._now_ns())
            superseded = self._meta.record_part(bucket, name, identity, part, arrival.inline)
        if superseded is not None:
            self._sweeper.sweep((superseded,))
        echoed = arrival.checksums or told(upload.checksum, arrival.algorithm, arrival.kept)
        encryption = of_encryption(upload.encryption, customer)
        return UploadPartOutput(quoted(part.etag.hex()), **echoed, request_charged=self._charged(place), **encryption)

    @exact
    def abort_multipart_upload(
        self, bucket: str, key: str, upload_id: str, **said: Unpack[Request]
    ) -> AbortMultipartUploadOutput:
        """End an upload and free all it holds; a part still in flight will be refused.

        Raises:
            NoSuchBucket, NoSuchUpload: also if it was aborted or completed before.

        Source: API page AbortMultipartUpload.
        """
        self._check_writable()
        place = self._enter(bucket, said)
        name, identity, _ = self._find_upload(bucket, key, upload_id)
        with self._naming(upload_id):
            trash, _ = self._freeing(lambda: self._meta.abort(bucket, name, identity))
        self._sweeper.sweep((trash,) if trash else ())
        return AbortMultipartUploadOutput(request_charged=self._charged(place))

    @exact
    def list_parts(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        max_parts: int | None = None,
        part_number_marker: int | None = None,
        **said: Unpack[ListPartsRequest],
    ) -> ListPartsOutput:
        """List the parts of an open upload in numeric order, a page of at most 1,000 after the marker.

        Raises:
            NoSuchBucket, NoSuchUpload.
            InvalidArgument: a number is not within 0..2147483647.
            InvalidRequest: the upload has checksums that are shown only to who has its key.

        Source: API page ListParts.
        """
        self._check_open()
        limit = check_page_size("max-parts", max_parts, self.limits.page_size_max, self.limits)
        marker = check_page_size("part-number-marker", part_number_marker, 0, self.limits, clamp=False)
        place = self._enter(bucket, said)
        name = encode_key(key, self.limits)
        identity = parse_upload_id(bucket, name, upload_id)
        with self._naming(upload_id):
            upload, held = self._meta.list_parts(bucket, name, identity, marker, limit + 1)
        has_some, opened = upload.checksum.algorithm is not None, self._seal_of_checksums
        with (
            customer_key_said(said) as customer,
            opened(upload.encryption, bucket, key, customer, has_some=has_some) as seal,
        ):
            page = seal.reveal_parts(held[:limit])
        parts = tuple(
            Part(
                part.number,
                to_datetime(part.modified_ns),
                quoted(part.etag.hex()),
                part.size,
                **told(upload.checksum, part.algorithm, part.checksum),
            )
            for part in page
        )
        return ListPartsOutput(
            bucket=bucket,
            key=key,
            upload_id=upload_id,
            part_number_marker=marker,
            next_part_number_marker=page[-1].number if page else 0,
            max_parts=limit,
            is_truncated=0 < limit < len(held),
            initiator=Initiator(self._canonical_id(upload.initiator)),
            owner=Owner(self._canonical_id(place.owner)),
            storage_class=storage_class_of(upload.headers),
            parts=parts or None,
            **self._abort_rule(bucket, name, identity),
            **named(upload.checksum),
            request_charged=self._charged(place),
        )

    @exact
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
        **said: Unpack[Request],
    ) -> ListMultipartUploadsOutput:
        """List open uploads by key, and by initiation time within a key, a page of at most 1,000 after the markers.

        A page that ends on a common prefix continues from `next_key_marker`, which AWS leaves empty there.

        Raises:
            NoSuchBucket.
            InvalidArgument: max_uploads, encoding_type, or an upload_id_marker that is of another key.

        Source: API page ListMultipartUploads; the captured answers for the markers.
        """
        self._check_open()
        limit = check_page_size("max-uploads", max_uploads, self.limits.page_size_max, self.limits)
        encoding = Encoding.of(encoding_type)
        marker = encode_text(key_marker or "", "key-marker")
        place = self._enter(bucket, said)
        upload_marker = self._parse_marker(bucket, marker, upload_id_marker)
        page = self._meta.list_uploads(
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
            uploads=self._listed_uploads(bucket, place, page.items, encoding) or None,
            common_prefixes=encoded_prefixes(page.common_prefixes, encoding),
            request_charged=self._charged(place),
        )

    def _seal_of_checksums(
        self, encryption: Encryption | None, bucket: str, key: str, customer: CustomerKey | None, *, has_some: bool
    ) -> Seal:
        """The keys of an upload for a request that needs them for its checksums alone; a key that is given must be right.

        Raises:
            InvalidRequest: there are sealed checksums and no key, or it is another one.
        """
        are_sealed = has_some and encryption is not None and encryption.hides_digests
        return self._seal_for_part(encryption, bucket, key, customer) if customer or are_sealed else CLEAR

    def _abort_rule(self, bucket: str, key: bytes, upload_id: UploadId) -> dict[str, Any]:
        """What x-amz-abort-date and x-amz-abort-rule-id say."""
        deadline = self._lifecycle(bucket).abort_of(key, upload_id.initiated_ns)
        return {"abort_date": deadline.moment, "abort_rule_id": deadline.rule_id} if deadline is not None else {}

    def _listed_uploads(
        self, bucket: str, place: BucketRecord, entries: Iterable[UploadEntry], encoding: Encoding
    ) -> tuple[MultipartUpload, ...]:
        owner, initiator = Owner(self._canonical_id(place.owner)), functools.cache(self._initiator)
        return tuple(
            MultipartUpload(
                upload_id=format_upload_id(bucket, entry.key, entry.upload_id),
                key=encoding.show(entry.key.decode()),
                initiated=to_datetime(entry.upload_id.initiated_ns),
                storage_class=storage_class_of(entry.record.headers),
                owner=owner,
                initiator=initiator(entry.record.initiator),
                **named(entry.record.checksum),
            )
            for entry in entries
        )

    def _parse_marker(self, bucket: str, key_marker: bytes, text: str | None) -> UploadId | None:
        if not text or not key_marker:
            return None
        try:
            return parse_upload_id(bucket, key_marker, text)
        except NoSuchUpload:
            raise InvalidArgument(
                "Invalid uploadId marker", ArgumentName="upload-id-marker", ArgumentValue=text
            ) from None

    def _initiator(self, account_id: str) -> Initiator:
        return Initiator(self._canonical_id(account_id))

    def _find_upload(self, bucket: str, key: str, upload_id: str) -> tuple[bytes, UploadId, UploadRecord]:
        """The stored forms of key and upload id, and the upload, known to be open just now."""
        name = encode_key(key, self.limits)
        identity = parse_upload_id(bucket, name, upload_id)
        with self._naming(upload_id):
            return name, identity, self._meta.find_upload(bucket, name, identity)

    @contextlib.contextmanager
    def _naming(self, upload_id: str) -> Iterator[None]:
        """Give NoSuchUpload the id as the client wrote it."""
        try:
            yield
        except NoSuchUpload:
            raise NoSuchUpload(UploadId=upload_id) from None
