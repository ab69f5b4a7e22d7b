"""What the listings share: page sizes, encoding-type=url, common prefixes."""

import base64
import binascii
import urllib.parse
from enum import Enum
from typing import Protocol, TypeVar

from engine.errors import InvalidArgument
from engine.limits import Limits
from engine.meta import Page
from engine.refusals import invalid_integer
from engine.shapes.listing_answers import CommonPrefix

_SAFE = "/-_.~*"


class Encoding(Enum):
    """How a listing encodes keys."""

    PLAIN = None
    URL = "url"

    @staticmethod
    def of(encoding_type: str | None) -> "Encoding":
        """Read the encoding-type parameter.

        Raises:
            InvalidArgument: it is given, and not `url`.
        """
        if encoding_type not in (None, "url"):
            raise InvalidArgument(
                "Invalid Encoding Method specified in Request",
                ArgumentName="encoding-type",
                ArgumentValue=encoding_type,
            )
        return Encoding(encoding_type)

    def show(self, text: str) -> str:
        """Encode a key, prefix or marker."""
        return urllib.parse.quote_plus(text, safe=_SAFE) if self is Encoding.URL else text


class Keyed(Protocol):
    """An entry of a listing by key."""

    @property
    def key(self) -> bytes: ...


Entry = TypeVar("Entry", bound=Keyed)


def last_of(page: Page[Entry]) -> bytes:
    """Return the last key or common prefix of a page, after which the next page begins; empty for an empty page."""
    ends = [entry.key for entry in page.items[-1:]] + list(page.common_prefixes[-1:])
    return max(ends, default=b"")


def encoded_prefixes(prefixes: tuple[bytes, ...], encoding: Encoding) -> tuple[CommonPrefix, ...] | None:
    """Return the common prefixes of a page, None if there are none."""
    return tuple(CommonPrefix(encoding.show(prefix.decode())) for prefix in prefixes) or None


def check_page_size(
    name: str, value: object, default: int, limits: Limits, *, clamp: bool = True, bounds: tuple[int, int] | None = None
) -> int:
    """Check a max-… or numeric marker parameter, and return it; None counts as `default`.

    A value above `default` is reduced to it if `clamp` is set. A value outside of `bounds` (both included) is refused.

    Raises:
        InvalidArgument: it is not an integer within 0..2147483647, or not within the bounds.

    Source: AWS's answers to max-keys and max-parts; API page ListBuckets, max-buckets.
    """
    least, most = bounds or (0, limits.integer_max)
    if value is None:
        return default
    if type(value) is not int or value > limits.integer_max:
        raise invalid_integer(name, value)
    if not least <= value <= most:
        raise InvalidArgument(
            f"Argument {name} must be an integer between {least} and {most}",
            ArgumentName=name,
            ArgumentValue=value,
        )
    return min(value, default) if clamp else value


def format_token(position: bytes) -> str:
    """Make the opaque token that continues a listing after a key or name."""
    return base64.urlsafe_b64encode(position).decode()


def parse_token(token: str) -> bytes:
    """Read the key or name from a token.

    Raises:
        InvalidArgument: `format_token` can't have made it.
    """
    try:
        return base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(
            "The continuation token provided is incorrect", ArgumentName="continuation-token", ArgumentValue=token
        ) from None
