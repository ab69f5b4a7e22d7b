"""The kernel rows of the C core: listing them, and running one of them by name."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from engine.native.ffi import Buffer, CData, buffer_of, check, feature_names, ffi, lib, text_of
from engine.record import Record

CIPHER: Final = "AES-256-GCM"
LANE_DIGESTS: Final = {"MD5": 16, "SHA256": 32}
"""The digests that lanes compute, with their sizes in bytes."""


class KernelRow(Record, frozen=True):
    """One implementation of one algorithm: the processor features it needs, whether it may run here, and whether it is chosen."""

    algorithm: str
    name: str
    usable: bool
    chosen: bool
    needs: tuple[str, ...]


class NativeRow(Record, frozen=True):
    """A kernel row as C describes it (struct engine_row_info); its family's run function addresses it by `index`."""

    family: int
    index: int
    name: str
    digests: int
    """ENGINE_DIGEST_* bits."""
    seals: bool
    streams: int
    needs: tuple[str, ...]
    usable: bool
    chosen: bool

    @property
    def algorithm(self) -> str:
        """Return the names of all algorithms that it computes, joined by plus signs."""
        return "+".join(_digests_in(self.digests) + [CIPHER] * self.seals)

    def as_kernel_row(self, algorithm: str) -> KernelRow:
        """Return the public record of this row, without C's numbers, under this name of its algorithm."""
        return KernelRow(algorithm, self.name, self.usable, self.chosen, self.needs)


def kernels() -> tuple[KernelRow, ...]:
    """List the kernel rows of every algorithm, best first."""
    return tuple(row.as_kernel_row(row.algorithm) for row in rows(lib.ENGINE_ROW_DIGEST))


def ciphers() -> tuple[KernelRow, ...]:
    """List the kernel rows of AES-256-GCM, best first."""
    return tuple(row.as_kernel_row(row.algorithm) for row in rows(lib.ENGINE_ROW_GCM))


def lanes() -> tuple[KernelRow, ...]:
    """List the rows that hash many streams at once; an algorithm is named like "MD5+SHA256-x16": digests, streams."""
    return tuple(row.as_kernel_row(f"{row.algorithm}-x{row.streams}") for row in rows(lib.ENGINE_ROW_LANES))


def fused_passes() -> tuple[KernelRow, ...]:
    """List the rows of the fused pass; each computes a combination of algorithms, their names joined by plus signs."""
    return tuple(row.as_kernel_row(row.algorithm) for row in rows(lib.ENGINE_ROW_FUSED))


def rows(family: int) -> tuple[NativeRow, ...]:
    """List the rows of a family, an ENGINE_ROW_* number, in the order of their indices; digests are grouped by algorithm."""
    return tuple(row for row in ROWS if row.family == family)


def run_kernel(algorithm: str, row_name: str, data: Buffer) -> bytes:
    """Digest `data` with the row of that name; checksums are big-endian.

    Raises: KernelUnusable if the row cannot run here, ValueError if there is no such row
    """
    row = next((row for row in rows(lib.ENGINE_ROW_DIGEST) if (row.algorithm, row.name) == (algorithm, row_name)), None)
    if row is None:
        raise ValueError(f"there is no kernel row {algorithm} {row_name}")
    index = _algorithm_index(row.digests)
    out = ffi.new("uint8_t[]", lib.engine_algorithm_digest_size(index))
    with buffer_of(data) as view:
        check(lib.engine_digest_row_run(index, row.index, view, len(view), out), f"running {algorithm} {row_name}")
    return bytes(ffi.buffer(out))


def run_lanes(index: int, messages: Sequence[Buffer]) -> list[dict[str, bytes]]:
    """Digest messages, at most as many as row `index` of lanes() takes at once; return each one's digests by name.

    Raises: KernelUnusable if the row cannot run here, ValueError for too many messages
    """
    count, row = len(messages), rows(lib.ENGINE_ROW_LANES)[index]
    if not 0 < count <= row.streams:
        raise ValueError(f"{count} messages for {row.streams} lanes")
    outs = {name: ffi.new("uint8_t[]", size * count) for name, size in LANE_DIGESTS.items()}
    with ExitStack() as stack:
        views = [stack.enter_context(buffer_of(message)) for message in messages]
        data, sizes = ffi.new("uint8_t *[]", views), ffi.new("size_t[]", [len(view) for view in views])
        check(
            lib.engine_lanes_row_run(index, count, data, sizes, outs["MD5"], outs["SHA256"]), f"running lanes {index}"
        )
    return [
        {
            name: bytes(ffi.buffer(outs[name]))[i * LANE_DIGESTS[name] :][: LANE_DIGESTS[name]]
            for name in _digests_in(row.digests)
        }
        for i in range(count)
    ]


def _digests_in(digests: int) -> list[str]:
    return [text_of(lib.engine_algorithm_name(i)) for i in range(lib.ENGINE_ALGORITHM_COUNT) if digests >> i & 1]


def _described_rows() -> tuple[NativeRow, ...]:
    info = ffi.new("struct engine_row_info *")
    return tuple(_described(row, info) for row in range(lib.engine_row_count()))


def _described(row: int, info: CData) -> NativeRow:
    lib.engine_row_describe(row, info)
    return NativeRow(
        family=info.family,
        index=info.index,
        name=text_of(info.name),
        digests=info.digests,
        seals=info.seals,
        streams=info.streams,
        needs=_features_in(info.needs),
        usable=info.usable,
        chosen=info.chosen,
    )


def _algorithm_index(digest: int) -> int:
    return digest.bit_length() - 1


def _features_in(bits: int) -> tuple[str, ...]:
    return tuple(name for i, name in enumerate(feature_names()) if bits >> i & 1)


ROWS: Final = _described_rows()
