"""Bodies of every kind, as parts and as plain objects: read exactly, from their current position; other objects are refused."""

import array
import gzip
import io
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Store
from engine.bodies.sources import source_of
from engine.errors import IncompleteBody
from engine.native.stream import Digest, Stream
from tests.support.stores import FILE_BODY, INLINE_SIZE_MAX
from tests.support.uploads import begin, part_etag_of, read

Make = Callable[[bytes, Path], AbstractContextManager[Any]]


def _file(data: bytes, place: Path) -> Path:
    path = place / "body"
    path.write_bytes(data)
    return path


def held(kind: Callable[[bytes], Any]) -> Make:
    return lambda data, place: nullcontext(kind(data))


def opened(**options: Any) -> Make:
    def make(data: bytes, place: Path) -> AbstractContextManager[Any]:
        return open(_file(data, place), **{"mode": "rb", **options})

    return make


def temporary(kind: Callable[..., Any], *options: Any, data: bytes | str | None = None) -> Make:
    def make(default: bytes, place: Path) -> AbstractContextManager[Any]:
        file = kind(*options)
        file.write(default if data is None else data)
        file.seek(0)
        return file  # type: ignore[no-any-return]

    return make


@contextmanager
def a_gzip_file(data: bytes, place: Path) -> Iterator[gzip.GzipFile]:
    with gzip.open(place / "body.gz", "wb") as file:
        file.write(data)
    with gzip.open(place / "body.gz", "rb") as file:
        yield file


@contextmanager
def a_buffered_gzip_file(data: bytes, place: Path) -> Iterator[io.BufferedReader]:
    with a_gzip_file(data, place) as file:
        yield io.BufferedReader(file)  # type: ignore[type-var]


@contextmanager
def a_descriptor(data: bytes, place: Path) -> Iterator[int]:
    fd = os.open(_file(data, place), os.O_RDONLY)
    yield fd
    os.close(fd)


@contextmanager
def a_pipe(data: bytes, place: Path) -> Iterator[int]:
    reading, writing = os.pipe()

    def feed() -> None:
        with open(writing, "wb") as pipe:
            for at in range(0, len(data), 1000):
                pipe.write(data[at : at + 1000])
                pipe.flush()

    thread = threading.Thread(target=feed)
    thread.start()
    yield reading
    os.close(reading)
    thread.join()


@contextmanager
def a_file_of_a_pipe(data: bytes, place: Path) -> Iterator[Any]:
    with a_pipe(data, place) as fd, open(fd, "rb", closefd=False) as file:
        yield file


def a_generator(data: bytes) -> Iterator[bytes]:
    yield b""
    for at in range(0, len(data), 777):
        yield data[at : at + 777]
        yield b""


