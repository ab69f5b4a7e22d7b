"""POST Object over the whole way from the form to the store: AWS's answers, case by case, and nothing stored by what is refused.

Where AWS answered itself, the test names the case (`post_object_*`, `post_request_*`).
"""

import base64
import hashlib
import urllib.parse
import zlib
from typing import Any

import pytest

from engine import Store
from tests.support.forms import NAMED, Post, denied, elements, form, header, refusal
from tests.support.signing import HOST
from tests.support.uploads import read

REDIRECT = "http://localhost.test/random"
FAILED = "Invalid according to Policy: Policy Condition failed: "
KEY = "arn:aws:s3:::bucket/key"


@pytest.fixture
def post(tiny: Store, bucket: str) -> Post:
    return Post(tiny)


def test_a_form_stores_its_file(post: Post) -> None:
    answer = post(form("key"))
    assert (answer.status, answer.body) == (204, b"")
    assert header(answer, "etag") == f'"{hashlib.md5(NAMED[1]).hexdigest()}"'
    assert header(answer, "location") == f"http://{HOST}/bucket/key"
    assert read(post.store, "bucket", "key") == NAMED[1]
    head = post.store.head_object("bucket", "key", checksum_mode="ENABLED")
    assert (head.content_type, head.checksum_type) == ("binary/octet-stream", "FULL_OBJECT")
    assert head.checksum_crc64_nvme


@pytest.mark.parametrize(
    ("file", "key", "stored"),
    [
        (("a.txt", b""), "in/${filename}", "in/a.txt"),
        (("C:\\Program Files\\directory1\\file.txt", b""), "in/${filename}", "in/file.txt"),
        (("../../etc/passwd", b""), "in/${filename}", "in/passwd"),
        (("ü 日.txt", b""), "${filename}", "ü 日.txt"),
        (("", b""), "in/${filename}", "in/"),
        (b"a text", "file-as-field-${filename}", "file-as-field-${filename}"),  # post_object_with_file_as_string
        (("${filename}", b""), "in/${filename}", "in/${filename}"),
    ],
)
def test_the_name_of_the_file_stands_in_the_key(post: Post, file: Any, key: str, stored: str) -> None:
    assert post(form(key), file).status == 204
    assert [each.key for each in post.store.list_objects_v2("bucket").contents or ()] == [stored]


def test_the_policy_is_about_the_key_with_the_name_of_the_file_in_it(post: Post) -> None:
    fields = form("in/${filename}", conditions=[["starts-with", "$key", "in/a"]])
    assert post(fields, ("a.txt", b"")).status == 204
    assert refusal(post, fields, ("b.txt", b"")) == denied(f'{FAILED}["starts-with", "$key", "in/a"]')


def test_members_of_all_kinds_are_stored(
    post: Post,
) -> None:  # post_object_with_metadata, post_object_with_storage_class
    fields = {
        "Content-Type": "text/plain", "Cache-Control": "no-cache", "Content-Disposition": "inline", "Content-Encoding": "gzip",
        "Content-Language": "de", "Expires": "Wed, 21 Oct 2065 07:28:00 GMT", "acl": "private",
        "x-amz-meta-Test-1": "test-meta-1", "x-amz-meta-ü": "ÄMÄZÕÑ", "x-amz-storage-class": "STANDARD_IA",
        "x-amz-website-redirect-location": "/elsewhere", "x-amz-server-side-encryption": "AES256",
        "x-amz-checksum-algorithm": "CRC32",
        "x-amz-checksum-crc32": base64.b64encode(zlib.crc32(NAMED[1]).to_bytes(4, "big")).decode(),
    }  # fmt: skip
    answer = post(form("key", fields))
    assert (answer.status, header(answer, "x-amz-server-side-encryption")) == (204, "AES256")
    head = post.store.head_object("bucket", "key", checksum_mode="ENABLED")
    assert head.metadata == {"test-1": "test-meta-1", "ü": "ÄMÄZÕÑ"}
    assert (head.content_type, head.cache_control, head.content_disposition) == ("text/plain", "no-cache", "inline")
    assert (head.content_encoding, head.content_language, head.expires) == ("gzip", "de", fields["Expires"])
    assert (head.storage_class, head.website_redirect_location) == ("STANDARD_IA", "/elsewhere")
    assert (head.server_side_encryption, head.checksum_crc32) == ("AES256", fields["x-amz-checksum-crc32"])


