"""The steps on buckets in LMDB."""

from collections.abc import Callable, Iterator

from engine.errors import BucketAlreadyExists, BucketAlreadyOwnedByYou, BucketNotEmpty
from engine.meta import BucketEntry, Page, Usage
from engine.meta.lmdb.environment import Transaction
from engine.meta.lmdb.ordered_names import ID_SIZE
from engine.meta.lmdb.steps import LmdbSteps, read_bucket_record, reads, writes
from engine.meta.paging import Row, page_of
from engine.meta.records import BucketRecord, pack_record, replace, with_check_value


class LmdbBuckets(LmdbSteps):
    """The steps on buckets."""

    @writes
    def create_bucket(self, txn: Transaction, bucket: str, record: BucketRecord) -> None:
        name, table = bucket.encode(), self._table["buckets"]
        found = txn.get(name, db=table)
        if found is not None:
            taken = BucketAlreadyOwnedByYou if read_bucket_record(found).owner == record.owner else BucketAlreadyExists
            raise taken(BucketName=bucket)
        txn.put(name, pack_record(replace(record, id=self._new_id(txn))), db=table)

    @reads
    def find_bucket(self, txn: Transaction, bucket: str) -> BucketRecord:
        return self._bucket(txn, bucket)

    @writes
    def update_bucket(self, txn: Transaction, bucket: str, change: Callable[[BucketRecord], BucketRecord]) -> None:
        txn.put(bucket.encode(), pack_record(change(self._bucket(txn, bucket))), db=self._table["buckets"])

    @reads
    def find_configuration(self, txn: Transaction, bucket: str, name: str) -> bytes | None:
        return self._configuration(txn, self._bucket(txn, bucket).id, name)

    @writes
    def put_configuration(self, txn: Transaction, bucket: str, name: str, document: bytes | None) -> None:
        row, table = self._bucket(txn, bucket).id + name.encode(), self._table["configurations"]
        if document is None:
            txn.delete(row, db=table)
        else:
            txn.put(row, with_check_value(document), db=table)

    def _drop_configurations(self, txn: Transaction, bucket_id: bytes) -> None:
        with txn.cursor(self._table["configurations"]) as cursor:
            while cursor.set_range(bucket_id) and cursor.key()[:ID_SIZE] == bucket_id:
                cursor.delete()

    @reads
    def list_buckets(
        self, txn: Transaction, owner: str | None, prefix: str, after: str, limit: int
    ) -> Page[BucketEntry]:
        return page_of(
            lambda lower, _: (
                row for row in self._scan_buckets(txn, lower) if owner is None or read_bucket_record(row[2]).owner == owner
            ),
            lambda row: BucketEntry(row[0].decode(), read_bucket_record(row[2])),
            prefix=prefix.encode(), delimiter=b"", marker=after.encode(), marker_suffix=None, limit=limit,
        )  # fmt: skip

    def _scan_buckets(self, txn: Transaction, lower: bytes) -> Iterator[Row]:
        with txn.cursor(self._table["buckets"]) as cursor:
            more = cursor.set_range(lower) if lower else cursor.first()
            while more:
                yield cursor.key(), b"", cursor.value()
                more = cursor.next()

    @writes
    def delete_bucket(self, txn: Transaction, bucket: str) -> None:
        found = self._bucket(txn, bucket)
        if not self._names("objects").is_empty(txn, found.id):
            text = BucketNotEmpty.text + (". You must delete all versions in the bucket." if found.versioning else "")
            raise BucketNotEmpty(text, BucketName=bucket)
        txn.delete(bucket.encode(), db=self._table["buckets"])
        txn.put(found.id, b"", db=self._table["deleted_buckets"])

    @reads
    def usage(self, txn: Transaction) -> dict[str, Usage]:
        return {
            name.decode(): self._usage(txn, read_bucket_record(value).id)
            for name, _, value in self._scan_buckets(txn, b"")
        }

    def _first_deleted_bucket(self, txn: Transaction) -> bytes | None:
        with txn.cursor(self._table["deleted_buckets"]) as cursor:
            return cursor.key()[:ID_SIZE] if cursor.first() else None
