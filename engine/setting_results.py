"""What the operations on tags and locks answer; see `engine.results`."""

from dataclasses import dataclass
from datetime import datetime

from engine.lifecycle import Tag


@dataclass(frozen=True, slots=True)
class PutObjectTaggingOutput:
    """Answer of PutObjectTagging."""

    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class GetObjectTaggingOutput:
    """Answer of GetObjectTagging."""

    tag_set: tuple[Tag, ...]
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteObjectTaggingOutput:
    """Answer of DeleteObjectTagging."""

    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectLockRetention:
    """Until when a version is kept."""

    mode: str
    retain_until_date: datetime


@dataclass(frozen=True, slots=True)
class GetObjectRetentionOutput:
    """Answer of GetObjectRetention."""

    retention: ObjectLockRetention


@dataclass(frozen=True, slots=True)
class PutObjectRetentionOutput:
    """Answer of PutObjectRetention."""

    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectLockLegalHold:
    """Whether a version is held: ON or OFF."""

    status: str


@dataclass(frozen=True, slots=True)
class GetObjectLegalHoldOutput:
    """Answer of GetObjectLegalHold."""

    legal_hold: ObjectLockLegalHold


@dataclass(frozen=True, slots=True)
class PutObjectLegalHoldOutput:
    """Answer of PutObjectLegalHold."""

    request_charged: str | None = None


@dataclass(frozen=True, slots=True)
class DefaultRetention:
    """The retention that new versions get."""

    mode: str
    days: int | None = None
    years: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectLockRule:
    """The rule of a bucket with object lock."""

    default_retention: DefaultRetention


@dataclass(frozen=True, slots=True)
class ObjectLockConfiguration:
    """Object lock of a bucket."""

    object_lock_enabled: str
    rule: ObjectLockRule | None = None


@dataclass(frozen=True, slots=True)
class GetObjectLockConfigurationOutput:
    """Answer of GetObjectLockConfiguration."""

    object_lock_configuration: ObjectLockConfiguration


@dataclass(frozen=True, slots=True)
class PutObjectLockConfigurationOutput:
    """Answer of PutObjectLockConfiguration."""

    request_charged: str | None = None
