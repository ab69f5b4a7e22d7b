"""CreateBucket, HeadBucket, ListBuckets and DeleteBucket."""

from datetime import UTC, datetime, timedelta

import pytest

from engine import Store
from engine.directory import sweeper
from tests.support.refusals import refused
from tests.support.stores import FILE_BODY, contents_of
from tests.support.uploads import begin, put_multipart


def names(store: Store, **options: object) -> list[str]:
    return [bucket.name for bucket in store.list_buckets(**options).buckets]  # type: ignore[arg-type]


def test_a_bucket_is_there_once_it_was_created(store: Store) -> None:
    with refused("NoSuchBucket", BucketName="photos"):
        store.head_bucket("photos")
    assert store.create_bucket("photos").location == "/photos"
    assert store.head_bucket("photos").bucket_region == "us-east-1"


def test_a_bucket_is_not_created_twice_but_its_owner_may_say_it_again_in_us_east_1(store: Store, bucket: str) -> None:
    """Source: AWS's answers (create_bucket_with_existing_name, create_bucket_with_tags_us_east_1_idempotency)."""
    store.put_object(bucket, "key", b"data")
    before, told = contents_of(store), store.list_buckets()
    assert store.create_bucket(bucket).location == f"/{bucket}"
    with refused("BucketAlreadyOwnedByYou", BucketName=bucket):
        store.in_region("us-west-1").create_bucket(bucket)
    with refused("BucketAlreadyOwnedByYou", BucketName=bucket):
        store.create_bucket(bucket, object_lock_enabled_for_bucket=True)
    with refused("BucketAlreadyExists", BucketName=bucket):
        store.acting_as("210987654321").create_bucket(bucket)
    assert (contents_of(store), store.list_buckets()) == (before, told)
    for _ in range(2):
        store.create_bucket("locked", object_lock_enabled_for_bucket=True)
    assert store.get_object_lock_configuration("locked").object_lock_configuration.object_lock_enabled == "Enabled"


@pytest.mark.parametrize("name", ["", "no such", "a" * 600, "a" * 70_000, "\x00", "../bucket", "buck", "bucket\x00"])
def test_a_bucket_that_was_not_created_is_not_there_whatever_its_name(store: Store, bucket: str, name: str) -> None:
    for call in (
        lambda: store.head_bucket(name),
        lambda: store.delete_bucket(name),
        lambda: store.list_objects_v2(name),
        lambda: store.put_object(name, "key", b"data"),
        lambda: store.get_object(name, "key"),
        lambda: store.delete_object(name, "key"),
        lambda: store.create_multipart_upload(name, "key"),
        lambda: store.stat(name),
    ):
        with refused("NoSuchBucket", BucketName=name):
            call()


def test_a_bucket_name_that_is_no_unicode_is_that_of_no_bucket(store: Store) -> None:
    with refused("NoSuchBucket", BucketName="\udcff"):
        store.head_bucket("\udcff")
    with refused("InvalidBucketName", BucketName="\udcff"):
        store.create_bucket("\udcff")


def test_list_buckets_gives_all_by_name_with_their_dates(store: Store) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    for name in ("zebra", "a-bucket", "a.bucket", "bucket0", "bucket"):
        store.create_bucket(name)
    answer = store.list_buckets()
    assert [bucket.name for bucket in answer.buckets] == ["a-bucket", "a.bucket", "bucket", "bucket0", "zebra"]
    assert all(before <= bucket.creation_date <= datetime.now(UTC) for bucket in answer.buckets)
    assert (answer.continuation_token, answer.prefix) == (None, None)
    assert len(answer.owner.id) == 64


def test_list_buckets_by_prefix(store: Store) -> None:
    for name in ("photos", "photos-2024", "phone", "texts"):
        store.create_bucket(name)
    assert names(store, prefix="photos") == ["photos", "photos-2024"]
    assert names(store, prefix="") == ["phone", "photos", "photos-2024", "texts"]
    for none in ("x", "photos-2024-", "a" * 600, "\x00"):
        assert names(store, prefix=none) == []
    assert store.list_buckets(prefix="photos").prefix == "photos"


def test_a_prefix_of_buckets_that_is_no_unicode_is_refused(store: Store) -> None:
    with refused("InvalidArgument", "prefix must be UTF-8", ArgumentName="prefix", ArgumentValue="?"):
        store.list_buckets(prefix="\udcff")


