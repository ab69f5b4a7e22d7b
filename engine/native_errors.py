"""The errors of the C core, one class a status.

NativeError
├── ReadFailed, WriteFailed, FileSystemUnknown   also OSError
├── OutOfMemory                                  also MemoryError
├── StreamFinished, StreamBroken
└── LibcryptoFailed, SelfTestFailed, CpuFeatureUnknown, KernelUnusable
"""

from typing import ClassVar

from engine.errors import EngineError


class NativeError(EngineError):
    """A negative status of the C core; `symbol` is its name in csrc/engine.h."""

    symbol: ClassVar[str]
    text: ClassVar[str]


class OutOfMemory(NativeError, MemoryError):
    """An allocation in C failed."""

    symbol = "ENGINE_E_MEMORY"
    text = "out of memory"


class LibcryptoFailed(NativeError):
    """Libcrypto refused a digest: no provider offers it, or there is no memory."""

    symbol = "ENGINE_E_LIBCRYPTO"
    text = "libcrypto refused the digest"


class ReadFailed(NativeError, OSError):
    """The input could not be read; `errno` says why. The stream may go on."""

    symbol = "ENGINE_E_READ"
    text = "read failed"


class WriteFailed(NativeError, OSError):
    """The output could not be written; `errno` says why (ENOSPC: full). The stream is broken."""

    symbol = "ENGINE_E_WRITE"
    text = "write failed"


class StreamFinished(NativeError):
    """Bytes were offered after a digest had been taken."""

    symbol = "ENGINE_E_STREAM_FINISHED"
    text = "a digest was already taken; the stream takes no more bytes"


class StreamBroken(NativeError):
    """An earlier call failed half way, so neither the digests nor the file can be trusted."""

    symbol = "ENGINE_E_STREAM_BROKEN"
    text = "an earlier call on this stream failed"


class CpuFeatureUnknown(NativeError):
    """The environment variable ENGINE_CPU_DISABLE names something that is no feature of ours."""

    symbol = "ENGINE_E_CPU_FEATURE"
    text = "ENGINE_CPU_DISABLE names an unknown processor feature"


class SelfTestFailed(NativeError):
    """An algorithm has no kernel row that gives the right answers here."""

    symbol = "ENGINE_E_SELF_TEST"
    text = "no kernel row passes its known-answer test"


class KernelUnusable(NativeError):
    """A kernel row was addressed that this processor lacks, that is switched off, or that failed its test."""

    symbol = "ENGINE_E_KERNEL_UNUSABLE"
    text = "this kernel row cannot run here"


class FileSystemUnknown(NativeError, OSError):
    """The kind of the file system could not be asked; `errno` says why."""

    symbol = "ENGINE_E_FILE_SYSTEM"
    text = "fstatfs failed"
