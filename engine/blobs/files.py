"""Blobs as files: each attempt writes one file without a name, which is then linked as `blobs/<2 hex>/<30 hex>`.

The order of system calls in `persist` is the durability protocol, and must not change: flock, linkat, fsync(file), fsync(directory).
The metadata commit follows, and the flock is released after it. Linking before the sync is safe because a blob exists by its row, not
by its name, and it saves two flushes (measured under power cuts on ext4, XFS and btrfs).

A file may have several names, each with its own row. A flock belongs to the file, not to a name: whoever links a stored file takes a
shared lock, and the collector, which takes an exclusive one, leaves all names of a file while one of them is in flight.

A flock belongs to the open file description, which a process forked meanwhile inherits: merely closing the file would not release the
lock while that child lives. So the lock is released explicitly before closing, and nobody waits for the lock of a file that a row
names.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from engine.blobs import BLOB_ID_SIZE, BlobCopies, BlobReader
from engine.blobs.failures import storage_failure
from engine.blobs.paths import SHARDS, open_blob, path_below, split_name
from engine.blobs.unsealed import NAME_END_SIZE, NAME_END_UNKNOWN, UnsealedFile
from engine.durable import sync_directory
from engine.errors import CommitUnknown, InternalError, S3Error, StoreFull
from engine.native.errors import ReadFailed
from engine.native.sealed import COMMITMENT_AT, sealed_size
from engine.native.secret import PartKey
from engine.native.stream import Digest, Stream

FREE_BYTES_RESERVE = 16 * 1024 * 1024
"""Large parts leave this many bytes free, so that metadata commits, such as that of Abort, still have room."""

_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)
_NO_LINK = (errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EAGAIN)
"""After these errors only a copy is possible; EAGAIN means that another process has the file's lock."""
_NEW_FILE_TRIES_MAX = 8


class _NewFile:
    """A file that no row names yet; see `engine.blobs.NewBlob`."""

    __slots__ = ("_directory", "_durable", "_fd", "_kept", "_linked", "_maker", "_name", "blob_id", "is_undecided")

    def __init__(self, root: str, name_end: bytes = b"") -> None:
        """Draw a name whose last bytes are `name_end`."""
        self.blob_id = os.urandom(BLOB_ID_SIZE - len(name_end)) + name_end
        shard, self._name = split_name(self.blob_id)
        self._kept = self._linked = self._durable = False
        self.is_undecided = False
        self._maker = os.getpid()
        self._fd = self._directory = -1
        self._directory = os.open(os.path.join(root, shard), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _link(self, lock: int) -> None:
        """Link the open file to its name, under a lock that is taken first and so keeps the collector away."""
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
        is_decided = error is None or isinstance(error, S3Error)
        self.is_undecided = self._durable and not self._kept and not is_decided
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
        """Clean up after an owner that was interrupted outside its `with`. A durable file stays, since a row may yet name it."""
        if self._kept or not self._durable:
            if not self._kept:
                self._remove()
            self._close()

    def _remove(self) -> None:
        if self._linked and self._is_ours():
            # On a disk gone read-only the first error matters, and the collector removes the file later.
            with contextlib.suppress(OSError):
                os.unlink(self._name, dir_fd=self._directory)

    def _close(self) -> None:
        if self._fd >= 0 and self._is_ours():
            _unlock(self._fd)
        # The number is forgotten first: an interruption may then leak the descriptor, but never close one reused for another file.
        file, self._fd = self._fd, -1
        if file >= 0:
            os.close(file)
        directory, self._directory = self._directory, -1
        if directory >= 0:
            os.close(directory)

    def _is_ours(self) -> bool:
        """Tell whether this process made the file, and not the one that it was forked from."""
        return self._maker == os.getpid()


class FileAttempt(_NewFile):
    """A new file whose bytes are written through its stream; see `engine.blobs.Attempt`."""

    __slots__ = ("_is_sealed", "stream")

    def __init__(self, root: str, digests: Digest, nameless: bool, sealing: PartKey | None) -> None:
        self._is_sealed = sealing is not None
        super().__init__(root, NAME_END_UNKNOWN if self._is_sealed else b"")
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
            if os.fstat(self._fd).st_nlink:  # else a collector removed it between open and flock
                return self._fd
            self._linked = False
            fd, self._fd = self._fd, -1
            os.close(fd)
        raise InternalError(reason="a collector removed every new file before it could be locked")

    def _sync(self) -> None:
        if not self._linked:
            if self._is_sealed:
                self._end_name()
            self._link(fcntl.LOCK_EX)
        os.fsync(self._fd)
        super()._sync()

    def _end_name(self) -> None:
        """End the name with the start of the attempt's commitment. A file that was named before it was sealed keeps its name."""
        self.blob_id = self.blob_id[:-NAME_END_SIZE] + os.pread(self._fd, NAME_END_SIZE, COMMITMENT_AT)
        _, self._name = split_name(self.blob_id)

    def _close(self) -> None:
        if hasattr(self, "stream"):
            self.stream.close()
        super()._close()


class FileLink(_NewFile):
    """A new name of a stored file, whose bytes were synced before its first row was committed."""

    __slots__ = ()

    def __init__(self, root: str, path: str, name_end: bytes) -> None:
        super().__init__(root, name_end)
        try:
            self._fd = open_blob(path)
            self._link(fcntl.LOCK_SH)
        except BaseException:
            self._close()
            raise


class FileReader:
    """One stored file, open for reading; see `engine.blobs.BlobReader`."""

    __slots__ = ("_fd", "size")

    def __init__(self, path: str) -> None:
        self._fd = -1
        self._fd = open_blob(path)
        try:
            self.size = os.fstat(self._fd).st_size
        except BaseException:
            self.close()
            raise

    @property
    def descriptor(self) -> int | None:
        return self._fd

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

    __del__ = close  # when the owner was interrupted before closing


class FileBlobs:
    """The files below one directory; see `engine.blobs.Blobs`.

    `nameless=False` is the fallback for file systems without O_TMPFILE, and is chosen by itself when O_TMPFILE fails.
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
            return FileLink(self._root, self._path(blob_id), blob_id[-NAME_END_SIZE:])
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
            return FileReader(path) if unsealing is None else UnsealedFile(path, unsealing, blob_id[-NAME_END_SIZE:])
        except OSError as error:
            raise storage_failure(f"opening blob {blob_id.hex()}", error) from error

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
                    # Names that are not a blob's are skipped, and a file may be gone since the directory was read.
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
        """Lock a file, and yield whether it exists and has no writer: a writer keeps it locked from before its naming until its commit.

        Only while the lock is held does the absence of a row show that the file is garbage.
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
        """Do nothing: no resource is kept between calls."""


def create_layout(root: str) -> None:
    """Make the shard directories, and sync each of them and `root`.

    Raises:
        OSError: the disk failed.
    """
    os.makedirs(root, mode=0o700, exist_ok=True)
    for shard in SHARDS:
        os.makedirs(os.path.join(root, shard), mode=0o700, exist_ok=True)
        sync_directory(os.path.join(root, shard))
    sync_directory(root)


def _unlock(fd: int) -> None:
    """Release a lock that a child forked meanwhile would keep. If that fails, closing releases it unless there is such a child."""
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)
