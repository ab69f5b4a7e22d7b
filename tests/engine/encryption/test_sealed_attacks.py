"""Sealed parts under attack: cut, mixed, flipped or taken from elsewhere, they are refused by us and by the independent decoder."""

import os
import random
from collections.abc import Callable, Iterator

import pytest

from engine.native import errors as native_errors
from engine.native.sealed import HEADER_SIZE, SealedReader, seal, unseal
from engine.native.secret import PartKey, Secret
from tests.support import decoder
from tests.support.sealed_parts import PLAIN, RAW, SEALED, SEGMENT, Sealed, by_update

REFUSALS = (native_errors.KeyMismatch, native_errors.SealedFormatUnknown, native_errors.SealedDamaged)


@pytest.fixture(scope="module")
def key() -> Iterator[Secret]:
    with Secret.of_bytes(RAW) as secret:
        yield secret


@pytest.fixture
def fd() -> Iterator[int]:
    opened = os.memfd_create("sealed")
    yield opened
    os.close(opened)


def refused_everywhere(data: bytes, part: PartKey) -> None:
    """Check that the reader of files, the reader of memory and the independent decoder refuse a part."""
    fd = os.memfd_create("attacked")
    try:
        sealed = Sealed(fd, part)
        sealed.replace(data)
        with pytest.raises(REFUSALS):
            sealed.read()
        with pytest.raises(REFUSALS):
            unseal(data, part)
        with pytest.raises(ValueError, match=r"tag|key|part"):
            decoder.part(RAW, part.part_number, data)
    finally:
        os.close(fd)


def pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """Split a sealed part into its header and its segments."""
    body = data[HEADER_SIZE:]
    return data[:HEADER_SIZE], [body[start : start + SEALED] for start in range(0, len(body), SEALED)]


def attack_truncate(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return header + b"".join(segments[:-1])


def attack_reorder(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return header + b"".join([segments[1], segments[0], *segments[2:]])


def attack_drop(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return header + b"".join([segments[0], *segments[2:]])


def attack_duplicate(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return header + b"".join([segments[0], *segments])


def attack_flip(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return header + b"".join([segments[0], bytes([segments[1][0] ^ 1]) + segments[1][1:], *segments[2:]])


def attack_other_part(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return header + b"".join([segments[0], pieces(other(number=2))[1][1], *segments[2:]])


def attack_retry_mix(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return header + b"".join([segments[0], pieces(other())[1][1], *segments[2:]])


def attack_retry_header(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return pieces(other())[0] + b"".join(segments)


def attack_other_object(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return other(raw=bytes(32))


def attack_other_object_body(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return header + other(raw=bytes(32))[HEADER_SIZE:]


def attack_whole_other_part(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    return other(number=2)


def attack_renumbered_part(header: bytes, segments: list[bytes], other: Callable[..., bytes]) -> bytes:
    stolen = other(number=2)
    return stolen[:12] + header[12:16] + stolen[16:]


ATTACKS = [found for name, found in sorted(globals().items()) if name.startswith("attack_")]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.removeprefix("attack_"))
@pytest.mark.parametrize("size", [5 * SEGMENT, 4 * SEGMENT + 77], ids=["full", "short"])
def test_an_attack_is_refused(attack: Callable[..., bytes], size: int, key: Secret) -> None:
    plain, part = random.Random(size).randbytes(size), PartKey(key, 1)

    def other(number: int = 1, raw: bytes = RAW) -> bytes:
        with Secret.of_bytes(raw) as secret:
            return seal(plain, PartKey(secret, number))

    data = seal(plain, part)
    assert unseal(data, part) == plain
    attacked = attack(*pieces(data), other)
    assert attacked != data
    refused_everywhere(attacked, part)


def test_a_wrong_key_is_told_before_any_data_is_touched(key: Secret, fd: int) -> None:
    sealed = Sealed(fd, PartKey(key, 1))
    by_update(PLAIN, sealed.part, fd)
    sealed.replace(sealed.data()[:HEADER_SIZE] + bytes(len(PLAIN) + 5 * 16))
    with Secret.random() as wrong, pytest.raises(native_errors.KeyMismatch, match="with another key"):
        SealedReader(fd, PartKey(wrong, 1))
    with pytest.raises(native_errors.SealedDamaged):
        sealed.read()


def is_refused(data: bytes | bytearray, part: PartKey) -> bool:
    try:
        unseal(data, part)
    except REFUSALS:
        return True
    return False


@pytest.mark.slow
def test_ten_thousand_flips_are_all_refused(key: Secret) -> None:
    """Every bit of headers and tags is flipped, and random bits of everything: each flip makes the part unreadable as a whole."""
    seed = random.randrange(2**32)
    rng, part = random.Random(seed), PartKey(key, 9)
    small = seal(b"some plaintext of a small part", part)
    data = seal(PLAIN[: SEGMENT + 50], part)
    flips = [(small, bit) for bit in range(len(small) * 8)]
    flips += [(data, rng.randrange(len(data) * 8)) for _ in range(10_000)]
    flips += [(data, (80 + SEALED - 16) * 8 + bit) for bit in range(16 * 8)]
    for whole, bit in flips:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        assert is_refused(flipped, part), f"bit {bit} of {len(whole)} bytes was not seen, seed {seed}"


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 3 * SEGMENT + 5])
def test_every_other_length_is_refused(size: int, key: Secret) -> None:
    """A part is cut or made longer at every boundary of the format and one byte beside it."""
    part = PartKey(key, 1)
    data = seal(random.Random(1).randbytes(size), part)
    borders = {0, 12, 16, 48, HEADER_SIZE, HEADER_SIZE + 16, len(data)}
    for index in range(len(data) // SEALED + 1):
        borders |= {HEADER_SIZE + index * SEALED + inner for inner in (0, 16, SEGMENT, SEALED)}
    for border in borders:
        for length in (border - 1, border, border + 1):
            if 0 <= length != len(data):
                refused_everywhere((data + bytes(max(0, length - len(data))))[:length], part)


def test_a_part_of_no_bytes_can_be_neither_made_nor_lost(key: Secret) -> None:
    part = PartKey(key, 1)
    empty, one = seal(b"", part), seal(b"x" * SEGMENT, part)
    assert unseal(empty, part) == b""
    refused_everywhere(one + empty[HEADER_SIZE:], part)
    refused_everywhere(one[:HEADER_SIZE] + empty[HEADER_SIZE:], part)


@pytest.mark.slow
def test_a_hundred_thousand_attempts_have_as_many_keys(key: Secret) -> None:
    """Each attempt has its own salt and commitment, and the decoder derives another key and nonce prefix from each."""
    part = PartKey(key, 1)
    headers = [seal(b"the same bytes", part)[:HEADER_SIZE] for _ in range(100_000)]
    assert len({header[16:48] for header in headers}) == 100_000
    assert len({header[48:] for header in headers}) == 100_000
    keys = {decoder.expand(RAW, b"partwright v1part" + header[12:48], 39) for header in headers}
    assert len(keys) == 100_000
    assert len({okm[:32] for okm in keys}) == 100_000


def test_the_same_bytes_give_unrelated_files(key: Secret) -> None:
    first, second = (seal(bytes(1000), PartKey(key, 1)) for _ in range(2))
    same = sum(a == b for a, b in zip(first[16:], second[16:], strict=True))
    assert same < 40  # about one in 256 by chance
