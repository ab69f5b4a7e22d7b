"""Copying: the source held while it is copied, its bytes shared or passed through the stream once; and CopyObject.

Bytes are shared where they are just one stored part whose digests are known: its file gets one more name, its row's bytes go into a
row of their own. Everything else is read and digested anew, and the stored parts that it is of are proven by what is known of them:
a copy would else give bytes that went bad a checksum of their own.
"""

import contextlib
import secrets
from collections.abc import Iterator
from functools import partial
from typing import Literal, Unpack

from engine.blobs import BLOB_ID_SIZE
from engine.bodies.readers import ObjectBody, StoredSource, digest_of
from engine.bodies.reception import Arrival, Promise, in_hex
from engine.checksums import BY_NAME, DEFAULT, Algorithm, find_algorithm
from engine.dates import to_datetime
from engine.encryption.customer_keys import CustomerKey, customer_key_said
from engine.encryption.requested import Asked
from engine.encryption.seals import Seal, told
from engine.encryption.upload_keys import Place
from engine.errors import InternalError, InvalidArgument, InvalidRequest, MethodNotAllowed
from engine.meta import FoundObject
from engine.meta.parts import Flag, Manifest, PartRecord
from engine.meta.records import BucketRecord, Headers, ObjectRecord, hides_digests, replace
from engine.native.stream import available
from engine.objects.checksums import of_object, shown
from engine.objects.conditions import CopyConditions, Extent, WriteConditions
from engine.objects.copy_source import CopySource, copied_extent
from engine.objects.get_object import Objects
from engine.objects.keys import encode_key
from engine.objects.metadata import Traits, check_copyable
from engine.objects.object_lock import lock_in
from engine.objects.put_object import new_object, new_place
from engine.objects.version_ids import asked_version, made_version, shown_version
from engine.record import Record
from engine.shapes.answers import CopyObjectOutput, CopyObjectResult, quoted
from engine.shapes.requests import CopyObjectRequest, CopySourceRequest, exact

_TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, "
    "storage class, website redirect location or encryption attributes."
)
_A_MARKER = "The source of a copy request may not specifically refer to a delete marker by version id."


class Original(Record, frozen=True):
    """The object that is copied, in its bucket."""

    place: BucketRecord
    found: FoundObject
    manifest: Manifest
    seal: Seal
    source: CopySource
    customer: CustomerKey | None

    @property
    def record(self) -> ObjectRecord:
        """What is kept of it."""
        return self.found.record

    @property
    def kind(self) -> str | None:
        """Of its encryption."""
        return self.record.encryption.kind if self.record.encryption is not None else None

    @property
    def algorithm(self) -> Algorithm:
        """Of its checksum; the default for one that can't be computed on this machine."""
        kept = BY_NAME[self.record.checksum.algorithm] if self.record.checksum is not None else DEFAULT
        return kept if available(kept.digest) else DEFAULT

    def would_be_replaced(self, place: BucketRecord) -> bool:
        """Whether a write to its own key puts itself in its place, and no version beside it."""
        version = self.found.version
        return version is None or (version.is_null and place.versioning != "Enabled")

    def part_of(self, extent: Extent) -> PartRecord | None:
        """The one stored part that has just these bytes."""
        start, end = extent.start, extent.start + extent.length
        index = self.manifest.index_at(start) if extent.length else 0
        is_part = (self.manifest.start(index), self.manifest.end(index)) == (start, end)
        part: PartRecord | None = self.manifest.parts[index] if is_part else None
        return part

    def unproven(self, extent: Extent) -> Iterator[PartRecord]:
        """The stored parts that these bytes are of, but which reading just these does not prove; seals prove any piece."""
        start, end = extent.start, extent.start + extent.length
        manifest = self.manifest
        for index in range(manifest.index_at(start), manifest.index_at(end - 1) + 1 if extent.length else 0):
            is_whole = start <= manifest.start(index) and manifest.end(index) <= end
            part = manifest.parts[index]
            if not (part.flags & Flag.SEALED or (is_whole and digest_of(part))):
                yield part


