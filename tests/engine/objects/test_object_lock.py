"""Object lock: requested by a write, set on a version, or the bucket's default; what it protects, until when, and from whom."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import engine
from tests.support.clock import clocked
from tests.support.refusals import refused
from tests.support.stores import contents_of

BODY = b"body"
MD5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()
PROTECTED = "Access Denied because object protected by object lock."
BOTH = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
MODE, UNTIL, HOLD = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold"
DAY = timedelta(days=1)
PAST = datetime(2020, 1, 1, tzinfo=UTC)
Write = Callable[..., str]


def soon(days: int = 1) -> datetime:
    """A moment in the future, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0) + days * DAY


def retention(mode: str, until: datetime) -> dict[str, Any]:
    return {"object_lock_mode": mode, "object_lock_retain_until_date": until}


def put(store: engine.Store, bucket: str = "locked", **members: Any) -> str:
    version_id = store.put_object(bucket, "key", BODY, content_md5=MD5, **members).version_id
    assert version_id is not None
    return version_id


def upload(store: engine.Store, bucket: str = "locked", **members: Any) -> str:
    upload_id = store.create_multipart_upload(bucket, "key", **members).upload_id
    part = store.upload_part(bucket, "key", upload_id, 1, BODY, content_md5=MD5)
    version_id = store.complete_multipart_upload(bucket, "key", upload_id, [(1, part.etag)]).version_id
    assert version_id is not None
    return version_id


def copy(store: engine.Store, bucket: str = "locked", **members: Any) -> str:
    version_id = store.copy_object(bucket, "key", "bucket/source", **members).version_id
    assert version_id is not None
    return version_id


@pytest.fixture
def locking(tiny: engine.Store, bucket: str) -> engine.Store:
    """A store with two buckets, one with object lock and one without."""
    tiny.create_bucket("locked", object_lock_enabled_for_bucket=True)
    tiny.put_object(bucket, "source", BODY)
    return tiny


@pytest.fixture(params=[put, upload, copy], ids=lambda write: write.__name__)
def write(request: pytest.FixtureRequest) -> Write:
    """Each way to make a version."""
    found: Write = request.param
    return found


def delete(store: engine.Store, version_id: str, **members: Any) -> None:
    store.delete_object("locked", "key", version_id=version_id, **members)


def put_retention(store: engine.Store, mode: str, until: datetime, **members: Any) -> None:
    store.put_object_retention("locked", "key", retention={"mode": mode, "retain_until_date": until}, **members)


def test_a_bucket_with_object_lock_keeps_versions_and_goes_on_doing_so(locking: engine.Store) -> None:
    assert locking.get_bucket_versioning("locked").status == "Enabled"
    text = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
    with refused("InvalidBucketState", text, 409):
        locking.put_bucket_versioning("locked", versioning_configuration={"status": "Suspended"})
    locking.put_bucket_versioning("locked", versioning_configuration={"status": "Enabled"})
    assert locking.get_bucket_versioning("locked").status == "Enabled"


def test_a_lock_said_with_a_write_is_told_and_protects_the_version(locking: engine.Store, write: Write) -> None:
    until = soon()
    version_id = write(locking, **retention("COMPLIANCE", until), object_lock_legal_hold_status="OFF")
    for answer in (locking.head_object("locked", "key"), locking.get_object("locked", "key")):
        assert answer.object_lock_mode == "COMPLIANCE"
        assert answer.object_lock_retain_until_date == until
        assert answer.object_lock_legal_hold_status == "OFF"
    before = contents_of(locking)
    for members in ({}, {"bypass_governance_retention": True}):
        with refused("AccessDenied", PROTECTED, 403):
            delete(locking, version_id, **members)
    assert contents_of(locking) == before


def test_what_is_locked_can_be_hidden_and_overwritten_but_not_lost(locking: engine.Store) -> None:
    version_id = put(locking, object_lock_legal_hold_status="ON")
    locking.delete_object("locked", "key")
    put(locking)
    with locking.get_object("locked", "key", version_id=version_id).body as body:
        assert body.read() == BODY


def test_governance_is_overcome_by_who_says_so(locking: engine.Store, write: Write) -> None:
    version_id = write(locking, **retention("GOVERNANCE", soon()))
    with refused("AccessDenied", PROTECTED, 403):
        delete(locking, version_id)
    delete(locking, version_id, bypass_governance_retention=True)
    with pytest.raises(engine.errors.NoSuchVersion):
        locking.head_object("locked", "key", version_id=version_id)


