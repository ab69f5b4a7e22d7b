"""Which actions a request needs on which resources: each is asked for, and without any one of them nothing happens."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from engine import Store
from engine.s3.http import Request
from engine.s3.sigv4 import Identity, Verifier
from engine.server.application import Application
from engine.server.operations import SERVED
from tests.support.stores import contents_of
from tests.support.uploads import begin
from tests.support.wire import client

BUCKET = "arn:aws:s3:::bucket"
KEY = BUCKET + "/key"
Call = tuple[str, dict[str, Any]]
CALLS: list[tuple[str, dict[str, Any], set[tuple[str, str]]]] = [
    ("abort_multipart_upload", {"UploadId": "UPLOAD"}, {("s3:AbortMultipartUpload", KEY)}),
    (
        "complete_multipart_upload",
        {"UploadId": "UPLOAD", "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": "PART"}]}},
        {("s3:PutObject", KEY)},
    ),
    ("copy_object", {"CopySource": "bucket/key"}, {("s3:PutObject", BUCKET + "/other"), ("s3:GetObject", KEY)}),
    ("create_bucket", {"Bucket": "another"}, {("s3:CreateBucket", "arn:aws:s3:::another")}),
    ("create_multipart_upload", {}, {("s3:PutObject", KEY)}),
    ("delete_bucket", {"Bucket": "empty"}, {("s3:DeleteBucket", "arn:aws:s3:::empty")}),
    ("delete_object", {}, {("s3:DeleteObject", KEY)}),
    ("get_bucket_location", {}, {("s3:GetBucketLocation", BUCKET)}),
    ("get_object", {}, {("s3:GetObject", KEY)}),
    ("head_bucket", {}, {("s3:ListBucket", BUCKET)}),
    ("head_object", {}, {("s3:GetObject", KEY)}),
    ("list_buckets", {}, {("s3:ListAllMyBuckets", "arn:aws:s3:::*")}),
    ("list_multipart_uploads", {}, {("s3:ListBucketMultipartUploads", BUCKET)}),
    ("list_objects", {}, {("s3:ListBucket", BUCKET)}),
    ("list_objects_v2", {}, {("s3:ListBucket", BUCKET)}),
    ("list_parts", {"UploadId": "UPLOAD"}, {("s3:ListMultipartUploadParts", KEY)}),
    ("put_object", {"Body": b"new"}, {("s3:PutObject", KEY)}),
    ("upload_part", {"UploadId": "UPLOAD", "PartNumber": 2, "Body": b"x"}, {("s3:PutObject", KEY)}),
    (
        "upload_part_copy",
        {"UploadId": "UPLOAD", "PartNumber": 2, "CopySource": "bucket/key"},
        {("s3:PutObject", KEY), ("s3:GetObject", KEY)},
    ),
]
"""Source: "Permissions" on the operations' API pages."""
WITHOUT_KEY = {name for name, *_ in CALLS if "bucket" in name or (name.startswith("list_") and name != "list_parts")}


class Gatekeeper:
    """An authorizer that refuses some actions, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str]] = set()

    def __call__(self, identity: Identity, action: str, resource: str) -> bool:
        self.asked.add((action, resource))
        return (action, resource) not in self.refused


class Body(io.BytesIO):
    """A request's body."""

    length: int | None = None
    at_end = True


@pytest.fixture
def gatekeeper() -> Gatekeeper:
    return Gatekeeper()


@pytest.fixture
def s3(tiny: Store, bucket: str, gatekeeper: Gatekeeper) -> Iterator[Any]:
    application = Application(tiny, Verifier(lambda _: None, "us-east-1", allow_anonymous=True), gatekeeper)

    def answer(request: Request, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        unsigned = {"authorization", "x-amz-date", "x-amz-content-sha256"}
        headers = tuple((name, value) for name, value in request.headers if name not in unsigned)
        raw = Body(body)
        raw.length = len(body)
        request = Request(request.method, request.raw_path, request.raw_query, headers, "http", "127.0.0.1")
        response = application.handle(request, raw)
        whole = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        return response.status, response.headers, whole

    tiny.put_object(bucket, "key", b"body")
    tiny.create_bucket("empty")
    return client(answer)


def arguments(name: str, given: dict[str, Any], store: Store) -> dict[str, Any]:
    """A call's arguments, with an upload of one part made for it where it names one."""
    found = {"Bucket": "bucket"} | given
    if name in ("list_buckets",):
        del found["Bucket"]
    if name == "copy_object":
        found["Key"] = "other"
    elif name not in WITHOUT_KEY:
        found.setdefault("Key", "key")
    if "UploadId" in given:
        upload = begin(store, "bucket")
        found["UploadId"] = upload.upload_id
        etag = upload.part(1, b"part").etag
        if "MultipartUpload" in given:
            found["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    return found


@pytest.mark.parametrize(("name", "given", "needed"), CALLS, ids=[name for name, *_ in CALLS])
def test_an_operation_asks_for_its_actions_and_no_others(
    s3: Any, tiny: Store, gatekeeper: Gatekeeper, name: str, given: dict[str, Any], needed: set[tuple[str, str]]
) -> None:
    getattr(s3, name)(**arguments(name, given, tiny))
    assert gatekeeper.asked == needed


@pytest.mark.parametrize(
    ("name", "given", "missing"),
    [(name, given, permission) for name, given, needed in CALLS for permission in sorted(needed)],
    ids=[f"{name}-{action}" for name, _, needed in CALLS for action, _ in sorted(needed)],
)
def test_an_operation_without_one_of_its_actions_does_nothing(
    s3: Any, tiny: Store, gatekeeper: Gatekeeper, name: str, given: dict[str, Any], missing: tuple[str, str]
) -> None:
    found = arguments(name, given, tiny)
    before = contents_of(tiny)
    gatekeeper.refused = {missing}
    assert code_of(getattr(s3, name), **found) in ("AccessDenied", "403")
    assert contents_of(tiny) == before


ELSEWHERE = {"DeleteObjects"}
"""Asked for more than one thing: below."""


def test_every_operation_served_is_in_the_table() -> None:
    assert {xform_name(name) for name in SERVED.keys() - ELSEWHERE} == {name for name, *_ in CALLS}


def test_deleting_many_asks_for_each_key(s3: Any, tiny: Store, gatekeeper: Gatekeeper) -> None:
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "key"}, {"Key": "other"}]})
    assert gatekeeper.asked == {("s3:DeleteObject", KEY), ("s3:DeleteObject", BUCKET + "/other")}


@pytest.mark.parametrize("name", ["get_object", "head_object"])
def test_who_may_not_list_does_not_learn_that_a_key_is_absent(s3: Any, gatekeeper: Gatekeeper, name: str) -> None:
    read = getattr(s3, name)
    assert code_of(read, Bucket="bucket", Key="absent") in ("NoSuchKey", "404")
    gatekeeper.refused = {("s3:ListBucket", BUCKET)}
    assert code_of(read, Bucket="bucket", Key="absent") in ("AccessDenied", "403")
    read(Bucket="bucket", Key="key")


def test_who_may_not_list_the_source_of_a_copy_does_not_learn_that_it_is_absent(
    s3: Any, gatekeeper: Gatekeeper
) -> None:
    named = {"Bucket": "empty", "Key": "copy", "CopySource": "bucket/absent"}
    assert code_of(s3.copy_object, **named) == "NoSuchKey"
    gatekeeper.refused = {("s3:ListBucket", BUCKET)}
    assert code_of(s3.copy_object, **named) == "AccessDenied"


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])
