"""ListParts and ListMultipartUploads: order, pages, markers and prefixes, as in the captured answers of AWS."""

from datetime import UTC, datetime, timedelta

import pytest

from engine import CommonPrefix, Initiator, ListMultipartUploadsOutput, Owner, Store
from tests.support.refusals import refused
from tests.support.uploads import OpenUpload, begin

DATA_ETAG = '"8d777f385d3dfec8815d20f7496026dc"'


def shown(answer: ListMultipartUploadsOutput) -> list[tuple[str, str]]:
    return [(upload.key, upload.upload_id) for upload in answer.uploads or ()]


def prefixes(answer: ListMultipartUploadsOutput) -> list[str]:
    return [common.prefix for common in answer.common_prefixes or ()]


@pytest.fixture
def two_parts(store: Store, bucket: str) -> OpenUpload:
    upload = begin(store, bucket, "test-list-part-pagination")
    upload.parts({2: b"data", 1: b"data"})
    return upload


# AWS capture list_parts_pagination: options -> numbers shown, marker, next marker, max, truncated
PARTS_PAGES = [
    ({}, [1, 2], 0, 2, 1000, False),
    ({"max_parts": 1}, [1], 0, 1, 1, True),
    ({"max_parts": 1, "part_number_marker": 1}, [2], 1, 2, 1, False),
    ({"max_parts": 1, "part_number_marker": 10}, [], 10, 0, 1, False),
    ({"max_parts": 1, "part_number_marker": 2**31 - 1}, [], 2**31 - 1, 0, 1, False),
    ({"max_parts": 0}, [], 0, 0, 0, False),
    ({"max_parts": 5000}, [1, 2], 0, 2, 1000, False),
    ({"max_parts": 2**31 - 1}, [1, 2], 0, 2, 1000, False),
    ({"max_parts": None, "part_number_marker": None}, [1, 2], 0, 2, 1000, False),
]


@pytest.mark.parametrize(("options", "numbers", "marker", "next_marker", "most", "truncated"), PARTS_PAGES)
def test_list_parts_pages_as_aws_does(
    two_parts: OpenUpload,
    options: dict[str, int],
    numbers: list[int],
    marker: int,
    next_marker: int,
    most: int,
    truncated: bool,
) -> None:
    answer = two_parts.list(**options)
    assert [part.part_number for part in answer.parts or ()] == numbers
    assert all((part.etag, part.size) == (DATA_ETAG, 4) for part in answer.parts or ())
    assert (answer.part_number_marker, answer.next_part_number_marker) == (marker, next_marker)
    assert (answer.max_parts, answer.is_truncated) == (most, truncated)
    assert (answer.bucket, answer.key, answer.upload_id) == ("bucket", two_parts.key, two_parts.upload_id)
    assert answer.storage_class == "STANDARD"
    assert len(answer.owner.id) == len(answer.initiator.id) == 64


def test_list_parts_of_an_upload_without_parts_has_no_parts_at_all(store: Store, bucket: str) -> None:
    answer = begin(store, bucket).list()
    assert (answer.parts, answer.next_part_number_marker, answer.is_truncated) == (None, 0, False)


def test_list_parts_orders_by_number_and_dates_each_part(store: Store, bucket: str) -> None:
    upload = begin(store, bucket)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    upload.parts({10_000: b"data", 9: b"data", 1001: b"data", 10: b"data", 1: b"data", 256: b"data"})
    parts = upload.list().parts or ()
    assert [part.part_number for part in parts] == [1, 9, 10, 256, 1001, 10_000]
    assert all(before <= part.last_modified <= datetime.now(UTC) for part in parts)


def test_list_parts_pages_of_any_size_show_every_part_once(store: Store, bucket: str) -> None:
    upload = begin(store, bucket)
    numbers = [3, 5, 255, 256, 257, 9_999, 10_000]
    upload.parts(dict.fromkeys(numbers, b"data"))
    for most in range(1, len(numbers) + 2):
        seen: list[int] = []
        marker = 0
        while True:
            answer = upload.list(max_parts=most, part_number_marker=marker)
            seen += [part.part_number for part in answer.parts or ()]
            assert answer.is_truncated is (len(seen) < len(numbers))
            if not answer.is_truncated:
                break
            marker = answer.next_part_number_marker
        assert seen == numbers


WRONG_NUMBERS = [
    (-1, "Argument {name} must be an integer between 0 and 2147483647"),
    (2**31, "Provided {name} not an integer or within integer range"),
    ("x", "Provided {name} not an integer or within integer range"),
    (True, "Provided {name} not an integer or within integer range"),
    (1.5, "Provided {name} not an integer or within integer range"),
]