def test_a_legal_hold_is_overcome_by_nobody_until_it_is_let_go(locking: engine.Store, write: Write) -> None:
    version_id = write(locking, object_lock_legal_hold_status="ON")
    with refused("AccessDenied", PROTECTED, 403):
        delete(locking, version_id, bypass_governance_retention=True)
    locking.put_object_legal_hold("locked", "key", legal_hold={"status": "OFF"}, version_id=version_id)
    assert locking.get_object_legal_hold("locked", "key", version_id=version_id).legal_hold.status == "OFF"
    delete(locking, version_id)


def test_of_many_what_is_locked_stays_and_is_named(locking: engine.Store) -> None:
    held, free, governed = put(locking, object_lock_legal_hold_status="ON"), put(locking), put(locking)
    put_retention(locking, "GOVERNANCE", soon(), version_id=governed)
    items = [("key", version_id) for version_id in (held, free, governed)]
    answer = locking.delete_objects("locked", items)
    assert [each.version_id for each in answer.deleted or ()] == [free]
    denied = [(error.version_id, error.code, error.message) for error in answer.errors or ()]
    assert denied == [(held, "AccessDenied", PROTECTED), (governed, "AccessDenied", PROTECTED)]
    answer = locking.delete_objects("locked", items, bypass_governance_retention=True)
    assert [error.version_id for error in answer.errors or ()] == [held]


