"""Pure functions that write and read the text form of version ids."""

import base64
import binascii
import struct

from engine.errors import InvalidArgument
from engine.meta import NULL_VERSION, VERSION_NONCE_SIZE, Version

NULL = "null"
_PACKED = struct.Struct(f">Q{VERSION_NONCE_SIZE}s")
_ORDER_END = 2**63
"""An order is a time in ns since the epoch; this one is in the year 2262."""


def format_version(version: Version) -> str:
    """Return the id of a version: `null`, or its order and nonce in URL-safe base64 (32 characters)."""
    if version.is_null:
        return NULL
    return base64.urlsafe_b64encode(_PACKED.pack(version.order, version.nonce)).decode()


def parse_version(text: str, argument: str = "versionId") -> Version:
    """Read a version id.

    Raises:
        InvalidArgument: the text is not a version id; `argument` is the parameter that the error names.

    Source: AWS's answers.
    """
    if text == NULL:
        return NULL_VERSION
    if not text:
        raise InvalidArgument("Version id cannot be the empty string", ArgumentName=argument, ArgumentValue="")
    try:
        version = Version(*_PACKED.unpack(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)))
    except (binascii.Error, ValueError, struct.error):
        version = NULL_VERSION
    if version.is_null or version.order >= _ORDER_END:
        raise InvalidArgument("Invalid version id specified", ArgumentName=argument, ArgumentValue=text)
    return version


def requested_version(version_id: str | None) -> Version | None:
    """Return the version that a request names; None stands for the latest.

    Raises:
        InvalidArgument: the text is not a version id.
    """
    return parse_version(version_id) if version_id is not None else None


def version_id_of(version: Version | None) -> str | None:
    """Return the version id in an answer; None in a bucket that was never versioned."""
    return format_version(version) if version is not None else None


def new_version_id(version: Version | None) -> str | None:
    """Return the version id in the answer to a write; None unless the bucket's versioning is enabled.

    Source: API page PutObject, x-amz-version-id.
    """
    return format_version(version) if version is not None and not version.is_null else None
