"""Secrets of 32 bytes as handles: the bytes stay in C, in pages that core dumps leave out, and are wiped at the end.

Nothing here returns a key's bytes, and a handle's repr shows none. A key that a request or a provider brings as Python bytes is
copied into C at once, but the original bytes can't be wiped.
"""

from collections.abc import Callable
from typing import Final, NoReturn

from engine.closing import Closing
from engine.native.ffi import Buffer, CData, buffer_of, check, failure, ffi, lib

KEY_SIZE: Final[int] = lib.ENGINE_KEY_SIZE
WRAPPED_KEY_SIZE: Final[int] = lib.ENGINE_WRAPPED_KEY_SIZE
NONCE_SIZE: Final[int] = lib.ENGINE_NONCE_SIZE
TAG_SIZE: Final[int] = lib.ENGINE_TAG_SIZE
PAGE_SIZE: Final = 4096
"""The approximate size of a handle in C, which the garbage collector counts."""
TEXT_SIZE_MAX: Final = 4096
"""Bytes of the longest text that is sealed directly under a key, without segments."""


class Secret(Closing):
    """A key. May be used by several threads; use it in a `with`, or close it.

    Its users are not counted: each C call gets the handle as an argument and so has a reference to it, and dropping the last reference
    wipes the key. So no exception, at whatever instruction, can leave a key unwiped.
    """

    __slots__ = ("_handle",)

    def __init__(self, make: Callable[[CData], int], doing: str, report: CData = None) -> None:
        """Take over the key whose handle `make` writes to the pointer that it is given."""
        handle_out = ffi.new("engine_key **")
        check(make(handle_out), doing, report)
        self._handle: CData | None = ffi.gc(handle_out[0], lib.engine_key_close, PAGE_SIZE)

    @staticmethod
    def of_bytes(raw: Buffer) -> "Secret":
        """Take over a key of 32 bytes.

        Raises: ValueError for another length, OutOfMemory
        """
        with buffer_of(raw) as view:
            if len(view) != KEY_SIZE:
                raise ValueError(f"a key has {KEY_SIZE} bytes, not {len(view)}")
            return Secret(lambda handle_out: lib.engine_key_of_bytes(view, handle_out), "taking over a key")

    @staticmethod
    def of_base64(text: bytes) -> "Secret":
        """Take over a key in base64, as a header has it.

        Raises: KeyTextInvalid, OutOfMemory
        """
        return Secret(lambda handle_out: lib.engine_key_of_base64(text, len(text), handle_out), "reading a key")

    @staticmethod
    def random() -> "Secret":
        """Draw a new key."""
        return Secret(lib.engine_key_random, "drawing a key")

    @staticmethod
    def read(fd: int, offset: int) -> "Secret":
        """Read a key from a file.

        Raises: ReadFailed, also if the file is too short
        """
        report = ffi.new("struct engine_report *")
        return Secret(lambda handle_out: lib.engine_key_read(fd, offset, handle_out, report), "reading a key", report)

    def write(self, fd: int, offset: int) -> None:
        """Write the raw key into a file.

        Raises: WriteFailed
        """
        report = ffi.new("struct engine_report *")
        check(lib.engine_key_write(self.handle, fd, offset, report), "writing a key", report)

    def derive(self, info: bytes, salt: bytes | None = None) -> "Secret":
        """Derive a key for the label `info` by HKDF. Without a salt only HKDF-Expand is used, which suits a uniformly random key."""
        return Secret(
            lambda handle_out: lib.engine_key_derive(*_derivation(self.handle, info, salt), handle_out),
            "deriving a key",
        )

    def commitment(self, info: bytes, salt: bytes | None = None) -> bytes:
        """Derive 32 bytes that may be stored: they reveal whether another key is the same one, and nothing else of it."""
        out = ffi.new("uint8_t[]", lib.ENGINE_COMMITMENT_SIZE)
        check(lib.engine_key_commit(*_derivation(self.handle, info, salt), out), "committing to a key")
        return bytes(ffi.buffer(out))

    def hmac(self, data: bytes) -> bytes:
        """Return the HMAC-SHA-256 of `data` under this key."""
        out = ffi.new("uint8_t[]", 32)
        check(lib.engine_key_hmac(self.handle, data, len(data), out), "authenticating")
        return bytes(ffi.buffer(out))

    def md5(self) -> bytes:
        """Return the MD5 of the key itself, which S3's requests carry beside it."""
        out = ffi.new("uint8_t[]", 16)
        check(lib.engine_key_md5(self.handle, out), "digesting a key")
        return bytes(ffi.buffer(out))

    def seal(self, nonce: bytes, aad: bytes, data: bytes) -> bytes:
        """Encrypt a short text and append the tag. A nonce must be used only once with a key."""
        _check_nonce(nonce)
        _check_size(data, TEXT_SIZE_MAX)
        out = ffi.new("uint8_t[]", len(data) + TAG_SIZE)
        check(lib.engine_key_seal(self.handle, nonce, aad, len(aad), data, len(data), out), "sealing")
        return bytes(ffi.buffer(out))

    def open(self, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
        """Decrypt a text that `seal` encrypted.

        Raises: SealedDamaged
        """
        _check_nonce(nonce)
        _check_size(sealed, TEXT_SIZE_MAX + TAG_SIZE)
        if len(sealed) < TAG_SIZE:
            raise failure(lib.ENGINE_E_SEALED_DAMAGED, "opening")
        out = ffi.new("uint8_t[]", max(1, len(sealed) - TAG_SIZE))
        check(lib.engine_key_open(self.handle, nonce, aad, len(aad), sealed, len(sealed), out), "opening")
        return bytes(ffi.buffer(out, len(sealed) - TAG_SIZE))

    def wrap(self, nonce: bytes, aad: bytes, secret: "Secret") -> bytes:
        """Encrypt another key under this one. A nonce must be used only once with a key."""
        _check_nonce(nonce)
        out = ffi.new("uint8_t[]", WRAPPED_KEY_SIZE)
        status = lib.engine_key_wrap(self.handle, nonce, aad, len(aad), secret.handle, out)
        check(status, "wrapping a key")
        return bytes(ffi.buffer(out))

    def unwrap(self, nonce: bytes, aad: bytes, wrapped: bytes) -> "Secret":
        """Decrypt a key that `wrap` encrypted.

        Raises: SealedDamaged
        """
        _check_nonce(nonce)
        doing = "unwrapping a key"
        if len(wrapped) != WRAPPED_KEY_SIZE:
            raise failure(lib.ENGINE_E_SEALED_DAMAGED, doing)
        return Secret(
            lambda handle_out: lib.engine_key_unwrap(self.handle, nonce, aad, len(aad), wrapped, handle_out), doing
        )

    @property
    def handle(self) -> CData:
        """Return the C handle, to be passed to one call directly: bound to a name, it would keep the key from being wiped.

        Raises: ValueError, the key is closed
        """
        handle = self._handle
        if handle is None:
            raise ValueError("the key is closed")
        return handle

    def close(self) -> None:
        """Wipe the key as soon as no call of another thread uses it. Closing twice is allowed."""
        self._handle = None

    def __repr__(self) -> str:
        return "<Secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is neither copied nor pickled")


class PartKey:
    """The key for sealing or opening one part: the key of its upload, which is borrowed, and the part's number."""

    __slots__ = ("key", "part_number")

    def __init__(self, key: Secret, part_number: int) -> None:
        self.key = key
        self.part_number = part_number

    def __repr__(self) -> str:
        return f"<PartKey of part {self.part_number}>"


def _derivation(handle: CData, info: bytes, salt: bytes | None) -> tuple[CData, CData, int, bytes, int]:
    _check_size(info, lib.ENGINE_INFO_SIZE_MAX)
    return handle, ffi.NULL if salt is None else salt, len(salt or b""), info, len(info)


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) != NONCE_SIZE:
        raise ValueError(f"a nonce has {NONCE_SIZE} bytes, not {len(nonce)}")


def _check_size(text: bytes, size_max: int) -> None:
    if len(text) > size_max:
        raise ValueError(f"{len(text)} bytes, more than {size_max}")


DIGEST_OVERHEAD: Final[int] = NONCE_SIZE + lib.ENGINE_TAG_SIZE
