"""Sealed parts in files of no name, and the ways to write one."""

import hashlib
import os
import random
from collections.abc import Callable
from dataclasses import dataclass

from engine.bodies.chunked import ChunkedSource
from engine.native.sealed import SEGMENT_SIZE, SealedReader, seal
from engine.native.secret import PartKey
from engine.native.stream import Digest, Stream
from tests.support.chunks import SIGNING, RawBody, encode

RAW = bytes(range(50, 82))
SEGMENT = SEGMENT_SIZE
SEALED = SEGMENT + 16
PLAIN = random.Random(99).randbytes(4 * SEGMENT + 1234)

Write = Callable[[bytes, PartKey, int], None]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed part in a file of no name."""

    fd: int
    part: PartKey

    def data(self) -> bytes:
        return os.pread(self.fd, os.fstat(self.fd).st_size, 0)

    def replace(self, data: bytes) -> None:
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, data, 0)

    def read(self) -> bytes:
        with SealedReader(self.fd, self.part) as reader:
            out = bytearray(reader.size)
            assert reader.read_into(memoryview(out), 0) == reader.size
            return bytes(out)


def by_update(data: bytes, part: PartKey, fd: int) -> None:
    with Stream(Digest.MD5, fd, part) as stream:
        stream.update(data)
        assert stream.digest(Digest.MD5) == hashlib.md5(data).digest()


def by_small_updates(data: bytes, part: PartKey, fd: int) -> None:
    with Stream(Digest.SHA256, fd, part) as stream:
        for start in range(0, len(data), 9973):
            stream.update(data[start : start + 9973])
        assert stream.digest(Digest.SHA256) == hashlib.sha256(data).digest()


def by_pump(data: bytes, part: PartKey, fd: int) -> None:
    source = os.memfd_create("source")
    os.pwrite(source, data, 0)
    with Stream(Digest.MD5 | Digest.CRC64NVME, fd, part) as stream:
        assert stream.pump(source, len(data), 0) == len(data)
        assert stream.digest(Digest.MD5) == hashlib.md5(data).digest()
    os.close(source)


def by_chunks(data: bytes, part: PartKey, fd: int) -> None:
    source = ChunkedSource(RawBody(encode(data, 8192, signing=SIGNING)), len(data), signing=SIGNING)
    with Stream(Digest.MD5, fd, part) as stream:
        assert source.feed(stream, len(data) + 1) == len(data)
        source.finish()
        assert stream.digest(Digest.MD5) == hashlib.md5(data).digest()


def by_seal(data: bytes, part: PartKey, fd: int) -> None:
    os.pwrite(fd, seal(data, part), 0)
