"""The document of a bucket's lifecycle (PutBucketLifecycleConfiguration)."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

from engine.limits import Limits

RULE_COUNT_MAX = 1000
_INTEGER_MAX = Limits().integer_max
_LONG_MAX = 2**63 - 1
Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-_INTEGER_MAX, le=_INTEGER_MAX)]
Size: TypeAlias = Annotated[int, msgspec.Meta(ge=-_LONG_MAX, le=_LONG_MAX)]


class _Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An element of the document; a member that is missing is None."""


class Tag(_Element, frozen=True):
    """A tag of an object, or one that a rule demands."""

    key: str
    value: str


class LifecycleExpiration(_Element, frozen=True):
    """When the current version of a key expires: one of the three members is set."""

    date: Moment | None = None
    days: Integer | None = None
    expired_object_delete_marker: bool | None = None


class NoncurrentVersionExpiration(_Element, frozen=True):
    """When a noncurrent version is removed, and how many of the newest ones stay in any case."""

    noncurrent_days: Integer
    newer_noncurrent_versions: Integer | None = None


class AbortIncompleteMultipartUpload(_Element, frozen=True):
    """How many days an upload may stay open."""

    days_after_initiation: Integer


class LifecycleRuleAndOperator(_Element, frozen=True):
    """Conditions that must all hold; sizes in bytes."""

    prefix: str | None = None
    tags: tuple[Tag, ...] | None = None
    object_size_greater_than: Size | None = None
    object_size_less_than: Size | None = None


class LifecycleRuleFilter(_Element, frozen=True):
    """The objects that a rule applies to: one condition, or `and_` for several; all objects if it is empty."""

    prefix: str | None = None
    tag: Tag | None = None
    object_size_greater_than: Size | None = None
    object_size_less_than: Size | None = None
    and_: LifecycleRuleAndOperator | None = None


class LifecycleRule(_Element, frozen=True):
    """One rule; `prefix` is the old form of `filter`."""

    status: Literal["Enabled", "Disabled"]
    id: str | None = None
    filter: LifecycleRuleFilter | None = None
    prefix: str | None = None
    expiration: LifecycleExpiration | None = None
    noncurrent_version_expiration: NoncurrentVersionExpiration | None = None
    abort_incomplete_multipart_upload: AbortIncompleteMultipartUpload | None = None

    @property
    def conditions(self) -> LifecycleRuleAndOperator:
        """Return the conditions of `filter` or `prefix`, in one form."""
        condition = self.filter
        if condition is None:
            return LifecycleRuleAndOperator(prefix=self.prefix)
        if condition.and_ is not None:
            return condition.and_
        tags = (condition.tag,) if condition.tag is not None else None
        return LifecycleRuleAndOperator(
            condition.prefix, tags, condition.object_size_greater_than, condition.object_size_less_than
        )


class BucketLifecycleConfiguration(_Element, frozen=True):
    """The whole document."""

    rules: Annotated[tuple[LifecycleRule, ...], msgspec.Meta(min_length=1, max_length=RULE_COUNT_MAX)]


Rules: TypeAlias = tuple[LifecycleRule, ...]
