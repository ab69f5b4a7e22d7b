"""S3's names as the engine writes them. The command line needs them without the tables of `model`, which load slowly."""

import keyword

from botocore import xform_name


def snake(name: str) -> str:
    """Write the name of a member or an operation in snake_case: `UploadId` -> `upload_id`, `ETag` -> `etag`, `And` -> `and_`."""
    written = "etag" if name == "ETag" else str(xform_name(name))
    return f"{written}_" if keyword.iskeyword(written) else written
