"""Answers and errors to the byte; and XML is never ill-formed, nor does a header end early."""

import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.errors import InvalidArgument, NoSuchUpload, S3Error, StoreFull
from engine.s3.model import OPERATIONS
from engine.s3.routing import Address
from engine.s3.serialising import XML_DECLARATION, serialise_error, serialise_output
from engine.shapes.fixed_setting_answers import GetBucketAclOutput, Grant, Grantee
from tests.support.parsing import parse_input
from tests.support.wire import SERVED, make_request

MOMENT = datetime(2026, 11, 22, 12, 0, 1, 234567, tzinfo=UTC)
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
XML = ("Content-Type", "application/xml")


def answer(name: str, **attributes: Any) -> tuple[int, list[tuple[str, str]], str]:
    status, headers, body = serialise_output(OPERATIONS[name], SimpleNamespace(**attributes))
    return status, headers, body.decode()


def test_a_new_upload_is_answered_as_s3_does() -> None:
    result = engine.CreateMultipartUploadOutput("bucket", "a<b>&\"c'", "u")
    status, headers, body = serialise_output(OPERATIONS["CreateMultipartUpload"], result)
    assert (status, headers) == (200, [XML])
    assert body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<InitiateMultipartUploadResult {XMLNS}><Bucket>bucket</Bucket><Key>a&lt;b&gt;&amp;&quot;c'</Key>"
        "<UploadId>u</UploadId></InitiateMultipartUploadResult>"
    )


def test_a_part_is_answered_by_headers_alone() -> None:
    assert serialise_output(OPERATIONS["UploadPart"], engine.UploadPartOutput('"abc"')) == (
        200,
        [("ETag", '"abc"')],
        b"",
    )


def test_an_abort_is_answered_by_204_and_nothing() -> None:
    assert serialise_output(OPERATIONS["AbortMultipartUpload"], None) == (204, [], b"")


def test_lists_flags_numbers_and_dates_are_written_as_s3_does() -> None:
    owner = engine.Owner("o")
    parts = (engine.Part(1, MOMENT, '"a"', 5), engine.Part(2, MOMENT, '"b"', 0))
    result = engine.ListPartsOutput(
        "bucket", "key", "u", 0, 2, 1000, False, engine.Initiator("i"), owner, "STANDARD", parts
    )
    _, _, body = serialise_output(OPERATIONS["ListParts"], result)
    assert body.decode().removeprefix(XML_DECLARATION.decode()) == (
        f"<ListPartsResult {XMLNS}><Bucket>bucket</Bucket><Key>key</Key><UploadId>u</UploadId>"
        "<PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>1000</MaxParts>"
        "<IsTruncated>false</IsTruncated>"
        "<Part><PartNumber>1</PartNumber><LastModified>2026-11-22T12:00:01.234Z</LastModified><ETag>&quot;a&quot;</ETag>"
        "<Size>5</Size></Part>"
        "<Part><PartNumber>2</PartNumber><LastModified>2026-11-22T12:00:01.234Z</LastModified><ETag>&quot;b&quot;</ETag>"
        "<Size>0</Size></Part>"
        "<Initiator><ID>i</ID></Initiator><Owner><ID>o</ID></Owner><StorageClass>STANDARD</StorageClass></ListPartsResult>"
    )


@pytest.mark.parametrize(("location", "shown"), [(None, ""), ("us-east-1", ""), ("", ""), ("eu-west-1", "eu-west-1")])
def test_a_location_is_the_root_itself_and_empty_for_us_east_1(location: str | None, shown: str) -> None:
    status, headers, body = answer("GetBucketLocation", location_constraint=location)
    assert (status, headers) == (200, [XML])
    assert body == f"{XML_DECLARATION.decode()}<LocationConstraint {XMLNS}>{shown}</LocationConstraint>"


