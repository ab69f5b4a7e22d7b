"""The directory of a store: it is created durably, recognised, checked for safety, and locked against incompatible users.

FORMAT      the format version; it is created last, so that a directory without it is no store yet
LOCK        flock: shared by all who have the store open, exclusive while it is created or repaired
leases      locks of readers (engine.directory.leases)
ballast     a file to delete when the disk is full (engine.directory.ballast)
keys        the key ring of SSE-S3 (engine.encryption.key_ring), unless that is elsewhere
RING        the identity of the store's key ring, from its first use on
UNFINISHED  exists only in the directory of a backup that is being made, or was not finished, and is therefore no store
meta/       the LMDB environment, which holds the owner_id in FORMAT; it is created as meta.new/ and renamed when it is whole
blobs/      one file for each upload attempt, in 256 shards
"""

import contextlib
import errno
import fcntl
import os
import time
import weakref
from datetime import UTC, datetime

import msgspec

from engine.blobs.files import create_layout
from engine.closing import Closing
from engine.directory.ballast import Ballast
from engine.directory.leases import LEASE_FILE
from engine.durable import sync_directory, write_synced
from engine.errors import NewerFormat, NotAStore, ReadOnlyStore, StoreError, StoreInUse, UnsafeFileSystem
from engine.meta.lmdb.steps import create_metadata, holds_nothing
from engine.native.ffi import file_system_type

FORMAT_VERSION = 5
FORMAT = "FORMAT"
LOCK = "LOCK"
META = "meta"
META_NEW = META + ".new"
BLOBS = "blobs"
KEYS = "keys"
RING = "RING"
UNFINISHED = "UNFINISHED"
LOCK_WAIT_S_MAX = 10.0
LOCK_POLL_S = 0.02
_OURS = {FORMAT + ".new", LOCK, META, META_NEW, BLOBS, LEASE_FILE, "ballast", "lost+found"}
_NETWORK_FILE_SYSTEMS = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "CIFS",
    0xFE534D42: "SMB2",
    0x01021997: "9P",
    0x65735546: "FUSE",
    0x00C36400: "CephFS",
    0x0BD00BD0: "Lustre",
    0x5346414F: "AFS",
    0x7461636F: "OCFS2",
    0x01161970: "GFS2",
}  # fmt: skip  statfs(2), linux/magic.h


class Format(msgspec.Struct, frozen=True):
    """The contents of the FORMAT file."""

    format: int
    created: str = ""
    owner_id: str = ""


class Layout:
    """The directory of one open store, and the lock on it."""

    def __init__(self, root: str, lock_fd: int, stored: Format) -> None:
        self.root = root
        self.format = stored
        self._lock_fd = lock_fd
        _layouts.add(self)

    @staticmethod
    def open(path: str, *, create: bool, read_only: bool, allow_network: bool) -> "Layout":
        """Recognise a store, or create one; `engine.open` lists the exceptions."""
        root = os.path.abspath(path)
        _check_directory(root, create)
        if not allow_network:
            _refuse_network(root)
        lock_fd = _open_lock(root, read_only)
        try:
            _take_lock(lock_fd, fcntl.LOCK_SH)
            if not _has_format(root):
                _take_lock(lock_fd, fcntl.LOCK_EX)
                if not _has_format(root):
                    _create(root)
                _take_lock(lock_fd, fcntl.LOCK_SH)
            return Layout(root, lock_fd, _read_format(root))
        except BaseException:
            os.close(lock_fd)
            raise

    def sole_use(self) -> "SoleUse":
        """Lock all other users out of the store until the result is closed.

        Raises:
            StoreInUse: another user has the store open.
        """
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._lock_fd, fcntl.LOCK_SH)
            raise StoreInUse(f"{self.root}: others have the store open; a repair needs it alone") from None
        return SoleUse(self)

    def renew_in_child(self) -> None:
        """Re-open the lock file in a forked child; the inherited descriptor shares the parent's lock."""
        inherited = self._lock_fd
        if inherited >= 0:
            self._lock_fd = os.open(f"/proc/self/fd/{inherited}", os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._lock_fd, fcntl.LOCK_SH)
            os.close(inherited)

    def close(self) -> None:
        """Release the lock; closing twice is harmless."""
        fd, self._lock_fd = self._lock_fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close  # when the store is dropped


