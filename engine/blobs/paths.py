"""The paths of blob files: `<2 hex>/<30 hex>` of the blob id, below the directory of a store's blobs."""

import os

SHARDS = tuple(f"{shard:02x}" for shard in range(256))


def split_name(blob_id: bytes) -> tuple[str, str]:
    """Return the shard of a blob, and the name of its file there."""
    name = blob_id.hex()
    return name[:2], name[2:]


def path_below(root: str, blob_id: bytes) -> str:
    """Return the path of a blob's file."""
    return os.path.join(root, *split_name(blob_id))
