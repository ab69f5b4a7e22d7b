"""The paths of blob files: `<2 hex>/<30 hex>` of the blob id, below the directory of a store's blobs."""

import errno
import os
import stat

SHARDS = tuple(f"{shard:02x}" for shard in range(256))


def split_name(blob_id: bytes) -> tuple[str, str]:
    """Return the shard of a blob, and the name of its file there."""
    name = blob_id.hex()
    return name[:2], name[2:]


def path_below(root: str, blob_id: bytes) -> str:
    """Return the path of a blob's file."""
    return os.path.join(root, *split_name(blob_id))


def open_blob(path: str) -> int:
    """Open the file of a blob for reading; return its descriptor.

    Raises:
        OSError: there is none, or what lies there is no regular file: waiting for the other end of a pipe could take for ever.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        is_regular = stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        os.close(fd)
        raise
    if not is_regular:
        os.close(fd)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return fd
