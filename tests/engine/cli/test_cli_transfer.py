"""How `cp` cuts a file into parts: all of it, in order, within S3's bounds, at any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.failures import CommandError
from engine.cli.transfer import ranges
from engine.limits import GIB, MIB, Limits

LIMITS = Limits()


@given(st.integers(0, LIMITS.object_size_bytes_max), st.integers(5 * MIB, 5 * GIB))
def test_parts_cover_the_file_within_all_limits(size: int, part_size: int) -> None:
    part_size = max(part_size, size // 300)  # not ten thousand parts every time
    pieces = ranges(size, part_size, LIMITS)
    assert [piece.part_number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert [piece.offset for piece in pieces] == [index * pieces[0].size_bytes for index in range(len(pieces))]
    assert sum(piece.size_bytes for piece in pieces) == size
    assert all(piece.size_bytes == part_size for piece in pieces[:-1])


@pytest.mark.parametrize("size", [80_000 * MIB, 80_000 * MIB + 1, 48 * 1024 * GIB + 1, LIMITS.object_size_bytes_max])
def test_the_part_size_is_raised_when_parts_would_be_too_many(size: int) -> None:
    pieces = ranges(size, 5 * MIB, LIMITS)
    assert len(pieces) <= 10_000
    assert pieces[0].size_bytes <= 5 * GIB
    assert pieces[0].size_bytes % MIB == 0
    assert pieces[-1].offset + pieces[-1].size_bytes == size


def test_ten_thousand_parts_are_not_too_many() -> None:
    assert len(ranges(10_000 * 5 * MIB, 5 * MIB, LIMITS)) == 10_000
    assert ranges(10_000 * 5 * MIB + 1, 5 * MIB, LIMITS)[0].size_bytes == 6 * MIB


def test_an_empty_file_is_one_empty_piece() -> None:
    assert [piece.size_bytes for piece in ranges(0, 5 * MIB, LIMITS)] == [0]


def test_a_file_larger_than_an_object_is_refused() -> None:
    with pytest.raises(CommandError, match=r"48\.8 TiB is more than an object can have"):
        ranges(LIMITS.object_size_bytes_max + 1, 5 * MIB, LIMITS)
