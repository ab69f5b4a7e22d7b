"""Metadata rows are msgpack arrays behind a CRC-32, since LMDB's pages have no check value of their own.

Part rows, which have a fixed width, are in `engine.meta.parts`.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Final, Literal, TypeVar

import msgspec

from engine.errors import InternalError
from engine.shapes.encryption import ServerSideEncryptionRule

Kind = Literal["SSE-C", "AES256", "aws:kms"]
FORMAT: Final = 1


class Encryption(msgspec.Struct, frozen=True, array_like=True):
    """The encryption of an upload or object, as its row keeps it; nothing in it is secret.

    Three members lead to the root key. For SSE-S3 `key_id` is an id in the key ring; for SSE-KMS `key_id`, `blob` and `context` are the
    provider's key id, the encrypted root key and the encryption context.
    """

    kind: Kind
    upload_id: bytes
    salt: bytes
    commitment: bytes
    wrapped: bytes
    key_id: str = ""
    blob: bytes = b""
    context: dict[str, str] = {}
    format: int = FORMAT
    bucket_key: bool = False
    """Whether an S3 Bucket Key was requested (SSE-KMS); only stored and returned, as every upload has its own root key anyway."""

    @property
    def hides_digests(self) -> bool:
        """Tell whether ETags are keyed and checksums encrypted; under SSE-S3 the ETag is the MD5, as in S3."""
        return hides_digests(self.kind)


def hides_digests(kind: str | None) -> bool:
    """Tell whether a kind of encryption, or None, hides digests."""
    return kind not in (None, "AES256")


_CRC = struct.Struct(">I")

ChecksumType = Literal["COMPOSITE", "FULL_OBJECT"]
LockMode = Literal["GOVERNANCE", "COMPLIANCE"]
Versioning = Literal["", "Enabled", "Suspended"]
"""The versioning of a bucket; it is empty if it was never set."""


class Headers(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The headers that a request stores with an object and that reads return unchanged; None if absent."""

    metadata: dict[str, str] = {}
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_type: str | None = None
    expires: str | None = None
    website_redirect_location: str | None = None
    storage_class: str | None = None


class Lock(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Object Lock of a version: a retention with an end, and a legal hold without one; None if never set."""

    mode: LockMode | None = None
    retain_until_ms: int = 0
    """The time is in milliseconds, since nanoseconds until the year 9999, which stands for ever, do not fit in 64 bits."""
    legal_hold: bool | None = None

    @property
    def retain_until_ns(self) -> int:
        """Return the end of the retention in ns since the epoch."""
        return self.retain_until_ms * 10**6


class LockRule(msgspec.Struct, frozen=True, array_like=True):
    """Object Lock of a bucket, with the default retention of new objects; there is none without a mode."""

    mode: LockMode | None = None
    days: int = 0
    years: int = 0


class ChecksumPlan(msgspec.Struct, frozen=True, array_like=True):
    """The checksum that an upload keeps of each part and of the object; without a requested algorithm it is CRC64NVME."""

    algorithm: str | None = None
    type: ChecksumType = "FULL_OBJECT"


class StoredChecksum(msgspec.Struct, frozen=True, array_like=True):
    """The checksum of a whole object: raw, or encrypted if the object's encryption hides digests."""

    algorithm: str
    type: ChecksumType
    value: bytes


class BucketRecord(msgspec.Struct, frozen=True, array_like=True):
    """A bucket; the metadata store assigns `id` and never reuses it; `owner` is an account id."""

    created_ns: int
    owner: str
    id: bytes = b""
    versioning: Versioning = ""
    lock: LockRule | None = None
    requester_pays: bool = False
    encryption: ServerSideEncryptionRule | None = None


class UploadRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An open multipart upload, as CreateMultipartUpload made it; `initiator` is an account id.

    `key_state` is a token of the key's current object at that time; the step that begins the upload sets it.
    """

    headers: Headers
    initiator: str
    tags: dict[str, str] = {}
    lock: Lock = Lock()
    checksum: ChecksumPlan = ChecksumPlan()
    key_state: bytes = b""
    encryption: Encryption | None = None


class ObjectRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A version of an object, or a delete marker; `part_count` is None after PutObject and CopyObject. The ETag is without quotes."""

    manifest_id: bytes
    size: int
    etag: str
    modified_ns: int
    part_count: int | None
    headers: Headers
    tags: dict[str, str] = {}
    lock: Lock = Lock()
    checksum: StoredChecksum | None = None
    is_delete_marker: bool = False
    encryption: Encryption | None = None


class TombstoneRecord(msgspec.Struct, frozen=True, array_like=True):
    """The answer of a Complete, kept so that a repeated request gets the same."""

    bucket_id: bytes
    key: bytes
    request: bytes
    etag: str
    completed_ns: int
    version: tuple[int, bytes] | None
    checksum: StoredChecksum | None
    encryption: Encryption | None = None


replace = msgspec.structs.replace
"""Return a copy of a record with some members changed."""
AnyRecord = TypeVar("AnyRecord", BucketRecord, UploadRecord, ObjectRecord, TombstoneRecord)
_encode = msgspec.msgpack.Encoder().encode


def damaged(what: str) -> InternalError:
    """Return the error for a row that does not match its check value."""
    return InternalError(reason=f"a metadata row is damaged: {what}")


def pack_record(record: AnyRecord) -> bytes:
    """Return a record as a row, with its check value."""
    return with_check_value(_encode(record))


def unpacker(kind: type[AnyRecord]) -> Callable[[bytes], AnyRecord]:
    """Return a function that unpacks rows of one kind of record, and raises InternalError for a damaged one."""
    decode = msgspec.msgpack.Decoder(kind).decode

    def unpack(data: bytes) -> AnyRecord:
        try:
            return decode(checked(data, kind.__name__))
        except msgspec.MsgspecError as error:
            raise damaged(kind.__name__) from error

    return unpack


def with_check_value(data: bytes) -> bytes:
    """Return the bytes behind their check value, a CRC-32."""
    return _CRC.pack(zlib.crc32(data)) + data


def checked(data: bytes, what: str) -> bytes:
    """Return the bytes behind a check value that matches them.

    Raises:
        InternalError: it does not match them; the message names the row by `what`.
    """
    body = data[_CRC.size :]
    if len(data) < _CRC.size or _CRC.unpack_from(data)[0] != zlib.crc32(body):
        raise damaged(what)
    return body
