"""The key ring: a file of root keys. One is active for SSE-S3: a rotation adds one, and older ones still unwrap their data keys.
Others are those of SSE-KMS by name (`engine.encryption.named_keys`).

ring   "PWK" 01, BE32 size of the JSON, JSON {"active": id, "keys": [{"id", "created_ns", "check"}]}, then 32 bytes of each key;
       a named key has "kms": {"aliases", "is_enabled", "deletion_ns"} as well

The file is never changed in place: a new one is made durable, then renamed over it. Keys pass between file and C, not through Python.
"""

import contextlib
import fcntl
import hmac
import os
import stat
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from engine.closing import Closing
from engine.durable import replace_file, write_all
from engine.encryption.upload_keys import Root
from engine.errors import StoreClosed, StoreError
from engine.native.errors import ReadFailed
from engine.native.secret import KEY_SIZE, Secret
from engine.record import Record, asdict, replace
from engine.undisturbed import shielded

MAGIC: Final = b"PWK\x01"
HEAD_SIZE: Final = 8
HEADER_SIZE_MAX: Final = 1 << 20
KEYS_MAX: Final = 1000
_CHECK_SIZE = 16


class Naming(Record, frozen=True):
    """What makes a key one of SSE-KMS by name; `deletion_ns` is when a scheduled deletion takes effect."""

    aliases: tuple[str, ...] = ()
    is_enabled: bool = True
    deletion_ns: int | None = None


class RingKey(Record, frozen=True):
    """One root key, with its id and when it was made."""

    id: str
    created_ns: int
    secret: Secret
    naming: Naming | None = None

    @property
    def is_gone(self) -> bool:
        """Tell whether its scheduled deletion has taken effect; the next change of the ring leaves it out."""
        deletion_ns = self.naming.deletion_ns if self.naming is not None else None
        return deletion_ns is not None and deletion_ns <= time.time_ns()

    def check(self) -> str:
        """Return, in hex, a commitment to the key; the header holds it so that a damaged key is noticed."""
        return self.secret.commitment(b"partwright v1ring" + self.id.encode())[:_CHECK_SIZE].hex()


class KeyRing(Closing):
    """An open key ring, which re-reads its file when another process rotates it. Threads may share it. Use it in a `with`, or close it.

    A key that was read once is kept even if an older ring replaces the file: without it, all that it wrapped would be lost.
    """

    @shielded
    def __init__(self, path: str, *, create: bool = True) -> None:
        """Open the ring at `path`. If there is no file, `create` makes one with a first key; otherwise it is opened once it exists.

        Raises:
            StoreError: others may read or write the file, or it is damaged.
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
        """Reset to a ring that has read nothing: at first, and in a forked child, where another thread's lock is never released."""
        self._lock = threading.Lock()
        self._keys: dict[str, RingKey] = {}
        self._active = ""
        self._seen: tuple[int, ...] | None = None

    @shielded
    def make(self) -> None:
        """Make the file with a first key if there is none, and read it.

        Raises:
            StoreError.
        """
        with self._lock, _locked(self._path):
            self._check_open()
            if not os.path.lexists(self._path):
                first = new_key(os.urandom(8).hex())
                with first.secret:
                    _write(self._path, [first], first.id)
            self._load()

    @property
    def path(self) -> str:
        """Return the absolute path of the ring's file."""
        return self._path

    @property
    @shielded
    def active_id(self) -> str:
        """Return the id of the key that wraps the keys of new uploads."""
        with self._lock:
            self._load_if_changed()
            return self._active

    @property
    def identity(self) -> str:
        """Return the id of the first key, which identifies the ring."""
        return self.ids()[0]

    @shielded
    def ids(self) -> tuple[str, ...]:
        """Return the ids of all keys, oldest first."""
        with self._lock:
            self._load_if_changed()
            return tuple(self._keys)

    def root(self, key_id: str | None = None) -> Root:
        """Return the active key, or the one of that id, as the root of an upload's keys. The root borrows it from the ring.

        Raises:
            StoreError: the ring has no such key.
            StoreClosed.
        """
        key = self._keys.get(key_id) if key_id is not None else None
        if key is None:  # a key that is known needs no lock
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
    def keys(self) -> Mapping[str, RingKey]:
        """Return all keys by their ids, oldest first."""
        with self._lock:
            self._load_if_changed()
            return self._keys

    @shielded
    def change(self, change: Callable[[Mapping[str, RingKey]], list[RingKey]]) -> None:
        """Write the keys that `change` makes of those in the file; the active one must be among them.

        Raises:
            StoreError: there would be too many, or the file can't be written.
        """
        with _locked(self._path):
            with self._lock:
                self._check_open()
                self._load()
            self._write(change(_without_gone(self._keys)), self._active)

    @shielded
    def rotate(self) -> str:
        """Add a key, make it the active one and return its id. Older uploads keep their keys until they are re-wrapped.

        The key is durable in the ring before it becomes active, so that nothing is sealed under a key that a power cut may lose.

        Raises:
            StoreError: the ring is full, or can't be written; then either the old or the new key is the active one.
        """
        with _locked(self._path):
            with self._lock:
                self._check_open()
                self._load()
            added = new_key(os.urandom(8).hex())
            with added.secret:
                keys = [*_without_gone(self._keys).values(), added]
                for active in (self._active, added.id):
                    self._write(keys, active)
            return added.id

    def _write(self, keys: list[RingKey], active: str) -> None:
        if len(keys) > KEYS_MAX:
            raise StoreError(f"{self._path}: a key ring holds at most {KEYS_MAX} keys")
        _write(self._path, keys, active)
        with self._lock:
            self._load()

    @shielded
    def close(self) -> None:
        """Wipe all keys. Closing twice is allowed."""
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
            with _locked(self._path):  # another process may still be making it
                self._load()
            return
        with contextlib.suppress(OSError):  # opening it raises an error that says why
            if _file_version(os.stat(self._path)) == self._seen:
                return
        self._load()

    def _load(self) -> None:
        """Read the file; keys that are known keep their handles.

        Raises:
            StoreError: the file can't be read, or is another ring than before.
        """
        with _opened(self._path) as fd:
            status = os.fstat(fd)
            known = _without_gone(self._keys)  # the name of one that is gone may be another key's
            active, keys = _read(fd, self._path, known)
        if self._keys and next(iter(self._keys)) not in keys:
            raise StoreError(f"{self._path}: another key ring has taken the place of the one that was open")
        kept = {name: key for name, key in known.items() if name not in keys}
        self._keys, self._active, self._seen = keys | kept, active, _file_version(status)


