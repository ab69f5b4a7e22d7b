"""Percent-encoding (RFC 3986), decoded strictly."""

import re
import urllib.parse

_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def decode_percent_encoded(raw: bytes) -> str:
    """Decode percent-encoded UTF-8. `+` stands for itself, and nothing is normalised.

    Raises:
        ValueError: an escape is broken, or the bytes are not UTF-8.
    """
    if b"%" in raw:
        if _BROKEN_ESCAPE.search(raw):
            raise ValueError("a % is not followed by two hex digits")
        raw = urllib.parse.unquote_to_bytes(raw)
    return raw.decode()
