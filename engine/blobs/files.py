"""Blobs as files: one file an attempt, `blobs/<2 hex>/<30 hex>`, written nameless and linked once.

The order of `persist` is the durability protocol, and must not change: flock, linkat, fsync(file), fsync(directory); the metadata
commit follows, the flock is dropped after it. Linking before the sync is safe because a row, not a name, is what makes a blob count,
and it saves two flushes (measured under power cuts on ext4, XFS and btrfs).

A file may have several names, each with a row of its own. A flock belongs to the file, not to a name: those who give a stored file one
more name share its lock, and the collector, which takes it alone, leaves all names of a file while one of them is in flight.

A flock belongs to the open file, and a process forked meanwhile has that open too: it would outlive a mere close for as long as the
child lives. So who took one drops it before closing, and nobody waits for one on a file that counts already.
"""

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from engine.blobs import BLOB_ID_SIZE, BlobCopies, BlobReader
from engine.blobs.failures import storage_failure
from engine.blobs.unsealed import UNBOUND, UnsealedFile
from engine.errors import CommitUnknown, InternalError, S3Error, StoreFull
from engine.native_errors import ReadFailed
from engine.sealed import BINDING_AT, BINDING_SIZE, sealed_size
from engine.secret import PartKey
from engine.stream import Digest, Stream
from engine.undisturbed import shielded

SHARDS = tuple(f"{shard:02x}" for shard in range(256))
FREE_BYTES_RESERVE = 16 * 1024 * 1024
"""Left free by large parts, so that metadata commits (and with them Abort) still find room."""

_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)
_NO_LINK = (errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EAGAIN)
"""The last one: somebody else has the file's lock."""
_NEW_FILE_TRIES_MAX = 8


def path_below(root: str, blob_id: bytes) -> str:
    """Where a blob's file is."""
    return os.path.join(root, *_split(blob_id))


def _split(blob_id: bytes) -> tuple[str, str]:
    name = blob_id.hex()
    return name[:2], name[2:]


class _NewFile:
    """A file on its way to a row; see `engine.blobs.NewBlob`."""

    __slots__ = ("_directory", "_durable", "_fd", "_kept", "_linked", "_maker", "_name", "blob_id", "is_undecided")

    def __init__(self, root: str, binding: bytes = b"") -> None:
        """The last bytes of the name may be given."""
        self.blob_id = secrets.token_bytes(BLOB_ID_SIZE - len(binding)) + binding
        shard, self._name = _split(self.blob_id)
        self._kept = self._linked = self._durable = False
        self.is_undecided = False
        self._maker = os.getpid()
        self._fd = self._directory = -1
        self._directory = os.open(os.path.join(root, shard), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _link(self, lock: int) -> None:
        """Give the open file its name, under a lock that keeps the collector away from before it is there."""
        fcntl.flock(self._fd, lock | fcntl.LOCK_NB)
        os.link(f"/proc/self/fd/{self._fd}", self._name, dst_dir_fd=self._directory, follow_symlinks=True)
        self._linked = True

    def persist(self) -> None:
        try:
            self._sync()
            self._durable = True
        except OSError as error:
            raise storage_failure("making a part durable", error) from error

    def _sync(self) -> None:
        os.fsync(self._directory)

    def keep(self) -> None:
        self._kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_told = error is None or isinstance(error, S3Error)
        self.is_undecided = self._durable and not self._kept and not is_told
        if self.is_undecided:
            return
        try:
            if not self._kept and not (self._durable and isinstance(error, CommitUnknown)):
                self._remove()
        finally:
            self._close()

    def release(self) -> None:
        self.is_undecided = False
        self._close()

    def __del__(self) -> None:
        """Whoever made it was interrupted before its `with`, or in the midst of leaving it: a durable file may yet get its row."""
        if self._kept or not self._durable:
            if not self._kept:
                self._remove()
            self._close()

    def _remove(self) -> None:
        if self._linked and self._is_ours():
            with contextlib.suppress(
                OSError
            ):  # a disk gone read-only: the first error matters, the collector gets the file
                os.unlink(self._name, dir_fd=self._directory)

    def _close(self) -> None:
        if self._fd >= 0 and self._is_ours():
            _unlock(self._fd)
        # Forgotten first: interrupted, it may stay open, but is never closed twice, when it may be another's.
        file, self._fd = self._fd, -1
        if file >= 0:
            os.close(file)
        directory, self._directory = self._directory, -1
        if directory >= 0:
            os.close(directory)

    def _is_ours(self) -> bool:
        """Whether this process made it, and not the one that it was forked from."""
        return self._maker == os.getpid()


class FileAttempt(_NewFile):
    """One file whose bytes come in; see `engine.blobs.Attempt`."""

    __slots__ = ("_is_sealed", "stream")

    def __init__(self, root: str, digests: Digest, nameless: bool, sealing: PartKey | None) -> None:
        self._is_sealed = sealing is not None
        super().__init__(root, UNBOUND if self._is_sealed else b"")
        try:
            self._fd = self._open_nameless() if nameless else self._open_named()
            self.stream = Stream(digests, self._fd, sealing)
        except BaseException:
            self._remove()
            self._close()
            raise

    def _open_nameless(self) -> int:
        return os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=self._directory)

    def _open_named(self) -> int:
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        for _ in range(_NEW_FILE_TRIES_MAX):
            self._fd = os.open(self._name, flags, 0o600, dir_fd=self._directory)
            self._linked = True
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            if os.fstat(self._fd).st_nlink:  # else a collector came between open and flock
                return self._fd
            self._linked = False
            fd, self._fd = self._fd, -1
            os.close(fd)
        raise InternalError(reason="a collector removed every new file before it could be locked")

    def _sync(self) -> None:
        if not self._linked:
            if self._is_sealed:
                self._bind()
            self._link(fcntl.LOCK_EX)
        os.fsync(self._fd)
        super()._sync()

    def _bind(self) -> None:
        """Have the name, and so the row, tell this attempt from others; where it was named before it was sealed it stays unbound."""
        self.blob_id = self.blob_id[:-BINDING_SIZE] + os.pread(self._fd, BINDING_SIZE, BINDING_AT)
        _, self._name = _split(self.blob_id)

    def _close(self) -> None:
        if hasattr(self, "stream"):
            self.stream.close()
        super()._close()


