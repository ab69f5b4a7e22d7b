"""The default encryption of a bucket for requests without their own, and the types that it blocks."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import engine
from engine.encryption.key_ring import KeyRing
from engine.errors import (
    AccessDenied,
    InvalidArgument,
    KMSNotFound,
    MalformedXML,
    NotImplementedYet,
    ServerSideEncryptionConfigurationNotFoundError,
)
from tests.support.customers import KEY, PARTS
from tests.support.encryptions import KMS, S3, by_default, ring_of, set_default
from tests.support.uploads import begin, part_etag_of, read


@pytest.fixture(autouse=True)
def _bucket(bucket: str) -> None:
    """Make a bucket for each test."""


def test_a_bucket_has_no_default_until_it_is_set_and_after_it_is_dropped(tiny: engine.Store) -> None:
    for _ in range(2):
        with pytest.raises(ServerSideEncryptionConfigurationNotFoundError) as caught:
            tiny.get_bucket_encryption("bucket")
        assert (caught.value.status, caught.value.extras) == (404, {"BucketName": "bucket"})
        assert tiny.put_object("bucket", "key", b"").server_side_encryption is None
        set_default(tiny, "AES256")
        (rule,) = tiny.get_bucket_encryption("bucket").server_side_encryption_configuration.rules
        assert rule.apply_server_side_encryption_by_default is not None
        assert rule.apply_server_side_encryption_by_default.sse_algorithm == "AES256"
        assert tiny.put_object("bucket", "key", b"").server_side_encryption == "AES256"
        tiny.delete_bucket_encryption("bucket")
    tiny.delete_bucket_encryption("bucket")


@pytest.mark.parametrize("requested", [S3, KMS], ids=["SSE-S3", "SSE-KMS"])
def test_what_asks_for_nothing_gets_the_default_and_what_asks_gets_that(
    tiny: engine.Store, requested: Mapping[str, Any]
) -> None:
    name = requested["server_side_encryption"]
    clear = begin(tiny, "bucket", "before")
    set_default(tiny, name)
    assert tiny.put_object("bucket", "put", b"body").server_side_encryption == name
    assert tiny.copy_object("bucket", "copy", "bucket/put").server_side_encryption == name
    upload = begin(tiny, "bucket")
    assert upload.complete(upload.parts(dict(enumerate(PARTS, 1)))).server_side_encryption == name
    assert clear.complete([clear.part(1, b"part")]).server_side_encryption is None
    customer = tiny.put_object("bucket", "customer", b"body", **KEY)
    assert (customer.server_side_encryption, customer.sse_customer_algorithm) == (None, "AES256")
    other = S3 if requested is KMS else KMS
    assert tiny.put_object("bucket", "other", b"", **other).server_side_encryption == other["server_side_encryption"]


def test_the_default_may_name_a_key(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "first", b"", **KMS)
    with KeyRing(str(ring_of(tiny))) as ring:
        first, _ = ring.active_id, ring.rotate()
    set_default(tiny, "aws:kms", key=first)
    assert tiny.put_object("bucket", "key", b"body").ssekms_key_id == first
    assert tiny.put_object("bucket", "key", b"body", **KMS).ssekms_key_id != first
    set_default(tiny, "aws:kms", key="gone")
    with pytest.raises(KMSNotFound):
        tiny.put_object("bucket", "key", b"body")


def test_a_bucket_key_is_the_buckets_unless_the_request_says_something_of_it(tiny: engine.Store) -> None:
    rule = by_default("aws:kms")["rules"][0] | {"bucket_key_enabled": True}
    tiny.put_bucket_encryption("bucket", server_side_encryption_configuration={"rules": [rule]})
    for requested, is_told in (({}, True), (KMS, True), (KMS | {"bucket_key_enabled": False}, None), (S3, None)):
        upload = begin(tiny, "bucket", **requested)
        part = tiny.upload_part("bucket", "key", upload.upload_id, 1, b"part")
        answers = [part, upload.complete([(1, part.etag)]), tiny.head_object("bucket", "key")]
        answers += [
            tiny.put_object("bucket", "key", b"", **requested),
            tiny.copy_object("bucket", "copy", "bucket/key", **requested),
        ]
        assert [answer.bucket_key_enabled for answer in answers] == [is_told] * 5


def test_a_wrong_default_is_refused_and_the_one_before_stays(tiny: engine.Store) -> None:
    set_default(tiny, "AES256")
    for document, error in (
        ({"rules": []}, MalformedXML),
        (by_default("x"), MalformedXML),
        (by_default("AES256", key="id"), InvalidArgument),
        (by_default("aws:kms:dsse"), NotImplementedYet),
        (None, MalformedXML),
    ):
        with pytest.raises(error):
            tiny.put_bucket_encryption("bucket", server_side_encryption_configuration=document)
    assert tiny.put_object("bucket", "key", b"").server_side_encryption == "AES256"


BLOCKED = (
    "User: arn:aws:iam::000000000000:root is not authorized to perform: s3:PutObject on resource: "
    '"arn:aws:s3:::bucket/{key}" because this bucket has blocked upload requests that specify Server Side Encryption with '
    "Customer provided keys (SSE-C). Please specify a different server-side encryption type"
)


def test_a_bucket_that_blocks_customers_keys_takes_none_and_gives_what_it_has(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "sealed", b"body", **KEY)
    upload = begin(tiny, "bucket", "upload", **KEY)
    part = upload.part(1, b"part", **KEY)
    set_default(tiny, None, blocked=["SSE-C"])
    source = {f"copy_source_{name}": value for name, value in KEY.items()}
    acts: dict[str, Callable[[], object]] = {
        "key": lambda: tiny.put_object("bucket", "key", b"body", **KEY),
        "new": lambda: begin(tiny, "bucket", "new", **KEY),
        "copy": lambda: tiny.copy_object("bucket", "copy", "bucket/sealed", **KEY, **source),
        "upload": lambda: upload.part(2, b"more", **KEY),
    }
    for key, act in acts.items():
        with pytest.raises(AccessDenied) as caught:
            act()
        assert caught.value.message == BLOCKED.format(key=key)
    with pytest.raises(AccessDenied):
        upload.copy(2, "bucket/sealed", **KEY, **source)
    assert read(tiny, "bucket", "sealed", **KEY) == b"body"
    assert tiny.copy_object("bucket", "freed", "bucket/sealed", **source).copy_object_result.etag == part_etag_of(
        b"body"
    )
    upload.complete([part])
    set_default(tiny, None, blocked=["NONE"])
    tiny.put_object("bucket", "key", b"body", **KEY)


def test_what_is_blocked_stays_until_something_is_said_of_it(tiny: engine.Store) -> None:
    tiny.create_bucket("new", blocked_encryption_types=("SSE-C",))
    default = by_default("AES256")
    for act in (
        lambda: None,
        lambda: tiny.put_bucket_encryption("new", server_side_encryption_configuration=default),
        lambda: tiny.delete_bucket_encryption("new"),
    ):
        act()
        with pytest.raises(AccessDenied):
            tiny.put_object("new", "key", b"body", **KEY)
        (rule,) = tiny.get_bucket_encryption("new").server_side_encryption_configuration.rules
        assert rule.blocked_encryption_types is not None
        assert rule.blocked_encryption_types.encryption_type == ("SSE-C",)
    tiny.put_bucket_encryption("new", server_side_encryption_configuration=by_default(None, blocked=["NONE"]))
    tiny.put_object("new", "key", b"body", **KEY)
    with pytest.raises(MalformedXML):
        tiny.create_bucket("other", blocked_encryption_types=("SSE-S3",))
