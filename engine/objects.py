"""PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime

from engine.arrival import Promise, in_hex
from engine.blobs.leases import Lease
from engine.bodies import Body, trailers_of
from engine.checksums import promised_checksum
from engine.conditions import Conditions, Extent, extent_of
from engine.core import Core, quoted, to_datetime
from engine.errors import InternalError, MalformedXML
from engine.meta.records import Manifest, ObjectRecord, PartRecord
from engine.names import encode_key, make_headers
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

    def put_object(
        self,
        bucket: str,
        key: str,
        body: Body = b"",
        *,
        content_length: int | None = None,
        content_md5: str | None = None,
        content_sha256: str | None = None,
        checksum_algorithm: str | None = None,
        checksum_crc32: str | None = None,
        checksum_crc32_c: str | None = None,
        checksum_crc64_nvme: str | None = None,
        checksum_sha1: str | None = None,
        checksum_sha256: str | None = None,
        metadata: Mapping[str, str] | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        content_encoding: str | None = None,
        content_language: str | None = None,
        content_type: str | None = None,
        expires: str | datetime | None = None,
    ) -> PutObjectOutput:
        """Store an object durably, in place of what the key held; body and digests as for `upload_part`.

        Raises:
            NoSuchBucket, KeyTooLongError, MetadataTooLarge, RequestHeaderSectionTooLarge.
            EntityTooLarge, IncompleteBody, InvalidDigest, BadDigest, XAmzContentSHA256Mismatch, InvalidRequest.
            StoreFull, InternalError, SlowDown: nothing was stored, try again.

        Source: API page PutObject.
        """
        self._check_writable()
        checksum = promised_checksum(
            checksum_algorithm, trailers_of(body), must_agree=True, checksum_crc32=checksum_crc32, checksum_crc32_c=checksum_crc32_c,
            checksum_crc64_nvme=checksum_crc64_nvme, checksum_sha1=checksum_sha1, checksum_sha256=checksum_sha256,
        )  # fmt: skip
        promise = Promise.of(content_length, content_md5, content_sha256, checksum)
        name = encode_key(key, self.limits)
        headers = make_headers(
            self.limits, metadata, cache_control, content_disposition, content_encoding, content_language,
            content_type, expires,
        )  # fmt: skip
        self._meta.find_bucket(bucket)
        size_max = self.limits.put_size_bytes_max
        with self._reception.receive(body, promise, size_max=size_max, shown_as=in_hex) as arrival:
            now, etag = self._now_ns(), arrival.md5.hex()
            record = ObjectRecord(secrets.token_bytes(MANIFEST_ID_SIZE), arrival.size, etag, now, None, headers)
            part = PartRecord(1, arrival.size, now, arrival.blob_id, arrival.md5, arrival.flags)
            trash = self._meta.put_object(bucket, name, record, part, arrival.inline)
        self._sweeper.sweep(trash)
        return PutObjectOutput(quoted(etag), **arrival.checksums)

    def get_object(
        self,
        bucket: str,
        key: str,
        *,
        range: str | None = None,
        part_number: int | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
        if_modified_since: datetime | None = None,
        if_unmodified_since: datetime | None = None,
    ) -> GetObjectOutput:
        """Open an object, a range (`bytes=0-9`) or a part of it; `body` reads the old bytes to their end whatever happens to the key.

        Raises:
            NoSuchBucket, NoSuchKey.
            PreconditionFailed, NotModified: a condition does not hold.
            InvalidRange, InvalidPartNumber, InvalidArgument, InvalidRequest: no such bytes.
            InternalError: the stored bytes are not there, or not whole.

        Source: API page GetObject.
        """
        self._check_open()
        conditions = Conditions(if_match, if_none_match, if_modified_since, if_unmodified_since)
        record, manifest, lease = self._open_object(bucket, encode_key(key, self.limits))
        try:
            conditions.check(record.etag, to_datetime(record.modified_ns))
            extent = extent_of(record, manifest, range, part_number, self.limits)
            self._check_readable(manifest, extent)
            body = ObjectBody(manifest, extent.start, extent.length, self._meta, self._blobs, lease)
        except BaseException:
            lease.close()
            raise
        return GetObjectOutput(**_described(record, extent), body=body)  # type: ignore[arg-type]

    def head_object(
        self,
        bucket: str,
        key: str,
        *,
        range: str | None = None,
        part_number: int | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
        if_modified_since: datetime | None = None,
        if_unmodified_since: datetime | None = None,
    ) -> HeadObjectOutput:
        """Describe an object as `get_object` would, without its bytes.

        Raises:
            as get_object.

        Source: API page HeadObject.
        """
        self._check_open()
        conditions = Conditions(if_match, if_none_match, if_modified_since, if_unmodified_since)
        name = encode_key(key, self.limits)
        if part_number is None:
            record, manifest = self._meta.find_object(bucket, name), Manifest.of(b"", ())
        else:
            record, manifest, lease = self._open_object(bucket, name)
            lease.close()
        conditions.check(record.etag, to_datetime(record.modified_ns))
        extent = extent_of(record, manifest, range, part_number, self.limits)
        return HeadObjectOutput(**_described(record, extent))  # type: ignore[arg-type]

    def delete_object(self, bucket: str, key: str) -> DeleteObjectOutput:
        """Delete an object; one that is not there is no error.

        Raises:
            NoSuchBucket.

        Source: API page DeleteObject.
        """
        self._delete(bucket, (key,))
        return DeleteObjectOutput()

    def delete_objects(self, bucket: str, keys: Iterable[str], *, quiet: bool = False) -> DeleteObjectsOutput:
        """Delete up to 1,000 objects; `quiet` leaves them out of the answer.

        Raises:
            NoSuchBucket.
            MalformedXML: no key, or more than 1,000.

        Source: API page DeleteObjects.
        """
        names = tuple(keys)
        if not 1 <= len(names) <= self.limits.delete_count_max:
            raise MalformedXML(reason=f"DeleteObjects takes 1 to {self.limits.delete_count_max} keys, not {len(names)}")
        self._delete(bucket, names)
        return DeleteObjectsOutput(None if quiet else tuple(map(DeletedObject, names)))

    def _delete(self, bucket: str, keys: tuple[str, ...]) -> None:
        self._check_writable()
        names = tuple(encode_key(key, self.limits) for key in keys)
        self._sweeper.sweep(self._freeing(lambda: self._meta.delete_objects(bucket, names)))

    def _open_object(self, bucket: str, key: bytes) -> tuple[ObjectRecord, Manifest, Lease]:
        """The object at a key, under a lease; it is looked up again under the lease, since its blobs may have gone before."""
        record = self._meta.find_object(bucket, key)
        for _ in range(LEASE_TRIES_MAX):
            lease = self._leases.hold(record.manifest_id)
            if lease is not None:
                try:
                    held, record = record, self._meta.find_object(bucket, key)
                    manifest = self._meta.find_manifest(record.manifest_id)
                    if held.manifest_id == record.manifest_id and manifest is not None:
                        held_lease, lease = lease, None
                        return record, manifest, held_lease
                finally:
                    if lease is not None:
                        lease.close()
            else:
                record = self._meta.find_object(bucket, key)
        raise InternalError(reason="the object was replaced again and again while it was being opened")

    def _check_readable(self, manifest: Manifest, extent: Extent) -> None:
        """Find out before the answer begins that the first part asked for is there."""
        if extent.length:
            open_part(manifest.parts[manifest.index_at(extent.start)], self._meta, self._blobs).close()


def _described(record: ObjectRecord, extent: Extent) -> dict[str, object]:
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
    }
