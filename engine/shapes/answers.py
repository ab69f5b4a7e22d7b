"""The answers of the operations: frozen records named after S3's shapes; their attributes are S3's members in snake_case.

ETags carry their quotes, times are aware datetimes in UTC, sizes are bytes, lists are tuples, and a member that S3 would leave out is
None. Source of every shape: the API page of its operation.
"""

from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self

from engine.record import Record


class CompletedPart(NamedTuple):
    """One item of the list that CompleteMultipartUpload takes; the part's checksum, if given, is in base64."""

    part_number: int
    etag: str
    checksum_crc32: str | None = None
    checksum_crc32_c: str | None = None
    checksum_crc64_nvme: str | None = None
    checksum_sha1: str | None = None
    checksum_sha256: str | None = None
    checksum_sha512: str | None = None
    checksum_md5: str | None = None
    checksum_xxhash64: str | None = None
    checksum_xxhash3: str | None = None
    checksum_xxhash128: str | None = None


class Checksums(Record, frozen=True, kw_only=True):
    """The checksum in an answer, in base64: at most one of the members is set."""

    checksum_crc32: str | None = None
    checksum_crc32_c: str | None = None
    checksum_crc64_nvme: str | None = None
    checksum_sha1: str | None = None
    checksum_sha256: str | None = None
    checksum_sha512: str | None = None
    checksum_md5: str | None = None
    checksum_xxhash64: str | None = None
    checksum_xxhash3: str | None = None
    checksum_xxhash128: str | None = None


class Checksum(Checksums, frozen=True, kw_only=True):
    """The checksum of an object: of its bytes (FULL_OBJECT), or of its parts' checksums (COMPOSITE)."""

    checksum_type: str | None = None


class Owner(Record, frozen=True):
    """The owner of a bucket, an object or an upload; `id` is a canonical user id (64 hex digits)."""

    id: str


class Initiator(Record, frozen=True):
    """The account that began an upload; `id` is a canonical user id (64 hex digits)."""

    id: str


class CreateMultipartUploadOutput(Record, frozen=True):
    """Answer of CreateMultipartUpload."""

    bucket: str
    key: str
    upload_id: str
    abort_date: datetime | None = None
    abort_rule_id: str | None = None
    checksum_algorithm: str | None = None
    checksum_type: str | None = None
    request_charged: str | None = None
    sse_customer_algorithm: str | None = None
    sse_customer_key_md5: str | None = None
    server_side_encryption: str | None = None
    ssekms_key_id: str | None = None
    bucket_key_enabled: bool | None = None
    ssekms_encryption_context: str | None = None


class UploadPartOutput(Checksums, frozen=True):
    """Answer of UploadPart; it has the checksum that came with the part, else one by the algorithm that the upload names, if any."""

    etag: str
    request_charged: str | None = None
    sse_customer_algorithm: str | None = None
    sse_customer_key_md5: str | None = None
    server_side_encryption: str | None = None
    ssekms_key_id: str | None = None
    bucket_key_enabled: bool | None = None


class CopyPartResult(Checksums, frozen=True):
    """The part that UploadPartCopy stored."""

    etag: str
    last_modified: datetime


class UploadPartCopyOutput(Record, frozen=True):
    """Answer of UploadPartCopy."""

    copy_part_result: CopyPartResult
    copy_source_version_id: str | None = None
    request_charged: str | None = None
    sse_customer_algorithm: str | None = None
    sse_customer_key_md5: str | None = None
    server_side_encryption: str | None = None
    ssekms_key_id: str | None = None
    bucket_key_enabled: bool | None = None


class AbortMultipartUploadOutput(Record, frozen=True):
    """Answer of AbortMultipartUpload."""

    request_charged: str | None = None


class CompleteMultipartUploadOutput(Checksum, frozen=True):
    """Answer of CompleteMultipartUpload."""

    location: str
    bucket: str
    key: str
    etag: str
    expiration: str | None = None
    version_id: str | None = None
    request_charged: str | None = None
    server_side_encryption: str | None = None
    ssekms_key_id: str | None = None
    bucket_key_enabled: bool | None = None


class Part(Checksums, frozen=True):
    """A part in ListParts."""

    part_number: int
    last_modified: datetime
    etag: str
    size: int


class ListPartsOutput(Record, frozen=True):
    """Answer of ListParts."""

    bucket: str
    key: str
    upload_id: str
    part_number_marker: int
    next_part_number_marker: int
    max_parts: int
    is_truncated: bool
    initiator: Initiator
    owner: Owner
    storage_class: str
    parts: tuple[Part, ...] | None = None
    abort_date: datetime | None = None
    abort_rule_id: str | None = None
    checksum_algorithm: str | None = None
    checksum_type: str | None = None
    request_charged: str | None = None


