"""A pytest fixture that gives a boto3 client on a store in this process: S3's rules and errors, and no server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import engine


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[Any]:
    """A client of S3 with a bucket named `photos`."""
    client = boto3.client("s3", region_name="us-east-1")
    with engine.open(tmp_path / "store") as store:
        engine.attach(client, store)
        client.create_bucket(Bucket="photos")
        yield client
    client.close()


def test_an_upload_in_parts_becomes_an_object(s3: Any) -> None:
    upload_id = s3.create_multipart_upload(Bucket="photos", Key="cat.raw")["UploadId"]
    named = {"Bucket": "photos", "Key": "cat.raw", "UploadId": upload_id}
    etag = s3.upload_part(**named, PartNumber=1, Body=b"the only part")["ETag"]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket="photos", Key="cat.raw")["Body"].read() == b"the only part"


def test_a_part_that_was_never_sent_is_refused(s3: Any) -> None:
    upload_id = s3.create_multipart_upload(Bucket="photos", Key="cat.raw")["UploadId"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": "0" * 32}]}
    with pytest.raises(ClientError, match="InvalidPart"):
        s3.complete_multipart_upload(Bucket="photos", Key="cat.raw", UploadId=upload_id, MultipartUpload=parts)
