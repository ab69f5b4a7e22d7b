"""The document of a bucket's encryption (PutBucketEncryption)."""

from typing import Literal

import msgspec


class _Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An element of the document; a member that is missing is None."""


class ServerSideEncryptionByDefault(_Element, frozen=True):
    """The encryption of objects whose request names none."""

    sse_algorithm: Literal["AES256", "aws:kms", "aws:kms:dsse"]
    kms_master_key_id: str | None = None


class BlockedEncryptionTypes(_Element, frozen=True):
    """The kinds of encryption that writes may not request; NONE blocks none."""

    encryption_type: tuple[Literal["NONE", "SSE-C"], ...] = ()


class ServerSideEncryptionRule(_Element, frozen=True):
    """The one rule of a bucket; `bucket_key_enabled` is only shown in the answers about its objects (SSE-KMS)."""

    apply_server_side_encryption_by_default: ServerSideEncryptionByDefault | None = None
    bucket_key_enabled: bool | None = None
    blocked_encryption_types: BlockedEncryptionTypes | None = None

    @property
    def blocks_customer_keys(self) -> bool:
        """Tell whether writes with SSE-C are blocked."""
        return self.blocked_encryption_types is not None and "SSE-C" in self.blocked_encryption_types.encryption_type


class ServerSideEncryptionConfiguration(_Element, frozen=True):
    """The whole document."""

    rules: tuple[ServerSideEncryptionRule, ...]
