"""The kernel rows of the C core: which there are, which run here, and running one of them by name."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from engine.native.ffi import Buffer, buffer_of, check, feature_names, ffi, lib, text_of
from engine.record import Record

CIPHER: Final = "AES-256-GCM"
LANE_DIGESTS: Final = {"MD5": 16, "SHA256": 32}
"""What lanes compute, and the sizes of it."""


class KernelRow(Record, frozen=True):
    """One implementation of one algorithm: what it needs of the processor, and whether it may run and is used here."""

    algorithm: str
    name: str
    usable: bool
    chosen: bool
    needs: tuple[str, ...]


def kernels() -> tuple[KernelRow, ...]:
    """List the kernel rows of every algorithm, best first."""
    return tuple(
        KernelRow(
            algorithm=algorithm,
            name=name,
            usable=lib.engine_row_usable(index, row),
            chosen=row == lib.engine_row_chosen(index),
            needs=_features_in(lib.engine_row_needs(index, row)),
        )
        for (algorithm, name), (index, row) in ROW_PLACES.items()
    )


def ciphers() -> tuple[KernelRow, ...]:
    """List the kernel rows of AES-256-GCM, best first."""
    return tuple(
        KernelRow(
            algorithm=CIPHER,
            name=text_of(lib.engine_gcm_row_name(row)),
            usable=lib.engine_gcm_row_usable(row),
            chosen=row == lib.engine_gcm_row_chosen(),
            needs=_features_in(lib.engine_gcm_row_needs(row)),
        )
        for row in range(lib.engine_gcm_row_count())
    )


def lanes() -> tuple[KernelRow, ...]:
    """List the rows that hash many streams at once; an algorithm is named like "MD5+SHA256-x16": its digests, how many streams."""
    return tuple(
        KernelRow(
            algorithm=f"{'+'.join(_digests_in(lib.engine_lanes_row_digests(row)))}-x{lib.engine_lanes_row_width(row)}",
            name=text_of(lib.engine_lanes_row_name(row)),
            usable=lib.engine_lanes_row_usable(row),
            chosen=row
            == lib.engine_lanes_row_chosen(lib.engine_lanes_row_digests(row), lib.engine_lanes_row_width(row)),
            needs=_features_in(lib.engine_lanes_row_needs(row)),
        )
        for row in range(lib.engine_lanes_row_count())
    )


def fused_passes() -> tuple[KernelRow, ...]:
    """List the rows of the fused pass; each is of a combination of algorithms, their names joined by plus signs."""
    return tuple(
        KernelRow(
            algorithm="+".join(_fused_algorithms(row)),
            name=text_of(lib.engine_fused_row_name(row)),
            usable=lib.engine_fused_row_usable(row),
            chosen=lib.engine_fused_row_chosen(row),
            needs=_features_in(lib.engine_fused_row_needs(row)),
        )
        for row in range(lib.engine_fused_row_count())
    )


def run_kernel(algorithm: str, row_name: str, data: Buffer) -> bytes:
    """Digest `data` with a stated row; checksums are big-endian.

    Raises: KernelUnusable if the row cannot run here, ValueError if there is none of that name.
    """
    place = ROW_PLACES.get((algorithm, row_name))
    if place is None:
        raise ValueError(f"there is no kernel row {algorithm} {row_name}")
    index, row = place
    out = ffi.new("uint8_t[]", lib.engine_algorithm_digest_size(index))
    with buffer_of(data) as view:
        check(lib.engine_row_run(index, row, view, len(view), out), f"running {algorithm} {row_name}")
    return bytes(ffi.buffer(out))


def run_lanes(row: int, messages: Sequence[Buffer]) -> list[dict[str, bytes]]:
    """Digest messages with row `row` of lanes(), at most as many as it takes; each has its digests by name.

    Raises: KernelUnusable if the row cannot run here, ValueError for too many messages
    """
    count, names = len(messages), _digests_in(lib.engine_lanes_row_digests(row))
    if not 0 < count <= lib.engine_lanes_row_width(row):
        raise ValueError(f"{count} messages for {lib.engine_lanes_row_width(row)} lanes")
    outs = {name: ffi.new("uint8_t[]", size * count) for name, size in LANE_DIGESTS.items()}
    with ExitStack() as stack:
        views = [stack.enter_context(buffer_of(message)) for message in messages]
        data, sizes = ffi.new("uint8_t *[]", views), ffi.new("size_t[]", [len(view) for view in views])
        check(lib.engine_lanes_row_run(row, count, data, sizes, outs["MD5"], outs["SHA256"]), f"running lanes {row}")
    return [
        {name: bytes(ffi.buffer(outs[name]))[i * LANE_DIGESTS[name] :][: LANE_DIGESTS[name]] for name in names}
        for i in range(count)
    ]


def _digests_in(digests: int) -> list[str]:
    return [text_of(lib.engine_algorithm_name(i)) for i in range(lib.ENGINE_ALGORITHM_COUNT) if digests >> i & 1]


def _row_places() -> dict[tuple[str, str], tuple[int, int]]:
    """Map algorithm and row name to the indices that C goes by, best rows first."""
    return {
        (text_of(lib.engine_algorithm_name(index)), text_of(lib.engine_row_name(index, row))): (index, row)
        for index in range(lib.ENGINE_ALGORITHM_COUNT)
        for row in range(lib.engine_row_count(index))
    }


def _fused_algorithms(row: int) -> list[str]:
    return _digests_in(lib.engine_fused_row_digests(row)) + [CIPHER] * lib.engine_fused_row_seals(row)


def _features_in(bits: int) -> tuple[str, ...]:
    return tuple(name for i, name in enumerate(feature_names()) if bits >> i & 1)


ROW_PLACES: Final = _row_places()
