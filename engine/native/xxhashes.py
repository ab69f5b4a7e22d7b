"""The XXHASH digests. They need the `xxhash` package, which is imported only when one of them is first requested."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Protocol


class Hasher(Protocol):
    """A digest that is being computed."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Add bytes to the digest."""

    def digest(self) -> bytes:
        """Return the digest of all bytes added so far, big-endian."""


@functools.cache
def _package() -> ModuleType | None:
    try:
        import xxhash
    except ImportError:
        return None
    return xxhash


def hasher(name: str) -> Callable[[], Hasher] | None:
    """Return what starts a digest with seed 0: XXHASH64, XXHASH3 (64 bits) or XXHASH128 (XXH3, 128 bits); None without the package."""
    package = _package()
    if package is None:
        return None
    makers: dict[str, Callable[[], Hasher]] = {
        "XXHASH64": package.xxh64,
        "XXHASH3": package.xxh3_64,
        "XXHASH128": package.xxh3_128,
    }
    return makers[name]
