"""The members of a request: S3's own errors to the letter, and the oddities that are tolerated."""

import urllib.parse
from datetime import UTC, datetime

import pytest

from engine.errors import MalformedXML
from engine.s3.http import Request
from engine.s3.model import OPERATIONS
from engine.s3.parsing import body_kind, body_size_max, parse_document
from engine.s3.routing import locate, route
from tests.support.parsing import parse_input
from tests.support.refusals import refused
from tests.support.wire import SERVED, make_request

MIB = 1024 * 1024
XML = "The XML you provided was not well-formed or did not validate against our published schema"
COMPLETE = "/bucket/key?uploadId=u"


def parsed(request: Request, body: bytes | None = None) -> dict[str, object]:
    address = locate(request)
    return parse_input(route(request, address), request, address, body)


def listed(query: str, target: str = "/bucket/key?uploadId=u") -> dict[str, object]:
    return parsed(make_request("GET", f"{target}&{query}"))


PAGES = {
    "max-parts": "/bucket/key?uploadId=u",
    "part-number-marker": "/bucket/key?uploadId=u",
    "max-uploads": "/bucket?uploads",
    "max-keys": "/bucket?list-type=2",
    "max-buckets": "/?x",
}


@pytest.mark.parametrize(("name", "target"), PAGES.items())
@pytest.mark.parametrize("text", ["x", "1.0", "0x10", " 1", "1e3", "--1", "%2B", "2147483648", "9" * 5000, "%D9%A3"])
def test_a_page_number_that_is_none_is_refused_as_s3_does(name: str, target: str, text: str) -> None:
    shown = urllib.parse.unquote(text)
    message = f"Provided {name} not an integer or within integer range"
    with refused("InvalidArgument", message, ArgumentName=name, ArgumentValue=shown):
        listed(f"{name}={text}", target)


@pytest.mark.parametrize(("name", "target"), PAGES.items())
def test_a_negative_page_number_is_left_to_the_engine_to_refuse(name: str, target: str) -> None:
    assert listed(f"{name}=-1", target)[name.replace("-", "_")] == -1


@pytest.mark.parametrize(("name", "target"), PAGES.items())
def test_an_empty_page_number_counts_as_absent(name: str, target: str) -> None:
    attribute = name.replace("-", "_")
    assert attribute not in listed(f"{name}=", target)
    assert attribute not in listed(name, target)
    assert listed(f"{name}=2147483647", target)[attribute] == 2147483647
    assert listed(f"{name}=007", target)[attribute] == 7
    assert listed(f"{name}=0", target)[attribute] == 0


@pytest.mark.parametrize("text", ["", "x", "1.5", "99999999999", "9" * 5000])
@pytest.mark.parametrize(
    ("method", "headers"), [("PUT", {}), ("PUT", {"x-amz-copy-source": "a/b"}), ("GET", {}), ("HEAD", {})]
)
def test_a_part_number_that_is_none_is_refused_as_s3_does(method: str, headers: dict[str, str], text: str) -> None:
    upload = "&uploadId=u" if method == "PUT" else ""
    message = "Part number must be an integer between 1 and 10000, inclusive"
    with refused("InvalidArgument", message, ArgumentName="partNumber", ArgumentValue=text):
        parsed(make_request(method, f"/bucket/key?partNumber={text}{upload}", headers))


@pytest.mark.parametrize("number", [0, -1, 1, 10_000, 10_001])
def test_the_bounds_of_part_numbers_are_the_engines(number: int) -> None:
    assert parsed(make_request("PUT", f"/bucket/key?partNumber={number}&uploadId=u"))["part_number"] == number


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-1", "Value for x-amz-mp-object-size header is less than zero: '-1'"),
        ("x", "Value for x-amz-mp-object-size header is invalid: 'x'"),
        ("", "Value for x-amz-mp-object-size header is invalid: ''"),
        ("99999999999999999999", "Value for x-amz-mp-object-size header is invalid: '99999999999999999999'"),
    ],
)
def test_an_object_size_that_is_none_is_refused_as_s3_does(text: str, message: str) -> None:
    with refused("InvalidRequest", message):
        parsed(make_request("POST", COMPLETE, {"x-amz-mp-object-size": text}), b"<x/>")


def test_an_object_may_have_no_bytes() -> None:
    body = b"<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"
    assert parsed(make_request("POST", COMPLETE, {"x-amz-mp-object-size": "0"}), body)["mpu_object_size"] == 0


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/bucket/key"),
        ("POST", "/bucket/key?uploads"),
        ("DELETE", "/bucket/key"),
        ("PUT", "/bucket"),
        ("GET", "/bucket?list-type=2"),
    ],
)
def test_a_copy_source_where_nothing_is_copied_is_refused(method: str, target: str) -> None:
    message = "You can only specify a copy source header for copy requests."
    with refused("InvalidArgument", message, ArgumentName="x-amz-copy-source", ArgumentValue="a/b"):
        parsed(make_request(method, target, {"x-amz-copy-source": "a/b"}))


