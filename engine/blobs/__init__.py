"""The contract of the place where part bytes live; it knows nothing of buckets, uploads or rows.

A blob is the bytes of one attempt at one part (or one object): written once, never changed, never renamed, named by 128 random bits.
The name of a sealed one ends with the first bytes of its commitment, so that its row tells it from every other attempt.
A blob counts only while a metadata row names it; one that no row names is garbage. Two blobs may share their bytes in the place,
each with a row and a life of its own.
"""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

from engine.native.secret import PartKey
from engine.native.stream import Digest, Stream

BLOB_ID_SIZE = 16


class NewBlob(Protocol):
    """One blob on its way in: `persist` makes it durable, `keep` says that a row names it; until then no collector takes it.

    Leaving the `with` block without `keep` removes it. After CommitUnknown it stays, for the collector to judge. After anything but an
    S3Error its commit may still be under way, for which nobody waits any more: then it is undecided, and stays locked until `release`.
    """

    blob_id: bytes
    is_undecided: bool

    def persist(self) -> None:
        """Make the bytes and their name durable; to be called after every check and before the metadata commit.

        Raises:
            InternalError, StoreFull: a sync or link failed; the attempt is spent and must not be persisted again.
        """

    def keep(self) -> None:
        """Disarm the clean-up: a committed row names the blob."""

    def release(self) -> None:
        """Leave an undecided blob to the collector: no commit that could name it is under way any more."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Attempt(NewBlob, Protocol):
    """A new blob whose bytes come in by its stream."""

    stream: Stream


class BlobReader(Protocol):
    """One stored blob, open for reading."""

    size: int

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill `buffer` from byte `offset` on; return the count, short only at the blob's end.

        Raises:
            InternalError: the disk can't give the bytes.
        """

    def feed(self, stream: Stream, offset: int, length: int) -> int:
        """Move up to `length` bytes from byte `offset` on into a stream; return the count, less only at the blob's end.

        Raises:
            InternalError: the disk can't give the bytes.
        """

    def close(self) -> None:
        """Release what reading holds; again is harmless."""


class BlobCopies(Protocol):
    """What a new place takes over from the one of a store, for a backup."""

    linked_files: int
    linked_bytes: int
    copied_files: int
    copied_bytes: int

    def take(self, blob_id: bytes) -> bool:
        """Take one blob over; False: there is none such.

        Raises:
            OSError: either disk refused.
        """

    def sync(self) -> None:
        """Make all that was taken over durable.

        Raises:
            OSError: the disk refused.
        """

    def close(self) -> None:
        """Release what copying holds; again is harmless."""


class Blobs(Protocol):
    """A place for blobs."""

    def attempt(self, digests: Digest, size_expected: int | None, sealing: PartKey | None = None) -> Attempt:
        """Begin a blob whose bytes are digested as they pass, and then sealed.

        Raises:
            StoreFull: `size_expected` bytes do not fit, told before the first byte is taken.
        """

    def link(self, blob_id: bytes) -> NewBlob | None:
        """A new blob with the very bytes of a stored one, which must stay named; None: only a copy can be made, at least now.

        Raises:
            InternalError, StoreFull: there is no such blob, or the place failed.
        """

    def open(self, blob_id: bytes, unsealing: PartKey | None = None) -> BlobReader:
        """Open a stored blob; with `unsealing` the plaintext of a sealed one.

        Raises:
            InternalError: there is no such blob, or it is not what was sealed.
        """

    def remove(self, blob_id: bytes) -> int:
        """Remove a blob that was unnamed in a committed transaction; return the bytes freed (0 if it was gone)."""

    def walk(self) -> Iterator[tuple[bytes, int]]:
        """Every stored blob with its size in bytes, in no order.

        Raises:
            InternalError: the place failed.
        """

    def collect(self, blob_id: bytes, is_named: Callable[[bytes], bool]) -> int | None:
        """Remove a blob that no row names, unless it is in flight in any process; the bytes freed, None if it stays.

        Raises:
            InternalError: the place failed.
        """

    def copies(self, directory: str, advance: Callable[[int], None]) -> BlobCopies:
        """Make a new place that takes blobs over; bytes are told to `advance` as they are.

        Raises:
            OSError: the disk refused.
        """

    def is_garbage(self, blob_id: bytes, is_named: Callable[[bytes], bool]) -> bool:
        """Whether `collect` would remove a blob."""

    def close(self) -> None:
        """Release what the place holds."""