class SoleUse(Closing):
    """The exclusive lock of a store; it ends when it is closed, or dropped, as after an interruption."""

    def __init__(self, layout: Layout) -> None:
        self._layout: Layout | None = layout

    def close(self) -> None:
        """Let others in again; closing twice is harmless."""
        layout, self._layout = self._layout, None
        if layout is not None and layout._lock_fd >= 0:
            fcntl.flock(layout._lock_fd, fcntl.LOCK_SH)

    __del__ = close


_layouts: weakref.WeakSet[Layout] = weakref.WeakSet()  # state of the module, used by the fork hook only


def _renew_in_child() -> None:
    for layout in list(_layouts):
        layout.renew_in_child()


os.register_at_fork(after_in_child=_renew_in_child)


def _check_directory(root: str, create: bool) -> None:
    try:
        if create:
            _make_directory(root)
        names = set(os.listdir(root))
    except (FileNotFoundError, NotADirectoryError, FileExistsError):
        raise NotAStore(f"{root}: there is no store here") from None
    except PermissionError as error:
        raise StoreError(f"{root}: {os.strerror(error.errno or 0)}") from error
    except OSError as error:
        kind = ReadOnlyStore if error.errno == errno.EROFS else StoreError
        raise kind(f"{root}: {os.strerror(error.errno or 0)}") from error
    if UNFINISHED in names and FORMAT not in names:
        raise NotAStore(f"{root}: not a store: a backup was begun here and has not ended; remove it and make another")
    if FORMAT not in names and (names - _OURS or not create):
        raise NotAStore(f"{root}: not a store: it has no {FORMAT} file")
    _check_owner(root)


def _check_owner(root: str) -> None:
    status = os.stat(root)
    if status.st_uid != os.geteuid():
        raise StoreError(f"{root}: belongs to user {status.st_uid}, not to us ({os.geteuid()})")
    if status.st_mode & 0o022:
        raise StoreError(f"{root}: others may write there (mode {status.st_mode & 0o7777:o}); chmod go-w it first")


def _make_directory(path: str) -> None:
    """Create a directory and those above it, and sync each name, since a store is only as durable as its path."""
    parent = os.path.dirname(path)
    if os.path.isdir(path) or path == parent:
        return
    _make_directory(parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode=0o700)
    sync_directory(parent)


def _refuse_network(root: str) -> None:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        name = _NETWORK_FILE_SYSTEMS.get(file_system_type(fd) & 0xFFFFFFFF)
    finally:
        os.close(fd)
    if name is not None:
        raise UnsafeFileSystem(
            f"{root}: on {name}, where locks and syncs can't be relied on; allow_network_file_system=True insists"
        )


