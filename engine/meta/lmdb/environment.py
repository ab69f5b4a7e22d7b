"""The LMDB environment of a store in a process: opening it safely, short reads, and reopening after a panic or a fork.

Only this module imports lmdb. LMDB's options are fixed to the durable ones: sync and metasync are on, there is no writable map (a full
disk would kill the process), and the map size never changes.

`create` makes an environment whole before it is used. Opening creates nothing, and refuses a damaged file before LMDB maps it.

An environment must not cross a fork, and py-lmdb refuses a second one in the child. So every environment is closed before a fork,
behind a gate that waits for the running transactions. In parent and child alike the first use opens it again.

Locks and counts are changed only on threads in which no signal handler can raise (`engine.undisturbed`).
"""

import contextlib
import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import lmdb

from engine.errors import (
    CommitUnknown,
    InternalError,
    NotAStore,
    ReadOnlyStore,
    StoreClosed,
    StoreError,
    StoreFull,
    StoreInUse,
)
from engine.meta.lmdb.headroom import DATA_FILE
from engine.meta.lmdb.pages import TornFile, check_file
from engine.undisturbed import undisturbed

READERS_MAX = 1024
TABLES_MAX = 32
FREE_BYTES_MIN = 1024 * 1024
LOCK_FILES = ("lock.mdb", "opening")
"""They are created empty or filled with zeros; a process that opens the environment alone ignores their contents."""
LOCK_FILE_SIZE = READERS_MAX * 64 + 128
"""LMDB uses 64 bytes for each reader, and 128 for the rest."""
CREATION_MAP_SIZE = 1 << 24
RESTORE = "nothing was changed; put the whole store back from one backup, with its blobs"

Transaction = Any
Tables = dict[str, Any]
Result = TypeVar("Result")
Panic = lmdb.PanicError
_DAMAGE = (
    lmdb.InvalidError, lmdb.VersionMismatchError, lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.NotFoundError,
    lmdb.IncompatibleError,
)  # fmt: skip
LmdbError = lmdb.Error


