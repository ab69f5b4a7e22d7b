"""The airlock to the C core: the only importer of engine._native. C statuses become exceptions, C tables records.

Importing it detects the processor and tests every kernel row (csrc/kernels), once; nothing changes afterwards.
"""

import os
from array import array
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final, TypeAlias

from engine import native_errors
from engine._native import ffi, lib
from engine.record import Record

__all__ = [
    "Buffer",
    "CData",
    "KernelRow",
    "NativeRow",
    "buffer_of",
    "check",
    "ciphers",
    "combine_crcs",
    "cpu_features",
    "cpu_features_detected",
    "failure",
    "ffi",
    "file_system_type",
    "fused_passes",
    "kernels",
    "lanes",
    "lib",
    "libcrypto_version",
    "rows",
    "run_kernel",
    "run_lanes",
]

Buffer: TypeAlias = bytes | bytearray | memoryview
CData: TypeAlias = Any

FAILURES: Final[dict[int, type[native_errors.NativeError]]] = {
    getattr(lib, kind.symbol): kind for kind in native_errors.NativeError.__subclasses__()
}


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


class NativeRow(Record, frozen=True):
    """What C says of a kernel row (struct engine_row_info); `family` and `index` are what its run function knows it by."""

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
        """The names of all that it computes, joined by plus signs."""
        return "+".join(_digests_in(self.digests) + [CIPHER] * self.seals)

    def as_kernel_row(self, algorithm: str) -> KernelRow:
        """The part of it that does not depend on how C counts, under the name that is given."""
        return KernelRow(algorithm, self.name, self.usable, self.chosen, self.needs)


def failure(status: int, doing: str, report: CData = None) -> native_errors.NativeError:
    """Make the exception of a negative status; `doing` begins its message, `report` is the call's engine_report."""
    kind = FAILURES[status]
    if issubclass(kind, OSError):
        return kind(report.os_error, f"{doing}, at byte {report.offset}: {os.strerror(report.os_error)}")
    return kind(f"{doing}: {kind.text}")


def check(status: int, doing: str, report: CData = None) -> int:
    """Return the status of a C call if it is a success.

    Raises: the NativeError of the status otherwise.
    """
    if status < 0:
        raise failure(status, doing, report)
    return status


def buffer_of(data: Buffer) -> AbstractContextManager[CData]:
    """Lend the bytes of a buffer to C without a copy, for the length of a `with`.

    Raises: TypeError for what is no buffer, ValueError for one that is not contiguous.
    """
    try:
        return ffi.from_buffer("uint8_t[]", data)
    except (BufferError, ValueError) as error:
        raise ValueError(f"the buffer must be contiguous bytes: {error}") from error


def kernels() -> tuple[KernelRow, ...]:
    """List the kernel rows of every algorithm, best first."""
    return tuple(row.as_kernel_row(row.algorithm) for row in rows(lib.ENGINE_ROW_DIGEST))


def ciphers() -> tuple[KernelRow, ...]:
    """List the kernel rows of AES-256-GCM, best first."""
    return tuple(row.as_kernel_row(row.algorithm) for row in rows(lib.ENGINE_ROW_GCM))


def lanes() -> tuple[KernelRow, ...]:
    """List the rows that hash many streams at once; an algorithm is named like "MD5+SHA256-x16": its digests, how many streams."""
    return tuple(row.as_kernel_row(f"{row.algorithm}-x{row.streams}") for row in rows(lib.ENGINE_ROW_LANES))


def fused_passes() -> tuple[KernelRow, ...]:
    """List the rows of the fused pass; each is of a combination of algorithms, their names joined by plus signs."""
    return tuple(row.as_kernel_row(row.algorithm) for row in rows(lib.ENGINE_ROW_FUSED))


def rows(family: int) -> tuple[NativeRow, ...]:
    """List the rows of a family, an ENGINE_ROW_* number, in the order of their indices; of the digests, algorithm by algorithm."""
    return tuple(row for row in ROWS if row.family == family)


def run_kernel(algorithm: str, row_name: str, data: Buffer) -> bytes:
    """Digest `data` with a stated row; checksums are big-endian.

    Raises: KernelUnusable if the row cannot run here, ValueError if there is none of that name.
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
    """Digest messages with row `index` of lanes(), at most as many as it takes; each has its digests by name.

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


