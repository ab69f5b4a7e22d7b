"""The names of buckets, keys and uploads, and the sizes of headers, at their bounds and one beyond."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Limits, Store
from engine.buckets.names import check_bucket_name
from engine.dates import http_date
from engine.errors import InvalidArgument, NoSuchUpload
from engine.meta import UploadId
from engine.multipart.upload_ids import format_upload_id, parse_upload_id
from engine.objects.keys import encode_key
from engine.objects.listing import format_token, parse_token
from engine.objects.metadata import make_headers
from tests.support.refusals import refused
from tests.support.stores import contents_of
from tests.support.uploads import begin, read

LIMITS = Limits()

GOOD_BUCKETS = ["abc", "a" * 63, "a-b.c", "0numbers9", "a.b.c", "192.168.5", "1.2.3.4.5", "xn-a", "my-s3alias-x"]
BAD_BUCKETS = [
    "", "ab", "a" * 64, "Abc", "a_b", "a b", "-abc", "abc-", ".abc", "abc.", "a..b", "192.168.5.4", "ümlaut",
    "xn--abc", "sthree-abc", "amzn-s3-demo-abc", "abc-s3alias", "abc--ol-s3", "abc.mrap", "abc--x-s3", "abc--table-s3",
    "abc\n", "abc\x00", "../abc", "a/b",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD_BUCKETS)
def test_a_bucket_may_have_such_a_name(store: Store, name: str) -> None:
    assert check_bucket_name(name) == name
    store.create_bucket(name)
    store.head_bucket(name)


@pytest.mark.parametrize("name", BAD_BUCKETS)
def test_a_bucket_may_not_have_such_a_name(name: str) -> None:
    with refused("InvalidBucketName", BucketName=name):
        check_bucket_name(name)


def test_a_bucket_of_a_bad_name_is_not_created(store: Store) -> None:
    before = contents_of(store)
    with refused("InvalidBucketName", BucketName="A"):
        store.create_bucket("A")
    assert contents_of(store) == before


KEYS = [
    "k",
    "k" * 1024,
    "ü" * 512,
    "\U0001f600" * 256,
    "/",
    "//",
    "../../etc/passwd",
    "a\x00b",
    "\x00" * 1024,
    " ",
    "\n",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_up_to_1024_bytes_is_kept_as_it_is(tiny: Store, bucket: str, key: str) -> None:
    tiny.put_object(bucket, key, b"plain")
    assert read(tiny, bucket, key) == b"plain"
    upload = begin(tiny, bucket, key)
    assert [listed.key for listed in tiny.list_multipart_uploads(bucket).uploads or ()] == [key]
    upload.complete([upload.part(1, b"multipart")])
    assert read(tiny, bucket, key) == b"multipart"
    assert [listed.key for listed in tiny.list_objects_v2(bucket).contents or ()] == [key]
    tiny.delete_object(bucket, key)
    assert tiny.list_objects_v2(bucket).contents is None


def test_a_key_is_never_normalised(store: Store, bucket: str) -> None:
    composed, decomposed = "\u00e9", "e\u0301"
    store.put_object(bucket, composed, b"composed")
    store.put_object(bucket, decomposed, b"decomposed")
    assert read(store, bucket, composed) == b"composed"
    assert [listed.key for listed in store.list_objects_v2(bucket).contents or ()] == [decomposed, composed]


@pytest.mark.parametrize(("key", "size"), [("k" * 1025, 1025), ("k" + "ü" * 512, 1025), ("k" * 100_000, 100_000)])
def test_a_key_of_more_than_1024_bytes_is_refused(store: Store, bucket: str, key: str, size: int) -> None:
    before = contents_of(store)
    for call in (
        lambda: store.put_object(bucket, key, b"data"),
        lambda: store.create_multipart_upload(bucket, key),
        lambda: store.get_object(bucket, key),
        lambda: store.delete_object(bucket, key),
    ):
        with refused("KeyTooLongError", Size=size, MaxSizeAllowed=1024):
            call()
    assert contents_of(store) == before


def test_an_empty_key_is_refused() -> None:
    text = "A key must have at least one character"
    with refused("InvalidArgument", text, ArgumentName="key", ArgumentValue=""):
        encode_key("", LIMITS)


def test_a_key_that_is_no_unicode_is_refused() -> None:
    with refused("InvalidArgument", "key must be UTF-8", ArgumentName="key", ArgumentValue="a?"):
        encode_key("a\udcff", LIMITS)


def headers(metadata: dict[str, str] | None = None, content_type: str | None = None) -> object:
    return make_headers({"metadata": metadata, "content_type": content_type}, LIMITS)


def test_metadata_of_2048_bytes_is_taken_and_of_2049_is_not() -> None:
    headers({"name": "x" * 2044})
    headers({"name": "ü" * 1020, "öde": ""})
    with refused("MetadataTooLarge", Size=2049, MaxSizeAllowed=2048):
        headers({"name": "x" * 2045})
    with refused("MetadataTooLarge", Size=2049, MaxSizeAllowed=2048):
        headers({"name": "ü" * 1020, "öde": "x"})


def test_headers_of_8192_bytes_are_taken_and_of_8193_are_not() -> None:
    headers({"name": "x" * 2044}, "t" * 6144)
    text = "Your request header section exceeds the maximum allowed size."
    with refused("RequestHeaderSectionTooLarge", text, MaxSizeAllowed=8192):
        headers({"name": "x" * 2044}, "t" * 6145)


def test_too_much_metadata_is_refused_at_create_and_at_put(store: Store, bucket: str) -> None:
    before = contents_of(store)
    metadata = {"name": "x" * 2045}
    with refused("MetadataTooLarge", Size=2049, MaxSizeAllowed=2048):
        store.create_multipart_upload(bucket, "key", metadata=metadata)
    with refused("MetadataTooLarge", Size=2049, MaxSizeAllowed=2048):
        store.put_object(bucket, "key", b"data", metadata=metadata)
    assert contents_of(store) == before


def test_an_expiry_may_be_a_text_or_a_moment_of_any_zone(store: Store, bucket: str) -> None:
    moment = datetime(2026, 7, 8, 9, 10, 11, tzinfo=timezone(timedelta(hours=2)))
    store.put_object(bucket, "moment", b"", expires=moment)
    assert store.head_object(bucket, "moment").expires == "Wed, 08 Jul 2026 07:10:11 GMT"
    store.put_object(bucket, "text", b"", expires="soon")
    assert store.head_object(bucket, "text").expires == "soon"


def test_an_http_date_has_english_names() -> None:
    days = [http_date(datetime(2026, month, 3, tzinfo=UTC)) for month in range(1, 13)]
    assert " ".join(day[8:11] for day in days) == "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
    assert {day[:3] for day in days} == {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}


UPLOAD_IDS = st.builds(UploadId, st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16))


@given(UPLOAD_IDS, st.binary(min_size=1, max_size=30))
def test_the_text_of_an_upload_id_is_40_url_safe_characters_that_read_back(upload_id: UploadId, key: bytes) -> None:
    text = format_upload_id("bucket", key, upload_id)
    assert len(text) == 40
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert parse_upload_id("bucket", key, text) == upload_id


@given(UPLOAD_IDS, st.integers(0, 39), st.integers(1, 63))
def test_an_upload_id_with_a_changed_character_is_refused(upload_id: UploadId, at: int, step: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = format_upload_id("bucket", b"key", upload_id)
    changed = alphabet[(alphabet.index(text[at]) + step) % 64]
    with pytest.raises(NoSuchUpload):
        parse_upload_id("bucket", b"key", text[:at] + changed + text[at + 1 :])


@pytest.mark.parametrize(
    ("bucket", "key"), [("bucket", b"kez"), ("bucke", b"tkey"), ("bucketk", b"ey"), ("Bucket", b"key")]
)
def test_an_upload_id_reads_back_for_its_own_bucket_and_key_only(bucket: str, key: bytes) -> None:
    text = format_upload_id("bucket", b"key", UploadId(1, bytes(16)))
    with pytest.raises(NoSuchUpload):
        parse_upload_id(bucket, key, text)


def test_upload_ids_carry_128_bits_that_differ_each_time(store: Store, bucket: str) -> None:
    texts = [store.create_multipart_upload(bucket, "key").upload_id for _ in range(200)]
    nonces = [base64.urlsafe_b64decode(text)[8:24] for text in texts]
    assert len(set(nonces)) == 200
    assert all(len({nonce[place] for nonce in nonces}) > 50 for place in range(16))


@given(st.binary())
def test_a_token_reads_back(position: bytes) -> None:
    assert parse_token(format_token(position)) == position


@pytest.mark.parametrize("token", ["A", "A===", "!", "ü", "AA A", "AA\n"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_token(token)
