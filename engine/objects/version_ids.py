"""The text of version ids; pure."""

import base64
import binascii
import struct

from engine.errors import InvalidArgument
from engine.meta import NULL_VERSION, VERSION_NONCE_SIZE, Version

NULL = "null"
_PACKED = struct.Struct(f">Q{VERSION_NONCE_SIZE}s")
_ORDER_END = 2**63
"""Orders are times, in ns: far in the future."""


def format_version(version: Version) -> str:
    """A version's id: `null`, or its order and nonce in URL-safe base64 (32 characters)."""
    if version.is_null:
        return NULL
    return base64.urlsafe_b64encode(_PACKED.pack(version.order, version.nonce)).decode()


def parse_version(text: str, argument: str = "versionId") -> Version:
    """Read a version id.

    Raises:
        InvalidArgument: it is none; `argument` is what the wire calls it.

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


def asked_version(version_id: str | None) -> Version | None:
    """The version a request asks for; None for the latest.

    Raises:
        InvalidArgument: it is none.
    """
    return parse_version(version_id) if version_id is not None else None


def shown_version(version: Version | None) -> str | None:
    """A version as an answer names it; None where there are no versions."""
    return format_version(version) if version is not None else None


def made_version(version: Version | None) -> str | None:
    """A version just made, as the answer to a write names it: none but where versions are kept.

    Source: API page PutObject, x-amz-version-id.
    """
    return format_version(version) if version is not None and not version.is_null else None
