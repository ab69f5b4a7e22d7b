"""SSE-C through the store: objects are sealed on disk, readable with the key, and refused without it."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import engine
from engine.errors import AccessDenied, BadDigest, InvalidArgument, InvalidRequest, S3Error
from tests.support import decoder
from tests.support.customers import (
    KEY,
    MD5,
    OTHER,
    PARTS,
    RAW,
    WHOLE,
    found,
    of_source,
    path_of,
    put_sealed,
    some_bytes,
    stored_parts,
)  # fmt: skip
from tests.support.stores import contents_of, files_of, meta_of
from tests.support.uploads import begin, read

SIZES = (0, 1, 16 * 1024, 16 * 1024 + 1, 65535, 65536, 65537, 200_000)
NEEDS_KEY = "The object was stored using a form of Server Side Encryption"
WRONG_KEY = "must provide the correct secret key"
NOT_APPLICABLE = "The encryption parameters are not applicable to this object"
NEEDS_PART_KEY = "The multipart upload initiate requested encryption"
OTHER_PART_KEY = "did not match the ones used originally"
Read = Callable[..., Any]


@pytest.fixture(autouse=True)
def _bucket(bucket: str) -> None:
    """Make a bucket for each test."""


@pytest.fixture
def sealed(tiny: engine.Store) -> engine.Store:
    """Make a store with an object `key` in five parts, and `clear`, which is not encrypted."""
    put_sealed(tiny)
    tiny.put_object("bucket", "clear", WHOLE)
    return tiny


@pytest.mark.parametrize("size", SIZES)
def test_an_object_comes_back_whole_and_its_key_is_echoed(tiny: engine.Store, size: int) -> None:
    body = some_bytes(size)
    put = tiny.put_object("bucket", "key", body, **KEY)
    assert read(tiny, "bucket", "key", **KEY) == body
    got = tiny.get_object("bucket", "key", checksum_mode="ENABLED", **KEY)
    got.body.close()
    head = tiny.head_object("bucket", "key", checksum_mode="ENABLED", **KEY)
    for answer in (put, got, head):
        assert (answer.sse_customer_algorithm, answer.sse_customer_key_md5) == ("AES256", MD5)
    assert put.etag == got.etag == head.etag != f'"{hashlib.md5(body).hexdigest()}"'
    clear = tiny.put_object("bucket", "clear", body)
    assert put.checksum_crc64_nvme == got.checksum_crc64_nvme == head.checksum_crc64_nvme == clear.checksum_crc64_nvme
    assert (got.content_length, head.content_length) == (size, size)
    assert {item.size for item in tiny.list_objects_v2("bucket").contents or ()} == {size}


def test_a_key_may_be_text_and_its_md5_is_compared(tiny: engine.Store) -> None:
    text = {"sse_customer_algorithm": "AES256", "sse_customer_key": "k" * 32}
    tiny.put_object("bucket", "key", b"body", **text)
    md5 = base64.b64encode(hashlib.md5(b"k" * 32).digest()).decode()
    assert read(tiny, "bucket", "key", **text, sse_customer_key_md5=md5) == b"body"
    with pytest.raises(InvalidArgument, match="calculated MD5 hash of the key did not match"):
        read(tiny, "bucket", "key", **text, sse_customer_key_md5=MD5)


@pytest.mark.parametrize("text", ["k" * 31, "\ud800" * 32, "ä" * 32, ""])
def test_a_text_that_is_no_key_is_refused(tiny: engine.Store, text: str) -> None:
    with pytest.raises(InvalidArgument, match="The secret key was invalid for the specified algorithm"):
        tiny.put_object("bucket", "key", b"body", sse_customer_algorithm="AES256", sse_customer_key=text)


def test_the_decoder_reads_every_part_from_rows_and_files_alone(sealed: engine.Store) -> None:
    record, manifest = found(sealed)
    data_key = decoder.data_key(RAW, record.encryption, "bucket", "key")
    root = decoder.part_root(data_key)
    assert [decoder.part(root, n, data) for n, data in enumerate(stored_parts(sealed), 1)] == PARTS
    etags = [decoder.etag(data_key, n, hashlib.md5(part).digest()) for n, part in enumerate(PARTS, 1)]
    assert [part.etag for part in manifest] == etags
    assert record.etag == f"{hashlib.md5(b''.join(etags)).hexdigest()}-5"


@pytest.mark.parametrize("body", [b"small", some_bytes(40_000)])
def test_the_checksums_of_an_object_are_sealed_for_part_and_whole(tiny: engine.Store, body: bytes) -> None:
    answer = tiny.put_object("bucket", "key", body, checksum_algorithm=None, **KEY)
    record, (part,) = found(tiny)
    assert record.checksum is not None
    data_key = decoder.data_key(RAW, record.encryption, "bucket", "key")
    wanted = base64.b64decode(answer.checksum_crc64_nvme or "")
    assert decoder.checksum(data_key, 1, part.etag, part.checksum) == wanted
    assert decoder.checksum(data_key, 0, record.etag.encode(), record.checksum.value) == wanted


def test_nothing_of_the_plaintext_or_its_digests_is_in_the_store(tiny: engine.Store) -> None:
    body = some_bytes(100_000)
    for key, part in (("large", body), ("small", body[:1000])):
        tiny.put_object("bucket", key, part, **KEY)
    for key, checksum in (("none", None), ("named", "SHA256")):
        upload = begin(tiny, "bucket", key, checksum_algorithm=checksum, **KEY)
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        upload.part(1, body, **KEY, **({"checksum_sha256": digest} if checksum else {}))
    contents = contents_of(tiny)
    kept = b"".join(key + value for rows in contents.rows.values() for key, value in rows)
    kept += b"".join(path_of(tiny, bytes.fromhex(name)).read_bytes() for name in contents.files)
    for secret in (body[:16], body[:1000][-16:], hashlib.md5(body).digest(), hashlib.sha256(body).digest(), RAW):
        assert secret not in kept
        assert secret.hex().encode() not in kept
        assert base64.b64encode(secret) not in kept
    assert hashlib.md5(RAW).digest() not in kept
    assert MD5.encode() not in kept


@settings(max_examples=60)
@given(numbers=some.tuples(some.integers(0, len(WHOLE) - 1), some.integers(0, 140_000)))
def test_any_range_is_that_of_the_plaintext(session_sealed: engine.Store, numbers: tuple[int, int]) -> None:
    first, length = numbers
    got = read(session_sealed, "bucket", "key", range=f"bytes={first}-{first + length}", **KEY)
    assert got == WHOLE[first : first + length + 1]


@pytest.fixture(scope="module")
def session_sealed(session_place: Any) -> Iterator[engine.Store]:
    """Make one store for all examples."""
    with engine.open(session_place / "ranges", limits=engine.Limits(part_size_bytes_min=1)) as store:
        store.create_bucket("bucket")
        put_sealed(store)
        yield store


def test_ranges_around_every_border_of_parts_and_segments(session_sealed: engine.Store) -> None:
    borders = {0, len(WHOLE)}
    start = 0
    for part in PARTS:
        borders |= {start + at for at in range(0, len(part), 65_536)} | {start + len(part)}
        start += len(part)
    edges = sorted({edge + by for edge in borders for by in (-1, 0, 1) if 0 <= edge + by < len(WHOLE)})
    for first in edges:
        for last in (first, first + 1, first + 65_536, first + 70_001):
            got = read(session_sealed, "bucket", "key", range=f"bytes={first}-{last}", **KEY)
            assert got == WHOLE[first : last + 1]


@pytest.mark.parametrize("number", range(1, len(PARTS) + 1))
def test_each_part_is_read_by_its_number(sealed: engine.Store, number: int) -> None:
    assert read(sealed, "bucket", "key", part_number=number, **KEY) == PARTS[number - 1]


READS: dict[str, Read] = {
    "get": lambda store, key, members: store.get_object("bucket", key, **members),
    "range": lambda store, key, members: store.get_object("bucket", key, range="bytes=0-1", **members),
    "part": lambda store, key, members: store.get_object("bucket", key, part_number=1, **members),
    "head": lambda store, key, members: store.head_object("bucket", key, **members),
    "attributes": lambda store, key, members: store.get_object_attributes(
        "bucket", key, object_attributes=["ETag"], **members
    ),
    "copy": lambda store, key, members: store.copy_object("bucket", "new", f"bucket/{key}", **of_source(members)),
    "part copy": lambda store, key, members: begin(store, "bucket", "new").copy(
        1, f"bucket/{key}", **of_source(members)
    ),
}


@pytest.mark.parametrize("name", READS)
def test_a_read_needs_the_key_of_the_object_and_no_other(sealed: engine.Store, name: str) -> None:
    for members, error, text in (({}, InvalidRequest, NEEDS_KEY), (OTHER, AccessDenied, WRONG_KEY)):
        with pytest.raises(error, match=text):
            READS[name](sealed, "key", members)
    with pytest.raises(InvalidRequest, match=NOT_APPLICABLE):
        READS[name](sealed, "clear", KEY)


def test_a_condition_tells_nothing_to_who_has_no_key(sealed: engine.Store) -> None:
    etag = sealed.head_object("bucket", "key", **KEY).etag
    for members in ({"if_none_match": etag}, {"if_match": "x"}):
        with pytest.raises(InvalidRequest, match=NEEDS_KEY):
            sealed.head_object("bucket", "key", **members)


@pytest.mark.parametrize(
    ("begun", "sent", "text"),
    [(KEY, {}, NEEDS_PART_KEY), ({}, KEY, NEEDS_PART_KEY), (KEY, OTHER, OTHER_PART_KEY)],
)
@pytest.mark.parametrize("size", [10, 100_000])
def test_a_part_must_have_the_key_of_its_upload(
    tiny: engine.Store, begun: dict[str, Any], sent: dict[str, Any], text: str, size: int
) -> None:
    upload = begin(tiny, "bucket", **begun)
    tiny.put_object("bucket", "source", some_bytes(size))
    before = contents_of(tiny)
    with pytest.raises(InvalidRequest, match=text):
        upload.part(1, some_bytes(size), **sent)
    with pytest.raises(InvalidRequest, match=text):
        upload.copy(1, "bucket/source", **sent)
    assert contents_of(tiny) == before


def test_the_plaintexts_own_md5_is_checked(tiny: engine.Store) -> None:
    upload = begin(tiny, "bucket", **KEY)
    for body in (b"small", some_bytes(50_000)):
        right = base64.b64encode(hashlib.md5(body).digest()).decode()
        upload.part(1, body, content_md5=right, **KEY)
        tiny.put_object("bucket", "key", body, content_md5=right, **KEY)
        before = contents_of(tiny)
        with pytest.raises(BadDigest):
            upload.part(1, body, content_md5=MD5, **KEY)
        with pytest.raises(BadDigest):
            tiny.put_object("bucket", "key", body, content_md5=MD5, **KEY)
        assert contents_of(tiny) == before


@pytest.mark.parametrize("size", [1000, 70_000])
def test_a_part_sent_again_has_a_key_of_its_own(tiny: engine.Store, size: int) -> None:
    upload = begin(tiny, "bucket", **KEY)
    salts, etags = set(), set()
    for body in (some_bytes(size), some_bytes(size), some_bytes(size)[::-1]):
        part = upload.part(1, body, **KEY)
        etags.add(part.etag)
        (row,) = [part for _, part in meta_of(tiny).walk_parts(lambda _: None)]
        inline = size <= tiny.limits.inline_size_bytes_max
        data = meta_of(tiny).read_inline(row.blob_id) if inline else path_of(tiny, row.blob_id).read_bytes()
        salts.add(data[16:48])
    assert (len(salts), len(etags)) == (3, 2)  # the same bytes have the same ETag within an upload
    upload.complete([part])
    assert read(tiny, "bucket", "key", **KEY) == some_bytes(size)[::-1]


def test_listing_completing_and_aborting_need_no_key_without_a_checksum(tiny: engine.Store) -> None:
    upload = begin(tiny, "bucket", **KEY)
    part = upload.part(1, b"body", **KEY)
    (shown,) = upload.list().parts or ()
    assert (shown.etag, shown.size, shown.checksum_crc64_nvme) == (part.etag, 4, None)
    answer = upload.complete([part])
    assert answer.checksum_type is None
    assert upload.complete([part]) == answer
    head = tiny.head_object("bucket", "key", checksum_mode="ENABLED", **KEY)
    assert (head.checksum_type, head.parts_count) == (None, None)
    again = begin(tiny, "bucket", **KEY)
    again.part(1, b"body", **KEY)
    again.abort()


def test_with_a_checksum_listing_and_completing_need_the_key(tiny: engine.Store) -> None:
    upload = begin(tiny, "bucket", checksum_algorithm="CRC32", checksum_type="FULL_OBJECT", **KEY)
    part = upload.part(1, b"0123456789", **KEY)
    named = "bucket", "key", upload.upload_id
    calls: list[Callable[..., Any]] = [
        lambda **members: tiny.list_parts(*named, **members),
        lambda **members: tiny.complete_multipart_upload(*named, [part], **members),
    ]
    for call in calls:
        for members, text in (({}, NEEDS_PART_KEY), (OTHER, OTHER_PART_KEY)):
            with pytest.raises(InvalidRequest, match=text):
                call(**members)
        answer = call(**KEY)
        shown = answer.parts[0] if hasattr(answer, "parts") else answer
        assert shown.checksum_crc32 == "poTHxg=="
    for members, text in (({}, NEEDS_PART_KEY), (OTHER, OTHER_PART_KEY)):
        with pytest.raises(InvalidRequest, match=text):  # a repetition too
            calls[1](**members)


def test_a_key_that_is_not_needed_must_be_right_all_the_same(tiny: engine.Store) -> None:
    upload, clear = begin(tiny, "bucket", **KEY), begin(tiny, "bucket", "clear")
    part, clear_part = upload.part(1, b"body", **KEY), clear.part(1, b"body")
    for each, held, members, text in (
        (upload, part, OTHER, OTHER_PART_KEY),
        (clear, clear_part, KEY, NEEDS_PART_KEY),
    ):
        with pytest.raises(InvalidRequest, match=text):
            each.list(**members)
        with pytest.raises(InvalidRequest, match=text):
            tiny.complete_multipart_upload("bucket", each.key, each.upload_id, [held], **members)


def test_a_checksum_nobody_kept_is_not_confirmed(tiny: engine.Store) -> None:
    upload = begin(tiny, "bucket", **KEY)
    part = upload.part(1, b"0123456789", checksum_crc32="poTHxg==", **KEY)
    with pytest.raises(BadDigest, match="The crc32 you specified did not match"):
        tiny.complete_multipart_upload("bucket", "key", upload.upload_id, [part], checksum_crc32="poTHxg==")
    upload.complete([part])


@pytest.mark.parametrize("source", [KEY, {}], ids=["sealed", "clear"])
@pytest.mark.parametrize("target", [OTHER, KEY, {}], ids=["other key", "same key", "clear"])
def test_a_copy_goes_from_any_key_to_any(sealed: engine.Store, source: dict[str, Any], target: dict[str, Any]) -> None:
    name = "key" if source else "clear"
    copy = sealed.copy_object("bucket", "copy", f"bucket/{name}", **of_source(source), **target)
    assert read(sealed, "bucket", "copy", **target) == WHOLE
    assert copy.sse_customer_algorithm == ("AES256" if target else None)
    upload = begin(sealed, "bucket", "parts", **target)
    members = of_source(source) | target
    parts = [
        upload.copy(1, f"bucket/{name}", **members),
        upload.copy(2, f"bucket/{name}", copy_source_range="bytes=5-70005", **members),
    ]
    upload.complete(parts)
    assert read(sealed, "bucket", "parts", **target) == WHOLE + WHOLE[5:70_006]
    assert sealed.check(deep=True).ok


def test_a_copy_onto_itself_turns_to_another_key(sealed: engine.Store) -> None:
    sealed.copy_object("bucket", "key", "bucket/key", **of_source(KEY), **OTHER)
    assert read(sealed, "bucket", "key", **OTHER) == WHOLE
    with pytest.raises(AccessDenied, match=WRONG_KEY):
        read(sealed, "bucket", "key", **KEY)
    sealed.copy_object("bucket", "clear", "bucket/clear", **KEY)
    assert read(sealed, "bucket", "clear", **KEY) == WHOLE


@pytest.mark.parametrize("size", [100, 100_000])
@pytest.mark.parametrize("key", ["key", "elsewhere"])
def test_another_key_for_a_plain_object_moves_no_byte(tiny: engine.Store, size: int, key: str) -> None:
    put = tiny.put_object("bucket", "key", some_bytes(size), checksum_sha1=None, **KEY)
    before = stored_parts(tiny)
    copy = tiny.copy_object("bucket", key, "bucket/key", **of_source(KEY), **OTHER).copy_object_result
    assert stored_parts(tiny, key) == before
    assert (copy.etag, copy.checksum_crc64_nvme) == (put.etag, put.checksum_crc64_nvme)
    head = tiny.head_object("bucket", key, checksum_mode="ENABLED", **OTHER)
    assert (head.etag, head.checksum_crc64_nvme) == (put.etag, put.checksum_crc64_nvme)
    assert read(tiny, "bucket", key, **OTHER) == some_bytes(size)
    with pytest.raises(AccessDenied, match=WRONG_KEY):
        read(tiny, "bucket", key, **KEY)
    if key == "key":
        record, _ = found(tiny)
        with pytest.raises(ValueError, match="another root"):
            decoder.data_key(RAW, record.encryption, "bucket", "key")
    tiny.delete_object("bucket", "key")
    if key != "key":
        assert read(tiny, "bucket", key, **OTHER) == some_bytes(size)
    assert tiny.check(deep=True).ok


def test_a_copy_that_wants_another_checksum_or_no_key_is_sealed_anew(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "key", some_bytes(50_000), **KEY)
    before = stored_parts(tiny)
    copy = tiny.copy_object("bucket", "a", "bucket/key", checksum_algorithm="SHA256", **of_source(KEY), **OTHER)
    digest = base64.b64encode(hashlib.sha256(some_bytes(50_000)).digest()).decode()
    assert copy.copy_object_result.checksum_sha256 == digest
    tiny.copy_object("bucket", "b", "bucket/key", **of_source(KEY))
    assert stored_parts(tiny, "b") == [some_bytes(50_000)]
    assert before != stored_parts(tiny, "a")


def test_a_refused_request_with_a_key_leaves_nothing(tiny: engine.Store) -> None:
    before = contents_of(tiny)
    for call in (
        lambda: tiny.put_object("bucket", "key", some_bytes(50_000), content_length=50_001, **KEY),
        lambda: tiny.put_object("nowhere", "key", b"", **KEY),
        lambda: tiny.create_multipart_upload("bucket", "key", storage_class="X", **KEY),
        lambda: tiny.put_object("bucket", "key", b"", sse_customer_algorithm="AES256"),
    ):
        with pytest.raises(S3Error):
            call()
    assert contents_of(tiny) == before
    assert files_of(path_of(tiny, bytes(16)).parents[2]) == {}


def test_versions_have_keys_of_their_own(tiny: engine.Store) -> None:
    tiny.put_bucket_versioning("bucket", versioning_configuration={"status": "Enabled"})
    first = tiny.put_object("bucket", "key", b"first", **KEY).version_id
    second = tiny.put_object("bucket", "key", b"second", **OTHER).version_id
    third = tiny.put_object("bucket", "key", b"third").version_id
    assert read(tiny, "bucket", "key", version_id=first, **KEY) == b"first"
    assert read(tiny, "bucket", "key", version_id=second, **OTHER) == b"second"
    assert read(tiny, "bucket", "key", version_id=third) == b"third"
    with pytest.raises(AccessDenied, match=WRONG_KEY):
        read(tiny, "bucket", "key", version_id=first, **OTHER)
    tiny.delete_object("bucket", "key", version_id=first)
