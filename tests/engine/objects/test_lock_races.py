"""A bucket's default retention that is set during a write: every object that is committed after it is locked by it."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import engine
from tests.support.clock import clocked
from tests.support.refusals import refused
from tests.support.stores import contents_of, in_one_batch

BODY = b"one" + b"two"
MD5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
RULE = {"default_retention": {"mode": "GOVERNANCE", "days": 3}}


@pytest.fixture
def locking(tiny: engine.Store, bucket: str) -> engine.Store:
    """A store with two buckets, one with object lock and one without."""
    tiny.create_bucket("locked", object_lock_enabled_for_bucket=True)
    tiny.put_object(bucket, "source", BODY)
    return tiny


def set_rule(store: engine.Store) -> None:
    configuration: dict[str, Any] = {"object_lock_enabled": "Enabled", "rule": RULE}
    store.put_object_lock_configuration("locked", object_lock_configuration=configuration)


def test_a_retention_given_while_the_body_comes_locks_the_object_from_its_end(locking: engine.Store) -> None:
    clock = clocked(locking)

    def body() -> Iterator[bytes]:
        yield BODY[:3]
        set_rule(locking)
        clock.go_on(timedelta(hours=1))
        yield BODY[3:]

    locking.put_object("locked", "key", body(), content_md5=MD5)
    head = locking.head_object("locked", "key")
    assert (head.object_lock_mode, head.object_lock_legal_hold_status) == ("GOVERNANCE", None)
    assert head.object_lock_retain_until_date == clock.now + timedelta(days=3)
    with pytest.raises(engine.errors.AccessDenied):
        locking.delete_object("locked", "key", version_id=head.version_id)


def test_what_was_said_with_the_body_stays_said(locking: engine.Store) -> None:
    clock = clocked(locking)
    until = clock.now + timedelta(days=1)

    def body() -> Iterator[bytes]:
        yield BODY[:3]
        set_rule(locking)
        yield BODY[3:]

    members: Any = {"object_lock_mode": "COMPLIANCE", "object_lock_retain_until_date": until}
    locking.put_object("locked", "key", body(), content_md5=MD5, **members)
    head = locking.head_object("locked", "key")
    assert (head.object_lock_mode, head.object_lock_retain_until_date) == ("COMPLIANCE", until)


def test_a_retention_given_before_a_copy_is_committed_locks_the_copy(locking: engine.Store) -> None:
    in_one_batch(locking, lambda: set_rule(locking), lambda: locking.copy_object("locked", "key", "bucket/source"))
    assert locking.head_object("locked", "key").object_lock_mode == "GOVERNANCE"


def test_a_lock_said_to_a_bucket_that_came_anew_without_object_lock_is_refused(locking: engine.Store) -> None:
    def body() -> Iterator[bytes]:
        yield BODY[:3]
        locking.delete_bucket("locked")
        locking.create_bucket("locked")
        yield BODY[3:]

    before = contents_of(locking).files
    with refused("InvalidRequest", "Bucket is missing Object Lock Configuration"):
        locking.put_object("locked", "key", body(), content_md5=MD5, object_lock_legal_hold_status="ON")
    assert contents_of(locking).files == before