@pytest.mark.parametrize("query", ["prefix=a&prefix=a", "prefix=&prefix=b", "delimiter=/&x&delimiter=/"])
def test_a_repeated_query_item_that_we_know_is_refused_and_others_are_tolerated(query: str) -> None:
    name = query.partition("=")[0]
    with refused("InvalidRequest", f"Query parameter {name} was given more than once"):
        listed(query, "/bucket?list-type=2")
    assert listed("x-id=1&x-id=2&=&PREFIX=a&Prefix=b", "/bucket?list-type=2") == {"bucket": "bucket"}


def test_texts_are_read_as_sent_even_empty_ones() -> None:
    found = listed("prefix=&delimiter&encoding-type=&start-after=a+b%2Bc", "/bucket?list-type=2")
    assert found == {"bucket": "bucket", "prefix": "", "delimiter": "", "encoding_type": "", "start_after": "a b+c"}


def test_a_repeated_header_is_refused_and_a_list_is_joined() -> None:
    with refused("InvalidRequest", "Header content-md5 was sent more than once"):
        parsed(make_request("PUT", "/bucket/key", [("content-md5", "a"), ("Content-MD5", "b")]))
    joined = parsed(make_request("PUT", "/bucket/key", [("cache-control", "a"), ("cache-control", "b")]))
    assert joined["cache_control"] == "a,b"


def test_headers_nobody_knows_are_passed_over() -> None:
    noise = {"user-agent": "x", "x-amz-date": "y", "authorization": "z", "x-amz-unknown": "1", "x-amz-meta-": "2"}
    assert parsed(make_request("GET", "/bucket/key", noise)) == {"bucket": "bucket", "key": "key"}


def test_user_metadata_is_read_by_its_prefix_as_latin_1() -> None:
    headers = [("X-Amz-Meta-Name", "a"), ("x-amz-meta-b.c", "=?UTF-8?B?w4Q=?="), ("x-amz-meta-utf8", "Ã\x84")]
    headers += [("x-amz-meta-twice", "1"), ("x-amz-meta-twice", "2"), ("x-amz-meta-twice", "3")]
    expected = {"name": "a", "b.c": "=?UTF-8?B?w4Q=?=", "utf8": "Ã\x84", "twice": "1,2,3"}
    assert parsed(make_request("PUT", "/bucket/key", headers))["metadata"] == expected
    assert "metadata" not in parsed(make_request("GET", "/bucket/key", headers))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", None),
        ("gzip,aws-chunked", "gzip"),
        ("aws-chunked, gzip", "gzip"),
        ("AWS-Chunked", None),
        ("gzip, br", "gzip, br"),
        ("", None),
    ],
)
def test_the_encoding_of_the_transfer_is_not_kept_with_the_object(sent: str, kept: str | None) -> None:
    assert parsed(make_request("PUT", "/bucket/key", {"content-encoding": sent})).get("content_encoding") == kept


@pytest.mark.parametrize("name", ["if-modified-since", "if-unmodified-since"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_condition_that_holds_no_date_is_ignored(name: str, method: str) -> None:
    attribute = name.replace("-", "_")
    assert attribute not in parsed(make_request(method, "/bucket/key", {name: "yesterday"}))
    moment = parsed(make_request(method, "/bucket/key", {name: "Sunday, 06-Nov-94 08:49:37 GMT"}))[attribute]
    assert moment == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


def test_a_condition_of_a_copy_that_holds_no_date_is_refused() -> None:
    name = "x-amz-copy-source-if-unmodified-since"
    headers = {"x-amz-copy-source": "a/b", name: "yesterday"}
    with refused("InvalidArgument", f"Value for {name} is no date", ArgumentName=name, ArgumentValue="yesterday"):
        parsed(make_request("PUT", "/bucket/key", headers))


@pytest.mark.parametrize(("text", "value"), [("true", True), ("TRUE", True), ("False", False), ("", None)])
def test_booleans_are_read_in_any_case(text: str, value: bool | None) -> None:
    assert listed(f"fetch-owner={text}", "/bucket?list-type=2").get("fetch_owner") is value


def test_a_boolean_that_is_none_is_refused() -> None:
    message = "fetch-owner must be true or false"
    with refused("InvalidArgument", message, ArgumentName="fetch-owner", ArgumentValue="1"):
        listed("fetch-owner=1", "/bucket?list-type=2")


@pytest.mark.parametrize("body", [None, b""])
def test_a_complete_without_a_body_must_specify_a_part(body: bytes | None) -> None:
    with refused("InvalidRequest", "You must specify at least one part"):
        parsed(make_request("POST", COMPLETE), body)


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "application/xml", ""])
def test_a_complete_is_read_whatever_its_content_type(content_type: str) -> None:
    body = b"<CompleteMultipartUpload><Part><ETag>a</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"
    found = parsed(make_request("POST", COMPLETE, {"content-type": content_type}), body)
    assert found["multipart_upload"] == {"parts": [{"etag": "a", "part_number": 1}]}


