"""Rotating the key ring of SSE-S3: everything is wrapped anew, nothing is moved, and nothing is in its way."""

import contextlib
from typing import Any

import pytest

import engine
from tests.support import decoder
from tests.support.customers import KEY, found, some_bytes
from tests.support.encryptions import KMS, S3, ring_of
from tests.support.stores import contents_of, meta_of
from tests.support.uploads import begin, read


@pytest.fixture(autouse=True)
def _bucket(bucket: str) -> None:
    """Each test has one."""


def encryptions(store: engine.Store) -> list[Any]:
    """Of all versions and uploads of SSE-S3."""
    meta = meta_of(store)
    rows = [entry.record for entry in meta.list_versions("bucket", b"", b"", b"", None, 1000).items]
    rows += [entry.record for entry in meta.list_uploads("bucket", b"", b"", b"", None, 1000).items]
    return [row.encryption for row in rows if row.encryption is not None and row.encryption.kind == "AES256"]


def test_a_rotation_wraps_everything_anew_and_touches_no_blob(tiny: engine.Store) -> None:
    tiny.put_bucket_versioning("bucket", versioning_configuration={"status": "Enabled"})
    for body in (b"one", some_bytes(70_000)):
        tiny.put_object("bucket", "key", body, **S3)
    tiny.put_object("bucket", "clear", b"")
    tiny.put_object("bucket", "customer", b"", **KEY)
    tiny.put_object("bucket", "kms", b"kms", **KMS)
    tiny.delete_object("bucket", "gone")
    upload = begin(tiny, "bucket", "upload", **S3)
    part = upload.part(1, b"part")
    before, contents = encryptions(tiny), contents_of(tiny)
    report = tiny.rotate_keys()
    after = encryptions(tiny)
    assert (report.keys, report.objects, report.uploads) == (2, 2, 1)
    assert {each.key_id for each in after} == {report.active_key} != {each.key_id for each in before}
    assert not {each.wrapped for each in before} & {each.wrapped for each in after}
    assert contents_of(tiny).files == contents.files
    assert read(tiny, "bucket", "key") == some_bytes(70_000)
    assert read(tiny, "bucket", "kms") == b"kms"
    upload.complete([part, upload.part(2, b"more")])
    assert read(tiny, "bucket", "upload") == b"partmore"
    again = tiny.rewrap_keys()
    assert (again.active_key, again.objects, again.uploads) == (report.active_key, 0, 0)


def test_after_a_rotation_the_old_key_opens_nothing_that_is_stored(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    old = decoder.ring(ring_of(tiny).read_bytes())[1]
    before = found(tiny)[0].encryption
    tiny.rotate_keys()
    after = found(tiny)[0].encryption
    assert before is not None
    assert after is not None
    (root,) = old.values()
    assert decoder.data_key(root, before, "bucket", "key")
    with pytest.raises(ValueError, match="another root"):
        decoder.data_key(root, after, "bucket", "key")


def test_what_ends_while_keys_are_rotated_is_passed_over(tiny: engine.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("a", "b"):
        tiny.put_object("bucket", key, b"body", **S3)
        begin(tiny, "bucket", key, **S3)
    rotate = tiny._context.keys.ring.rotate
    list_versions = meta_of(tiny).list_versions

    def listed(*args: Any) -> Any:
        page = list_versions(*args)
        with contextlib.suppress(Exception):
            tiny.delete_object("bucket", "a")
        return page

    monkeypatch.setattr(meta_of(tiny), "list_versions", listed)
    rotate()
    report = tiny.rewrap_keys()
    assert (report.objects, report.uploads) == (1, 2)
    assert read(tiny, "bucket", "b") == b"body"


def test_a_rotation_goes_on_past_a_page(tiny: engine.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.meta.walks.PAGE_SIZE", 2)
    for at in range(5):
        tiny.put_object("bucket", f"key{at}", b"", **S3)
        begin(tiny, "bucket", f"key{at // 2}", **S3)
    report = tiny.rotate_keys()
    assert (report.objects, report.uploads) == (5, 5)
    assert {each.key_id for each in encryptions(tiny)} == {report.active_key}


def test_what_was_replaced_between_the_walk_and_the_step_keeps_its_own_wrapping(
    tiny: engine.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.put_object("bucket", "key", b"old", **S3)
    update = meta_of(tiny).update_object

    def replaced(*args: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(meta_of(tiny), "update_object", update)
            tiny.put_object("bucket", "key", b"new", **S3)
        return update(*args)

    monkeypatch.setattr(meta_of(tiny), "update_object", replaced)
    tiny.rotate_keys()
    assert read(tiny, "bucket", "key") == b"new"
