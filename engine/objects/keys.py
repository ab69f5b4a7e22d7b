"""Which names a request may have: keys, prefixes and markers as bytes, and the form of a bucket's name."""

import re

from engine.errors import InvalidArgument, KeyTooLongError
from engine.limits import Limits

_BUCKET_FORM = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def has_bucket_form(text: str) -> bool:
    """Whether a text has the characters and the length of a bucket's name, so that there may be such a bucket."""
    return _BUCKET_FORM.fullmatch(text) is not None


def encode_key(key: str, limits: Limits) -> bytes:
    """A key as stored: its UTF-8 bytes, never normalised.

    Raises:
        KeyTooLongError: more than 1,024 bytes.
        InvalidArgument: empty, or not encodable.
    """
    encoded = encode_text(key, "key")
    if not encoded:
        raise InvalidArgument("A key must have at least one character", ArgumentName="key", ArgumentValue="")
    if len(encoded) > limits.key_size_bytes_max:
        raise KeyTooLongError(Size=len(encoded), MaxSizeAllowed=limits.key_size_bytes_max)
    return encoded


def encode_text(text: str, name: str) -> bytes:
    """A prefix, marker or delimiter as bytes.

    Raises:
        InvalidArgument: it holds lone surrogates.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        shown = text.encode(errors="replace").decode()
        raise InvalidArgument(f"{name} must be UTF-8", ArgumentName=name, ArgumentValue=shown) from None
