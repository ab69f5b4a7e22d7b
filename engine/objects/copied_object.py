"""The source of a copy: its object is found and leased, and its bytes are shared with the copy or read once.

Bytes are shared if they are exactly one stored part with the digests that the copy needs: the part's file gets one more name, or the
bytes of its row are written to a new row. All other bytes are read and digested anew, after the stored parts that they belong to were
verified by their own checksums: otherwise the copy's checksum would vouch for bytes that were damaged on the disk.
"""

import contextlib
import os
from collections.abc import Iterator
from functools import partial

from engine.blobs import BLOB_ID_SIZE
from engine.bodies.readers import ObjectBody, StoredSource, digest_of
from engine.bodies.reception import Arrival, Promise, in_hex
from engine.checksums import BY_NAME, DEFAULT, Algorithm
from engine.core import Context
from engine.dates import to_datetime
from engine.encryption.customer_keys import CustomerKey, requested_customer_key
from engine.encryption.requested import RequestedEncryption
from engine.encryption.seals import Seal
from engine.encryption.upload_keys import KeyBinding
from engine.errors import InternalError, InvalidRequest, MethodNotAllowed
from engine.meta import FoundObject
from engine.meta.parts import Flag, Manifest, PartRecord
from engine.meta.records import BucketRecord, ObjectRecord, hides_digests
from engine.native.stream import available
from engine.objects.conditions import CopyConditions, Extent
from engine.objects.copy_source import CopySource
from engine.objects.keys import encode_key
from engine.objects.lookup import ObjectLookup
from engine.objects.metadata import check_copyable
from engine.objects.version_ids import requested_version
from engine.record import Record
from engine.shapes.requests import CopySourceRequest

_A_MARKER = "The source of a copy request may not specifically refer to a delete marker by version id."


class CopiedObject(Record, frozen=True):
    """The object that is copied, with the record of its bucket and its seal."""

    bucket_record: BucketRecord
    found: FoundObject
    manifest: Manifest
    seal: Seal
    source: CopySource
    customer: CustomerKey | None

    @property
    def record(self) -> ObjectRecord:
        """Return the record of the object."""
        return self.found.record

    @property
    def kind(self) -> str | None:
        """Return the kind of the object's encryption; None if it is not encrypted."""
        return self.record.encryption.kind if self.record.encryption is not None else None

    @property
    def algorithm(self) -> Algorithm:
        """Return the algorithm of the object's checksum; the default if it has none, or one that this machine can't compute."""
        kept = BY_NAME[self.record.checksum.algorithm] if self.record.checksum is not None else DEFAULT
        return kept if available(kept.digest) else DEFAULT

    def would_be_replaced(self, bucket_record: BucketRecord) -> bool:
        """Tell whether a write to the object's own key replaces it, instead of adding a version."""
        version = self.found.version
        return version is None or (version.is_null and bucket_record.versioning != "Enabled")

    def part_of(self, extent: Extent) -> PartRecord | None:
        """Return the stored part that consists of exactly these bytes, if there is one."""
        start, end = extent.start, extent.start + extent.length
        index = self.manifest.index_at(start) if extent.length else 0
        is_part = (self.manifest.start(index), self.manifest.end(index)) == (start, end)
        part: PartRecord | None = self.manifest.parts[index] if is_part else None
        return part

    def unproven(self, extent: Extent) -> Iterator[PartRecord]:
        """Yield the stored parts that reading these bytes does not verify.

        A part that is read in part, or has no checksum, is not verified; a sealed part is, by the tags of its segments.
        """
        start, end = extent.start, extent.start + extent.length
        manifest = self.manifest
        for index in range(manifest.index_at(start), manifest.index_at(end - 1) + 1 if extent.length else 0):
            is_whole = start <= manifest.start(index) and manifest.end(index) <= end
            part = manifest.parts[index]
            if not (part.flags & Flag.SEALED or (is_whole and digest_of(part))):
                yield part


