"""Reading a sealed file with its key. No plaintext is returned before its authentication tag has been verified."""

import os

from engine.blobs.failures import damage_as_internal_error
from engine.blobs.paths import open_blob
from engine.errors import InternalError
from engine.native.sealed import COMMITMENT_AT, SealedReader
from engine.native.secret import PartKey
from engine.native.stream import Stream

NAME_END_SIZE = 8
"""So many bytes of the commitment end the name of a sealed file."""
NAME_END_UNKNOWN = bytes(NAME_END_SIZE)
"""The end of the name of a sealed file that was named before it was sealed, on file systems without O_TMPFILE."""


class UnsealedFile:
    """The plaintext of a sealed file; see `engine.blobs.BlobReader`."""

    __slots__ = ("_fd", "_path", "_reader", "size")

    def __init__(self, path: str, part: PartKey, name_end: bytes) -> None:
        """Open the file, and check its header against the part's key and against the end of its name.

        Raises:
            OSError: there is no such file.
            InternalError: it is another part, or damaged.
        """
        self._path = path
        self._fd = -1
        self._fd = open_blob(path)
        try:
            with damage_as_internal_error(f"{path} is damaged"):
                self._reader = SealedReader(self._fd, part)
            self._check_name_end(name_end)
        except BaseException:
            fd, self._fd = self._fd, -1
            os.close(fd)
            raise
        self.size = self._reader.size

    def _check_name_end(self, name_end: bytes) -> None:
        if name_end not in (NAME_END_UNKNOWN, os.pread(self._fd, NAME_END_SIZE, COMMITMENT_AT)):
            self._reader.close()
            raise InternalError(reason=f"{self._path} has the bytes of another attempt")

    @property
    def descriptor(self) -> int | None:
        return None

    def read_into(self, buffer: memoryview, offset: int) -> int:
        with damage_as_internal_error(f"{self._path} is damaged"):
            return self._reader.read_into(buffer, offset)

    def feed(self, stream: Stream, offset: int, length: int) -> int:
        with damage_as_internal_error(f"{self._path} is damaged"):
            return self._reader.feed(stream, offset, length)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._reader.close()
            os.close(fd)

    def __del__(self) -> None:
        if self._fd >= 0:  # its owner was interrupted before closing it
            os.close(self._fd)
