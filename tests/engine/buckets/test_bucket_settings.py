"""The settings of a bucket: stored, returned, replaced and removed; and their effect on the answers of other requests."""

from datetime import UTC, datetime
from typing import Any

import pytest

import engine
from engine import Store
from engine.shapes.lifecycle import LifecycleExpiration, LifecycleRule, LifecycleRuleFilter
from tests.support.clock import DAY, clocked
from tests.support.refusals import refused
from tests.support.stores import contents_of
from tests.support.uploads import begin

NO_RULES = ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", 404)


def rule(rule_id: str = "rule", prefix: str = "", **actions: Any) -> dict[str, Any]:
    return {"id": rule_id, "status": "Enabled", "filter": {"prefix": prefix}} | actions


def set_rules(store: Store, bucket: str, *rules: dict[str, Any]) -> None:
    store.put_bucket_lifecycle_configuration(bucket, lifecycle_configuration={"rules": list(rules)})


def aborted_after(days: int, rule_id: str = "rule", prefix: str = "") -> dict[str, Any]:
    return rule(rule_id, prefix, abort_incomplete_multipart_upload={"days_after_initiation": days})


def expired_after(days: int, rule_id: str = "rule", prefix: str = "") -> dict[str, Any]:
    return rule(rule_id, prefix, expiration={"days": days})


def test_rules_are_kept_and_told_until_they_are_replaced_or_dropped(store: Store, bucket: str) -> None:
    set_rules(store, bucket, expired_after(1, "a"), expired_after(2, "b"))
    set_rules(store, bucket, expired_after(3, "c", "logs/"))
    answer = store.get_bucket_lifecycle_configuration(bucket)
    assert answer.rules == (
        LifecycleRule("Enabled", "c", LifecycleRuleFilter("logs/"), expiration=LifecycleExpiration(days=3)),
    )
    store.put_bucket_lifecycle_configuration(bucket, lifecycle_configuration={"rules": answer.rules})
    assert store.get_bucket_lifecycle_configuration(bucket) == answer
    store.delete_bucket_lifecycle(bucket)
    with refused(*NO_RULES, BucketName=bucket):
        store.get_bucket_lifecycle_configuration(bucket)
    store.delete_bucket_lifecycle(bucket)


def test_rules_belong_to_one_bucket_and_go_with_it(store: Store, bucket: str) -> None:
    store.create_bucket("another-bucket")
    set_rules(store, bucket, expired_after(1))
    with refused(*NO_RULES, BucketName="another-bucket"):
        store.get_bucket_lifecycle_configuration("another-bucket")
    store.delete_bucket(bucket)
    store.create_bucket(bucket)
    with refused(*NO_RULES, BucketName=bucket):
        store.get_bucket_lifecycle_configuration(bucket)
    assert contents_of(store).count("configurations") == 0


def test_rules_are_there_for_every_other_store_on_the_directory(store: Store, bucket: str) -> None:
    with engine.open(store._layout.root) as other:
        set_rules(other, bucket, expired_after(1, "first"))
        assert [each.id for each in store.get_bucket_lifecycle_configuration(bucket).rules] == ["first"]
        set_rules(store, bucket, expired_after(1, "second"))
        assert [each.id for each in other.get_bucket_lifecycle_configuration(bucket).rules] == ["second"]


def test_wrong_rules_leave_the_old_ones_as_they_were(store: Store, bucket: str) -> None:
    set_rules(store, bucket, expired_after(1))
    before = contents_of(store)
    with refused("MalformedXML"):
        store.put_bucket_lifecycle_configuration(bucket)
    with refused("InvalidRequest", "At least one action needs to be specified in a rule"):
        set_rules(store, bucket, expired_after(2, "good"), rule("bad"))
    assert contents_of(store) == before


@pytest.mark.parametrize(
    "operation",
    [
        "put_bucket_lifecycle_configuration", "get_bucket_lifecycle_configuration", "delete_bucket_lifecycle",
        "put_bucket_request_payment", "get_bucket_request_payment",
    ],
)  # fmt: skip
def test_a_bucket_that_is_not_there_has_no_settings(store: Store, operation: str) -> None:
    with refused("NoSuchBucket", BucketName="nowhere"):
        getattr(store, operation)("nowhere")