class CopySources:
    """Opens the sources of copies, and gives copies their bytes."""

    __slots__ = ("_context", "_objects")

    def __init__(self, context: Context, objects: ObjectLookup) -> None:
        self._context = context
        self._objects = objects

    @contextlib.contextmanager
    def hold(self, source: CopySource, request: CopySourceRequest) -> Iterator[CopiedObject]:
        """Find the source of a copy and lease its bytes: inside the `with` they stay, even if the key is overwritten or deleted.

        Raises:
            NoSuchBucket, NoSuchKey, NoSuchVersion, AccessDenied, InvalidBucketOwnerAWSAccountID.
            InvalidRequest: the version named is a delete marker.
            InvalidRequest, AccessDenied: the customer's key is missing, or is not the one that the source was stored with.
            PreconditionFailed: a condition does not hold.
        """
        version = requested_version(source.version_id)
        owner, payer = request.get("expected_source_bucket_owner"), request.get("request_payer")
        condition = {"expected_bucket_owner": owner, "request_payer": payer}
        bucket_record = self._context.authorized_bucket(source.bucket, condition)
        name = encode_key(source.key, self._context.limits)
        try:
            found, manifest, lease = self._objects.hold(source.bucket, name, version)
        except MethodNotAllowed:
            raise InvalidRequest(_A_MARKER) from None
        record = found.record
        with contextlib.ExitStack() as stack:
            stack.callback(lease.close)
            customer = stack.enter_context(requested_customer_key(request, "copy_source_"))
            seal = stack.enter_context(
                self._context.seal_for_read(record.encryption, source.bucket, source.key, customer)
            )
            CopyConditions.of_source(request).check(record.etag, to_datetime(record.modified_ns))
            check_copyable(record)
            yield CopiedObject(bucket_record, found, manifest, seal, source, customer)

    def seal(
        self, copied: CopiedObject, binding: KeyBinding, requested: RequestedEncryption, algorithm: Algorithm
    ) -> Seal:
        """Make the seal of a copy.

        If the source's stored bytes and digests can be used as they are, the copy gets the source's data key, wrapped under the root
        key that the copy requests; else it gets a new data key. So copying an object onto itself with another customer's key changes
        the key and rewrites no bytes.
        """
        encryption, parts = copied.record.encryption, copied.manifest.parts
        if encryption is None or requested.kind is None or encryption.hides_digests != hides_digests(requested.kind):
            return self._context.begin_seal(binding, requested)
        if len(parts) != 1 or (parts[0].number, parts[0].algorithm) != (1, algorithm.name):
            return self._context.begin_seal(binding, requested)
        source = copied.source
        opened_by = source.bucket, source.key, copied.customer
        return Seal(copied.seal.keys, self._context.keys.rewrap(encryption, *opened_by, binding, requested))

    @contextlib.contextmanager
    def take(
        self, copied: CopiedObject, extent: Extent, algorithm: Algorithm | None, seal: Seal, part_number: int = 1
    ) -> Iterator[Arrival]:
        """Give a copy the bytes of an extent, sealed with its seal and digested by `algorithm`; the caller commits inside the `with`.

        Raises:
            InternalError: stored bytes are missing or damaged.
            StoreFull: the copy does not fit.
        """
        self._objects.check_readable(copied.manifest, extent, copied.seal)
        part = copied.part_of(extent)
        shared = part if part is not None and algorithm is not None and part.algorithm == algorithm.name else None
        if shared is None or seal.keys is not copied.seal.keys:
            shared, kept = None, b""
        else:
            (kept,) = copied.seal.reveal([shared.number], [shared.etag], [shared.checksum])
        if shared is not None and shared.flags & Flag.INLINE:
            data = self._context.meta.read_inline(shared.blob_id)
            blob_id = os.urandom(BLOB_ID_SIZE)
            yield Arrival(blob_id, shared.size, shared.etag, kept, shared.algorithm, data, {}, seal, shared)
        elif shared is not None and (blob := self._context.blobs.link(shared.blob_id)) is not None:
            with self._context.bodies.share(shared, kept, blob, seal) as arrival:
                yield arrival
        else:
            for each in copied.unproven(extent):
                self._context.proofs.prove(each)
            promise = Promise(extent.length, None, None, kept=algorithm)
            stored = self._context.meta, self._context.blobs, None, copied.seal
            body = ObjectBody(copied.manifest, extent.start, extent.length, *stored)
            receive = partial(self._context.bodies.receive, size_max=extent.length, as_text=in_hex)
            with body, receive(StoredSource(body), promise, seal=seal, part_number=part_number) as arrival:
                if part is not None and copied.seal.etag(part.number, arrival.md5) != part.etag:
                    raise InternalError(reason=f"blob {part.blob_id.hex()} has other bytes than were stored")
                yield arrival