def _open_lock(root: str, read_only: bool) -> int:
    flags = os.O_RDONLY if read_only else os.O_RDWR | os.O_CREAT
    try:
        return os.open(os.path.join(root, LOCK), flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise ReadOnlyStore(f"{root}: {os.strerror(error.errno)}; open it with read_only=True to read") from error
        raise StoreError(f"{root}: {os.strerror(error.errno or 0)}") from error


def _take_lock(lock_fd: int, kind: int) -> None:
    """Take the lock, and wait up to LOCK_WAIT_S_MAX for a process that creates or repairs the store."""
    deadline = time.monotonic() + LOCK_WAIT_S_MAX
    while True:
        try:
            fcntl.flock(lock_fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreInUse("the store is being repaired, or created, by another process") from None
            time.sleep(LOCK_POLL_S)
        else:
            return


def _has_format(root: str) -> bool:
    """Tell whether there is a FORMAT file. Any failure but its absence is raised: it does not show that there is no store."""
    try:
        os.stat(os.path.join(root, FORMAT))
    except FileNotFoundError:
        return False
    return True


def _create(root: str) -> None:
    try:
        _refuse_remains(root)
        create_layout(os.path.join(root, BLOBS))
        write_synced(os.path.join(root, LEASE_FILE), b"")
        Ballast(root).restore()
        stored = Format(FORMAT_VERSION, datetime.now(UTC).isoformat(), os.urandom(32).hex())
        _make_metadata(root, stored)
        write_synced(os.path.join(root, FORMAT + ".new"), msgspec.json.encode(stored) + b"\n")
        sync_directory(root)
        os.rename(os.path.join(root, FORMAT + ".new"), os.path.join(root, FORMAT))
        sync_directory(root)
    except OSError as error:
        raise StoreError(f"{root}: making a store failed: {os.strerror(error.errno or 0)}") from error


def _refuse_remains(root: str) -> None:
    """Refuse to create a store in the remains of another one. An interrupted creation leaves neither blobs nor rows.

    Raises:
        NotAStore: there are blobs or rows.
        OSError: a system call failed.
    """
    meta, blobs = os.path.join(root, META), os.path.join(root, BLOBS)
    has_files = any(names for _, _, names in os.walk(blobs))
    if has_files or (os.path.isdir(meta) and os.listdir(meta) and not holds_nothing(meta)):
        where = BLOBS if has_files else META
        raise NotAStore(
            f"{root}: it has no {FORMAT} file, but its {where}/ is not empty; put the whole store back from one backup"
        )


def _make_metadata(root: str, stored: Format) -> None:
    """Create the metadata as meta.new/, and rename it when it is whole."""
    new, current = os.path.join(root, META_NEW), os.path.join(root, META)
    for remains in (new, current):
        if os.path.lexists(remains):
            import shutil  # it is needed only after a start that was cut off

            shutil.rmtree(remains)
    os.mkdir(new, mode=0o700)
    create_metadata(new, stored.owner_id)
    os.rename(new, current)


def begin_backup(root: str, directory: str) -> None:
    """Prepare a new or empty directory for a backup of the store in `root`; until `finish_backup` it is no store.

    Raises:
        StoreError: it is not empty, lies inside the store, belongs to somebody else, or others may write there.
        OSError: a system call failed.
    """
    if os.path.realpath(directory).startswith(os.path.join(os.path.realpath(root), "")):
        raise StoreError(f"{directory}: lies inside the store; make the backup somewhere else")
    try:
        _make_directory(directory)
        names = os.listdir(directory)
    except (NotADirectoryError, FileExistsError):
        raise StoreError(f"{directory}: not a directory") from None
    if names:
        raise StoreError(
            f"{directory}: not empty; a backup is made in an empty directory or a new one: name another, or remove it"
        )
    _check_owner(directory)
    write_synced(
        os.path.join(directory, UNFINISHED), b"A backup was begun here and has not ended: remove this directory.\n"
    )
    sync_directory(directory)
    os.mkdir(os.path.join(directory, META), mode=0o700)
    for name in (LOCK, LEASE_FILE):
        write_synced(os.path.join(directory, name), b"")


def finish_backup(root: str, directory: str) -> None:
    """Sync `directory` and its metadata, whose files are durable already, and then make it a store by the FORMAT file of `root`.

    Raises:
        OSError: a system call failed, and the directory is no store.
    """
    with open(os.path.join(root, FORMAT), "rb") as file:
        write_synced(os.path.join(directory, FORMAT + ".new"), file.read())
    for path in (os.path.join(directory, META), directory):
        sync_directory(path)
    os.rename(os.path.join(directory, FORMAT + ".new"), os.path.join(directory, FORMAT))
    sync_directory(directory)


def clean_backup(directory: str) -> None:
    """Delete UNFINISHED, once the backup is a store; beside FORMAT it means nothing."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(directory, UNFINISHED))
        sync_directory(directory)


def _read_format(root: str) -> Format:
    try:
        with open(os.path.join(root, FORMAT), "rb") as file:
            stored = msgspec.json.decode(file.read(4096), type=Format)
    except (OSError, msgspec.MsgspecError) as error:
        raise NotAStore(f"{root}: its {FORMAT} file can't be read: {error}") from error
    if stored.format > FORMAT_VERSION:
        raise NewerFormat(f"{root}: has format {stored.format}, this partwright reads format {FORMAT_VERSION}")
    if stored.format < FORMAT_VERSION:
        raise NotAStore(
            f"{root}: has format {stored.format} of an unreleased partwright, this one reads format {FORMAT_VERSION}"
        )
    return stored
