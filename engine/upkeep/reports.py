"""What the upkeep of a store answers: what it holds, what is wrong in it, what was cleared away."""

import operator

from engine.record import Record, astuple

NAMES_REPORTED_MAX = 100


class StoreStat(Record, frozen=True):
    """What a store, or one bucket of it, holds; sizes in bytes. Open uploads are paid for until Complete or Abort."""

    buckets: int
    objects: int
    object_bytes: int
    open_uploads: int
    open_parts: int
    open_bytes: int
    trash: int | None = None
    """Pieces waiting for their files to be removed; of the whole store only."""


class CheckReport(Record, frozen=True):
    """What `check` found: `parts` rows and `files` seen, and the names of what is in trouble (the first hundred of each kind)."""

    parts: int
    files: int
    missing: tuple[str, ...]
    """Named by a row, but not there, or not readable."""
    wrong_size: tuple[str, ...]
    corrupt: tuple[str, ...]
    """Bytes (of files only with deep=True) that do not match their digest, and rows that can't be read, by table and key."""
    unnamed_files: int
    """Garbage of crashes and of uploads in flight: harmless, and collected by repair."""
    unnamed_bytes: int
    collected_files: int
    collected_bytes: int
    sealed_parts: int = 0
    """Encrypted parts; of those that only somebody else's key opens, it was seen that they are there and can be read."""
    opened_parts: int = 0
    """Of them those of SSE-S3, opened and held against their MD5 and checksum (only with deep=True)."""
    broken: tuple[str, ...] = ()
    """Rows that name rows which are not there, or that no row names; and counters that are not what their rows add up to."""

    @property
    def ok(self) -> bool:
        """Whether everything named by a row is there and whole, and nothing else has a row."""
        return not self.trouble

    @property
    def trouble(self) -> dict[str, tuple[str, ...]]:
        """What is wrong, by kind."""
        kinds = {name: getattr(self, name) for name in ("missing", "wrong_size", "corrupt", "broken")}
        return {kind: names for kind, names in kinds.items() if names}


class BackupReport(Record, frozen=True):
    """What a backup took over of a store: `parts` rows, and their files, linked or copied, with their bytes.

    `missing` and `corrupt` are the trouble that the store has: blobs that its rows name and that are not there, and rows that do not
    match their check value (the first hundred of each). All else is in the backup.
    """

    parts: int
    linked_files: int
    linked_bytes: int
    copied_files: int
    copied_bytes: int
    has_key_ring: bool
    """Whether the ring of SSE-S3 lies in the store, and so in the backup."""
    missing: tuple[str, ...]
    corrupt: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that rows name is in the backup."""
        return not (self.missing or self.corrupt)


class RewrapReport(Record, frozen=True):
    """What a rotation of the key ring did: the key that is active now, how many there are, and what was wrapped anew."""

    active_key: str
    keys: int
    objects: int
    uploads: int
    failed: tuple[str, ...]
    """Bucket and key of what could not be opened, the first hundred: the ring lacks its key, or its row is damaged."""


class ReapReport(Record, frozen=True):
    """What `reap` did: uploads aborted, objects and versions ended by rules of lifecycles, and the garbage collected."""

    aborted_uploads: int = 0
    aborted_bytes: int = 0
    collected_files: int = 0
    collected_bytes: int = 0
    expired_objects: int = 0
    removed_versions: int = 0
    """Noncurrent versions, and delete markers that hid nothing any more."""

    def __add__(self, other: "ReapReport") -> "ReapReport":
        return ReapReport(*map(operator.add, astuple(self), astuple(other)))