def _without_gone(keys: Mapping[str, RingKey]) -> dict[str, RingKey]:
    return {name: key for name, key in keys.items() if not key.is_gone}


_rings: weakref.WeakSet[KeyRing] = weakref.WeakSet()  # state of the module, used by the fork hook only


def _begin_anew_in_child() -> None:
    for ring in list(_rings):
        ring._forget()


os.register_at_fork(after_in_child=_begin_anew_in_child)


@shielded
def bind(ring: KeyRing, mark: str) -> None:
    """Check that the ring is the one whose identity is in the file `mark`. Without that file, make it, and the ring if it is missing.

    Raises:
        StoreError: the ring is another one, or missing. Data under a second ring would be lost when the first one is restored.
    """
    bound = _read_mark(mark)
    if bound is None:
        ring.make()
        identity = ring.identity
        with _locked(mark):  # others may be about to bind it as well
            bound = _read_mark(mark)
            if bound is None:
                replace_file(mark, lambda fd: write_all(fd, identity.encode() + b"\n"))
                return
    if not os.path.lexists(ring.path) or bound not in ring.ids():
        raise StoreError(
            f"{ring.path}: not the key ring that this store has used, whose first key is {bound!r}; "
            f"to begin with another one, remove {mark}"
        )


def _read_mark(mark: str) -> str | None:
    try:
        with open(mark) as file:
            return file.read(64).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{mark}: {error.strerror}") from error


def _file_version(status: os.stat_result) -> tuple[int, ...]:
    """Return a value that differs for every file of this name: an inode number may be reused, but a rotated ring is longer."""
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def new_key(name: str, naming: Naming | None = None) -> RingKey:
    """Draw a key of that id."""
    return RingKey(name, time.time_ns(), Secret.random(), naming)


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Lock the ring against being made or rotated by others. Its directory is locked, since the file itself is replaced."""
    try:
        fd = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{path}: the key ring can't be opened: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)  # else a child forked meanwhile keeps the lock
    finally:
        os.close(fd)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{path}: the key ring can't be opened: {error.strerror}") from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
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
        for index, row in enumerate(header["keys"]):
            key = _read_key(fd, HEAD_SIZE + size + index * KEY_SIZE, row, known.get(row["id"]))
            keys[key.id] = key
            if not hmac.compare_digest(key.check(), row["check"]):
                raise damaged
        active = str(header["active"])
    except (ValueError, KeyError, TypeError, ReadFailed) as error:
        raise damaged from error
    if active not in keys:
        raise damaged
    return active, keys


def _read_key(fd: int, offset: int, row: dict[str, Any], known: RingKey | None) -> RingKey:
    naming = Naming(**row["kms"]) if "kms" in row else None
    if naming is not None:
        naming = replace(naming, aliases=tuple(naming.aliases))
    secret = known.secret if known is not None else Secret.read(fd, offset)
    return RingKey(str(row["id"]), int(row["created_ns"]), secret, naming)


def _row_of(key: RingKey) -> dict[str, Any]:
    named = {} if key.naming is None else {"kms": asdict(key.naming)}
    return {"id": key.id, "created_ns": key.created_ns, "check": key.check(), **named}


def _write(path: str, keys: list[RingKey], active: str) -> None:
    """Replace the ring's file, durably, by one with these keys."""
    import json  # only for a store with a ring

    header = json.dumps({"active": active, "keys": [_row_of(key) for key in keys]}).encode()

    def fill(fd: int) -> None:
        write_all(fd, MAGIC + len(header).to_bytes(HEAD_SIZE - len(MAGIC), "big") + header)
        for index, key in enumerate(keys):
            key.secret.write(fd, HEAD_SIZE + len(header) + index * KEY_SIZE)

    replace_file(path, fill)
