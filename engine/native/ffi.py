"""The binding to the C core, and the only importer of engine._native. It turns C statuses into exceptions.

Importing it detects the processor and tests every kernel row (csrc/kernels) once; the choice of rows does not change afterwards.
"""

import os
from array import array
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, TypeAlias

from engine._native import ffi, lib
from engine.native import errors as native_errors

__all__ = [
    "Buffer",
    "CData",
    "buffer_of",
    "check",
    "combine_crcs",
    "cpu_features",
    "cpu_features_detected",
    "failure",
    "ffi",
    "file_system_type",
    "lib",
    "libcrypto_version",
]

Buffer: TypeAlias = bytes | bytearray | memoryview
CData: TypeAlias = Any

FAILURES: Final[dict[int, type[native_errors.NativeError]]] = {
    getattr(lib, kind.symbol): kind for kind in native_errors.NativeError.__subclasses__()
}


def failure(status: int, doing: str, report: CData = None) -> native_errors.NativeError:
    """Make the exception of a negative status; `doing` begins its message, `report` is the call's engine_report."""
    kind = FAILURES[status]
    if issubclass(kind, OSError):
        return kind(report.os_error, f"{doing}, at byte {report.offset}: {os.strerror(report.os_error)}")
    return kind(f"{doing}: {kind.text}")


def check(status: int, doing: str, report: CData = None) -> int:
    """Return the status of a C call if it succeeded.

    Raises: the NativeError of a negative status
    """
    if status < 0:
        raise failure(status, doing, report)
    return status


def buffer_of(data: Buffer) -> AbstractContextManager[CData]:
    """Lend the bytes of a buffer to C without a copy, for the length of a `with`.

    Raises: TypeError for an object that is not a buffer, ValueError for a buffer that is not contiguous
    """
    try:
        return ffi.from_buffer("uint8_t[]", data)
    except (BufferError, ValueError) as error:
        raise ValueError(f"the buffer must be contiguous bytes: {error}") from error


def combine_crcs(algorithm: str, crcs: Buffer, sizes: Sequence[int]) -> bytes:
    """Return the CRC of joined pieces, given their CRCs (big-endian, one after the other) and their sizes in bytes.

    Raises: ValueError if there is no CRC of that name, or the CRCs are not one for each size
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
    """Name the processor features that kernels may use: those detected and not disabled by ENGINE_CPU_DISABLE."""
    return tuple(name for i, name in enumerate(feature_names()) if lib.engine_cpu_feature_usable(i))


def cpu_features_detected() -> tuple[str, ...]:
    """Name the processor features that were detected, disabled or not."""
    return tuple(name for i, name in enumerate(feature_names()) if lib.engine_cpu_feature_detected(i))


def libcrypto_version() -> str:
    """Return the version text of the loaded libcrypto."""
    return text_of(lib.engine_libcrypto_version())


def file_system_type(fd: int) -> int:
    """Return statfs(2)'s magic number of the file system that `fd` lies on; 0 if the operating system has none.

    Raises: FileSystemUnknown
    """
    kind, report = ffi.new("uint32_t *"), ffi.new("struct engine_report *")
    check(lib.engine_file_system_type(fd, kind, report), f"asking for the file system of descriptor {fd}", report)
    return int(kind[0])


def text_of(pointer: CData) -> str:
    text = ffi.string(pointer)
    assert isinstance(text, bytes)
    return text.decode("ascii")


def feature_names() -> list[str]:
    return [text_of(lib.engine_cpu_feature_name(i)) for i in range(lib.engine_cpu_feature_count())]


def _algorithms_without_row() -> list[str]:
    info: CData = ffi.new("struct engine_row_info *")
    chosen = 0
    for row in range(lib.engine_row_count()):
        lib.engine_row_describe(row, info)
        if info.chosen and info.family in (lib.ENGINE_ROW_DIGEST, lib.ENGINE_ROW_GCM):
            chosen |= info.digests or 1 << lib.ENGINE_ALGORITHM_COUNT
    names = [text_of(lib.engine_algorithm_name(index)) for index in range(lib.ENGINE_ALGORITHM_COUNT)]
    return [name for index, name in enumerate([*names, "AES-256-GCM"]) if not chosen >> index & 1]


def _crc_indices() -> dict[str, int]:
    indices = (index for index in range(lib.ENGINE_ALGORITHM_COUNT) if lib.ENGINE_CRCS >> index & 1)
    return {text_of(lib.engine_algorithm_name(index)): index for index in indices}


def _start() -> None:
    status = lib.engine_init()
    doing = "starting the native core"
    if status == lib.ENGINE_E_CPU_FEATURE:
        doing += f" with ENGINE_CPU_DISABLE={os.environ.get('ENGINE_CPU_DISABLE')!r}"
        doing += f" (allowed names: {', '.join(feature_names())})"
    if status == lib.ENGINE_E_SELF_TEST:
        doing += f" on {libcrypto_version()}, {', '.join(_algorithms_without_row()) or 'combining CRCs'}"
    check(status, doing)


def _warm_up() -> None:
    """Realise every type of the module while only one thread exists (python-cffi/cffi#271)."""
    for name in dir(lib):
        if callable(getattr(lib, name)):
            ffi.typeof(getattr(lib, name))


_start()
_warm_up()
CRC_INDICES: Final = _crc_indices()
