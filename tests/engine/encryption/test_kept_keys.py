"""SSE-S3 and SSE-KMS through the store: objects sealed on disk by keys that the store finds again, buckets' defaults, rotation."""

import base64
import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.errors import (
    AccessDenied,
    InternalError,
    InvalidArgument,
    InvalidRequest,
    KMSNotFound,
    NotImplementedYet,
    StoreError,
)
from engine.meta.parts import Flag
from tests.support import decoder
from tests.support.customers import KEY, PARTS, WHOLE, found, path_of, some_bytes, stored_parts
from tests.support.encryptions import KMS, S3, by_default, ring_of
from tests.support.stores import contents_of, files_of
from tests.support.uploads import begin, etag_of, part_etag_of, read

KINDS = [pytest.param(S3, id="SSE-S3"), pytest.param(KMS, id="SSE-KMS")]
Members = Mapping[str, Any]


@pytest.fixture(autouse=True)
def _bucket(bucket: str) -> None:
    """Make a bucket for each test."""


def encryption_of(answer: Any) -> tuple[str | None, bool]:
    """Return an answer's encryption, and whether it names a key."""
    return answer.server_side_encryption, answer.ssekms_key_id is not None


def put_parts(
    store: engine.Store, requested: Members, key: str = "key", **options: Any
) -> engine.CompleteMultipartUploadOutput:
    upload = begin(store, "bucket", key, **requested, **options)
    return upload.complete(upload.parts(dict(enumerate(PARTS, 1))))


@pytest.mark.parametrize("requested", KINDS)
@pytest.mark.parametrize("size", [0, 1, 16 * 1024 + 1, 65_536, 200_000])
def test_an_object_comes_back_whole_and_the_encryption_is_told(
    tiny: engine.Store, requested: Members, size: int
) -> None:
    body = some_bytes(size)
    put = tiny.put_object("bucket", "key", body, **requested)
    got = tiny.get_object("bucket", "key", checksum_mode="ENABLED")
    with got.body as stream:
        assert stream.read() == body
    head = tiny.head_object("bucket", "key", checksum_mode="ENABLED")
    wanted = (requested["server_side_encryption"], requested is KMS)
    assert encryption_of(put) == encryption_of(got) == encryption_of(head) == wanted
    assert put.checksum_crc64_nvme == got.checksum_crc64_nvme == head.checksum_crc64_nvme
    assert put.sse_customer_algorithm is None
    assert (put.etag == part_etag_of(body)) is (requested is S3)
    assert put.etag == got.etag == head.etag
    (part,) = found(tiny)[1]
    assert part.flags & Flag.SEALED


@pytest.mark.parametrize("requested", KINDS)
def test_an_upload_inherits_what_was_said_at_create(tiny: engine.Store, requested: Members) -> None:
    upload = begin(tiny, "bucket", **requested)
    name = requested["server_side_encryption"]
    answers = [tiny.upload_part("bucket", "key", upload.upload_id, n, body) for n, body in enumerate(PARTS, 1)]
    tiny.put_object("bucket", "source", PARTS[1])
    copy = tiny.upload_part_copy("bucket", "key", upload.upload_id, 2, "bucket/source")
    assert {answer.server_side_encryption for answer in (*answers, copy)} == {name}
    etags = [answer.etag for answer in answers]
    etags[1] = copy.copy_part_result.etag
    done = upload.complete(list(enumerate(etags, 1)))
    assert encryption_of(done) == (name, requested is KMS)
    assert read(tiny, "bucket", "key") == WHOLE
    assert read(tiny, "bucket", "key", part_number=2) == PARTS[1]
    assert read(tiny, "bucket", "key", range="bytes=65530-65545") == WHOLE[65530:65546]
    assert (done.etag == etag_of(*PARTS)) is (requested is S3)
    assert done.checksum_crc64_nvme == put_plain(tiny).checksum_crc64_nvme


def put_plain(store: engine.Store) -> engine.CompleteMultipartUploadOutput:
    return put_parts(store, {}, "plain")


@pytest.mark.parametrize("requested", KINDS)
def test_a_complete_may_be_repeated_and_says_the_same(tiny: engine.Store, requested: Members) -> None:
    upload = begin(tiny, "bucket", checksum_algorithm="CRC32", checksum_type="COMPOSITE", **requested)
    parts = []
    for number, body in enumerate(PARTS, 1):
        answer = tiny.upload_part("bucket", "key", upload.upload_id, number, body, checksum_crc32=crc32(body))
        parts.append(engine.CompletedPart(number, answer.etag, answer.checksum_crc32))
    listed = upload.list()
    assert [part.checksum_crc32 for part in listed.parts or ()] == [crc32(body) for body in PARTS]
    assert upload.complete(parts) == upload.complete(parts)
    attributes = tiny.get_object_attributes("bucket", "key", object_attributes=["Checksum", "ObjectParts", "ETag"])
    assert attributes.object_parts is not None
    assert [part.checksum_crc32 for part in attributes.object_parts.parts or ()] == [crc32(body) for body in PARTS]


