"""Pages of listings against a model that looks at every name: prefix, delimiter, markers and limit in any combination."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.meta import Page
from engine.meta.paging import Row, page_of, rolled_up

NAME = st.lists(st.sampled_from([b"a", b"b", b"/", b"\x00", b"\xff"]), max_size=4).map(b"".join)
SUFFIX = st.sampled_from([b"1", b"2", b"3"])
ROWS = st.sets(st.tuples(NAME.filter(bool), SUFFIX), max_size=14).map(sorted)
DELIMITER = st.sampled_from([b"", b"/", b"a/", b"\x00", b"//"])
Pair = tuple[bytes, bytes]


def listed(
    rows: list[Pair], prefix: bytes, delimiter: bytes, marker: bytes, marker_suffix: bytes | None, limit: int
) -> Page[Pair]:
    """The page of some rows by the code under test."""

    def scan(lower: bytes, suffix: bytes | None) -> Iterator[Row]:
        return ((*row, b"value") for row in rows if row >= (lower, suffix or b""))

    return page_of(
        scan,
        lambda row: row[:2],
        prefix=prefix,
        delimiter=delimiter,
        marker=marker,
        marker_suffix=marker_suffix,
        limit=limit,
    )


def modelled(
    rows: list[Pair], prefix: bytes, delimiter: bytes, marker: bytes, marker_suffix: bytes | None, limit: int
) -> Page[Pair]:
    """The same page by looking at every row: what is after the marker, then rolled up, then cut."""
    passed = common_of(marker, prefix, delimiter) if marker else None
    entries: list[Pair | bytes] = []
    for name, suffix in rows:
        if not name.startswith(prefix):
            continue
        if passed is not None:
            if name < marker or name.startswith(passed):
                continue
        elif marker and (name, suffix) <= (marker, b"\xff" if marker_suffix is None else marker_suffix):
            continue
        entry = common_of(name, prefix, delimiter) or (name, suffix)
        if entry not in entries:
            entries.append(entry)
    shown = entries[:limit]
    return Page(
        tuple(entry for entry in shown if isinstance(entry, tuple)),
        tuple(entry for entry in shown if isinstance(entry, bytes)),
        is_truncated=len(entries) > limit > 0,
    )


def common_of(name: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    head, found, _ = name.removeprefix(prefix).partition(delimiter) if delimiter else (b"", b"", b"")
    return prefix + head + delimiter if found and name.startswith(prefix) else None


@settings(max_examples=400)
@given(ROWS, NAME, DELIMITER, NAME, st.none() | SUFFIX, st.integers(0, 6))
def test_any_page_is_that_of_the_model(
    rows: list[Pair], prefix: bytes, delimiter: bytes, marker: bytes, marker_suffix: bytes | None, limit: int
) -> None:
    asked = (rows, prefix, delimiter, marker, marker_suffix, limit)
    assert listed(*asked) == modelled(*asked)


@settings(max_examples=200)
@given(ROWS, NAME, DELIMITER, st.integers(1, 4))
def test_pages_one_after_the_other_show_everything_once_in_order(
    rows: list[Pair], prefix: bytes, delimiter: bytes, limit: int
) -> None:
    whole = listed(rows, prefix, delimiter, b"", None, 1000)
    items: list[Pair] = []
    prefixes: list[bytes] = []
    marker, marker_suffix = b"", None
    for _ in range(len(rows) + 1):
        page = listed(rows, prefix, delimiter, marker, marker_suffix, limit)
        items += page.items
        prefixes += page.common_prefixes
        if not page.is_truncated:
            break
        ends = [*page.items[-1:], *((common, None) for common in page.common_prefixes[-1:])]
        marker, marker_suffix = max(ends, key=lambda end: end[0])
    assert (items, prefixes) == (list(whole.items), list(whole.common_prefixes))


@pytest.mark.parametrize(
    ("name", "prefix", "delimiter", "common"),
    [
        (b"a/b/c", b"", b"/", b"a/"),
        (b"a/b/c", b"a/", b"/", b"a/b/"),
        (b"a/b/c", b"a/b/c", b"/", None),
        (b"a/b/c", b"a", b"/", b"a/"),
        (b"a/b/c", b"b", b"/", None),
        (b"a/b/c", b"", b"", None),
        (b"a//c", b"", b"//", b"a//"),
        (b"/", b"", b"/", b"/"),
    ],
)
def test_a_name_rolls_up_to_its_first_delimiter_after_the_prefix(
    name: bytes, prefix: bytes, delimiter: bytes, common: bytes | None
) -> None:
    assert rolled_up(name, prefix, delimiter) == common
