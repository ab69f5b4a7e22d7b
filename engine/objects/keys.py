"""What may name a bucket, a key, an upload or an object's headers, and the text form of upload ids and page tokens; pure."""

from engine.buckets.names import _BUCKET
from engine.errors import (
    InvalidArgument,
    KeyTooLongError,
)
from engine.limits import Limits


def has_bucket_form(text: str) -> bool:
    """Whether a text has the characters and the length of a bucket's name, so that there may be such a bucket."""
    return _BUCKET.fullmatch(text) is not None


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
