"""A part with a changed byte fails the read that reaches its end, however it is read."""

import base64
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Store, errors
from engine.bodies.readers import FEED_SIZE, ObjectBody, open_part
from engine.checksums import BY_NAME
from engine.meta.parts import PartRecord
from engine.native.stream import Digest, Stream
from engine.record import replace
from engine.upkeep.check import matches_row
from tests.support.oracles import ORACLES
from tests.support.processes import python_output
from tests.support.stores import FILE_BODY, files_of
from tests.support.uploads import begin

PARTS = [FILE_BODY, b"inline" * 10, FILE_BODY[:18_000]]
WHOLE = b"".join(PARTS)
NAMES = sorted(BY_NAME)


def put(store: Store, bucket: str, name: str = "CRC64NVME") -> None:
    upload = begin(store, bucket, checksum_algorithm=name)
    members = [{BY_NAME[name].member: base64_of(ORACLES[name](body))} for body in PARTS]
    parts = [
        upload.part(number, body, **more) for number, (body, more) in enumerate(zip(PARTS, members, strict=True), 1)
    ]
    upload.complete([part._replace(**more) for part, more in zip(parts, members, strict=True)])


def base64_of(value: bytes) -> str:
    return base64.b64encode(value).decode()


def spoil(store_path: Path, size: int, at: int) -> None:
    """Change one byte of the only file of that size."""
    [path] = [path for path in (store_path / "blobs").rglob("*") if path.is_file() and path.stat().st_size == size]
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def by_blocks(size: int) -> Callable[[ObjectBody], bytes]:
    def read(body: ObjectBody) -> bytes:
        pieces = []
        while piece := body.read(size):
            pieces.append(piece)
        return b"".join(pieces)

    return read


def by_feeding(body: ObjectBody) -> bytes:
    out = os.memfd_create("out")
    try:
        with Stream(Digest.MD5, out) as stream:
            assert body.feed(stream, len(body)) == len(body)
        return os.pread(out, len(body) + 1, 0)
    finally:
        os.close(out)


