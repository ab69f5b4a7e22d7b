"""The headers, tags and lock that a request stores with an object, and the check of its ACL; pure functions.

Source: API pages PutObject, CreateMultipartUpload, CopyObject; User Guide, "Controlling ownership of objects" (ACLs disabled).
"""

import datetime

from engine.dates import http_date
from engine.errors import (
    AccessControlListNotSupported,
    InvalidArgument,
    InvalidObjectState,
    InvalidRedirectLocation,
    InvalidRequest,
    InvalidStorageClass,
    MetadataTooLarge,
    ObjectNotInActiveTierError,
    RequestHeaderSectionTooLarge,
)
from engine.limits import Limits
from engine.meta.records import Headers, Lock, ObjectRecord
from engine.objects.object_lock import read_lock
from engine.objects.tags import read_tagging
from engine.record import Record
from engine.shapes.requests import Grants, ReadRequest, StoredWithObject

STORAGE_CLASS_DEFAULT = "STANDARD"
"""The storage class of an object that names none. GetObject and HeadObject leave it out of their answers."""


def make_headers(request: StoredWithObject, limits: Limits) -> Headers:
    """Return the headers to store with an object; names of the user's metadata become lower case.

    Raises:
        MetadataTooLarge: the user's metadata has more than 2 KiB.
        RequestHeaderSectionTooLarge: all headers together have more than 8 KiB.
    """
    expires = request.get("expires")
    if isinstance(expires, datetime.datetime):
        expires = http_date(expires)
    metadata = {name.lower(): value for name, value in (request.get("metadata") or {}).items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > limits.metadata_size_bytes_max:
        raise MetadataTooLarge(Size=size, MaxSizeAllowed=limits.metadata_size_bytes_max)
    storage_class = request.get("storage_class")
    headers = Headers(
        metadata, request.get("cache_control"), request.get("content_disposition"), request.get("content_encoding"),
        request.get("content_language"), request.get("content_type"), expires, request.get("website_redirect_location"),
        storage_class if storage_class != STORAGE_CLASS_DEFAULT else None,
    )  # fmt: skip
    size += sum(len(value.encode()) for value in _texts(headers))
    if size > limits.header_size_bytes_max:
        raise RequestHeaderSectionTooLarge(MaxSizeAllowed=limits.header_size_bytes_max)
    return headers


def _texts(headers: Headers) -> list[str]:
    values = (getattr(headers, name) for name in Headers.__struct_fields__)
    return [value for value in values if isinstance(value, str)]


def overrides(request: ReadRequest) -> dict[str, str]:
    """Return the headers that a read's answer has in place of the object's own; an empty one is ignored.

    Source: API page GetObject, "Overriding response header values through the request".
    """
    expires = request.get("response_expires")
    wanted = {
        "cache_control": request.get("response_cache_control"),
        "content_disposition": request.get("response_content_disposition"),
        "content_encoding": request.get("response_content_encoding"),
        "content_language": request.get("response_content_language"),
        "content_type": request.get("response_content_type"),
        "expires": http_date(expires) if isinstance(expires, datetime.datetime) else expires,
    }
    return {name: value for name, value in wanted.items() if value}


ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
STORAGE_CLASSES = ARCHIVES | {
    STORAGE_CLASS_DEFAULT, "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR",
}  # fmt: skip
"""The classes of a general purpose bucket; this store keeps the bytes of all of them alike."""
ACLS_OF_THE_OWNER = frozenset({"private", "bucket-owner-full-control"})
ACLS = ACLS_OF_THE_OWNER | {
    "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read",
}  # fmt: skip


class ObjectMetadata(Record, frozen=True):
    """What a request stores with an object; `lock` is the requested one, before the bucket's default retention is applied."""

    headers: Headers
    tags: dict[str, str]
    lock: Lock

    @staticmethod
    def of(request: StoredWithObject, limits: Limits, now_ns: int) -> "ObjectMetadata":
        """Read the headers, tags and lock of a request, and check its ACL.

        Raises:
            MetadataTooLarge, RequestHeaderSectionTooLarge, InvalidStorageClass, InvalidRedirectLocation.
            InvalidTag, BadRequest: x-amz-tagging is not valid.
            InvalidRequest: the request has both a canned ACL and grants.
            AccessControlListNotSupported: the ACL is another one than the owner's.
            InvalidArgument: another member has a value that is not valid.
        """
        check_acl(request)
        _check_storage_class(request.get("storage_class"))
        _check_redirect(request.get("website_redirect_location"))
        lock = read_lock(
            request.get("object_lock_mode"),
            request.get("object_lock_retain_until_date"),
            request.get("object_lock_legal_hold_status"),
            now_ns,
        )
        return ObjectMetadata(make_headers(request, limits), read_tagging(request.get("tagging"), limits), lock)


def storage_class_of(headers: Headers) -> str:
    """Return the storage class that a listing shows."""
    return headers.storage_class or STORAGE_CLASS_DEFAULT


def check_active(record: ObjectRecord) -> None:
    """Refuse to read an archived object.

    Raises:
        InvalidObjectState: its storage class is an archive's.

    Source: API page GetObject; AWS's answers.
    """
    if record.headers.storage_class in ARCHIVES:
        raise InvalidObjectState(StorageClass=record.headers.storage_class)


def check_copyable(record: ObjectRecord) -> None:
    """Refuse to copy an archived object.

    Raises:
        ObjectNotInActiveTierError: its storage class is an archive's.

    Source: API page CopyObject.
    """
    if record.headers.storage_class in ARCHIVES:
        raise ObjectNotInActiveTierError


def check_acl(request: Grants | StoredWithObject) -> None:
    """Refuse every access control list in headers but those that give the owner everything.

    Raises:
        InvalidRequest: the request has both a canned ACL and grants.
        InvalidArgument: there is no such canned ACL.
        AccessControlListNotSupported: the ACL is another one than the owner's.
    """
    acl = request.get("acl")
    grants = [request.get(f"grant_{right}") for right in ("full_control", "read", "read_acp", "write", "write_acp")]
    has_grants = any(grant is not None for grant in grants)
    if acl is not None and has_grants:
        raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
    if acl is not None and acl not in ACLS:
        raise InvalidArgument(ArgumentName="x-amz-acl", ArgumentValue=acl)
    if has_grants or acl not in (None, *ACLS_OF_THE_OWNER):
        raise AccessControlListNotSupported


def _check_storage_class(name: str | None) -> None:
    if name is not None and name not in STORAGE_CLASSES:
        raise InvalidStorageClass(StorageClassRequested=name)


def _check_redirect(location: str | None) -> None:
    if location is not None and not location.startswith(("/", "http://", "https://")):
        raise InvalidRedirectLocation
