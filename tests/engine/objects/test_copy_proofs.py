"""Copies of ranges: a damaged byte is never copied under a new, matching checksum; and how often a part is read to verify it."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Store, errors
from engine.bodies.proofs import PROVEN_MAX, PROVEN_S, Proofs
from engine.meta.parts import PartRecord
from tests.support.oracles import ORACLES
from tests.support.stores import FILE_BODY
from tests.support.uploads import OpenUpload, begin, put_multipart, read

SIZE = len(FILE_BODY)
PARTS = [FILE_BODY, b"inline", FILE_BODY[:-1]]
LATE = SIZE + len(b"inline")


@pytest.fixture
def upload(tiny: Store, bucket: str) -> OpenUpload:
    tiny.put_object(bucket, "plain", FILE_BODY + b"+")
    put_multipart(tiny, bucket, "parts", PARTS)
    return begin(tiny, bucket)


def files(store: Any) -> list[Path]:
    """The paths of the files of all blobs."""
    return [path for path in Path(store._layout.root, "blobs").rglob("*") if path.is_file()]


def spoil(store: Any, size: int, at: int = 10) -> None:
    """Change one byte in each file of that size."""
    for path in files(store):
        if path.stat().st_size == size:
            data = bytearray(path.read_bytes())
            data[at] ^= 1
            path.write_bytes(data)


CRC64NVME_ORDER, CRC64NVME_POLYNOMIAL = 64, 1 << 64 | 0xAD93D23594C93659
"""Source: NVM Express NVM Command Set Specification 1.0d, 5.2.1.3.4."""


def unseen(data: bytes) -> bytes:
    """Other bytes with the same CRC64NVME: a multiple of its polynomial is added by XOR; a byte's lowest bit comes first."""
    other = bytearray(data)
    for place in range(CRC64NVME_ORDER + 1):
        other[10 + place // 8] ^= (CRC64NVME_POLYNOMIAL >> (CRC64NVME_ORDER - place) & 1) << place % 8
    assert other != data
    assert ORACLES["CRC64NVME"](bytes(other)) == ORACLES["CRC64NVME"](data)
    return bytes(other)


def copy(upload: OpenUpload, number: int, key: str, wanted: str) -> Any:
    return upload.copy(number, f"{upload.bucket}/{key}", copy_source_range=f"bytes={wanted}")


class Reads:
    """Counts how often a part is read to verify it, wherever its bytes are stored."""

    def __init__(self, store: Any) -> None:
        self.sizes: list[int] = []
        read_part: Callable[[PartRecord], None] = store._context.proofs._read

        class Counting(Proofs):
            def _read(_, part: PartRecord) -> None:
                self.sizes.append(part.size)
                read_part(part)

        self.now = 0.0
        store._context.proofs = Counting(store._context.meta, store._context.blobs, lambda: self.now)


@pytest.mark.parametrize("pieces", [[f"0-{SIZE // 2}", f"{SIZE // 2 + 1}-{SIZE}"], ["0-10"], [f"5-{SIZE}"]])
def test_no_piece_of_a_part_with_a_changed_byte_is_copied(upload: OpenUpload, pieces: list[str]) -> None:
    spoil(upload.store, SIZE + 1)
    for number, wanted in enumerate(pieces, 1):
        with pytest.raises(errors.InternalError) as caught:
            copy(upload, number, "plain", wanted)
        assert "does not match its checksum" in caught.value.reason
    assert upload.list().parts is None


@pytest.mark.parametrize(
    ("wanted", "bites"),
    [
        (f"10-{SIZE + 2}", False),
        (f"10-{LATE}", True),
        (f"{SIZE}-{LATE + 1}", True),
        (f"0-{LATE + SIZE - 2}", True),
        (f"{SIZE}-{LATE - 1}", False),
        (f"{SIZE + 1}-{LATE - 1}", False),
    ],
)
def test_only_the_parts_that_a_copy_touches_must_be_sound(upload: OpenUpload, wanted: str, bites: bool) -> None:
    spoil(upload.store, SIZE - 1)
    if bites:
        with pytest.raises(errors.InternalError):
            copy(upload, 1, "parts", wanted)
    else:
        copy(upload, 1, "parts", wanted)


def test_copies_in_pieces_read_each_part_once_for_proof(upload: OpenUpload) -> None:
    reads = Reads(upload.store)
    step = SIZE // 7
    whole = b"".join(PARTS)
    ends = range(0, len(whole), step)
    parts = [
        copy(upload, number, "parts", f"{first}-{min(first + step, len(whole)) - 1}")
        for number, first in enumerate(ends, 1)
    ]
    assert sorted(reads.sizes) == [SIZE - 1, SIZE], "what lies whole inside a piece is proven as it is read"
    upload.complete(parts)
    assert read(upload.store, upload.bucket, upload.key) == whole


def test_copies_of_one_part_at_once_wait_for_one_proof(upload: OpenUpload) -> None:
    reads = Reads(upload.store)
    threads = [threading.Thread(target=copy, args=(upload, number, "plain", f"{number}-90")) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reads.sizes == [SIZE + 1]
    assert len(upload.list().parts or ()) == 8


def test_a_proof_is_good_for_some_minutes_and_a_refutation_for_none(upload: OpenUpload) -> None:
    reads = Reads(upload.store)
    for moment, count in ((0.0, 1), (PROVEN_S - 1.0, 1), (PROVEN_S + 0.0, 2), (3.0 * PROVEN_S, 3)):
        reads.now = moment
        copy(upload, 1, "plain", "0-9")
        assert len(reads.sizes) == count
    spoil(upload.store, SIZE + 1)
    reads.now = 4.0 * PROVEN_S
    for _ in range(2):
        with pytest.raises(errors.InternalError):
            copy(upload, 1, "plain", "0-9")
    assert len(reads.sizes) == 5
    spoil(upload.store, SIZE + 1)
    copy(upload, 1, "plain", "0-9")


@pytest.fixture
def part(upload: OpenUpload) -> PartRecord:
    """The record of the one part of an object."""
    store: Any = upload.store
    found: Iterator[PartRecord] = (part for _, part in store._context.meta.walk_parts(print) if part.size == SIZE + 1)
    return next(found)


def test_no_more_than_so_many_parts_are_remembered_the_latest_ones(upload: OpenUpload, part: PartRecord) -> None:
    reads = Reads(upload.store)
    proofs: Any = upload.store._context.proofs
    proofs.prove(part)
    for number in range(PROVEN_MAX - 1):
        proofs._remembered(number.to_bytes(16, "big"))
    proofs.prove(part)
    assert len(reads.sizes) == 1
    for number in range(PROVEN_MAX):
        proofs._remembered(number.to_bytes(16, "little"))
    assert len(proofs._parts) == PROVEN_MAX
    proofs.prove(part)
    assert len(reads.sizes) == 2


def test_without_its_checksum_a_part_is_proven_by_its_md5(
    upload: OpenUpload, part: PartRecord, monkeypatch: Any
) -> None:
    monkeypatch.setattr("engine.bodies.readers.available", lambda digest: False)
    Proofs(upload.store._context.meta, upload.store._context.blobs).prove(part)
    spoil(upload.store, SIZE + 1)
    with pytest.raises(errors.InternalError):
        Proofs(upload.store._context.meta, upload.store._context.blobs).prove(part)


def test_a_child_forked_during_a_proof_does_not_wait_for_it(upload: OpenUpload, part: PartRecord) -> None:
    proofs: Any = upload.store._context.proofs
    with proofs._remembered(part.blob_id).lock:
        child = os.fork()
        if not child:
            os._exit(proofs._remembered(part.blob_id).lock.acquire(timeout=1) - 1)
    assert os.waitpid(child, 0)[1] == 0


def test_bytes_whose_checksum_is_right_and_whose_etag_is_not_are_not_copied(upload: OpenUpload) -> None:
    (path,) = (each for each in files(upload.store) if each.stat().st_size == SIZE + 1)
    path.write_bytes(unseen(path.read_bytes()))
    with pytest.raises(errors.InternalError, match="other bytes"):
        upload.store.copy_object(upload.bucket, "copy", f"{upload.bucket}/plain", checksum_algorithm="SHA256")
    with pytest.raises(errors.NoSuchKey):
        upload.store.head_object(upload.bucket, "copy")
