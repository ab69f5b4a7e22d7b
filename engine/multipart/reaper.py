"""Reap: end the uploads that nobody finished, and collect what crashes left."""

from datetime import timedelta

from engine.errors import NoSuchBucket, NoSuchUpload
from engine.meta import UploadEntry
from engine.multipart.complete import Completes
from engine.results import ReapReport

PAGE_SIZE = 1000


class Reaper(Completes):
    """The upkeep of the family."""

    def reap(self, older_than: timedelta) -> ReapReport:
        """Abort every upload initiated longer ago than `older_than`, then collect the garbage; safe beside running uploads.

        Raises:
            ValueError: `older_than` is negative.
        """
        self._check_writable()
        if older_than < timedelta(0):
            raise ValueError(f"older_than must not be negative, not {older_than}")
        before_ns = self._now_ns() - int(older_than.total_seconds() * 1e9)
        aborted = aborted_bytes = 0
        for bucket in self._meta.usage():
            count, size = self._reap_bucket(bucket, before_ns)
            aborted += count
            aborted_bytes += size
        files, freed = self._sweeper.collect()
        self._ballast.restore()
        return ReapReport(aborted, aborted_bytes, files, freed)

    def _reap_bucket(self, bucket: str, before_ns: int) -> tuple[int, int]:
        count = size = 0
        last: UploadEntry | None = None
        while True:
            try:
                key, upload_id = (last.key, last.upload_id) if last else (b"", None)
                page = self._meta.list_uploads(bucket, b"", b"", key, upload_id, PAGE_SIZE)
            except NoSuchBucket:
                return count, size
            for entry in page.items:
                if entry.upload_id.initiated_ns <= before_ns:
                    freed = self._reap_upload(bucket, entry)
                    count += freed is not None
                    size += freed or 0
            if not page.is_truncated:
                return count, size
            last = page.items[-1]

    def _reap_upload(self, bucket: str, entry: UploadEntry) -> int | None:
        """Abort one upload; the bytes it held, None if somebody ended it first."""
        try:
            trash, freed = self._freeing(lambda: self._meta.abort(bucket, entry.key, entry.upload_id))
        except (NoSuchUpload, NoSuchBucket):
            return None
        self._sweeper.sweep((trash,) if trash else ())
        return freed
