"""LMDB's file, looked at before LMDB maps it: whether its meta pages are sound, and whether all pages in use are there.

LMDB believes its meta pages, which have no check value, and maps what they promise: of a file that is shorter the first look at what
is missing ends the process (SIGBUS), and one that is empty becomes a new environment. Layout: LMDB 0.9's mdb.c (MDB_page, MDB_node,
MDB_db, MDB_meta), on 64-bit machines of little-endian order.

page    number u64, pad u16, flags u16, then lower u16 and upper u16, or the count of overflow pages u32; offsets of nodes u16 each
node    size or low half of a page number u16, u16, flags (or the page number above 32 bits) u16, key size u16, key, data
table   pad u32 (of the first table: page size), flags u16, depth u16, three counts of pages u64, entries u64, root u64
meta    magic u32, version u32, address u64, map size u64, table of free pages, table of tables, last page u64, transaction id u64

Two meta pages alternate: transaction n writes page n & 1, so their ids are neighbours; and the last page's number never gets smaller.
Each transaction but the first one of an environment frees pages, under its own id in the table of free pages.
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
"""Of a tree in LMDB (CURSOR_STACK)."""
LOOKS_MAX = 100
"""How often a file that looks damaged is looked at again because its meta pages have changed meanwhile."""
_BRANCH, _LEAF, _OVERFLOW, _META, _LEAF2 = 0x01, 0x02, 0x04, 0x08, 0x20
_BIG_DATA, _SUB_TABLE = 0x01, 0x02
_PAGE = struct.Struct("<Q2xHHH")
_NODE = struct.Struct("<HHHH")
_TABLE = struct.Struct("<IHH4QQ")
_NUMBER = struct.Struct("<Q")
_COUNT = struct.Struct("<I")
_META_PAGE = struct.Struct("<Q2xH4xIIQQIH34xQ40xQQQ")
"""Page number, flags, magic, version, address, map size, page size, flags of the table of free pages, both roots, last page, txnid."""
_INTEGER_KEYS = 0x08
_MAP_SIZE_END = 1 << 47
"""Above what a process can map."""


class TornFile(Exception):
    """The file is no whole LMDB environment; the text goes on after its name."""


class Meta(Record, frozen=True):
    """What one meta page says."""

    page_size: int
    free_root: int
    main_root: int
    last_page: int
    txnid: int


def check_file(path: str) -> None:
    """Make sure that LMDB can open a file and map all that it will look at; writers may be at work meanwhile.

    Raises:
        TornFile: it is not there, or its meta pages are damaged, or pages are missing.
        OSError: it can't be read.
    """
    with _opened(path) as file:
        for _ in range(LOOKS_MAX):
            seen = _heads(file.fileno())
            try:
                size = os.fstat(file.fileno()).st_size  # after the look at what promises it: files only grow
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
    """Walk over every page that is in use, in a file that keeps them: nobody writes, or a read transaction is held.

    Raises:
        TornFile: a page is missing, is not the one that was meant, or has no sound form.
        OSError: it can't be read.
    """
    with _opened(path) as file:
        meta = newest_meta(_settled_heads(file.fileno()))
        for _ in _Walk(file.fileno(), meta, os.fstat(file.fileno()).st_size).pages():
            pass


def newest_meta(heads: tuple[bytes, bytes]) -> Meta:
    """The meta page that counts, of both.

    Raises:
        TornFile: one is damaged, or they are not of one environment.
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
    """The same, with no commit between the looks at one and at the other."""
    seen = _heads(fd)
    for _ in range(LOOKS_MAX):
        before, seen = seen, _heads(fd)
        if seen == before:
            break
    return seen


def _heads(fd: int) -> tuple[bytes, bytes]:
    """The beginnings of both meta pages; the first one says where the second one is."""
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
    """A walk over the pages in use."""

    def __init__(self, fd: int, meta: Meta, size: int) -> None:
        self._fd = fd
        self._meta = meta
        self._size = size

    def check_transaction(self) -> None:
        """Whether the meta page is of the transaction it says. Of the older one it may not be: LMDB takes a commit that failed back by
        writing the former id into its meta page.
        """
        if self._last_freed() not in (None, self._meta.txnid):
            raise TornFile("has a damaged meta page: its table of free pages is of another transaction")

    def check_size(self) -> None:
        """Whether the file has its pages: all, or at least those in use, for the last ones may be free and never written."""
        self.read(self._meta.main_root)
        if self._size < (self._meta.last_page + 1) * self._meta.page_size:
            for _ in self.pages():
                pass

    def pages(self) -> Iterator[int]:
        """The number of each page that is looked at."""
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
        """The last transaction that freed pages, which all do but the first one: the last key of the table of free pages."""
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
        """A page of a tree.

        Raises:
            TornFile: it is missing, or is not one.
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
        """The pages of trees that a page names; the overflow pages it names are looked at here."""
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
