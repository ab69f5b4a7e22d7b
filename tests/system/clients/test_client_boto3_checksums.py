"""boto3's checksums over every host: all ten algorithms from Create to GetObjectAttributes, and what a client learns of damage."""

import base64
import os
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from engine.checksums import ALGORITHMS
from engine.errors import InternalError
from tests.support.oracles import ORACLES
from tests.support.uploads import etag_of
from tests.system.clients.hosts import Host
from tests.system.clients.test_client_boto3_multipart import open_upload

MIB = 1024 * 1024
BODIES = [bytes(range(256)) * 20480, b"the last part"]
WHOLE = b"".join(BODIES)
NAMES = [algorithm.name for algorithm in ALGORITHMS]
KINDS = [(name, "COMPOSITE") for name in NAMES if name != "CRC64NVME"] + [
    (name, "FULL_OBJECT") for name in ("CRC32", "CRC32C", "CRC64NVME")
]


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def checksums_in(answer: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name.startswith("Checksum")}


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_multipart_upload_with_each_kind_of_checksum(s3: Any, bucket: str, name: str, kind: str) -> None:
    upload = open_upload(s3, bucket, ChecksumAlgorithm=name, ChecksumType=kind)
    member, values = f"Checksum{name}", [b64(ORACLES[name](body)) for body in BODIES]
    parts: list[dict[str, Any]] = []
    for number, (body, value) in enumerate(zip(BODIES, values, strict=True), 1):
        answer = s3.upload_part(**upload, PartNumber=number, Body=body, **{member: value})
        assert checksums_in(answer) == {member: value}
        parts.append({"PartNumber": number, "ETag": answer["ETag"], member: value})
    listing = s3.list_parts(**upload)
    assert (listing["ChecksumAlgorithm"], listing["ChecksumType"]) == (name, kind)
    assert [part[member] for part in listing["Parts"]] == values
    [listed] = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (name, kind)
    of_all = WHOLE if kind == "FULL_OBJECT" else b"".join(ORACLES[name](body) for body in BODIES)
    whole = b64(ORACLES[name](of_all))
    counted = {member: whole + ("-2" if kind == "COMPOSITE" else ""), "ChecksumType": kind}
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, ChecksumType=kind)
    assert (done["ETag"], checksums_in(done)) == (etag_of(*BODIES), counted)
    named = {"Bucket": bucket, "Key": "key"}
    assert checksums_in(s3.head_object(**named, ChecksumMode="ENABLED")) == counted
    got = s3.get_object(**named, ChecksumMode="ENABLED")
    assert (checksums_in(got), got["Body"].read()) == (counted, WHOLE)
    part = s3.get_object(**named, PartNumber=2, ChecksumMode="ENABLED")
    assert checksums_in(part) == ({member: values[1], "ChecksumType": kind} if kind == "COMPOSITE" else {})
    assert part["Body"].read() == BODIES[1]
    told = s3.get_object_attributes(**named, ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize"], MaxParts=1)
    assert (told["Checksum"], told["ObjectSize"]) == ({member: whole, "ChecksumType": kind}, len(WHOLE))
    assert told["ObjectParts"]["TotalPartsCount"] == 2
    first = [{"PartNumber": 1, "Size": len(BODIES[0]), member: values[0]}]
    assert told["ObjectParts"].get("Parts") == (first if kind == "COMPOSITE" else None)
    [shown] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert (shown["ChecksumAlgorithm"], shown["ChecksumType"]) == ([name], kind)


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_object_with_each_algorithm(s3: Any, bucket: str, name: str) -> None:
    member, right = f"Checksum{name}", b64(ORACLES[name](BODIES[0]))
    said = {"Bucket": bucket, "Key": "key", "Body": BODIES[0]}
    assert checksums_in(s3.put_object(**said, **{member: right})) == {member: right, "ChecksumType": "FULL_OBJECT"}
    with pytest.raises(ClientError) as caught:
        s3.put_object(**said | {"Key": "other"}, **{member: b64(ORACLES[name](b"other"))})
    message = f"The {name} you specified did not match the calculated checksum."
    assert (caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]) == ("BadDigest", message)
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "key"})
    assert copied["CopyObjectResult"][member] == right


def spoil(store: Path) -> None:
    """Change a byte near the start of the largest file."""
    largest = max(
        (path for path in (store / "blobs").rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns
    )
    with open(largest, "r+b") as file:
        file.seek(1000)
        byte = file.read(1)[0]
        file.seek(1000)
        file.write(bytes([byte ^ 1]))


def damaged(host: Host, s3: Any, bucket: str, size: int) -> dict[str, Any]:
    """An object of that size with a changed byte; its bucket and key."""
    named = {"Bucket": bucket, "Key": "key"}
    s3.put_object(**named, Body=os.urandom(size))
    spoil(host.server.store if host.server is not None else Path(host.store._layout.root))  # type: ignore[union-attr]
    return named


def test_a_damaged_object_is_an_internal_error_while_that_can_be_said(host: Host, s3: Any, bucket: str) -> None:
    named = damaged(host, s3, bucket, 1_000_000)
    with pytest.raises(ClientError) as caught:
        s3.get_object(**named)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("InternalError", "We encountered an internal error. Please try again.")
    assert len(s3.get_object(**named, Range="bytes=2000-")["Body"].read()) == 998_000
    s3.delete_object(**named)


def test_a_damaged_object_never_ends_well(host: Host, s3: Any, bucket: str) -> None:
    """The head has gone out already; then the connection ends early, and the client knows."""
    named = damaged(host, s3, bucket, 3 * MIB + 1)
    with pytest.raises((BotoCoreError, InternalError)):
        s3.get_object(**named)["Body"].read()
    if host.server is not None:  # a WSGI server can only be told by an exception, which it prints
        host.server.printed.wait_for(re.compile("does not match its checksum"), 10)
        host.server.printed.err.clear()
    s3.delete_object(**named)