def test_values_beyond_latin_1_are_percent_encoded(post: Post) -> None:  # post_object_with_unicode_metadata
    fields = {"Cache-Control": "non-ascii-—_ _é_", "success_action_status": "201"}
    answer = post(form("test_unicode—_file.pdf", fields))
    location = f"http://{HOST}/bucket/test_unicode%E2%80%94_file.pdf"
    assert header(answer, "location") == location
    assert elements(answer) == {
        "Location": location, "Bucket": "bucket", "Key": "test_unicode—_file.pdf",
        "ETag": f'"{hashlib.md5(NAMED[1]).hexdigest()}"',
    }  # fmt: skip
    assert post.store.head_object("bucket", "test_unicode—_file.pdf").cache_control == "non-ascii-%E2%80%94_ _é_"


def test_headers_of_the_request_are_not_the_objects(post: Post) -> None:
    content_type = ("content-type", "multipart/form-data; boundary=b")
    fields = form("key")
    answer = post(fields, headers=(("host", HOST), content_type, ("x-amz-meta-a", "b"), ("x-amz-tagging", "a=b")))
    assert answer.status == 400  # the body has another boundary
    assert post(fields).status == 204
    assert post.store.head_object("bucket", "key").metadata == {}


@pytest.mark.parametrize(
    ("status", "answered"), [("200", 200), ("201", 201), ("204", 204), ("302", 204), ("", 204), ("2011", 204)]
)
def test_a_form_chooses_its_status(post: Post, status: str, answered: int) -> None:
    answer = post(form("a/b &<ü", {"success_action_status": status}))
    assert answer.status == answered
    location = f"http://{HOST}/bucket/a%2Fb%20%26%3C%C3%BC"
    assert header(answer, "location") == location
    if answered == 201:
        assert header(answer, "content-type") == "application/xml"
        assert elements(answer)["Key"] == "a/b &<ü"
    else:
        assert answer.body == b""


@pytest.mark.parametrize(
    ("field", "url", "begin"),
    [
        ("success_action_redirect", REDIRECT, f"{REDIRECT}?"),
        ("redirect", "https://a.test", "https://a.test?"),
        ("success_action_redirect", "http://a.test/ü?x=1#end", "http://a.test/%C3%BC?x=1&"),
        ("success_action_redirect", "http://a.test/a%20b\r\nSet-Cookie:x", "http://a.test/a%20bSet-Cookie:x?"),
    ],
)
def test_a_form_chooses_where_the_browser_goes(post: Post, field: str, url: str, begin: str) -> None:
    answer = post(form("a&b", {field: url, "success_action_status": "201"}))
    etag = hashlib.md5(NAMED[1]).hexdigest()
    query = urllib.parse.urlencode({"bucket": "bucket", "key": "a&b", "etag": f'"{etag}"'})
    location = header(answer, "location") or ""
    assert (answer.status, answer.body) == (303, b"")
    assert location.partition("#")[0] == begin + query
    assert location.partition("#")[2] == url.partition("#")[2]


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "/path", "http://", "http://[::1", "//host/path"])
def test_what_is_no_url_redirects_nobody(post: Post, url: str) -> None:
    assert post(form("key", {"success_action_redirect": url})).status == 204


TAGS = "<Tag><Key>TagName</Key><Value>TagValue</Value></Tag>"


