"""The shapes of a bucket's default encryption."""

from typing import Literal

import msgspec


class _Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An element of the document; a member that was not said is None."""


class ServerSideEncryptionByDefault(_Element, frozen=True):
    """The encryption of what asks for none."""

    sse_algorithm: Literal["AES256", "aws:kms", "aws:kms:dsse"]
    kms_master_key_id: str | None = None


class BlockedEncryptionTypes(_Element, frozen=True):
    """Kinds that nothing may be written with; NONE blocks none."""

    encryption_type: tuple[Literal["NONE", "SSE-C"], ...] = ()


class ServerSideEncryptionRule(_Element, frozen=True):
    """The one rule of a bucket; what it says of a bucket key is told of its objects (SSE-KMS), and changes nothing else here."""

    apply_server_side_encryption_by_default: ServerSideEncryptionByDefault | None = None
    bucket_key_enabled: bool | None = None
    blocked_encryption_types: BlockedEncryptionTypes | None = None

    @property
    def blocks_customer_keys(self) -> bool:
        """Whether nothing may be written with SSE-C."""
        return self.blocked_encryption_types is not None and "SSE-C" in self.blocked_encryption_types.encryption_type


class ServerSideEncryptionConfiguration(_Element, frozen=True):
    """What PutBucketEncryption sends."""

    rules: tuple[ServerSideEncryptionRule, ...]
