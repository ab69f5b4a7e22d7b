"""What the operations answer: frozen records named after S3's shapes, their attributes S3's members in snake_case.

ETags carry their quotes, times are aware datetimes in UTC, sizes are bytes, lists are tuples, and a member that S3 would leave out is
None. Source of every shape: the API page of its operation.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from engine.readers import ObjectBody


class CompletedPart(NamedTuple):
    """One line of the list that CompleteMultipartUpload takes."""

    part_number: int
    etag: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a bucket, an object or an upload; `id` is a canonical user id (64 hex digits)."""

    id: str


@dataclass(frozen=True, slots=True)
class Initiator:
    """Who began an upload."""

    id: str


@dataclass(frozen=True, slots=True)
class CommonPrefix:
    """Keys rolled up by a delimiter."""

    prefix: str


@dataclass(frozen=True, slots=True)
class CreateMultipartUploadOutput:
    """Answer of CreateMultipartUpload."""

    bucket: str
    key: str
    upload_id: str
    abort_date: datetime | None = None
    abort_rule_id: str | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class UploadPartOutput:
    """Answer of UploadPart; a checksum that came with the part is echoed."""

    etag: str
    checksum_crc32: str | None = None
    checksum_crc32_c: str | None = None
    checksum_crc64_nvme: str | None = None
    checksum_sha1: str | None = None
    checksum_sha256: str | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class CopyPartResult:
    """What a copy made of a part."""

    etag: str
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class UploadPartCopyOutput:
    """Answer of UploadPartCopy."""

    copy_part_result: CopyPartResult
    copy_source_version_id: str | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class AbortMultipartUploadOutput:
    """Answer of AbortMultipartUpload."""

    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class CompleteMultipartUploadOutput:
    """Answer of CompleteMultipartUpload."""

    location: str
    bucket: str
    key: str
    etag: str
    expiration: str | None = None
    version_id: str | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part in ListParts."""

    part_number: int
    last_modified: datetime
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class ListPartsOutput:
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
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """An open upload in ListMultipartUploads."""

    upload_id: str
    key: str
    initiated: datetime
    storage_class: str
    owner: Owner
    initiator: Initiator


@dataclass(frozen=True, slots=True)
class ListMultipartUploadsOutput:
    """Answer of ListMultipartUploads."""

    bucket: str
    key_marker: str
    upload_id_marker: str
    next_key_marker: str
    next_upload_id_marker: str
    max_uploads: int
    is_truncated: bool
    prefix: str | None = None
    delimiter: str | None = None
    encoding_type: str | None = None
    uploads: tuple[MultipartUpload, ...] | None = None
    common_prefixes: tuple[CommonPrefix, ...] | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class PutObjectOutput:
    """Answer of PutObject; a checksum that came with the object is echoed."""

    etag: str
    checksum_crc32: str | None = None
    checksum_crc32_c: str | None = None
    checksum_crc64_nvme: str | None = None
    checksum_sha1: str | None = None
    checksum_sha256: str | None = None
    size: int | None = None
    expiration: str | None = None
    version_id: str | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class HeadObjectOutput:
    """Answer of HeadObject; `status` is 200, or 206 for a part or a range."""

    accept_ranges: str
    last_modified: datetime
    content_length: int
    etag: str
    content_type: str
    metadata: dict[str, str]
    status: int = 200
    content_range: str | None = None
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    expires: str | None = None
    parts_count: int | None = None
    expiration: str | None = None
    version_id: str | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetObjectOutput(HeadObjectOutput):
    """Answer of GetObject; `body` is a binary file, to be closed (or used in a `with`)."""

    body: ObjectBody


class ObjectIdentifier(NamedTuple):
    """One line of the list that DeleteObjects takes; with an ETag only what has it is deleted."""

    key: str
    version_id: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteObjectOutput:
    """Answer of DeleteObject: the version deleted, or the delete marker made, where versions are kept."""

    delete_marker: bool | None = None
    version_id: str | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """A key that DeleteObjects deleted: `version_id` if one was named, `delete_marker_version_id` of a marker made or deleted."""

    key: str
    version_id: str | None = None
    delete_marker: bool | None = None
    delete_marker_version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Error:
    """What DeleteObjects could not delete."""

    key: str
    version_id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class DeleteObjectsOutput:
    """Answer of DeleteObjects."""

    deleted: tuple[DeletedObject, ...] | None = None
    errors: tuple[Error, ...] | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class CopyObjectResult:
    """What a copy made."""

    etag: str
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class CopyObjectOutput:
    """Answer of CopyObject."""

    copy_object_result: CopyObjectResult
    expiration: str | None = None
    copy_source_version_id: str | None = None
    version_id: str | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """An object in ListObjectsV2."""

    key: str
    last_modified: datetime
    etag: str
    size: int
    storage_class: str
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """A version in ListObjectVersions."""

    key: str
    version_id: str
    is_latest: bool
    last_modified: datetime
    etag: str
    size: int
    storage_class: str
    owner: Owner
    checksum_algorithm: tuple[str, ...] | None = None
    checksum_type: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteMarkerEntry:
    """A delete marker in ListObjectVersions."""

    key: str
    version_id: str
    is_latest: bool
    last_modified: datetime
    owner: Owner


@dataclass(frozen=True, slots=True)
class ListObjectVersionsOutput:
    """Answer of ListObjectVersions; the next markers only when it is truncated, a version's only when it ends on one."""

    name: str
    prefix: str
    key_marker: str
    version_id_marker: str
    max_keys: int
    is_truncated: bool
    next_key_marker: str | None = None
    next_version_id_marker: str | None = None
    delimiter: str | None = None
    encoding_type: str | None = None
    versions: tuple[ObjectVersion, ...] | None = None
    delete_markers: tuple[DeleteMarkerEntry, ...] | None = None
    common_prefixes: tuple[CommonPrefix, ...] | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class ListObjectsV2Output:
    """Answer of ListObjectsV2."""

    name: str
    prefix: str
    max_keys: int
    key_count: int
    is_truncated: bool
    delimiter: str | None = None
    encoding_type: str | None = None
    continuation_token: str | None = None
    next_continuation_token: str | None = None
    start_after: str | None = None
    contents: tuple[Object, ...] | None = None
    common_prefixes: tuple[CommonPrefix, ...] | None = None
    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class ListObjectsOutput:
    """Answer of ListObjects, the first version; `next_marker` only with a delimiter."""

    name: str
    prefix: str
    marker: str
    max_keys: int
    is_truncated: bool
    delimiter: str | None = None
    encoding_type: str | None = None
    next_marker: str | None = None
    contents: tuple[Object, ...] | None = None
    common_prefixes: tuple[CommonPrefix, ...] | None = None
    request_charged: str | None = None
