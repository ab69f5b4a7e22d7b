"""Customers' keys over the wire: every error of the table, what needs no key, ranges, and parts sent again."""

import base64
import hashlib
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.system.clients.rules.rows import Ask, Case, parameters
from tests.system.clients.rules.rows_encryption import CLEAR, ENCRYPTION, OTHER_RAW, OTHERS, RAW
from tests.system.clients.rules.stage import MIB, Stage

KEY: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": RAW}
OTHER: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": OTHER_RAW}
MD5 = base64.b64encode(hashlib.md5(RAW).digest()).decode()
ECHO = {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": MD5}
PARTS = [random.Random(n).randbytes(size) for n, size in enumerate((5 * MIB + 1, 5 * MIB, 100_001))]
WHOLE = b"".join(PARTS)


@pytest.mark.parametrize("case", [*parameters("encryption", ENCRYPTION, Ask)])
def test_a_key_is_refused_to_the_letter(tls_stage: Stage, case: Case) -> None:
    assert isinstance(case.sent, Ask)
    got = tls_stage.error_of(case.sent)
    assert got == tls_stage.expectation(case.expected, got)


@pytest.mark.parametrize("case", [*parameters("encryption", CLEAR, Ask)])
def test_a_key_over_clear_http_is_refused_to_the_letter(stage: Stage, case: Case) -> None:
    assert isinstance(case.sent, Ask)
    got = stage.error_of(case.sent)
    assert got == stage.expectation(case.expected, got)


@pytest.mark.parametrize("case", OTHERS)
def test_another_encryption_is_refused_to_the_letter(stage: Stage, case: Case) -> None:
    assert isinstance(case.sent, Ask)
    got = stage.error_of(case.sent)
    assert got == stage.expectation(case.expected, got)


@pytest.mark.parametrize(
    ("key", "said", "status"),
    [
        pytest.param("{secret}", {}, 400, marks=pytest.mark.rule("encryption", "InvalidRequest-read-without-the-key")),
        pytest.param("object", KEY, 400, marks=pytest.mark.rule("encryption", "InvalidRequest-key-not-applicable")),
        pytest.param(
            "{secret}", OTHER, 403, marks=pytest.mark.rule("encryption", "AccessDenied-read-with-another-key")
        ),
    ],
)
def test_a_head_is_refused_without_a_word(tls_stage: Stage, key: str, said: dict[str, Any], status: int) -> None:
    with pytest.raises(ClientError) as caught:
        tls_stage.boto.head_object(Bucket=tls_stage.bucket, Key=tls_stage.fill(key), **said)
    error = caught.value.response["Error"]
    assert (error["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]) == (str(status), status)


@pytest.fixture(scope="module")
def sealed(tls_stage: Stage) -> Stage:
    """A stage with `sealed`, an object in three parts, uploaded by boto3."""
    s3, named = tls_stage.boto, {"Bucket": tls_stage.bucket, "Key": "sealed"}
    begun = s3.create_multipart_upload(**named, **KEY)
    assert begun.items() >= ECHO.items()
    upload = named | {"UploadId": begun["UploadId"]}
    listed = []
    for number, part in enumerate(PARTS, 1):
        answer = s3.upload_part(**upload, PartNumber=number, Body=part, **KEY)
        assert answer.items() >= ECHO.items()
        listed.append({"PartNumber": number, "ETag": answer["ETag"]})
    assert [part["Size"] for part in s3.list_parts(**upload)["Parts"]] == list(map(len, PARTS))
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
    whole = hashlib.md5(b"".join(bytes.fromhex(part["ETag"].strip('"')) for part in listed)).hexdigest()
    assert done["ETag"] == f'"{whole}-3"'
    assert not [name for name in done if name.startswith("Checksum")]
    return tls_stage


@pytest.mark.rule("semantics", "SSE-C-the-key-is-pinned")
def test_the_key_is_pinned_and_listing_completing_aborting_need_none(sealed: Stage) -> None:
    s3, named = sealed.boto, {"Bucket": sealed.bucket, "Key": "sealed"}
    got = s3.get_object(**named, **KEY)
    assert got.items() >= ECHO.items()
    assert got["Body"].read() == WHOLE
    for said, status in (({}, 400), (OTHER, 403)):
        with pytest.raises(ClientError) as caught:
            s3.get_object(**named, **said)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    aborted = s3.create_multipart_upload(**named, **KEY)["UploadId"]
    s3.upload_part(**named, UploadId=aborted, PartNumber=1, Body=b"x", **KEY)
    s3.abort_multipart_upload(**named, UploadId=aborted)


@pytest.mark.rule("semantics", "SSE-C-ranges")
def test_ranges_straddle_parts_and_segments(sealed: Stage) -> None:
    named = {"Bucket": sealed.bucket, "Key": "sealed"}
    for border in (65_536, 5 * MIB, 5 * MIB + 1, 5 * MIB + 1 + 65_536, 10 * MIB + 1, len(WHOLE) - 2):
        for first, last in ((border - 1, border), (border, border), (max(0, border - 70_000), border + 1)):
            answer = sealed.boto.get_object(**named, Range=f"bytes={first}-{last}", **KEY)
            assert answer["Body"].read() == WHOLE[first : last + 1]
            assert answer["ContentRange"] == f"bytes {first}-{last}/{len(WHOLE)}"
    for number, part in enumerate(PARTS, 1):
        assert sealed.boto.get_object(**named, PartNumber=number, **KEY)["Body"].read() == part


@pytest.mark.rule("semantics", "SSE-C-no-nonce-twice")
def test_a_part_sent_again_with_other_bytes_has_a_fresh_key(sealed: Stage) -> None:
    s3, named = sealed.boto, {"Bucket": sealed.bucket, "Key": "retried"}
    upload = named | {"UploadId": s3.create_multipart_upload(**named, **KEY)["UploadId"]}
    assert sealed.host.server is not None
    files, salts = sealed.host.server.store / "blobs", set()
    for body in (PARTS[0], PARTS[0], PARTS[0][::-1]):
        before = {path for path in files.rglob("*") if path.is_file()}
        etag = s3.upload_part(**upload, PartNumber=1, Body=body, **KEY)["ETag"]
        (new,) = {path for path in files.rglob("*") if path.is_file()} - before
        salts.add(new.read_bytes()[16:48])
    assert len(salts) == 3
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(**named, **KEY)["Body"].read() == PARTS[0][::-1]


@pytest.mark.rule("semantics", "ETag-of-ETags")
def test_content_md5_is_that_of_the_plaintext(sealed: Stage) -> None:
    named = {"Bucket": sealed.bucket, "Key": "digested"}
    md5 = base64.b64encode(hashlib.md5(WHOLE).digest()).decode()
    answer = sealed.boto.put_object(**named, Body=WHOLE, ContentMD5=md5, **KEY)
    assert answer.items() >= ECHO.items()
    assert answer["ETag"] != f'"{hashlib.md5(WHOLE).hexdigest()}"'
    with pytest.raises(ClientError, match="BadDigest"):
        sealed.boto.put_object(**named, Body=WHOLE[1:], ContentMD5=md5, **KEY)


def test_a_copy_turns_from_one_key_to_another(sealed: Stage) -> None:
    s3, source = sealed.boto, {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": RAW}
    named = {"Bucket": sealed.bucket, "Key": "turned"}
    answer = s3.copy_object(**named, CopySource=f"{sealed.bucket}/sealed", **source, **OTHER)
    assert answer["SSECustomerAlgorithm"] == "AES256"
    assert s3.get_object(**named, **OTHER)["Body"].read() == WHOLE


def test_no_output_of_the_server_holds_a_key(sealed: Stage) -> None:
    assert sealed.host.server is not None
    text = sealed.host.server.printed.text
    assert '"operation": "UploadPart"' in text
    for raw in (RAW, OTHER_RAW):
        for data in (raw, hashlib.md5(raw).digest()):
            assert base64.b64encode(data).decode() not in text
            assert data.hex() not in text.lower()
