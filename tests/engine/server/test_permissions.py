"""Which actions a request needs on which resources: each is asked for, and without any one of them nothing happens."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from engine import Store
from engine.s3.sigv4 import Identity
from engine.server.operations import SERVED
from tests.support.calls import BUCKET, CALLS, KEY, LOCKED_KEY, arguments, client_of, made, make_locked
from tests.support.stores import contents_of


class Gatekeeper:
    """An authorizer that refuses some actions, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str]] = set()

    def __call__(self, identity: Identity, action: str, resource: str) -> bool:
        self.asked.add((action, resource))
        return (action, resource) not in self.refused


@pytest.fixture
def gatekeeper() -> Gatekeeper:
    return Gatekeeper()


@pytest.fixture
def s3(tiny: Store, bucket: str, gatekeeper: Gatekeeper) -> Iterator[Any]:
    tiny.put_object(bucket, "key", b"body")
    tiny.create_bucket("empty")
    rule = {"status": "Enabled", "filter": {}, "abort_incomplete_multipart_upload": {"days_after_initiation": 1}}
    tiny.put_bucket_lifecycle_configuration(bucket, lifecycle_configuration={"rules": [rule]})
    cors = {"allowed_methods": ["PUT"], "allowed_origins": ["*"]}
    tiny.put_bucket_cors(bucket, cors_configuration={"cors_rules": [cors]})
    default = {"rules": [{"blocked_encryption_types": {"encryption_type": ["NONE"]}}]}
    tiny.put_bucket_encryption(bucket, server_side_encryption_configuration=default)
    return client_of(tiny, gatekeeper)


@pytest.mark.parametrize(("name", "given", "needed"), CALLS, ids=[name for name, *_ in CALLS])
def test_an_operation_asks_for_its_actions_and_no_others(
    s3: Any, tiny: Store, gatekeeper: Gatekeeper, name: str, given: dict[str, Any], needed: set[tuple[str, str]]
) -> None:
    made(s3, name, **arguments(name, given, tiny))
    assert gatekeeper.asked == needed


@pytest.mark.parametrize(
    ("name", "given", "missing"),
    [(name, given, permission) for name, given, needed in CALLS for permission in sorted(needed)],
    ids=[f"{name}-{action}" for name, _, needed in CALLS for action, _ in sorted(needed)],
)
def test_an_operation_without_one_of_its_actions_does_nothing(
    s3: Any, tiny: Store, gatekeeper: Gatekeeper, name: str, given: dict[str, Any], missing: tuple[str, str]
) -> None:
    found = arguments(name, given, tiny)
    before = contents_of(tiny)
    gatekeeper.refused = {missing}
    assert code_of(getattr(s3, name), **found) in ("AccessDenied", "403")
    assert contents_of(tiny) == before


ELSEWHERE = {"DeleteObjects"}
"""RequestedEncryption for more than one thing: below."""


def test_every_operation_served_is_in_the_table() -> None:
    assert {xform_name(name) for name in SERVED.keys() - ELSEWHERE} == {name for name, *_ in CALLS}


def test_deleting_many_asks_for_each_key(s3: Any, tiny: Store, gatekeeper: Gatekeeper) -> None:
    objects = [{"Key": "key"}, {"Key": "other"}, {"Key": "other", "VersionId": "null"}]
    s3.delete_objects(Bucket="bucket", Delete={"Objects": objects})
    other = BUCKET + "/other"
    assert gatekeeper.asked == {("s3:DeleteObject", KEY), ("s3:DeleteObject", other), ("s3:DeleteObjectVersion", other)}


def test_of_many_those_that_may_not_be_deleted_stay_and_are_named(s3: Any, tiny: Store, gatekeeper: Gatekeeper) -> None:
    tiny.put_object("bucket", "other", b"body")
    gatekeeper.refused = {("s3:DeleteObject", KEY), ("s3:DeleteObjectVersion", KEY)}
    objects = [{"Key": "key"}, {"Key": "other"}, {"Key": "key", "VersionId": "null"}]
    answer = s3.delete_objects(Bucket="bucket", Delete={"Objects": objects, "Quiet": True})
    denied = {"Key": "key", "Code": "AccessDenied", "Message": "Access Denied"}
    assert answer["Errors"] == [denied, denied | {"VersionId": "null"}]
    assert [item.key for item in tiny.list_objects_v2("bucket").contents or ()] == ["key"]
    before = contents_of(tiny)
    answer = s3.delete_objects(Bucket="bucket", Delete={"Objects": objects[:1]})
    assert (answer["Errors"], answer.get("Deleted")) == ([denied], None)
    assert contents_of(tiny) == before


