"""The XXHASH family, from the `xxhash` package, which is imported only when one is asked for; without it there are none."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Protocol


class Hasher(Protocol):
    """A digest under way."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take bytes."""

    def digest(self) -> bytes:
        """The digest of what came so far, big-endian."""


@functools.cache
def _package() -> ModuleType | None:
    try:
        import xxhash
    except ImportError:
        return None
    return xxhash


def hasher(name: str) -> Callable[[], Hasher] | None:
    """What begins a digest with seed 0: XXHASH64, XXHASH3 (of 64 bits) or XXHASH128 (XXH3 of 128); None without the package."""
    package = _package()
    if package is None:
        return None
    makers: dict[str, Callable[[], Hasher]] = {
        "XXHASH64": package.xxh64,
        "XXHASH3": package.xxh3_64,
        "XXHASH128": package.xxh3_128,
    }
    return makers[name]
