"""boto3 on lifecycle rules, over every host; and documents that come with a checksum, or without one where S3 wants it."""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host
from tests.system.clients.raw import Answer, Call, Raw

MIDNIGHT = datetime(2035, 1, 1, tzinfo=UTC)
RULES: list[dict[str, Any]] = [
    {"ID": "abort", "Status": "Enabled", "Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    {"ID": "by date", "Status": "Disabled", "Filter": {"Prefix": "é/"}, "Expiration": {"Date": MIDNIGHT}},
    {
        "ID": "<all & more>",
        "Status": "Enabled",
        "Filter": {
            "And": {
                "Prefix": "logs/",
                "ObjectSizeGreaterThan": 10,
                "ObjectSizeLessThan": 2**40,
                "Tags": [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "2"}],
            }
        },
        "Expiration": {"Days": 30},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 5},
    },
    {"ID": "tag", "Status": "Enabled", "Filter": {"Tag": {"Key": "k", "Value": "v"}}, "Expiration": {"Days": 1}},
    {"ID": "marker", "Status": "Enabled", "Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
]
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
DOCUMENT = (
    b"<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule>"
    b"</LifecycleConfiguration>"
)


def set_rules(s3: Any, bucket: str, *rules: dict[str, Any]) -> Any:
    return s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})


def error_of(call: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def test_rules_come_back_as_they_were_sent(s3: Any, bucket: str) -> None:
    assert set_rules(s3, bucket, *RULES)["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert (got["Rules"], got["TransitionDefaultMinimumObjectSize"]) == (RULES, "all_storage_classes_128K")
    assert s3.delete_bucket_lifecycle(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert error_of(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == (
        "NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist",
    )  # fmt: skip


def test_a_rule_without_an_id_is_given_one_and_the_old_form_is_kept(s3: Any, bucket: str) -> None:
    set_rules(s3, bucket, {"Status": "Enabled", "Prefix": "old/", "Expiration": {"Days": 1}})
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert len(rule.pop("ID")) == 48
    assert rule == {"Status": "Enabled", "Prefix": "old/", "Expiration": {"Days": 1}}


def test_a_thousand_rules_are_taken_and_told(s3: Any, bucket: str) -> None:
    rules = [
        {"ID": f"{number:0255}", "Status": "Enabled", "Filter": {"Prefix": "p" * 1020}, "Expiration": {"Days": 1}}
        for number in range(1000)
    ]
    set_rules(s3, bucket, *rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"Status": "On"}, ("MalformedXML", 400, MALFORMED)),
        ({"Expiration": {"Days": 0}}, ("InvalidArgument", 400, "'Days' for Expiration action must be a positive integer")),
        (
            {"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]},
            ("NotImplemented", 501, "A header you provided implies functionality that is not implemented"),
        ),
        (
            {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}, "Filter": {"Tag": {"Key": "k", "Value": ""}}},
            ("InvalidRequest", 400, "AbortIncompleteMultipartUpload cannot be specified with Tags."),
        ),
    ],
    ids=["status", "days", "transition", "tags"],
)  # fmt: skip
def test_a_wrong_rule_changes_nothing(
    s3: Any, bucket: str, change: dict[str, Any], error: tuple[str, int, str]
) -> None:
    set_rules(s3, bucket, *RULES)
    wrong = {"ID": "wrong", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}} | change
    assert error_of(set_rules, s3, bucket, wrong) == error
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == RULES


def test_answers_say_when_an_upload_and_an_object_end(s3: Any, bucket: str) -> None:
    set_rules(s3, bucket, RULES[0], {"ID": "soon", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 2}})
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"Bucket": bucket, "Key": "key"}
    created = s3.create_multipart_upload(**named)
    named_upload = named | {"UploadId": created["UploadId"]}
    for answer in (created, s3.list_parts(**named_upload)):
        assert (answer["AbortDate"], answer["AbortRuleId"]) == (today + timedelta(days=8), "abort")
    etag = s3.upload_part(**named_upload, PartNumber=1, Body=b"abc")["ETag"]
    listed = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    answers = [s3.complete_multipart_upload(**named_upload, MultipartUpload=listed), s3.put_object(**named, Body=b"")]
    answers += [s3.head_object(**named), s3.get_object(**named)]
    answers[-1]["Body"].read()
    for answer in answers:
        found = re.fullmatch(r'expiry-date="(.*) GMT", rule-id="soon"', answer["Expiration"])
        assert found is not None
        assert datetime.strptime(found[1], "%a, %d %b %Y %H:%M:%S").replace(tzinfo=UTC) == today + timedelta(days=3)


@pytest.fixture
def raw(any_server: Host, clients: Callable[..., Any]) -> tuple[Raw, str]:
    """A server for requests by hand, and a bucket in it."""
    assert any_server.server is not None
    return Raw(any_server.server.port, any_server.pair), new_bucket(clients(any_server))


def put_document(raw: tuple[Raw, str], **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return raw[0].send(Call("PUT", f"/{raw[1]}", "lifecycle", sent, DOCUMENT))


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def test_lifecycle_rules_come_with_a_checksum_of_any_kind(raw: tuple[Raw, str]) -> None:
    good = [
        {"content_md5": md5(DOCUMENT)},
        {"x_amz_checksum_crc32": crc32(DOCUMENT)},
        {"x_amz_checksum_sha1": base64.b64encode(hashlib.sha1(DOCUMENT).digest()).decode()},
        {"x_amz_checksum_crc32": crc32(DOCUMENT), "x_amz_sdk_checksum_algorithm": "CRC32"},
        {"x_amz_checksum_crc32": crc32(DOCUMENT), "content_md5": md5(DOCUMENT)},
    ]
    assert [put_document(raw, **headers).status for headers in good] == [200] * len(good)


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        ({}, "InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"),
        ({"content_md5": md5(b"")}, "BadDigest", "The Content-MD5 you specified did not match what we received."),
        (
            {"x_amz_checksum_crc32": crc32(b"")},
            "BadDigest",
            "The CRC32 you specified did not match the calculated checksum.",
        ),
        ({"x_amz_checksum_crc32": "AAAA"}, "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."),
    ],
    ids=["none", "md5", "crc32", "short"],
)
def test_a_document_that_is_not_what_was_promised_is_refused(
    raw: tuple[Raw, str], headers: dict[str, str], code: str, message: str
) -> None:
    error = put_document(raw, **headers).error
    assert (error["Code"], error["Message"]) == (code, message)
    assert raw[0].send(Call("GET", f"/{raw[1]}", "lifecycle")).error["Code"] == "NoSuchLifecycleConfiguration"