def combine_crcs(algorithm: str, crcs: Buffer, sizes: Sequence[int]) -> bytes:
    """The CRC of pieces joined, from their CRCs, big-endian one after the other, and their sizes in bytes.

    Raises: ValueError if there is no CRC of that name, or not one for each size
    """
    index = CRC_INDICES.get(algorithm)
    if index is None:
        raise ValueError(f"{algorithm} is no CRC")
    width = lib.engine_algorithm_digest_size(index)
    out = ffi.new("uint8_t[]", width)
    with buffer_of(crcs) as view:
        if len(view) != width * len(sizes):
            raise ValueError(f"{len(sizes)} sizes, but {len(view)} bytes of CRCs")
        lib.engine_crc_combine(index, view, ffi.from_buffer("uint64_t[]", array("Q", sizes)), len(sizes), out)
    return bytes(ffi.buffer(out))


def cpu_features() -> tuple[str, ...]:
    """Name the features of this processor that kernels may use: detected, and not in ENGINE_CPU_DISABLE."""
    return tuple(name for i, name in enumerate(_feature_names()) if lib.engine_cpu_feature_usable(i))


def cpu_features_detected() -> tuple[str, ...]:
    """Name the features that were found, disabled or not."""
    return tuple(name for i, name in enumerate(_feature_names()) if lib.engine_cpu_feature_detected(i))


def libcrypto_version() -> str:
    """Name the libcrypto that is loaded."""
    return _text(lib.engine_libcrypto_version())


def file_system_type(fd: int) -> int:
    """Return statfs(2)'s magic number of the file system that `fd` lies on; 0 where the system has none.

    Raises: FileSystemUnknown
    """
    kind, report = ffi.new("uint32_t *"), ffi.new("struct engine_report *")
    check(lib.engine_file_system_type(fd, kind, report), f"asking for the file system of descriptor {fd}", report)
    return int(kind[0])


def _text(pointer: CData) -> str:
    text = ffi.string(pointer)
    assert isinstance(text, bytes)
    return text.decode("ascii")


def _digests_in(digests: int) -> list[str]:
    return [_text(lib.engine_algorithm_name(i)) for i in range(lib.ENGINE_ALGORITHM_COUNT) if digests >> i & 1]


def _feature_names() -> list[str]:
    return [_text(lib.engine_cpu_feature_name(i)) for i in range(lib.engine_cpu_feature_count())]


def _algorithms_without_row() -> list[str]:
    families = (lib.ENGINE_ROW_DIGEST, lib.ENGINE_ROW_GCM)
    chosen = {row.algorithm for row in _described_rows() if row.chosen and row.family in families}
    names = [_text(lib.engine_algorithm_name(index)) for index in range(lib.ENGINE_ALGORITHM_COUNT)]
    return [name for name in (*names, CIPHER) if name not in chosen]


def _described_rows() -> tuple[NativeRow, ...]:
    info = ffi.new("struct engine_row_info *")
    return tuple(_described(row, info) for row in range(lib.engine_row_count()))


def _described(row: int, info: CData) -> NativeRow:
    lib.engine_row_describe(row, info)
    return NativeRow(
        family=info.family,
        index=info.index,
        name=_text(info.name),
        digests=info.digests,
        seals=info.seals,
        streams=info.streams,
        needs=_features_in(info.needs),
        usable=info.usable,
        chosen=info.chosen,
    )


def _algorithm_index(digest: int) -> int:
    return digest.bit_length() - 1


def _crc_indices() -> dict[str, int]:
    indices = (index for index in range(lib.ENGINE_ALGORITHM_COUNT) if lib.ENGINE_CRCS >> index & 1)
    return {_text(lib.engine_algorithm_name(index)): index for index in indices}


def _features_in(bits: int) -> tuple[str, ...]:
    return tuple(name for i, name in enumerate(_feature_names()) if bits >> i & 1)


def _start() -> None:
    status = lib.engine_init()
    doing = "starting the native core"
    if status == lib.ENGINE_E_CPU_FEATURE:
        doing += f" with ENGINE_CPU_DISABLE={os.environ.get('ENGINE_CPU_DISABLE')!r}"
        doing += f" (allowed names: {', '.join(_feature_names())})"
    if status == lib.ENGINE_E_SELF_TEST:
        doing += f" on {libcrypto_version()}, {', '.join(_algorithms_without_row()) or 'combining CRCs'}"
    check(status, doing)


def _warm_up() -> None:
    """Realise every type of the module while only one thread is here (python-cffi/cffi#271)."""
    for name in dir(lib):
        if callable(getattr(lib, name)):
            ffi.typeof(getattr(lib, name))


_start()
_warm_up()
ROWS: Final = _described_rows()
CRC_INDICES: Final = _crc_indices()
