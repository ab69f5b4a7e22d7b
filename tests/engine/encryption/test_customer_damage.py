"""Sealed parts that were changed on disk: reading gives an error instead of bytes, and a check finds what it can without a key."""

from collections.abc import Callable

import pytest

import engine
from engine.errors import InternalError
from tests.support.customers import KEY, PARTS, WHOLE, found, path_of, put_sealed
from tests.support.uploads import read


@pytest.fixture
def sealed(tiny: engine.Store, bucket: str) -> engine.Store:
    """Make a store with an object `key` in five parts, and `clear`, which is not encrypted."""
    put_sealed(tiny)
    tiny.put_object(bucket, "clear", WHOLE)
    return tiny


def damage(store: engine.Store, how: Callable[[bytearray], None], index: int = 0) -> None:
    """Change the file of a part."""
    path = path_of(store, found(store)[1].parts[index].blob_id)
    data = bytearray(path.read_bytes())
    how(data)
    path.write_bytes(data)


def flip(at: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[at] ^= 1

    return change


def read_into(store: engine.Store, taken: list[bytes]) -> None:
    with store.get_object("bucket", "key", **KEY).body as body:
        while piece := body.read(65_536):
            taken.append(piece)


@pytest.mark.parametrize("at", [0, 10, 15, 20, 60, 80, 65_000, 65_620, 65_700, -1])
def test_a_flipped_bit_is_an_error_and_its_bytes_stay_inside(sealed: engine.Store, at: int) -> None:
    damage(sealed, flip(at))
    taken: list[bytes] = []
    with pytest.raises(InternalError, match="damaged"):
        read_into(sealed, taken)
    assert WHOLE.startswith(b"".join(taken))
    assert sum(map(len, taken)) in (0, 65_536)


def test_a_part_in_the_place_of_another_is_an_error(sealed: engine.Store) -> None:
    sealed.put_object("bucket", "other", PARTS[0], **KEY)
    other = path_of(sealed, found(sealed, "other")[1].parts[0].blob_id)
    path_of(sealed, found(sealed)[1].parts[0].blob_id).write_bytes(other.read_bytes())
    with pytest.raises(InternalError, match="another key"):
        sealed.get_object("bucket", "key", **KEY)


@pytest.mark.parametrize("by", [-65_552, -1, 1, 16])
def test_a_part_of_another_length_is_an_error(sealed: engine.Store, by: int) -> None:
    damage(sealed, lambda data: data.extend(bytes(by)) if by > 0 else data.__delitem__(slice(by, None)))
    with pytest.raises(InternalError):
        read(sealed, "bucket", "key", **KEY)


def test_a_check_looks_at_what_needs_no_key_and_says_what_does(sealed: engine.Store) -> None:
    report = sealed.check(deep=True)
    assert (report.ok, report.parts, report.sealed_parts) == (True, 6, 5)
    damage(sealed, flip(70_000))
    assert sealed.check(deep=True).ok
    damage(sealed, flip(14))  # the part number in the header
    assert len(sealed.check(deep=True).corrupt) == 1
    damage(sealed, lambda data: data.append(0))
    assert len(sealed.check().wrong_size) == 1
