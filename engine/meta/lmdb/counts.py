"""Checks the counters of a bucket against its rows, and the rows of `nulls` and `removals` against those that they name."""

import itertools
import operator
import struct
from collections.abc import Callable, Iterator

from engine.errors import InternalError
from engine.meta import Trouble, Usage, Version
from engine.meta.lmdb.environment import Transaction
from engine.meta.lmdb.objects import LmdbObjects
from engine.meta.lmdb.ordered_names import ID_SIZE
from engine.meta.lmdb.versions import null_version, object_record, version_of
from engine.record import astuple

NAMES_A_STEP = 1000
_TABLES = ("uploads", "objects", "nulls", "removals")


def check_counters(meta: LmdbObjects, bucket_id: bytes, report: Callable[[Trouble], None]) -> Iterator[None]:
    """Count the rows of a bucket in steps; if the sum differs from the counters, count again in one transaction, without writes."""
    read = meta._shared.environment.read
    try:
        count = _Count(meta, bucket_id)
        while not read(lambda txn: count.step(txn, NAMES_A_STEP)):
            yield
        if count.differs:
            count = _Count(meta, bucket_id)
            read(count.run)
        troubles = count.troubles
        if count.differs:
            troubles.append(f"usage {bucket_id.hex()}: says {count.counters}, but its rows add up to {count.sum}")
        for text in troubles:
            report(("broken", text))
    except (InternalError, RecursionError, struct.error) as error:
        report(("corrupt", f"the names in bucket {bucket_id.hex()} can't all be reached: {error}"))


class _Count:
    """One count of the rows of a bucket."""

    def __init__(self, meta: LmdbObjects, bucket_id: bytes) -> None:
        self._meta = meta
        self._bucket_id = bucket_id
        self._tables = list(_TABLES)
        self._after: tuple[bytes, bytes] | None = None
        self._newer_null: tuple[bytes, Version] | None = None
        self._is_whole = True
        self.sum = self.counters = Usage()
        self.troubles = list[str]()

    @property
    def differs(self) -> bool:
        """Tell whether the counters differ from the sum; if a row can't be read, that is unknown, and this is False."""
        return self._is_whole and self.sum != self.counters

    def run(self, txn: Transaction) -> None:
        """Count all remaining rows in one transaction."""
        while not self.step(txn, NAMES_A_STEP):
            pass

    def step(self, txn: Transaction, names_max: int) -> bool:
        """Count some more rows; return whether these were the last ones."""
        count = {"uploads": self._upload, "objects": self._object, "nulls": self._null, "removals": self._removal}
        while names_max > 0 and self._tables:
            table = self._tables[0]
            name, suffix = self._after or (b"", None)
            rows = self._meta._names(table).scan(txn, self._bucket_id, name, suffix)
            for name, suffix, value in itertools.islice(rows, names_max):
                self._after = name, suffix + b"\x00"
                names_max -= 1
                try:
                    count[table](txn, name, suffix, value)
                except InternalError:
                    self._is_whole = False  # the inspection reports it with its own row
            if names_max > 0:
                self._after = None
                del self._tables[0]
        try:
            self.counters = self._meta._usage(txn, self._bucket_id)
        except InternalError:
            self._is_whole = False
        return not self._tables

    def _add(self, change: Usage) -> None:
        self.sum = Usage(*map(operator.add, astuple(self.sum), astuple(change)))

    def _upload(self, txn: Transaction, name: bytes, suffix: bytes, value: bytes) -> None:
        parts = self._meta._parts(txn, suffix[ID_SIZE:])
        parts.verify()
        self._add(Usage(open_uploads=1, open_parts=len(parts), open_bytes=parts.size()))

    def _object(self, txn: Transaction, name: bytes, suffix: bytes, value: bytes) -> None:
        version, record = version_of(suffix), object_record(value)
        if not record.is_delete_marker:
            self._add(Usage(objects=1, object_bytes=record.size))
        if self._newer_null is not None and self._newer_null[0] == name:
            self._check_null(txn, *self._newer_null)
        self._newer_null = (name, version) if version.is_null else None

    def _check_null(self, txn: Transaction, name: bytes, version: Version) -> None:
        """Check that a null version that is not the oldest version of its key has a row in `nulls`."""
        row_key = self._meta._names("nulls").find(txn, self._bucket_id, name)
        has_row = row_key is not None and txn.get(row_key, db=self._meta._table["nulls"]) is not None
        if not has_row and self._meta._get_version(txn, self._bucket_id, name, version) is not None:
            self.troubles.append(f"nulls: no row says where the null version of {name.hex()} is")

    def _null(self, txn: Transaction, name: bytes, suffix: bytes, value: bytes) -> None:
        if self._meta._get_version(txn, self._bucket_id, name, null_version(value)) is None:
            self.troubles.append(f"nulls {name.hex()}: names a version that is not there")

    def _removal(self, txn: Transaction, name: bytes, suffix: bytes, value: bytes) -> None:
        if not self._meta._has_uploads(txn, self._bucket_id, name):
            self.troubles.append(f"removals {name.hex()}: names an upload that is not there")
