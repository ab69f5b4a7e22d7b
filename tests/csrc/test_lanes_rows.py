"""Every row of lanes against hashlib: all lengths, unequal ones side by side, every number of streams, and memory with guard pages."""

import hashlib
import json
import platform
import random
from contextlib import ExitStack

import pytest

from engine.native import errors as native_errors
from engine.native import kernels
from engine.native.ffi import cpu_features_detected, lib
from tests.support.guarded import Guarded
from tests.support.processes import python_output

pytestmark = pytest.mark.kernels

ROWS = kernels.lanes()
BLOCK = 64
ORACLES = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}

PRINT_LANES = """if True:
    import json
    from engine.native import kernels
    print(json.dumps([(row.algorithm, row.name, row.usable, row.chosen) for row in kernels.lanes()]))
"""

needs_x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="there are rows on x86-64 only")


@pytest.fixture(params=range(len(ROWS)), ids=[f"{row.algorithm}-{row.name}" for row in ROWS])
def row(request: pytest.FixtureRequest) -> int:
    if not ROWS[request.param].usable:
        pytest.skip(f"needs {', '.join(ROWS[request.param].needs)}")
    return int(request.param)


def width(row: int) -> int:
    return kernels.rows(lib.ENGINE_ROW_LANES)[row].streams


def expected(row: int, messages: list[bytes]) -> list[dict[str, bytes]]:
    names = ROWS[row].algorithm.split("-")[0].split("+")
    return [{name: ORACLES[name](message) for name in names} for message in messages]


def test_every_length_to_four_blocks_is_right_beside_all_others(row: int) -> None:
    data = random.Random(1).randbytes(4 * BLOCK)
    lengths = [*range(len(data) + 1)]
    random.Random(2).shuffle(lengths)
    for start in range(0, len(lengths), width(row)):
        messages = [data[:length] for length in lengths[start : start + width(row)]]
        assert kernels.run_lanes(row, messages) == expected(row, messages)


def test_every_number_of_streams_of_any_sizes_is_right(row: int) -> None:
    draw = random.Random(3)
    for count in range(1, width(row) + 1):
        messages = [draw.randbytes(draw.choice([0, 1, 63, 64, 65, draw.randrange(20_000)])) for _ in range(count)]
        assert kernels.run_lanes(row, messages) == expected(row, messages)


def test_long_messages_are_right_in_every_lane(row: int) -> None:
    """As long as lanes are given at once, and longer: a lane that goes wrong late is seen too."""
    data = random.Random(6).randbytes(300_000)
    messages = [data[i : i + 70_000 + 3_001 * i] for i in range(width(row))]
    assert kernels.run_lanes(row, messages) == expected(row, messages)


def test_no_lane_reads_a_byte_around_its_input(row: int) -> None:
    data = random.Random(4).randbytes(4 * BLOCK)
    with ExitStack() as stack:
        places = [stack.enter_context(Guarded(len(data))) for _ in range(width(row))]
        for length in [*range(0, len(data) + 1, 7), 63, 64, 65, 127, 128, 192, 256]:
            messages = [data[: max(0, length - i)] for i in range(width(row))]
            answers = expected(row, messages)
            for views in (
                [place.at_end(message) for place, message in zip(places, messages, strict=True)],
                [place.at_start(message) for place, message in zip(places, messages, strict=True)],
            ):
                assert kernels.run_lanes(row, views) == answers, length


def test_every_alignment_is_right_in_every_lane(row: int) -> None:
    data = random.Random(5).randbytes(5 * BLOCK)
    messages = [data[i % BLOCK : i % BLOCK + 3 * BLOCK] for i in range(2 * BLOCK)]
    with ExitStack() as stack:
        places = [stack.enter_context(Guarded(1000)) for _ in range(width(row))]
        for first in range(BLOCK):
            chosen = messages[first : first + width(row)]
            views = [place.at_start(one, first + i) for i, (place, one) in enumerate(zip(places, chosen, strict=True))]
            assert kernels.run_lanes(row, views) == expected(row, chosen)


def test_too_many_messages_are_refused(row: int) -> None:
    with pytest.raises(ValueError, match="lanes"):
        kernels.run_lanes(row, [b""] * (width(row) + 1))
    with pytest.raises(ValueError, match="lanes"):
        kernels.run_lanes(row, [])


def rows_with_features_off(*disabled: str) -> list[tuple[str, str, bool, bool]]:
    return [tuple(row) for row in json.loads(python_output(PRINT_LANES, ENGINE_CPU_DISABLE=",".join(disabled)))]


@pytest.mark.features
@needs_x86_64
@pytest.mark.parametrize("disabled", ["", "avx512f", "avx512bw", "avx2", "avx512f,avx2", "sha_ni", "avx512f,sha_ni"])
def test_the_row_that_runs_is_the_one_expected(disabled: str) -> None:
    usable = set(cpu_features_detected()) - set(disabled.split(","))
    wanted = {}
    if "avx2" in usable:
        wanted["MD5-x16"] = "x86-avx2"
    if "sha_ni" in usable:
        wanted["SHA256-x8"] = "x86-sha"
    if {"avx2", "sha_ni"} <= usable:
        wanted["MD5+SHA256-x16"] = "x86-avx2-sha"
    if "avx512f" in usable:
        wanted |= {"MD5-x16": "x86-avx512", "MD5-x32": "x86-avx512-twice"}
    if {"avx512f", "avx512bw"} <= usable:
        wanted |= {"SHA256-x16": "x86-avx512", "MD5+SHA256-x16": "x86-avx512"}
    chosen = {algorithm: name for algorithm, name, _, is_chosen in rows_with_features_off(disabled) if is_chosen}
    assert chosen == wanted


@pytest.mark.features
def test_with_every_feature_off_there_are_no_lanes() -> None:
    assert not any(usable for _, _, usable, _ in rows_with_features_off(*cpu_features_detected()))


@pytest.mark.features
@needs_x86_64
def test_a_row_that_lacks_its_feature_is_refused() -> None:
    code = """if True:
        from engine.native import kernels
        from engine.native import errors as native_errors
        for row in range(len(kernels.lanes())):
            try:
                kernels.run_lanes(row, [b"x"])
            except native_errors.KernelUnusable:
                print("refused")
    """
    refused = python_output(code, ENGINE_CPU_DISABLE=",".join(cpu_features_detected()))
    assert refused == "refused\n" * len(ROWS)
    assert issubclass(native_errors.KernelUnusable, Exception)


def test_the_narrowest_row_that_is_wide_enough_is_chosen(row: int) -> None:
    rows = kernels.rows(lib.ENGINE_ROW_LANES)
    digests = rows[row].digests
    widths = sorted({other.streams for other in rows if other.usable and other.digests == digests})
    for lanes in range(1, 41):
        chosen = lib.engine_lanes_row_chosen(digests, lanes)
        assert rows[chosen].usable
        assert width(chosen) == next((wide for wide in widths if wide >= lanes), widths[-1])
