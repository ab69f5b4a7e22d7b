"""Errors over the wire to the letter: code, status, message and all further elements, as AWS sends them."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.system.clients.error_rows import BODY, ROWS, Expected
from tests.system.clients.hosts import Host
from tests.system.clients.raw import Answer, Call, Raw, receive
from tests.system.clients.servers import Pair

TOO_LONG = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"


@dataclass(frozen=True)
class Stage:
    """What stands in a server's store while errors are provoked."""

    raw: Raw
    bucket: str
    upload_id: str
    """An upload of `key` with parts 1 and 2 of ten bytes each."""

    def fill(self, text: str) -> str:
        return text.replace("BUCKET", self.bucket).replace("UPLOAD", self.upload_id)


@pytest.fixture(scope="session")
def stage(any_server: Host) -> Stage:
    assert any_server.server is not None
    s3, bucket = any_server.client(), f"errors-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="object", Body=BODY)
    upload = {"Bucket": bucket, "Key": "key"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    for number in (1, 2):
        s3.upload_part(**upload, PartNumber=number, Body=BODY)
    s3.close()
    return Stage(Raw(any_server.server.port, any_server.pair), bucket, upload["UploadId"])


@pytest.mark.parametrize(("call", "expected"), ROWS, ids=[f"{expected[0]}-{n}" for n, (_, expected) in enumerate(ROWS)])
def test_errors_to_the_letter(stage: Stage, call: Call, expected: Expected) -> None:
    code, status, message, extras = expected
    headers = {name: value and stage.fill(value) for name, value in call.headers.items()}
    sent = Call(
        call.method, stage.fill(call.path), stage.fill(call.query), headers, call.body, call.sha256, call.region
    )
    answer = stage.raw.send(sent)
    filled = {name: stage.fill(value) for name, value in extras.items()}
    assert (answer.status, answer.error) == (status, {"Code": code, "Message": message} | filled)
    check_envelope(answer, sent.path)


def check_envelope(answer: Answer, path: str) -> None:
    """Demand what every error document has."""
    assert answer.headers["content-type"] == "application/xml"
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>')
    text = answer.body.decode()
    assert f"<RequestId>{answer.headers['x-amz-request-id']}</RequestId>" in text
    assert f"<HostId>{answer.headers['x-amz-id-2']}</HostId></Error>" in text
    assert f"<Resource>{path}</Resource>" in text


def test_errors_of_a_head_have_no_body(stage: Stage) -> None:
    for path, status in ((f"/{stage.bucket}/absent", 404), (f"/{stage.bucket}/object?partNumber=x", 400)):
        target, _, query = path.partition("?")
        answer = stage.raw.send(Call("HEAD", target, query))
        assert (answer.status, answer.body) == (status, b"")


def test_wrong_secret_is_explained(stage: Stage) -> None:
    stranger = Raw(stage.raw.port, Pair(stage.raw.pair.access_key, "another"))
    answer = stranger.send(Call("GET", f"/{stage.bucket}/object"))
    error = answer.error
    assert (answer.status, error["Code"]) == (403, "SignatureDoesNotMatch")
    assert error["AWSAccessKeyId"] == stage.raw.pair.access_key
    assert error["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert error["CanonicalRequest"].startswith(f"GET\n/{stage.bucket}/object\n\nhost:127.0.0.1:")
    assert bytes.fromhex(error["StringToSignBytes"]).decode() == error["StringToSign"]
    assert bytes.fromhex(error["CanonicalRequestBytes"]).decode() == error["CanonicalRequest"]
    assert re.fullmatch("[0-9a-f]{64}", error["SignatureProvided"])


def test_unknown_access_key(stage: Stage) -> None:
    answer = Raw(stage.raw.port, Pair("AKIDUNKNOWN", "secret")).send(Call("GET", f"/{stage.bucket}/object"))
    message = "The AWS Access Key Id you provided does not exist in our records."
    assert answer.error == {"Code": "InvalidAccessKeyId", "Message": message, "AWSAccessKeyId": "AKIDUNKNOWN"}


def test_clock_far_off(stage: Stage) -> None:
    error = stage.raw.send(Call("GET", f"/{stage.bucket}/object", age=timedelta(minutes=16))).error
    assert datetime.now(UTC) - datetime.fromisoformat(error.pop("ServerTime")) < timedelta(minutes=1)
    assert datetime.now(UTC) - datetime.fromisoformat(error.pop("RequestTime")) > timedelta(minutes=15)
    assert error == {
        "Code": "RequestTimeTooSkewed",
        "Message": "The difference between the request time and the current time is too large.",
        "MaxAllowedSkewMilliseconds": "900000",
    }


def test_header_that_was_not_signed(stage: Stage) -> None:
    error = stage.raw.send(Call("GET", f"/{stage.bucket}/object"), x_amz_meta_a="b").error
    assert error == {
        "Code": "AccessDenied",
        "Message": "There were headers present in the request which were not signed",
        "HeadersNotSigned": "x-amz-meta-a",
    }


def test_no_signature_at_all(stage: Stage) -> None:
    with stage.raw.connection() as connection:
        connection.sendall(f"GET /{stage.bucket}/object HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        answer = receive(connection)
    assert (answer.status, answer.error) == (403, {"Code": "AccessDenied", "Message": "Access Denied"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("X-Amz-Expires=60", "X-Amz-Expires=604801"), TOO_LONG),
        (("X-Amz-Expires=60", "X-Amz-Expires=-1"), "X-Amz-Expires must be non-negative"),
        (("X-Amz-Expires=60", "X-Amz-Expires=x"), "X-Amz-Expires should be a number"),
        (("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4"), 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
    ],
)  # fmt: skip
def test_malformed_presigned_url(
    stage: Stage, any_server: Host, clients: Any, change: tuple[str, str], message: str
) -> None:
    s3 = clients(any_server, signature_version="s3v4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": stage.bucket, "Key": "object"}, ExpiresIn=60)
    target = "/" + url.replace(*change).split("/", 3)[3]
    with stage.raw.connection() as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{stage.raw.port}\r\n\r\n".encode())
        answer = receive(connection)
    assert answer.error == {"Code": "AuthorizationQueryParametersError", "Message": message}