@pytest.mark.parametrize("name", ["max-parts", "part-number-marker"])
@pytest.mark.parametrize(("value", "text"), WRONG_NUMBERS)
def test_list_parts_refuses_numbers_out_of_range(two_parts: OpenUpload, name: str, value: object, text: str) -> None:
    with refused("InvalidArgument", text.format(name=name), ArgumentName=name, ArgumentValue=value):
        two_parts.list(**{name.replace("-", "_"): value})


@pytest.mark.parametrize(("value", "text"), WRONG_NUMBERS)
def test_list_multipart_uploads_refuses_numbers_out_of_range(store: Store, bucket: str, value: int, text: str) -> None:
    with refused("InvalidArgument", text.format(name="max-uploads"), ArgumentName="max-uploads", ArgumentValue=value):
        store.list_multipart_uploads(bucket, max_uploads=value)


def test_list_multipart_uploads_of_none(store: Store, bucket: str) -> None:
    answer = store.list_multipart_uploads(bucket)
    assert (answer.uploads, answer.common_prefixes, answer.is_truncated) == (None, None, False)
    assert (answer.key_marker, answer.upload_id_marker) == ("", "")
    assert (answer.next_key_marker, answer.next_upload_id_marker) == ("", "")
    assert (answer.bucket, answer.max_uploads) == (bucket, 1000)
    assert (answer.prefix, answer.delimiter, answer.encoding_type) == (None, None, None)


@pytest.fixture
def five_uploads(store: Store, bucket: str) -> list[OpenUpload]:
    """The uploads of AWS capture list_multiparts_next_marker: ids 1 to 5, of keys 3, 2, 1, 1, 1."""
    return [begin(store, bucket, key) for key in ("key-c", "key-b", "key-a", "key-a", "key-a")]


# The capture: key marker, id marker, max -> ids shown, key marker echoed, id marker echoed, next key, next id, truncated.
# Ids are numbers from 1, in the order of creation; 0 is no id.
UPLOADS_PAGES = {
    "all": ("", 0, None, [3, 4, 5, 2, 1], "", 0, "key-c", 1, False),
    "max-1": ("", 0, 1, [3], "", 0, "key-a", 3, True),
    "both-markers": ("key-a", 3, 1, [4], "key-a", 3, "key-a", 4, True),
    "both-markers-2": ("key-a", 5, 1, [2], "key-a", 5, "key-b", 2, True),
    "get-last-upload-no-truncate": ("key-b", 2, 1, [1], "key-b", 2, "key-c", 1, False),
    "next-key-empty": ("", 0, 1, [3], "", 0, "key-a", 3, True),
    "next-key-last": ("key-c", 0, 1, [], "key-c", 0, "", 0, False),
    "next-key-only": ("key-a", 0, 1, [2], "key-a", 0, "key-b", 2, True),
    "next-upload-only": ("", 3, 1, [3], "", 0, "key-a", 3, True),
    "none-asked-for": ("", 0, 0, [], "", 0, "", 0, False),
    "more-than-a-page": ("key-a", 4, 5000, [5, 2, 1], "key-a", 4, "key-c", 1, False),
}


@pytest.mark.parametrize("case", UPLOADS_PAGES)
def test_list_multipart_uploads_pages_as_aws_does(
    store: Store, bucket: str, five_uploads: list[OpenUpload], case: str
) -> None:
    key_marker, id_marker, most, wanted, key_echo, id_echo, next_key, next_id, truncated = UPLOADS_PAGES[case]
    ids = ["", *(upload.upload_id for upload in five_uploads)]
    answer = store.list_multipart_uploads(
        bucket, key_marker=key_marker, upload_id_marker=ids[id_marker], max_uploads=most
    )
    assert shown(answer) == [(five_uploads[number - 1].key, ids[number]) for number in wanted]
    assert (answer.key_marker, answer.upload_id_marker) == (key_echo, ids[id_echo])
    assert (answer.next_key_marker, answer.next_upload_id_marker) == (next_key, ids[next_id])
    assert (answer.is_truncated, answer.max_uploads) == (truncated, 1000 if most is None else min(most, 1000))


def test_list_multipart_uploads_refuses_an_id_marker_of_another_key(
    store: Store, bucket: str, five_uploads: list[OpenUpload]
) -> None:
    for wrong in (five_uploads[1].upload_id, "fakeid"):
        with refused(
            "InvalidArgument", "Invalid uploadId marker", ArgumentName="upload-id-marker", ArgumentValue=wrong
        ):
            store.list_multipart_uploads(bucket, key_marker="key-a", upload_id_marker=wrong)


def test_a_listing_goes_on_after_an_upload_that_ended_meanwhile(
    store: Store, bucket: str, five_uploads: list[OpenUpload]
) -> None:
    gone = five_uploads[3]
    gone.abort()
    answer = store.list_multipart_uploads(bucket, key_marker=gone.key, upload_id_marker=gone.upload_id)
    assert [upload_id for _, upload_id in shown(answer)] == [five_uploads[place].upload_id for place in (4, 1, 0)]


