"""Encryption on the wire: customers' keys read out of their headers for the store, over a secure connection, and wiped after the
request; and what parts may not say.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from engine.encryption.customer_keys import connection_insecure, customer_key_of_headers
from engine.errors import InvalidArgument
from engine.s3.http import Request
from engine.s3.model import Operation

USE_CUSTOMER_KEY = "partwright:UseCustomerKey"
"""What a request that brings a key needs besides; the action is ours, since S3 has conditions of policies instead."""
_HEADER = "x-amz-server-side-encryption"
_MEMBERS = ("algorithm", "key", "key_md5")
_PREFIXES = ("", "copy_source_")


@contextlib.contextmanager
def keys_read(inputs: dict[str, Any], is_secure: bool) -> Iterator[dict[str, Any]]:
    """A request's members with each customer's key as such, in place of the three texts that make it.

    Raises:
        InvalidRequest: there is a key, and the connection is not secure.
        InvalidArgument, InvalidEncryptionAlgorithmError: the texts make no key.

    Source: User Guide, "Using server-side encryption with customer-provided keys".
    """
    with contextlib.ExitStack() as held:
        for prefix in _PREFIXES:
            names = [f"{prefix}sse_customer_{member}" for member in _MEMBERS]
            algorithm, text, key_md5 = (inputs.get(name) for name in names)
            if not is_secure and (algorithm, text, key_md5) != (None, None, None):
                raise connection_insecure()
            other = None if prefix else inputs.get("server_side_encryption")
            key = customer_key_of_headers(algorithm, text, key_md5, other)
            if key is not None:
                rest = {name: value for name, value in inputs.items() if name not in names}
                inputs = rest | {f"{prefix}sse_customer_key": held.enter_context(key)}
        yield inputs


def actions_of_keys(inputs: dict[str, Any], prefix: str = "") -> list[str]:
    """The action needed where a request brings a key."""
    given = any(inputs.get(f"{prefix}sse_customer_{member}") is not None for member in _MEMBERS)
    return [USE_CUSTOMER_KEY] if given else []


def refuse_encryption_of_parts(operation: Operation, request: Request) -> None:
    """A part is encrypted as its upload is, and may not say how.

    Raises:
        InvalidArgument: it does.

    Source: API page UploadPart, "Encryption"; the text as AWS is known to answer, without a capture.
    """
    value = request.header(_HEADER)
    if value is not None and operation.name in ("UploadPart", "UploadPartCopy"):
        raise InvalidArgument(
            f"{_HEADER} header is not supported for this operation.", ArgumentName=_HEADER, ArgumentValue=value
        )
