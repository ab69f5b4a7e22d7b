"""Documents in aws-chunked bodies: a checksum behind one is the document's own, whatever the operation."""

import base64
import io
import zlib

import pytest

from engine import Store
from engine.s3.sigv4 import Verifier
from engine.server.application import Application
from engine.server.options import ServerOptions
from tests.support.uploads import begin
from tests.support.wire import make_request


class Body(io.BytesIO):
    """A request's body."""

    length: int | None = None
    at_end = True

    def has_client_left(self) -> bool:
        return False


@pytest.mark.parametrize("good", [True, False])
def test_trailer_behind_the_list_of_a_complete_is_compared(tiny: Store, bucket: str, good: bool) -> None:
    upload = begin(tiny, bucket)
    etag = upload.part(1, b"part").etag
    listed = (
        f"<CompleteMultipartUpload><Part><ETag>{etag}</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"
    )
    crc = base64.b64encode(zlib.crc32(listed.encode() if good else b"other").to_bytes(4, "big")).decode()
    framed = f"{len(listed):x}\r\n{listed}\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(listed)),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    request = make_request("POST", f"/{bucket}/key?uploadId={upload.upload_id}", headers)
    body = Body(framed)
    body.length = len(framed)
    verifier = Verifier(lambda _: None, "us-east-1", allow_anonymous=True)
    application = Application(tiny, verifier, lambda *_: True, ServerOptions(region=None))
    response = application.handle(request, body)
    assert isinstance(response.body, bytes)
    assert (response.status, b"<Code>BadDigest</Code>" in response.body) == ((200, False) if good else (400, True))
    assert len(tiny.list_multipart_uploads(bucket).uploads or ()) == (0 if good else 1)


@pytest.mark.parametrize(
    ("method", "target", "action"),
    [
        ("PUT", "?lifecycle", "s3:PutLifecycleConfiguration"),
        ("PUT", "/key?tagging", "s3:PutObjectTagging"),
        ("POST", "/key?uploadId=x", "s3:PutObject"),
    ],
)
def test_a_document_is_read_only_for_who_may_send_it(
    tiny: Store, bucket: str, method: str, target: str, action: str
) -> None:
    class Unread(Body):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("the document was read")

    asked: list[str] = []

    def refuse(identity: object, action: str, resource: str) -> bool:
        asked.append(action)
        return False

    verifier = Verifier(lambda _: None, "us-east-1", allow_anonymous=True)
    application = Application(tiny, verifier, refuse, ServerOptions(region=None))
    body = Unread()
    body.length = 1000
    response = application.handle(make_request(method, f"/{bucket}{target}"), body)
    assert (response.status, asked) == (403, [action])
