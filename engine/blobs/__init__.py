"""The protocols of a blob store, which keeps the bytes of parts. It knows nothing of buckets, uploads or rows.

A blob is the bytes of one attempt at one part (or one object). It is written once, never changed, never renamed, and named by 128
random bits; the name of a sealed blob ends with the first bytes of its commitment, so that its row distinguishes it from every other
attempt. A blob is part of the store only while a metadata row names it; without a row it is garbage. Two blobs may share their bytes
on disk, but each has its own row and is removed by itself.
"""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

from engine.native.secret import PartKey
from engine.native.stream import Digest, Stream

BLOB_ID_SIZE = 16


class NewBlob(Protocol):
    """A blob being written, which no collector removes: `persist` makes it durable, `keep` records that a committed row names it.

    Leaving the `with` block without `keep` removes the blob, with two exceptions once it is durable. After CommitUnknown it stays,
    and the collector decides. After an error that is not an S3Error its commit may still be running, with nobody waiting for it: the
    blob is then undecided, and stays locked until `release`.
    """

    blob_id: bytes
    is_undecided: bool

    def persist(self) -> None:
        """Make the bytes and their name durable. Call it after every check and before the metadata commit.

        Raises:
            InternalError, StoreFull: a sync or link failed; the blob must not be persisted again.
        """

    def keep(self) -> None:
        """Cancel the removal: a committed row names the blob."""

    def release(self) -> None:
        """Leave an undecided blob to the collector, once no commit that could name it is running any more."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Attempt(NewBlob, Protocol):
    """A new blob whose bytes are written through its stream."""

    stream: Stream


class BlobReader(Protocol):
    """One stored blob, open for reading."""

    size: int

    @property
    def descriptor(self) -> int | None:
        """Return a descriptor of a file that has the blob's bytes as they are, from its start on; None if there is none."""

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill `buffer` from byte `offset` on; return the count, short only at the blob's end.

        Raises:
            InternalError: the bytes can't be read.
        """

    def feed(self, stream: Stream, offset: int, length: int) -> int:
        """Move up to `length` bytes from byte `offset` on into a stream; return the count, less only at the blob's end.

        Raises:
            InternalError: the bytes can't be read.
        """

    def close(self) -> None:
        """Close the blob. Closing twice is allowed."""


class BlobCopies(Protocol):
    """A copy of a store's blobs that is made for a backup, with the counts of linked and copied files and bytes."""

    linked_files: int
    linked_bytes: int
    copied_files: int
    copied_bytes: int

    def take(self, blob_id: bytes) -> bool:
        """Copy or link one blob; return False if there is no such blob.

        Raises:
            OSError: one of the two disks failed.
        """

    def sync(self) -> None:
        """Make all blobs that were taken durable.

        Raises:
            OSError: the disk failed.
        """

    def close(self) -> None:
        """Close all open files. Closing twice is allowed."""


class Blobs(Protocol):
    """A blob store."""

    def attempt(self, digests: Digest, size_expected: int | None, sealing: PartKey | None = None) -> Attempt:
        """Begin a blob whose bytes are digested and, with `sealing`, sealed as they are written.

        Raises:
            StoreFull: `size_expected` bytes do not fit; this is checked before the first byte.
        """

    def link(self, blob_id: bytes) -> NewBlob | None:
        """Make a new blob that shares the bytes of a stored one, which a row must go on naming. None if only a copy is possible now.

        Raises:
            InternalError, StoreFull: there is no such blob, or the disk failed.
        """

    def open(self, blob_id: bytes, unsealing: PartKey | None = None) -> BlobReader:
        """Open a stored blob for reading; with `unsealing`, the plaintext of a sealed blob.

        Raises:
            InternalError: there is no such blob, or it is damaged.
        """

    def remove(self, blob_id: bytes) -> int:
        """Remove a blob whose row was deleted in a committed transaction; return the bytes freed (0 if it was gone)."""

    def walk(self) -> Iterator[tuple[bytes, int]]:
        """Yield every stored blob with its size in bytes, in no particular order.

        Raises:
            InternalError: the disk failed.
        """

    def collect(self, blob_id: bytes, is_named: Callable[[bytes], bool]) -> int | None:
        """Remove a blob that no row names, unless a process is still writing it; return the bytes freed, None if it stays.

        Raises:
            InternalError: the disk failed.
        """

    def copies(self, directory: str, advance: Callable[[int], None]) -> BlobCopies:
        """Make a directory into which blobs are copied; `advance` is called with each count of bytes done.

        Raises:
            OSError: the disk failed.
        """

    def is_garbage(self, blob_id: bytes, is_named: Callable[[bytes], bool]) -> bool:
        """Tell whether `collect` would remove a blob."""

    def close(self) -> None:
        """Release the resources of the blob store."""