def test_create_and_list_parts_say_when_the_upload_is_aborted_and_by_which_rule(store: Store, bucket: str) -> None:
    clocked(store)
    set_rules(store, bucket, aborted_after(7), aborted_after(3, "sooner", "logs/"))
    answers = []
    for key in ("cat", "logs/cat"):
        created = store.create_multipart_upload(bucket, key)
        answers += [created, store.list_parts(bucket, key, created.upload_id)]
    assert [(answer.abort_date, answer.abort_rule_id) for answer in answers] == [
        (datetime(2026, 12, 2, tzinfo=UTC), "rule"),
        (datetime(2026, 12, 2, tzinfo=UTC), "rule"),
        (datetime(2026, 11, 28, tzinfo=UTC), "sooner"),
        (datetime(2026, 11, 28, tzinfo=UTC), "sooner"),
    ]


def test_the_abort_date_is_that_of_the_rules_there_are_now(store: Store, bucket: str) -> None:
    clock = clocked(store)
    upload = begin(store, bucket)
    assert (upload.list().abort_date, upload.list().abort_rule_id) == (None, None)
    clock.go_on(10 * DAY)
    set_rules(store, bucket, aborted_after(7), expired_after(1, "of objects"))
    assert upload.list().abort_date == datetime(2026, 12, 2, tzinfo=UTC)
    set_rules(store, bucket, aborted_after(7, prefix="other/"))
    assert upload.list().abort_date is None


def test_writing_and_reading_an_object_say_when_it_expires(tiny: Store, bucket: str) -> None:
    clocked(tiny)
    set_rules(tiny, bucket, expired_after(3, "a rule", "logs/"), aborted_after(1, "of uploads"))
    wanted = 'expiry-date="Sat, 28 Nov 2026 00:00:00 GMT", rule-id="a%20rule"'
    upload = begin(tiny, bucket, "logs/multipart")
    parts = upload.parts({1: b"abc"})
    answers: list[Any] = [tiny.put_object(bucket, "logs/plain", b"abc"), upload.complete(parts), upload.complete(parts)]
    for key in ("logs/plain", "logs/multipart"):
        answers += [tiny.head_object(bucket, key), tiny.get_object(bucket, key)]
        answers[-1].body.close()
    assert [answer.expiration for answer in answers] == [wanted] * len(answers)


def test_only_the_latest_version_says_when_it_expires(tiny: Store, bucket: str) -> None:
    clocked(tiny)
    set_rules(tiny, bucket, expired_after(3))
    tiny.put_bucket_versioning(bucket, versioning_configuration={"status": "Enabled"})
    versions = [tiny.put_object(bucket, "key", body).version_id for body in (b"one", b"two")]
    expirations = [tiny.head_object(bucket, "key", version_id=version).expiration for version in versions]
    assert expirations == [None, 'expiry-date="Sat, 28 Nov 2026 00:00:00 GMT", rule-id="rule"']


def test_an_object_that_no_rule_is_about_says_nothing_of_it(tiny: Store, bucket: str) -> None:
    set_rules(tiny, bucket, expired_after(3, prefix="logs/"), aborted_after(1, "of uploads"))
    upload = begin(tiny, bucket, "multipart")
    answers: list[Any] = [tiny.put_object(bucket, "plain", b""), upload.complete(upload.parts({1: b"abc"}))]
    answers += [tiny.head_object(bucket, "plain"), tiny.head_object(bucket, "multipart")]
    assert [answer.expiration for answer in answers] == [None] * 4


def test_the_owner_pays_until_it_is_said_that_the_requester_does(store: Store, bucket: str) -> None:
    assert store.get_bucket_request_payment(bucket).payer == "BucketOwner"
    for payer in ("Requester", "Requester", "BucketOwner"):
        store.put_bucket_request_payment(bucket, request_payment_configuration={"payer": payer})
        assert store.get_bucket_request_payment(bucket).payer == payer


@pytest.mark.parametrize("configuration", [None, {}, {"payer": None}, {"payer": "requester"}, {"payer": ""}])
def test_a_payer_is_one_of_two(store: Store, bucket: str, configuration: Any) -> None:
    with refused("MalformedXML"):
        store.put_bucket_request_payment(bucket, request_payment_configuration=configuration)
    assert store.get_bucket_request_payment(bucket).payer == "BucketOwner"
