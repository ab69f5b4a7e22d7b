"""Forms that POST Object refuses, as AWS refused them: each leaves nothing behind.

Where AWS answered itself, the test names the case (`post_object_*`, `post_request_*`).
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Store
from engine.s3.form_data import FIELDS_SIZE_MAX
from tests.support.forms import Fields, Post, denied, encoded, form, refusal
from tests.support.signing import HOST
from tests.support.stores import contents_of

REDIRECT = "http://localhost.test/random"
FAILED = "Invalid according to Policy: Policy Condition failed: "
TAGS = "<Tag><Key>TagName</Key><Value>TagValue</Value></Tag>"
SIGNED = form("key")
SECOND = "<Tag><Key>Tag&amp;=Name 2+</Key><Value>ü%</Value></Tag>"


@pytest.fixture
def post(tiny: Store, bucket: str) -> Post:
    return Post(tiny)


def test_conditions_are_judged_as_aws_judges_them(post: Post) -> None:  # post_object_policy_conditions_validation_eq
    fields = {"success_action_redirect": REDIRECT}
    made = form("key", fields, [["eq", "$success_action_redirect", REDIRECT]])
    wrong = made | {"success_action_redirect": "http://wrong.location/test"}
    shown = f'{FAILED}["eq", "$success_action_redirect", "{REDIRECT}"]'
    assert refusal(post, wrong) == denied(shown)
    without_sign = form("key", fields, [["eq", "success_action_redirect", REDIRECT]])
    assert refusal(post, without_sign) == denied(shown.replace("$", ""))
    other_case = form("key", fields, [["eq", "$success_action_redirect", REDIRECT.replace("http", "HTTP")]])
    assert refusal(post, other_case) == denied(shown.replace("http:", "HTTP:"))
    two_in_one = form("key", fields, [{"success_action_redirect": REDIRECT, "bucket": "bucket"}])
    assert refusal(post, two_in_one) == (
        400,
        {
            "Code": "InvalidPolicyDocument",
            "Message": "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        },
    )
    assert post(made).status == 303


def test_prefixes_are_judged_as_aws_judges_them(
    post: Post,
) -> None:  # post_object_policy_conditions_validation_starts_with
    made = form(
        "key", {"success_action_redirect": REDIRECT}, [["starts-with", "$success_action_redirect", "http://localhost"]]
    )
    shown = f'{FAILED}["starts-with", "$success_action_redirect", "http://localhost"]'
    for wrong in ("http://wrong.location/test", REDIRECT.replace("http", "HTTP")):
        assert refusal(post, made | {"success_action_redirect": wrong}) == denied(shown)
    assert post(made).status == 303


def test_sizes_are_judged_as_aws_judges_them(post: Post) -> None:  # post_object_policy_validation_size
    made = form("key", conditions=[["content-length-range", 5, 10]])
    small = {"Message": "Your proposed upload is smaller than the minimum allowed size", "ProposedSize": "1"}
    large = {"Message": "Your proposed upload exceeds the maximum allowed size", "ProposedSize": "12"}
    assert refusal(post, made, b"a") == (400, {"Code": "EntityTooSmall", **small, "MinSizeAllowed": "5"})
    assert refusal(post, made, b"a" * 12) == (400, {"Code": "EntityTooLarge", **large, "MaxSizeAllowed": "10"})
    wrong = form("key", conditions=[["content-length-range", "test", 10]])
    assert refusal(post, wrong) == denied(f'{FAILED}["content-length-range", "test", "10"]')
    for size in (5, 10):
        assert post(made, b"a" * size).status == 204


def test_a_large_file_is_bounded_too(post: Post) -> None:
    made = form("key", conditions=[["content-length-range", 100_000, 200_000]])
    for size, status in ((99_999, 400), (100_000, 204), (200_000, 204), (200_001, 400)):
        before = contents_of(post.store)
        assert post(made, b"\r\n--" * (size // 4) + b"a" * (size % 4)).status == status
        assert (contents_of(post.store) == before) is (status == 400)


def test_fields_that_no_condition_allows_are_refused(post: Post) -> None:
    made = form("key")
    for name in ("acl", "x-amz-meta-a", "Content-Type", "submit", "x-amz-server-side-encryption"):
        assert refusal(post, made | {name: "a"}) == denied(
            f"Invalid according to Policy: Extra input fields: {name.lower()}"
        )
    assert post(made | {"x-ignore-a": "b", "bucket": "another"}).status == 204
    assert post(form("key", {"bucket": "another"}, [])).status == 204


def test_a_policy_for_another_bucket_or_key_does_not_count(post: Post) -> None:
    post.store.create_bucket("another")
    made = form("key")
    assert refusal(post, made, raw_path=b"/another") == denied(f'{FAILED}["eq", "$bucket", "bucket"]')
    assert refusal(post, made | {"key": "other"}) == denied(f'{FAILED}["eq", "$key", "key"]')


def test_an_expired_policy_does_not_count(post: Post) -> None:  # post_request_expires
    assert refusal(post, form("key", ExpiresIn=-1)) == denied("Invalid according to Policy: Policy expired.")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_wrong_signature_is_refused_before_the_policy_is_read(post: Post, version: str) -> None:
    # post_request_malformed_policy, post_request_missing_signature
    made = form("key", version=version)
    status, error = refusal(post, made | {"policy": "invalid"})
    assert (status, error["Code"], error["StringToSign"]) == (403, "SignatureDoesNotMatch", "invalid")
    assert list(error) == [
        "Code", "Message", "AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes",
    ]  # fmt: skip
    name = "Signature" if version == "s3" else "X-Amz-Signature"
    del made[name.lower()]
    message = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )
    missing = {"Code": "InvalidArgument", "Message": message, "ArgumentName": name, "ArgumentValue": ""}
    assert refusal(post, made) == (400, missing)


def test_another_content_type_is_refused(post: Post) -> None:  # post_object_with_wrong_content_type
    headers = (("host", HOST), ("content-type", "text/plain"))
    assert refusal(post, form("key"), headers=headers) == (
        412,
        {
            "Code": "PreconditionFailed",
            "Message": "At least one of the pre-conditions you specified did not hold",
            "Condition": "Bucket POST must be of the enclosure-type multipart/form-data",
        },
    )


def test_an_unknown_storage_class_is_refused(post: Post) -> None:  # post_object_with_storage_class
    assert refusal(post, form("key", {"x-amz-storage-class": "FakeClass"})) == (
        400,
        {
            "Code": "InvalidStorageClass",
            "Message": "The storage class you specified is not valid",
            "StorageClassRequested": "FakeClass",
        },
    )


def test_what_else_is_wrong_is_refused(post: Post) -> None:
    made = form("key")
    message = "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
    without = {name: value for name, value in made.items() if name != "key"}
    for fields, words in ((without, message), (made | {"key": ""}, "User key must have a length greater than 0.")):
        error = {"Code": "InvalidArgument", "Message": words, "ArgumentName": "key", "ArgumentValue": ""}
        assert refusal(post, fields) == (400, error)
    cases: list[tuple[Fields, dict[str, Any], str]] = [
        (made, {"length": None}, "MissingContentLength"),
        (made, {"raw_path": b"/absent"}, "AccessDenied"),
        (form("k\0"), {}, "InvalidURI"),
        (form("k" * 1025), {}, "KeyTooLongError"),
        (form("key", {"acl": "public-read"}), {}, "AccessControlListNotSupported"),
        (form("key", {"x-amz-checksum-crc32": "AAAAAA=="}), {}, "BadDigest"),
        (form("key", {"x-amz-checksum-foo": "AAAAAA=="}), {}, "InvalidRequest"),
        (form("key", {"x-amz-checksum-algorithm": "CRC32"}), {}, "InvalidRequest"),
        (form("key", {"x-amz-meta-a": "a" * 2048}), {}, "MetadataTooLarge"),
        (
            form("key", {"x-amz-meta-a": "a" * 20480}, [["starts-with", "$x-amz-meta-a", ""]]),
            {},
            "MaxPostPreDataLengthExceededError",
        ),
        (form("key", {"x-amz-server-side-encryption": "aws:foo"}), {}, "InvalidArgument"),
        (form("key", {"x-amz-copy-source": "bucket/key"}), {}, "InvalidArgument"),
        (form("key", {"x-amz-expected-bucket-owner": "999999999999"}), {}, "AccessDenied"),
        (form("key", {"x-amz-tagging": "a=b", "tagging": "<Tagging><TagSet/></Tagging>"}), {}, "InvalidRequest"),
    ]
    for fields, changes, code in cases:
        assert refusal(post, fields, **changes)[1]["Code"] == code, code


def test_a_bucket_that_is_not_there_is_told_to_who_may_write_to_it(post: Post) -> None:
    made = form("key", bucket="absent")
    assert refusal(post, made, raw_path=b"/absent") == (
        404,
        {"Code": "NoSuchBucket", "Message": "The specified bucket does not exist", "BucketName": "absent"},
    )


def test_wrong_tags_are_refused(post: Post) -> None:
    malformed = {
        "Code": "MalformedXML",
        "Message": "The XML you provided was not well-formed or did not validate against our published schema",
    }
    for document in ("not-xml", "", "<Tagging>", "<Tagging/>", f"<Tagging><TagSet>{TAGS}</TagSet>", "<a></Form><b>"):
        assert refusal(post, form("key", {"tagging": document})) == (400, malformed), document
    twice = {"tagging": f"<Tagging><TagSet>{TAGS}{TAGS}</TagSet></Tagging>"}
    message = "Cannot provide multiple Tags with the same key"
    assert refusal(post, form("key", twice)) == (400, {"Code": "InvalidTag", "Message": message, "TagKey": "TagName"})
    assert (
        refusal(post, form("key", {"tagging": f"<Tagging><TagSet>{SECOND}</TagSet></Tagging>"}))[1]["Code"]
        == "InvalidTag"
    )


def test_the_file_is_not_read_before_all_else_is_judged(post: Post) -> None:
    post.store.create_bucket("another")
    large = bytes(1_000_000)
    made = form("key")
    cases: list[tuple[Fields, dict[str, Any], str]] = [
        (made | {"x-amz-signature": "0"}, {}, "SignatureDoesNotMatch"),
        (form("key", ExpiresIn=-1), {}, "AccessDenied"),
        (made | {"key": "other"}, {}, "AccessDenied"),
        (made | {"acl": "private"}, {}, "AccessDenied"),
        (form("key", {"x-amz-storage-class": "FakeClass"}), {}, "InvalidStorageClass"),
        (form("key", {"tagging": "not-xml"}), {}, "MalformedXML"),
        (form("key", bucket="absent"), {"raw_path": b"/absent"}, "NoSuchBucket"),
    ]
    for fields, changes, code in cases:
        assert refusal(post, fields, large, **changes)[1]["Code"] == code
        assert post.taken_bytes <= FIELDS_SIZE_MAX
    post.refused = {("s3:PutObject", "arn:aws:s3:::bucket/key")}
    assert refusal(post, made, large) == denied("Access Denied")
    assert post.taken_bytes <= FIELDS_SIZE_MAX


@given(st.data())
def test_no_damaged_form_is_an_error_of_the_servers(post: Post, data: st.DataObject) -> None:
    content_type, body = encoded(SIGNED)
    at = data.draw(st.integers(0, len(body) - 1))
    piece = data.draw(st.binary(max_size=4) | st.sampled_from([b"\r\n", b"--", b'"', b";", b"\0", b"%"]))
    damaged = body[:at] + piece + body[at + data.draw(st.integers(0, 4)) :]
    boundary = content_type.partition("boundary=")[2]
    other = data.draw(
        st.just(boundary) | st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=8)
    )
    answer = post.send(damaged, f"multipart/form-data; boundary={other}")
    assert answer.status < 500