class Gate:
    """Admits many threads, or one exclusively. A thread that wants exclusion waits for those inside; later ones wait for it.

    The main thread must not use it: an exception of a signal handler could leave the gate shut, or a thread counted, for ever.
    """

    __slots__ = ("_alone", "_condition", "_inside")

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._inside = 0
        self._alone = False

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Be inside together with others."""
        with self._condition:
            while self._alone:
                self._condition.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._condition:
                self._inside -= 1
                if not self._inside:
                    self._condition.notify_all()

    def exclude(self) -> None:
        """Wait until nobody is inside, and keep all others out until `admit`."""
        with self._condition:
            while self._alone:
                self._condition.wait()
            self._alone = True
            while self._inside:
                self._condition.wait()

    def admit(self) -> None:
        """Let the others in again."""
        with self._condition:
            self._alone = False
            self._condition.notify_all()


class Environment:
    """The LMDB environment of one directory, shared by every Store of this process that is open on it.

    `recognise` gets the tables whenever the environment is opened, and raises NotAStore if they are those of another store.
    """

    def __init__(
        self,
        path: str,
        tables: dict[str, dict[str, bool]],
        map_size_bytes: int,
        read_only: bool,
        recognise: Callable[[Transaction, Tables], None] = lambda txn, tables: None,
    ) -> None:
        self.path = path
        self._recognise = recognise
        self.read_only = read_only
        self._tables = tables
        self.map_size_bytes = map_size_bytes
        self._gate = Gate()
        self._lmdb: Any = None
        self._closed = False
        self.table: dict[str, Any] = {}
        self._ensure_open()

    def _ensure_open(self) -> None:
        if self._closed:
            raise StoreClosed("the store is closed")
        if self._lmdb is None:
            self._gate.exclude()
            try:
                if self._lmdb is None and not self._closed:
                    self._open()
            finally:
                self._gate.admit()

    def _ensure_open_again(self) -> None:
        """Open the environment if a fork or a failure closed it. If the metadata is missing or damaged by then, raise an S3 error."""
        try:
            self._ensure_open()
        except StoreClosed:
            raise
        except StoreError as error:
            raise InternalError(reason=f"opening the metadata again: {error}") from error

    def _open(self) -> None:
        try:
            with _opening(self.path, self.read_only):
                check_files(self.path)
                env = _open_lmdb(self.path, self.map_size_bytes, create=False, read_only=self.read_only)
        except OSError as error:
            raise InternalError(reason=f"opening the metadata: {os.strerror(error.errno or 0)}") from error
        try:
            # After a crash of all processes the newest pages may be in the page cache only, but answers must rest on durable rows.
            if not self.read_only:
                env.sync(True)
                env.reader_check()
            self.table = self._open_tables(env)
            with env.begin() as txn:
                self._recognise(txn, self.table)
        except BaseException as error:
            env.close()
            if isinstance(error, lmdb.Error):
                raise _open_failure(self.path, error) from error
            if isinstance(error, OSError):
                raise InternalError(reason=f"opening the metadata: {os.strerror(error.errno or 0)}") from error
            raise
        self._lmdb = env

    def _open_tables(self, env: Any) -> Tables:
        """Open the tables; in a writable environment in one transaction, since LMDB would begin one for each."""
        with contextlib.nullcontext() if self.read_only else env.begin(write=True) as txn:
            return {name: env.open_db(name.encode(), txn, create=False) for name in self._tables}

    def read(self, step: Callable[[Transaction], Result]) -> Result:
        """Run `step` in a read transaction. It must be short, and must not read or write bodies, call the caller back or yield to it.

        Raises:
            InternalError: LMDB failed.
        """
        return undisturbed(lambda: self._read_twice(step))

    def _read_twice(self, step: Callable[[Transaction], Result]) -> Result:
        try:
            return self._read(step)
        except lmdb.PanicError:
            self.reopen()
        except lmdb.Error as error:
            raise InternalError(reason=f"reading metadata: {error}") from error
        try:
            return self._read(step)
        except lmdb.Error as error:
            raise InternalError(reason=f"reading metadata: {error}") from error

    def _read(self, step: Callable[[Transaction], Result]) -> Result:
        with self.opened() as env, self._begin_read(env) as txn:
            return step(txn)

    def _begin_read(self, env: Any) -> Transaction:
        try:
            return env.begin()
        except lmdb.ReadersFullError:
            env.reader_check()
            return env.begin()

    @contextlib.contextmanager
    def opened(self) -> Iterator[Any]:
        """Give access to the open LMDB environment, and keep it open meanwhile; open it first if a fork or a failure closed it.

        The main thread must not use this, as it must not use the gate.
        """
        while True:
            self._ensure_open_again()
            with self._gate.shared():
                if self._lmdb is not None:
                    yield self._lmdb
                    return

    def reopen(self) -> None:
        """Close an environment that failed, behind the gate; the next use opens it again."""
        self.close_for_fork()
        self._gate.admit()

    def file_bytes(self) -> int:
        """Return the size of the metadata's file, without the gate: the copying thread is inside, and may wait for the caller."""
        return os.stat(os.path.join(self.path, DATA_FILE)).st_size

    def free_bytes(self) -> int:
        """Return the free space of the file system, in bytes."""
        return _free_bytes(self.path)

    def close_for_fork(self) -> None:
        """Close behind the gate, and keep the gate shut."""
        self._gate.exclude()
        env, self._lmdb = self._lmdb, None
        if env is not None:
            env.close()

    def admit_after_fork(self) -> None:
        """Open the gate again in the parent."""
        self._gate.admit()

    def renew_in_child(self) -> None:
        """Make a new gate in the child, where the threads that were inside the old one do not exist."""
        self._gate = Gate()

    def close(self) -> None:
        """Wait for the running transactions, and close for good."""
        self._closed = True
        self.close_for_fork()
        self._gate.admit()