FAR = [
    datetime(2554, 12, 30, tzinfo=UTC),
    datetime(9999, 12, 31, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
]


@pytest.mark.parametrize("until", FAR)
def test_a_retention_for_ever_is_kept_as_it_is_given(locking: engine.Store, write: Write, until: datetime) -> None:
    version_id = write(locking, **retention("GOVERNANCE", until))
    assert locking.head_object("locked", "key").object_lock_retain_until_date == until
    with refused("AccessDenied", PROTECTED, 403):
        delete(locking, version_id)
    write(locking)
    put_retention(locking, "COMPLIANCE", until)
    assert locking.get_object_retention("locked", "key").retention == engine.ObjectLockRetention("COMPLIANCE", until)


def test_a_retention_past_the_last_year_ends_with_it(locking: engine.Store) -> None:
    put(locking, **retention("COMPLIANCE", datetime.max.replace(tzinfo=timezone(-timedelta(hours=5)))))
    assert locking.head_object("locked", "key").object_lock_retain_until_date == FAR[-1]


def test_a_retention_ends(locking: engine.Store) -> None:
    clock = clocked(locking)
    version_id = put(locking, **retention("COMPLIANCE", clock.now + DAY))
    clock.go_on(DAY - timedelta(milliseconds=1))
    with refused("AccessDenied", PROTECTED, 403):
        delete(locking, version_id)
    clock.go_on(timedelta(milliseconds=1))
    delete(locking, version_id)


@pytest.mark.parametrize(
    ("members", "message", "argument", "value"),
    [
        ({"object_lock_mode": "GOVERNANCE"}, BOTH, UNTIL, ""),
        ({"object_lock_retain_until_date": soon()}, BOTH, MODE, ""),
        (retention("NEVER", soon()), "Unknown wormMode directive.", MODE, "NEVER"),
        (retention("GOVERNANCE", PAST), "The retain until date must be in the future!", UNTIL, "2020-01-01T00:00:00Z"),
        ({"object_lock_legal_hold_status": "on"}, "Legal Hold must be either of 'ON' or 'OFF'", HOLD, "on"),
    ],
)
def test_a_lock_that_cannot_be_is_refused(
    locking: engine.Store, write: Write, members: dict[str, Any], message: str, argument: str, value: str
) -> None:
    before = contents_of(locking)
    with refused("InvalidArgument", message, ArgumentName=argument, ArgumentValue=value):
        write(locking, **members)
    assert contents_of(locking) == before


@pytest.mark.parametrize("members", [retention("GOVERNANCE", soon()), {"object_lock_legal_hold_status": "OFF"}])
def test_a_bucket_without_object_lock_takes_no_lock(
    locking: engine.Store, write: Write, members: dict[str, Any]
) -> None:
    before = contents_of(locking)
    with refused("InvalidRequest", "Bucket is missing Object Lock Configuration"):
        write(locking, "bucket", **members)
    for ask in (
        lambda: locking.get_object_retention("bucket", "source"),
        lambda: locking.get_object_legal_hold("bucket", "source"),
        lambda: locking.put_object_legal_hold("bucket", "source", legal_hold={"status": "ON"}),
        lambda: locking.put_object_retention("bucket", "source", retention={}),
    ):
        with refused("InvalidRequest", "Bucket is missing Object Lock Configuration"):
            ask()
    assert contents_of(locking) == before


def test_bytes_to_be_locked_need_a_digest(locking: engine.Store) -> None:
    hold = {"object_lock_legal_hold_status": "ON"}
    upload_id = locking.create_multipart_upload("locked", "key", **hold).upload_id  # type: ignore[arg-type]
    before = contents_of(locking)
    text = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put {} requests with Object Lock parameters"
    with refused("InvalidRequest", text.format("Object")):
        locking.put_object("locked", "key", BODY, **hold)  # type: ignore[arg-type]
    with refused("InvalidRequest", text.format("Part")):
        locking.upload_part("locked", "key", upload_id, 1, BODY)
    assert contents_of(locking) == before
    locking.put_object("locked", "key", BODY, checksum_crc32=CRC32, **hold)  # type: ignore[arg-type]
    locking.upload_part("locked", "key", upload_id, 1, BODY, content_md5=MD5)
    locking.put_object("locked", "free", BODY)


def test_the_rule_of_a_bucket_locks_what_says_nothing(locking: engine.Store, write: Write) -> None:
    rule = {"default_retention": {"mode": "GOVERNANCE", "days": 3}}
    configuration = {"object_lock_enabled": "Enabled", "rule": rule}
    locking.put_object_lock_configuration("locked", object_lock_configuration=configuration)
    version_id = write(locking)
    head = locking.head_object("locked", "key")
    assert head.object_lock_mode == "GOVERNANCE"
    assert head.object_lock_retain_until_date is not None
    assert abs(head.object_lock_retain_until_date - soon(3)) < timedelta(minutes=1)
    with refused("AccessDenied", PROTECTED, 403):
        delete(locking, version_id)
    write(locking, **retention("COMPLIANCE", soon(1)))
    assert locking.head_object("locked", "key").object_lock_mode == "COMPLIANCE"


def test_the_configuration_of_a_bucket_is_told(locking: engine.Store) -> None:
    told = locking.get_object_lock_configuration("locked").object_lock_configuration
    assert (told.object_lock_enabled, told.rule) == ("Enabled", None)
    rule = {"default_retention": {"mode": "COMPLIANCE", "years": 2}}
    configuration = {"object_lock_enabled": "Enabled", "rule": rule}
    locking.put_object_lock_configuration("locked", object_lock_configuration=configuration)
    told = locking.get_object_lock_configuration("locked").object_lock_configuration
    assert told.rule is not None
    assert told.rule.default_retention == engine.DefaultRetention("COMPLIANCE", None, 2)
    text = "Object Lock configuration does not exist for this bucket"
    with refused("ObjectLockConfigurationNotFoundError", text, 404, BucketName="bucket"):
        locking.get_object_lock_configuration("bucket")


def test_object_lock_comes_to_a_bucket_that_keeps_versions(locking: engine.Store) -> None:
    configuration = {"object_lock_enabled": "Enabled"}
    text = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
    with refused("InvalidBucketState", text, 409):
        locking.put_object_lock_configuration("bucket", object_lock_configuration=configuration)
    locking.put_bucket_versioning("bucket", versioning_configuration={"status": "Enabled"})
    locking.put_object_lock_configuration("bucket", object_lock_configuration=configuration)
    locking.put_object_legal_hold("bucket", "source", legal_hold={"status": "ON"})
    with refused("AccessDenied", PROTECTED, 403):
        locking.delete_object("bucket", "source", version_id="null")


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({}, "MalformedXML"),
        ({"object_lock_enabled": "No"}, "MalformedXML"),
        ({"rule": {}}, "MalformedXML"),
        ({"rule": {"default_retention": {"mode": "GOVERNANCE"}}}, "MalformedXML"),
        ({"rule": {"default_retention": {"days": 1}}}, "MalformedXML"),
        ({"rule": {"default_retention": {"mode": "GOVERNANCE", "days": 1, "years": 1}}}, "MalformedXML"),
        (
            {"rule": {"default_retention": {"mode": "GOVERNANCE", "days": 1, "default_event_hold": {"days": 1}}}},
            "NotImplemented",
        ),
        ({"rule": {"default_retention": {"mode": "GOVERNANCE", "days": 0}}}, "InvalidArgument"),
        ({"rule": {"default_retention": {"mode": "GOVERNANCE", "years": -1}}}, "InvalidArgument"),
        ({"rule": {"default_retention": {"mode": "GOVERNANCE", "days": 36_501}}}, "InvalidArgument"),
        ({"rule": {"default_retention": {"mode": "GOVERNANCE", "years": 101}}}, "InvalidArgument"),
    ],
)
def test_a_wrong_configuration_is_refused(locking: engine.Store, configuration: dict[str, Any], code: str) -> None:
    enabled = {"object_lock_enabled": "Enabled"} if "rule" in configuration else {}
    with pytest.raises(engine.S3Error) as caught:
        locking.put_object_lock_configuration("locked", object_lock_configuration=enabled | configuration)
    assert caught.value.code == code
    assert locking.get_object_lock_configuration("locked").object_lock_configuration.rule is None


