"""The answers of the operations on tags and object lock; see `engine.shapes.answers`."""

from datetime import datetime

from engine.record import Record
from engine.shapes.lifecycle import Tag


class PutObjectTaggingOutput(Record, frozen=True):
    """Answer of PutObjectTagging."""

    version_id: str | None = None


class GetObjectTaggingOutput(Record, frozen=True):
    """Answer of GetObjectTagging."""

    tag_set: tuple[Tag, ...]
    version_id: str | None = None


class DeleteObjectTaggingOutput(Record, frozen=True):
    """Answer of DeleteObjectTagging."""

    version_id: str | None = None


class ObjectLockRetention(Record, frozen=True):
    """The retention of a version."""

    mode: str
    retain_until_date: datetime


class GetObjectRetentionOutput(Record, frozen=True):
    """Answer of GetObjectRetention."""

    retention: ObjectLockRetention


class PutObjectRetentionOutput(Record, frozen=True):
    """Answer of PutObjectRetention."""

    request_charged: str | None = None


class ObjectLockLegalHold(Record, frozen=True):
    """The legal hold of a version: ON or OFF."""

    status: str


class GetObjectLegalHoldOutput(Record, frozen=True):
    """Answer of GetObjectLegalHold."""

    legal_hold: ObjectLockLegalHold


class PutObjectLegalHoldOutput(Record, frozen=True):
    """Answer of PutObjectLegalHold."""

    request_charged: str | None = None


class DefaultRetention(Record, frozen=True):
    """The retention of new versions that request none."""

    mode: str
    days: int | None = None
    years: int | None = None


class ObjectLockRule(Record, frozen=True):
    """The rule of a bucket with object lock."""

    default_retention: DefaultRetention


class ObjectLockConfiguration(Record, frozen=True):
    """The object lock of a bucket."""

    object_lock_enabled: str
    rule: ObjectLockRule | None = None


class GetObjectLockConfigurationOutput(Record, frozen=True):
    """Answer of GetObjectLockConfiguration."""

    object_lock_configuration: ObjectLockConfiguration


class PutObjectLockConfigurationOutput(Record, frozen=True):
    """Answer of PutObjectLockConfiguration."""

    request_charged: str | None = None
