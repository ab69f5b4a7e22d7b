"""The encryption that a request asks for, and S3's checks of its headers."""

import base64
import contextlib
from collections.abc import Mapping
from typing import Any, Final

from engine.encryption.customer_keys import CustomerKey
from engine.errors import InvalidArgument, NotImplementedYet
from engine.record import Record

CONTEXT_SIZE_MAX: Final = 8192
"""The size limit of the header's text, which every listing reads with its row. Source: AWS KMS Developer Guide, "Resource quotas"."""
HEADER: Final = "x-amz-server-side-encryption"


class RequestedEncryption(Record, frozen=True):
    """The encryption members of a request that creates something; `kms_context` is base64 of JSON, as in the header."""

    server_side_encryption: str | None = None
    kms_key_id: str | None = None
    kms_context: str | None = None
    customer: CustomerKey | None = None
    bucket_key: bool | None = None
    """None stands for the bucket's setting."""

    @staticmethod
    def of(members: Mapping[str, Any], customer: CustomerKey | None) -> "RequestedEncryption":
        """Read the encryption members of a request."""
        return RequestedEncryption(
            members.get("server_side_encryption"),
            members.get("ssekms_key_id") or None,
            members.get("ssekms_encryption_context"),
            customer,
            members.get("bucket_key_enabled"),
        )

    @property
    def kind(self) -> str | None:
        """Return the kind of encryption, as `Encryption.kind` has it; None if none is requested."""
        return "SSE-C" if self.customer is not None else self.server_side_encryption

    @property
    def is_something(self) -> bool:
        """Tell whether encryption is requested, so that the bucket's default does not apply."""
        return self.kind is not None

    def check(self) -> None:
        """Make those checks that need neither keys nor the bucket.

        Raises:
            InvalidArgument: S3 refuses these members.
            NotImplementedYet: aws:kms:dsse is requested.
        """
        value = self.server_side_encryption
        if value == "aws:kms:dsse":
            raise NotImplementedYet(Header=HEADER)
        if value not in (None, "AES256", "aws:kms"):
            raise InvalidArgument(
                "The encryption method specified is not supported", ArgumentName=HEADER, ArgumentValue=value
            )
        if value != "aws:kms" and (self.kms_key_id is not None or self.kms_context is not None):
            raise InvalidArgument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
                ArgumentName=HEADER,
                ArgumentValue=value or "null",
            )
        context_of(self.kms_context)


def context_of(header: str | None) -> dict[str, str]:
    """Read the encryption context in a request's header.

    Raises:
        InvalidArgument: it is too long, or not base64 of a JSON object of strings.
    """
    if header is None:
        return {}
    if len(header) > CONTEXT_SIZE_MAX:
        raise InvalidArgument(
            f"The encryption context may have at most {CONTEXT_SIZE_MAX} bytes", ArgumentName=f"{HEADER}-context"
        )
    import json  # only for a request with a context

    # Errors of base64, JSON and UTF-8 are ValueErrors; nesting too deep is a RecursionError.
    with contextlib.suppress(ValueError, RecursionError):
        context = json.loads(base64.b64decode(header, validate=True))
        if isinstance(context, dict) and all(isinstance(value, str) for value in context.values()):
            "".join([*context, *context.values()]).encode()
            return context
    raise InvalidArgument(
        "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON "
        "which represents a string-string map",
        ArgumentName=f"{HEADER}-context",
        ArgumentValue=header,
    )
