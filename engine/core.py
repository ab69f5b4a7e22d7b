"""What the operations of a store share: its parts, its clock, and the ways to commit and to clean up."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from engine.arrival import Reception
from engine.ballast import Ballast
from engine.blobs import Blobs
from engine.blobs.leases import Leases
from engine.errors import ReadOnlyStore, StoreClosed
from engine.limits import Limits
from engine.meta import Metadata
from engine.sweeper import Sweeper

Result = TypeVar("Result")
Clock = Callable[[], int]
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts a store is made of."""

    meta: Metadata
    blobs: Blobs
    leases: Leases
    ballast: Ballast
    owner_id: str
    limits: Limits
    read_only: bool
    clock: Clock = time.time_ns


class Core:
    """Base of the operations; see `engine.store.Store` for the whole."""

    def __init__(self, parts: Parts) -> None:
        self.limits = parts.limits
        self._meta = parts.meta
        self._blobs = parts.blobs
        self._leases = parts.leases
        self._ballast = parts.ballast
        self._owner_id = parts.owner_id
        self._read_only = parts.read_only
        self._now_ns = parts.clock
        self._reception = Reception(parts.blobs, parts.limits.inline_size_bytes_max, parts.meta.names_blob)
        self._sweeper = Sweeper(parts.meta, parts.blobs, parts.leases, parts.ballast)
        self._closed = False

    def _check_writable(self) -> None:
        self._check_open()
        if self._read_only:
            raise ReadOnlyStore("the store was opened read-only")

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed("the store is closed")

    def _freeing(self, step: Callable[[], Result]) -> Result:
        """Run a step that frees room, also on a full disk."""
        return self._ballast.freeing(step)


def to_datetime(moment_ns: int) -> datetime:
    """A moment as S3 shows it: UTC, to the millisecond."""
    return datetime.fromtimestamp(moment_ns // 10**6 / 1000, UTC)


def quoted(etag: str) -> str:
    """An ETag as S3 shows it."""
    return f'"{etag}"'
