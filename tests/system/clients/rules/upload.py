"""One multipart upload through boto3, for tests of what happens to it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

MIB = 1024 * 1024
LARGE = bytes(5 * MIB)
"""A part that need not be the last."""


@dataclass
class Upload:
    """An open upload, and the ETags of its parts as they were answered."""

    s3: Any
    bucket: str
    key: str
    upload_id: str
    etags: dict[int, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, s3: Any, bucket: str, key: str = "key", **options: Any) -> "Upload":
        made = s3.create_multipart_upload(Bucket=bucket, Key=key, **options)
        return cls(s3, bucket, key, made["UploadId"])

    @property
    def named(self) -> dict[str, str]:
        """Bucket, key and upload id, as arguments."""
        return {"Bucket": self.bucket, "Key": self.key, "UploadId": self.upload_id}

    def part(self, number: int, body: bytes, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.upload_part(**self.named, PartNumber=number, Body=body, **options)
        self.etags[number] = answer["ETag"]
        return answer

    def parts(self, bodies: Mapping[int, bytes]) -> "Upload":
        for number, body in bodies.items():
            self.part(number, body)
        return self

    def complete(self, *numbers: int, **options: Any) -> dict[str, Any]:
        """Complete with the parts of these numbers, in this order, or with all of them."""
        listed = [{"PartNumber": number, "ETag": self.etags[number]} for number in numbers or sorted(self.etags)]
        answer: dict[str, Any] = self.s3.complete_multipart_upload(
            **self.named, MultipartUpload={"Parts": listed}, **options
        )
        return answer

    def abort(self) -> None:
        self.s3.abort_multipart_upload(**self.named)

    def list(self, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.list_parts(**self.named, **options)
        return answer

    def read(self) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=self.key)["Body"].read()
        return body


def refused(code: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> dict[str, Any]:
    """Expect an error code of a call; the elements of the error."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **options)
    error: dict[str, Any] = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error


def etag_of(*bodies: bytes) -> str:
    """The ETag of an object of these parts."""
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(bodies)}"'