def test_uploads_of_one_key_are_ordered_by_initiation(store: Store, bucket: str) -> None:
    ids = [begin(store, bucket).upload_id for _ in range(20)]
    answer = store.list_multipart_uploads(bucket)
    assert [upload_id for _, upload_id in shown(answer)] == ids
    times = [upload.initiated for upload in answer.uploads or ()]
    assert times == sorted(times)
    assert times[0].tzinfo is UTC
    [first, *_] = answer.uploads or ()
    assert isinstance(first.owner, Owner)
    assert isinstance(first.initiator, Initiator)
    assert first.storage_class == "STANDARD"


def test_list_multipart_uploads_passes_over_a_prefix_that_holds_the_marker(store: Store, bucket: str) -> None:
    """As AWS capture list_multipart_uploads_marker_common_prefixes, but a page that ends on a prefix has a next marker."""
    keys = ["folder/aSubfolder/subFile1", "folder/aSubfolder/subFile2", "folder/file1", "folder/file2"]
    ids = {key: begin(store, bucket, key).upload_id for key in keys}
    options = {"prefix": "folder/", "delimiter": "/", "max_uploads": 1}
    start = store.list_multipart_uploads(bucket, **options)
    assert (prefixes(start), start.uploads, start.is_truncated) == (["folder/aSubfolder/"], None, True)
    assert (start.key_marker, start.next_key_marker, start.next_upload_id_marker) == ("", "folder/aSubfolder/", "")
    for marker in ("folder/aSubfolder/", "folder/aSubfolder/subFile1", start.next_key_marker):
        answer = store.list_multipart_uploads(bucket, key_marker=marker, **options)
        assert (shown(answer), answer.common_prefixes) == ([("folder/file1", ids["folder/file1"])], None)
        assert (answer.next_key_marker, answer.next_upload_id_marker) == ("folder/file1", ids["folder/file1"])
        assert (answer.is_truncated, answer.key_marker, answer.upload_id_marker) == (True, marker, "")
        assert (answer.prefix, answer.delimiter) == ("folder/", "/")


# AWS capture list_multiparts_with_prefix_and_delimiter
@pytest.mark.parametrize(
    ("prefix", "wanted"),
    [
        ("test/", ["test/bar/", "test/foo/"]),
        ("test/foo/", ["test/foo/bar/"]),
        ("test/foo/bar", ["test/foo/bar/"]),
    ],
)
def test_list_multipart_uploads_rolls_keys_up(store: Store, bucket: str, prefix: str, wanted: list[str]) -> None:
    for key in ("test/foo/bar/123", "test/foo/bar/456", "test/bar/foo/123"):
        begin(store, bucket, key)
    answer = store.list_multipart_uploads(bucket, prefix=prefix, delimiter="/", encoding_type="url")
    assert (prefixes(answer), answer.uploads, answer.is_truncated) == (wanted, None, False)
    assert (answer.prefix, answer.delimiter, answer.encoding_type) == (prefix, "/", "url")
    assert answer.next_upload_id_marker == ""


def test_list_multipart_uploads_shows_keys_url_encoded_when_asked(store: Store, bucket: str) -> None:
    begin(store, bucket, "a b/ü+*\x00~(1)")
    plain = store.list_multipart_uploads(bucket, key_marker="a b")
    assert (plain.key_marker, plain.next_key_marker) == ("a b", "a b/ü+*\x00~(1)")
    answer = store.list_multipart_uploads(bucket, key_marker="a b", prefix="a b/", encoding_type="url")
    [upload] = answer.uploads or ()
    assert upload.key == answer.next_key_marker == "a+b/%C3%BC%2B*%00~%281%29"
    assert (answer.key_marker, answer.prefix) == ("a+b", "a+b/")
    rolled = store.list_multipart_uploads(bucket, delimiter=" ", encoding_type="url")
    assert (rolled.common_prefixes, rolled.delimiter) == ((CommonPrefix("a+"),), "+")


@pytest.mark.parametrize("encoding_type", ["", "value", "URL"])
def test_list_multipart_uploads_knows_the_url_encoding_only(store: Store, bucket: str, encoding_type: str) -> None:
    text = "Invalid Encoding Method specified in Request"
    with refused("InvalidArgument", text, ArgumentName="encoding-type", ArgumentValue=encoding_type):
        store.list_multipart_uploads(bucket, encoding_type=encoding_type)


def test_list_multipart_uploads_shows_one_bucket_only(store: Store, bucket: str) -> None:
    store.create_bucket("another-bucket")
    begin(store, "another-bucket", "elsewhere")
    upload = begin(store, bucket, "here")
    assert shown(store.list_multipart_uploads(bucket)) == [("here", upload.upload_id)]
