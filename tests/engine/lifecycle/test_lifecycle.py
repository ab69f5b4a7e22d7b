"""Lifecycle rules: valid ones are returned as they were sent, and each rule that is not valid is refused in S3's words."""

import base64
import itertools
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import S3Error
from engine.lifecycle.rules import pack_rules, read_configuration, unpack_rules
from engine.shapes.lifecycle import (
    AbortIncompleteMultipartUpload,
    BucketLifecycleConfiguration,
    LifecycleExpiration,
    LifecycleRule,
    LifecycleRuleFilter,
    Rules,
    Tag,
)
from tests.support.refusals import refused

MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)
ACTION = {"expiration": {"days": 1}}
ABORT = {"abort_incomplete_multipart_upload": {"days_after_initiation": 7}}


def rule(**members: Any) -> dict[str, Any]:
    """A valid rule with some members changed."""
    good = {"id": "rule", "status": "Enabled", "filter": {}} | members
    actions = {"expiration", "abort_incomplete_multipart_upload", "noncurrent_version_expiration", "transitions"}
    if not actions & set(good):
        good |= ACTION
    return {name: value for name, value in good.items() if value is not None}


def read(*rules: Any) -> Rules:
    return read_configuration({"rules": list(rules)})


GOOD: dict[str, dict[str, Any]] = {
    "everything": rule(),
    "an id of 255 characters": rule(id="é" * 255),
    "switched off": rule(status="Disabled"),
    "the old form": rule(filter=None, prefix="logs/"),
    "the old form, everything": rule(filter=None, prefix=""),
    "a prefix": rule(filter={"prefix": "p" * 1024}),
    "a tag": rule(filter={"tag": {"key": "k" * 128, "value": "v" * 256}}),
    "a size": rule(filter={"object_size_greater_than": 0}),
    "a range of sizes": rule(filter={"and_": {"object_size_greater_than": 0, "object_size_less_than": 1}}),
    "a prefix and a tag": rule(filter={"and_": {"prefix": "", "tags": [{"key": "k", "value": ""}]}}),
    "two tags": rule(filter={"and_": {"tags": [{"key": "k", "value": ""}, {"key": "K", "value": ""}]}}),
    "a date": rule(expiration={"date": MIDNIGHT}),
    "a delete marker": rule(filter={"prefix": "a"}, expiration={"expired_object_delete_marker": True}),
    "a delete marker that stays": rule(expiration={"expired_object_delete_marker": False}),
    "as many days as an integer holds": rule(expiration={"days": 2**31 - 1}),
    "an upload": rule(**ABORT),
    "an upload by the old form": rule(filter=None, prefix="a/", **ABORT),
    "an older version": rule(noncurrent_version_expiration={"noncurrent_days": 1}),
    "all but the newest": rule(
        noncurrent_version_expiration={"noncurrent_days": 1, "newer_noncurrent_versions": 100}, expiration={"days": 2}
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_rule_is_taken_as_it_was_said(name: str) -> None:
    (taken,) = read(GOOD[name])
    assert said_by(taken) == GOOD[name]
    assert unpack_rules(pack_rules((taken,))) == (taken,)
    assert read(taken) == (taken,)


def said_by(record: Any) -> Any:
    """The dict from which a record was read."""
    if isinstance(record, tuple):
        return [said_by(item) for item in record]
    if not hasattr(record, "__struct_fields__"):
        return record
    values = {name: getattr(record, name) for name in record.__struct_fields__}
    return {name: said_by(value) for name, value in values.items() if value is not None}


def test_rules_may_be_given_as_records() -> None:
    rules = (
        LifecycleRule("Enabled", "a", LifecycleRuleFilter(tag=Tag("k", "v")), expiration=LifecycleExpiration(days=1)),
        LifecycleRule(
            "Disabled",
            "b",
            LifecycleRuleFilter(prefix="b"),
            abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(1),
        ),
    )
    assert read_configuration(BucketLifecycleConfiguration(rules)) == rules


def test_a_date_is_kept_whatever_zone_it_was_said_in() -> None:
    here = MIDNIGHT.astimezone(timezone(timedelta(hours=5)))
    (taken,) = read(rule(expiration={"date": here}))
    (kept,) = unpack_rules(pack_rules((taken,)))
    assert kept.expiration is not None
    assert kept.expiration.date == MIDNIGHT


@pytest.mark.parametrize("nameless", [None, ""])
def test_a_rule_without_an_id_gets_a_random_one_in_the_form_of_aws(nameless: str | None) -> None:
    first, second = read(rule(id=nameless), rule(id=nameless))
    assert first.id != second.id
    for taken in (first, second):
        assert uuid.UUID(base64.b64decode(taken.id or "").decode()).version == 4


def test_a_thousand_rules_are_taken_and_one_more_is_not() -> None:
    many = [rule(id=str(number)) for number in range(1000)]
    assert len(read(*many)) == 1000
    with refused("MalformedXML"):
        read(*many, rule(id="one more"))


MALFORMED: dict[str, Any] = {
    "no rules": [],
    "not a list": "abc",
    "no rule": [None],
    "nothing": [{}],
    "no status": [rule(status=None)],
    "another status": [rule(status="enabled")],
    "neither filter nor prefix": [rule(filter=None)],
    "filter and prefix": [rule(prefix="a")],
    "two conditions": [rule(filter={"prefix": "a", "object_size_less_than": 2})],
    "And beside a condition": [rule(filter={"prefix": "a", "and_": {"object_size_less_than": 2, "prefix": "b"}})],
    "And of one": [rule(filter={"and_": {"prefix": "a"}})],
    "And of one tag": [rule(filter={"and_": {"tags": [{"key": "a", "value": ""}]}})],
    "And of nothing": [rule(filter={"and_": {}})],
    "a tag without value": [rule(filter={"tag": {"key": "k"}})],
    "an empty expiration": [rule(expiration={})],
    "a date and days": [rule(expiration={"days": 1, "date": MIDNIGHT})],
    "days and a delete marker": [rule(expiration={"days": 1, "expired_object_delete_marker": True})],
    "a date without a zone": [rule(expiration={"date": datetime(2026, 1, 1)})],
    "a date that is a text": [rule(expiration={"date": "tomorrow"})],
    "half a day": [rule(expiration={"days": 1.5})],
    "a day that is a truth": [rule(expiration={"days": True})],
    "more days than an integer holds": [rule(expiration={"days": 2**31})],
    "a size beyond any": [rule(filter={"object_size_greater_than": 2**63})],
    "an empty abort": [rule(abort_incomplete_multipart_upload={})],
    "an empty end of older versions": [rule(noncurrent_version_expiration={"newer_noncurrent_versions": 2})],
    "an action nobody knows": [rule(annihilation={"days": 1})],
    "a key that is no Unicode": [rule(filter={"prefix": "\ud800"})],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_configuration_is_malformed(name: str) -> None:
    with refused("MalformedXML"):
        read_configuration({"rules": MALFORMED[name]})


@pytest.mark.parametrize("configuration", [None, [], {}, {"rules": None}, {"rule": [rule()]}, "rules", 7])
def test_a_configuration_that_has_no_rules_is_malformed(configuration: Any) -> None:
    with refused("MalformedXML"):
        read_configuration(configuration)


def positive(name: str, action: str) -> str:
    return f"'{name}' for {action} action must be a positive integer"


KEPT = "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100"
ONE_TAG = {"tag": {"key": "k", "value": ""}}
WRONG: list[tuple[dict[str, Any], str, str, dict[str, Any]]] = [
    (rule(id="i" * 256), "InvalidArgument", "ID length should not exceed allowed limit of 255",
     {"ArgumentName": "ID", "ArgumentValue": "i" * 256}),
    (rule(expiration={"days": 0}), "InvalidArgument", positive("Days", "Expiration"),
     {"ArgumentName": "Days", "ArgumentValue": 0}),
    (rule(expiration={"days": -1}), "InvalidArgument", positive("Days", "Expiration"),
     {"ArgumentName": "Days", "ArgumentValue": -1}),
    (rule(expiration={"date": MIDNIGHT.replace(year=1969)}), "InvalidArgument", "'Date' must not be before the year 1970",
     {"ArgumentName": "Date", "ArgumentValue": MIDNIGHT.replace(year=1969).isoformat()}),
    (rule(expiration={"date": MIDNIGHT + timedelta(seconds=1)}), "InvalidArgument", "'Date' must be at midnight GMT",
     {"ArgumentName": "Date", "ArgumentValue": "2026-11-25T00:00:01+00:00"}),
    (rule(expiration={"date": datetime(2026, 11, 25, tzinfo=timezone(timedelta(hours=1)))}), "InvalidArgument",
     "'Date' must be at midnight GMT", {"ArgumentName": "Date", "ArgumentValue": "2026-11-25T00:00:00+01:00"}),
    (rule(abort_incomplete_multipart_upload={"days_after_initiation": 0}), "InvalidArgument",
     positive("DaysAfterInitiation", "AbortIncompleteMultipartUpload"),
     {"ArgumentName": "DaysAfterInitiation", "ArgumentValue": 0}),
    (rule(noncurrent_version_expiration={"noncurrent_days": 0}), "InvalidArgument",
     positive("NoncurrentDays", "NoncurrentVersionExpiration"), {"ArgumentName": "NoncurrentDays", "ArgumentValue": 0}),
    (rule(noncurrent_version_expiration={"noncurrent_days": 1, "newer_noncurrent_versions": 0}), "InvalidArgument",
     KEPT, {"ArgumentName": "NewerNoncurrentVersions", "ArgumentValue": 0}),
    (rule(noncurrent_version_expiration={"noncurrent_days": 1, "newer_noncurrent_versions": 101}), "InvalidArgument",
     KEPT, {"ArgumentName": "NewerNoncurrentVersions", "ArgumentValue": 101}),
    (rule(filter=None, prefix="", noncurrent_version_expiration={"noncurrent_days": 1, "newer_noncurrent_versions": 1}),
     "InvalidRequest", "NewerNoncurrentVersions can only be used in a rule with a Filter.", {}),
    (rule(expiration=None), "InvalidRequest", "At least one action needs to be specified in a rule", {}),
    (rule(filter={"prefix": "p" * 1025}), "InvalidRequest", "The maximum size of a prefix is 1024", {}),
    (rule(filter=None, prefix="é" * 513), "InvalidRequest", "The maximum size of a prefix is 1024", {}),
    (rule(filter=ONE_TAG, **ABORT), "InvalidRequest",
     "AbortIncompleteMultipartUpload cannot be specified with Tags.", {}),
    (rule(filter={"object_size_less_than": 5}, **ABORT), "InvalidRequest",
     "AbortIncompleteMultipartUpload cannot be specified with ObjectSize.", {}),
    (rule(filter={"and_": {"prefix": "a", "object_size_greater_than": 5}}, **ABORT), "InvalidRequest",
     "AbortIncompleteMultipartUpload cannot be specified with ObjectSize.", {}),
    (rule(filter=ONE_TAG, expiration={"expired_object_delete_marker": True}), "InvalidRequest",
     "ExpiredObjectDeleteMarker cannot be specified with Tags.", {}),
    (rule(filter={"tag": {"key": "", "value": "v"}}), "InvalidTag", "The TagKey you have provided is invalid",
     {"TagKey": ""}),
    (rule(filter={"tag": {"key": "k" * 129, "value": "v"}}), "InvalidTag", "The TagKey you have provided is invalid",
     {"TagKey": "k" * 129}),
    (rule(filter={"tag": {"key": "k", "value": "v" * 257}}), "InvalidTag", "The TagValue you have provided is invalid",
     {"TagKey": "k", "TagValue": "v" * 257}),
    (rule(filter={"and_": {"tags": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]}}), "InvalidRequest",
     "Duplicate Tag Keys are not allowed.", {}),
    (rule(filter={"object_size_greater_than": -1}), "InvalidArgument", "'ObjectSizeGreaterThan' must not be negative",
     {"ArgumentName": "ObjectSizeGreaterThan", "ArgumentValue": -1}),
    (rule(filter={"object_size_less_than": 0}), "InvalidArgument", "'ObjectSizeLessThan' must be a positive integer",
     {"ArgumentName": "ObjectSizeLessThan", "ArgumentValue": 0}),
    (rule(filter={"and_": {"object_size_greater_than": 5, "object_size_less_than": 5}}), "InvalidRequest",
     "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.", {}),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "code", "message", "extras"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_a_wrong_rule_is_refused_in_the_words_of_s3(
    wrong: dict[str, Any], code: str, message: str, extras: dict[str, Any]
) -> None:
    form = {"filter": {}} if wrong.get("filter") is not None else {"filter": None, "prefix": ""}
    with refused(code, message, **extras):
        read(rule(id="a good one", **form), wrong)


def test_two_rules_of_one_id_are_refused() -> None:
    with refused("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule"):
        read(rule(), rule(filter={"prefix": "a"}))


def test_the_old_and_the_new_form_do_not_go_together() -> None:
    text = "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."
    with refused("InvalidRequest", text):
        read(rule(id="a"), rule(id="b", filter=None, prefix=""))


@pytest.mark.parametrize(
    ("name", "element"),
    [("transitions", "Transition"), ("noncurrent_version_transitions", "NoncurrentVersionTransition")],
)
def test_an_action_that_is_not_done_here_is_refused_by_name(name: str, element: str) -> None:
    wrong = rule(expiration={"days": 1}) | {name: [{"days": 1, "storage_class": "GLACIER"}]}
    with refused(
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        501,
        Header=element,
        additionalMessage=f"{element} is not supported here",
    ):
        read(rule(id="good"), wrong)


PIECES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just(MIDNIGHT), st.sampled_from(["Enabled", ""])
)
NAMES = st.sampled_from(
    ["id", "status", "filter", "prefix", "expiration", "days", "date", "and_", "tags", "tag", "key", "value",
     "noncurrent_version_expiration", "noncurrent_days", "object_size_greater_than", "transitions"]
)  # fmt: skip
ANYTHING = st.recursive(
    PIECES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


@given(ANYTHING, ANYTHING)
def test_whatever_is_said_is_taken_whole_or_refused(anything: Any, inner: Any) -> None:
    for configuration in (
        anything,
        {"rules": anything},
        {"rules": [rule() | inner if isinstance(inner, dict) else inner]},
    ):
        try:
            rules = read_configuration(configuration)
        except S3Error:
            continue
        assert unpack_rules(pack_rules(rules)) == rules


def test_new_ids_come_from_where_the_caller_says() -> None:
    ids = itertools.count()
    taken = read_configuration({"rules": [rule(id=None), rule(id="x"), rule(id=None)]}, lambda: f"id-{next(ids)}")
    assert [each.id for each in taken] == ["id-0", "x", "id-1"]
