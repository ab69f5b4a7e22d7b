"""Encryption on the wire: customers' keys (SSE-C) are read from their headers and wiped after the request; parts name no encryption."""

import contextlib
from collections.abc import Iterator
from typing import Any

from engine.encryption.customer_keys import connection_insecure, customer_key_of_headers
from engine.errors import InvalidArgument
from engine.s3.http import Request
from engine.s3.model import Operation

USE_CUSTOMER_KEY = "partwright:UseCustomerKey"
"""The action that a request with a customer's key needs besides. It is this server's own; S3 has condition keys of policies instead."""
_HEADER = "x-amz-server-side-encryption"
_MEMBERS = ("algorithm", "key", "key_md5")
_PREFIXES = ("", "copy_source_")


@contextlib.contextmanager
def keys_read(inputs: dict[str, Any], is_secure: bool) -> Iterator[dict[str, Any]]:
    """Give a request's members with each customer's key in place of its three headers; the key is wiped at the end of the block.

    Raises:
        InvalidRequest: there is a key, and the connection is not secure.
        InvalidArgument, InvalidEncryptionAlgorithmError: the three headers are not a valid key.

    Source: User Guide, "Using server-side encryption with customer-provided keys".
    """
    with contextlib.ExitStack() as keys:
        for prefix in _PREFIXES:
            names = [f"{prefix}sse_customer_{member}" for member in _MEMBERS]
            algorithm, text, key_md5 = (inputs.get(name) for name in names)
            if not is_secure and (algorithm, text, key_md5) != (None, None, None):
                raise connection_insecure()
            other = None if prefix else inputs.get("server_side_encryption")
            key = customer_key_of_headers(algorithm, text, key_md5, other)
            if key is not None:
                rest = {name: value for name, value in inputs.items() if name not in names}
                inputs = rest | {f"{prefix}sse_customer_key": keys.enter_context(key)}
        yield inputs


def actions_of_keys(inputs: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the action that a request needs besides if it has a customer's key."""
    has_key = any(inputs.get(f"{prefix}sse_customer_{member}") is not None for member in _MEMBERS)
    return [USE_CUSTOMER_KEY] if has_key else []


def refuse_encryption_of_parts(operation: Operation, request: Request) -> None:
    """Refuse a part that names an encryption: it is encrypted as its upload is.

    Raises:
        InvalidArgument: the header is there.

    Source: API page UploadPart, "Encryption"; the text as AWS is known to answer, without a capture.
    """
    value = request.header(_HEADER)
    if value is not None and operation.name in ("UploadPart", "UploadPartCopy"):
        raise InvalidArgument(
            f"{_HEADER} header is not supported for this operation.", ArgumentName=_HEADER, ArgumentValue=value
        )
