"""The steps that UploadPart and UploadPartCopy share: find the upload, open its keys, commit the part."""

import contextlib
from collections.abc import Iterator
from typing import Any, TypeVar

from engine.bodies.reception import Arrival
from engine.core import Context
from engine.encryption.seals import Seal, encryption_members
from engine.meta.parts import PartRecord
from engine.meta.records import UploadRecord
from engine.multipart.lookup import OpenUpload, UploadLookup, naming_upload
from engine.objects.writing import Write, writing

Held = TypeVar("Held")


class PartWrite:
    """One part on its way into an upload; made by `writing_part`, and used inside its `with`."""

    __slots__ = ("_context", "_part_number", "_upload", "_write", "seal")

    def __init__(self, context: Context, write: Write, upload: OpenUpload, seal: Seal, part_number: int) -> None:
        self._context = context
        self._write = write
        self._upload = upload
        self._part_number = part_number
        self.seal = seal

    @property
    def upload(self) -> UploadRecord:
        """Return the record of the upload."""
        return self._upload.record

    def hold(self, manager: contextlib.AbstractContextManager[Held]) -> Held:
        """Enter a context that ends with the write."""
        return self._write.hold(manager)

    def commit(self, arrival: Arrival) -> PartRecord:
        """Commit the part durably. The upload is looked up again inside the transaction.

        Raises:
            NoSuchUpload: the upload was completed or aborted in the meantime.
            StoreFull, InternalError.
        """
        part = arrival.as_part(self._part_number, self._context.now_ns())
        meta, write = self._context.meta, self._write
        superseded = meta.record_part(write.bucket, self._upload.key, self._upload.id, part, arrival.inline)
        write.trash = (superseded,) if superseded is not None else ()
        return part

    def request_charged(self) -> str | None:
        """Return the value of x-amz-request-charged in the answer."""
        return self._context.request_charged(self._write.bucket_record)

    def encryption_members(self) -> dict[str, Any]:
        """Return the members of an answer that say how the upload is encrypted."""
        return encryption_members(self.upload.encryption, self._write.customer)


@contextlib.contextmanager
def writing_part(
    context: Context, uploads: UploadLookup, bucket: str, key: str, upload_id: str, part_number: int, request: Any
) -> Iterator[PartWrite]:
    """Begin to write a part: do what begins every write, find the upload, open its keys.

    Raises:
        as `writing`.
        NoSuchUpload.
        InvalidRequest: the request's customer's key is not the upload's, or only one of the two has a key.
    """
    with writing(context, bucket, key, request) as write:
        upload = uploads.find(bucket, key, upload_id)
        seal = write.hold(context.seal_for_part(upload.record.encryption, bucket, key, write.customer))
        with naming_upload(upload_id):
            yield PartWrite(context, write, upload, seal, part_number)
