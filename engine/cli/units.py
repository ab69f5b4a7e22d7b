"""Read sizes and spans of time as people write them on a command line, and write sizes for people."""

import re
from argparse import ArgumentTypeError
from datetime import timedelta

_SIZE_UNITS = {"": 1, "b": 1}
_SIZE_UNITS |= {f"{letter}{tail}": 1024**power for power, letter in enumerate("kmgt", 1) for tail in ("ib", "i")}
_SIZE_UNITS |= {f"{letter}{tail}": 1000**power for power, letter in enumerate("kmgt", 1) for tail in ("b", "")}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def size_bytes(text: str) -> int:
    """Read `16MiB` (1024s), `16MB` (1000s) or `16777216`.

    Raises:
        ArgumentTypeError: it is not a size.
    """
    found = re.fullmatch(r"\s*(\d+)\s*([A-Za-z]*)\s*", text)
    unit = _SIZE_UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ArgumentTypeError(f"not a size: {text!r} (16MiB, 64MB and 8388608 are)")
    return int(found[1]) * unit


def span(text: str) -> timedelta:
    """Read `7d`, `12h`, `30m`, `45s` or `2w`.

    Raises:
        ArgumentTypeError: it is not a span of time.
    """
    found = re.fullmatch(r"\s*(\d+)\s*([smhdw])\s*", text)
    if found is None:
        raise ArgumentTypeError(f"not a span of time: {text!r} (7d, 12h, 30m and 45s are)")
    try:
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    except OverflowError:
        raise ArgumentTypeError(f"too long a span of time: {text!r}") from None


def whole_number(text: str) -> int:
    """Read a number from 1 up.

    Raises:
        ArgumentTypeError: it is not such a number.
    """
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"not a number from 1 up: {text!r}")
    return int(text)


def readable(size: float) -> str:
    """Write a number of bytes for people: `1.5 GiB`."""
    if size < 1024:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"
