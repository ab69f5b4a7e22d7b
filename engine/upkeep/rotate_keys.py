"""Rotates the key ring: adds an active key, and wraps every data key of SSE-S3 under it. The bytes of objects do not change."""

import contextlib
from collections.abc import Iterator

from engine.core import Context
from engine.encryption.requested import RequestedEncryption
from engine.encryption.upload_keys import KeyBinding
from engine.errors import InternalError, NoSuchBucket, NoSuchKey, NoSuchUpload, NoSuchVersion
from engine.meta import FoundObject, UploadEntry, VersionEntry
from engine.meta.records import Encryption, ObjectRecord, UploadRecord, replace
from engine.meta.walks import uploads_of, versions_of
from engine.upkeep.reports import NAMES_REPORTED_MAX, RewrapReport


class RotateKeys:
    """Rotates the key ring of one store."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def rotate(self) -> RewrapReport:
        """Add a key to the ring, make it the active one, and rewrap the data keys under it, while other work goes on.

        Older keys stay in the ring, for earlier backups of the metadata and for writes that run meanwhile. After an interrupted
        rotation `rewrap` does the rest. SSE-KMS and SSE-C are not affected, since their keys are not the store's.
        """
        self._context.check_writable()
        self._context.keys.ring_for_new().rotate()
        return self.rewrap()

    def rewrap(self) -> RewrapReport:
        """Wrap those data keys under the active key that are not yet, and report their number."""
        self._context.check_writable()
        ring = self._context.keys.ring_for_new()
        active, uploads, objects, failed = ring.active_id, 0, 0, list[str]()
        for bucket in self._context.meta.usage():
            with contextlib.suppress(NoSuchBucket):  # deleted meanwhile
                for upload in uploads_of(self._context.meta, bucket):
                    with _failures_collected(failed, bucket, upload.key):
                        uploads += self._rewrap_upload(bucket, upload, active)
                for version in versions_of(self._context.meta, bucket):
                    with _failures_collected(failed, bucket, version.key):
                        objects += self._rewrap_version(bucket, version, active)
        return RewrapReport(active, len(ring.ids()), objects, uploads, tuple(failed[:NAMES_REPORTED_MAX]))

    def _rewrap_upload(self, bucket: str, entry: UploadEntry, active: str) -> bool:
        rewrapped = self._rewrapped(bucket, entry.key, entry.record.encryption, active)
        if rewrapped is None:
            return False

        def change(record: UploadRecord) -> UploadRecord:
            return replace(record, encryption=rewrapped) if record.encryption == entry.record.encryption else record

        try:
            self._context.meta.update_upload(bucket, entry.key, entry.upload_id, change)
        except NoSuchUpload:
            return False  # ended meanwhile
        return True

    def _rewrap_version(self, bucket: str, entry: VersionEntry, active: str) -> bool:
        rewrapped = self._rewrapped(bucket, entry.key, entry.record.encryption, active)
        if rewrapped is None:
            return False

        def change(found: FoundObject) -> ObjectRecord:
            is_same = found.record.encryption == entry.record.encryption  # else it was replaced meanwhile
            return replace(found.record, encryption=rewrapped) if is_same else found.record

        try:
            self._context.meta.update_object(bucket, entry.key, entry.version, change)
        except (NoSuchKey, NoSuchVersion):
            return False  # deleted meanwhile
        return True

    def _rewrapped(self, bucket: str, key: bytes, current: Encryption | None, active: str) -> Encryption | None:
        """Return the encryption rewrapped, or None if it need not be. This runs outside of any step, since the ring may be locked."""
        if current is None or not _is_due(current, active):
            return None
        name = key.decode()
        binding = KeyBinding(bucket, name, current.upload_id)
        return self._context.keys.rewrap(current, bucket, name, None, binding, RequestedEncryption("AES256"))


def _is_due(encryption: Encryption | None, active: str) -> bool:
    return encryption is not None and encryption.kind == "AES256" and encryption.key_id != active


@contextlib.contextmanager
def _failures_collected(failed: list[str], bucket: str, key: bytes) -> Iterator[None]:
    """Add an object that can't be decrypted to `failed`, and go on. Subclasses of InternalError, such as StoreFull, are raised."""
    try:
        yield
    except InternalError as error:
        if type(error) is not InternalError:
            raise
        failed.append(f"{bucket}/{key.decode()}")
