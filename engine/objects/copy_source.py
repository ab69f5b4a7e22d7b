"""Pure functions that read x-amz-copy-source and x-amz-copy-source-range, and bound the bytes that one request copies."""

import re

from engine.errors import EntityTooLarge, InvalidArgument, InvalidRequest
from engine.objects.conditions import Extent
from engine.objects.keys import has_bucket_form
from engine.percent import decode_percent_encoded
from engine.record import Record

_VERSION = "?versionId="
_RANGE = re.compile(r"bytes=([0-9]{1,19})-([0-9]{1,19})")


class CopySource(Record, frozen=True):
    """The name of the object that is copied; `version_id` is as the client wrote it."""

    bucket: str
    key: str
    version_id: str | None = None

    @staticmethod
    def of(text: str) -> "CopySource":
        """Read `bucket/key` or `/bucket/key`, percent-encoded, which `?versionId=ID` may follow.

        Raises:
            InvalidArgument: it has another form.

        Source: API page CopyObject; AWS's answers to malformed ones.
        """
        path, mark, version_id = text.partition(_VERSION)
        try:
            decoded = decode_percent_encoded(path.encode(errors="surrogateescape"))
        except ValueError:
            raise _refused("Invalid copy source encoding") from None
        bucket, _, key = decoded.removeprefix("/").partition("/")
        if not has_bucket_form(bucket):
            raise _refused("Invalid copy source bucket name")
        if not key:
            raise _refused("Invalid copy source object key")
        return CopySource(bucket, key, version_id if mark else None)


def _refused(message: str) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName="x-amz-copy-source", ArgumentValue="x-amz-copy-source")


class CopyRange(Record, frozen=True):
    """The bytes of the source that become a part; `first` and `last` are included. `text` is the header as sent."""

    first: int
    last: int
    text: str

    @staticmethod
    def of(text: str) -> "CopyRange":
        """Read `bytes=first-last`.

        Raises:
            InvalidArgument: it has another form, or ends before it begins.

        Source: API page UploadPartCopy; AWS's answers.
        """
        found = _RANGE.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            raise _refused_range(
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
                "offsets of the first and last bytes to copy",
                text,
            )
        return CopyRange(int(found[1]), int(found[2]), text)


def _refused_range(message: str, text: str) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName="x-amz-copy-source-range", ArgumentValue=text)


def copied_extent(size: int, wanted: CopyRange | None, size_max: int) -> Extent:
    """Return the bytes that are copied of a source of `size` bytes; `size_max` is S3's 5 GiB.

    Raises:
        InvalidRequest: the range begins past the source's end, or there is no range and the source is larger than `size_max`.
        InvalidArgument: the range ends past the source's end.
        EntityTooLarge: the range is longer than `size_max`.

    Source: API pages UploadPartCopy and CopyObject; AWS's answers.
    """
    if wanted is None:
        if size > size_max:
            raise InvalidRequest(
                f"The specified copy source is larger than the maximum allowable size for a copy source: {size_max}"
            )
        return Extent(0, size)
    if wanted.first >= size:
        raise InvalidRequest("The specified copy range is invalid for the source object size")
    if wanted.last >= size:
        raise _refused_range(f"Range specified is not valid for source object of size: {size}", wanted.text)
    length = wanted.last - wanted.first + 1
    if length > size_max:
        raise EntityTooLarge(ProposedSize=length, MaxSizeAllowed=size_max)
    return Extent(wanted.first, length)
