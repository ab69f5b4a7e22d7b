"""The reports of a store's upkeep: stat, check, backup, key rotation and reap."""

import operator

from engine.record import Record, astuple

NAMES_REPORTED_MAX = 100


class StoreStat(Record, frozen=True):
    """The counters of a store, or of one bucket; sizes are in bytes. S3 bills open uploads until Complete or Abort."""

    buckets: int
    objects: int
    object_bytes: int
    open_uploads: int
    open_parts: int
    open_bytes: int
    trash: int | None = None
    """The number of trash rows, whose files are still to be removed; None for a bucket."""


class CheckReport(Record, frozen=True):
    """The report of a check: the number of part rows and files, and the names of those in trouble (the first hundred of each kind)."""

    parts: int
    files: int
    missing: tuple[str, ...]
    """Blobs that a row names and that are missing or not readable."""
    wrong_size: tuple[str, ...]
    corrupt: tuple[str, ...]
    """Bytes that do not match their digest (files only with deep=True), and rows that can't be read, by table and key."""
    unnamed_files: int
    """Files of crashed and of running uploads; they are harmless, and a repair collects the former."""
    unnamed_bytes: int
    collected_files: int
    collected_bytes: int
    sealed_parts: int = 0
    """Encrypted parts. Those whose keys the store does not have were only read, not decrypted."""
    opened_parts: int = 0
    """Parts under SSE-S3 that were decrypted and compared with their MD5 and checksum (only with deep=True)."""
    broken: tuple[str, ...] = ()
    """Rows that name a missing row, rows that no row names, and counters that differ from the sum of their rows."""

    @property
    def ok(self) -> bool:
        """Tell whether the check found no trouble."""
        return not self.trouble

    @property
    def trouble(self) -> dict[str, tuple[str, ...]]:
        """Return the names of all trouble, by kind."""
        kinds = {name: getattr(self, name) for name in ("missing", "wrong_size", "corrupt", "broken")}
        return {kind: names for kind, names in kinds.items() if names}


class BackupReport(Record, frozen=True):
    """The report of a backup: the number of part rows, and of their files, linked or copied, with their sizes in bytes.

    `missing` and `corrupt` are trouble in the store itself: missing blobs that rows name, and rows that do not match their check value
    (the first hundred of each). Everything else is in the backup.
    """

    parts: int
    linked_files: int
    linked_bytes: int
    copied_files: int
    copied_bytes: int
    has_key_ring: bool
    """Whether the key ring of SSE-S3 is in the store, and therefore in the backup."""
    missing: tuple[str, ...]
    corrupt: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Tell whether everything that rows name is in the backup."""
        return not (self.missing or self.corrupt)


class RewrapReport(Record, frozen=True):
    """The report of a key rotation: the active key, the number of keys, and how many objects and uploads were rewrapped."""

    active_key: str
    keys: int
    objects: int
    uploads: int
    failed: tuple[str, ...]
    """Bucket and key of the first hundred that could not be decrypted: the ring lacks the key, or the row is damaged."""


class ReapReport(Record, frozen=True):
    """The report of a reap: aborted uploads, objects and versions that lifecycle rules ended, and collected garbage."""

    aborted_uploads: int = 0
    aborted_bytes: int = 0
    collected_files: int = 0
    collected_bytes: int = 0
    expired_objects: int = 0
    removed_versions: int = 0
    """Noncurrent versions, and delete markers that were the only version of their key."""

    def __add__(self, other: "ReapReport") -> "ReapReport":
        return ReapReport(*map(operator.add, astuple(self), astuple(other)))
