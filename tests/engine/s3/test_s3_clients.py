"""botocore's own client against our parser and serialiser, without a socket: keys, hosts, encodings and errors arrive intact."""

import io
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus, urlsplit

import pytest
from botocore.exceptions import ClientError

from engine.errors import MalformedXML, NoSuchKey, S3Error
from engine.s3.http import Request
from engine.s3.model import OPERATIONS, Operation
from engine.s3.parsing import body_kind
from engine.s3.routing import locate, route
from engine.s3.serialising import serialise_error, serialise_output
from tests.support.parsing import parse_input
from tests.support.wire import Answer, client

KEYS = [
    "a",
    "/a",
    "a/",
    "//",
    "a//b",
    "..",
    "../../etc/passwd",
    "./a/../b",
    "a b+c%20d%2Fe",
    "ü/日本/🦄",
    "?uploads&x=1#y",
    "a\\b:c;d=e,f@g!h$i'(j)*~_-.k[l]{m}|n^o`p\"q<r>",
    "\r\n\t\x01\x7f",
    "uploads",
    "%",
    "a" * 1024,
]


class Catcher:
    """A host that reads what the client sends, and gives a prepared answer."""

    def __init__(self, **options: Any) -> None:
        self.operation: Operation | None = None
        self.inputs: dict[str, Any] = {}
        self.result: object = None
        self.error: S3Error | None = None
        self.aliases: dict[str, str] = {}
        self.client = client(self._answer, **options)

    def _answer(self, request: Request, body: bytes) -> Answer:
        self.read(request, body)
        assert self.operation is not None
        if self.error is not None:
            status, headers, document = serialise_error(self.error, request_id="R1", host_id="H1")
            return status, headers, b"" if request.method == "HEAD" else document
        return serialise_output(self.operation, self.result)

    def read(self, request: Request, body: bytes) -> None:
        address = locate(request, ("s3.test",), self.aliases)
        self.operation = route(request, address)
        document = body if body_kind(self.operation) == "document" else None
        self.inputs = parse_input(self.operation, request, address, document)


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("key", KEYS, ids=ascii)
def test_a_key_arrives_as_it_was_given(style: str, key: str) -> None:
    catcher = Catcher(addressing_style=style)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("put_object", {"Body": b"x"}),
        ("get_object", {"PartNumber": 3}),
        ("upload_part", {"UploadId": "u+/=&", "PartNumber": 1, "Body": b"x"}),
        ("list_parts", {"UploadId": "u+/=&"}),
        ("create_multipart_upload", {}),
        ("delete_object", {}),
    ]
    for method, more in calls:
        catcher.result = SimpleNamespace()
        getattr(catcher.client, method)(Bucket="my-bucket", Key=key, **more)
        assert catcher.operation is not None
        assert catcher.operation.name.lower() == method.replace("_", "")
        assert (catcher.inputs["bucket"], catcher.inputs["key"]) == ("my-bucket", key)
        assert catcher.inputs.get("upload_id") == more.get("UploadId")


@pytest.mark.parametrize("prefix", ["a b", "a+b", "ü/", "%20", "&=", "a/b//", ""])
def test_a_prefix_arrives_as_it_was_given(prefix: str) -> None:
    catcher = Catcher()
    catcher.client.list_objects_v2(Bucket="bucket", Prefix=prefix, Delimiter="/", MaxKeys=5, FetchOwner=True)
    assert catcher.inputs == {
        "bucket": "bucket",
        "prefix": prefix,
        "delimiter": "/",
        "max_keys": 5,
        "fetch_owner": True,
        "encoding_type": "url",
    }


@pytest.mark.parametrize(
    ("arn", "label"),
    [
        ("arn:aws:s3:us-east-1:123456789012:accesspoint/ap", "ap-123456789012"),
        (
            "arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-01234567890123456/accesspoint/ap",
            "ap-123456789012.op-01234567890123456",
        ),
    ],
)
def test_an_access_point_and_an_outpost_lead_to_the_bucket_behind_them(arn: str, label: str) -> None:
    catcher = Catcher(addressing_style="virtual")
    catcher.aliases = {label: "behind"}
    catcher.client.get_object(Bucket=arn, Key="a/b")
    assert (catcher.inputs["bucket"], catcher.inputs["key"]) == ("behind", "a/b")


