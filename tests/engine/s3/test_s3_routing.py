"""The bucket, key and operation of a request. botocore's model and its clients are the oracle."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import S3Error
from engine.s3.model import OPERATIONS, Operation
from engine.s3.routing import Address, locate, route
from tests.support.refusals import refused
from tests.support.wire import make_request

DOMAINS = ("s3.test", "eu.s3.test")
UNREACHABLE = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
}
NOT_ALLOWED = "The specified method is not allowed against this resource."


def at(path: str, host: str = "127.0.0.1:9000", aliases: dict[str, str] | None = None) -> Address:
    return locate(make_request(target=path, host=host), DOMAINS, aliases)


@pytest.mark.parametrize(
    ("path", "bucket", "key"),
    [
        ("/", None, None),
        ("/bucket", "bucket", None),
        ("/bucket/", "bucket", None),
        ("/bucket//", "bucket", "/"),
        ("/bucket//key", "bucket", "/key"),
        ("/bucket/key/", "bucket", "key/"),
        ("/bucket/a//b", "bucket", "a//b"),
        ("/bucket/../../etc/passwd", "bucket", "../../etc/passwd"),
        ("/bucket/./.", "bucket", "./."),
        ("/bucket/%2e%2e%2F", "bucket", "../"),
        ("/bucket/a%2Fb", "bucket", "a/b"),
        ("/bucket/a%252Fb", "bucket", "a%2Fb"),
        ("/bucket/a+b%2Bc%20d", "bucket", "a+b+c d"),
        ("/bucket/%C3%BC/%E6%97%A5", "bucket", "ü/日"),
        ("/bucket/%3Fuploads", "bucket", "?uploads"),
        ("/bucket/%0D%0A%01", "bucket", "\r\n\x01"),
        ("/buck%65t/key", "bucket", "key"),
        ("/bucket%2Fkey/other", "bucket", "key/other"),
        ("/bucket%2F", "bucket", None),
    ],
)
def test_a_path_is_decoded_once_and_split_at_its_first_slash(path: str, bucket: str | None, key: str | None) -> None:
    assert at(path) == (bucket, key)


@pytest.mark.parametrize(
    "path", ["/bucket/%00", "/bucket/a%", "/bucket/%zz", "/bucket/%ff", "/%ff", "//key", "//", "/%2Fkey", "*", ""]
)
def test_a_path_that_names_nothing_is_refused(path: str) -> None:
    with refused("InvalidURI", "Couldn't parse the specified URI."):
        at(path)


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("bucket.s3.test", "bucket"),
        ("bucket.s3.test:9000", "bucket"),
        ("Bucket.S3.Test.", "bucket"),
        ("my.dotted.bucket.s3.test", "my.dotted.bucket"),
        ("bucket.eu.s3.test", "bucket"),
        ("s3.test", None),
        ("eu.s3.test:80", None),
        (".s3.test", None),
        ("nots3.test", None),
        ("s3.test.evil", None),
        ("127.0.0.1:9000", None),
        ("bucket.s3.test:x", None),
        ("bucket.s3.test:", "bucket"),
        ("[::1]:9000", None),
        ("[::1]", None),
        ("", None),
    ],
)
def test_a_host_below_a_domain_names_the_bucket_and_every_other_host_does_not(host: str, bucket: str | None) -> None:
    expected = (bucket, "a/b") if bucket else ("a", "b")
    assert at("/a/b", host) == expected


def test_with_the_bucket_in_the_host_the_whole_path_is_the_key() -> None:
    assert at("//a/../b/", "bucket.s3.test") == ("bucket", "/a/../b/")
    assert at("/", "bucket.s3.test") == ("bucket", None)


def test_without_a_host_header_a_request_is_path_style() -> None:
    request = make_request(target="/bucket/key")
    assert locate(type(request)("GET", b"/bucket/key", b"", (), "http", ""), DOMAINS) == ("bucket", "key")


def test_two_hosts_are_refused() -> None:
    with refused("InvalidRequest", "Header host was sent more than once"):
        locate(make_request(headers={"host": "bucket.s3.test"}), DOMAINS)


@pytest.mark.parametrize(
    "host",
    [
        "ap-123456789012.s3-accesspoint.eu.example.com:443",
        "ap-123456789012.s3.test",
        "ap-123456789012.op-01234567890123456.s3.test:9000",
    ],
)
def test_access_points_and_outposts_resolve_through_the_alias_table(host: str) -> None:
    aliases = {
        "ap-123456789012.s3-accesspoint.eu.example.com": "behind",
        "ap-123456789012": "behind",
        "ap-123456789012.op-01234567890123456": "behind",
    }
    assert at("/a/b", host, aliases) == ("behind", "a/b")


def target_of(operation: Operation) -> tuple[str, dict[str, str]]:
    """A request for an operation, made from the model."""
    path = {"service": "/", "bucket": "/bucket", "object": "/bucket/key"}[operation.level]
    items = [name if value is None else f"{name}={value}" for name, value in operation.literals]
    items += [f"{name}=1" for name in sorted(operation.required("querystring"))]
    return path + "?" + "&".join(items), dict.fromkeys(operation.required("header"), "x")


def routed(method: str, target: str, headers: dict[str, str] | None = None) -> str:
    request = make_request(method, target, headers)
    return route(request, locate(request)).name


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"WriteGetObjectResponse"}))
def test_every_operation_of_s3_is_routed_to_its_name(name: str) -> None:
    operation = OPERATIONS[name]
    target, headers = target_of(operation)
    assert routed(operation.method, target, headers) == UNREACHABLE.get(name, name)
    noise = {"user-agent": "x", "x-amz-date": "y"} | headers
    tolerated = target + "&x-id=Whatever&unknown&unknown=2"
    assert routed(operation.method, tolerated, noise) == UNREACHABLE.get(name, name)


@pytest.mark.parametrize(
    ("method", "target", "headers", "name"),
    [
        ("GET", "/bucket?list-type=2", {}, "ListObjectsV2"),
        ("GET", "/bucket?list-type=1", {}, "ListObjects"),
        ("GET", "/bucket/?list-type=2&prefix=", {}, "ListObjectsV2"),
        ("GET", "/bucket/key?list-type=2", {}, "GetObject"),
        ("GET", "/bucket?uploads=", {}, "ListMultipartUploads"),
        ("GET", "/bucket?uploads=yes", {}, "ListMultipartUploads"),
        ("POST", "/bucket/key?uploads", {}, "CreateMultipartUpload"),
        ("POST", "/bucket", {}, "PostObject"),
        ("POST", "/bucket/?x-id=PostObject", {}, "PostObject"),
        ("POST", "/bucket?delete", {}, "DeleteObjects"),
        ("GET", "/bucket/key?uploadId=", {}, "ListParts"),
        ("GET", "/bucket/key?partNumber=1", {}, "GetObject"),
        ("GET", "/bucket/key?partNumber=1&uploadId=u", {}, "ListParts"),
        ("DELETE", "/bucket/key?uploadId=u", {}, "AbortMultipartUpload"),
        ("DELETE", "/bucket/key?versionId=v", {}, "DeleteObject"),
        ("PUT", "/bucket/key?x-id=PutObject", {}, "PutObject"),
        ("PUT", "/bucket/key", {"x-amz-copy-source": ""}, "CopyObject"),
        ("PUT", "/bucket/key?partNumber=1&uploadId=u", {"x-amz-copy-source": "a/b"}, "UploadPartCopy"),
        ("PUT", "/bucket?analytics", {}, "PutBucketAnalyticsConfiguration"),
        ("GET", "/bucket/key?attributes", {}, "GetObjectAttributes"),
        ("GET", "/bucket?UPLOADS", {}, "ListObjects"),
        ("POST", "/bucket/key?select&select-type=2", {}, "SelectObjectContent"),
    ],
)
def test_the_most_specific_operation_wins(method: str, target: str, headers: dict[str, str], name: str) -> None:
    assert routed(method, target, headers) == name


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("POST", "/", "SERVICE"),
        ("HEAD", "/", "SERVICE"),
        ("GET", "/?uploads", "SERVICE"),
        ("PATCH", "/bucket", "BUCKET"),
        ("get", "/bucket", "BUCKET"),
        ("POST", "/bucket/key", "OBJECT"),
        ("PUT", "/bucket/key?uploads", "OBJECT"),
        ("DELETE", "/bucket?uploads", "BUCKET"),
    ],
)
def test_what_no_operation_answers_is_not_allowed(method: str, target: str, kind: str) -> None:
    with refused("MethodNotAllowed", NOT_ALLOWED, 405, Method=method, ResourceType=kind):
        routed(method, target)


@pytest.mark.parametrize(
    ("method", "target", "code", "message", "extras"),
    [
        (
            "GET",
            "/bucket/key?uploads",
            "InvalidRequest",
            "Key is not expected for the GET method ?uploads subresource",
            {},
        ),
        ("POST", "/bucket?uploads", "InvalidRequest", "A key must be specified", {}),
        ("PUT", "/bucket/?partNumber=1&uploadId=u", "InvalidRequest", "A key must be specified", {}),
        ("DELETE", "/bucket?uploadId=u", "InvalidRequest", "A key must be specified", {}),
        ("GET", "/bucket/?uploadId=u", "InvalidRequest", "A key must be specified", {}),
        (
            "PUT",
            "/bucket/key?partNumber=7",
            "InvalidArgument",
            "This operation does not accept partNumber without uploadId",
            {"ArgumentName": "partNumber", "ArgumentValue": "7"},
        ),
        (
            "PUT",
            "/bucket/key?uploadId=u",
            "InvalidArgument",
            "This operation does not accept uploadId without partNumber",
            {"ArgumentName": "uploadId", "ArgumentValue": "u"},
        ),
        (
            "GET",
            "/bucket?uploads&acl",
            "InvalidArgument",
            "Conflicting query string parameters: acl, uploads",
            {"ArgumentName": "ResourceType", "ArgumentValue": "uploads"},
        ),
    ],
)
def test_what_asks_for_half_or_for_two_things_is_refused(
    method: str, target: str, code: str, message: str, extras: dict[str, Any]
) -> None:
    with refused(code, message, **extras):
        routed(method, target)


@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", ""]),
    st.binary(max_size=30),
    st.lists(
        st.sampled_from(
            [b"uploads", b"uploadId=u", b"partNumber=1", b"list-type=2", b"delete", b"acl", b"%zz", b"a=%ff", b"x=\xff"]
        ),
        max_size=4,
    ),
    st.sampled_from(["s3.test", "b.s3.test", ":", "::::", "a:b:c", "[", "é.s3.test"]),
)
def test_any_bytes_are_an_operation_or_an_error_of_s3(method: str, path: bytes, items: list[bytes], host: str) -> None:
    target = (b"/" + path.replace(b"?", b"") + b"?" + b"&".join(items)).decode("latin-1")
    request = make_request(method, target, host=host)
    try:
        outcome = route(request, locate(request, DOMAINS)).method
    except S3Error as error:
        outcome = error.code
    assert outcome in (method, "InvalidURI", "InvalidRequest", "InvalidArgument", "MethodNotAllowed")
