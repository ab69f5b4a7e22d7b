"""Customers' keys on their way through the server: over what connection, by whose leave, and where their text must never be seen."""

import base64
import gc
import hashlib
import logging
import traceback
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import engine
from engine.encryption.customer_keys import CustomerKey
from engine.s3.sigv4 import Identity
from tests.support.calls import client_of
from tests.support.customers import KEY, OTHER_RAW, RAW, of_source, some_bytes
from tests.support.stores import contents_of
from tests.support.uploads import begin, read

SENT: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": RAW}
SOURCE: dict[str, Any] = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": RAW}
NAMED: dict[str, Any] = {"Bucket": "bucket", "Key": "key"}
ACTION = "partwright:UseCustomerKey"
ARN = "arn:aws:s3:::bucket/"


class Gatekeeper:
    """Refuses some actions."""

    def __init__(self, *refused: tuple[str, str]) -> None:
        self.refused = set(refused)

    def __call__(self, identity: Identity, action: str, resource: str) -> bool:
        return (action, resource) not in self.refused


def refusal_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture(autouse=True)
def _bucket(bucket: str) -> None:
    """Each test has one."""


@pytest.mark.parametrize(
    ("scheme", "options", "is_taken"),
    [("http", {}, False), ("https", {}, True), ("http", {"customer_keys_in_clear": True}, True)],
)
def test_a_key_comes_over_a_secure_connection_or_where_clear_is_allowed(
    tiny: engine.Store, scheme: str, options: dict[str, Any], is_taken: bool
) -> None:
    s3 = client_of(tiny, Gatekeeper(), scheme, **options)
    if is_taken:
        s3.put_object(**NAMED, Body=b"body", **SENT)
        assert read(tiny, "bucket", "key", **KEY) == b"body"
    else:
        before = contents_of(tiny)
        code, message = refusal_of(s3.put_object, **NAMED, Body=b"body", **SENT)
        assert (code, message.endswith("must be made over a secure connection.")) == ("InvalidRequest", True)
        assert contents_of(tiny) == before


def test_a_request_with_a_key_needs_an_action_more(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "source", b"body", **KEY)
    upload = begin(tiny, "bucket", "upload", **KEY)
    of_upload = {"Bucket": "bucket", "Key": "upload", "UploadId": upload.upload_id, "PartNumber": 1}
    copy = {"CopySource": "bucket/source"}
    s3 = client_of(tiny, Gatekeeper(*((ACTION, ARN + key) for key in ("key", "upload", "source"))), "https")
    before = contents_of(tiny)
    calls: list[tuple[Any, dict[str, Any]]] = [
        (s3.put_object, NAMED | SENT),
        (s3.create_multipart_upload, NAMED | SENT),
        (s3.copy_object, NAMED | copy | SENT),
        (s3.copy_object, NAMED | copy | SOURCE),
        (s3.upload_part, of_upload | SENT),
        (s3.upload_part_copy, of_upload | copy | SENT),
        (s3.get_object, {"Bucket": "bucket", "Key": "source"} | SENT),
    ]
    for call, arguments in calls:
        assert refusal_of(call, **arguments) == ("AccessDenied", "Access Denied")
    assert contents_of(tiny) == before
    s3.put_object(**NAMED, Body=b"clear")


def test_tags_of_a_sealed_source_come_along_only_where_they_may(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "source", b"body", tagging="a=b", **KEY)
    s3 = client_of(tiny, Gatekeeper(("s3:GetObjectTagging", ARN + "source")), "https")
    assert refusal_of(s3.copy_object, **NAMED, CopySource="bucket/source", **SOURCE)[0] == "AccessDenied"
    s3.copy_object(**NAMED, CopySource="bucket/source", TaggingDirective="REPLACE", **SOURCE)


