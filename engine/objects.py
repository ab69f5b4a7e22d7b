"""PutObject, GetObject, HeadObject."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Unpack

from engine.arrival import Arrival, Promise, in_hex
from engine.blobs.leases import Lease
from engine.bodies import Body, trailers_of
from engine.checksums import DEFAULT, promised_checksum
from engine.conditions import Conditions, Extent, WriteConditions, extent_of, range_asked
from engine.core import Core, quoted, to_datetime
from engine.customer_keys import customer_key_said
from engine.dates import http_date
from engine.errors import InternalError, MethodNotAllowed, NoSuchKey, NoSuchVersion
from engine.locks import check_digest, lock_in, shown_lock
from engine.members import PutObjectRequest, ReadRequest, exact
from engine.meta import FoundObject, Version
from engine.meta.parts import Manifest, PartRecord, Parts
from engine.meta.records import BucketRecord, Headers, Lock, ObjectRecord
from engine.multipart.checksum_rules import is_shown, of_object, read_along, shown
from engine.names import encode_key, overrides
from engine.readers import ObjectBody, open_part
from engine.results import GetObjectOutput, HeadObjectOutput, PutObjectOutput
from engine.seals import Seal, told
from engine.sse import Place
from engine.traits import Traits, check_active
from engine.undisturbed import shielded
from engine.version_ids import asked_version, made_version, shown_version

CONTENT_TYPE_DEFAULT = "binary/octet-stream"
MANIFEST_ID_SIZE = 16
OBJECT_ID_SIZE = 16
"""Of what stands for an upload id where there was no upload."""
LEASE_TRIES_MAX = 100


class Objects(Core):
    """The operations on objects."""

    @exact
    def put_object(
        self,
        bucket: str,
        key: str,
        body: Body = b"",
        **said: Unpack[PutObjectRequest],
    ) -> PutObjectOutput:
        """Store an object durably, in place of what the key held; body and digests as for `upload_part`.

        Raises:
            NoSuchBucket, KeyTooLongError.
            MetadataTooLarge, InvalidStorageClass, InvalidTag, …: what `Traits` refuses.
            InvalidRequest: a lock in a bucket without object lock, or without a digest of the bytes.
            EntityTooLarge, IncompleteBody, InvalidDigest, BadDigest, XAmzContentSHA256Mismatch, InvalidRequest.
            PreconditionFailed, NoSuchKey: if_match or if_none_match does not hold, before the body or at the end.
            InvalidArgument, AccessDenied, KMSNotFound, …: no such encryption, one whose key can't be used, or that the bucket blocks.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        With a customer's key (`sse_customer_*`) the bytes are stored sealed, and each read needs the same key. SSE-S3 and SSE-KMS
        (`server_side_encryption`), or what the bucket has for all that ask for nothing, seal them with keys that the store finds again.

        Source: API page PutObject.
        """
        self._check_writable()
        checksum = promised_checksum(said, trailers_of(body), must_agree=True)
        promise = Promise.of(said, checksum).keeping(checksum.algorithm if checksum else DEFAULT)
        conditions = WriteConditions.of(said.get("if_match"), said.get("if_none_match"))
        name, traits = encode_key(key, self.limits), Traits.of(said, self.limits, self._now_ns())
        size_max = self.limits.put_size_bytes_max
        with contextlib.ExitStack() as held:
            customer = held.enter_context(customer_key_said(said))
            place = self._enter(bucket, said)
            expected = lock_in(place, traits.lock, self._now_ns())
            check_digest(expected, "Put Object", has_digest=checksum is not None or promise.md5 is not None)
            self._check_customer(place, bucket, key, customer)
            asked = self._asked(place, said, customer)
            conditions.check(key, self._current(bucket, name))
            seal = held.enter_context(self._begin_seal(new_place(bucket, key), asked))
            receive = self._reception.receive
            arrival = held.enter_context(receive(body, promise, size_max=size_max, shown_as=in_hex, seal=seal))
            record, part = new_object(arrival, traits.headers, traits.tags, traits.lock, self._now_ns())
            guard, locking = partial(conditions.check, key), partial(lock_in, now_ns=record.modified_ns)
            version, trash = self._meta.put_object(bucket, name, record, part, arrival.inline, guard, locking)
        self._sweeper.sweep(trash)
        return PutObjectOutput(
            quoted(record.etag),
            **shown(of_object(arrival.kept, arrival.algorithm)),
            version_id=made_version(version),
            expiration=self._expiration(bucket, name, record),
            request_charged=self._charged(place),
            **told(seal.encryption, customer),
            ssekms_encryption_context=said.get("ssekms_encryption_context"),
        )

    @exact
    def get_object(self, bucket: str, key: str, **said: Unpack[ReadRequest]) -> GetObjectOutput:
        """Open an object, a range (`bytes=0-9`) or a part of it; `body` reads the old bytes to their end whatever happens to the key.

        Raises:
            NoSuchBucket, NoSuchKey, NoSuchVersion.
            MethodNotAllowed: the version named is a delete marker.
            InvalidObjectState: the storage class is an archive's.
            PreconditionFailed, NotModified: a condition does not hold.
            InvalidRange, InvalidPartNumber, InvalidArgument, InvalidRequest: no such bytes.
            InvalidRequest, AccessDenied: not the customer's key that the object was stored with.
            InternalError: the stored bytes are not there, or not whole.

        Source: API page GetObject.
        """
        self._check_open()
        conditions = Conditions.of(said)
        place = self._enter(bucket, said)
        name, version = encode_key(key, self.limits), asked_version(said.get("version_id"))
        with customer_key_said(said) as customer, contextlib.ExitStack() as undo:
            found, manifest, lease = self._open_object(lambda: self._find_object(bucket, name, version))
            undo.callback(lease.close)
            record = found.record
            seal = undo.enter_context(self._seal_for_read(record.encryption, bucket, key, customer))
            conditions.check(record.etag, to_datetime(record.modified_ns))
            check_active(record)
            ranged = range_asked(said, record.etag, to_datetime(record.modified_ns))
            extent = extent_of(record, manifest, ranged, said.get("part_number"), self.limits)
            self._check_readable(manifest, extent, seal)
            expiration = self._expiration_of(bucket, name, found, version)
            described = self._described(place, found, extent, said) | told(record.encryption, customer)
            described |= read_along(record, manifest, extent, said, seal)
            body = ObjectBody(manifest, extent.start, extent.length, self._meta, self._blobs, lease, seal)
            undo.pop_all()
        return GetObjectOutput(**described, expiration=expiration, body=body)  # type: ignore[arg-type]

    @exact
    def head_object(self, bucket: str, key: str, **said: Unpack[ReadRequest]) -> HeadObjectOutput:
        """Describe an object as `get_object` would, without its bytes.

        Raises:
            as get_object.

        Source: API page HeadObject.
        """
        self._check_open()
        conditions = Conditions.of(said)
        name, version = encode_key(key, self.limits), asked_version(said.get("version_id"))
        place = self._enter(bucket, said)
        if said.get("part_number") is None:
            found, manifest = self._find_object(bucket, name, version), Manifest.of(Parts(), ())
        else:
            found, manifest, lease = self._open_object(lambda: self._find_object(bucket, name, version))
            lease.close()
        record = found.record
        looked_at, at_checksums = record.encryption, is_shown(said)
        with (
            customer_key_said(said) as customer,
            self._seal_for_look(looked_at, bucket, key, customer, at_checksums=at_checksums) as seal,
        ):
            conditions.check(record.etag, to_datetime(record.modified_ns))
            ranged = range_asked(said, record.etag, to_datetime(record.modified_ns))
            extent = extent_of(record, manifest, ranged, said.get("part_number"), self.limits)
            described = self._described(place, found, extent, said) | told(record.encryption, customer)
            described |= read_along(record, manifest, extent, said, seal)
        expiration = self._expiration_of(bucket, name, found, version)
        return HeadObjectOutput(**described, expiration=expiration)  # type: ignore[arg-type]

    def _current(self, bucket: str, key: bytes) -> FoundObject | None:
        """What the key holds just now; a delete marker too."""
        try:
            return self._meta.find_object(bucket, key)
        except NoSuchKey:
            return None

    def _expiration_of(self, bucket: str, key: bytes, found: FoundObject, asked: Version | None) -> str | None:
        """What x-amz-expiration says: of the latest version alone, also if it was asked for by its id."""
        is_latest = asked is None or self._current(bucket, key) == found
        return self._expiration(bucket, key, found.record) if is_latest else None

    def _find_object(self, bucket: str, key: bytes, version: Version | None = None, method: str = "GET") -> FoundObject:
        """The object at a key, or a version of it; `method` is what the wire calls the request.

        Raises:
            NoSuchKey: there is none, or a delete marker.
            NoSuchVersion: not that one.
            MethodNotAllowed: that one is a delete marker.

        Source: User Guide, "Working with delete markers".
        """
        with self._naming_version(version):
            return check_present(self._meta.find_object(bucket, key, version), key, version, method)

    @contextlib.contextmanager
    def _naming_version(self, version: Version | None) -> Iterator[None]:
        """Give NoSuchVersion the id of the version asked for."""
        try:
            yield
        except NoSuchVersion as error:
            raise NoSuchVersion(Key=error.extras["Key"], VersionId=shown_version(version)) from None

    @shielded  # as a whole: one hand-over for three reads
    def _open_object(self, find: Callable[[], FoundObject]) -> tuple[FoundObject, Manifest, Lease]:
        """The object that `find` finds, under a lease; it is looked up again under the lease, since its blobs may have gone before."""
        found = find()
        for _ in range(LEASE_TRIES_MAX):
            lease = self._leases.hold(found.record.manifest_id)
            if lease is not None:
                try:
                    held, found = found, find()
                    manifest = self._meta.find_manifest(found.record.manifest_id)
                    if held.record.manifest_id == found.record.manifest_id and manifest is not None:
                        held_lease, lease = lease, None
                        return found, manifest, held_lease
                finally:
                    if lease is not None:
                        lease.close()
            else:
                found = find()
        raise InternalError(reason="the object was replaced again and again while it was being opened")

    def _check_readable(self, manifest: Manifest, extent: Extent, seal: Seal) -> None:
        """Find out before the answer begins that the first part asked for is there."""
        if extent.length:
            open_part(manifest.parts[manifest.index_at(extent.start)], self._meta, self._blobs, seal).close()

    def _described(
        self, place: BucketRecord, found: FoundObject, extent: Extent, said: ReadRequest
    ) -> dict[str, object]:
        """The members that GetObject and HeadObject share."""
        record, headers = found.record, found.record.headers
        return {
            "version_id": shown_version(found.version),
            "accept_ranges": "bytes",
            "last_modified": to_datetime(record.modified_ns),
            "content_length": extent.length,
            "etag": quoted(record.etag),
            "content_type": headers.content_type or CONTENT_TYPE_DEFAULT,
            "metadata": dict(headers.metadata),
            "content_range": extent.content_range,
            "cache_control": headers.cache_control,
            "content_disposition": headers.content_disposition,
            "content_encoding": headers.content_encoding,
            "content_language": headers.content_language,
            "expires": headers.expires,
            "website_redirect_location": headers.website_redirect_location,
            "storage_class": headers.storage_class,
            "tag_count": len(record.tags) or None,
            **shown_lock(record.lock),
            "parts_count": extent.parts_count,
            "request_charged": self._charged(place),
            **overrides(said),
        }


def new_place(bucket: str, key: str) -> Place:
    """What binds the keys of an object that comes in one piece."""
    return Place(bucket, key, secrets.token_bytes(OBJECT_ID_SIZE))


def new_object(
    arrival: Arrival, headers: Headers, tags: dict[str, str], lock: Lock, now_ns: int
) -> tuple[ObjectRecord, PartRecord]:
    """The records of an object that came in one piece, and of its one part."""
    part = arrival.as_part(1, now_ns)
    etag, manifest_id = part.etag.hex(), secrets.token_bytes(MANIFEST_ID_SIZE)
    kept = arrival.seal.hide_whole(etag, of_object(arrival.kept, arrival.algorithm))
    record = ObjectRecord(
        manifest_id, arrival.size, etag, now_ns, None, headers, tags, lock, kept, encryption=arrival.seal.encryption
    )
    return record, part


def check_present(found: FoundObject, key: bytes, version: Version | None, method: str) -> FoundObject:
    """What was found, unless it is a delete marker.

    Raises:
        NoSuchKey, MethodNotAllowed: as S3 says it of a key, or of a version that was asked for.
    """
    if not found.record.is_delete_marker:
        return found
    headers = {"x-amz-delete-marker": "true", "x-amz-version-id": shown_version(found.version)}
    if version is None:
        raise NoSuchKey(Key=key.decode(errors="replace")).with_headers(headers)
    modified = http_date(to_datetime(found.record.modified_ns))
    refusal = MethodNotAllowed(Method=method, ResourceType="DeleteMarker")
    raise refusal.with_headers(headers | {"Allow": "DELETE", "Last-Modified": modified})
