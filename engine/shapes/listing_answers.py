"""The answers of the listings of keys; see `engine.shapes.answers`."""

from datetime import datetime
from typing import Literal

from engine.record import Record
from engine.shapes.answers import Initiator, Owner


class CommonPrefix(Record, frozen=True):
    """The common prefix of keys that a delimiter rolls up."""

    prefix: str


class MultipartUpload(Record, frozen=True, gc=False):
    """An open upload in ListMultipartUploads."""

    upload_id: str
    key: str
    initiated: datetime
    storage_class: str
    owner: Owner
    initiator: Initiator
    checksum_algorithm: str | None = None
    checksum_type: str | None = None


class ListMultipartUploadsOutput(Record, frozen=True):
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


class Object(Record, frozen=True, gc=False):
    """An object in ListObjectsV2."""

    key: str
    last_modified: datetime
    etag: str
    size: int
    storage_class: str
    owner: Owner | None = None
    checksum_algorithm: tuple[str, ...] | None = None
    checksum_type: str | None = None


class ObjectVersion(Record, frozen=True, gc=False):
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


class DeleteMarkerEntry(Record, frozen=True, gc=False):
    """A delete marker in ListObjectVersions."""

    key: str
    version_id: str
    is_latest: bool
    last_modified: datetime
    owner: Owner


class ListObjectVersionsOutput(Record, frozen=True):
    """Answer of ListObjectVersions.

    `next_key_marker` is set if the page is truncated, and `next_version_id_marker` if its last item is a version or delete marker.
    S3 lists versions and delete markers mixed, by key and the newest first: `interleaving` names, for each item in that order, the
    member that holds it.
    """

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
    interleaving: tuple[Literal["versions", "delete_markers"], ...] = ()


class ListObjectsV2Output(Record, frozen=True):
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


class ListObjectsOutput(Record, frozen=True):
    """Answer of ListObjects; `next_marker` is set only if the request has a delimiter."""

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