class Copying(Objects):
    """What copies share, and the copying of objects."""

    @exact
    def copy_object(
        self, bucket: str, key: str, copy_source: str, **said: Unpack[CopyObjectRequest]
    ) -> CopyObjectOutput:
        """Copy an object of up to 5 GiB; `copy_source` is `bucket/key`, percent-encoded, or `bucket/key?versionId=ID`.

        Metadata and content headers come from the source, unless `metadata_directive` is REPLACE, and so does the kind of checksum,
        unless `checksum_algorithm` names one. The copy is a plain object, also of a source that came in parts. The source's key is
        `copy_source_sse_customer_*`, the copy's own `sse_customer_*`; each may be another one, or none. How the copy is encrypted is
        said anew (`server_side_encryption`, or the bucket's default), and is not taken over.

        Raises:
            NoSuchBucket, NoSuchKey, NoSuchVersion: of the source or of the destination.
            InvalidArgument: copy_source or metadata_directive.
            InvalidRequest: no such checksum_algorithm, the source is too large or a delete marker, or the copy onto itself would
                change nothing.
            PreconditionFailed: a condition on the source does not hold, or if_match or if_none_match on the destination.
            InvalidArgument, AccessDenied, KMSNotFound, …: no such encryption, one whose key can't be used, or that the bucket blocks.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        Source: API page CopyObject.
        """
        self._check_writable()
        source = CopySource.of(copy_source)
        replaces, retags = _replaces("metadata", said), _replaces("tagging", said)
        changing = ("storage_class", "website_redirect_location", "server_side_encryption")
        changes = any(said.get(member) is not None for member in changing)
        wanted = said.get("checksum_algorithm")
        named = find_algorithm(wanted) if wanted is not None else None
        conditions = WriteConditions.of(said.get("if_match"), said.get("if_none_match"))
        name, traits = encode_key(key, self.limits), Traits.of(said, self.limits, self._now_ns())
        with contextlib.ExitStack() as held:
            customer = held.enter_context(customer_key_said(said))
            place = self._enter(bucket, said)
            self._check_customer(place, bucket, key, customer)
            asked = self._asked(place, said, customer)
            lock_in(place, traits.lock, self._now_ns())
            conditions.check(key, self._current(bucket, name))
            original = held.enter_context(self._original(source, said))
            is_same = (source.bucket, source.key) == (bucket, key) and original.would_be_replaced(place)
            if is_same and not (replaces or changes or customer or original.kind != asked.kind):
                raise InvalidRequest(_TO_ITSELF)
            headers = traits.headers if replaces else _copied_headers(original.record.headers, traits.headers)
            tags = traits.tags if retags else original.record.tags
            extent = copied_extent(original.record.size, None, self.limits.put_size_bytes_max)
            algorithm = named or original.algorithm
            seal = held.enter_context(self._seal_of_copy(original, new_place(bucket, key), asked, algorithm))
            arrival = held.enter_context(self._copied(original, extent, algorithm, seal))
            record, part = new_object(arrival, headers, tags, traits.lock, self._now_ns())
            guard, locking = partial(conditions.check, key), partial(lock_in, now_ns=record.modified_ns)
            version, trash = self._meta.put_object(bucket, name, record, part, arrival.inline, guard, locking)
        self._sweeper.sweep(trash)
        checksum = of_object(arrival.kept, arrival.algorithm)
        return CopyObjectOutput(
            CopyObjectResult(quoted(record.etag), to_datetime(record.modified_ns), **shown(checksum)),
            expiration=self._expiration(bucket, name, record),
            copy_source_version_id=shown_version(original.found.version),
            version_id=made_version(version),
            request_charged=self._charged(place) or self._charged(original.place),
            **told(seal.encryption, customer),
            ssekms_encryption_context=said.get("ssekms_encryption_context"),
        )

    @contextlib.contextmanager
    def _original(self, source: CopySource, said: CopySourceRequest) -> Iterator[Original]:
        """Hold the source of a copy: inside the `with` its bytes stay, whatever happens to the key.

        Raises:
            NoSuchBucket, NoSuchKey, NoSuchVersion, AccessDenied, InvalidBucketOwnerAWSAccountID.
            InvalidRequest: the version named is a delete marker.
            InvalidRequest, AccessDenied: not the customer's key that the source was stored with.
            PreconditionFailed: a condition does not hold.
        """
        version = asked_version(source.version_id)
        owner, payer = said.get("expected_source_bucket_owner"), said.get("request_payer")
        place = self._enter(source.bucket, {"expected_bucket_owner": owner, "request_payer": payer})
        name = encode_key(source.key, self.limits)
        try:
            found, manifest, lease = self._open_object(lambda: self._find_object(source.bucket, name, version))
        except MethodNotAllowed:
            raise InvalidRequest(_A_MARKER) from None
        record = found.record
        with contextlib.ExitStack() as held:
            held.callback(lease.close)
            customer = held.enter_context(customer_key_said(said, "copy_source_"))
            seal = held.enter_context(self._seal_for_read(record.encryption, source.bucket, source.key, customer))
            CopyConditions.of_source(said).check(record.etag, to_datetime(record.modified_ns))
            check_copyable(record)
            yield Original(place, found, manifest, seal, source, customer)

    def _seal_of_copy(self, original: Original, place: Place, asked: Asked, algorithm: Algorithm) -> Seal:
        """The encryption of a copy: the source's own data key under another root, where that leaves all bytes and digests as they are.

        That is how a customer's key is changed, by a copy onto itself.
        """
        encryption, parts = original.record.encryption, original.manifest.parts
        if encryption is None or asked.kind is None or encryption.hides_digests != hides_digests(asked.kind):
            return self._begin_seal(place, asked)
        if len(parts) != 1 or (parts[0].number, parts[0].algorithm) != (1, algorithm.name):
            return self._begin_seal(place, asked)
        source = original.source
        opened_by = source.bucket, source.key, original.customer
        return Seal(original.seal.keys, self._encrypting.rewrap(encryption, *opened_by, place, asked))

    @contextlib.contextmanager
    def _copied(
        self, original: Original, extent: Extent, algorithm: Algorithm | None, seal: Seal, part_number: int = 1
    ) -> Iterator[Arrival]:
        """Take over bytes of an object, with the checksum to keep, sealed as the copy is; the caller commits inside the `with`.

        Raises:
            InternalError: the stored bytes are not there, or not what they were.
            StoreFull: the copy does not fit.
        """
        self._check_readable(original.manifest, extent, original.seal)
        part = original.part_of(extent)
        shared = part if part is not None and algorithm is not None and part.algorithm == algorithm.name else None
        if shared is None or seal.keys is not original.seal.keys:
            shared, kept = None, b""
        else:
            (kept,) = original.seal.reveal([shared.number], [shared.etag], [shared.checksum])
        if shared is not None and shared.flags & Flag.INLINE:
            data = self._meta.read_inline(shared.blob_id)
            blob_id = secrets.token_bytes(BLOB_ID_SIZE)
            yield Arrival(blob_id, shared.size, shared.etag, kept, shared.algorithm, data, {}, seal, shared)
        elif shared is not None and (blob := self._blobs.link(shared.blob_id)) is not None:
            with self._reception.share(shared, kept, blob, seal) as arrival:
                yield arrival
        else:
            for each in original.unproven(extent):
                self._proofs.prove(each)
            promise = Promise(extent.length, None, None, kept=algorithm)
            place = self._meta, self._blobs, None, original.seal
            body = ObjectBody(original.manifest, extent.start, extent.length, *place)
            receive = partial(self._reception.receive, size_max=extent.length, shown_as=in_hex)
            with body, receive(StoredSource(body), promise, seal=seal, part_number=part_number) as arrival:
                if part is not None and original.seal.etag(part.number, arrival.md5) != part.etag:
                    raise InternalError(reason=f"blob {part.blob_id.hex()} has other bytes than were stored")
                yield arrival


def _copied_headers(source: Headers, said: Headers) -> Headers:
    """What a copy takes from its source; storage class and redirect never are."""
    return replace(source, website_redirect_location=said.website_redirect_location, storage_class=said.storage_class)


def _replaces(what: Literal["metadata", "tagging"], said: CopyObjectRequest) -> bool:
    """Whether the copy's metadata, or tags, are those said, and not the source's."""
    directive = said.get(f"{what}_directive")
    if directive not in (None, "COPY", "REPLACE"):
        raise InvalidArgument(
            f"Unknown {what} directive.", ArgumentName=f"x-amz-{what}-directive", ArgumentValue=directive
        )
    return directive == "REPLACE"
