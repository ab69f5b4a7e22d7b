"""Which actions a request needs on which resources: each is asked for, and without any one of them nothing happens."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from engine import Store
from engine.s3.sigv4 import Identity
from engine.server.operations import SERVED
from tests.support.calls import BUCKET, CALLS, KEY, arguments, client_of
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
    return client_of(tiny, gatekeeper)


@pytest.mark.parametrize(("name", "given", "needed"), CALLS, ids=[name for name, *_ in CALLS])
def test_an_operation_asks_for_its_actions_and_no_others(
    s3: Any, tiny: Store, gatekeeper: Gatekeeper, name: str, given: dict[str, Any], needed: set[tuple[str, str]]
) -> None:
    getattr(s3, name)(**arguments(name, given, tiny))
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
"""Asked for more than one thing: below."""


def test_every_operation_served_is_in_the_table() -> None:
    assert {xform_name(name) for name in SERVED.keys() - ELSEWHERE} == {name for name, *_ in CALLS}


def test_deleting_many_asks_for_each_key(s3: Any, tiny: Store, gatekeeper: Gatekeeper) -> None:
    objects = [{"Key": "key"}, {"Key": "other"}, {"Key": "other", "VersionId": "null"}]
    s3.delete_objects(Bucket="bucket", Delete={"Objects": objects})
    other = BUCKET + "/other"
    assert gatekeeper.asked == {("s3:DeleteObject", KEY), ("s3:DeleteObject", other), ("s3:DeleteObjectVersion", other)}


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


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])
