"""Errors about customers' keys (SSE-C), by number, all over TLS but the one about clear HTTP; then those about other encryptions."""

import base64
import hashlib
from typing import Any

from tests.system.clients.rules.rows import (
    Ask,
    Case,
    Expected,
    Rows,
    argument,
    ask,
    denied,
    invalid,
    invalid_request,
    not_implemented,
)

SSE = "x-amz-server-side-encryption"
PREFIXES = {"": f"{SSE}-customer-", "source": "x-amz-copy-source-server-side-encryption-customer-"}
WITH = "Requests specifying Server Side Encryption with Customer provided keys must "
RAW, OTHER_RAW = bytes(range(100, 132)), bytes(range(32))
NEEDS_KEY = (
    "The object was stored using a form of Server Side Encryption. "
    "The correct parameters must be provided to retrieve the object."
)
NEEDS_PART_KEY = (
    "The multipart upload initiate requested encryption. "
    "Subsequent part requests must include the appropriate encryption parameters."
)
OTHER_PART_KEY = "The provided encryption parameters did not match the ones used originally."
NOT_APPLICABLE = "The encryption parameters are not applicable to this object."


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def key_headers(raw: bytes = RAW, of: str = "", **changed: str | None) -> dict[str, str | None]:
    """The three headers of a key, of the object itself or of the source of a copy; those changed to None are left out."""
    md5 = b64(hashlib.md5(raw).digest())
    return {PREFIXES[of] + name.replace("_", "-"): text
            for name, text in ({"algorithm": "AES256", "key": b64(raw), "key_md5": md5} | changed).items()}  # fmt: skip


def sent(operation: str, key: str, headers: dict[str, str | None], **arguments: Any) -> Ask:
    given = {name: text for name, text in headers.items() if text is not None}
    return Ask(operation, {"Bucket": "{bucket}", "Key": key} | arguments, given)


def wrong(message: str, code: str = "InvalidArgument", value: str | None = None) -> Expected:
    extras = {"ArgumentName": SSE} if value is None else argument(SSE, value)
    return Expected(code, 400, message, extras)


def of_headers(headers: dict[str, str | None], expected: Expected) -> tuple[Case, ...]:
    """A set of headers, refused by everything that takes a key."""
    part = {"UploadId": "{secret_upload}", "PartNumber": 1}
    copied = {name.replace(PREFIXES[""], PREFIXES["source"]): text for name, text in headers.items()}
    cases = [
        Case(sent("create_multipart_upload", "new", headers), expected),
        Case(sent("upload_part", "secret", headers, Body=b"x", **part), expected),
        Case(sent("upload_part_copy", "secret", headers, CopySource="{bucket}/object", **part), expected),
        Case(sent("put_object", "new", headers, Body=b"x"), expected),
        Case(sent("copy_object", "new", headers, CopySource="{bucket}/object"), expected),
    ]
    if SSE in headers:
        return tuple(cases)
    return (
        *cases,
        Case(sent("copy_object", "new", copied, CopySource="{bucket}/{secret}"), expected),
        Case(sent("get_object", "{secret}", headers), expected),
        Case(sent("get_object_attributes", "{secret}", headers, ObjectAttributes=["ETag"]), expected),
    )


def reads(key: str, raw: bytes | None, expected: Expected) -> tuple[Case, ...]:
    """Every read of an object with a key, or without one."""
    headers, source = ({}, {}) if raw is None else (key_headers(raw), key_headers(raw, "source"))
    return (
        Case(sent("get_object", key, headers), expected),
        Case(sent("get_object", key, headers, Range="bytes=0-1"), expected),
        Case(sent("get_object", key, headers, PartNumber=1), expected),
        Case(sent("get_object", key, headers, IfNoneMatch="*"), expected),
        Case(sent("get_object_attributes", key, headers, ObjectAttributes=["ETag"]), expected),
        Case(sent("copy_object", "new", source, CopySource=f"{{bucket}}/{key}"), expected),
        Case(sent("upload_part_copy", "key", source, CopySource=f"{{bucket}}/{key}", UploadId="{upload}", PartNumber=9), expected),
    )  # fmt: skip


def parts(key: str, upload: str, raw: bytes | None, expected: Expected) -> tuple[Case, ...]:
    """Every part of an upload with a key, or without one."""
    headers, named = {} if raw is None else key_headers(raw), {"UploadId": upload, "PartNumber": 1}
    return (
        Case(sent("upload_part", key, headers, Body=b"x", **named), expected),
        Case(sent("upload_part_copy", key, headers, CopySource="{bucket}/object", **named), expected),
    )


def blocked(key: str) -> Expected:
    """By the stage's bucket that blocks customers' keys."""
    return denied(
        "User: arn:aws:iam::{account}:root is not authorized to perform: s3:PutObject on resource: "
        f'"arn:aws:s3:::{{blocking}}/{key}" because this bucket has blocked upload requests that specify '
        "Server Side Encryption with Customer provided keys (SSE-C). Please specify a different server-side encryption type"
    )


