"""Blobs as files, for the tests below the metadata: store one, read it, see what lies there."""

from hashlib import md5
from pathlib import Path

from engine.blobs.files import FileBlobs
from engine.native.stream import Digest

DATA = b"data" * 10_000
NOBODY = {"named": lambda blob_id: True, "unnamed": lambda blob_id: False}
"""What rows may say of every blob."""


def store_blob(blobs: FileBlobs, data: bytes = DATA) -> bytes:
    """Store a blob; its id."""
    with blobs.attempt(Digest.MD5, len(data)) as attempt:
        attempt.stream.update(data)
        assert attempt.stream.digest(Digest.MD5) == md5(data).digest()
        attempt.persist()
        attempt.keep()
        return attempt.blob_id


def read_blob(blobs: FileBlobs, blob_id: bytes) -> bytes:
    """All of a blob."""
    reader = blobs.open(blob_id)
    try:
        buffer = bytearray(reader.size)
        assert reader.read_into(memoryview(buffer), 0) == reader.size
        return bytes(buffer)
    finally:
        reader.close()


def files_below(root: Path) -> list[Path]:
    """Every file."""
    return sorted(path for path in root.rglob("*") if path.is_file())
