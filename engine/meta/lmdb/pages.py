"""Checks LMDB's file before LMDB maps it: its meta pages must be sound, and all pages in use must be in the file.

LMDB trusts its meta pages, which have no check value, and maps as much as they state. If the file is shorter, access to a missing page
ends the process (SIGBUS); if it is empty, LMDB makes a new environment of it. Layout: LMDB 0.9's mdb.c (MDB_page, MDB_node, MDB_db,
MDB_meta), on 64-bit little-endian machines.

page    number u64, pad u16, flags u16, then lower u16 and upper u16, or the count of overflow pages u32; offsets of nodes u16 each
node    size or low half of a page number u16, u16, flags (or the page number above 32 bits) u16, key size u16, key, data
table   pad u32 (of the first table: page size), flags u16, depth u16, three counts of pages u64, entries u64, root u64
meta    magic u32, version u32, address u64, map size u64, table of free pages, table of tables, last page u64, transaction id u64

Two meta pages alternate: transaction n writes page n & 1, so their ids differ by one. The last page's number never gets smaller. Each
transaction but the first one of an environment frees pages, and enters them under its id in the table of free pages.
"""

import os
import struct
from collections.abc import Iterator
from io import FileIO

from engine.record import Record

MAGIC = 0xBEEFC0DE
DATA_VERSION = 1
META_COUNT = 2
PAGE_SIZES = tuple(1 << bits for bits in range(9, 17))
NO_PAGE = 2**64 - 1
DEPTH_MAX = 32
"""The maximal depth of a tree in LMDB (CURSOR_STACK)."""
LOOKS_MAX = 100
"""A file that looks damaged is checked again this often if its meta pages have changed meanwhile."""
_BRANCH, _LEAF, _OVERFLOW, _META, _LEAF2 = 0x01, 0x02, 0x04, 0x08, 0x20
_BIG_DATA, _SUB_TABLE = 0x01, 0x02
_PAGE = struct.Struct("<Q2xHHH")
_NODE = struct.Struct("<HHHH")
_TABLE = struct.Struct("<IHH4QQ")
_NUMBER = struct.Struct("<Q")
_COUNT = struct.Struct("<I")
_META_PAGE = struct.Struct("<Q2xH4xIIQQIH34xQ40xQQQ")
"""The fields are page number, flags, magic, version, address, map size, page size, flags of the table of free pages, both roots, last
page and transaction id."""
_INTEGER_KEYS = 0x08
_MAP_SIZE_END = 1 << 47
"""No process can map this much."""


class TornFile(Exception):
    """The file is no sound LMDB environment. The message continues a sentence that begins with the file's name."""


class Meta(Record, frozen=True):
    """The fields of a meta page that are used here."""

    page_size: int
    free_root: int
    main_root: int
    last_page: int
    txnid: int


def check_file(path: str) -> None:
    """Check that LMDB can safely open a file; others may write to it meanwhile.

    Raises:
        TornFile: the file is missing, or its meta pages are damaged, or pages are missing.
        OSError: the file can't be read.
    """
    with _opened(path) as file:
        for _ in range(LOOKS_MAX):
            seen = _heads(file.fileno())
            try:
                size = os.fstat(file.fileno()).st_size  # read after the meta pages: the file only grows
                walk = _Walk(file.fileno(), newest_meta(seen), size)
                walk.check_transaction()
                walk.check_size()
            except TornFile:
                if _heads(file.fileno()) == seen:
                    raise
            else:
                return
        raise TornFile("does not hold still for a look at it")


def check_pages(path: str) -> None:
    """Check every page in use. They must not change meanwhile: nobody writes, or the caller is in a read transaction.

    Raises:
        TornFile: a page is missing, has a wrong number, or is malformed.
        OSError: the file can't be read.
    """
    with _opened(path) as file:
        meta = newest_meta(_settled_heads(file.fileno()))
        for _ in _Walk(file.fileno(), meta, os.fstat(file.fileno()).st_size).pages():
            pass


def newest_meta(heads: tuple[bytes, bytes]) -> Meta:
    """Return the current one of the two meta pages.

    Raises:
        TornFile: one is damaged, or they do not belong together.
    """
    first, second = (_meta(number, head) for number, head in enumerate(heads))
    older, newer = sorted((first, second), key=lambda meta: meta.txnid)
    if first.page_size != second.page_size or newer.txnid - older.txnid > 1 or newer.last_page < older.last_page:
        raise TornFile("has two meta pages that do not belong together")
    return newer if newer.txnid > older.txnid else first


def _opened(path: str) -> FileIO:
    try:
        return FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW))
    except FileNotFoundError:
        raise TornFile("is not there") from None


def _settled_heads(fd: int) -> tuple[bytes, bytes]:
    """Read both meta pages until two readings agree, so that no commit came in between."""
    seen = _heads(fd)
    for _ in range(LOOKS_MAX):
        before, seen = seen, _heads(fd)
        if seen == before:
            break
    return seen


def _heads(fd: int) -> tuple[bytes, bytes]:
    """Read the beginnings of both meta pages; the first one states the page size, which is the offset of the second."""
    first = os.pread(fd, _META_PAGE.size, 0)
    page_size = _META_PAGE.unpack(first)[6] if len(first) == _META_PAGE.size else PAGE_SIZES[0]
    return first, os.pread(fd, _META_PAGE.size, page_size)