def test_what_travels_with_an_object_arrives_as_text() -> None:
    catcher = Catcher()
    catcher.client.put_object(
        Bucket="bucket",
        Key="key",
        Body=b"x",
        Metadata={"Some-Name": "some value"},
        Expires=datetime(2030, 1, 1, tzinfo=UTC),
        ContentDisposition='attachment; filename="a b"',
        CacheControl="no-cache, max-age=5",
    )
    kept = ("metadata", "expires", "content_disposition", "cache_control", "content_length")
    assert {name: catcher.inputs[name] for name in kept} == {
        "metadata": {"some-name": "some value"},
        "expires": "Tue, 01 Jan 2030 00:00:00 GMT",
        "content_disposition": 'attachment; filename="a b"',
        "cache_control": "no-cache, max-age=5",
        "content_length": 1,
    }


def test_the_chunks_that_todays_clients_send_leave_no_mark_in_the_objects_encoding() -> None:
    catcher = Catcher(endpoint="https://s3.test")
    catcher.client.put_object(Bucket="bucket", Key="key", Body=io.BytesIO(b"x"), ContentEncoding="gzip")
    assert (catcher.inputs["content_encoding"], catcher.inputs["checksum_algorithm"]) == ("gzip", "CRC32")
    catcher.client.put_object(Bucket="bucket", Key="key", Body=io.BytesIO(b"x"))
    assert "content_encoding" not in catcher.inputs


@pytest.mark.parametrize("key", ["a\r\nb", "a&b<c>\"d'", " a ", "ü", "\t"])
def test_keys_to_be_deleted_arrive_as_they_were_given(key: str) -> None:
    catcher = Catcher()
    catcher.client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": key}], "Quiet": True})
    assert catcher.inputs["delete"] == {"objects": [{"key": key}], "quiet": True}


def test_a_key_to_be_deleted_that_xml_cannot_hold_is_malformed_as_the_client_writes_it() -> None:
    with pytest.raises(MalformedXML):
        Catcher().client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "\x01"}]})


@pytest.mark.parametrize("name", ["list_objects", "list_objects_v2"])
def test_a_listing_with_url_encoding_shows_keys_that_xml_cannot_hold(name: str) -> None:
    keys = ["\x01\x02", "a b+c", "ü/\r\n", "\ufffe", "%41"]
    catcher = Catcher()
    catcher.result = SimpleNamespace(
        encoding_type="url",
        contents=[SimpleNamespace(key=quote_plus(key, safe="/")) for key in keys],
        common_prefixes=[SimpleNamespace(prefix=quote_plus("p +/"))],
    )
    listed = getattr(catcher.client, name)(Bucket="bucket")
    assert [one["Key"] for one in listed["Contents"]] == keys
    assert listed["CommonPrefixes"] == [{"Prefix": "p +/"}]


@pytest.mark.parametrize(("location", "read"), [(None, None), ("us-east-1", None), ("eu-west-1", "eu-west-1")])
def test_the_client_reads_where_a_bucket_is(location: str | None, read: str | None) -> None:
    catcher = Catcher()
    catcher.result = SimpleNamespace(location_constraint=location)
    assert catcher.client.get_bucket_location(Bucket="bucket")["LocationConstraint"] == read


def test_the_client_reads_an_error_with_its_elements_and_ids() -> None:
    catcher = Catcher()
    catcher.error = NoSuchKey(Key="a&b")
    with pytest.raises(catcher.client.exceptions.NoSuchKey) as caught:
        catcher.client.get_object(Bucket="bucket", Key="a&b")
    response = caught.value.response
    assert response["Error"] == {"Code": "NoSuchKey", "Message": "The specified key does not exist.", "Key": "a&b"}
    metadata = response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RequestId"], metadata["HostId"]) == (404, "R1", "H1")


def test_an_error_to_a_head_is_its_status_alone() -> None:
    catcher = Catcher()
    catcher.error = NoSuchKey(Key="a")
    with pytest.raises(ClientError) as caught:
        catcher.client.head_object(Bucket="bucket", Key="a")
    assert caught.value.response["Error"] == {"Code": "404", "Message": "Not Found"}


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_a_presigned_url_says_the_same_as_the_call(style: str) -> None:
    catcher = Catcher(addressing_style=style, signature_version="s3v4")
    url = catcher.client.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": "bucket",
            "Key": "a b+c/../ü",
            "ResponseContentDisposition": 'attachment; filename="a +.txt"',
            "ResponseExpires": datetime(2030, 1, 1, tzinfo=UTC),
            "PartNumber": 2,
        },
    )
    parts = urlsplit(url)
    headers = (("host", parts.netloc),)
    catcher.read(Request("GET", parts.path.encode(), parts.query.encode(), headers, "http", ""), b"")
    assert catcher.operation is OPERATIONS["GetObject"]
    assert catcher.inputs == {
        "bucket": "bucket",
        "key": "a b+c/../ü",
        "response_content_disposition": 'attachment; filename="a +.txt"',
        "response_expires": datetime(2030, 1, 1, tzinfo=UTC),
        "part_number": 2,
    }
