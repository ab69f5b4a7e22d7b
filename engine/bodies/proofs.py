"""Proof of stored parts that a copy reads in pieces: each is read whole, and once for all the copies of the next minutes.

A copy gets a checksum of its own, which would vouch for a byte that went bad on the disk. A piece of a part proves nothing by itself.
"""

import contextlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from engine.blobs import Blobs
from engine.bodies.readers import FEED_SIZE, digest_of, open_part
from engine.errors import InternalError
from engine.meta import Metadata
from engine.meta.parts import PartRecord
from engine.native.stream import Digest, Stream
from engine.undisturbed import is_disturbed

PROVEN_MAX = 1000
"""Parts remembered; at least as many as copies may run at once, so that each is remembered while it is copied."""
PROVEN_S = 300
"""How long a proof is good for: blobs are never changed, but a disk may be failing."""


class _Part:
    """What is remembered of a part; the lock is held while it is being read."""

    __slots__ = ("lock", "proven_until")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.proven_until = 0.0


class Proofs:
    """The proofs of one process over one store; for any number of threads."""

    __slots__ = ("_blobs", "_clock", "_meta", "_parts", "_process")

    def __init__(self, meta: Metadata, blobs: Blobs, clock: Callable[[], float] = time.monotonic) -> None:
        self._meta = meta
        self._blobs = blobs
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._parts: OrderedDict[bytes, _Part] = OrderedDict()

    def prove(self, part: PartRecord) -> None:
        """Read a part from its first byte to its last, unless that was done lately; others who want the same part wait for it.

        The main thread neither waits nor is waited for: interrupted, it could leave the lock held.

        Raises:
            InternalError: its bytes are not there, or not what was stored.
        """
        remembered = self._remembered(part.blob_id)
        with contextlib.nullcontext() if is_disturbed() else remembered.lock:
            if self._clock() >= remembered.proven_until:
                self._read(part)
                remembered.proven_until = self._clock() + PROVEN_S

    def _remembered(self, blob_id: bytes) -> _Part:
        if self._process != os.getpid():  # forked: a lock taken over may be held by a thread that is not here
            self._begin()
        found = self._parts.setdefault(blob_id, _Part())
        with contextlib.suppress(KeyError):  # another thread may have dropped it since
            self._parts.move_to_end(blob_id)
        while len(self._parts) > PROVEN_MAX:
            with contextlib.suppress(KeyError):
                self._parts.popitem(last=False)
        return found

    def _read(self, part: PartRecord) -> None:
        kept = digest_of(part)
        digest, wanted = (kept, part.checksum) if kept else (Digest.MD5, part.etag)
        reader = open_part(part, self._meta, self._blobs)
        try:
            with Stream(digest) as stream:
                while stream.size < part.size and reader.feed(stream, stream.size, FEED_SIZE):
                    pass
                if stream.size != part.size or stream.digest(digest) != wanted:
                    raise InternalError(reason=f"blob {part.blob_id.hex()} does not match its checksum")
        finally:
            reader.close()
