"""Keeps names of 1,024 bytes and more, in order, in a B-tree whose keys have at most 511 bytes.

A name is escaped so that no name is a prefix of another and byte order is kept (00 becomes 00 FF, the end is 00 00). Up to CHUNK_SIZE
escaped bytes are in one row key, behind the 8-byte id of their parent: a bucket or a node. A longer name is cut: its first chunk,
followed by 01, is the row key of a node, whose value is the node's id, and the rest is below that id. 00 00 sorts before 01, so a name
of just one chunk comes before the longer ones that begin with it, as S3's order wants.

    row key  =  parent id (8)  rest of the escaped name  00 00  suffix           a name, e.g. an upload with suffix time + nonce
             or parent id (8)  chunk (CHUNK_SIZE)  01                            a node
"""

from collections.abc import Callable, Iterator
from typing import Any

ID_SIZE = 8
SUFFIX_SIZE_MAX = 24
ROW_KEY_SIZE_MAX = 511
END = b"\x00\x00"
NODE = b"\x01"
CHUNK_SIZE = ROW_KEY_SIZE_MAX - ID_SIZE - len(END) - SUFFIX_SIZE_MAX

Transaction = Any
"""An LMDB transaction. It is not typed, since only one module imports lmdb."""


def _escape(name: bytes) -> bytes:
    return name.replace(b"\x00", b"\x00\xff")


def _unescape(escaped: bytes) -> bytes:
    return escaped.replace(b"\x00\xff", b"\x00")


class OrderedNames:
    """One table of ordered names; each value is stored under a parent id, a name and a suffix."""

    __slots__ = ("_new_id", "_table")

    def __init__(self, table: Any, new_id: Callable[[Transaction], bytes]) -> None:
        self._table = table
        self._new_id = new_id

    def find(self, txn: Transaction, root: bytes, name: bytes) -> bytes | None:
        """Return the row key of a name, to which a suffix may be appended; None if its nodes do not exist."""
        parent, rest = root, _escape(name)
        while len(rest) > CHUNK_SIZE:
            parent = txn.get(parent + rest[:CHUNK_SIZE] + NODE, db=self._table)
            if parent is None:
                return None
            rest = rest[CHUNK_SIZE:]
        return parent + rest + END

    def ensure(self, txn: Transaction, root: bytes, name: bytes) -> bytes:
        """Return the row key of a name, and create its missing nodes."""
        parent, rest = root, _escape(name)
        while len(rest) > CHUNK_SIZE:
            row = parent + rest[:CHUNK_SIZE] + NODE
            child = txn.get(row, db=self._table)
            if child is None:
                child = self._new_id(txn)
                txn.put(row, child, db=self._table)
            parent, rest = child, rest[CHUNK_SIZE:]
        return parent + rest + END

    def prune(self, txn: Transaction, root: bytes, name: bytes) -> None:
        """Delete the nodes of a name that have become empty. Call this after deleting a row of the name."""
        rows, parent, rest = [], root, _escape(name)
        while len(rest) > CHUNK_SIZE:
            row = parent + rest[:CHUNK_SIZE] + NODE
            parent, rest = txn.get(row, db=self._table), rest[CHUNK_SIZE:]
            rows.append((row, parent))
        for row, child in reversed(rows):
            if not self.is_empty(txn, child):
                break
            txn.delete(row, db=self._table)

    def is_empty(self, txn: Transaction, parent: bytes) -> bool:
        """Tell whether there are no rows below a parent id."""
        with txn.cursor(self._table) as cursor:
            return not (cursor.set_range(parent) and cursor.key()[:ID_SIZE] == parent)

    def scan(
        self, txn: Transaction, root: bytes, lower: bytes, suffix: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield (name, suffix, value) in order, from the first name >= `lower`; with a suffix, from (lower, suffix) on."""
        return self._scan(txn, root, b"", _escape(lower), b"" if suffix is None else END + suffix)

    def _scan(
        self, txn: Transaction, parent: bytes, path: bytes, lower: bytes, tail: bytes
    ) -> Iterator[tuple[bytes, bytes, bytes]]:
        below = len(lower) > CHUNK_SIZE
        node_sought = lower[:CHUNK_SIZE] + NODE
        with txn.cursor(self._table) as cursor:
            if not cursor.set_range(parent + (node_sought if below else lower + tail)):
                return
            for row, value in cursor.iternext():
                if row[:ID_SIZE] != parent:
                    return
                end = row.find(END, ID_SIZE)
                if end >= 0:
                    yield _unescape(path + row[ID_SIZE:end]), row[end + len(END) :], value
                elif below and row[ID_SIZE:] == node_sought:
                    yield from self._scan(txn, value, path + row[ID_SIZE:-1], lower[CHUNK_SIZE:], tail)
                else:
                    yield from self._scan(txn, value, path + row[ID_SIZE:-1], b"", b"")
