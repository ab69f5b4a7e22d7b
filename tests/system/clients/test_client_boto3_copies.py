"""boto3's copies of parts and objects, by hand and by its transfer manager, over every host."""

import hashlib
from typing import Any

from boto3.s3.transfer import TransferConfig

from tests.support.uploads import etag_of, part_etag_of
from tests.system.clients.conftest import new_bucket
from tests.system.clients.test_client_boto3_multipart import listed, open_upload

MIB = 1024 * 1024
BODY = hashlib.shake_256(b"copies").digest(MIB) * 12 + b"tail"
PIECES = [BODY[: 5 * MIB], BODY[5 * MIB : 10 * MIB], BODY[10 * MIB :]]
IN_PARTS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)


def test_upload_part_copy(s3: Any, bucket: str) -> None:
    source = {"Bucket": new_bucket(s3), "Key": "dir/ä b+%/?x=1"}
    s3.put_object(**source, Body=BODY)
    upload = open_upload(s3, bucket)
    etags = {}
    for number, start in ((1, 0), (2, 5 * MIB)):
        wanted = f"bytes={start}-{start + 5 * MIB - 1}"
        copied = s3.upload_part_copy(**upload, PartNumber=number, CopySource=source, CopySourceRange=wanted)
        etags[number] = copied["CopyPartResult"]["ETag"]
        assert etags[number] == part_etag_of(PIECES[number - 1])
    whole = s3.upload_part_copy(**upload, PartNumber=3, CopySource=source)["CopyPartResult"]
    etags[3] = whole["ETag"]
    etags[4] = s3.upload_part(**upload, PartNumber=4, Body=b"sent")["ETag"]
    parts, bodies = s3.list_parts(**upload)["Parts"], [*PIECES[:2], BODY, b"sent"]
    assert [(part["ETag"], part["Size"]) for part in parts] == [(part_etag_of(body), len(body)) for body in bodies]
    assert parts[2]["LastModified"] == whole["LastModified"]
    s3.delete_object(**source)
    answer = s3.complete_multipart_upload(**upload, MultipartUpload=listed(etags))
    assert answer["ETag"] == etag_of(*bodies)
    got = s3.get_object(Bucket=bucket, Key="key")["Body"].read()
    assert hashlib.sha256(got).digest() == hashlib.sha256(b"".join(bodies)).digest()


def test_upload_part_copy_of_parts_and_of_their_ranges(s3: Any, bucket: str) -> None:
    upload = open_upload(s3, bucket, "source")
    etags = {n: s3.upload_part(**upload, PartNumber=n, Body=body)["ETag"] for n, body in enumerate(PIECES, 1)}
    s3.complete_multipart_upload(**upload, MultipartUpload=listed(etags))
    upload = open_upload(s3, bucket, "copy")
    source = f"/{bucket}/source"
    second = {"CopySource": source, "CopySourceRange": f"bytes={5 * MIB}-{10 * MIB - 1}"}
    across = {"CopySource": source, "CopySourceRange": f"bytes={5 * MIB - 1}-{10 * MIB}"}
    for number, wanted, body in ((1, second, PIECES[1]), (2, across, BODY[5 * MIB - 1 : 10 * MIB + 1])):
        copied = s3.upload_part_copy(**upload, PartNumber=number, **wanted)["CopyPartResult"]
        assert copied["ETag"] == part_etag_of(body)
    s3.abort_multipart_upload(**upload)
    assert s3.head_object(Bucket=bucket, Key="source")["ETag"] == etag_of(*PIECES)


def test_managed_copy_in_one_piece_and_in_parts(s3: Any, bucket: str) -> None:
    other, source = new_bucket(s3), {"Bucket": bucket, "Key": "source"}
    s3.put_object(**source, Body=BODY, Metadata={"a": "1"}, ContentType="text/plain")
    s3.copy(source, other, "whole", Config=TransferConfig(multipart_threshold=len(BODY) + 1))
    s3.copy(source, other, "parts", Config=IN_PARTS)
    for key, etag in (("whole", part_etag_of(BODY)), ("parts", etag_of(*PIECES))):
        got = s3.get_object(Bucket=other, Key=key)
        assert (got["ETag"], got["Body"].read() == BODY) == (etag, True)
    assert s3.head_object(Bucket=other, Key="whole")["Metadata"] == {"a": "1"}
