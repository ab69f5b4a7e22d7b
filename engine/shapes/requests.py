"""The members of requests, by operation: S3's names in snake_case, typed once for the library, the command line and the wire.

Operations take them as `**request: Unpack[...]`; `reject_unknown_members` refuses all others.
"""

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ParamSpec, TypedDict, TypeVar, get_args

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class BucketOwnerCondition(TypedDict, total=False):
    """The bucket owner condition, which every request about a bucket may have."""

    expected_bucket_owner: str | None


class Request(BucketOwnerCondition, total=False):
    """The members of requests that a requester may have to pay for."""

    request_payer: str | None


class Grants(TypedDict, total=False):
    """An access control list in headers: a canned one, or grants."""

    acl: str | None
    grant_full_control: str | None
    grant_read: str | None
    grant_read_acp: str | None
    grant_write: str | None
    grant_write_acp: str | None


class PutObjectAclRequest(Request, Grants, total=False):
    """Members of PutObjectAcl."""


class StoredWithObject(Request, total=False):
    """The members that PutObject, CopyObject and CreateMultipartUpload store with the object, and the ACL."""

    metadata: Mapping[str, str] | None
    cache_control: str | None
    content_disposition: str | None
    content_encoding: str | None
    content_language: str | None
    content_type: str | None
    expires: str | datetime | None
    website_redirect_location: str | None
    storage_class: str | None
    tagging: str | None
    acl: str | None
    grant_full_control: str | None
    grant_read: str | None
    grant_read_acp: str | None
    grant_write_acp: str | None
    object_lock_mode: str | None
    object_lock_retain_until_date: datetime | None
    object_lock_legal_hold_status: str | None


class CustomerKeyed(TypedDict, total=False):
    """A customer's key (SSE-C): 32 bytes, or a text of 32 bytes in UTF-8; its MD5 in base64 may be left out."""

    sse_customer_algorithm: str | None
    sse_customer_key: bytes | str | None
    sse_customer_key_md5: str | None


class Encrypted(CustomerKeyed, total=False):
    """The encryption of a new object or upload: a customer's key, SSE-S3 (`AES256`) or SSE-KMS (`aws:kms`).

    The encryption context is the base64 of a JSON object whose values are texts.
    """

    server_side_encryption: str | None
    ssekms_key_id: str | None
    ssekms_encryption_context: str | None
    bucket_key_enabled: bool | None


class Checksums(TypedDict, total=False):
    """The checksum of a body or of a whole object, in base64."""

    checksum_crc32: str | None
    checksum_crc32_c: str | None
    checksum_crc64_nvme: str | None
    checksum_sha1: str | None
    checksum_sha256: str | None
    checksum_sha512: str | None
    checksum_md5: str | None
    checksum_xxhash64: str | None
    checksum_xxhash3: str | None
    checksum_xxhash128: str | None


class Digests(Checksums, total=False):
    """The length and the digests of a request's body."""

    content_length: int | None
    content_md5: str | None
    content_sha256: str | None
    checksum_algorithm: str | None


class CreateMultipartUploadRequest(StoredWithObject, Encrypted, total=False):
    """Members of CreateMultipartUpload."""

    checksum_algorithm: str | None
    checksum_type: str | None


class UploadPartRequest(Request, Digests, CustomerKeyed, total=False):
    """Members of UploadPart."""

    presigned_checksum_algorithm: str | None


class PutObjectRequest(StoredWithObject, Digests, Encrypted, total=False):
    """Members of PutObject."""

    if_match: str | None
    if_none_match: str | None


class ListPartsRequest(Request, CustomerKeyed, total=False):
    """Members of ListParts."""


class CompleteMultipartUploadRequest(Request, Checksums, CustomerKeyed, total=False):
    """Members of CompleteMultipartUpload."""

    checksum_type: str | None
    mpu_object_size: int | None
    if_match: str | None
    if_none_match: str | None


class ReadRequest(Request, CustomerKeyed, total=False):
    """Members that GetObject and HeadObject share."""

    version_id: str | None
    range: str | None
    if_range: str | None
    part_number: int | None
    if_match: str | None
    if_none_match: str | None
    if_modified_since: datetime | None
    if_unmodified_since: datetime | None
    response_cache_control: str | None
    response_content_disposition: str | None
    response_content_encoding: str | None
    response_content_language: str | None
    response_content_type: str | None
    response_expires: str | datetime | None
    checksum_mode: str | None


class GetObjectAttributesRequest(Request, CustomerKeyed, total=False):
    """Members of GetObjectAttributes."""

    version_id: str | None


class DeleteObjectRequest(Request, total=False):
    """Members of DeleteObject."""

    version_id: str | None
    bypass_governance_retention: bool | None
    if_match: str | None


class CopySourceRequest(Request, total=False):
    """The members of a copy that concern its source."""

    expected_source_bucket_owner: str | None
    copy_source_if_match: str | None
    copy_source_if_none_match: str | None
    copy_source_if_modified_since: datetime | None
    copy_source_if_unmodified_since: datetime | None
    copy_source_sse_customer_algorithm: str | None
    copy_source_sse_customer_key: bytes | str | None
    copy_source_sse_customer_key_md5: str | None


class CopyObjectRequest(StoredWithObject, CopySourceRequest, Encrypted, total=False):
    """Members of CopyObject."""

    metadata_directive: str | None
    tagging_directive: str | None
    checksum_algorithm: str | None
    if_match: str | None
    if_none_match: str | None


class UploadPartCopyRequest(CopySourceRequest, CustomerKeyed, total=False):
    """Members of UploadPartCopy."""

    copy_source_range: str | None


def reject_unknown_members(method: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Make a method refuse members that its operation does not have, as Python refuses unknown named parameters.

    Raises:
        TypeError: there is such a member.
    """

    @functools.wraps(method)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if not kwargs.keys() <= parameters(method):
            unknown = sorted(kwargs.keys() - parameters(method))
            raise TypeError(f"{method.__name__}() has no parameter {', '.join(unknown)}")
        return method(*args, **kwargs)

    return run


def parameters(method: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the members that a method takes, those of its `**request` too.

    They are kept by function: a bound method would be a new key for each view of a store, and the server makes one a request.
    """
    return _parameters(getattr(method, "__func__", method))


@functools.cache
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    import inspect  # when an operation is first called: too large for whoever only imports

    function = inspect.unwrap(function)
    names: set[str] = set()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            for members in get_args(parameter.annotation):
                names |= members.__optional_keys__
        elif name != "self":
            names.add(name)
    return frozenset(names)
