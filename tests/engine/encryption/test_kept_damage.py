"""SSE-S3 with damaged files and rows: reading gives an error instead of bytes, and a deep check, which has the keys, finds it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.errors import InternalError
from engine.multipart.upload_ids import parse_upload_id
from tests.support.customers import KEY, PARTS, found, path_of, some_bytes
from tests.support.encryptions import KMS, S3, ring_of
from tests.support.stores import meta_of
from tests.support.uploads import begin, read


@pytest.fixture
def sealed(tiny: engine.Store, bucket: str) -> engine.Store:
    """Make a store with `key` in parts and an upload of one part by SSE-S3, and others whose keys a check lacks or does not need."""
    upload = begin(tiny, "bucket", "key", **S3)
    upload.complete(upload.parts(dict(enumerate(PARTS, 1))))
    begin(tiny, "bucket", "open", **S3).part(1, some_bytes(70_000))
    for key, requested in (("small", S3), ("customer", KEY), ("kms", KMS), ("clear", {})):
        tiny.put_object("bucket", key, b"body", **requested)
    return tiny


def damage(store: engine.Store, at: int, key: str = "key") -> Path:
    """Flip a bit of the first part."""
    path = path_of(store, found(store, key)[1].parts[0].blob_id)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    return path


def test_a_deep_check_opens_what_the_store_has_the_keys_of(sealed: engine.Store) -> None:
    report = sealed.check(deep=True)
    assert (report.ok, report.parts, report.sealed_parts, report.opened_parts) == (True, 10, 9, 7)
    assert sealed.check().opened_parts == 0


@pytest.mark.parametrize("at", [20, 60, 80, 40_000, -1])
def test_a_flipped_bit_is_an_error_to_a_reader_and_found_by_a_deep_check(sealed: engine.Store, at: int) -> None:
    path = damage(sealed, at)
    with pytest.raises(InternalError):
        read(sealed, "bucket", "key")
    report = sealed.check(deep=True)
    assert report.corrupt == (path.parent.name + path.name,)
    assert sealed.check().ok


def test_a_flipped_bit_of_an_open_upload_is_found(sealed: engine.Store) -> None:
    known = {part.blob_id for part in found(sealed)[1].parts}
    files = [
        path
        for path in Path(sealed._layout.root, "blobs").glob("??/*")
        if bytes.fromhex(path.parent.name + path.name) not in known
    ]
    (path,) = [path for path in files if path.stat().st_size > 70_000]
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert sealed.check(deep=True).corrupt == (path.parent.name + path.name,)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [(Path.unlink, "missing"), (lambda path: path.write_bytes(b"short"), "wrong_size")], ids=["gone", "short"]
)  # fmt: skip
def test_damage_that_is_seen_from_outside_is_told_once(
    sealed: engine.Store, spoil: Callable[[Path], Any], kind: str
) -> None:
    path = path_of(sealed, found(sealed)[1].parts[0].blob_id)
    spoil(path)
    report = sealed.check(deep=True)
    assert {name: getattr(report, name) for name in ("missing", "wrong_size", "corrupt") if getattr(report, name)} == {
        kind: (path.parent.name + path.name,)
    }


def test_without_the_ring_nothing_of_its_is_right(sealed: engine.Store) -> None:
    root = sealed._layout.root
    ring_of(sealed).unlink()
    sealed.close()
    with engine.open(root) as store:
        report = store.check(deep=True)
    assert (report.opened_parts, len(report.corrupt)) == (7, 7)


@pytest.mark.parametrize("requested", [S3, KMS, KEY], ids=["SSE-S3", "SSE-KMS", "SSE-C"])
def test_the_file_of_an_earlier_attempt_does_not_pass_for_the_part(
    tiny: engine.Store, bucket: str, tmp_path: Path, requested: dict[str, Any]
) -> None:
    """The file is of the same upload, number and size; its commitment and tags are right, but the row names another attempt."""
    key = requested if requested is KEY else {}
    upload = begin(tiny, bucket, **requested)
    upload.part(1, b"A" * 200_000, **key)
    identity = parse_upload_id(bucket, b"key", upload.upload_id)
    earlier = meta_of(tiny).list_parts(bucket, b"key", identity, 0, 1)[1][0].blob_id
    shutil.copy(path_of(tiny, earlier), tmp_path / "earlier")
    upload.complete([upload.part(1, b"B" * 200_000, **key)])
    assert read(tiny, bucket, "key", **key) == b"B" * 200_000
    shutil.copy(tmp_path / "earlier", path_of(tiny, found(tiny)[1].parts[0].blob_id))
    for members in ({}, {"range": "bytes=0-0"}):
        with pytest.raises(InternalError) as caught:
            tiny.get_object(bucket, "key", **members, **key)
        assert "has the bytes of another attempt" in (caught.value.reason or "")