class FileLink(_NewFile):
    """One more name of a stored file, whose bytes were synced before its first row was committed."""

    __slots__ = ()

    def __init__(self, root: str, path: str, binding: bytes) -> None:
        super().__init__(root, binding)
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            self._link(fcntl.LOCK_SH)
        except BaseException:
            self._close()
            raise


class FileReader:
    """One stored file, open for reading; see `engine.blobs.BlobReader`."""

    __slots__ = ("_fd", "size")

    def __init__(self, path: str) -> None:
        self._fd = -1
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self.size = os.fstat(self._fd).st_size
        except BaseException:
            self.close()
            raise

    def read_into(self, buffer: memoryview, offset: int) -> int:
        try:
            return os.preadv(self._fd, [buffer], offset)
        except OSError as error:
            raise storage_failure("reading a part", error) from error

    def feed(self, stream: Stream, offset: int, length: int) -> int:
        try:
            return stream.pump(self._fd, length, offset)
        except ReadFailed as error:
            raise storage_failure("reading a part", error) from error

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close  # whoever was interrupted before it


class FileBlobs:
    """The files below one directory; see `engine.blobs.Blobs`.

    `nameless=False` is the fallback for file systems without O_TMPFILE; it is also found out by itself.
    """

    __slots__ = ("_nameless", "_root")

    def __init__(self, root: str, *, nameless: bool = True) -> None:
        self._root = root
        self._nameless = nameless

    def attempt(self, digests: Digest, size_expected: int | None, sealing: PartKey | None = None) -> FileAttempt:
        try:
            if size_expected is not None:
                self._refuse_if_full(size_expected if sealing is None else sealed_size(size_expected))
            if self._nameless:
                try:
                    return FileAttempt(self._root, digests, True, sealing)
                except OSError as error:
                    if error.errno not in _NO_TMPFILE:
                        raise
                    self._nameless = False
            return FileAttempt(self._root, digests, False, sealing)
        except OSError as error:
            raise storage_failure("creating the file of a part", error) from error

    def link(self, blob_id: bytes) -> FileLink | None:
        try:
            return FileLink(self._root, self._path(blob_id), blob_id[-BINDING_SIZE:])
        except OSError as error:
            if error.errno in _NO_LINK:
                return None
            raise storage_failure(f"naming blob {blob_id.hex()} once more", error) from error

    def _refuse_if_full(self, size_expected: int) -> None:
        status = os.statvfs(self._root)
        free = status.f_bavail * status.f_frsize - FREE_BYTES_RESERVE
        if size_expected > free:
            raise StoreFull(reason=f"the store's disk has room for {max(free, 0)} bytes, the part has {size_expected}")

    def _path(self, blob_id: bytes) -> str:
        return path_below(self._root, blob_id)

    def open(self, blob_id: bytes, unsealing: PartKey | None = None) -> BlobReader:
        path = self._path(blob_id)
        try:
            return FileReader(path) if unsealing is None else UnsealedFile(path, unsealing, blob_id[-BINDING_SIZE:])
        except OSError as error:
            raise InternalError(reason=f"blob {blob_id.hex()}: {os.strerror(error.errno or 0)}") from error

    def remove(self, blob_id: bytes) -> int:
        path = self._path(blob_id)
        try:
            status = os.lstat(path)
            os.unlink(path)
        except FileNotFoundError:
            return 0
        return status.st_size if status.st_nlink == 1 else 0

    def walk(self) -> Iterator[tuple[bytes, int]]:
        for shard in SHARDS:
            yield from self._shard(shard)

    def _shard(self, shard: str) -> list[tuple[bytes, int]]:
        found = []
        try:
            with os.scandir(os.path.join(self._root, shard)) as entries:
                for entry in entries:
                    # A name that is none is not ours to judge; a file may be gone since the directory was read.
                    with contextlib.suppress(ValueError, FileNotFoundError):
                        found.append((bytes.fromhex(shard + entry.name), entry.stat(follow_symlinks=False).st_size))
        except OSError as error:
            raise storage_failure("listing the stored parts", error) from error
        return found

    def collect(self, blob_id: bytes, is_named: Callable[[bytes], bool]) -> int | None:
        with self._alone(blob_id) as is_alone:
            return self.remove(blob_id) if is_alone and not is_named(blob_id) else None

    def is_garbage(self, blob_id: bytes, is_named: Callable[[bytes], bool]) -> bool:
        with self._alone(blob_id) as is_alone:
            return is_alone and not is_named(blob_id)

    @contextlib.contextmanager
    def _alone(self, blob_id: bytes) -> Iterator[bool]:
        """Whether a file is there and no writer holds it, who would hold it from before its name until after its commit.

        Only then, and inside, a look for its row tells anything.
        """
        try:
            with self._locked(blob_id) as is_alone:
                yield is_alone
        except OSError as error:
            raise storage_failure(f"collecting blob {blob_id.hex()}", error) from error

    @contextlib.contextmanager
    def _locked(self, blob_id: bytes) -> Iterator[bool]:
        try:
            reader = FileReader(self._path(blob_id))
        except FileNotFoundError:
            yield False
            return
        try:
            try:
                fcntl.flock(reader._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                is_alone = False
            else:
                is_alone = True
            yield is_alone
        finally:
            _unlock(reader._fd)
            reader.close()

    def copies(self, directory: str, advance: Callable[[int], None]) -> BlobCopies:
        from engine.blobs.copies import FileCopies  # only for a backup

        return FileCopies(self._root, directory, advance)

    def close(self) -> None:
        """Nothing is held between calls."""


def create_layout(root: str) -> None:
    """Make the shard directories, each of them and `root` synced.

    Raises:
        OSError: the disk refused.
    """
    os.makedirs(root, mode=0o700, exist_ok=True)
    for shard in SHARDS:
        os.makedirs(os.path.join(root, shard), mode=0o700, exist_ok=True)
        sync_directory(os.path.join(root, shard))
    sync_directory(root)


@shielded
def sync_directory(path: str) -> None:
    """Make the names in a directory durable; undisturbed, since a backup does so often enough to be interrupted with it open."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unlock(fd: int) -> None:
    """Drop a lock that a child forked meanwhile would go on holding; where that fails, closing drops it for all but such a child."""
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)