def create(path: str, tables: dict[str, dict[str, bool]], fill: Callable[[Transaction, Tables], None]) -> None:
    """Create an environment with all its tables in an existing empty directory. It is durable on return, the directory's name is not.

    Raises:
        OSError: a system call failed.
        StoreError, InternalError: LMDB failed.
    """
    make_lock_files(path)
    env = _open_lmdb(path, CREATION_MAP_SIZE, create=True, read_only=False)
    try:
        with env.begin(write=True) as txn:
            fill(txn, {name: env.open_db(name.encode(), txn, **options) for name, options in tables.items()})
    except lmdb.Error as error:
        if _free_bytes(path) < FREE_BYTES_MIN:  # LMDB reports a full disk as EIO
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise _open_failure(path, error) from error
    finally:
        env.close()
    _sync_names(path)


def _free_bytes(path: str) -> int:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def make_lock_files(path: str) -> None:
    """Create those files that an environment has beside its data that are missing.

    Raises:
        OSError: a system call failed.
    """
    for name in LOCK_FILES:
        flags = os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(os.path.join(path, name), flags, 0o600)
        try:
            if name == LOCK_FILES[0]:
                # LMDB writes to it through a map: without blocks on a full disk, that would kill the process (SIGBUS).
                os.posix_fallocate(fd, 0, LOCK_FILE_SIZE)
        finally:
            os.close(fd)


def _sync_names(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def check_files(path: str) -> None:
    """Check that there is an environment that LMDB can open, so that LMDB does not create one.

    Raises:
        NotAStore: a file is missing or damaged.
        OSError: a system call failed.
    """
    for name in ("", *LOCK_FILES):
        if not os.path.lexists(os.path.join(path, name)):
            raise NotAStore(f"{path}: not a metadata environment: {name or 'the directory'} is not there; {RESTORE}")
    try:
        check_file(os.path.join(path, DATA_FILE))
    except TornFile as error:
        raise NotAStore(f"{path}: not a metadata environment: {DATA_FILE} {error}; {RESTORE}") from error


def _open_lmdb(path: str, map_size_bytes: int, *, create: bool, read_only: bool) -> Any:
    try:
        return lmdb.open(
            path, map_size=map_size_bytes, max_dbs=TABLES_MAX, max_readers=READERS_MAX, mode=0o600,
            subdir=True, create=create, readonly=read_only, sync=True, metasync=True, writemap=False,
            map_async=False, meminit=True, lock=True,
        )  # fmt: skip
    except lmdb.Error as error:
        raise _open_failure(path, error) from error


@contextlib.contextmanager
def _opening(path: str, read_only: bool) -> Iterator[None]:
    """Let one process at a time open the environment (lmdb.h: opening may fail while another process does it)."""
    if read_only or not os.path.lexists(os.path.join(path, "opening")):  # check_files reports that
        yield
        return
    fd = os.open(os.path.join(path, "opening"), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _open_failure(path: str, error: Exception) -> Exception:
    text = str(error)
    if isinstance(error, lmdb.LockError) or "Resource temporarily unavailable" in text:
        return StoreInUse(
            f"{path}: another process uses this store from another PID namespace; share the PID namespace between "
            "containers, or run one container per store"
        )
    if isinstance(error, lmdb.ReadonlyError) or os.strerror(errno.EROFS) in text or os.strerror(errno.EACCES) in text:
        return ReadOnlyStore(f"{path}: not writable: {text}; open it with read_only=True to read")
    if isinstance(error, _DAMAGE):
        return NotAStore(f"{path}: not a metadata environment: {text}; {RESTORE}")
    return InternalError(reason=f"opening the metadata: {text}")


def write_failure(env: Environment, error: Exception, *, committing: bool) -> InternalError:
    """Return the S3 error for a failed write transaction. LMDB reports a full disk as EIO as often as ENOSPC."""
    kind: type[InternalError] = CommitUnknown if committing else InternalError
    if isinstance(error, lmdb.MapFullError):
        return (CommitUnknown if committing else StoreFull)(
            reason="the metadata map is full: open the store with a larger map_size_bytes"
        )
    with contextlib.suppress(OSError):
        if os.strerror(errno.ENOSPC) in str(error) or env.free_bytes() < FREE_BYTES_MIN:
            return (CommitUnknown if committing else StoreFull)(
                reason="the store's disk is full, while committing metadata"
            )
    return kind(reason=f"committing metadata: {error}")
