"""Storage class, redirect and ACL, as PutObject, CreateMultipartUpload and CopyObject take them."""

from collections.abc import Callable
from typing import Any

import pytest

import engine
from tests.support.refusals import refused
from tests.support.stores import contents_of

Write = Callable[..., None]


def put(store: engine.Store, **members: Any) -> None:
    store.put_object("bucket", "key", b"body", **members)


def upload(store: engine.Store, **members: Any) -> None:
    upload_id = store.create_multipart_upload("bucket", "key", **members).upload_id
    part = store.upload_part("bucket", "key", upload_id, 1, b"body")
    store.complete_multipart_upload("bucket", "key", upload_id, [(1, part.etag)])


def copy(store: engine.Store, **members: Any) -> None:
    store.copy_object("bucket", "key", "bucket/source", **members)


@pytest.fixture(params=[put, upload, copy], ids=lambda write: write.__name__)
def write(request: pytest.FixtureRequest, tiny: engine.Store, bucket: str) -> Write:
    """Each way to make an object."""
    tiny.put_object(bucket, "source", b"body")
    found: Write = request.param
    return found


def test_a_storage_class_is_kept_and_told(tiny: engine.Store, write: Write) -> None:
    write(tiny, storage_class="STANDARD_IA")
    assert tiny.head_object("bucket", "key").storage_class == "STANDARD_IA"
    listed = {item.key: item.storage_class for item in tiny.list_objects_v2("bucket").contents or ()}
    assert listed == {"key": "STANDARD_IA", "source": "STANDARD"}
    versions = tiny.list_object_versions("bucket").versions or ()
    assert {item.key: item.storage_class for item in versions} == listed


def test_the_standard_class_is_not_told_of_an_object(tiny: engine.Store, write: Write) -> None:
    for members in ({}, {"storage_class": "STANDARD"}):
        write(tiny, **members)
        assert tiny.head_object("bucket", "key").storage_class is None


def test_open_uploads_and_their_parts_show_the_class(tiny: engine.Store, bucket: str) -> None:
    made = tiny.create_multipart_upload(bucket, "key", storage_class="ONEZONE_IA")
    assert tiny.list_parts(bucket, "key", made.upload_id).storage_class == "ONEZONE_IA"
    assert [item.storage_class for item in tiny.list_multipart_uploads(bucket).uploads or ()] == ["ONEZONE_IA"]


@pytest.mark.parametrize("name", ["COLD", "standard", "", "OUTPOSTS", "EXPRESS_ONEZONE"])
def test_a_class_that_a_bucket_has_not_is_refused(tiny: engine.Store, write: Write, name: str) -> None:
    before = contents_of(tiny)
    with refused("InvalidStorageClass", "The storage class you specified is not valid", StorageClassRequested=name):
        write(tiny, storage_class=name)
    assert contents_of(tiny) == before


@pytest.mark.parametrize("name", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_is_archived_is_described_but_not_read(tiny: engine.Store, write: Write, name: str) -> None:
    write(tiny, storage_class=name)
    assert tiny.head_object("bucket", "key").storage_class == name
    text = "The operation is not valid for the object's storage class"
    with refused("InvalidObjectState", text, 403, StorageClass=name):
        tiny.get_object("bucket", "key")
    with pytest.raises(engine.errors.ObjectNotInActiveTierError):
        tiny.copy_object("bucket", "copy", "bucket/key")
    tiny.delete_object("bucket", "key")


@pytest.mark.parametrize("name", ["GLACIER_IR", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY"])
def test_every_other_class_is_read_at_once(tiny: engine.Store, write: Write, name: str) -> None:
    write(tiny, storage_class=name)
    with tiny.get_object("bucket", "key").body as body:
        assert body.read() == b"body"


def test_a_redirect_is_kept_and_told_and_not_copied(tiny: engine.Store, write: Write) -> None:
    for location in ("/elsewhere", "http://a/b", "https://a/"):
        write(tiny, website_redirect_location=location)
        assert tiny.head_object("bucket", "key").website_redirect_location == location
    tiny.copy_object("bucket", "copy", "bucket/key")
    assert tiny.head_object("bucket", "copy").website_redirect_location is None


@pytest.mark.parametrize("location", ["elsewhere", "", "ftp://a"])
def test_a_redirect_to_nowhere_is_refused(tiny: engine.Store, write: Write, location: str) -> None:
    before = contents_of(tiny)
    text = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
    with refused("InvalidRedirectLocation", text):
        write(tiny, website_redirect_location=location)
    assert contents_of(tiny) == before


def test_a_copy_onto_itself_may_change_class_or_redirect(tiny: engine.Store, bucket: str) -> None:
    tiny.put_object(bucket, "key", b"body", metadata={"a": "b"})
    for members in ({"storage_class": "STANDARD_IA"}, {"website_redirect_location": "/"}):
        tiny.copy_object(bucket, "key", f"{bucket}/key", **members)  # type: ignore[arg-type]
        assert tiny.head_object(bucket, "key").metadata == {"a": "b"}
    assert tiny.head_object(bucket, "key").storage_class is None
    with pytest.raises(engine.errors.InvalidRequest):
        tiny.copy_object(bucket, "key", f"{bucket}/key")


@pytest.mark.parametrize("acl", ["private", "bucket-owner-full-control"])
def test_the_acls_of_the_owner_are_taken(tiny: engine.Store, write: Write, acl: str) -> None:
    write(tiny, acl=acl)
    assert tiny.head_object("bucket", "key").content_length == 4


@pytest.mark.parametrize(
    "members",
    [{"acl": "public-read"}, {"acl": "authenticated-read"}, {"grant_read": "id=1"}, {"grant_write_acp": "id=1"}],
)
def test_other_acls_are_refused(tiny: engine.Store, write: Write, members: dict[str, str]) -> None:
    before = contents_of(tiny)
    with refused("AccessControlListNotSupported", "The bucket does not allow ACLs"):
        write(tiny, **members)
    assert contents_of(tiny) == before


def test_two_kinds_of_acl_or_one_that_is_none_are_refused(tiny: engine.Store, write: Write) -> None:
    with refused("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed"):
        write(tiny, acl="private", grant_full_control="id=1")
    with refused("InvalidArgument", "Invalid Argument", ArgumentName="x-amz-acl", ArgumentValue="mine"):
        write(tiny, acl="mine")
