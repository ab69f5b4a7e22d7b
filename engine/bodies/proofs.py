"""Checks stored parts before a copy reads pieces of them: each part is read whole, once for all the copies of the next minutes.

A copy gets a new checksum, which would vouch for a byte that went bad on the disk; and a piece of a part can't be checked by itself.
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
"""So many parts are remembered: not fewer than copies may run at once, so that each is remembered while it is copied."""
PROVEN_S = 300
"""A check counts for so many seconds: blobs never change, but a disk may be failing."""


class _Part:
    """The time until which a part counts as checked, and a lock that is held while it is read."""

    __slots__ = ("lock", "proven_until")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.proven_until = 0.0


class Proofs:
    """Remembers which parts of a store this process has checked. Any number of threads may share it."""

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
        """Read a part whole and check it, unless that was done lately; other threads that need the same part wait for it.

        The main thread takes no lock: an interruption could leave it held.

        Raises:
            InternalError: the part's bytes are missing or damaged.
        """
        remembered = self._remembered(part.blob_id)
        with contextlib.nullcontext() if is_disturbed() else remembered.lock:
            if self._clock() >= remembered.proven_until:
                self._read(part)
                remembered.proven_until = self._clock() + PROVEN_S

    def _remembered(self, blob_id: bytes) -> _Part:
        if self._process != os.getpid():  # forked: a thread of the parent may hold an inherited lock for ever
            self._begin()
        found = self._parts.setdefault(blob_id, _Part())
        with contextlib.suppress(KeyError):  # another thread may have dropped it meanwhile
            self._parts.move_to_end(blob_id)
        while len(self._parts) > PROVEN_MAX:
            with contextlib.suppress(KeyError):
                self._parts.popitem(last=False)
        return found

    def _read(self, part: PartRecord) -> None:
        stored = digest_of(part)
        digest, expected = (stored, part.checksum) if stored else (Digest.MD5, part.etag)
        reader = open_part(part, self._meta, self._blobs)
        try:
            with Stream(digest) as stream:
                while stream.size < part.size and reader.feed(stream, stream.size, FEED_SIZE):
                    pass
                if stream.size != part.size or stream.digest(digest) != expected:
                    raise InternalError(reason=f"blob {part.blob_id.hex()} does not match its checksum")
        finally:
            reader.close()
