"""Where boto3 calls each operation that is served, and the table of the functions that call one and check its answer."""

from collections.abc import Callable
from typing import Any, NamedTuple

BODY = b"0123456789"
ETAG = '"781e5e245d69b566979b86e28d23f2c7"'

Check = Callable[["Place"], object]


class Place(NamedTuple):
    """A client and a bucket of the test's own, that keeps versions and can lock them, with an object of two versions in it."""

    s3: Any
    bucket: str
    versions: tuple[str, str]

    @property
    def key(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": "key"}

    @property
    def named(self) -> dict[str, str]:
        return {"Bucket": self.bucket}

    def begin(self) -> dict[str, Any]:
        """An upload with a part of it: what names it."""
        upload = self.key | {"UploadId": self.s3.create_multipart_upload(**self.key)["UploadId"]}
        self.s3.upload_part(**upload, PartNumber=1, Body=BODY)
        return upload


CALLED: dict[str, Check] = {}


def calls(operation: str) -> Callable[[Check], Check]:
    """The operation that a function calls, and whose answer it checks."""

    def register(check: Check) -> Check:
        assert operation not in CALLED
        CALLED[operation] = check
        return check

    return register