def test_tags_come_along_with_a_copy_only_where_they_may_be_read_and_written(
    s3: Any, tiny: Store, gatekeeper: Gatekeeper
) -> None:
    tiny.put_object("bucket", "key", b"body", tagging="a=b")
    copy = {"Bucket": "bucket", "Key": "other", "CopySource": "bucket/key"}
    for missing in (("s3:GetObjectTagging", KEY), ("s3:PutObjectTagging", BUCKET + "/other")):
        gatekeeper.refused = {missing}
        assert code_of(s3.copy_object, **copy) == "AccessDenied"
    s3.copy_object(**copy, TaggingDirective="REPLACE")
    gatekeeper.refused = set()
    s3.copy_object(**copy)
    assert tiny.head_object("bucket", "other").tag_count == 1


def test_who_may_not_bypass_a_retention_deletes_what_has_none(s3: Any, tiny: Store, gatekeeper: Gatekeeper) -> None:
    make_locked(tiny)
    tiny.put_object_legal_hold("locked", "key", legal_hold={"status": "OFF"})
    free = tiny.put_object("locked", "free", b"").version_id
    locked = tiny.head_object("locked", "key").version_id
    gatekeeper.refused = {("s3:BypassGovernanceRetention", LOCKED_KEY)}
    objects = [{"Key": "key", "VersionId": locked}, {"Key": "free", "VersionId": free}]
    named = {"Bucket": "locked", "BypassGovernanceRetention": True}
    assert code_of(s3.delete_object, **named, **objects[0]) == "AccessDenied"
    answer = s3.delete_objects(**named, Delete={"Objects": objects})
    assert [[each["Key"] for each in answer[what]] for what in ("Errors", "Deleted")] == [["key"], ["free"]]
    gatekeeper.refused = set()
    s3.delete_object(**named, **objects[0])


@pytest.mark.parametrize("name", ["get_object", "head_object"])
def test_who_may_not_list_does_not_learn_that_a_key_is_absent(s3: Any, gatekeeper: Gatekeeper, name: str) -> None:
    read = getattr(s3, name)
    assert code_of(read, Bucket="bucket", Key="absent") in ("NoSuchKey", "404")
    gatekeeper.refused = {("s3:ListBucket", BUCKET)}
    assert code_of(read, Bucket="bucket", Key="absent") in ("AccessDenied", "403")
    read(Bucket="bucket", Key="key")


def test_who_may_not_list_the_source_of_a_copy_does_not_learn_that_it_is_absent(
    s3: Any, gatekeeper: Gatekeeper
) -> None:
    named = {"Bucket": "empty", "Key": "copy", "CopySource": "bucket/absent"}
    assert code_of(s3.copy_object, **named) == "NoSuchKey"
    gatekeeper.refused = {("s3:ListBucket", BUCKET)}
    assert code_of(s3.copy_object, **named) == "AccessDenied"


@pytest.mark.parametrize("name", ["get_object", "head_object"])
def test_tags_and_locks_are_told_to_who_may_ask_for_them(
    s3: Any, tiny: Store, gatekeeper: Gatekeeper, name: str
) -> None:
    make_locked(tiny)
    tiny.put_object_tagging("locked", "key", tagging={"tag_set": [{"key": "a", "value": "b"}]})
    members = {
        "TagCount": "Tagging", "ObjectLockMode": "Retention", "ObjectLockRetainUntilDate": "Retention",
        "ObjectLockLegalHoldStatus": "LegalHold",
    }  # fmt: skip
    named = {"Bucket": "locked", "Key": "key"}
    assert members.keys() <= getattr(s3, name)(**named).keys()
    for what in set(members.values()):
        gatekeeper.refused = {(f"s3:GetObject{what}", LOCKED_KEY)}
        answer = getattr(s3, name)(**named)
        assert {member for member in members if member not in answer} == {
            member for member, needed in members.items() if needed == what
        }
    version_id = s3.list_object_versions(Bucket="locked")["Versions"][0]["VersionId"]
    gatekeeper.refused = {("s3:GetObjectVersionTagging", LOCKED_KEY)}
    assert "TagCount" not in getattr(s3, name)(**named, VersionId=version_id)


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])
