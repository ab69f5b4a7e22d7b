"""The errors of the C core: one class for each negative status.

NativeError
├── ReadFailed, WriteFailed, FileSystemUnknown   also OSError
├── OutOfMemory                                  also MemoryError
├── StreamFinished, StreamBroken
├── KeyTextInvalid, KeyMismatch, SealedFormatUnknown, SealedDamaged
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
    """Libcrypto refused: no provider offers the algorithm, or there is no memory."""

    symbol = "ENGINE_E_LIBCRYPTO"
    text = "libcrypto refused"


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
    """An earlier call failed half-way, so neither the digests nor the file can be trusted."""

    symbol = "ENGINE_E_STREAM_BROKEN"
    text = "an earlier call on this stream failed"


class CpuFeatureUnknown(NativeError):
    """The environment variable ENGINE_CPU_DISABLE names a processor feature that the core does not know."""

    symbol = "ENGINE_E_CPU_FEATURE"
    text = "ENGINE_CPU_DISABLE names an unknown processor feature"


class SelfTestFailed(NativeError):
    """An algorithm has no kernel row that passes its known-answer test on this machine."""

    symbol = "ENGINE_E_SELF_TEST"
    text = "no kernel row passes its known-answer test"


class KernelUnusable(NativeError):
    """A kernel row was addressed that this processor can't run, that is switched off, or that failed its test."""

    symbol = "ENGINE_E_KERNEL_UNUSABLE"
    text = "this kernel row cannot run here"


class FileSystemUnknown(NativeError, OSError):
    """The type of the file system could not be found out; `errno` says why."""

    symbol = "ENGINE_E_FILE_SYSTEM"
    text = "fstatfs failed"


class KeyTextInvalid(NativeError):
    """The text is not the base64 of a key of 32 bytes."""

    symbol = "ENGINE_E_KEY_TEXT"
    text = "this is not the base64 of 32 bytes"


class KeyMismatch(NativeError):
    """The bytes were sealed with another key or for another part, which is found out before anything is decrypted."""

    symbol = "ENGINE_E_KEY_MISMATCH"
    text = "the bytes were sealed with another key, or for another part"


class SealedFormatUnknown(NativeError):
    """The bytes are not a sealed part of a known format, or have a length that no sealed part has."""

    symbol = "ENGINE_E_SEALED_FORMAT"
    text = "this is no sealed part of a known format"


class SealedDamaged(NativeError):
    """The bytes are not those that were sealed, or not in their order."""

    symbol = "ENGINE_E_SEALED_DAMAGED"
    text = "a tag is wrong: the bytes are not as they were sealed"