def _meta(number: int, head: bytes) -> Meta:
    if not head:
        raise TornFile("is empty" if number == 0 else "ends after its first page")
    if len(head) < _META_PAGE.size:
        raise TornFile(f"ends inside its meta page {number}")
    page, flags, magic, version, address, map_size, page_size, free_flags, *rest = _META_PAGE.unpack(head)
    meta = Meta(page_size, *rest)
    is_sound = (page, flags, magic, address, free_flags) == (number, _META, MAGIC, 0, _INTEGER_KEYS)
    if not is_sound or page_size not in PAGE_SIZES or map_size >= _MAP_SIZE_END:
        raise TornFile(f"has a damaged meta page {number}, or is something else")
    if version != DATA_VERSION:
        raise TornFile(f"is of version {version} of LMDB's format, not {DATA_VERSION}")
    if meta.txnid and meta.txnid & 1 != number:
        raise TornFile(f"has a damaged meta page {number}: it is not where its transaction writes")
    return meta


class _Walk:
    """Reads the pages in use."""

    def __init__(self, fd: int, meta: Meta, size: int) -> None:
        self._fd = fd
        self._meta = meta
        self._size = size

    def check_transaction(self) -> None:
        """Check that the meta page belongs to its transaction. This may not hold for the older meta page: to undo a failed commit, LMDB
        writes the former id into it.
        """
        if self._last_freed() not in (None, self._meta.txnid):
            raise TornFile("has a damaged meta page: its table of free pages is of another transaction")

    def check_size(self) -> None:
        """Check that the file has all pages, or, since the last ones may be free and never written, all pages in use."""
        self.read(self._meta.main_root)
        if self._size < (self._meta.last_page + 1) * self._meta.page_size:
            for _ in self.pages():
                pass

    def pages(self) -> Iterator[int]:
        """Check every page of every tree, and yield its number."""
        seen = set[int]()
        waiting = [root for root in (self._meta.free_root, self._meta.main_root) if root != NO_PAGE]
        while waiting:
            number = waiting.pop()
            if number in seen:
                raise TornFile(f"uses its page {number} twice")
            seen.add(number)
            waiting += self._below(number, self.read(number))
            yield number

    def _last_freed(self) -> int | None:
        """Return the id of the last transaction that freed pages, which is the last key of the table of free pages."""
        number = self._meta.free_root
        for _ in range(DEPTH_MAX):
            if number == NO_PAGE:
                return None
            page = self.read(number)
            _, flags, lower, _ = _PAGE.unpack_from(page)
            if not _PAGE.size < lower < len(page):
                raise TornFile(f"has a damaged page {number}")
            offset = int.from_bytes(page[lower - 2 : lower], "little")
            if flags & _LEAF:
                return int.from_bytes(page[offset + _NODE.size : offset + _NODE.size + _NUMBER.size], "little")
            number = self._below(number, page)[-1]
        raise TornFile("has a table of free pages without an end")

    def read(self, number: int) -> bytes:
        """Read a page of a tree.

        Raises:
            TornFile: the page is missing, or is no page of a tree.
        """
        page = self._read(number)
        if _PAGE.unpack_from(page)[1] & ~_LEAF2 not in (_BRANCH, _LEAF):
            raise TornFile(f"has a damaged page {number}")
        return page

    def _read(self, number: int) -> bytes:
        size = self._meta.page_size
        if not META_COUNT <= number <= self._meta.last_page:
            raise TornFile(f"uses a page {number} which it does not have")
        page = os.pread(self._fd, size, number * size)
        if len(page) < size:
            raise TornFile(f"has {self._size} bytes and ends before its page {number}, which is in use")
        if _PAGE.unpack_from(page)[0] != number:
            raise TornFile(f"has a damaged page {number}")
        return page

    def _below(self, number: int, page: bytes) -> list[int]:
        """Return the child pages of a page, and check its overflow pages."""
        _, flags, lower, upper = _PAGE.unpack_from(page)
        if not _PAGE.size <= lower <= upper <= len(page) or lower & 1:
            raise TornFile(f"has a damaged page {number}")
        if flags & _LEAF2:
            return []
        offsets = struct.unpack_from(f"<{(lower - _PAGE.size) // 2}H", page, _PAGE.size)
        try:
            nodes = [(offset, *_NODE.unpack_from(page, offset)) for offset in offsets]
            if flags & _BRANCH:
                return [low | high << 16 | above << 32 for _, low, high, above, _ in nodes]
            marked = [(offset + _NODE.size + key, kind) for offset, _, _, kind, key in nodes if kind]
            self._check_overflow([_NUMBER.unpack_from(page, data)[0] for data, kind in marked if kind & _BIG_DATA])
            roots = [_TABLE.unpack_from(page, data)[-1] for data, kind in marked if kind & _SUB_TABLE]
        except struct.error:
            raise TornFile(f"has a damaged page {number}") from None
        return [root for root in roots if root != NO_PAGE]

    def _check_overflow(self, numbers: list[int]) -> None:
        for number in numbers:
            page = self._read(number)
            last = number + _COUNT.unpack_from(page, _PAGE.size - _COUNT.size)[0] - 1
            if not _PAGE.unpack_from(page)[1] & _OVERFLOW or not number <= last <= self._meta.last_page:
                raise TornFile(f"has a damaged page {number}")
            if self._size < (last + 1) * self._meta.page_size:
                raise TornFile(f"has {self._size} bytes and ends before its page {last}, which is in use")