def crc32(body: bytes) -> str:
    import zlib

    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def test_the_decoder_reads_sse_s3_from_ring_rows_and_files_alone(tiny: engine.Store) -> None:
    put_parts(tiny, S3)
    record, manifest = found(tiny)
    assert record.encryption is not None
    root = decoder.ring(ring_of(tiny).read_bytes())[1][record.encryption.key_id]
    part_root = decoder.part_root(decoder.data_key(root, record.encryption, "bucket", "key"))
    assert [decoder.part(part_root, n, data) for n, data in enumerate(stored_parts(tiny), 1)] == PARTS
    assert [part.etag for part in manifest] == [hashlib.md5(part).digest() for part in PARTS]


@pytest.mark.parametrize("requested", KINDS)
def test_no_plaintext_is_in_the_store(tiny: engine.Store, requested: Members) -> None:
    body = some_bytes(100_000)
    for key, part in (("large", body), ("small", body[:1000])):
        tiny.put_object("bucket", key, part, **requested)
    begin(tiny, "bucket", "upload", **requested).part(1, body)
    contents = contents_of(tiny)
    kept = b"".join(key + value for rows in contents.rows.values() for key, value in rows)
    kept += b"".join(path_of(tiny, bytes.fromhex(name)).read_bytes() for name in contents.files)
    kept = kept.replace(ring_of(tiny).read_bytes(), b"")
    for secret in (body[:16], body[:1000][-16:], body[65_536:65_552]):
        assert secret not in kept
    assert (hashlib.md5(body).digest() in kept) is (requested is S3)  # S3 shows it in ETags; SSE-KMS hides it
    for root in decoder.ring(ring_of(tiny).read_bytes())[1].values():
        assert root not in kept


def test_reading_needs_the_very_ring(tiny: engine.Store, tmp_path: Path) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    root, ring = tiny._layout.root, ring_of(tiny)
    tiny.close()
    elsewhere = tmp_path / "elsewhere"
    shutil.move(ring, elsewhere)
    with engine.open(root) as store, pytest.raises(InternalError, match="no key from the key ring"):
        store.get_object("bucket", "key")
    assert not ring.exists()
    with engine.open(root, key_ring=elsewhere) as store:
        assert read(store, "bucket", "key") == b"body"
    elsewhere.chmod(0o644)
    with pytest.raises(StoreError, match="nobody else may read or write"):
        engine.open(root, key_ring=elsewhere)


def test_a_store_opened_to_read_makes_no_ring(tiny: engine.Store) -> None:
    root = tiny._layout.root
    tiny.put_object("bucket", "key", b"body")
    tiny.close()
    with engine.open(root, read_only=True) as store:
        assert read(store, "bucket", "key") == b"body"
    assert not Path(root, "keys").exists()


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


REFUSED = [
    ({"server_side_encryption": "aes256"}, InvalidArgument, "The encryption method specified is not supported"),
    ({"server_side_encryption": "aws:kms:dsse"}, NotImplementedYet, "not implemented"),
    ({"ssekms_key_id": "id"}, InvalidArgument, "requires HTTP header x-amz-server-side-encryption : aws:kms"),
    ({**S3, "ssekms_key_id": "id"}, InvalidArgument, "requires HTTP header x-amz-server-side-encryption : aws:kms"),
    ({**KMS, "ssekms_key_id": "gone"}, KMSNotFound, "Key 'gone' does not exist"),
    ({**KMS, "ssekms_encryption_context": "no"}, InvalidArgument, "string-string map"),
    (
        {**KMS, "ssekms_encryption_context": in_base64('{"a":"' + "x" * 8192 + '"}')},
        InvalidArgument,
        "at most 8192 bytes",
    ),
    ({**KMS, "ssekms_encryption_context": in_base64('{"a":"\\ud800"}')}, InvalidArgument, "string-string map"),
    ({**KMS, "ssekms_encryption_context": in_base64("[" * 6000)}, InvalidArgument, "string-string map"),
    ({**S3, **KEY}, InvalidArgument, "incompatible with the encryption method specified"),
]


@pytest.mark.parametrize(("requested", "error", "text"), REFUSED)
def test_a_wrong_request_is_refused_and_changes_nothing(
    tiny: engine.Store, requested: Members, error: type[Exception], text: str
) -> None:
    tiny.put_object("bucket", "source", b"body")
    before = contents_of(tiny)
    acts: list[Callable[[], object]] = [
        lambda: tiny.put_object("bucket", "key", b"body", **requested),
        lambda: tiny.create_multipart_upload("bucket", "key", **requested),
        lambda: tiny.copy_object("bucket", "key", "bucket/source", **requested),
    ]
    for act in acts:
        with pytest.raises(error, match=text):
            act()
    assert contents_of(tiny) == before