class ReadsLittle:
    """The smallest file object: it has only `read`, which never returns more than 100 bytes at once."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 100))


KINDS: dict[str, Make] = {
    "bytes": held(bytes),
    "bytearray": held(bytearray),
    "memoryview": held(lambda data: memoryview(b"before" + data + b"after")[6 : 6 + len(data)]),
    "file": opened(),
    "unbuffered file": opened(buffering=0),
    "file for update": opened(mode="r+b"),
    "BytesIO": held(io.BytesIO),
    "GzipFile": a_gzip_file,
    "buffered GzipFile": a_buffered_gzip_file,
    "TemporaryFile": temporary(tempfile.TemporaryFile),
    "NamedTemporaryFile": temporary(tempfile.NamedTemporaryFile),
    "SpooledTemporaryFile": temporary(tempfile.SpooledTemporaryFile, 10),
    "descriptor": a_descriptor,
    "pipe": a_pipe,
    "file of a pipe": a_file_of_a_pipe,
    "generator": held(a_generator),
    "list of bytes": held(lambda data: [data[:1], data[1:]]),
    "iterator of memoryviews": held(lambda data: iter([memoryview(data)])),
    "object with read": held(ReadsLittle),
}

SIZES = {"empty": b"", "one": b"x", "inline": FILE_BODY[:INLINE_SIZE_MAX], "file": FILE_BODY[: INLINE_SIZE_MAX + 1]}
SIZES["large"] = FILE_BODY * 150


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_any_kind_is_taken_whole(tiny: Store, bucket: str, place: Path, kind: str, size: str) -> None:
    data = SIZES[size]
    upload = begin(tiny, bucket)
    with KINDS[kind](data, place) as body:
        assert upload.part(1, body).etag == part_etag_of(data)
    with KINDS[kind](data, place) as body:
        assert upload.part(2, body, content_length=len(data)).etag == part_etag_of(data)
    with KINDS[kind](data, place) as body:
        assert tiny.put_object(bucket, "plain", body).etag == part_etag_of(data)
    assert read(tiny, bucket, "plain") == data


def test_no_body_at_all_is_an_empty_object(store: Store, bucket: str) -> None:
    assert store.put_object(bucket, "key").etag == part_etag_of(b"")


@pytest.mark.parametrize("data", [FILE_BODY[:100], FILE_BODY], ids=["inline", "file"])
@pytest.mark.parametrize("buffering", [0, -1], ids=["unbuffered", "buffered"])
def test_a_file_is_read_from_where_it_stands_and_left_at_its_end(
    store: Store, bucket: str, place: Path, data: bytes, buffering: int
) -> None:
    with open(_file(b"head" + data, place), "rb", buffering=buffering) as file:
        assert file.read(4) == b"head"
        assert store.put_object(bucket, "key", file).etag == part_etag_of(data)
        assert file.tell() == 4 + len(data)
        assert file.read() == b""


def test_what_was_written_to_a_file_and_not_yet_flushed_is_part_of_it(store: Store, bucket: str, place: Path) -> None:
    with open(place / "body", "w+b") as file:
        file.write(b"data")
        file.seek(0)
        file.write(b"DA")
        file.seek(0)
        assert store.put_object(bucket, "key", file).etag == part_etag_of(b"DAta")


def test_a_file_beyond_its_end_is_an_empty_body(store: Store, bucket: str, place: Path) -> None:
    with open(_file(b"data", place), "rb") as file:
        file.seek(100)
        assert store.put_object(bucket, "key", file).etag == part_etag_of(b"")


@pytest.mark.parametrize("length", [10, INLINE_SIZE_MAX + 10])
def test_a_descriptor_gives_one_body_after_the_other(store: Store, bucket: str, place: Path, length: int) -> None:
    data = FILE_BODY * 3
    fd = os.open(_file(data, place), os.O_RDONLY)
    try:
        for start in (0, length):
            answer = store.put_object(bucket, "key", fd, content_length=length)
            assert answer.etag == part_etag_of(data[start : start + length])
        assert os.lseek(fd, 0, os.SEEK_CUR) == 2 * length
        store.put_object(bucket, "key", fd)
        assert read(store, bucket, "key") == data[2 * length :]
    finally:
        os.close(fd)


@pytest.mark.parametrize("length", [10, INLINE_SIZE_MAX + 10])
def test_a_pipe_is_not_read_beyond_the_length_given(store: Store, bucket: str, length: int) -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, FILE_BODY[:length] + b"next")
        assert store.put_object(bucket, "key", reading, content_length=length).etag == part_etag_of(FILE_BODY[:length])
        assert os.read(reading, 100) == b"next"
    finally:
        os.close(reading)
        os.close(writing)


def test_a_file_of_the_kernel_that_tells_no_size_is_read_to_its_end(store: Store, bucket: str) -> None:
    with open("/proc/self/cmdline", "rb") as file:
        store.put_object(bucket, "key", file)
    with open("/proc/self/cmdline", "rb") as file:
        assert read(store, bucket, "key") == file.read()


NO_BODIES: dict[str, Make] = {
    "str": held(lambda data: "text"),
    "text file": opened(mode="r"),
    "StringIO": held(lambda data: io.StringIO("text")),
    "None": held(lambda data: None),
    "float": held(lambda data: 1.5),
    "bool": held(bool),
    "list of str": held(lambda data: ["text"]),
    "list of int": held(list),
    "dict": held(lambda data: {"body": data}),
    "text NamedTemporaryFile": temporary(tempfile.NamedTemporaryFile, "w+", data="text"),
}


@pytest.mark.parametrize("kind", NO_BODIES)
def test_what_is_no_body_is_a_type_error_in_words(store: Store, bucket: str, place: Path, kind: str) -> None:
    with NO_BODIES[kind](b"data", place) as body, pytest.raises(TypeError, match=r"^a body must (be|give) bytes"):
        store.put_object(bucket, "key", body)
    assert store.list_objects_v2(bucket).contents is None


def test_a_buffer_of_wider_items_counts_in_bytes(store: Store, bucket: str) -> None:
    items = array.array("I", range(10_000))
    assert store.put_object(bucket, "key", memoryview(items)).etag == part_etag_of(items.tobytes())


def test_a_buffer_with_gaps_is_refused(store: Store, bucket: str) -> None:
    with pytest.raises(TypeError, match="contiguous"):
        store.put_object(bucket, "key", memoryview(FILE_BODY)[::2])


def test_a_descriptor_that_is_closed_is_an_os_error(store: Store, bucket: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        store.put_object(bucket, "key", reading)


def test_a_file_that_cannot_be_read_is_an_os_error_and_stores_nothing(store: Store, bucket: str, place: Path) -> None:
    for size in (10, len(FILE_BODY)):
        _file(FILE_BODY[:size], place)
        with open(place / "body", "ab") as file:
            file.seek(0)
            with pytest.raises(OSError, match="Bad file descriptor"):
                store.put_object(bucket, "key", file.fileno())
            with pytest.raises(OSError, match="read"):
                store.put_object(bucket, "key", file)
    assert store.list_objects_v2(bucket).contents is None


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(1, 60), max_size=8), st.booleans())
def test_an_iterable_gives_its_bytes_however_they_are_cut_and_taken(
    pieces: list[bytes], steps: list[int], ask_between: bool
) -> None:
    source = source_of(pieces)
    data = b"".join(pieces)
    with Stream(Digest.MD5) as stream:
        taken = b""
        for step in steps:
            piece = source.take(step)
            assert len(piece) == min(step, len(data) - len(taken))
            taken += piece
            if ask_between:
                assert source.has_more() == (len(taken) < len(data))
        stream.update(taken)
        assert source.feed(stream, 1000) == len(data) - len(taken)
        assert stream.digest(Digest.MD5).hex() == part_etag_of(data).strip('"')
    assert data.startswith(taken)
    assert not source.has_more()


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_seekable_object_that_goes_on_after_its_length_is_refused(store: Store, bucket: str, size: int) -> None:
    body = io.BytesIO(b"x" * (size + 1))
    with pytest.raises(IncompleteBody):
        store.put_object(bucket, "key", body, content_length=size)
    assert body.tell() == size, "it stands where its length ended"
    assert store.put_object(bucket, "key", io.BytesIO(b"x" * size), content_length=size)


def test_an_object_that_reads_more_than_it_was_asked_for_is_refused(store: Store, bucket: str) -> None:
    class Unruly:
        def read(self, size: int) -> bytes:
            return b"x" * (size + 1)

    with pytest.raises(ValueError, match="gave"):
        store.put_object(bucket, "key", Unruly(), content_length=50)