WAYS: dict[str, Callable[[ObjectBody], bytes]] = {
    "at once": lambda body: body.read(),
    "a byte short": lambda body: body.read(len(body) - 1) + body.read(5),
    "by blocks": by_blocks(1000),
    "by large blocks": by_blocks(1 << 20),
    "buffered": lambda body: io.BufferedReader(body, 4096).read(),
    "into a stream": by_feeding,
    "twice": lambda body: (body.read(20_000), body.seek(0), body.read())[2],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_sound_object_is_read(tiny: Store, bucket: str, name: str, way: str) -> None:
    put(tiny, bucket, name)
    with tiny.get_object(bucket, "key").body as body:
        assert WAYS[way](body) == WHOLE


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_changed_byte_fails_the_read(tiny: Store, store_path: Path, bucket: str, name: str, way: str) -> None:
    put(tiny, bucket, name)
    spoil(store_path, len(PARTS[2]), 9_000)
    with tiny.get_object(bucket, "key").body as body, pytest.raises(errors.InternalError) as caught:
        WAYS[way](body)
    assert "does not match its checksum" in str(caught.value.reason)


@pytest.mark.parametrize("at", [0, 1, len(FILE_BODY) - 1])
def test_the_last_bytes_of_a_part_are_not_given_away_unproven_not_even_the_second_time(
    tiny: Store, store_path: Path, bucket: str, at: int
) -> None:
    put(tiny, bucket)
    spoil(store_path, len(FILE_BODY), at)
    with tiny.get_object(bucket, "key").body as body:
        body.read(len(FILE_BODY) - 1)
        for size in (1, 10, 1):
            with pytest.raises(errors.InternalError):
                body.read(size)


@pytest.mark.parametrize(
    ("members", "bites"),
    [
        ({"part_number": 1}, True),
        ({"part_number": 2}, False),
        ({"range": f"bytes=0-{len(FILE_BODY) - 1}"}, True),
        ({"range": f"bytes=0-{len(FILE_BODY) - 2}"}, False),
        ({"range": f"bytes=1-{len(FILE_BODY) + 5}"}, False),
        ({"range": "bytes=0-"}, True),
        ({"range": f"bytes={len(FILE_BODY)}-"}, False),
    ],
    ids=str,
)
def test_a_range_is_proven_as_far_as_it_covers_whole_parts(
    tiny: Store, store_path: Path, bucket: str, members: dict[str, Any], bites: bool
) -> None:
    put(tiny, bucket)
    spoil(store_path, len(FILE_BODY), 20_000)
    with tiny.get_object(bucket, "key", **members).body as body:
        if bites:
            with pytest.raises(errors.InternalError):
                body.read()
        else:
            body.read()


def test_bytes_that_were_skipped_prove_nothing(tiny: Store, store_path: Path, bucket: str) -> None:
    put(tiny, bucket)
    spoil(store_path, len(FILE_BODY), 5_000)
    with tiny.get_object(bucket, "key").body as body:
        body.seek(100)
        assert len(body.read(len(WHOLE))) == len(WHOLE) - 100
        body.seek(0)
        body.read(50)
        body.seek(60)
        assert len(body.read()) == len(WHOLE) - 60


def test_a_part_larger_than_is_fed_at_a_time_is_proven(store: Store, store_path: Path, bucket: str) -> None:
    data = os.urandom(2 * FEED_SIZE + 5)
    store.put_object(bucket, "key", data)
    with store.get_object(bucket, "key").body as body:
        assert by_feeding(body) == data
    spoil(store_path, len(data), FEED_SIZE - 1)
    with store.get_object(bucket, "key").body as body, pytest.raises(errors.InternalError):
        by_feeding(body)


def test_a_deep_check_compares_both_digests(tiny: Store, bucket: str) -> None:
    put(tiny, bucket, "SHA512")
    meta: Any = tiny._context.meta
    parts = [part for _, part in meta.walk_parts(print)]
    assert len(parts) == 3
    for part in parts:
        for changed, expected in (
            (part, True),
            (replace(part, etag=bytes(16)), False),
            (replace(part, checksum=bytes(64)), False),
            (replace(part, checksum=b"", algorithm=""), True),
        ):
            assert is_sound(tiny, changed) is expected


def is_sound(store: Any, part: PartRecord) -> bool:
    reader = open_part(part, store._context.meta, store._context.blobs)
    try:
        return matches_row(part, reader)
    finally:
        reader.close()


def test_without_its_package_an_xxhash_proves_nothing_and_bytes_are_read(
    tiny: Store, store_path: Path, bucket: str
) -> None:
    put(tiny, bucket, "XXHASH128")
    code = """if True:
        import sys
        sys.modules["xxhash"] = None
        import engine
        with engine.open(sys.argv[1]) as store:
            with store.get_object(sys.argv[2], "key").body as body:
                print(len(body.read()), store.check(deep=True).ok)
            copy = store.copy_object(sys.argv[2], "copy", sys.argv[2] + "/key").copy_object_result
            print(copy.checksum_crc64_nvme)
            for members in ({"checksum_xxhash3": "AAAAAAAAAAA="}, {"checksum_algorithm": "XXHASH64"}):
                try:
                    store.put_object(sys.argv[2], "other", b"", **members)
                except engine.errors.InvalidRequest as error:
                    print(error)
    """
    valid = "[CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512]"
    refusal = f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: {valid}\n"
    tiny.close()
    copied = base64_of(ORACLES["CRC64NVME"](WHOLE))
    assert python_output(code, str(store_path), bucket) == f"{len(WHOLE)} True\n{copied}\n" + 2 * refusal


def test_an_object_of_no_bytes_needs_no_proof(tiny: Store, bucket: str) -> None:
    tiny.put_object(bucket, "key", b"")
    assert not files_of(Path(tiny._layout.root))
    with tiny.get_object(bucket, "key").body as body:
        assert body.read() == b""
