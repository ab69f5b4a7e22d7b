"""What requests say of SSE-S3 and SSE-KMS, and what buckets have by default."""

from pathlib import Path
from typing import Any

import engine

S3: dict[str, Any] = {"server_side_encryption": "AES256"}
KMS: dict[str, Any] = {"server_side_encryption": "aws:kms"}


def ring_of(store: engine.Store) -> Path:
    """The file of its key ring."""
    return Path(store._layout.root, "keys")


def by_default(algorithm: str | None, *, blocked: list[str] | None = None, key: str | None = None) -> dict[str, Any]:
    """A configuration with one rule."""
    rule: dict[str, Any] = {}
    if algorithm is not None:
        rule["apply_server_side_encryption_by_default"] = {"sse_algorithm": algorithm, "kms_master_key_id": key}
    if blocked is not None:
        rule["blocked_encryption_types"] = {"encryption_type": blocked}
    return {"rules": [rule]}


def set_default(store: engine.Store, *args: Any, **kwargs: Any) -> None:
    """Give `bucket` such a rule."""
    store.put_bucket_encryption("bucket", server_side_encryption_configuration=by_default(*args, **kwargs))
