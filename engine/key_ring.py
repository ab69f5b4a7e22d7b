"""The key ring of SSE-S3: a file of root keys, one of them active. Rotating adds a key; what older keys wrapped stays readable.

ring   "PWK" 01, BE32 size of what follows, JSON {"active": id, "keys": [{"id", "created_ns", "check"}]}, then 32 bytes of each key

Never changed in place: a new file is made durable, then takes the name. Keys pass between file and C, not through Python.
"""

import contextlib
import fcntl
import hmac
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from engine.blobs.files import sync_directory
from engine.closing import Closing
from engine.errors import StoreClosed, StoreError
from engine.native_errors import ReadFailed
from engine.record import Record
from engine.secret import KEY_SIZE, Secret
from engine.sse import Root

MAGIC: Final = b"PWK\x01"
HEAD_SIZE: Final = 8
HEADER_SIZE_MAX: Final = 1 << 20
KEYS_MAX: Final = 1000
_CHECK_SIZE = 16


class RingKey(Record, frozen=True):
    """One root key and what the ring says of it."""

    id: str
    created_ns: int
    secret: Secret

    def check(self) -> str:
        """Tells whether the file still holds this very key."""
        return self.secret.commitment(b"partwright v1ring" + self.id.encode())[:_CHECK_SIZE].hex()


class KeyRing(Closing):
    """An open key ring; follows the file when another process rotates it. Shared by threads; use it in a `with`, or close it."""

    def __init__(self, path: str, *, create: bool = True) -> None:
        """Open the ring at `path`, and make one with its first key if there is none and `create` says so.

        Raises: StoreError, it is not there, not ours alone, or damaged
        """
        self._path = os.path.abspath(path)
        self._lock = threading.Lock()
        self._keys: dict[str, RingKey] = {}
        self._active = ""
        self._seen: tuple[int, int] | None = None
        self._is_closed = False
        with _locked(self._path):
            if create and not os.path.lexists(self._path):
                first = _new_key()
                with first.secret:
                    _write(self._path, [first])
            self._load()

    @property
    def path(self) -> str:
        """Of the file."""
        return self._path

    @property
    def active_id(self) -> str:
        """The id of the key that new uploads take."""
        with self._lock:
            self._load_if_changed()
            return self._active

    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, oldest first."""
        with self._lock:
            self._load_if_changed()
            return tuple(self._keys)

    def root(self, key_id: str | None = None) -> Root:
        """The active key, or a stated one, as the root of an upload's keys; borrowed from the ring.

        Raises: StoreError, the ring has no such key; StoreClosed
        """
        with self._lock:
            if key_id is None or key_id not in self._keys:
                self._load_if_changed()
            key = self._keys.get(self._active if key_id is None else key_id)
        if key is None:
            raise StoreError(f"{self._path}: no key {key_id!r} in this key ring")
        return Root("AES256", key.secret, key.id)

    def rotate(self) -> str:
        """Add a key and make it the active one; its id. Nothing is written anew: older uploads keep theirs until re-wrapped."""
        with self._lock, _locked(self._path):
            self._load_if_changed()
            if len(self._keys) >= KEYS_MAX:
                raise StoreError(f"{self._path}: a key ring holds at most {KEYS_MAX} keys")
            added = _new_key()
            with added.secret:
                _write(self._path, [*self._keys.values(), added])
            self._load()
            return self._active

    def close(self) -> None:
        """Wipe all keys; again is harmless."""
        with self._lock:
            self._is_closed = True
            for key in self._keys.values():
                key.secret.close()
            self._keys = {}

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._keys)} keys>"

    def _load_if_changed(self) -> None:
        if self._is_closed:
            raise StoreClosed(f"{self._path}: the key ring is closed")
        with contextlib.suppress(OSError):  # opening it says what is wrong
            facts = os.stat(self._path)
            if (facts.st_ino, facts.st_mtime_ns) == self._seen:
                return
        self._load()

    def _load(self) -> None:
        """Take in what the file has; keys that are in use stay the same handles."""
        with _opened(self._path) as fd:
            facts = os.fstat(fd)
            active, keys = _read(fd, self._path, self._keys)
        self._keys, self._active, self._seen = keys, active, (facts.st_ino, facts.st_mtime_ns)


def _new_key() -> RingKey:
    return RingKey(secrets.token_hex(8), time.time_ns(), Secret.random())


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Keep others from making or rotating the ring meanwhile; its directory is the lock, since the file gives way to a new one."""
    try:
        fd = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{path}: the key ring can't be opened: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{path}: the key ring can't be opened: {error.strerror}") from error
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) & 0o077:
            raise StoreError(
                f"{path}: a key ring must be a file of ours that nobody else may read or write (mode 0600)"
            )
        yield fd
    finally:
        os.close(fd)


def _read(fd: int, path: str, known: dict[str, RingKey]) -> tuple[str, dict[str, RingKey]]:
    damaged = StoreError(f"{path}: the key ring is damaged, or is none")
    head = os.pread(fd, HEAD_SIZE, 0)
    size = int.from_bytes(head[len(MAGIC) :], "big")
    if head[: len(MAGIC)] != MAGIC or size > HEADER_SIZE_MAX:
        raise damaged
    import json  # only for a store with a ring

    keys: dict[str, RingKey] = {}
    try:
        header = json.loads(os.pread(fd, size, HEAD_SIZE))
        for place, row in enumerate(header["keys"]):
            key = known.get(row["id"]) or _read_key(fd, HEAD_SIZE + size + place * KEY_SIZE, row)
            keys[key.id] = key
            if not hmac.compare_digest(key.check(), row["check"]):
                raise damaged
        active = str(header["active"])
    except (ValueError, KeyError, TypeError, ReadFailed) as error:
        raise damaged from error
    if active not in keys:
        raise damaged
    return active, keys


def _read_key(fd: int, offset: int, row: dict[str, Any]) -> RingKey:
    return RingKey(str(row["id"]), int(row["created_ns"]), Secret.read(fd, offset))


def _write(path: str, keys: list[RingKey]) -> None:
    """Make a file with these keys, the last one active, durable, and then the ring."""
    import json

    rows = [{"id": key.id, "created_ns": key.created_ns, "check": key.check()} for key in keys]
    header = json.dumps({"active": keys[-1].id, "keys": rows}).encode()
    new = path + ".new"
    with contextlib.suppress(FileNotFoundError):  # of somebody killed while writing it
        os.unlink(new)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, MAGIC + len(header).to_bytes(HEAD_SIZE - len(MAGIC), "big") + header)
        for place, key in enumerate(keys):
            key.secret.write(fd, HEAD_SIZE + len(header) + place * KEY_SIZE)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(new, path)
    sync_directory(os.path.dirname(path))
