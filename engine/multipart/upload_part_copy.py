"""UploadPartCopy: a part made of bytes that are stored already."""

import contextlib
from typing import Unpack

from engine.dates import to_datetime
from engine.encryption.customer_keys import customer_key_said
from engine.encryption.seals import told as of_encryption
from engine.multipart.checksum_rules import kept_of_part, told
from engine.multipart.rules import check_part_number
from engine.multipart.uploads import Uploads
from engine.objects.copy_object import Copying
from engine.objects.copy_source import CopyRange, CopySource, copied_extent
from engine.objects.version_ids import shown_version
from engine.shapes.answers import CopyPartResult, UploadPartCopyOutput, quoted
from engine.shapes.requests import UploadPartCopyRequest, exact


class PartCopies(Uploads, Copying):
    """The copying of parts."""

    @exact
    def upload_part_copy(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        part_number: int,
        copy_source: str,
        **said: Unpack[UploadPartCopyRequest],
    ) -> UploadPartCopyOutput:
        """Store a part as `upload_part` does, from an object of this store, or from `copy_source_range` of it (`bytes=0-9`).

        `copy_source` is as for `copy_object`. No byte moves if the part is just one stored part of the source, and the upload keeps
        the same kind of checksum. A stored part that the range cuts is read whole for proof, once for all copies of some minutes.

        Raises:
            InvalidArgument: the part number, copy_source or copy_source_range.
            NoSuchBucket, NoSuchUpload, NoSuchKey, NoSuchVersion: also if the upload is aborted or completed meanwhile.
            InvalidRequest: the range begins past the source's end, or the source has more than 5 GiB, or is a delete marker.
            EntityTooLarge: the range has more than 5 GiB.
            PreconditionFailed: a condition on the source does not hold.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        Source: API page UploadPartCopy.
        """
        self._check_writable()
        check_part_number(part_number, self.limits)
        source = CopySource.of(copy_source)
        text = said.get("copy_source_range")
        wanted = CopyRange.of(text) if text is not None else None
        with contextlib.ExitStack() as held:
            customer = held.enter_context(customer_key_said(said))
            place = self._enter(bucket, said)
            self._check_customer(place, bucket, key, customer)
            name, identity, upload = self._find_upload(bucket, key, upload_id)
            seal = held.enter_context(self._seal_for_part(upload.encryption, bucket, key, customer))
            original = held.enter_context(self._original(source, said))
            held.enter_context(self._naming(upload_id))
            extent = copied_extent(original.record.size, wanted, self.limits.part_size_bytes_max)
            arrival = held.enter_context(self._copied(original, extent, kept_of_part(upload), seal, part_number))
            now = self._now_ns()
            part = arrival.as_part(part_number, now)
            superseded = self._meta.record_part(bucket, name, identity, part, arrival.inline)
        if superseded is not None:
            self._sweeper.sweep((superseded,))
        checksum = told(upload.checksum, arrival.algorithm, arrival.kept)
        return UploadPartCopyOutput(
            CopyPartResult(quoted(part.etag.hex()), to_datetime(now), **checksum),
            copy_source_version_id=shown_version(original.found.version),
            request_charged=self._charged(place) or self._charged(original.place),
            **of_encryption(upload.encryption, customer),
        )
