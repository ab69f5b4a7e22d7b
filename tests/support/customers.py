"""Customers' keys, and what an SSE-C object is made of below the library."""

import base64
import hashlib
import random
from pathlib import Path
from typing import Any

import engine
from engine.meta.parts import Flag, Manifest
from engine.meta.records import ObjectRecord
from tests.support.stores import meta_of
from tests.support.uploads import begin

RAW, OTHER_RAW = bytes(range(100, 132)), bytes(range(32))
MD5 = base64.b64encode(hashlib.md5(RAW).digest()).decode()
KEY: dict[str, Any] = {"sse_customer_algorithm": "AES256", "sse_customer_key": RAW}
OTHER: dict[str, Any] = {"sse_customer_algorithm": "AES256", "sse_customer_key": OTHER_RAW}


def of_source(key: dict[str, Any]) -> dict[str, Any]:
    """The members that open the source of a copy."""
    return {f"copy_source_{name}": value for name, value in key.items()}


def some_bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def found(store: engine.Store, key: str = "key") -> tuple[ObjectRecord, Manifest]:
    """The rows of an object."""
    record = meta_of(store).find_object("bucket", key.encode()).record
    return record, meta_of(store).find_manifest(record.manifest_id)


def path_of(store: engine.Store, blob_id: bytes) -> Path:
    """The file of a blob."""
    return Path(store._layout.root, "blobs", blob_id.hex()[:2], blob_id.hex()[2:])


def stored_parts(store: engine.Store, key: str = "key") -> list[bytes]:
    """What is stored of each part, as it is."""
    return [
        meta_of(store).read_inline(part.blob_id)
        if part.flags & Flag.INLINE
        else path_of(store, part.blob_id).read_bytes()
        for part in found(store, key)[1]
    ]


PARTS = [some_bytes(size) for size in (70_000, 10, 1, 131_072, 65_537)]
WHOLE = b"".join(PARTS)


def put_sealed(store: engine.Store) -> None:
    """Upload `key` in five sealed parts."""
    upload = begin(store, "bucket", **KEY)
    upload.complete([upload.part(number, part, **KEY) for number, part in enumerate(PARTS, 1)])