@pytest.mark.parametrize(
    ("document", "tags"),
    [
        (f"<Tagging><TagSet>{TAGS}</TagSet></Tagging>", {"TagName": "TagValue"}),
        (f'<?xml version="1.0"?>\n<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>{TAGS}</TagSet></Tagging>',
            {"TagName": "TagValue"}),
        (f"<Tagging><TagSet>{TAGS}<Tag><Key>Tag= 2+</Key><Value>ü</Value></Tag></TagSet></Tagging>",
            {"TagName": "TagValue", "Tag= 2+": "ü"}),
        ("<Tagging><TagSet/></Tagging>", {}),
        ("<InvalidXmlTagging></InvalidXmlTagging>", {}),
    ],
)  # fmt: skip
def test_tags_are_a_document(post: Post, document: str, tags: dict[str, str]) -> None:  # post_object_with_tags
    assert post(form("key", {"tagging": document})).status == 204
    assert {tag.key: tag.value for tag in post.store.get_object_tagging("bucket", "key").tag_set} == tags


def test_a_form_asks_for_the_actions_of_what_it_stores(post: Post) -> None:
    assert post(form("key")).status == 204
    assert post.asked == {("s3:PutObject", KEY)}
    fields = {"acl": "private", "tagging": f"<Tagging><TagSet>{TAGS}</TagSet></Tagging>"}
    made = form("key", fields)
    assert post(made).status == 204
    needed = {("s3:PutObject", KEY), ("s3:PutObjectAcl", KEY), ("s3:PutObjectTagging", KEY)}
    assert post.asked == needed
    for missing in needed:
        post.refused = {missing}
        assert refusal(post, made) == denied("Access Denied")


def test_a_form_without_a_policy_is_for_those_who_may_write_without_a_signature(post: Post) -> None:
    assert refusal(post, {"key": "key"}) == denied("Access Denied")
    post.anonymous = True
    assert post({"key": "in/${filename}", "anything": "else"}).status == 204
    assert read(post.store, "bucket", "in/a.txt") == NAMED[1]
    assert post(form("key")).status == 204
    assert refusal(post, form("key") | {"x-amz-signature": "0"})[1]["Code"] == "SignatureDoesNotMatch"


def test_a_customers_key_encrypts_over_tls_only(post: Post) -> None:
    default = {"rules": [{"blocked_encryption_types": {"encryption_type": ["NONE"]}}]}
    post.store.put_bucket_encryption("bucket", server_side_encryption_configuration=default)
    key = bytes(range(32))
    prefix = "x-amz-server-side-encryption-customer-"
    fields = {
        f"{prefix}algorithm": "AES256",
        f"{prefix}key": base64.b64encode(key).decode(),
        f"{prefix}key-MD5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }
    made = form("key", fields)
    assert refusal(post, made)[1]["Message"].endswith("must be made over a secure connection.")
    post.scheme = "https"
    answer = post(made)
    assert (answer.status, header(answer, f"{prefix}algorithm")) == (204, "AES256")
    assert header(answer, f"{prefix}key-md5") == fields[f"{prefix}key-MD5"]
    with post.store.get_object("bucket", "key", sse_customer_algorithm="AES256", sse_customer_key=key).body as body:
        assert body.read() == NAMED[1]


def test_versions_and_locks_are_those_of_a_put(post: Post) -> None:
    post.store.create_bucket("locked", object_lock_enabled_for_bucket=True)
    fields = {
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": "2100-01-01T00:00:00Z",
        "x-amz-checksum-crc32": base64.b64encode(zlib.crc32(NAMED[1]).to_bytes(4, "big")).decode(),
    }
    message = "Bucket is missing Object Lock Configuration"
    assert refusal(post, form("key", fields))[1] == {"Code": "InvalidRequest", "Message": message}
    made = form("key", fields, bucket="locked")
    versions = {header(post(made, raw_path=b"/locked/"), "x-amz-version-id") for _ in range(2)}
    listed = post.store.list_object_versions("locked").versions or ()
    assert versions == {each.version_id for each in listed}
    assert len(versions) == 2
    assert post.store.head_object("locked", "key").object_lock_mode == "GOVERNANCE"
    assert post.asked >= {("s3:PutObjectRetention", "arn:aws:s3:::locked/key")}
