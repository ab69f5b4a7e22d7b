"""What may name a bucket, a key, an upload or an object's headers, and the text form of upload ids and page tokens; pure."""

import base64
import binascii
import datetime
import hashlib
import hmac
import ipaddress
import re
import struct

from engine.dates import http_date
from engine.errors import (
    InvalidArgument,
    InvalidBucketName,
    KeyTooLongError,
    MetadataTooLarge,
    NoSuchUpload,
    RequestHeaderSectionTooLarge,
)
from engine.limits import Limits
from engine.members import ReadRequest, Traveller
from engine.meta import UploadId
from engine.meta.records import Headers

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_UPLOAD_ID = struct.Struct(">Q16s6s")
_BINDING_SIZE = 6
STORAGE_CLASS_DEFAULT = "STANDARD"
"""Of what names no other; it is never said of an object that is read."""


def check_bucket_name(bucket: str) -> str:
    """A name for a new bucket.

    Raises:
        InvalidBucketName: it breaks a rule.

    Source: User Guide, "General purpose bucket naming rules".
    """
    good = (
        _BUCKET.fullmatch(bucket)
        and ".." not in bucket
        and not bucket.startswith(_RESERVED_PREFIXES)
        and not bucket.endswith(_RESERVED_SUFFIXES)
        and not _is_address(bucket)
    )
    if not good:
        raise InvalidBucketName(BucketName=bucket)
    return bucket


def has_bucket_form(text: str) -> bool:
    """Whether a text has the characters and the length of a bucket's name, so that there may be such a bucket."""
    return _BUCKET.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def encode_key(key: str, limits: Limits) -> bytes:
    """A key as stored: its UTF-8 bytes, never normalised.

    Raises:
        KeyTooLongError: more than 1,024 bytes.
        InvalidArgument: empty, or not encodable.
    """
    encoded = encode_text(key, "key")
    if not encoded:
        raise InvalidArgument("A key must have at least one character", ArgumentName="key", ArgumentValue="")
    if len(encoded) > limits.key_size_bytes_max:
        raise KeyTooLongError(Size=len(encoded), MaxSizeAllowed=limits.key_size_bytes_max)
    return encoded


def encode_text(text: str, name: str) -> bytes:
    """A prefix, marker or delimiter as bytes.

    Raises:
        InvalidArgument: it holds lone surrogates.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        shown = text.encode(errors="replace").decode()
        raise InvalidArgument(f"{name} must be UTF-8", ArgumentName=name, ArgumentValue=shown) from None


def make_headers(said: Traveller, limits: Limits) -> Headers:
    """The headers that travel with an object; names of metadata are lower case, as HTTP makes them.

    Raises:
        MetadataTooLarge: the user's metadata has more than 2 KiB.
        RequestHeaderSectionTooLarge: all of it has more than 8 KiB.
    """
    expires = said.get("expires")
    if isinstance(expires, datetime.datetime):
        expires = http_date(expires)
    kept = {name.lower(): value for name, value in (said.get("metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in kept.items())
    if size > limits.metadata_size_bytes_max:
        raise MetadataTooLarge(Size=size, MaxSizeAllowed=limits.metadata_size_bytes_max)
    storage_class = said.get("storage_class")
    headers = Headers(
        kept, said.get("cache_control"), said.get("content_disposition"), said.get("content_encoding"),
        said.get("content_language"), said.get("content_type"), expires, said.get("website_redirect_location"),
        storage_class if storage_class != STORAGE_CLASS_DEFAULT else None,
    )  # fmt: skip
    size += sum(len(value.encode()) for value in _texts(headers))
    if size > limits.header_size_bytes_max:
        raise RequestHeaderSectionTooLarge(MaxSizeAllowed=limits.header_size_bytes_max)
    return headers


def _texts(headers: Headers) -> list[str]:
    values = (getattr(headers, name) for name in Headers.__struct_fields__)
    return [value for value in values if isinstance(value, str)]


def overrides(said: ReadRequest) -> dict[str, str]:
    """The headers that a read is to have instead of the object's own; an empty one is none.

    Source: API page GetObject, "Overriding response header values through the request".
    """
    expires = said.get("response_expires")
    wanted = {
        "cache_control": said.get("response_cache_control"),
        "content_disposition": said.get("response_content_disposition"),
        "content_encoding": said.get("response_content_encoding"),
        "content_language": said.get("response_content_language"),
        "content_type": said.get("response_content_type"),
        "expires": http_date(expires) if isinstance(expires, datetime.datetime) else expires,
    }
    return {name: value for name, value in wanted.items() if value}


def format_upload_id(bucket: str, key: bytes, upload_id: UploadId) -> str:
    """The text of an upload id: time, nonce and a binding of both to bucket and key, in URL-safe base64 (40 characters).

    The binding lets a listing tell an upload that is gone from one of another key; it is not a secret.
    """
    packed = _UPLOAD_ID.pack(upload_id.initiated_ns, upload_id.nonce, _binding(bucket, key, upload_id))
    return base64.urlsafe_b64encode(packed).decode()


def parse_upload_id(bucket: str, key: bytes, text: str) -> UploadId:
    """Read an upload id of this bucket and key.

    Raises:
        NoSuchUpload: it is not one.
    """
    try:
        packed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        initiated_ns, nonce, binding = _UPLOAD_ID.unpack(packed)
    except (binascii.Error, ValueError, struct.error):
        raise NoSuchUpload(UploadId=text) from None
    upload_id = UploadId(initiated_ns, nonce)
    if not hmac.compare_digest(binding, _binding(bucket, key, upload_id)):
        raise NoSuchUpload(UploadId=text)
    return upload_id


def _binding(bucket: str, key: bytes, upload_id: UploadId) -> bytes:
    text = b"%d:%d:%b%b" % (upload_id.initiated_ns, len(bucket), bucket.encode(), key)
    return hashlib.blake2b(text, digest_size=_BINDING_SIZE, key=upload_id.nonce).digest()


def format_token(position: bytes) -> str:
    """The opaque token that continues a listing after a position."""
    return base64.urlsafe_b64encode(position).decode()


def parse_token(token: str) -> bytes:
    """The position a token stands for.

    Raises:
        InvalidArgument: it is none of ours.
    """
    try:
        return base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(
            "The continuation token provided is incorrect", ArgumentName="continuation-token", ArgumentValue=token
        ) from None