def test_pages_of_buckets_show_each_once(store: Store) -> None:
    made = [f"bucket-{number}" for number in range(7)]
    for name in made:
        store.create_bucket(name)
    for most in range(1, 9):
        seen: list[str] = []
        token: str | None = None
        while True:
            answer = store.list_buckets(max_buckets=most, continuation_token=token)
            assert len(answer.buckets) <= most
            seen += [bucket.name for bucket in answer.buckets]
            token = answer.continuation_token
            if token is None:
                break
        assert seen == made


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1, "Argument max-buckets must be an integer between 1 and 10000"),
        (0, "Argument max-buckets must be an integer between 1 and 10000"),
        (10_001, "Argument max-buckets must be an integer between 1 and 10000"),
        (2**31, "Provided max-buckets not an integer or within integer range"),
        ("x", "Provided max-buckets not an integer or within integer range"),
    ],
)
def test_list_buckets_refuses_numbers_out_of_range(store: Store, value: int, text: str) -> None:
    with refused("InvalidArgument", text, ArgumentName="max-buckets", ArgumentValue=value):
        store.list_buckets(max_buckets=value)


def test_buckets_say_where_they_are_to_those_who_ask_for_some_of_them(store: Store) -> None:
    """Source: AWS's answers (list_buckets_by_bucket_region and its like)."""
    store.create_bucket("photos")
    [plain] = store.list_buckets().buckets
    assert (plain.bucket_region, plain.bucket_arn) == (None, None)
    abroad = store.in_region("eu-central-1")
    for view, region, elsewhere in ((store, "us-east-1", "eu-central-1"), (abroad, "eu-central-1", "us-east-1")):
        for asked in ({"prefix": "p"}, {"max_buckets": 1}, {"max_buckets": 10_000}, {"bucket_region": region}):
            [found] = view.list_buckets(**asked).buckets
            assert (found.name, found.bucket_region, found.bucket_arn) == ("photos", region, "arn:aws:s3:::photos")
        assert view.list_buckets(bucket_region=elsewhere).buckets == ()
        assert view.head_bucket("photos").bucket_region == region
    assert store.get_bucket_location("photos").location_constraint is None
    assert abroad.get_bucket_location("photos").location_constraint == "eu-central-1"


@pytest.mark.parametrize("token", ["!", "ü", "a", "AAA"])
def test_list_buckets_refuses_a_token_that_is_none(store: Store, token: str) -> None:
    text = "The continuation token provided is incorrect"
    with refused("InvalidArgument", text, ArgumentName="continuation-token", ArgumentValue=token):
        store.list_buckets(continuation_token=token)


def test_an_empty_bucket_is_deleted(store: Store) -> None:
    before = contents_of(store)
    store.create_bucket("photos")
    store.delete_bucket("photos")
    with refused("NoSuchBucket", BucketName="photos"):
        store.delete_bucket("photos")
    after = contents_of(store)
    assert {table for table in after.rows if after.rows[table] != before.rows[table]} == {"store"}


@pytest.mark.parametrize("key", ["key", "k" * 1024])
def test_a_bucket_with_an_object_is_not_deleted(store: Store, bucket: str, key: str) -> None:
    store.put_object(bucket, key, b"data")
    before = contents_of(store)
    with refused("BucketNotEmpty", BucketName=bucket):
        store.delete_bucket(bucket)
    assert contents_of(store) == before
    store.delete_object(bucket, key)
    store.delete_bucket(bucket)


def test_open_uploads_do_not_keep_a_bucket_and_are_freed_with_it(tiny: Store, bucket: str) -> None:
    for number in range(5):
        begin(tiny, bucket, f"{number}" * 1000).parts({1: FILE_BODY, 2: b"inline"})
    tiny.delete_bucket(bucket)
    held = contents_of(tiny)
    assert held.files == {}
    assert {table for table, rows in held.rows.items() if rows} == {"store"}


def test_every_file_of_many_uploads_is_freed_with_their_bucket(
    tiny: Store, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine half a second, the usual bound of a sweep, is too short for all of them."""
    monkeypatch.setattr(sweeper, "BACKLOG_S_MAX", 600.0)
    for number in range(300):
        begin(tiny, bucket, str(number)).part(1, FILE_BODY)
    tiny.delete_bucket(bucket)
    assert contents_of(tiny).files == {}
    assert tiny.stat().trash == 0


def test_a_new_bucket_of_an_old_name_holds_nothing_of_the_old_one(tiny: Store, bucket: str) -> None:
    upload = begin(tiny, bucket)
    put_multipart(tiny, bucket, "key", [b"data"])
    tiny.delete_object(bucket, "key")
    tiny.delete_bucket(bucket)
    tiny.create_bucket(bucket)
    assert tiny.list_multipart_uploads(bucket).uploads is None
    with refused("NoSuchUpload", UploadId=upload.upload_id):
        upload.part(1, b"data")
    stat = tiny.stat(bucket)
    assert (stat.objects, stat.open_uploads, stat.open_parts, stat.open_bytes, stat.object_bytes) == (0, 0, 0, 0, 0)