def test_what_nobody_locked_has_no_configuration(locking: engine.Store) -> None:
    put(locking)
    text = "The specified object does not have a ObjectLock configuration"
    for ask in (locking.get_object_retention, locking.get_object_legal_hold):
        with refused("NoSuchObjectLockConfiguration", text, 404):
            ask("locked", "key")


CHANGES: list[tuple[str, str, int, bool, bool]] = [
    ("GOVERNANCE", "GOVERNANCE", 5, False, True),
    ("GOVERNANCE", "GOVERNANCE", 1, False, False),
    ("GOVERNANCE", "GOVERNANCE", 1, True, True),
    ("GOVERNANCE", "COMPLIANCE", 5, False, False),
    ("GOVERNANCE", "COMPLIANCE", 5, True, True),
    ("COMPLIANCE", "COMPLIANCE", 5, False, True),
    ("COMPLIANCE", "COMPLIANCE", 1, True, False),
    ("COMPLIANCE", "GOVERNANCE", 5, True, False),
]
"""The mode of a retention that lasts three more days, the new mode and days, whether bypass is requested, whether it is allowed."""


@pytest.mark.parametrize(("mode", "wanted", "days", "bypass", "is_let"), CHANGES)
def test_a_retention_under_way_is_made_longer_or_overcome(
    locking: engine.Store, mode: str, wanted: str, days: int, bypass: bool, is_let: bool
) -> None:
    put(locking, **retention(mode, soon(3)))
    before, until = contents_of(locking), soon(days)
    if is_let:
        put_retention(locking, wanted, until, bypass_governance_retention=bypass)
        assert locking.get_object_retention("locked", "key").retention == engine.ObjectLockRetention(wanted, until)
    else:
        with refused("AccessDenied", PROTECTED, 403):
            put_retention(locking, wanted, until, bypass_governance_retention=bypass)
        assert contents_of(locking) == before


def test_a_retention_of_governance_is_taken_away_by_who_overcomes_it(locking: engine.Store) -> None:
    version_id = put(locking, **retention("GOVERNANCE", soon()))
    with refused("AccessDenied", PROTECTED, 403):
        locking.put_object_retention("locked", "key", retention={})
    locking.put_object_retention("locked", "key", retention={}, bypass_governance_retention=True)
    assert locking.head_object("locked", "key").object_lock_mode is None
    delete(locking, version_id)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"mode": "GOVERNANCE"}, "MalformedXML"),
        ({"retain_until_date": soon()}, "MalformedXML"),
        ({"mode": "NEVER", "retain_until_date": soon()}, "MalformedXML"),
        ({"mode": "GOVERNANCE", "retain_until_date": PAST}, "InvalidArgument"),
        ({"mode": "GOVERNANCE", "retain_until_date": soon(), "event_hold": "ON"}, "NotImplemented"),
        ({"event_hold_duration": {"days": 1}}, "NotImplemented"),
    ],
)
def test_a_retention_that_cannot_be_is_refused(locking: engine.Store, document: dict[str, Any], code: str) -> None:
    put(locking)
    with pytest.raises(engine.S3Error) as caught:
        locking.put_object_retention("locked", "key", retention=document)
    assert caught.value.code == code
    with pytest.raises(engine.errors.MalformedXML):
        locking.put_object_legal_hold("locked", "key", legal_hold={"status": "MAYBE"})
    assert locking.head_object("locked", "key").object_lock_mode is None


def test_a_copy_does_not_take_the_lock_of_its_source(locking: engine.Store) -> None:
    put(locking, **retention("GOVERNANCE", soon()), object_lock_legal_hold_status="ON")
    locking.copy_object("locked", "copy", "locked/key")
    head = locking.head_object("locked", "copy")
    assert head.object_lock_mode is head.object_lock_legal_hold_status is None


def test_a_delete_marker_is_not_locked(locking: engine.Store) -> None:
    put(locking, object_lock_legal_hold_status="ON")
    marker = locking.delete_object("locked", "key").version_id
    with refused("MethodNotAllowed", Method="PUT", ResourceType="DeleteMarker"):
        locking.put_object_legal_hold("locked", "key", legal_hold={"status": "ON"}, version_id=marker)
    assert marker is not None
    delete(locking, marker)
