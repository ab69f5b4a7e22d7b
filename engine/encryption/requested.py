"""The encryption that a request asks for: S3's rules about its headers."""

import base64
import contextlib
from collections.abc import Mapping
from typing import Any, Final

from engine.encryption.customer_keys import CustomerKey
from engine.errors import InvalidArgument, NotImplementedYet
from engine.record import Record

CONTEXT_SIZE_MAX: Final = 8192
"""Of the header's text. Source: AWS KMS Developer Guide, "Resource quotas"; every listing reads it with its row."""
HEADER: Final = "x-amz-server-side-encryption"


class RequestedEncryption(Record, frozen=True):
    """What a request says of the encryption of what it creates; `kms_context` is base64 of JSON, as the header has it."""

    server_side_encryption: str | None = None
    kms_key_id: str | None = None
    kms_context: str | None = None
    customer: CustomerKey | None = None
    bucket_key: bool | None = None
    """None: as the bucket has it."""

    @staticmethod
    def of(said: Mapping[str, Any], customer: CustomerKey | None) -> "RequestedEncryption":
        """What the members of a request say."""
        return RequestedEncryption(
            said.get("server_side_encryption"),
            said.get("ssekms_key_id") or None,
            said.get("ssekms_encryption_context"),
            customer,
            said.get("bucket_key_enabled"),
        )

    @property
    def kind(self) -> str | None:
        """Of the encryption, in the words of `Encryption`."""
        return "SSE-C" if self.customer is not None else self.server_side_encryption

    @property
    def is_something(self) -> bool:
        """Whether it says anything, so that no default of the bucket counts."""
        return self.kind is not None

    def check(self) -> None:
        """Check what needs neither keys nor a bucket.

        Raises:
            InvalidArgument, NotImplementedYet: S3 would not take it, or we can't.
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
    """The encryption context in a request's header.

    Raises:
        InvalidArgument: it is none.
    """
    if header is None:
        return {}
    if len(header) > CONTEXT_SIZE_MAX:
        raise InvalidArgument(
            f"The encryption context may have at most {CONTEXT_SIZE_MAX} bytes", ArgumentName=f"{HEADER}-context"
        )
    import json  # only for a request with a context

    # Too long, no base64, no JSON, no text that UTF-8 can have; or nested too deep.
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
