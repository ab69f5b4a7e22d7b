"""UploadPartCopy: a part is made from bytes that are stored already."""

from typing import Unpack

from engine.core import Context
from engine.dates import to_datetime
from engine.multipart.checksum_rules import checksum_members, part_algorithm
from engine.multipart.lookup import UploadLookup
from engine.multipart.part_writes import writing_part
from engine.multipart.rules import check_part_number
from engine.objects.copied_object import CopySources
from engine.objects.copy_source import CopyRange, CopySource, copied_extent
from engine.objects.version_ids import version_id_of
from engine.shapes.answers import CopyPartResult, UploadPartCopyOutput, quoted
from engine.shapes.requests import UploadPartCopyRequest, reject_unknown_members


class UploadPartCopy:
    """UploadPartCopy."""

    _context: Context
    _uploads: UploadLookup
    _copy_sources: CopySources

    @reject_unknown_members
    def upload_part_copy(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        part_number: int,
        copy_source: str,
        **request: Unpack[UploadPartCopyRequest],
    ) -> UploadPartCopyOutput:
        """Store a part as `upload_part` does, from an object of this store, or from `copy_source_range` of it (`bytes=0-9`).

        `copy_source` is as for `copy_object`. No bytes are copied if the part is exactly one stored part of the source and has the kind
        of checksum that the upload keeps. A stored part that the range cuts is read whole to verify it, once for all copies within
        some minutes.

        Raises:
            InvalidArgument: the part number, copy_source or copy_source_range is not valid.
            NoSuchBucket, NoSuchUpload, NoSuchKey, NoSuchVersion: also if the upload is aborted or completed in the meantime.
            InvalidRequest: the range begins past the source's end, or the source has more than 5 GiB or is a delete marker.
            EntityTooLarge: the range has more than 5 GiB.
            PreconditionFailed: a condition on the source does not hold.
            StoreFull, InternalError, SlowDown: nothing was stored; try again.

        Source: API page UploadPartCopy.
        """
        context = self._context
        check_part_number(part_number, context.limits)
        source = CopySource.of(copy_source)
        text = request.get("copy_source_range")
        requested_range = CopyRange.of(text) if text is not None else None
        with writing_part(context, self._uploads, bucket, key, upload_id, part_number, request) as write:
            copied = write.hold(self._copy_sources.hold(source, request))
            extent = copied_extent(copied.record.size, requested_range, context.limits.part_size_bytes_max)
            algorithm = part_algorithm(write.upload)
            arrival = write.hold(self._copy_sources.take(copied, extent, algorithm, write.seal, part_number))
            part = write.commit(arrival)
        checksum = checksum_members(write.upload.checksum, arrival.algorithm, arrival.kept)
        return UploadPartCopyOutput(
            CopyPartResult(quoted(part.etag.hex()), to_datetime(part.modified_ns), **checksum),
            copy_source_version_id=version_id_of(copied.found.version),
            request_charged=write.request_charged() or context.request_charged(copied.bucket_record),
            **write.encryption_members(),
        )