UNSUPPORTED = "The Encryption request you specified is not valid. Supported value: AES256."
BOTH = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
ENCRYPTION: Rows = {
    "InvalidEncryptionAlgorithmError": of_headers(
        key_headers(algorithm="KMS"), wrong(UNSUPPORTED, "InvalidEncryptionAlgorithmError", "KMS")
    ),
    "InvalidArgument-no-algorithm": of_headers(key_headers(algorithm=None), wrong(WITH + "provide a valid encryption algorithm.")),
    "InvalidArgument-no-key": of_headers(key_headers(key=None), wrong(WITH + "provide an appropriate secret key.")),
    "InvalidArgument-no-MD5": of_headers(
        key_headers(key_md5=None), wrong(WITH + "provide the client calculated MD5 of the secret key.")
    ),
    "InvalidArgument-length-of-the-key": (
        *of_headers(key_headers(RAW[:31]), wrong("The secret key was invalid for the specified algorithm.")),
        *of_headers(key_headers(b64(RAW).encode()), wrong("The secret key was invalid for the specified algorithm.")),
    ),
    "InvalidArgument-another-MD5": of_headers(
        key_headers(key_md5=b64(bytes(16))),
        wrong("The calculated MD5 hash of the key did not match the hash that was provided."),
    ),
    "InvalidArgument-two-kinds-of-encryption": (
        *of_headers(key_headers() | {SSE: "AES256"}, wrong(BOTH, value="AES256"))[:1],
        *of_headers(key_headers(algorithm="KMS") | {SSE: "AES256"}, wrong(BOTH, value="AES256"))[3:4],
    ),
    "InvalidRequest-part-without-the-key": (
        *parts("secret", "{secret_upload}", None, invalid_request(NEEDS_PART_KEY)),
        *parts("key", "{upload}", RAW, invalid_request(NEEDS_PART_KEY)),
        Case(ask("list_parts", "named", UploadId="{secret_named}"), invalid_request(NEEDS_PART_KEY)),
    ),
    "InvalidRequest-part-with-another-key": (
        *parts("secret", "{secret_upload}", OTHER_RAW, invalid_request(OTHER_PART_KEY)),
        Case(sent("list_parts", "secret", key_headers(OTHER_RAW), UploadId="{secret_upload}"), invalid_request(OTHER_PART_KEY)),
    ),
    "InvalidRequest-read-without-the-key": reads("{secret}", None, invalid_request(NEEDS_KEY)),
    "InvalidRequest-key-not-applicable": reads("object", RAW, invalid_request(NOT_APPLICABLE)),
    "AccessDenied-read-with-another-key": reads("{secret}", OTHER_RAW, denied(WITH + "provide the correct secret key.")),
    "AccessDenied-bucket-that-blocks-SSE-C": (
        *(
            Case(sent(operation, "new", key_headers(), Bucket="{blocking}", **more), blocked("new"))
            for operation, more in (
                ("put_object", {"Body": b"x"}), ("create_multipart_upload", {}), ("copy_object", {"CopySource": "{bucket}/object"}),
            )
        ),
        *(
            Case(
                sent(operation, "sealed", key_headers(), Bucket="{blocking}", UploadId="{blocked_upload}", PartNumber=2, **more),
                blocked("sealed"),
            )
            for operation, more in (("upload_part", {"Body": b"x"}), ("upload_part_copy", {"CopySource": "{bucket}/object"}))
        ),
    ),
}  # fmt: skip

IN_CLEAR = invalid_request(WITH + "be made over a secure connection.")
CLEAR: Rows = {
    "InvalidRequest-clear-HTTP": of_headers(key_headers(), IN_CLEAR)[:1]
    + of_headers(key_headers(algorithm=None), IN_CLEAR)[3:5]
}

METHOD = "The encryption method specified is not supported"
NEEDS_KMS = (
    "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms"
)
CONTEXT_FORM = (
    "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON "
    "which represents a string-string map"
)
KMS = {SSE: "aws:kms"}


def of_new(headers: dict[str, str | None], expected: Expected) -> tuple[Case, ...]:
    """Headers that everything refuses which makes something new."""
    return (
        Case(sent("create_multipart_upload", "new", headers), expected),
        Case(sent("put_object", "new", headers, Body=b"x"), expected),
        Case(sent("copy_object", "new", headers, CopySource="{bucket}/object"), expected),
    )


OTHERS: tuple[Case, ...] = (
    *of_new({SSE: "AES128"}, invalid(METHOD, SSE, "AES128")),
    *of_new({SSE: "aes256"}, invalid(METHOD, SSE, "aes256")),
    *of_new({SSE: "aws:kms:dsse"}, not_implemented(SSE)),
    *of_new({f"{SSE}-aws-kms-key-id": "x"}, invalid(NEEDS_KMS, SSE, "null")),
    *of_new({SSE: "AES256", f"{SSE}-aws-kms-key-id": "x"}, invalid(NEEDS_KMS, SSE, "AES256")),
    *of_new({SSE: "AES256", f"{SSE}-context": b64(b"{}")}, invalid(NEEDS_KMS, SSE, "AES256")),
    *(
        case
        for text in (
            "x",
            b64(b"[]"),
            b64(b'{"a": 1}'),
            b64(b'{"a": "\\ud800"}'),
            b64(b'{"\\ud800": "a"}'),
            b64(b"\xff"),
            b64(b"{"),
        )
        for case in of_new(KMS | {f"{SSE}-context": text}, invalid(CONTEXT_FORM, f"{SSE}-context", text))
    ),
)
"""Errors about SSE-S3 and SSE-KMS, which the sections have no number for."""
