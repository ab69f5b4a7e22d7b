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
import weakref
from collections.abc import Iterator
from typing import Any, Final

from engine.closing import Closing
from engine.durable import replace_file, write_all
from engine.encryption.upload_keys import Root
from engine.errors import StoreClosed, StoreError
from engine.native.errors import ReadFailed
from engine.native.secret import KEY_SIZE, Secret
from engine.record import Record
from engine.undisturbed import shielded

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
    """An open key ring; follows the file when another process rotates it. Shared by threads; use it in a `with`, or close it.

    A key that was read once stays, also if an older ring takes the place of the file: what it wrapped would be lost else.
    """

    @shielded
    def __init__(self, path: str, *, create: bool = True) -> None:
        """The ring at `path`; made with its first key if there is none and `create` says so, else opened once it is there.

        Raises: StoreError, it is not ours alone, or damaged
        """
        self._path = os.path.abspath(path)
        self._is_closed = False
        self._forget()
        _rings.add(self)
        if create:
            self.make()
        elif os.path.lexists(self._path):
            with self._lock, _locked(self._path):
                self._load()

    def _forget(self) -> None:
        """Begin with nothing read: as new, and in a forked child, where nobody will drop a lock that another thread had."""
        self._lock = threading.Lock()
        self._keys: dict[str, RingKey] = {}
        self._active = ""
        self._seen: tuple[int, ...] | None = None

    @shielded
    def make(self) -> None:
        """Make the file with a first key, if it is not there.

        Raises: StoreError
        """
        with self._lock, _locked(self._path):
            self._check_open()
            if not os.path.lexists(self._path):
                first = _new_key()
                with first.secret:
                    _write(self._path, [first], first.id)
            self._load()

    @property
    def path(self) -> str:
        """Of the file."""
        return self._path

    @property
    @shielded
    def active_id(self) -> str:
        """The id of the key that new uploads take."""
        with self._lock:
            self._load_if_changed()
            return self._active

    @property
    def identity(self) -> str:
        """The id of its first key, which tells it from all other rings."""
        return self.ids()[0]

    @shielded
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, oldest first."""
        with self._lock:
            self._load_if_changed()
            return tuple(self._keys)

    def root(self, key_id: str | None = None) -> Root:
        """The active key, or a stated one, as the root of an upload's keys; borrowed from the ring.

        Raises: StoreError, the ring has no such key; StoreClosed
        """
        key = self._keys.get(key_id) if key_id is not None else None
        if key is None:  # one that is known waits for nobody
            key = self._read_anew(key_id)
        if key is None:
            raise StoreError(f"{self._path}: no key {key_id!r} in this key ring")
        return Root("AES256", key.secret, key.id)

    @shielded
    def _read_anew(self, key_id: str | None) -> RingKey | None:
        with self._lock:
            self._load_if_changed()
            return self._keys.get(self._active if key_id is None else key_id)

    @shielded
    def rotate(self) -> str:
        """Add a key and make it the active one; its id. Nothing is written anew: older uploads keep theirs until re-wrapped.

        The key is in a durable ring before any ring calls it active, so that nobody seals under one that may be gone tomorrow.

        Raises: StoreError, the ring is full, or can't be written: then the active key is the same as before, or the new one
        """
        with _locked(self._path):
            with self._lock:
                self._check_open()
                self._load()
            if len(self._keys) >= KEYS_MAX:
                raise StoreError(f"{self._path}: a key ring holds at most {KEYS_MAX} keys")
            added = _new_key()
            with added.secret:
                keys = [*self._keys.values(), added]
                for active in (self._active, added.id):
                    _write(self._path, keys, active)
            with self._lock:
                self._load()
                return self._active

    @shielded
    def close(self) -> None:
        """Wipe all keys; again is harmless."""
        with self._lock:
            self._is_closed = True
            for key in self._keys.values():
                key.secret.close()
            self._keys = {}

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._keys)} keys>"

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreClosed(f"{self._path}: the key ring is closed")

    def _load_if_changed(self) -> None:
        self._check_open()
        if self._seen is None:
            with _locked(self._path):  # whoever makes it may not be done
                self._load()
            return
        with contextlib.suppress(OSError):  # opening it says what is wrong
            if _look_of(os.stat(self._path)) == self._seen:
                return
        self._load()

    def _load(self) -> None:
        """Take in what the file has; keys that are in use stay the same handles.

        Raises: StoreError, it can't be read, or is another ring than before
        """
        with _opened(self._path) as fd:
            facts = os.fstat(fd)
            active, keys = _read(fd, self._path, self._keys)
        if self._keys and next(iter(self._keys)) not in keys:
            raise StoreError(f"{self._path}: another key ring has taken the place of the one that was open")
        self._keys, self._active, self._seen = keys | self._keys, active, _look_of(facts)


_rings: weakref.WeakSet[KeyRing] = weakref.WeakSet()  # state of the module, for the fork hook alone


def _begin_anew_in_child() -> None:
    for ring in list(_rings):
        ring._forget()


os.register_at_fork(after_in_child=_begin_anew_in_child)


@shielded
def bind(ring: KeyRing, mark: str) -> None:
    """Make sure that a ring is the one whose identity is in the file `mark`, and make both if neither is there.

    Raises: StoreError, it is another ring, or none: what is sealed under a second one is lost when the first one comes back
    """
    bound = _bound(mark)
    if bound is None:
        ring.make()
        identity = ring.identity
        with _locked(mark):  # others may be about to bind it as well
            bound = _bound(mark)
            if bound is None:
                replace_file(mark, lambda fd: write_all(fd, identity.encode() + b"\n"))
                return
    if not os.path.lexists(ring.path) or bound not in ring.ids():
        raise StoreError(
            f"{ring.path}: not the key ring that this store has used, whose first key is {bound!r}; "
            f"to begin with another one, remove {mark}"
        )


def _bound(mark: str) -> str | None:
    try:
        with open(mark) as file:
            return file.read(64).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{mark}: {error.strerror}") from error


def _look_of(facts: os.stat_result) -> tuple[int, ...]:
    """What changes when another file takes the place: an inode's number may be used again, a rotated ring is longer."""
    return facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size


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
        try:
            yield
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)  # a child forked meanwhile has it open too
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


def _write(path: str, keys: list[RingKey], active: str) -> None:
    """Make a file with these keys durable, and then the ring."""
    import json  # only for a store with a ring

    rows = [{"id": key.id, "created_ns": key.created_ns, "check": key.check()} for key in keys]
    header = json.dumps({"active": active, "keys": rows}).encode()

    def fill(fd: int) -> None:
        write_all(fd, MAGIC + len(header).to_bytes(HEAD_SIZE - len(MAGIC), "big") + header)
        for place, key in enumerate(keys):
            key.secret.write(fd, HEAD_SIZE + len(header) + place * KEY_SIZE)

    replace_file(path, fill)
