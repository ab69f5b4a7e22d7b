"""Makes pages of S3's listings (prefix, delimiter, marker and limit) from any ordered scan of rows."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from engine.meta import Page

Item = TypeVar("Item")
Row = tuple[bytes, bytes, Any]
Scan = Callable[[bytes, bytes | None], Iterator[Row]]
"""scan(lower name, lower suffix) -> (name, suffix, value) in order; a name whose value is None is not listed."""
UNLISTED_MAX = 10_000
"""So many names that are not listed end a page, which bounds its work; S3 too may return fewer keys than asked for."""


def rolled_up(name: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """Return the common prefix that a listing shows instead of a name, or None."""
    if not delimiter or not name.startswith(prefix):
        return None
    found = name.find(delimiter, len(prefix))
    return name[: found + len(delimiter)] if found >= 0 else None


def page_of(
    scan: Scan,
    make: Callable[[Row], Item],
    *,
    prefix: bytes,
    delimiter: bytes,
    marker: bytes,
    marker_suffix: bytes | None,
    limit: int,
    passed: bytes | None = None,
) -> Page[Item]:
    """Return the page after the row (marker, marker_suffix), or, without a suffix, after every row named `marker`.

    A marker inside a common prefix skips the whole prefix, as S3 does. `passed` is where an earlier page ended amid names
    that are not listed, empty if there was none; a page ends there only if the caller can go on after any name, and says so.
    """
    items: list[Item] = []
    prefixes: list[bytes] = []
    if limit == 0:
        return Page((), (), is_truncated=False)
    unlisted = 0
    rows: Iterator[Row] | None
    rows = scan(passed + b"\x00", None) if passed else _start(scan, prefix, delimiter, marker, marker_suffix)
    while rows is not None:
        going, rows = rows, None
        for row in going:
            name = row[0]
            if not name.startswith(prefix):
                break
            if row[2] is None:
                unlisted += 1
                if unlisted >= UNLISTED_MAX and passed is not None:
                    return Page(tuple(items), tuple(prefixes), is_truncated=True, passed=name)
                continue
            if len(items) + len(prefixes) == limit:
                return Page(tuple(items), tuple(prefixes), is_truncated=True)
            common = rolled_up(name, prefix, delimiter) if delimiter else None
            if common is not None:
                prefixes.append(common)
                rows = _scan_past(scan, common)
                break
            items.append(make(row))
    return Page(tuple(items), tuple(prefixes), is_truncated=False)


def _start(scan: Scan, prefix: bytes, delimiter: bytes, marker: bytes, marker_suffix: bytes | None) -> Iterator[Row]:
    if not marker or marker < prefix:
        return scan(prefix, None)
    common = rolled_up(marker, prefix, delimiter)
    if common is not None:
        return _scan_past(scan, common)
    if marker_suffix is not None:
        return scan(marker, marker_suffix + b"\x00")
    return scan(marker + b"\x00", None)


def _scan_past(scan: Scan, prefix: bytes) -> Iterator[Row]:
    successor = prefix_successor(prefix)
    return scan(successor, None) if successor else iter(())


def prefix_successor(prefix: bytes) -> bytes:
    """Return the smallest name above every name that begins with `prefix`; empty if there is none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else b""
