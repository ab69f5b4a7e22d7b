"""CRCs of joined pieces: against the CRC of the whole, and against awscrt's combination."""

from collections.abc import Callable

import pytest
from awscrt import checksums
from hypothesis import given
from hypothesis import strategies as st

from engine.native.ffi import combine_crcs, cpu_features_detected
from tests.support.oracles import ORACLES
from tests.support.processes import run_python

CRCS = {"CRC32": checksums.combine_crc32, "CRC32C": checksums.combine_crc32c, "CRC64NVME": checksums.combine_crc64nvme}
WIDTHS = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8}
SIZE_MAX = 2**63 - 1
"""The largest that awscrt takes. With a size of 0 it leaves the second CRC out, which may only be that of no bytes."""

pytestmark = [pytest.mark.kernels, pytest.mark.parametrize("name", CRCS)]


def combined_by_awscrt(
    combine: Callable[[int, int, int], int], width: int, crcs: list[bytes], sizes: list[int]
) -> bytes:
    whole = 0
    for crc, size in zip(crcs, sizes, strict=True):
        whole = combine(whole, int.from_bytes(crc, "big"), size)
    return whole.to_bytes(width, "big")


@given(pieces=st.lists(st.binary(max_size=300), max_size=12))
def test_combining_is_the_checksum_of_the_whole(name: str, pieces: list[bytes]) -> None:
    crcs = b"".join(map(ORACLES[name], pieces))
    assert combine_crcs(name, crcs, list(map(len, pieces))) == ORACLES[name](b"".join(pieces))


@given(data=st.data(), sizes=st.lists(st.integers(1, SIZE_MAX), max_size=12))
def test_combining_agrees_with_awscrt_at_any_size(name: str, data: st.DataObject, sizes: list[int]) -> None:
    width = WIDTHS[name]
    crcs = [data.draw(st.binary(min_size=width, max_size=width)) for _ in sizes]
    expected = combined_by_awscrt(CRCS[name], width, crcs, sizes)
    assert combine_crcs(name, b"".join(crcs), sizes) == expected


def test_ten_thousand_parts_of_a_size_and_a_shorter_one_are_combined(name: str) -> None:
    width, sizes = WIDTHS[name], [5 * 1024**3] * 9999 + [17]
    crcs = [bytes([i % 251] * width) for i in range(10_000)]
    expected = combined_by_awscrt(CRCS[name], width, crcs, sizes)
    assert combine_crcs(name, b"".join(crcs), sizes) == expected


def test_the_order_of_the_pieces_counts(name: str) -> None:
    one, other = ORACLES[name](b"one"), ORACLES[name](b"other")
    assert combine_crcs(name, other + one, [5, 3]) != combine_crcs(name, one + other, [3, 5])


def test_as_many_crcs_as_sizes_are_wanted(name: str) -> None:
    for crcs in (bytes(WIDTHS[name] - 1), bytes(WIDTHS[name] + 1), b"", bytes(2 * WIDTHS[name])):
        with pytest.raises(ValueError, match="1 sizes, but"):
            combine_crcs(name, crcs, [3])
    for size in (-1, 2**64):
        with pytest.raises(OverflowError):
            combine_crcs(name, bytes(WIDTHS[name]), [size])


def test_only_a_crc_can_be_combined(name: str) -> None:
    for other in (name.lower(), "SHA256", ""):
        with pytest.raises(ValueError, match="is no CRC"):
            combine_crcs(other, b"", [])


@pytest.mark.features
def test_combining_answers_without_any_feature_of_the_processor(name: str) -> None:
    code = f"from engine.native import ffi; print(ffi.combine_crcs({name!r}, bytes(range({2 * WIDTHS[name]})), [9, 8]).hex())"
    result = run_python(code, ENGINE_CPU_DISABLE=",".join(cpu_features_detected()))
    assert result.stdout.strip() == combine_crcs(name, bytes(range(2 * WIDTHS[name])), [9, 8]).hex()
