"""Ordered names in a real LMDB: any names of any length scan in byte order, from anywhere, and leave no node behind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.meta.lmdb.ordered_names import (
    CHUNK_SIZE,
    ID_SIZE,
    ROW_KEY_SIZE_MAX,
    SUFFIX_SIZE_MAX,
    OrderedNames,
)
from engine.meta.paging import prefix_successor

ROOT, OTHER_ROOT = bytes(7) + b"\x01", bytes(7) + b"\x02"
SUFFIX = b"s" * SUFFIX_SIZE_MAX

STEMS = [b"", b"a" * (CHUNK_SIZE - 1), b"a" * CHUNK_SIZE, b"a" * (CHUNK_SIZE + 1), b"a" * 2 * CHUNK_SIZE, b"\x00" * 300]
STEMS += [b"\xff" * CHUNK_SIZE, b"a" * (CHUNK_SIZE - 1) + b"\x00", b"\x01" * CHUNK_SIZE]
ENDS = st.lists(st.sampled_from([b"\x00", b"\x01", b"\xff", b"a", b"b", b"/"]), max_size=3).map(b"".join)
NAMES = st.builds(lambda stem, end: (stem + end)[:1024], st.sampled_from(STEMS), ENDS).filter(bool) | st.binary(
    min_size=1, max_size=1024
)


class Table:
    """A table of names in a transaction that is never committed."""

    def __init__(self, env: Any, table: Any, txn: Any) -> None:
        self.env, self.table, self.txn = env, table, txn
        self._last = 100
        self.names = OrderedNames(table, self._new_id)

    def _new_id(self, txn: Any) -> bytes:
        self._last += 1
        return self._last.to_bytes(ID_SIZE, "big")

    def clear(self) -> None:
        """Begin anew: an example that failed may have left rows."""
        self.txn.drop(self.table, delete=False)

    def put(self, name: bytes, suffix: bytes = b"", root: bytes = ROOT) -> None:
        row = self.names.ensure(self.txn, root, name) + suffix
        assert len(row) <= ROW_KEY_SIZE_MAX
        self.txn.put(row, name[-8:], db=self.table)

    def delete(self, name: bytes, suffix: bytes = b"", root: bytes = ROOT) -> None:
        row = self.names.find(self.txn, root, name)
        assert row is not None
        assert self.txn.delete(row + suffix, db=self.table)
        self.names.prune(self.txn, root, name)

    def scan(self, lower: bytes = b"", suffix: bytes | None = None, root: bytes = ROOT) -> list[tuple[bytes, bytes]]:
        rows = list(self.names.scan(self.txn, root, lower, suffix))
        assert all(value == name[-8:] for name, _, value in rows)
        return [(name, found) for name, found, _ in rows]

    def row_count(self) -> int:
        return int(self.txn.stat(self.table)["entries"])


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    with lmdb.open(str(tmp_path_factory.mktemp("keys")), max_dbs=1, map_size=1 << 30, sync=False) as env:
        yield env, env.open_db(b"names")


@pytest.fixture
def table(environment: tuple[Any, Any]) -> Iterator[Table]:
    env, handle = environment
    txn = env.begin(write=True)
    yield Table(env, handle, txn)
    txn.abort()


@given(st.sets(NAMES, max_size=12))
def test_names_scan_in_the_order_of_their_bytes_and_prune_to_nothing(table: Table, names: set[bytes]) -> None:
    table.clear()
    for name in names:
        table.put(name)
    assert table.scan() == [(name, b"") for name in sorted(names)]
    for name in names:
        row = table.names.find(table.txn, ROOT, name)
        assert row is not None
        assert table.txn.get(row, db=table.table) == name[-8:]
    for gone, name in enumerate(list(names), 1):
        table.delete(name)
        assert len(table.scan()) == len(names) - gone
    assert table.row_count() == 0


@given(st.sets(NAMES, max_size=12), NAMES | st.just(b""))
def test_a_scan_starts_at_the_first_name_that_is_not_below(table: Table, names: set[bytes], lower: bytes) -> None:
    table.clear()
    for name in names:
        table.put(name)
    assert table.scan(lower) == [(name, b"") for name in sorted(names) if name >= lower]
    for name in names:
        table.delete(name)


SUFFIXES = st.binary(min_size=SUFFIX_SIZE_MAX, max_size=SUFFIX_SIZE_MAX) | st.sampled_from(
    [bytes(SUFFIX_SIZE_MAX), b"\xff" * SUFFIX_SIZE_MAX, b"\x00\x01" * (SUFFIX_SIZE_MAX // 2)]
)


@given(st.sets(st.tuples(NAMES, SUFFIXES), max_size=10), st.data())
def test_names_with_suffixes_scan_by_name_then_suffix_from_any_of_them(
    table: Table, rows: set[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    table.clear()
    for name, suffix in rows:
        table.put(name, suffix)
    lower, suffix = data.draw(st.sampled_from(sorted(rows)) | st.tuples(NAMES, SUFFIXES)) if rows else (b"a", b"")
    assert table.scan(lower, suffix) == sorted(row for row in rows if row >= (lower, suffix))
    assert table.scan() == sorted(rows)
    for name, suffix in rows:
        table.delete(name, suffix)
    assert table.row_count() == 0


@given(st.sets(NAMES, min_size=1, max_size=6), st.sets(NAMES, min_size=1, max_size=6))
def test_the_names_of_two_roots_are_apart(table: Table, ours: set[bytes], theirs: set[bytes]) -> None:
    table.clear()
    for name in ours:
        table.put(name)
    for name in theirs:
        table.put(name, root=OTHER_ROOT)
    assert table.scan() == [(name, b"") for name in sorted(ours)]
    assert table.scan(root=OTHER_ROOT) == [(name, b"") for name in sorted(theirs)]
    for name in ours:
        table.delete(name)
    assert table.names.is_empty(table.txn, ROOT)
    assert not table.names.is_empty(table.txn, OTHER_ROOT)
    for name in theirs:
        table.delete(name, root=OTHER_ROOT)


@given(NAMES, NAMES)
def test_a_name_that_was_not_put_has_no_row(table: Table, put: bytes, asked: bytes) -> None:
    table.clear()
    table.put(put)
    row = table.names.find(table.txn, ROOT, asked)
    found = table.txn.get(row, db=table.table) if row else None
    assert (found is not None) == (put == asked)
    table.delete(put)


def test_long_names_share_the_nodes_of_their_stem(table: Table) -> None:
    stem = b"k" * 1000
    for end in (b"a", b"b", b"c"):
        table.put(stem + end)
    nodes = 1000 // CHUNK_SIZE
    assert table.row_count() == 3 + nodes
    table.delete(stem + b"a")
    assert table.row_count() == 2 + nodes
    assert [name for name, _ in table.scan()] == [stem + b"b", stem + b"c"]


@pytest.mark.parametrize("length", [1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 1023, 1024])
@pytest.mark.parametrize("byte", [b"\x00", b"a", b"\xff"])
def test_a_name_of_any_length_of_any_byte_fits_with_the_longest_suffix(table: Table, byte: bytes, length: int) -> None:
    table.put(byte * length, SUFFIX)
    assert table.scan() == [(byte * length, SUFFIX)]


@given(st.binary(max_size=4), st.binary(max_size=6))
def test_the_successor_of_a_prefix_is_above_all_names_that_begin_with_it_and_nothing_else(
    prefix: bytes, name: bytes
) -> None:
    successor = prefix_successor(prefix)
    if name.startswith(prefix):
        assert not successor or name < successor
    elif name > prefix:
        assert successor
        assert name >= successor


def test_the_longest_row_key_is_that_of_lmdb(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as env:
        assert env.max_key_size() == ROW_KEY_SIZE_MAX
