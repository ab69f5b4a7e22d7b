"""Buckets in LMDB, and the freeing of what deleted buckets leave behind."""

from collections.abc import Iterator

from engine.errors import BucketAlreadyOwnedByYou, BucketNotEmpty
from engine.meta import BucketEntry, Page, Usage
from engine.meta.environment import Transaction
from engine.meta.keys import ID_SIZE
from engine.meta.lmdb_base import LmdbSteps, _bucket_record, reads, writes
from engine.meta.paging import Row, page_of
from engine.meta.records import BucketRecord, pack_record


class LmdbBuckets(LmdbSteps):
    """The steps on buckets."""

    @writes
    def create_bucket(self, txn: Transaction, bucket: str, record: BucketRecord) -> None:
        name, table = bucket.encode(), self._table["buckets"]
        if txn.get(name, db=table) is not None:
            raise BucketAlreadyOwnedByYou(BucketName=bucket)
        txn.put(name, pack_record(BucketRecord(record.created_ns, self._new_id(txn))), db=table)

    @reads
    def find_bucket(self, txn: Transaction, bucket: str) -> BucketRecord:
        return self._bucket(txn, bucket)

    @reads
    def list_buckets(self, txn: Transaction, prefix: str, after: str, limit: int) -> Page[BucketEntry]:
        return page_of(
            lambda lower, _: self._scan_buckets(txn, lower),
            lambda row: BucketEntry(row[0].decode(), _bucket_record(row[2])),
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
        bucket_id = self._bucket(txn, bucket).id
        if not self._names("objects").is_empty(txn, bucket_id):
            raise BucketNotEmpty(BucketName=bucket)
        txn.delete(bucket.encode(), db=self._table["buckets"])
        txn.put(bucket_id, b"", db=self._table["deleted_buckets"])

    @reads
    def usage(self, txn: Transaction) -> dict[str, Usage]:
        return {
            name.decode(): self._usage(txn, _bucket_record(value).id) for name, _, value in self._scan_buckets(txn, b"")
        }

    def _first_deleted(self, txn: Transaction) -> bytes | None:
        with txn.cursor(self._table["deleted_buckets"]) as cursor:
            return cursor.key()[:ID_SIZE] if cursor.first() else None
