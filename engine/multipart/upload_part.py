"""UploadPart."""

from typing import Unpack

from engine.bodies.reception import Promise, in_base64
from engine.bodies.sources import Body, trailers_of
from engine.checksums import promised_checksum
from engine.core import Context
from engine.multipart.checksum_rules import check_part, checksum_members, part_algorithm
from engine.multipart.lookup import UploadLookup
from engine.multipart.part_writes import writing_part
from engine.multipart.rules import check_part_number
from engine.objects.object_lock import check_digest
from engine.shapes.answers import (
    UploadPartOutput,
    quoted,
)
from engine.shapes.requests import (
    UploadPartRequest,
    reject_unknown_members,
)


class UploadPart:
    """UploadPart."""

    _context: Context
    _uploads: UploadLookup

    @reject_unknown_members
    def upload_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        part_number: int,
        body: Body,
        **request: Unpack[UploadPartRequest],
    ) -> UploadPartOutput:
        """Store a part durably. It replaces an earlier part of the same number; of two attempts, the one that finishes last wins.

        `body` is bytes, a buffer, a binary file, a file descriptor, an iterable of bytes, or a source (`engine.bodies.sources.Source`).
        `content_length` bounds what is read from a descriptor or an unseekable file; any other body must have exactly that many bytes.
        `content_md5` is base64 (RFC 1864), `content_sha256` 64 hex digits; one checksum may be given, in base64, and is echoed.
        `presigned_checksum_algorithm` is the algorithm that a presigned URL names, in upper case; its value is not compared.
        All checks that need no bytes of the body are made before the first byte is read.

        Raises:
            InvalidArgument: the part number is not within 1..10000.
            NoSuchBucket, NoSuchUpload: also if the upload is aborted or completed in the meantime.
            EntityTooLarge, IncompleteBody, InvalidDigest, BadDigest, XAmzContentSHA256Mismatch: see the messages.
            InvalidRequest: there are several checksums, the checksum is malformed, or its algorithm is not the upload's; or the
                customer's key is not the upload's.
            StoreFull, InternalError, SlowDown: nothing was stored; try again.

        Source: API page UploadPart.
        """
        context = self._context
        check_part_number(part_number, context.limits)
        checksum = promised_checksum(request, trailers_of(body), must_agree=False)
        promise = Promise.of(request, checksum)
        with writing_part(context, self._uploads, bucket, key, upload_id, part_number, request) as write:
            check_part(write.upload.checksum, checksum, request.get("presigned_checksum_algorithm"))
            check_digest(write.upload.lock, "Put Part", has_digest=checksum is not None or promise.md5 is not None)
            arrival = write.hold(
                context.bodies.receive(
                    body,
                    promise.keeping(part_algorithm(write.upload)),
                    size_max=context.limits.part_size_bytes_max,
                    as_text=in_base64,
                    seal=write.seal,
                    part_number=part_number,
                )
            )
            part = write.commit(arrival)
        checksums = arrival.checksums or checksum_members(write.upload.checksum, arrival.algorithm, arrival.kept)
        return UploadPartOutput(
            quoted(part.etag.hex()),
            **checksums,
            request_charged=write.request_charged(),
            **write.encryption_members(),
        )