def test_a_grantee_has_its_type_in_its_tag() -> None:
    """Source: API page GetBucketAcl, "Sample Response"."""
    result = GetBucketAclOutput(engine.Owner("o"), (Grant(Grantee("g", 'a"b'), "READ"),))
    _, _, body = serialise_output(OPERATIONS["GetBucketAcl"], result)
    assert body.decode().removeprefix(XML_DECLARATION.decode()) == (
        f"<AccessControlPolicy {XMLNS}><Owner><ID>o</ID></Owner><AccessControlList><Grant>"
        '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="a&quot;b"><ID>g</ID></Grantee>'
        "<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )


def test_the_roots_are_s3s() -> None:
    roots = {}
    for name in set(SERVED) - {"GetBucketPolicy"}:  # its answer is no XML
        payload = OPERATIONS[name].output_payload
        result = SimpleNamespace(**{payload.attribute: SimpleNamespace()} if payload is not None else {})
        _, _, body = serialise_output(OPERATIONS[name], result)
        if body:
            roots[name] = ElementTree.fromstring(body).tag.removeprefix("{http://s3.amazonaws.com/doc/2006-03-01/}")
    assert roots == {
        "CompleteMultipartUpload": "CompleteMultipartUploadResult",
        "CopyObject": "CopyObjectResult",
        "CreateMultipartUpload": "InitiateMultipartUploadResult",
        "DeleteObjects": "DeleteResult",
        "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
        "GetBucketAcl": "AccessControlPolicy",
        "GetBucketCors": "CORSConfiguration",
        "GetBucketEncryption": "ServerSideEncryptionConfiguration",
        "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
        "GetBucketLocation": "LocationConstraint",
        "GetBucketLogging": "BucketLoggingStatus",
        "GetBucketNotificationConfiguration": "NotificationConfiguration",
        "GetBucketOwnershipControls": "OwnershipControls",
        "GetBucketPolicyStatus": "PolicyStatus",
        "GetBucketReplication": "ReplicationConfiguration",
        "GetBucketRequestPayment": "RequestPaymentConfiguration",
        "GetBucketTagging": "Tagging",
        "GetBucketVersioning": "VersioningConfiguration",
        "GetBucketWebsite": "WebsiteConfiguration",
        "GetObjectAcl": "AccessControlPolicy",
        "GetObjectAttributes": "GetObjectAttributesResponse",
        "GetObjectLegalHold": "LegalHold",
        "GetObjectLockConfiguration": "ObjectLockConfiguration",
        "GetObjectRetention": "Retention",
        "GetObjectTagging": "Tagging",
        "GetPublicAccessBlock": "PublicAccessBlockConfiguration",
        "ListBuckets": "ListAllMyBucketsResult",
        "ListMultipartUploads": "ListMultipartUploadsResult",
        "ListObjectVersions": "ListVersionsResult",
        "ListObjects": "ListBucketResult",
        "ListObjectsV2": "ListBucketResult",
        "ListParts": "ListPartsResult",
        "UploadPartCopy": "CopyPartResult",
    }


def test_an_object_is_described_by_headers_and_a_range_of_it_has_a_status_of_its_own() -> None:
    result = engine.HeadObjectOutput(
        accept_ranges="bytes",
        last_modified=MOMENT,
        content_length=5,
        etag='"a"',
        content_type="text/plain",
        metadata={"name": "value"},
        content_range="bytes 0-4/10",
        expires="Thu, 01 Jan 1970 00:00:00 GMT",
        parts_count=2,
    )
    for name in ("HeadObject", "GetObject"):
        status, headers, body = serialise_output(OPERATIONS[name], result)
        assert (status, body) == (206, b"")
        assert sorted(headers) == [
            ("Content-Length", "5"),
            ("Content-Range", "bytes 0-4/10"),
            ("Content-Type", "text/plain"),
            ("ETag", '"a"'),
            ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("Last-Modified", "Sun, 22 Nov 2026 12:00:01 GMT"),
            ("accept-ranges", "bytes"),
            ("x-amz-meta-name", "value"),
            ("x-amz-mp-parts-count", "2"),
        ]


def test_dates_in_headers_follow_the_model() -> None:
    _, headers, _ = answer("CreateMultipartUpload", abort_date=MOMENT)
    assert ("x-amz-abort-date", "Sun, 22 Nov 2026 12:00:01 GMT") in headers
    _, headers, _ = answer("HeadObject", object_lock_retain_until_date=MOMENT, delete_marker=True)
    assert ("x-amz-object-lock-retain-until-date", "2026-11-22T12:00:01.234Z") in headers
    assert ("x-amz-delete-marker", "true") in headers


def metadata_headers(metadata: dict[str, str]) -> list[tuple[str, str]]:
    return answer("HeadObject", metadata=metadata)[1]


def test_metadata_beyond_ascii_goes_through_as_in_the_user_guides_example() -> None:
    sent = "ÄMÄZÕÑ S3".encode().decode("latin-1")
    request = make_request("PUT", "/bucket/key", {"x-amz-meta-nonascii": sent, "x-amz-meta-ascii": "AMAZONS3"})
    inputs: Any = parse_input(OPERATIONS["PutObject"], request, Address("bucket", "key"), None)
    assert metadata_headers(inputs["metadata"]) == [
        ("x-amz-meta-nonascii", "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="),
        ("x-amz-meta-ascii", "AMAZONS3"),
    ]


def test_metadata_whose_name_no_header_can_have_stays_away_and_is_counted() -> None:
    metadata = {"good": "1", "lines": "a\r\nx-evil: 1", "zero": "\0", "bad name": "1", "x\r\ny": "1", "": "1", "ü": "1"}
    assert metadata_headers(metadata) == [
        ("x-amz-meta-good", "1"),
        ("x-amz-meta-lines", "=?UTF-8?Q?a=0D=0Ax-evil:_1?="),
        ("x-amz-meta-zero", "=?UTF-8?B?AA==?="),
        ("x-amz-missing-meta", "4"),
    ]


@pytest.mark.parametrize(
    ("value", "sent"),
    [  # post_object_with_unicode_metadata, put_unicode_metadata_with_sig_s3, user_metadata_rfc2047_encoded
        ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
        ("test_—_file%E2%80%94_é_2👑.pdf",
            "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?="),
        ("non-ascii-%E2%80%94_—_é_", "=?UTF-8?Q?non-ascii-%E2%80%94=5F=E2=80=94=5F=C3=A9=5F?="),
        ("test_—_file%E2%80%94_é_2?.pdf", "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?="),
        ("\0\1\2\3\4", "=?UTF-8?B?AAECAwQ=?="),
        ("\ufffda\ufffd", "=?UTF-8?B?77+9Ye+/vQ==?="),
        ("=?UTF-8?B?YWJj?=", "=?UTF-8?B?YWJj?="),
        ("! \"#$%&'()*+,-./0123456789:;<>'?@[\\]^_`{|}~\t", "! \"#$%&'()*+,-./0123456789:;<>'?@[\\]^_`{|}~\t"),
    ],
)  # fmt: skip
def test_metadata_is_encoded_as_aws_encodes_it(value: str, sent: str) -> None:
    assert metadata_headers({"name": value}) == [("x-amz-meta-name", sent)]
    if value.isprintable() and not value.isascii():
        assert str(make_header(decode_header(sent))) == value


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_no_text_ends_a_header_early(text: str, metadata: dict[str, str]) -> None:
    _, headers, _ = answer("HeadObject", content_disposition=text, etag=text, content_type=text, metadata=metadata)
    for name, value in headers:
        assert name.isascii()
        assert name.isprintable()
        held = (
            "\t" if name.startswith("x-amz-meta-") else ""
        )  # AWS sends a tab in metadata as it is; RFC 9110 section 5.5 allows it
        assert not any(
            (character < " " and character not in held) or character == "\x7f"
            for character in value.encode("latin-1").decode("latin-1")
        )


def test_latin_1_in_a_header_goes_out_as_it_came_in_and_the_rest_as_utf_8() -> None:
    sent = 'attachment; filename="ä\xa0日"'.encode().decode("latin-1")
    assert ("Content-Disposition", sent) in answer("HeadObject", content_disposition=sent)[1]
    assert ("Content-Disposition", "日".encode().decode("latin-1")) in answer("HeadObject", content_disposition="日")[1]


@given(st.text())
def test_no_key_makes_a_document_ill_formed(key: str) -> None:
    """A listing writes characters that XML 1.0 cannot hold as references, as AWS does; an answer about one key is valid XML 1.0."""
    _, _, body = answer("ListObjectsV2", contents=[SimpleNamespace(key=key, size=0)], prefix=key)
    listed = ElementTree.fromstring(re.sub("&#x[0-9A-F]+;", "\ufffd", body)).findtext("{*}Contents/{*}Key")
    _, _, body = answer("CreateMultipartUpload", key=key)
    alone = ElementTree.fromstring(body).findtext("{*}Key")
    for found in (listed, alone):
        assert found is not None
        assert len(found) == len(key)


def parsed_error(error: S3Error) -> tuple[int, dict[str, Any], dict[str, Any]]:
    status, headers, body = serialise_error(error, request_id="R1", host_id="H1", resource=None)
    response = {"status_code": status, "headers": dict(headers), "body": body}
    found = create_parser("rest-xml").parse(response, None)
    return status, found["Error"], found["ResponseMetadata"]


def test_an_error_is_written_in_s3s_order() -> None:
    status, headers, body = serialise_error(
        NoSuchUpload(UploadId="<u>"), request_id="R1", host_id="H1", resource="/bucket/key"
    )
    assert (status, headers) == (404, [("x-amz-request-id", "R1"), ("x-amz-id-2", "H1"), XML])
    assert body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchUpload</Code><Message>The specified upload does not exist. '
        "The upload ID may be invalid, or the upload may have been aborted or completed.</Message><UploadId>&lt;u&gt;</UploadId>"
        "<Resource>/bucket/key</Resource><RequestId>R1</RequestId><HostId>H1</HostId></Error>"
    )


def test_botocore_reads_an_error_with_all_its_elements() -> None:
    error = InvalidArgument("no", ArgumentName="max-parts", **{"Content-MD5": "x", "X-Amz-Expires": "5"})
    status, found, metadata = parsed_error(error)
    assert status == 400
    assert found == {
        "Code": "InvalidArgument",
        "Message": "no",
        "ArgumentName": "max-parts",
        "Content-MD5": "x",
        "X-Amz-Expires": "5",
    }
    assert (metadata["RequestId"], metadata["HostId"]) == ("R1", "H1")


def test_what_only_the_operator_may_know_stays_at_home() -> None:
    status, _, body = serialise_error(StoreFull(reason="/secret/disk is full"), request_id="R", host_id="H")
    assert status == 500
    assert b"<Code>InternalError</Code>" in body
    assert b"secret" not in body


@given(st.text(), st.text())
def test_no_error_is_ill_formed_whatever_the_client_sent(value: str, name: str) -> None:
    error = InvalidArgument(value, ArgumentValue=value, **{name or "x": value})
    _, _, body = serialise_error(error, request_id=value, host_id="H", resource=value)
    assert ElementTree.fromstring(body).findtext("Code") == "InvalidArgument"
