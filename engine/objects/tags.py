"""Pure functions that read the tags of an object or a bucket from a request and check them by S3's rules.

Source: API page PutObjectTagging; User Guide, "Categorizing your objects using tags"; AWS's answers.
"""

import unicodedata
import urllib.parse
from collections.abc import Iterable

from engine.errors import BadRequest, InvalidArgument, InvalidTag
from engine.limits import Limits

_SIGNS = frozenset("_.:/=+-@")
_HEADER = "x-amz-tagging"
_FORM = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."


def read_tagging(text: str | None, limits: Limits) -> dict[str, str]:
    """Read the value of x-amz-tagging, which has the form of a URL's query.

    Raises:
        InvalidArgument: it has another form, or a key twice.
        InvalidTag, BadRequest: as `check_tags`.
    """
    pairs = [_pair(item, text or "") for item in (text or "").split("&") if item]
    if len(dict(pairs)) < len(pairs):
        raise _malformed(text or "")
    return check_tags(pairs, limits)


def check_tags(pairs: Iterable[tuple[str, str]], limits: Limits) -> dict[str, str]:
    """Check tags, and return them as they are stored.

    Raises:
        InvalidTag: a key or a value breaks a rule, or a key occurs twice.
        BadRequest: there are more than 10.
    """
    tags = _checked(pairs, limits, "Your TagKey cannot be prefixed with aws:")
    if len(tags) > limits.tag_count_max:
        raise BadRequest(f"Object tags cannot be greater than {limits.tag_count_max}")
    return tags


def check_bucket_tags(pairs: Iterable[tuple[str, str]], limits: Limits) -> dict[str, str]:
    """Check the tags of a bucket, and return them as they are stored.

    Raises:
        InvalidTag: a key or a value breaks a rule, or a key occurs twice.
        BadRequest: there are more than 50.

    Source: User Guide, "Using cost allocation S3 bucket tags"; AWS's answers.
    """
    tags = _checked(pairs, limits, "System tags cannot be added/updated by requester")
    if len(tags) > limits.bucket_tag_count_max:
        raise BadRequest(f"Bucket tags cannot be greater than {limits.bucket_tag_count_max}")
    return tags


def _checked(pairs: Iterable[tuple[str, str]], limits: Limits, of_the_system: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key, value in pairs:
        if not 1 <= len(key) <= limits.tag_key_length_max or not _is_allowed(key):
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=key)
        if key.startswith("aws:"):
            raise InvalidTag(of_the_system, TagKey=key)
        if len(value) > limits.tag_value_length_max or not _is_allowed(value):
            raise InvalidTag("The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=key)
        tags[key] = value
    return tags


def _pair(item: str, text: str) -> tuple[str, str]:
    key, _, value = (part.replace("+", " ") for part in item.partition("="))
    try:
        key, value = (urllib.parse.unquote(part, errors="strict") for part in (key, value))
    except UnicodeDecodeError:
        raise _malformed(text) from None
    if not key:
        raise _malformed(text)
    return key, value


def _malformed(text: str) -> InvalidArgument:
    return InvalidArgument(_FORM, ArgumentName=_HEADER, ArgumentValue=text)


def _is_allowed(text: str) -> bool:
    """Tell whether a text has only letters, numbers, spaces and a few signs."""
    return all(sign in _SIGNS or unicodedata.category(sign)[0] in "LNZ" for sign in text)
