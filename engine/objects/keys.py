"""Checks the names in a request: keys, prefixes and markers, which become bytes, and the form of a bucket's name."""

import re

from engine.errors import InvalidArgument, KeyTooLongError
from engine.limits import Limits

_BUCKET_FORM = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def has_bucket_form(text: str) -> bool:
    """Tell whether a text has the characters and the length of a bucket's name, so that there may be such a bucket."""
    return _BUCKET_FORM.fullmatch(text) is not None


def encode_key(key: str, limits: Limits) -> bytes:
    """Encode a key for storage: as UTF-8, never normalised.

    Raises:
        KeyTooLongError: the key has more than 1,024 bytes.
        InvalidArgument: the key is empty, or holds lone surrogates.
    """
    encoded = encode_text(key, "key")
    if not encoded:
        raise InvalidArgument("A key must have at least one character", ArgumentName="key", ArgumentValue="")
    if len(encoded) > limits.key_size_bytes_max:
        raise KeyTooLongError(Size=len(encoded), MaxSizeAllowed=limits.key_size_bytes_max)
    return encoded


def encode_text(text: str, name: str) -> bytes:
    """Encode a prefix, marker or delimiter as UTF-8; `name` is its name in the error.

    Raises:
        InvalidArgument: the text holds lone surrogates.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        printable = text.encode(errors="replace").decode()
        raise InvalidArgument(f"{name} must be UTF-8", ArgumentName=name, ArgumentValue=printable) from None
