"""Headers that belong to an upload and came with one of its parts."""

from engine.errors import InvalidArgument
from engine.s3.http import METADATA_PREFIX, Request
from engine.s3.model import OPERATIONS, Operation

_PARTS = ("UploadPart", "UploadPartCopy")
_HEADERS_OF_PARTS = frozenset(member.tag.lower() for name in _PARTS for member in OPERATIONS[name].inputs)
_HEADERS_ONLY_OF_UPLOADS = frozenset(
    tag
    for tag in (member.tag.lower() for member in OPERATIONS["CreateMultipartUpload"].inputs)
    if tag.startswith("x-amz-") and not tag.startswith("x-amz-checksum-") and tag not in _HEADERS_OF_PARTS
)


def refuse_misplaced(operation: Operation, request: Request) -> None:
    """Refuse a part whose headers set properties of the upload, which only CreateMultipartUpload may set.

    Raises:
        InvalidArgument: there is such a header.

    Source: S3's refusal of x-amz-tagging on UploadPart, as users of its clients met it.
    """
    if operation.name not in _PARTS:
        return
    for name, value in request.headers:
        if value and (name in _HEADERS_ONLY_OF_UPLOADS or name.startswith(METADATA_PREFIX)):
            message = "The specified header is not valid in this context"
            raise InvalidArgument(message, ArgumentName=name, ArgumentValue=value)