def test_a_delete_without_a_body_is_malformed_and_a_create_bucket_is_not() -> None:
    with refused("MalformedXML", XML):
        parsed(make_request("POST", "/bucket?delete"), b"")
    assert parsed(make_request("PUT", "/bucket"), b"") == {"bucket": "bucket"}


@pytest.mark.parametrize(
    ("method", "target", "most"),
    [
        ("POST", COMPLETE, 4 * MIB),
        ("POST", "/bucket?delete", 4 * MIB),
        ("PUT", "/bucket", MIB),
        ("PUT", "/bucket?cors", 64 * 1024),
    ],
)
def test_a_document_one_byte_too_large_is_refused(method: str, target: str, most: int) -> None:
    with refused("MaxMessageLengthExceeded", "Your request was too big.", MaxMessageLengthBytes=most):
        parsed(make_request(method, target), b" " * (most + 1))
    with refused("MalformedXML", XML):
        parsed(make_request(method, target), b" " * most)


def test_what_the_body_of_each_operation_is() -> None:
    kinds: dict[str | None, set[str]] = {}
    for name in SERVED:
        kinds.setdefault(body_kind(OPERATIONS[name]), set()).add(name)
    assert kinds["document"] == {
        "CompleteMultipartUpload",
        "CreateBucket",
        "DeleteObjects",
        "PutBucketAcl",
        "PutBucketCors",
        "PutBucketEncryption",
        "PutBucketLifecycleConfiguration",
        "PutBucketLogging",
        "PutBucketNotificationConfiguration",
        "PutBucketOwnershipControls",
        "PutBucketPolicy",
        "PutBucketRequestPayment",
        "PutBucketTagging",
        "PutBucketVersioning",
        "PutObjectAcl",
        "PutObjectLegalHold",
        "PutObjectLockConfiguration",
        "PutObjectRetention",
        "PutObjectTagging",
        "PutPublicAccessBlock",
    }
    assert kinds["stream"] == {"PutObject", "UploadPart"}
    assert body_kind(OPERATIONS["SelectObjectContent"]) == "document"
    assert body_size_max(OPERATIONS["PutBucketCors"]) == 64 * 1024
    assert body_size_max(OPERATIONS["PutBucketPolicy"]) == 64 * 1024
    assert body_size_max(OPERATIONS["PutBucketVersioning"]) == MIB


@pytest.mark.parametrize("text", ["x", "", "1.5", "9223372036854775808", "9" * 5000])
def test_a_number_in_a_header_that_is_none_is_refused(text: str) -> None:
    name = "x-amz-if-match-size"
    message = f"Provided {name} not an integer or within integer range"
    with refused("InvalidArgument", message, ArgumentName=name, ArgumentValue=text):
        parsed(make_request("DELETE", "/bucket/key", {name: text}))
    found = parsed(make_request("DELETE", "/bucket/key", {name: "9223372036854775807"}))
    assert found["if_match_size"] == 2**63 - 1


def test_a_missing_header_that_is_required_is_named() -> None:
    operation = OPERATIONS["GetObjectAttributes"]
    request = make_request("GET", "/bucket/key?attributes")
    with refused("InvalidRequest", "Missing required header for this request: x-amz-object-attributes"):
        parse_input(operation, request, locate(request), None)


def test_an_internal_name_sent_as_a_header_sets_nothing() -> None:
    names = [
        "bucket",
        "key",
        "upload_id",
        "part_number",
        "size",
        "etag",
        "manifest-id",
        "x-amz-meta",
        "x-minio-replication",
        "owner",
    ]
    found = parsed(make_request("PUT", "/bucket/key", dict.fromkeys(names, "evil")))
    assert found == {"bucket": "bucket", "key": "key"}


@pytest.mark.parametrize("prefix", [b"xsi:", b"i:", b""])
def test_an_attribute_that_is_a_member_is_read_whatever_its_prefix(prefix: bytes) -> None:
    declared = b'xmlns:%b="http://www.w3.org/2001/XMLSchema-instance"' % (prefix[:-1] or b"unused")
    grantee = b'<Grantee %b %btype="CanonicalUser" other="x"><ID>a</ID></Grantee>' % (declared, prefix)
    grants = b"<AccessControlList><Grant>%b<Permission>READ</Permission></Grant></AccessControlList>" % grantee
    body = b"<AccessControlPolicy>%b</AccessControlPolicy>" % grants
    wanted = {"grants": [{"grantee": {"type": "CanonicalUser", "id": "a"}, "permission": "READ"}]}
    assert parse_document(OPERATIONS["PutBucketAcl"], body) == {"access_control_policy": wanted}
    with pytest.raises(MalformedXML):
        parse_document(OPERATIONS["PutBucketAcl"], body.replace(b"type=", b"kind="))
