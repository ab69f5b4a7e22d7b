"""Reading a bucket's lifecycle rules, refusing those that are not valid or not supported here, and packing them.

`engine.lifecycle.deadlines` says when a rule acts on which upload or object.

Source, unless named otherwise: API page PutBucketLifecycleConfiguration; User Guide, "Lifecycle configuration elements"; AWS's own
answers to wrong rules.
"""

import base64
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, time
from typing import Any

import msgspec

from engine.errors import InvalidArgument, InvalidRequest, InvalidTag, MalformedXML, NotImplementedYet
from engine.limits import Limits
from engine.shapes.lifecycle import (
    BucketLifecycleConfiguration,
    LifecycleExpiration,
    LifecycleRule,
    LifecycleRuleAndOperator,
    LifecycleRuleFilter,
    Rules,
)

ID_LENGTH_MAX = 255
NEWER_VERSIONS_MAX = 100
EPOCH_YEAR = 1970
_LIMITS = Limits()
"""S3's bounds for keys and tags: rules have these even if the store's own Limits differ."""
_REFUSED = {"transitions": "Transition", "noncurrent_version_transitions": "NoncurrentVersionTransition"}
"""The actions of S3 that this store does not support, with the names of their elements."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Rules).decode


def random_rule_id() -> str:
    """Make the id of a rule that came without one, in the form that AWS uses."""
    return base64.b64encode(str(uuid.uuid4()).encode()).decode()


def read_configuration(configuration: Any, new_id: Callable[[], str] = random_rule_id) -> Rules:
    """Read the rules of a BucketLifecycleConfiguration, or of dicts with S3's members in snake_case (`And` is `and_`).

    Raises:
        MalformedXML: the configuration has another shape.
        InvalidArgument, InvalidRequest, InvalidTag: S3 does not allow a rule.
        NotImplementedYet: a rule moves objects to another storage class.
    """
    _refuse_unsupported_actions(configuration)
    try:
        rules = msgspec.convert(configuration, BucketLifecycleConfiguration, from_attributes=True).rules
        _encode(rules)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise MalformedXML(reason=str(error)) from None
    _check_forms(rules)
    for rule in rules:
        _check_rule(rule)
    named = tuple(rule if rule.id else msgspec.structs.replace(rule, id=new_id()) for rule in rules)
    if len({rule.id for rule in named}) < len(named):
        raise InvalidArgument("Rule ID must be unique. Found same ID for more than one rule")
    return named


def pack_rules(rules: Rules) -> bytes:
    """Pack rules into the bytes that are stored."""
    return _encode(rules)


def unpack_rules(data: bytes) -> Rules:
    """Unpack the rules that `pack_rules` packed."""
    return _decode(data)


def _refuse_unsupported_actions(configuration: Any) -> None:
    rules = configuration.get("rules") if isinstance(configuration, Mapping) else None
    for rule in rules if isinstance(rules, list | tuple) else ():
        for name, element in _REFUSED.items():
            if isinstance(rule, Mapping) and rule.get(name):
                raise NotImplementedYet(Header=element, additionalMessage=f"{element} is not supported here")


def _check_forms(rules: Rules) -> None:
    """Check that each rule has either a Filter or a Prefix, and all rules have the same of the two."""
    if any((rule.filter is None) is (rule.prefix is None) for rule in rules):
        raise MalformedXML(reason="a rule has either a Filter or a Prefix")
    if len({rule.filter is None for rule in rules}) > 1:
        raise InvalidRequest(
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."
        )


def _check_rule(rule: LifecycleRule) -> None:
    if rule.id is not None and len(rule.id) > ID_LENGTH_MAX:
        raise _invalid(f"ID length should not exceed allowed limit of {ID_LENGTH_MAX}", "ID", rule.id)
    _check_filter(rule.filter)
    _check_conditions(rule.conditions)
    _check_actions(rule)


def _check_filter(condition: LifecycleRuleFilter | None) -> None:
    if condition is None:
        return
    if sum(value is not None for value in msgspec.structs.astuple(condition)) > 1:
        raise MalformedXML(reason="a Filter has one condition, or And")
    if condition.and_ is not None:
        values = msgspec.structs.astuple(condition.and_)
        if sum(len(value) if isinstance(value, tuple) else value is not None for value in values) < 2:
            raise MalformedXML(reason="And has two conditions or more")


def _check_conditions(conditions: LifecycleRuleAndOperator) -> None:
    if len((conditions.prefix or "").encode()) > _LIMITS.key_size_bytes_max:
        raise InvalidRequest(f"The maximum size of a prefix is {_LIMITS.key_size_bytes_max}")
    tags = conditions.tags or ()
    for tag in tags:
        if not 1 <= len(tag.key) <= _LIMITS.tag_key_length_max:
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=tag.key)
        if len(tag.value) > _LIMITS.tag_value_length_max:
            raise InvalidTag("The TagValue you have provided is invalid", TagKey=tag.key, TagValue=tag.value)
    if len({tag.key for tag in tags}) < len(tags):
        raise InvalidRequest("Duplicate Tag Keys are not allowed.")
    above, below = conditions.object_size_greater_than, conditions.object_size_less_than
    if above is not None and above < 0:
        raise _invalid("'ObjectSizeGreaterThan' must not be negative", "ObjectSizeGreaterThan", above)
    if below is not None and below < 1:
        raise _invalid("'ObjectSizeLessThan' must be a positive integer", "ObjectSizeLessThan", below)
    if above is not None and below is not None and above >= below:
        raise InvalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")


def _check_actions(rule: LifecycleRule) -> None:
    expiration, noncurrent = rule.expiration, rule.noncurrent_version_expiration
    abort = rule.abort_incomplete_multipart_upload
    if expiration is None and noncurrent is None and abort is None:
        raise InvalidRequest("At least one action needs to be specified in a rule")
    if expiration is not None:
        _check_expiration(expiration)
        if expiration.expired_object_delete_marker is not None:
            _check_has_no_tags_or_sizes(rule, "ExpiredObjectDeleteMarker")
    if noncurrent is not None:
        _check_positive("NoncurrentVersionExpiration", "NoncurrentDays", noncurrent.noncurrent_days)
        _check_newer_versions(noncurrent.newer_noncurrent_versions, rule)
    if abort is not None:
        _check_positive("AbortIncompleteMultipartUpload", "DaysAfterInitiation", abort.days_after_initiation)
        _check_has_no_tags_or_sizes(rule, "AbortIncompleteMultipartUpload")


def _check_expiration(expiration: LifecycleExpiration) -> None:
    if sum(value is not None for value in msgspec.structs.astuple(expiration)) != 1:
        raise MalformedXML(reason="an Expiration has one of Date, Days and ExpiredObjectDeleteMarker")
    if expiration.days is not None:
        _check_positive("Expiration", "Days", expiration.days)
    date = expiration.date
    if date is not None and date.year < EPOCH_YEAR:
        raise _invalid(f"'Date' must not be before the year {EPOCH_YEAR}", "Date", date.isoformat())
    if date is not None and date.astimezone(UTC).time() != time(0):
        raise _invalid("'Date' must be at midnight GMT", "Date", date.isoformat())


def _check_newer_versions(count: int | None, rule: LifecycleRule) -> None:
    if count is None:
        return
    if not 1 <= count <= NEWER_VERSIONS_MAX:
        text = f"'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and {NEWER_VERSIONS_MAX}"
        raise _invalid(text, "NewerNoncurrentVersions", count)
    if rule.filter is None:
        raise InvalidRequest("NewerNoncurrentVersions can only be used in a rule with a Filter.")


def _check_has_no_tags_or_sizes(rule: LifecycleRule, action: str) -> None:
    """Open uploads and delete markers have neither tags nor a size that a rule could be limited to."""
    conditions = rule.conditions
    if conditions.tags:
        raise InvalidRequest(f"{action} cannot be specified with Tags.")
    if conditions.object_size_greater_than is not None or conditions.object_size_less_than is not None:
        raise InvalidRequest(f"{action} cannot be specified with ObjectSize.")


def _check_positive(action: str, name: str, value: int) -> None:
    if value < 1:
        raise _invalid(f"'{name}' for {action} action must be a positive integer", name, value)


def _invalid(message: str, name: str, value: object) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=name, ArgumentValue=value)