@pytest.mark.parametrize(("allows", "is_taken"), [(False, False), (True, True)])
def test_a_bucket_made_over_the_wire_takes_keys_only_if_the_server_says_so(
    tiny: engine.Store, allows: bool, is_taken: bool
) -> None:
    s3 = client_of(tiny, Gatekeeper(), "https", customer_keys_in_new_buckets=allows)
    s3.create_bucket(Bucket="new")
    if is_taken:
        s3.put_object(Bucket="new", Key="key", Body=b"body", **SENT)
        return
    code, message = refusal_of(s3.put_object, Bucket="new", Key="key", Body=b"body", **SENT)
    assert (code, "has blocked upload requests" in message) == ("AccessDenied", True)
    (rule,) = s3.get_bucket_encryption(Bucket="new")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule == {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    unblocked = {"Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]}
    s3.put_bucket_encryption(Bucket="new", ServerSideEncryptionConfiguration=unblocked)
    s3.put_object(Bucket="new", Key="key", Body=b"body", **SENT)


def test_an_attached_client_stores_and_reads_with_a_key(tiny: engine.Store) -> None:
    s3 = boto3.session.Session(region_name="us-east-1").client("s3")
    engine.attach(s3, tiny)
    upload = NAMED | {"UploadId": s3.create_multipart_upload(**NAMED, **SENT)["UploadId"]}
    bodies = [some_bytes(70_000), some_bytes(20)]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body, **SENT)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    got = s3.get_object(**NAMED, Range="bytes=65530-70005", **SENT)
    assert got["Body"].read() == b"".join(bodies)[65_530:70_006]
    assert got["SSECustomerKeyMD5"] == base64.b64encode(hashlib.md5(RAW).digest()).decode()
    assert read(tiny, "bucket", "key", **KEY) == b"".join(bodies)
    assert refusal_of(s3.get_object, **NAMED)[0] == "InvalidRequest"
    s3.close()


def forms_of(raw: bytes) -> list[str]:
    """How a key and its MD5 may be written."""
    both = (raw, hashlib.md5(raw).digest())
    return [form for data in both for form in (data.hex(), base64.b64encode(data).decode(), repr(data)[2:-1])]


def test_no_log_error_or_traceback_holds_a_key(tiny: engine.Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="partwright")
    s3 = client_of(tiny, Gatekeeper(), "https")
    tiny.put_object("bucket", "key", some_bytes(50_000), **KEY)
    told = []
    other = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": OTHER_RAW}
    short, unlike = other | {"SSECustomerKey": RAW[:31]}, SENT | {"SSECustomerAlgorithm": "KMS"}
    for said in (other, short, unlike, {"SSECustomerAlgorithm": "AES256"}):
        with pytest.raises(ClientError) as caught:
            s3.get_object(**NAMED, **said)
        told.append(str(caught.value.response["Error"]))
    for call in (
        lambda: read(tiny, "bucket", "key", **KEY | {"sse_customer_key": OTHER_RAW}),
        lambda: tiny.copy_object("bucket", "x", "bucket/key", **of_source(KEY), sse_customer_algorithm="AES256"),
        lambda: tiny.put_object("bucket", "x", b"", **KEY | {"sse_customer_key_md5": "x"}),
        lambda: tiny.put_object("bucket", "x", iter([b"x", 1]), **KEY),  # type: ignore[list-item]
    ):
        try:
            call()
        except Exception as error:
            told.append("".join(traceback.format_exception(error)) + repr(error))
    assert len(told) == 8
    text = "\n".join(told) + caplog.text
    for form in (*forms_of(RAW), *forms_of(OTHER_RAW), *forms_of(RAW[:31])):
        assert form not in text


def test_every_key_is_wiped_after_its_request(tiny: engine.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[CustomerKey] = []
    begin_key = CustomerKey.__init__

    def remembering(self: CustomerKey, *given: Any) -> None:
        begin_key(self, *given)
        made.append(self)

    monkeypatch.setattr(CustomerKey, "__init__", remembering)
    s3 = client_of(tiny, Gatekeeper(), "https")
    s3.put_object(**NAMED, Body=b"body", **SENT)
    s3.get_object(**NAMED, **SENT)["Body"].read()
    s3.head_object(**NAMED, **SENT)
    for said in ({}, SOURCE):
        with pytest.raises(ClientError):
            s3.copy_object(Bucket="nowhere", Key="key", CopySource="bucket/key", **said, **SENT)
    assert len(made) == 6
    for key in made:
        with pytest.raises(ValueError, match="the key is closed"):
            key.secret.md5()
    gc.collect()


def test_the_key_of_a_copys_source_comes_over_a_secure_connection_too(tiny: engine.Store) -> None:
    tiny.put_object("bucket", "source", b"body", **KEY)
    s3 = client_of(tiny, Gatekeeper(), "http")
    code, message = refusal_of(s3.copy_object, **NAMED, CopySource="bucket/source", **SOURCE)
    assert (code, message.endswith("must be made over a secure connection.")) == ("InvalidRequest", True)


def test_a_part_may_not_say_how_it_is_encrypted(tiny: engine.Store) -> None:
    upload = begin(tiny, "bucket", "upload")
    tiny.put_object("bucket", "source", b"body")
    s3 = client_of(tiny, Gatekeeper(), "https")
    s3.meta.events.register(
        "before-call.s3", lambda params, **_: params["headers"].update({"x-amz-server-side-encryption": "AES256"})
    )
    named = {"Bucket": "bucket", "Key": "upload", "UploadId": upload.upload_id, "PartNumber": 1}
    before = contents_of(tiny)
    for call, arguments in ((s3.upload_part, {"Body": b"x"}), (s3.upload_part_copy, {"CopySource": "bucket/source"})):
        code, message = refusal_of(call, **named, **arguments)
        assert (code, message) == (
            "InvalidArgument",
            "x-amz-server-side-encryption header is not supported for this operation.",
        )
    assert contents_of(tiny) == before