@pytest.mark.parametrize("requested", KINDS)
def test_a_customers_key_is_not_for_what_others_keys_seal(tiny: engine.Store, requested: Members) -> None:
    tiny.put_object("bucket", "key", b"body", **requested)
    upload = begin(tiny, "bucket", "upload", **requested)
    with pytest.raises(InvalidRequest, match="not applicable"):
        tiny.get_object("bucket", "key", **KEY)
    with pytest.raises(InvalidRequest, match="not applicable"):
        tiny.head_object("bucket", "key", **KEY)
    with pytest.raises(InvalidRequest, match="The multipart upload initiate requested encryption"):
        upload.part(1, b"part", **KEY)


SOURCES = [
    pytest.param(requested, id=name)
    for name, requested in (("clear", {}), ("SSE-S3", S3), ("SSE-KMS", KMS), ("SSE-C", KEY))
]


@pytest.mark.parametrize("target", SOURCES)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("body", [b"small", some_bytes(70_000)], ids=["row", "file"])
def test_a_copy_goes_from_any_encryption_to_any(
    tiny: engine.Store, source: Members, target: Members, body: bytes
) -> None:
    put = tiny.put_object("bucket", "source", body, **source)
    opened = {f"copy_source_{name}": value for name, value in source.items() if name.startswith("sse_customer")}
    copy = tiny.copy_object("bucket", "copy", "bucket/source", **target, **opened)
    assert read(tiny, "bucket", "copy", **(target if target is KEY else {})) == body
    assert copy.copy_object_result.checksum_crc64_nvme == put.checksum_crc64_nvme
    assert copy.server_side_encryption == target.get("server_side_encryption")
    plain_etags = copy.copy_object_result.etag == part_etag_of(body)
    assert plain_etags is (target in ({}, S3))


@pytest.mark.parametrize("requested", KINDS)
def test_a_copy_under_a_key_of_its_own_moves_no_byte(tiny: engine.Store, requested: Members) -> None:
    tiny.put_object("bucket", "source", some_bytes(70_000), **requested)
    before = files_of(Path(tiny._layout.root))
    tiny.copy_object("bucket", "copy", "bucket/source", **requested)
    one, other = (found(tiny, key)[0].encryption for key in ("source", "copy"))
    assert one is not None
    assert other is not None
    assert one.wrapped != other.wrapped
    files = files_of(Path(tiny._layout.root))
    inodes = {path_of(tiny, bytes.fromhex(name)).stat().st_ino for name in files}
    assert (len(before), len(files), len(inodes)) == (1, 2, 1)


@pytest.mark.parametrize("requested", KINDS)
def test_a_copy_of_an_object_that_is_one_part_with_a_high_number_is_whole(
    tiny: engine.Store, requested: Members
) -> None:
    upload = begin(tiny, "bucket", "source", **requested)
    upload.complete([upload.part(7, some_bytes(70_000))])
    tiny.copy_object("bucket", "copy", "bucket/source", **requested)
    assert read(tiny, "bucket", "copy") == some_bytes(70_000)


def test_a_refused_read_holds_nothing(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "key", some_bytes(70_000), **KEY)
    path = path_of(tiny, found(tiny)[1].parts[0].blob_id)
    for members in ({}, {**KEY, "sse_customer_key": bytes(32)}):
        with pytest.raises((InvalidRequest, AccessDenied)):
            tiny.get_object("bucket", "key", **members)
    tiny.delete_object("bucket", "key")
    assert not path.exists()


def test_a_copy_onto_itself_must_change_something(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "key", b"body", **S3)
    tiny.put_bucket_encryption("bucket", server_side_encryption_configuration=by_default("AES256"))
    with pytest.raises(InvalidRequest, match="trying to copy an object to itself without changing"):
        tiny.copy_object("bucket", "key", "bucket/key")
    tiny.copy_object("bucket", "key", "bucket/key", **S3)
    tiny.put_bucket_encryption("bucket", server_side_encryption_configuration=by_default("aws:kms"))
    tiny.copy_object("bucket", "key", "bucket/key")
    assert tiny.head_object("bucket", "key").server_side_encryption == "aws:kms"


def test_what_was_said_of_a_bucket_key_is_told(tiny: engine.Store) -> None:
    upload = begin(tiny, "bucket", **KMS, bucket_key_enabled=True)
    part = tiny.upload_part("bucket", "key", upload.upload_id, 1, b"part")
    done = upload.complete([(1, part.etag)])
    head = tiny.head_object("bucket", "key")
    assert part.bucket_key_enabled is done.bucket_key_enabled is head.bucket_key_enabled is True
    assert tiny.put_object("bucket", "key", b"", **S3, bucket_key_enabled=True).bucket_key_enabled is None


def test_the_context_a_request_says_is_told_to_it(tiny: engine.Store) -> None:
    context = base64.b64encode(b'{"a": "b"}').decode()
    requested = KMS | {"ssekms_encryption_context": context}
    assert tiny.put_object("bucket", "key", b"", **requested).ssekms_encryption_context == context
    assert tiny.create_multipart_upload("bucket", "key", **requested).ssekms_encryption_context == context
    assert tiny.copy_object("bucket", "copy", "bucket/key", **requested).ssekms_encryption_context == context
