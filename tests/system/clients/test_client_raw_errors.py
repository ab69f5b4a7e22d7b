"""Errors over the wire that no table holds: of signatures and clocks, of answers without a body, of what is no name and not served."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.system.clients.raw import Call, Raw, receive
from tests.system.clients.rules.stage import Stage
from tests.system.clients.servers import Pair

TOO_LONG = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
INCOMPLETE = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
    "X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)
CREDENTIAL = (
    "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
    '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/{bucket}/absent", 404),
        ("/{bucket}/object?partNumber=x", 400),
        ("/{bucket}/object?partNumber=2", 416),
        ("/absent-bucket-of-errors", 404),
    ],
)
def test_errors_of_a_head_have_no_body(every_stage: Stage, path: str, status: int) -> None:
    target, _, query = every_stage.fill(path).partition("?")
    answer = every_stage.raw.send(Call("HEAD", target, query))
    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize(
    ("call", "status", "error"),
    [
        (
            Call("PUT", "/UP"),
            400,
            {"Code": "InvalidBucketName", "Message": "The specified bucket is not valid.", "BucketName": "UP"},
        ),
        (
            Call("GET", "/{bucket}", "analytics"),
            501,
            {
                "Code": "NotImplemented",
                "Message": "A header you provided implies functionality that is not implemented",
                "Header": "ListBucketAnalyticsConfigurations",
                "additionalMessage": "ListBucketAnalyticsConfigurations is not implemented",
            },
        ),
    ],
)
def test_what_is_no_name_and_not_served(every_stage: Stage, call: Call, status: int, error: dict[str, str]) -> None:
    answer = every_stage.raw.send(every_stage.filled(call))
    assert (answer.status, answer.error) == (status, error)


@pytest.mark.rule("access", "SignatureDoesNotMatch")
def test_wrong_secret_is_explained(every_stage: Stage) -> None:
    raw, bucket = every_stage.raw, every_stage.bucket
    answer = Raw(raw.port, Pair(raw.pair.access_key, "another")).send(Call("GET", f"/{bucket}/object"))
    error = answer.error
    assert (answer.status, error["Code"]) == (403, "SignatureDoesNotMatch")
    assert error["Message"] == (
        "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    )
    assert error["AWSAccessKeyId"] == raw.pair.access_key
    assert error["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert error["CanonicalRequest"].startswith(f"GET\n/{bucket}/object\n\nhost:127.0.0.1:")
    assert bytes.fromhex(error["StringToSignBytes"]).decode() == error["StringToSign"]
    assert bytes.fromhex(error["CanonicalRequestBytes"]).decode() == error["CanonicalRequest"]
    assert re.fullmatch("[0-9a-f]{64}", error["SignatureProvided"])


@pytest.mark.rule("access", "InvalidAccessKeyId")
def test_unknown_access_key(every_stage: Stage) -> None:
    call = Call("GET", f"/{every_stage.bucket}/object")
    answer = Raw(every_stage.raw.port, Pair("AKIDUNKNOWN", "secret")).send(call)
    message = "The AWS Access Key Id you provided does not exist in our records."
    assert answer.status == 403
    assert answer.error == {"Code": "InvalidAccessKeyId", "Message": message, "AWSAccessKeyId": "AKIDUNKNOWN"}


@pytest.mark.rule("access", "RequestTimeTooSkewed")
@pytest.mark.parametrize("minutes", [16, -16])
def test_clock_far_off(every_stage: Stage, minutes: int) -> None:
    answer = every_stage.raw.send(Call("GET", f"/{every_stage.bucket}/object", age=timedelta(minutes=minutes)))
    error = answer.error
    assert datetime.now(UTC) - datetime.fromisoformat(error.pop("ServerTime")) < timedelta(minutes=1)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(error.pop("RequestTime"))) > timedelta(minutes=15)
    assert answer.status == 403
    assert error == {
        "Code": "RequestTimeTooSkewed",
        "Message": "The difference between the request time and the current time is too large.",
        "MaxAllowedSkewMilliseconds": "900000",
    }


@pytest.mark.rule("access", "AccessDenied-unsigned-headers")
def test_header_that_was_not_signed(every_stage: Stage) -> None:
    answer = every_stage.raw.send(Call("GET", f"/{every_stage.bucket}/object"), x_amz_meta_a="b")
    assert answer.status == 403
    assert answer.error == {
        "Code": "AccessDenied",
        "Message": "There were headers present in the request which were not signed",
        "HeadersNotSigned": "x-amz-meta-a",
    }


@pytest.mark.rule("integrity", "InvalidRequest-no-x-amz-content-sha256")
def test_body_that_is_not_spoken_of(every_stage: Stage) -> None:
    raw, call = every_stage.raw, Call("GET", f"/{every_stage.bucket}/object")
    head = raw.head(call).split(b"\r\n")
    with raw.connection() as connection:
        connection.sendall(b"\r\n".join(line for line in head if not line.startswith(b"x-amz-content-sha256")))
        answer = receive(connection)
    assert answer.status == 400
    message = "Missing required header for this request: x-amz-content-sha256"
    assert answer.error == {"Code": "InvalidRequest", "Message": message}


@pytest.mark.rule("access", "AuthorizationQueryParametersError")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("X-Amz-Expires=60", "X-Amz-Expires=604801"), TOO_LONG),
        (("X-Amz-Expires=60", "X-Amz-Expires=-1"), "X-Amz-Expires must be non-negative"),
        (("X-Amz-Expires=60", "X-Amz-Expires=x"), "X-Amz-Expires should be a number"),
        (("&X-Amz-Expires=60", ""), INCOMPLETE),
        (("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4"), 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
        (("%2Faws4_request", ""), CREDENTIAL),
    ],
)  # fmt: skip
def test_malformed_presigned_url(every_stage: Stage, clients: Any, change: tuple[str, str], message: str) -> None:
    status, error = error_of_url(every_stage, clients(every_stage.host, signature_version="s3v4"), change)
    assert (status, error) == (400, {"Code": "AuthorizationQueryParametersError", "Message": message})


@pytest.mark.rule("access", "AccessDenied-expired")
def test_presigned_url_whose_time_is_over(every_stage: Stage, clients: Any) -> None:
    """A life of no seconds is over at once."""
    change = ("X-Amz-Expires=60", "X-Amz-Expires=0")
    status, error = error_of_url(every_stage, clients(every_stage.host, signature_version="s3v4"), change)
    assert error.pop("Expires") <= error.pop("ServerTime")
    assert (status, error) == (
        403,
        {"Code": "AccessDenied", "Message": "Request has expired", "X-Amz-Expires": "0"},
    )


def error_of_url(stage: Stage, s3: Any, change: tuple[str, str]) -> tuple[int, dict[str, str]]:
    """What a presigned URL gets after a change."""
    url = s3.generate_presigned_url("get_object", Params={"Bucket": stage.bucket, "Key": "object"}, ExpiresIn=60)
    changed = url.replace(*change)
    assert changed != url
    target = "/" + changed.split("/", 3)[3]
    with stage.raw.connection() as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{stage.raw.port}\r\n\r\n".encode())
        answer = receive(connection)
    return answer.status, answer.error