class PutObjectOutput(Checksum, frozen=True):
    """Answer of PutObject; its checksum is the one that came with the object, or CRC64NVME."""

    etag: str
    size: int | None = None
    expiration: str | None = None
    version_id: str | None = None
    request_charged: str | None = None
    sse_customer_algorithm: str | None = None
    sse_customer_key_md5: str | None = None
    server_side_encryption: str | None = None
    ssekms_key_id: str | None = None
    bucket_key_enabled: bool | None = None
    ssekms_encryption_context: str | None = None


class HeadObjectOutput(Checksum, frozen=True):
    """Answer of HeadObject; `content_range` is None for the whole object."""

    accept_ranges: str
    last_modified: datetime
    content_length: int
    etag: str
    content_type: str
    metadata: dict[str, str]
    content_range: str | None = None
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    expires: str | None = None
    parts_count: int | None = None
    expiration: str | None = None
    version_id: str | None = None
    website_redirect_location: str | None = None
    storage_class: str | None = None
    tag_count: int | None = None
    object_lock_mode: str | None = None
    object_lock_retain_until_date: datetime | None = None
    object_lock_legal_hold_status: str | None = None
    request_charged: str | None = None
    sse_customer_algorithm: str | None = None
    sse_customer_key_md5: str | None = None
    server_side_encryption: str | None = None
    ssekms_key_id: str | None = None
    bucket_key_enabled: bool | None = None


class StreamingBody(Protocol):
    """The bytes of an object as a seekable binary file. Close it, or use it in a `with`."""

    @property
    def closed(self) -> bool: ...

    def __len__(self) -> int: ...

    def read(self, size: int = -1, /) -> bytes | None: ...

    def readinto(self, buffer: Any, /) -> int | None: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class GetObjectOutput(HeadObjectOutput, frozen=True, kw_only=True):
    """Answer of GetObject."""

    body: StreamingBody


class ObjectIdentifier(NamedTuple):
    """One item of the list that DeleteObjects takes; with an ETag, it is deleted only if the object has that ETag."""

    key: str
    version_id: str | None = None
    etag: str | None = None


class ObjectPart(Checksums, frozen=True):
    """A part in GetObjectAttributes."""

    part_number: int
    size: int


class GetObjectAttributesParts(Record, frozen=True):
    """The parts in GetObjectAttributes: a page of them, or only their count."""

    total_parts_count: int
    part_number_marker: int | None = None
    next_part_number_marker: int | None = None
    max_parts: int | None = None
    is_truncated: bool | None = None
    parts: tuple[ObjectPart, ...] | None = None


class GetObjectAttributesOutput(Record, frozen=True):
    """Answer of GetObjectAttributes: the requested attributes; here the ETag has no quotes."""

    last_modified: datetime
    etag: str | None
    checksum: Checksum | None
    object_parts: GetObjectAttributesParts | None
    storage_class: str | None
    object_size: int | None
    version_id: str | None = None
    request_charged: str | None = None


class DeleteObjectOutput(Record, frozen=True):
    """Answer of DeleteObject; `version_id` names the deleted version or the new delete marker, in a bucket with versions."""

    delete_marker: bool | None = None
    version_id: str | None = None
    request_charged: str | None = None


class DeletedObject(Record, frozen=True):
    """A key that DeleteObjects deleted.

    `version_id` is the one that the request named; `delete_marker_version_id` is the id of a delete marker that was added or deleted.
    """

    key: str
    version_id: str | None = None
    delete_marker: bool | None = None
    delete_marker_version_id: str | None = None


class Error(Record, frozen=True):
    """An item that DeleteObjects did not delete, and why."""

    key: str
    version_id: str | None
    code: str
    message: str


class DeleteObjectsOutput(Record, frozen=True):
    """Answer of DeleteObjects."""

    deleted: tuple[DeletedObject, ...] | None = None
    errors: tuple[Error, ...] | None = None
    request_charged: str | None = None


class CopyObjectResult(Checksum, frozen=True):
    """The object that CopyObject stored."""

    etag: str
    last_modified: datetime


class CopyObjectOutput(Record, frozen=True):
    """Answer of CopyObject."""

    copy_object_result: CopyObjectResult
    expiration: str | None = None
    copy_source_version_id: str | None = None
    version_id: str | None = None
    request_charged: str | None = None
    sse_customer_algorithm: str | None = None
    sse_customer_key_md5: str | None = None
    server_side_encryption: str | None = None
    ssekms_key_id: str | None = None
    bucket_key_enabled: bool | None = None
    ssekms_encryption_context: str | None = None


def quoted(etag: str) -> str:
    """Return an ETag in quotes, as S3 writes it."""
    return f'"{etag}"'
