"""What a metadata row holds: msgpack arrays behind a CRC-32, since LMDB's pages have no check value of their own.

The rows of parts, of fixed width, are in `engine.meta.parts`.
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
    """What a metadata row keeps of the encryption of an upload or object: nothing in it is secret.

    `key_id`, `blob` and `context` find the root again: the id in the key ring; or a provider's key id, sealed root and context.
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
    """What was said of a bucket key (SSE-KMS): kept and told; the root of each upload is the provider's here either way."""

    @property
    def hides_digests(self) -> bool:
        """Whether ETags are keyed and checksums sealed; SSE-S3's ETag is the MD5, as S3's is."""
        return hides_digests(self.kind)


def hides_digests(kind: str | None) -> bool:
    """Whether an encryption of a kind hides digests; none does not."""
    return kind not in (None, "AES256")


_CRC = struct.Struct(">I")

ChecksumType = Literal["COMPOSITE", "FULL_OBJECT"]
LockMode = Literal["GOVERNANCE", "COMPLIANCE"]
Versioning = Literal["", "Enabled", "Suspended"]
"""Of a bucket; the empty one was never versioned."""


class Headers(msgspec.Struct, frozen=True, array_like=True):
    """What the creator said about an object and what travels with it unchanged; None is what was not said."""

    metadata: dict[str, str] = {}
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_type: str | None = None
    expires: str | None = None
    website_redirect_location: str | None = None
    storage_class: str | None = None


class Lock(msgspec.Struct, frozen=True, array_like=True):
    """What keeps a version from being deleted: a retention until a moment, and a hold without an end; None where it was never said."""

    mode: LockMode | None = None
    retain_until_ms: int = 0
    """Kept in milliseconds: nanoseconds of the year 9999, which stands for ever, do not go into 64 bits."""
    legal_hold: bool | None = None

    @property
    def retain_until_ns(self) -> int:
        """When the retention ends, beside what the clock says."""
        return self.retain_until_ms * 10**6


class LockRule(msgspec.Struct, frozen=True, array_like=True):
    """Object Lock of a bucket, with the retention new objects get; without a mode there is none."""

    mode: LockMode | None = None
    days: int = 0
    years: int = 0


class ChecksumPlan(msgspec.Struct, frozen=True, array_like=True):
    """What an upload keeps of each part and of the whole; without an algorithm the client named none, and it is CRC64NVME unseen."""

    algorithm: str | None = None
    type: ChecksumType = "FULL_OBJECT"


class StoredChecksum(msgspec.Struct, frozen=True, array_like=True):
    """The checksum of a whole object: raw, or sealed where its encryption hides digests."""

    algorithm: str
    type: ChecksumType
    value: bytes


class BucketRecord(msgspec.Struct, frozen=True, array_like=True):
    """A bucket; `id` is given by the place that keeps it and never used again; `owner` is an account id."""

    created_ns: int
    owner: str
    id: bytes = b""
    versioning: Versioning = ""
    lock: LockRule | None = None
    requester_pays: bool = False
    encryption: ServerSideEncryptionRule | None = None


class UploadRecord(msgspec.Struct, frozen=True, array_like=True):
    """An open multipart upload, as CreateMultipartUpload made it; `initiator` is an account id.

    `replaces` stands for what the key held then; the step that begins the upload says it.
    """

    headers: Headers
    initiator: str
    tags: dict[str, str] = {}
    lock: Lock = Lock()
    checksum: ChecksumPlan = ChecksumPlan()
    key_state: bytes = b""
    encryption: Encryption | None = None


class ObjectRecord(msgspec.Struct, frozen=True, array_like=True):
    """One version of an object, or a delete marker; `part_count` is None for a plain PUT. The ETag is bare, without its quotes."""

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
    """A completed upload, so that a repeated Complete gets the same answer."""

    bucket_id: bytes
    key: bytes
    request: bytes
    etag: str
    completed_ns: int
    version: tuple[int, bytes] | None
    checksum: StoredChecksum | None
    encryption: Encryption | None = None


replace = msgspec.structs.replace
"""A record with some members changed."""
Record = TypeVar("Record", BucketRecord, UploadRecord, ObjectRecord, TombstoneRecord)
_encode = msgspec.msgpack.Encoder().encode


def damaged(what: str) -> InternalError:
    """The error for a row that does not match its check value."""
    return InternalError(reason=f"a metadata row is damaged: {what}")


def pack_record(record: Record) -> bytes:
    """Pack a record with its check value."""
    return seal(_encode(record))


def unpacker(kind: type[Record]) -> Callable[[bytes], Record]:
    """A function that unpacks records of one kind, raising InternalError for a damaged one."""
    decode = msgspec.msgpack.Decoder(kind).decode

    def unpack(data: bytes) -> Record:
        try:
            return decode(unseal(data, kind.__name__))
        except msgspec.MsgspecError as error:
            raise damaged(kind.__name__) from error

    return unpack


def seal(data: bytes) -> bytes:
    """Put a CRC-32 before the bytes."""
    return _CRC.pack(zlib.crc32(data)) + data


def unseal(data: bytes, what: str) -> bytes:
    """Check and strip the CRC-32.

    Raises:
        InternalError: it does not match; `what` names the row.
    """
    body = data[_CRC.size :]
    if len(data) < _CRC.size or _CRC.unpack_from(data)[0] != zlib.crc32(body):
        raise damaged(what)
    return body
