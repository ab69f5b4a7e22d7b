"""PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects."""

import secrets
from collections.abc import Callable, Iterable
from functools import partial
from typing import Unpack

from engine.arrival import Promise, in_hex
from engine.blobs.leases import Lease
from engine.bodies import Body, trailers_of
from engine.checksums import promised_checksum
from engine.conditions import Conditions, Extent, WriteConditions, check_delete, extent_of
from engine.core import Core, quoted, to_datetime
from engine.errors import InternalError, MalformedXML, NoSuchKey, S3Error
from engine.members import DeleteObjectRequest, PutObjectRequest, ReadRequest, Request, exact
from engine.meta import Deleted, Deletion, FoundObject, Guard
from engine.meta.parts import Manifest, PartRecord, Parts
from engine.meta.records import BucketRecord, ObjectRecord
from engine.names import encode_key, make_headers, overrides
from engine.readers import ObjectBody, open_part
from engine.results import (
    DeletedObject,
    DeleteObjectOutput,
    DeleteObjectsOutput,
    GetObjectOutput,
    HeadObjectOutput,
    PutObjectOutput,
)

CONTENT_TYPE_DEFAULT = "binary/octet-stream"
MANIFEST_ID_SIZE = 16
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
            NoSuchBucket, KeyTooLongError, MetadataTooLarge, RequestHeaderSectionTooLarge.
            EntityTooLarge, IncompleteBody, InvalidDigest, BadDigest, XAmzContentSHA256Mismatch, InvalidRequest.
            PreconditionFailed, NoSuchKey: if_match or if_none_match does not hold, before the body or at the end.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        Source: API page PutObject.
        """
        self._check_writable()
        checksum = promised_checksum(said, trailers_of(body), must_agree=True)
        promise = Promise.of(said, checksum)
        conditions = WriteConditions.of(said.get("if_match"), said.get("if_none_match"))
        name, headers = encode_key(key, self.limits), make_headers(said, self.limits)
        place = self._enter(bucket, said)
        conditions.check(key, self._current(bucket, name))
        size_max = self.limits.put_size_bytes_max
        with self._reception.receive(body, promise, size_max=size_max, shown_as=in_hex) as arrival:
            now, etag = self._now_ns(), arrival.md5.hex()
            record = ObjectRecord(secrets.token_bytes(MANIFEST_ID_SIZE), arrival.size, etag, now, None, headers)
            part = PartRecord(1, arrival.size, now, arrival.blob_id, arrival.md5, arrival.flags, arrival.kept)
            _, trash = self._meta.put_object(bucket, name, record, part, arrival.inline, partial(conditions.check, key))
        self._sweeper.sweep(trash)
        expiration, charged = self._expiration(bucket, name, record), self._charged(place)
        return PutObjectOutput(quoted(etag), **arrival.checksums, expiration=expiration, request_charged=charged)

    @exact
    def get_object(self, bucket: str, key: str, **said: Unpack[ReadRequest]) -> GetObjectOutput:
        """Open an object, a range (`bytes=0-9`) or a part of it; `body` reads the old bytes to their end whatever happens to the key.

        Raises:
            NoSuchBucket, NoSuchKey.
            PreconditionFailed, NotModified: a condition does not hold.
            InvalidRange, InvalidPartNumber, InvalidArgument, InvalidRequest: no such bytes.
            InternalError: the stored bytes are not there, or not whole.

        Source: API page GetObject.
        """
        self._check_open()
        conditions = Conditions.of(said)
        place = self._enter(bucket, said)
        name = encode_key(key, self.limits)
        found, manifest, lease = self._open_object(lambda: self._find_object(bucket, name))
        record = found.record
        try:
            conditions.check(record.etag, to_datetime(record.modified_ns))
            extent = extent_of(record, manifest, said.get("range"), said.get("part_number"), self.limits)
            self._check_readable(manifest, extent)
            expiration = self._expiration(bucket, name, record)
            body = ObjectBody(manifest, extent.start, extent.length, self._meta, self._blobs, lease)
        except BaseException:
            lease.close()
            raise
        described = self._described(place, record, extent, said)
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
        name = encode_key(key, self.limits)
        place = self._enter(bucket, said)
        if said.get("part_number") is None:
            record, manifest = self._find_object(bucket, name).record, Manifest.of(Parts(), ())
        else:
            found, manifest, lease = self._open_object(lambda: self._find_object(bucket, name))
            record = found.record
            lease.close()
        conditions.check(record.etag, to_datetime(record.modified_ns))
        extent = extent_of(record, manifest, said.get("range"), said.get("part_number"), self.limits)
        described = self._described(place, record, extent, said)
        return HeadObjectOutput(**described, expiration=self._expiration(bucket, name, record))  # type: ignore[arg-type]

    @exact
    def delete_object(self, bucket: str, key: str, **said: Unpack[DeleteObjectRequest]) -> DeleteObjectOutput:
        """Delete an object; one that is not there is no error.

        Raises:
            NoSuchBucket.
            PreconditionFailed: if_match does not hold.

        Source: API page DeleteObject.
        """
        self._check_writable()
        place = self._enter(bucket, said)
        (deleted,) = self._delete(bucket, (key,), partial(check_delete, said.get("if_match")))
        if isinstance(deleted, S3Error):
            raise deleted
        return DeleteObjectOutput(request_charged=self._charged(place))

    @exact
    def delete_objects(
        self, bucket: str, keys: Iterable[str], *, quiet: bool = False, **said: Unpack[Request]
    ) -> DeleteObjectsOutput:
        """Delete up to 1,000 objects; `quiet` leaves them out of the answer.

        Raises:
            NoSuchBucket.
            MalformedXML: no key, or more than 1,000.

        Source: API page DeleteObjects.
        """
        self._check_writable()
        names = tuple(keys)
        if not 1 <= len(names) <= self.limits.delete_count_max:
            raise MalformedXML(reason=f"DeleteObjects takes 1 to {self.limits.delete_count_max} keys, not {len(names)}")
        place = self._enter(bucket, said)
        self._delete(bucket, names, lambda found: None)
        deleted = None if quiet else tuple(map(DeletedObject, names))
        return DeleteObjectsOutput(deleted, request_charged=self._charged(place))

    def _delete(self, bucket: str, keys: tuple[str, ...], guard: Guard) -> tuple[Deleted | S3Error, ...]:
        items = tuple(Deletion(encode_key(key, self.limits), None, guard) for key in keys)
        results = self._freeing(lambda: self._meta.delete_objects(bucket, items, self._now_ns()))
        self._sweeper.sweep(tuple(piece for result in results if isinstance(result, Deleted) for piece in result.trash))
        return results

    def _current(self, bucket: str, key: bytes) -> FoundObject | None:
        """What the key holds just now; a delete marker too."""
        try:
            return self._meta.find_object(bucket, key)
        except NoSuchKey:
            return None

    def _find_object(self, bucket: str, key: bytes) -> FoundObject:
        """The object at a key.

        Raises:
            NoSuchKey: there is none, or a delete marker.
        """
        found = self._meta.find_object(bucket, key)
        if found.record.is_delete_marker:
            raise NoSuchKey(Key=key.decode(errors="replace"))
        return found

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

    def _check_readable(self, manifest: Manifest, extent: Extent) -> None:
        """Find out before the answer begins that the first part asked for is there."""
        if extent.length:
            open_part(manifest.parts[manifest.index_at(extent.start)], self._meta, self._blobs).close()

    def _described(
        self, place: BucketRecord, record: ObjectRecord, extent: Extent, said: ReadRequest
    ) -> dict[str, object]:
        """The members that GetObject and HeadObject share."""
        headers = record.headers
        return {
            "accept_ranges": "bytes",
            "last_modified": to_datetime(record.modified_ns),
            "content_length": extent.length,
            "etag": quoted(record.etag),
            "content_type": headers.content_type or CONTENT_TYPE_DEFAULT,
            "metadata": dict(headers.metadata),
            "status": 206 if extent.content_range else 200,
            "content_range": extent.content_range,
            "cache_control": headers.cache_control,
            "content_disposition": headers.content_disposition,
            "content_encoding": headers.content_encoding,
            "content_language": headers.content_language,
            "expires": headers.expires,
            "parts_count": extent.parts_count,
            "request_charged": self._charged(place),
            **overrides(said),
        }
